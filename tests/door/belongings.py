"""What a person has, made through their page; and how each route and each command is called with ids of somebody's."""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from playground.store.translation_values import Unit
from playground.translate.tmx import write_tmx
from playground.ui import (
    memory_routes,
    share_routes,
    summary_routes,
    training_run_routes,
    translation_routes,
    tune_routes,
)
from tests.door.houses import eventually

_PNG = bytes.fromhex("89504e470d0a1a0a")
_ID = re.compile(r"[0-9a-f]{20}")
_ENDED = ("complete", "failed", "stopped", "draft", "interrupted")


@dataclass
class Person:
    """Somebody with a page, where their history lies, and the ids of what they have by kind."""

    name: str
    client: httpx.Client
    database: Path
    canary: str
    ids: dict[str, str] = field(default_factory=dict)

    def read(self, sql: str) -> list[Any]:
        """Rows of their history."""
        with closing(sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True, timeout=10)) as db:
            return db.execute(sql).fetchall()

    def contents(self) -> dict[str, str]:
        """All that is in their history, by table."""
        tables = self.read("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")
        return {
            name: hashlib.sha256(repr(self.read(f'SELECT * FROM "{name}"')).encode()).hexdigest() for (name,) in tables
        }

    def idle(self) -> None:
        """Wait until nothing of theirs is written any more."""
        for table in ("messages", "runs", "translations"):
            eventually(lambda table=table: {one for (one,) in self.read(f"SELECT status FROM {table}")} <= {*_ENDED})  # type: ignore[misc]

    def press(self, button: str, page: Mapping[str, Any], text: str = "") -> httpx.Response:
        """A command of the chat: `send` or `act`."""
        config = self.client.get("/config").json() if not hasattr(self, "_config") else self._config
        self._config: dict[str, Any] = config
        parts = {one["id"]: one["props"] for one in config["components"]}
        for one in config["dependencies"]:
            if (
                f"pg-{button}" in [parts.get(part, {}).get("elem_id") for part, _ in one["targets"]]
                and one["backend_fn"]
            ):
                values = [parts[part].get("value") for part in one["inputs"]]
                data = [page, text, *values[2:]] if button == "send" else [page, *values[1:]]
                body = {"data": data, "fn_index": one["id"], "session_hash": self.name}
                return self.client.post("/gradio_api/run/predict", json=body)
        raise LookupError(button)

    def settle(self, number: int, *, tunes: bool = False) -> None:
        """Make something of everything; `number` of memory's pairs, so that their numbers differ."""
        c, post = self.canary, self.client.post
        attach = [
            post("/page/attach", params={"name": f"{c} {n}.txt"}, content=f"{c} is in it".encode()) for n in "abc"
        ]
        sent, pending, picture = (one.json()["id"] for one in attach)
        page = {"conversation": None, "leaf": None, "panel": "", "action": "send", "files": [sent]}
        conversation = self.press("send", page, f"{c} one").json()["data"][0]["conversation"]
        self.idle()
        for action, value in (("rename", c), ("tags", c), ("move", f"folder {c}")):
            told = self.press(
                "act", {"conversation": conversation, "action": action, "argument": conversation, "value": value}
            )
            assert "error" not in told.json()["data"][0], told.text
        for kind in ("persona", "template"):
            given = {"kind": kind, "name": f"{kind} {c}", "text": c}
            told = self.press(
                "act", {"conversation": conversation, "action": "save_prompt", "argument": "", "value": given}
            )
            assert "error" not in told.json()["data"][0], told.text
        text = f"{c} is a bird. It sings in the morning. " * 20
        run = post("/page/summaries/act", json={"action": "start", "text": text, "style": "paragraph", "length": "50"})
        attached = post(
            "/page/translate/attach", params={"name": f"{c}.txt"}, content=f"{c} sings.\n\nIt flies.".encode()
        )
        translation = attached.json()["run"]
        post("/page/translate/act", json={"action": "start", "run": translation, "source": "en", "target": "de"})
        units = [Unit(0, "en", "de", f"{c} {n}", f"{c} {n}", "", "", 0.0, 0.0) for n in range(number)]
        post("/page/memory/import", params={"name": "m.tmx"}, content=write_tmx(units))
        glossary = post("/page/memory/glossary", params={"name": f"{c}.csv"}, content=f"en,de\n{c},{c}\n".encode())
        self.ids = {"conversation": conversation, "sent": sent, "pending": pending, "picture": picture}
        self.ids |= {"run": run.json()["run"], "translation": translation, "glossary": glossary.json()["id"]}
        if tunes:
            line = f'{{"messages":[{{"role":"user","content":"{c}"}},{{"role":"assistant","content":"bird"}}]}}\n'
            self.ids["training"] = post(
                "/page/tune/attach", params={"name": f"{c}.jsonl"}, content=line.encode()
            ).json()["run"]
        self.idle()
        (self.ids["question"],), (self.ids["reply"],) = self.read("SELECT id FROM messages ORDER BY seq")
        for kind in ("persona", "template"):
            ((self.ids[kind],),) = self.read(f"SELECT id FROM saved_prompts WHERE kind = '{kind}'")
        ((last,),) = self.read("SELECT MAX(id) FROM memory")
        self.ids["unit"] = str(last)
        with closing(sqlite3.connect(self.database)) as db, db:  # The echo model takes no pictures.
            change = "UPDATE attachments SET media_type = 'image/png', data = ? WHERE id = ?"
            db.execute(change, [_PNG + c.encode(), picture])


