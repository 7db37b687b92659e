"""The ASGI app of the shared address: who is not known is asked who they are, who is known gets their own page."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Message, Receive, Scope, Send

from playground.access.quota import QuotaError
from playground.access.sessions import Session, Sessions
from playground.door.entering import Entrance, WaitError
from playground.door.page import entrance_html
from playground.door.people import People
from playground.errors import PlaygroundError
from playground.store.access_values import Person
from playground.ui.reasons import reason_words
from playground.ui.strings import language_asked

COOKIE = "playground_in"
_MEGABYTE = 1_000_000
_STREAMS = ("/page/live", "/page/summaries/live", "/page/translate/live")
"""What a page holds open as long as somebody looks at it."""
_LARGEST_FORM = 10_000
"""Bytes of what is said at the entrance."""


class _TooLarge(Exception):
    pass


class Door:
    """Belongs to the event loop of `people`."""

    def __init__(self, entrance: Entrance, sessions: Sessions, people: People) -> None:
        self._entrance = entrance
        self._sessions = sessions
        self._people = people

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand over to the person's own page."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        path = scope["path"]
        session = self._sessions.find(request.cookies.get(COOKIE, ""))
        if path == "/enter":
            answer = await self._enter(request) if scope["method"] == "POST" else _page(request, session)
            await answer(scope, receive, send)
        elif session is None:
            wants_page = scope["method"] == "GET" and "text/html" in request.headers.get("accept", "")
            answer = RedirectResponse("enter", 303) if wants_page else JSONResponse({"error": "Come in first."}, 401)
            await answer(scope, receive, send)
        elif path == "/leave" and scope["method"] == "POST":
            self._sessions.end(lambda one: one.id == session.id)
            answer = RedirectResponse("enter", 303)
            answer.delete_cookie(COOKIE)
            await answer(scope, receive, send)
        else:
            await self._inside(session.person, scope, receive, send)

    async def _inside(self, person: Person, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            if scope["method"] not in ("GET", "HEAD"):
                self._people.quota(person).ask()
            app = await self._people.app_of(person)
        except PlaygroundError as error:
            await _refused(request, error)(scope, receive, send)
            return
        body = _Body(receive, person.limits.upload_megabytes * _MEGABYTE)
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            if begun or not body.too_large:
                begun = True
                await send(message)

        if not body.is_said_too_large(request.headers.get("content-length", "")):
            with self._people.watched(person) if scope["path"] in _STREAMS else contextlib.nullcontext():
                await app(_without_host(scope), body.receive, noted)
        if body.too_large and not begun:
            words = f"The file has more than {person.limits.upload_megabytes} MB. Choose a smaller one."
            reason = reason_words(language_asked(request), words)
            await JSONResponse({"error": reason}, 413)(scope, receive, send)

    async def _enter(self, request: Request) -> Response:
        try:
            form = await _form(request)
        except _TooLarge:
            return JSONResponse({"error": "Too long."}, 413)
        address = request.client.host if request.client else ""
        try:
            cookie, until = await asyncio.to_thread(
                self._entrance.enter, address, form["link"], form["name"], form["password"]
            )
        except PlaygroundError as error:
            return _refused(request, error)
        answer = JSONResponse({"ok": True})
        secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
        answer.set_cookie(
            COOKIE, cookie, max_age=max(1, int(until - time.time())), httponly=True, secure=secure, samesite="lax"
        )
        return answer


async def _form(request: Request) -> dict[str, str]:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST_FORM:
            raise _TooLarge
    try:
        given: Any = json.loads(body)
    except ValueError:
        given = {}
    given = given if isinstance(given, dict) else {}
    return {name: str(given.get(name) or "") for name in ("link", "name", "password")}


def _page(request: Request, session: Session | None) -> Response:
    language = language_asked(request)
    return HTMLResponse(
        entrance_html(language, session.person.name if session else ""), headers={"Cache-Control": "no-store"}
    )


def _refused(request: Request, error: PlaygroundError) -> Response:
    status, headers = 403, {}
    if isinstance(error, WaitError | QuotaError):
        status, headers = 429, {"Retry-After": str(max(1, int(error.seconds)))}
    return JSONResponse({"error": reason_words(language_asked(request), str(error))}, status, headers)


class _Body:
    """What somebody sends, up to a limit of bytes: beyond that it is as if they had hung up."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._size = 0
        self.too_large = False

    def is_said_too_large(self, length: str) -> bool:
        """Whether the request itself says that it is."""
        self.too_large = length.isdecimal() and int(length) > self._limit
        return self.too_large

    async def receive(self) -> Message:
        """See ASGI."""
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > self._limit:
            self.too_large = True
            return {"type": "http.disconnect"}
        return message


def _without_host(scope: Scope) -> Scope:
    """As the inner app takes it: nothing of the outer one stays in it."""
    return {**scope, "app": None, "router": None, "endpoint": None}
