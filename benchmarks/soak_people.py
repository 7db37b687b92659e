"""Those who work on the app while soak.py watches it: an owner, guests, an account and a program, each over HTTP."""

from __future__ import annotations

import contextlib
import json
import random
import re
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from benchmarks.common import Client, Stream
from benchmarks.soak_told import Refused, answer
from playground.ui.strings import COOKIE

PASSWORD = "a long enough password"
LIMITS = {"requests_per_hour": "1000000", "tokens_per_hour": "1000000000", "concurrent": "4", "upload_megabytes": "20"}
_REPLY_SECONDS = 180.0
_CROWD = 12
_TAG = re.compile(r"<[^>]+>")
WORDS = ["river", "stone", "winter", "paper", "music", "garden", "engine", "silver", "harbour", "letter", "bridge"]


def _html(told: dict[str, Any]) -> list[str]:
    return [str(one) for one in (told.get("sections") or {}).values()]


class Person(Client):
    """Somebody with a page: what its chat can do, one turn at a time."""

    def __init__(self, http: httpx.Client, chance: random.Random, name: str = "") -> None:
        super().__init__(str(http.base_url).rstrip("/"), http)
        self.http, self.chance, self.name = http, chance, name
        self.open: str | None = None
        """The conversation that is shown."""
        self._stream: Stream | None = None

    def reload(self) -> None:
        """The whole page anew, in the other language now and then."""
        language = self.chance.choice(["en", "zh"])
        self.http.cookies.set(COOKIE, language)
        self._session = uuid.uuid4().hex[:11]
        for path in ("/", "/config", "/theme.css", "/page/choices", "/page/prompts", "/page/filters"):
            answer(self.http.get(path))
        self.look(self.open)

    def look(self, conversation: str | None) -> None:
        """Open a conversation, in the place of the one that is open."""
        if self._stream is not None:
            self._stream.close()
        self.open = conversation
        self._stream = Stream(self.url, conversation, self.http.cookies) if conversation else None

    def say(self, tokens: int, *, stop: bool = False, files: tuple[str, ...] = ()) -> None:
        """Send a message where one is, or begin anew, and wait for the reply's end; `stop` presses Stop in between."""
        text = self._text() if not stop else f"/tokens 200 Tell me a long story. {self._text()}"
        leaf = self._leaf()
        page = {"conversation": self.open, "leaf": leaf, "panel": self.open or "", "action": "send", "files": files}
        panel = self._panel(self._send, 2, {"max_new_tokens": 200 if stop else tokens})
        conversation = str(self._post(self._send, [page, text, *panel])["conversation"])
        if conversation != self.open or self._stream is None:
            self.look(conversation)
        if stop:
            time.sleep(self.chance.uniform(0.05, 0.6))
            self.stop(conversation)
        self.until_written(leaf)

    def act(self, action: str, argument: str = "", value: Any = "", tokens: int = 24) -> dict[str, Any]:
        """A command of the chat."""
        page = {"conversation": self.open, "leaf": self._leaf(), "panel": self.open or "", "action": action}
        panel = self._panel(self._act, 1, {"max_new_tokens": tokens})
        return self._post(self._act, [{**page, "argument": argument, "value": value}, *panel])

    def again(self, tokens: int) -> None:
        """Another reply, or another wording of the last message."""
        ids = self._ids()
        if len(ids) < 2:
            self.say(tokens)
            return
        leaf = self._leaf()
        if self.chance.random() < 0.5:
            self.act("regenerate", ids[-1], tokens=tokens)
        else:
            self.act("edit", ids[-2], self._text(), tokens)
        self.until_written(leaf)

    def until_written(self, before: str | None) -> None:
        """Wait until another leaf than `before` is there, and whole."""
        end = time.monotonic() + _REPLY_SECONDS
        while time.monotonic() < end:
            view = self._stream.view if self._stream else {}
            if view and view["conversation"] == self.open and view["leaf"] != before and not view["streaming"]:
                return
            time.sleep(0.02)
        raise AssertionError(f"a reply did not end within {_REPLY_SECONDS:.0f} s")

    def search(self) -> None:
        """What one does besides: search, the tree, the details, the meter, an export."""
        get = self.http.get
        answer(get("/page/search", params={"q": self.chance.choice(WORDS)}))
        if self.open is not None and (ids := self._ids()):
            answer(get("/page/tree", params={"c": self.open}))
            answer(get(f"/page/details/{ids[-1]}"))
            answer(self.http.post("/page/context", json={"conversation": self.open, "text": "How long is this?"}))
            form = self.chance.choice(["markdown", "html", "json", "openai"])
            answer(get("/page/export", params={"format": form, "c": self.open}))

    def attach(self) -> str:
        """Attach a small file; returns its id."""
        body = "\n".join(self._text() for _ in range(20)).encode()
        return str(answer(self.http.post("/page/attach", params={"name": "notes.txt"}, content=body)).json()["id"])

    def summary(self, sentences: int = 12, how: dict[str, str] | None = None) -> None:
        """Of a text that long; made, exported and deleted for good."""
        text = " ".join(f"{self._text().capitalize()}." for _ in range(sentences))
        how = how or self.chance.choice([{"mode": "extractive"}, {"length": "30"}])
        self._run("summaries", "s", {"action": "start", "text": text, **how})

    def translation(self) -> None:
        """A short one, typed or opened, and deleted for good."""
        asked = {"text": self._text(), "source": "en", "target": "de", "page": "soak"}
        if self.chance.random() < 0.5:
            answer(self.http.post("/page/translate/quick", json=asked))
        else:
            self._run("translate", "t", {"action": "open", **asked})

    def leave_page(self) -> None:
        """Close the tab."""
        self.look(None)

    def close(self) -> None:
        """Close the browser."""
        self.leave_page()
        super().close()

    def _run(self, room: str, name: str, asked: dict[str, Any]) -> None:
        """Begin a summary or a translation, look at it until it has ended, delete it for good."""
        act, status, said, last = f"/page/{room}/act", "", "", ""
        run = str(answer(self.http.post(act, json=asked)).json()["run"])
        try:
            with self.http.stream("GET", f"/page/{room}/live", params={name: run}) as lines:
                end = time.monotonic() + _REPLY_SECONDS
                for line in lines.iter_lines():
                    if line.startswith("data: "):
                        told = json.loads(line[6:])
                        last = " ".join(_html(told)) or last
                        status = str(told.get("status") or status)
                        said += "".join(re.findall(r'class="error"[^>]*>([^<]*)', " ".join(_html(told))))
                    if status in ("complete", "stopped", "failed") or time.monotonic() > end:
                        break
        finally:
            for action in ("stop", "delete", "purge"):
                answer(self.http.post(act, json={"action": action, "run": run}))
        if said:
            raise Refused(f"{room}: {said}")
        if status != "complete":
            raise AssertionError(f"one of {room} ended as {status or 'nothing'}: {_TAG.sub(' ', last)[-200:]}")

    def _text(self) -> str:
        return " ".join(self.chance.choices(WORDS, k=self.chance.randint(6, 14)))

    def _leaf(self) -> str | None:
        view = self._stream.view if self._stream else {}
        return view.get("leaf") if view.get("conversation") == self.open else None

    def _ids(self) -> list[str]:
        view = self._stream.view if self._stream else {}
        return [one["id"] for one in view.get("items", ())] if view.get("conversation") == self.open else []