Ids = Mapping[str, str]
Call = tuple[str, dict[str, Any]]
"""An addition to the path, or an action, and what httpx is given."""


def q(**params: Any) -> Call:
    """By the address."""
    return "", {"params": params}


def p(value: str, **params: Any) -> Call:
    """By the path."""
    return value, {"params": params}


def j(**body: Any) -> Call:
    """By a JSON body."""
    return "", {"json": body}


def f(**params: Any) -> Call:
    """With a file."""
    return "", {"params": {"name": "a.txt", **params}, "content": b"words"}


def no(_: Ids, __: Ids) -> list[Call]:
    """It takes no id."""
    return []


ROUTES: dict[str, Callable[[Ids, Ids], list[Call]]] = {
    **dict.fromkeys(("GET /", "HEAD /", "GET /assets/{path:path}", "GET /config", "GET /favicon.ico"), no),
    **dict.fromkeys(("GET /enter", "HEAD /enter", "POST /enter", "POST /leave", "GET /health", "GET /robots.txt"), no),
    **dict.fromkeys(("GET /static/{path:path}", "GET /theme.css", "GET /page/choices", "POST /page/fill"), no),
    **dict.fromkeys(("GET /page/filters", "GET /page/models/plan", "GET /page/prompts", "GET /page/memory"), no),
    **dict.fromkeys(("GET /page/memory/glossaries", "POST /page/memory/glossary", "POST /page/memory/import"), no),
    **dict.fromkeys(("POST /page/translate/detect", "GET /page/translate/ways", "GET /page/tune/own"), no),
    **dict.fromkeys(("POST /page/attach", "POST /page/import", "GET /page/share/live"), no),
    **dict.fromkeys(("GET /page/api", "GET /page/api/openapi.json"), no),
    **dict.fromkeys(("POST /v1/chat/completions", "POST /v1/completions", "POST /v1/embeddings"), no),
    **dict.fromkeys(
        ("POST /v1/summarize", "POST /v1/translate", "GET /v1/models", "GET /v1/models/{model_id:whole}"), no
    ),
    "POST /page/context": lambda m, o: [
        *(j(conversation=o["conversation"], text="x"), j(conversation=o["conversation"], files=[o["sent"]])),
        *(j(conversation=m["conversation"], files=[o[one]]) for one in ("sent", "pending", "picture")),
    ],
    "GET /page/details/{message_id}": lambda m, o: [p(o["reply"]), p(o["question"])],
    "GET /page/tokens/{message_id}": lambda m, o: [p(o["reply"])],
    "GET /page/view/{message_id}": lambda m, o: [p(o["reply"]), p(o["question"])],
    "GET /page/text/{message_id}": lambda m, o: [p(o["reply"]), p(o["question"])],
    "GET /page/image/{attachment_id}": lambda m, o: [p(o[one]) for one in ("sent", "pending", "picture")],
    "GET /page/earlier": lambda m, o: [
        *(q(c=o["conversation"], before=o["reply"]), q(c=m["conversation"], before=o["reply"])),
        q(c=o["conversation"], before=m["reply"]),
    ],
    "GET /page/export": lambda m, o: [
        *(q(c=o["conversation"], format=one) for one in ("json", "markdown", "html", "text", "jsonl")),
        *(q(c=f"{m['conversation']},{o['conversation']}", format="json"),),
        q(c=m["conversation"], upto=o["reply"], format="json"),
    ],
    "GET /page/live": lambda m, o: [q(c=o["conversation"]), q(c=m["conversation"], at=o["reply"])],
    "GET /page/tree": lambda m, o: [q(c=o["conversation"])],
    "GET /page/search": lambda m, o: [
        q(q=o["canary"]),
        q(q=o["conversation"]),
        q(tag=o["canary"]),
        q(q="", tag=o["canary"]),
    ],
    "GET /page/memory/units": lambda m, o: [q(q=o["canary"])],
    "GET /page/memory/export": lambda m, o: [q(source="en", target="fr")],
    "GET /page/memory/terms": lambda m, o: [q(id=o["glossary"])],
    "POST /page/summaries/ask": lambda m, o: [q(s=o["run"])],
    "POST /page/summaries/attach": lambda m, o: [f(s=o["run"])],
    "GET /page/summaries/export": lambda m, o: [
        q(s=o["run"], format=one) for one in ("markdown", "docx", "json", "text")
    ],
    "GET /page/summaries/live": lambda m, o: [q(s=o["run"])],
    "GET /page/summaries/shown": lambda m, o: [q(s=o["run"])],
    "GET /page/summaries/source": lambda m, o: [q(s=o["run"], document=0, start=0, end=20)],
    "GET /page/summaries/text": lambda m, o: [q(s=o["run"])],
    "POST /page/translate/attach": lambda m, o: [f(t=o["translation"])],
    "GET /page/translate/export": lambda m, o: [
        q(t=o["translation"], format=one, document=0) for one in ("file", "tmx", "xliff", "csv")
    ],
    "POST /page/translate/help": lambda m, o: [j(run=o["translation"], document=0, position=0, text="x")],
    "GET /page/translate/live": lambda m, o: [q(t=o["translation"])],
    "POST /page/translate/quick": lambda m, o: [
        j(text="It sings.", source="en", target="de", glossaries=[o["glossary"]], page="p", live=True)
    ],
    "POST /page/translate/reference": lambda m, o: [f(t=o["translation"], document=0)],
    "POST /page/translate/rows": lambda m, o: [j(run=o["translation"], have=["0.0"])],
    "POST /page/translate/write": lambda m, o: [
        j(run=o["translation"], document=0, position=0, text="mine now", confirm=True)
    ],
    "POST /page/tune/attach": lambda m, o: [f(f=o["training"])],
    "POST /page/tune/collect": lambda m, o: [j(run=o["training"], values={"tag": o["canary"]})],
    **{
        f"POST /page/tune/{one}": lambda m, o: [j(run=o["training"], form={"title": "mine"}, key="0", position=0)]
        for one in ("keep", "lengths", "plan", "sample", "samples")
    },
    "GET /page/tune/live": lambda m, o: [q(f=o["training"])],
    "GET /page/training/{run_id}/file": lambda m, o: [p(o["training"], name="adapter.zip")],
}
"""How each route is asked for what is `o`'s by somebody who has `m`; commands are below."""

