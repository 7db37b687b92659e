"""Puts our styles, words and script first into the page's <head>.

Gradio's own `head` parameter is added by its script after it has chosen a language and drawn a first frame, which is
too late for the language switch; its `css` parameter repeats every rule with a longer selector, which then wins.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.ui.strings import COOKIE, LANGUAGES, all_words

_STATIC = Path(__file__).parent / "static"
_SCRIPTS = (
    *("app", "menus", "side", "select", "messages", "composer", "details", "keys", "models", "reach", "leave"),
    *("rooms", "summaries", "summary_runs", "translate", "translate_text", "translate_editor", "translate_memory"),
    *("tune", "tune_draft", "tune_run", "share"),
)
_STYLES = ("app", "chat", "models", "summaries", "translate", "tune", "tune_run", "share")


class Document:
    """ASGI middleware that changes the answer to `GET /` alone. `damaged` names a history file that was kept aside."""

    def __init__(self, app: ASGIApp, damaged: str, others: bool) -> None:
        """`others`: the page is not the owner's, and some things are said in other words."""
        self._app = app
        self._head = b"<head>" + _head(damaged, others).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold the page's answer back until it is whole, then send it with our part in it."""
        if scope["type"] != "http" or scope["path"] != "/":
            await self._app(scope, receive, send)
            return
        headers = [(name, value) for name, value in Headers(scope=scope).raw if name != b"accept-encoding"]
        start: Message = {}
        body = bytearray()

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            whole = bytes(body).replace(b"<head>", self._head, 1)
            MutableHeaders(scope=start)["content-length"] = str(len(whole))
            await send(start)
            await send({"type": "http.response.body", "body": whole})

        await self._app({**scope, "headers": headers}, receive, collect)


def _head(damaged: str, others: bool) -> str:
    said = {language: all_words(language) for language in LANGUAGES}
    if others:
        said = {one: words | _of_others(words) for one, words in said.items()}
    words = json.dumps(said, ensure_ascii=False)
    settings = f"window.PLAYGROUND = {{cookie: {json.dumps(COOKIE)}, words: {words}, damaged: {json.dumps(damaged)}}};"
    script, style = (
        "\n".join((_STATIC / f"{name}.{kind}").read_text(encoding="utf-8") for name in names)
        for kind, names in (("js", _SCRIPTS), ("css", _STYLES))
    )
    safe = (settings + "\n" + script).replace("</script", "<\\/script")
    return f'<meta charset="utf-8"><style>{style}</style><script>{safe}</script>'


def _of_others(words: Mapping[str, str]) -> dict[str, str]:
    """What is said in the place of words of the owner's page."""
    return {key.removeprefix("other."): text for key, text in words.items() if key.startswith("other.")}
