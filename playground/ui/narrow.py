"""Lets through what our page asks of Gradio, and nothing else of it: no files, no proxy, no uploads, no monitoring."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.json_body import NoJsonError, TooLongError, aside, gathered, parsed
from playground.ui.takes import takes

OURS = ("/page/", "/v1/", "/health")
"""What is not Gradio's."""
READ = ("/assets/", "/static/")
PAGES = ("/", "/config", "/theme.css", "/favicon.ico", "/robots.txt")
COMMAND = "/gradio_api/run/predict"
"""By which the page presses Gradio's buttons."""
_OF_A_COMMAND = ("fn_index", "data", "session_hash", "trigger_id", "event_data")
_LARGEST = 4 << 20
"""Bytes of a command of the owner's, which Gradio holds in memory several times over. Of others the door takes less."""
_LONGEST_LIST = 10_000
"""Values within a command, however deep: each is an object to be copied and looked at while everybody waits."""


class _HungUpError(Exception):
    pass


class _NoCommandError(Exception):
    """With what is answered, and with which status."""

    def __init__(self, words: str, status: int) -> None:
        super().__init__(words)
        self.answer = PlainTextResponse(words, status)


class Narrow:
    """ASGI middleware. `commands` are the numbers of Gradio's functions that are ours, and the components whose values
    each is given."""

    def __init__(self, app: ASGIApp, commands: Mapping[int, Sequence[Any]]) -> None:
        self._app = app
        self._commands = commands

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, or answer 404, 413 or 422."""
        if scope["type"] == "http":
            if not allowed(scope["method"], scope["path"]):
                await PlainTextResponse("Not found.", 404)(scope, receive, send)
                return
            if scope["path"] == COMMAND:
                await self._command(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _command(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            command = await aside(self._read, await gathered(_pieces(receive), _LARGEST))
        except _HungUpError:
            return
        except TooLongError:
            await PlainTextResponse("Too long.", 413)(scope, receive, send)
            return
        except TimeoutError:
            await PlainTextResponse("It did not come in time.", 408)(scope, receive, send)
            return
        except _NoCommandError as error:
            await error.answer(scope, receive, send)
            return
        # Written anew: what was looked at is what Gradio reads.
        whole: list[Message] = [{"type": "http.request", "body": command, "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, again, send)

    def _read(self, body: bytes) -> bytes:
        """A command as our page writes it, written anew. Raises _NoCommandError for what is none."""
        try:
            asked = parsed(body)
        except NoJsonError:
            asked = None
        number, data = (asked.get("fn_index"), asked.get("data")) if isinstance(asked, dict) else (None, None)
        if type(number) is not int or not isinstance(data, list) or not _is_plain(asked):
            raise _NoCommandError("There is no such command.", 422)
        if number not in self._commands:
            raise _NoCommandError("Not found.", 404)
        inputs = self._commands[number]
        if len(data) != len(inputs) or not all(map(takes, inputs, data)):
            raise _NoCommandError("There is no such command.", 422)
        return json.dumps({name: asked[name] for name in _OF_A_COMMAND if name in asked}).encode()


def allowed(method: str, path: str) -> bool:
    """Whether a request is of those that our page makes, or is not Gradio's."""
    if path.startswith(OURS):
        return True
    if method in ("GET", "HEAD"):
        return path in PAGES or path.startswith(READ)
    return method == "POST" and path == COMMAND


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise _HungUpError
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _is_plain(asked: Any) -> bool:
    """Whether there is not too much in it, and nothing that Gradio would take for a file, and fetch that from an
    address or read it from a path."""
    waiting, seen = [asked], 0
    while waiting and seen <= _LONGEST_LIST:
        value = waiting.pop()
        if isinstance(value, dict):
            if "path" in value and "meta" in value:
                return False
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        seen += 1
    return not waiting