_SUM = {"title": "mine", "text": "", "position": 0, "style": "paragraph", "length": "40", "model": "echo"}
_PEOPLE = ("revoke_link", "disable", "enable", "password", "delete", "revoke_key", "show_out")
_TRANS = {"title": "mine", "text": "", "position": 0, "names": "a", "source": "en", "target": "de"}
BODIES: dict[str, Callable[[Ids, Ids], list[dict[str, Any]]]] = {
    "POST /page/summaries/act": lambda m, o: [{"run": o["run"], **_SUM}],
    "POST /page/translate/act": lambda m, o: [
        {"run": o["translation"], **_TRANS},
        {"run": m["translation"], **_TRANS, "glossaries": [o["glossary"]], "only": ("start", "open")},
    ],
    "POST /page/memory/act": lambda m, o: [{"id": o["glossary"]}, {"id": o["unit"]}],
    "POST /page/tune/act": lambda m, o: [
        {"run": o["training"], "key": "0", "position": 0, "title": "mine", "form": {}}
    ],
    "POST /page/training/{run_id}/act": lambda m, o: [
        {"path": o["training"], "prompt": "x", "text": "x", "argument": "1:first"}
    ],
    "POST /page/share/act": lambda m, o: [
        {"argument": o[one], "values": {"password": "x" * 12}, "only": _PEOPLE}
        for one in ("link", "account", "key", "session")
    ],
}
"""What goes with each command of a route that takes them; `only` with some, which change nothing of one's own."""
_MODULES = (summary_routes, translation_routes, memory_routes, tune_routes, training_run_routes, share_routes)
COMMANDS = dict(zip(("summaries", "translate", "memory", "tune", "training/{run_id}", "share"), _MODULES, strict=True))