class Owner(Person):
    """The owner of the machine: models and sharing, too."""

    def models(self, action: str, name: str, **values: str) -> None:
        """A command of the Models tab."""
        handler = self._handler(self.http.get("/config").raise_for_status().json(), "pm-act")
        self._post(handler, [{"action": action, "argument": name, "value": values, "ticket": 1}])

    def share(self, action: str, argument: str = "", **values: str) -> dict[str, Any]:
        """A command of the Share tab."""
        asked = {"action": action, "argument": argument, "values": values}
        found: dict[str, Any] = answer(self.http.post("/page/share/act", json=asked)).json()
        return found

    def invite(self, name: str) -> str:
        """A new link's secret."""
        rooms = {f"room.{one}": "on" for one in ("chat", "summaries", "translate")}
        return str(self.share("link", title=name, hours="1", **rooms, **LIMITS)["secret"])

    def key(self) -> str:
        """A new key of a program."""
        scopes = {f"scope.{one}": "on" for one in ("chat", "embeddings", "summaries", "translate")}
        found = re.search(r"pg-[\w-]{20,}", self.share("key", name="soak", **scopes, **LIMITS)["html"])
        assert found, "no key was shown"
        return found[0]


class Program:
    """A program with a key, at /v1."""

    def __init__(self, url: str, key: str, chance: random.Random) -> None:
        self.http = httpx.Client(base_url=url, timeout=180, headers={"Authorization": f"Bearer {key}"})
        self.chance = chance

    def turn(self, tokens: int) -> None:
        """A stream to its end, one that is left in the middle, a whole answer, or vectors."""
        kind = self.chance.choice(["stream", "leave", "whole", "more"])
        messages = [{"role": "user", "content": " ".join(self.chance.choices(WORDS, k=10))}]
        asked = {"model": "default", "messages": messages, "max_tokens": 200 if kind == "leave" else tokens}
        if kind == "more":
            names = [one["id"] for one in answer(self.http.get("/v1/models")).json()["data"]]
            vectors = [one for one in names if "minilm" in one or "e5" in one]
            if vectors:
                answer(self.http.post("/v1/embeddings", json={"model": vectors[0], "input": ["a river", "a stone"]}))
            answer(self.http.post("/v1/summarize", json={"text": " ".join(WORDS * 3) + ".", "style": "paragraph"}))
            return
        if kind == "whole":
            answer(self.http.post("/v1/chat/completions", json=asked))
            return
        with self.http.stream("POST", "/v1/chat/completions", json={**asked, "stream": True}) as lines:
            if not lines.is_success:
                lines.read()
                answer(lines)
            for number, _ in enumerate(lines.iter_lines()):
                if kind == "leave" and number >= 4:
                    lines.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
                    break

    def close(self) -> None:
        """It ends."""
        self.http.close()


def crowd(http: httpx.Client) -> None:
    """Many pages at once, so that the pools of threads are as large as they get before each rest."""

    def page(_: int) -> None:
        with contextlib.suppress(httpx.HTTPError), http.stream("GET", "/page/live") as lines:
            for number, _line in enumerate(lines.iter_lines()):
                if number > 4:
                    return

    with ThreadPoolExecutor(_CROWD) as pool:
        list(pool.map(page, range(3 * _CROWD)))
