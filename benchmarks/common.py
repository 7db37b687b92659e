"""What the benchmarks share: a running app, its HTTP commands and its event stream as a page uses them, the table.

The benchmarks are run as files, so each puts the repository's root on sys.path before it imports this.
"""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import platformdirs
from playwright.sync_api import Browser, Playwright

from playground.engine.download import fetch
from playground.paths import DataFolder
from playground.presets import STARTER, model_preset
from tests.conftest import CHROMIUM_FLAGS, App, find_chromium, give_starter, launch, wait_for

__all__ = ["App", "give_starter", "wait_for"]  # from the tests' helpers, for the benchmarks

ROOT = Path(__file__).resolve().parent.parent
_TAG = re.compile(r"<[^>]+>")
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Row:
    """One line of the final table; `met` is None where there is no bar."""

    what: str
    figure: str
    bar: str = ""
    met: bool | None = None


def show(title: str, rows: list[Row]) -> None:
    """Print the table, and how busy the machine was: other work on it makes times worthless."""
    words = {None: "", True: "met", False: "NOT met"}
    lines = [("what", "measured", "bar", ""), *((row.what, row.figure, row.bar, words[row.met]) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    load = f"; load {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""
    print(f"\n{title}{load}")
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def starter() -> Path:
    """The starter model's file, from the same cache that the tests keep; fetched the first time."""
    folder = DataFolder(Path(platformdirs.user_cache_dir("playground-tests", appauthor=False)))
    return fetch(model_preset(STARTER), folder, lambda what, done, total: None)


@contextlib.contextmanager
def running(folder: Path, *arguments: str, model: Path | None = None) -> Iterator[App]:
    """The app on `folder`; with `model`, the starter model's file is put in there first. Killed at the end."""
    if model is not None:
        give_starter(model, folder)
    app = launch(folder, *arguments)
    try:
        yield app
    finally:
        app.kill()
        if app.process.stdout is not None:
            app.process.stdout.close()


def chromium(playwright: Playwright) -> Browser:
    """A fresh headless Chromium."""
    return playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Client:
    """Sends what the page sends: a POST to Gradio's handler with the conversation, the leaf, the text and the panel."""

    def __init__(self, url: str, http: httpx.Client | None = None) -> None:
        """`http` is another one that has cookies already."""
        self.url = url
        self._http = http or httpx.Client(base_url=url, timeout=30)
        self._session = uuid.uuid4().hex[:11]
        config = self._http.get("/config").raise_for_status().json()
        self._components = {one["id"]: one["props"] for one in config["components"]}
        self._send = self._handler(config, "pg-send")
        self._act = self._handler(config, "pg-act")

    def send(self, conversation: str | None, leaf: str | None, text: str, **panel: Any) -> str:
        """Send a message and return its conversation's id, once it is acknowledged. `panel` as in Sampling."""
        page = {"conversation": conversation, "leaf": leaf, "panel": conversation or "", "action": "send"}
        return str(self._post(self._send, [page, text, *self._panel(self._send, 2, panel)])["conversation"])

    def stop(self, conversation: str) -> None:
        """Press Stop."""
        page = {"conversation": conversation, "leaf": None, "action": "stop", "argument": "", "value": ""}
        self._post(self._act, [page, *self._panel(self._act, 1, {})])

    def close(self) -> None:
        self._http.close()

    def _handler(self, config: dict[str, Any], elem_id: str) -> dict[str, Any]:
        for handler in config["dependencies"]:
            names = [self._components.get(target[0], {}).get("elem_id") for target in handler["targets"]]
            if handler["backend_fn"] and elem_id in names:
                return dict(handler)
        raise LookupError(f"the page has no handler for #{elem_id}")

    def _panel(self, handler: dict[str, Any], skip: int, changes: dict[str, Any]) -> list[Any]:
        """The panel's values as the page first shows them, with `changes` by label."""
        values = []
        for component in handler["inputs"][skip:]:
            props = self._components[component]
            name = next((name for name in changes if f'"{name}"' in str(props["label"])), None)
            values.append(changes[name] if name else props.get("value"))
        return values

    def _post(self, handler: dict[str, Any], data: list[Any]) -> dict[str, Any]:
        body = {"data": data, "fn_index": handler["id"], "session_hash": self._session}
        result: dict[str, Any] = (
            self._http.post("/gradio_api/run/predict", json=body).raise_for_status().json()["data"][0]
        )
        if result.get("error"):
            raise RuntimeError(result["error"])
        return result


@dataclass(frozen=True)
class Shown:
    """What the stream showed of a reply at a time (time.time())."""

    at: float
    text: str
    tokens: int
    words: str


class Stream:
    """The event stream of one conversation, read as fast as it comes in a thread of its own, with arrival times."""

    def __init__(self, url: str, conversation: str, cookies: httpx.Cookies | None = None) -> None:
        """`cookies` say who looks, where that is asked."""
        self.shown: list[Shown] = []
        self.view: dict[str, Any] = {}
        self.model: dict[str, Any] = {}
        self.ended = threading.Event()
        """The stream said that no reply is being written (any more), after it had shown one."""
        self._blocks: list[str] = []
        self._socket: socket.socket | None = None
        self._client = httpx.Client(timeout=httpx.Timeout(10, read=60), cookies=cookies)
        self._address = f"{url}/page/live?c={conversation}"
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def text_at(self, when: float) -> str:
        """The text that was on show at that time."""
        return next((one.text for one in reversed(self.shown) if one.at <= when), "")

    def last(self) -> Shown | None:
        return self.shown[-1] if self.shown else None

    def tokens(self) -> int:
        return self.shown[-1].tokens if self.shown else 0

    def close(self) -> None:
        """Leave the stream."""
        if self._socket is not None:
            # Closing alone would not wake a thread that waits for data.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._client.close()

    def _read(self) -> None:
        name = ""
        # The server is killed, or the stream closed by us: both end it.
        with contextlib.suppress(httpx.HTTPError, OSError), self._client.stream("GET", self._address) as answer:
            self._socket = answer.extensions["network_stream"].get_extra_info("socket")
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    self._take(name, json.loads(line[6:]))

    def _take(self, name: str, data: dict[str, Any]) -> None:
        now = time.time()
        if name == "live":
            self._blocks[data["from"] :] = data["blocks"]
            self.shown.append(Shown(now, visible("".join(self._blocks)), data["tokens"], data["text"]))
        elif name == "view":
            self.view = data
            if self.shown and not data["streaming"]:
                self.ended.set()
        elif name == "model":
            self.model = data


def visible(markup: str) -> str:
    """HTML as a reader sees it, roughly: without tags and entities."""
    return html.unescape(_TAG.sub("", markup)).strip()


def letters(text: str) -> str:
    """Only the letters: what Markdown and HTML show alike."""
    return "".join(_LETTERS.findall(text))


def look(database: Path) -> sqlite3.Connection:
    """A reader's connection to a history that an app has open."""
    return sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=10, check_same_thread=False)


def until_ended(db: sqlite3.Connection, conversation: str) -> tuple[float, str, str]:
    """When SQLite says that the newest reply is not being written any more, and how it is; looks every 2 ms."""
    while True:
        status, content = db.execute(
            "SELECT m.status, m.content FROM conversations c JOIN messages m ON m.id = c.leaf_id WHERE c.id = ?",
            [conversation],
        ).fetchone()
        if status != "streaming":
            return time.time(), status, content
        time.sleep(0.002)


def progress(part: str, done: int, rounds: int) -> None:
    """Say how far it is, now and then."""
    if done % 20 == 0:
        print(f"{part}: {done} of {rounds}", flush=True)