def commands(module: Any) -> list[str]:
    """The names that a module's `_act` knows, out of its source."""
    tree = ast.parse(inspect.getsource(module._act))
    return sorted({*_names(tree)})


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and ast.unparse(node.left) == "action":
            for one in ast.walk(node.comparators[0]):
                if isinstance(one, ast.Constant) and isinstance(one.value, str):
                    yield one.value
        elif (
            isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "done" and isinstance(node.value, ast.Dict)
        ):
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                if isinstance(key, ast.Constant):
                    yield str(key.value)
                elif isinstance(value, ast.DictComp) and isinstance(value.generators[0].iter, ast.Tuple):
                    yield from (
                        f"stop-{one.value}" for one in value.generators[0].iter.elts if isinstance(one, ast.Constant)
                    )


def chat_pages(m: Ids, o: Ids) -> list[dict[str, Any]]:
    """What is sent with every command of the chat; `only` as above."""
    ours, own = {"conversation": m["conversation"]}, {"argument": m["reply"], "value": o["conversation"]}
    theirs = {"conversation": o["conversation"], "panel": o["conversation"], "leaf": o["reply"]}
    found: list[dict[str, Any]] = [
        {**theirs, "argument": o["reply"], "value": "words"},
        {**theirs, "argument": o["question"], "value": {"text": "x", "vote": 1}},
        {**ours, "argument": o["reply"], "value": {"text": "x", "vote": 1}},
        {**ours, "argument": o["question"], "value": "words"},
        {**ours, "argument": o["conversation"], "value": "words"},
        {**ours, **own, "only": ("select", "previous", "next", "reveal", "restore_message")},
        {"argument": "words", "value": [o["conversation"]], "only": ("move_all",)},
        {"argument": f"folder {o['canary']}", "value": "words", "only": ("rename_folder", "move_all")},
    ]
    prompts = ("open", "persona", "save_prompt", "delete_prompt")
    for kind in ("persona", "template"):
        given = {"kind": kind, "name": "mine", "text": "mine"}
        found.append({**ours, "argument": o[kind], "persona": o[kind], "value": given, "only": prompts})
    for command in ("delete", "restore", "archive", "move"):
        given = {"ids": [o["conversation"]], "value": "words"}
        found.append({"argument": command, "value": given, "only": ("each",)})
    return found


def without_ids(text: str) -> str:
    """An answer with every id taken for the same one."""
    return _ID.sub("ID", text)
