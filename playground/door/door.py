"""The ASGI app of the shared address: who is not known is asked who they are, who is known gets their own page."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.access.quota import QuotaError
from playground.access.sessions import Session, Sessions
from playground.door.bodies import FILES, MEGABYTE, TIMES, TYPED, Body, Places, declared
from playground.door.entering import Entrance, WaitError
from playground.door.page import entrance_html
from playground.door.people import People
from playground.errors import BusyError, PlaygroundError, StorageError
from playground.json_body import NoJsonError, TooLongError, read_json
from playground.services import NO_ROOM
from playground.store.access_values import Person
from playground.ui.reasons import reason_words
from playground.ui.strings import language_asked

log = logging.getLogger(__name__)
COOKIE, KEPT = "playground_in", "playground_kept"
_STREAMS = ("/page/live", "/page/summaries/live", "/page/translate/live", "/page/translate/quick")
"""What a page holds open as long as somebody looks at it."""
_OPEN, _OPEN_BY_ONE_LINK = 40, 400
"""Requests of one person that are being answered, six pages in six browsers; and of all who came in by one link, so
that they leave connections to others."""
_UP = 8
"""So many folders are gone up at once to the entrance; who was deeper is led on from there."""
_SOON = 30
"""Seconds after which to try again where it is too full."""
_LARGEST_FORM = 10_000
"""Bytes of what is said at the entrance."""
_FORM_SECONDS = 10.0


class Door:
    """Belongs to the event loop of `people`."""

    def __init__(self, entrance: Entrance, sessions: Sessions, people: People) -> None:
        self._entrance = entrance
        self._sessions = sessions
        self._people = people
        self._places = Places()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand over to the person's own page."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        path = scope["path"]
        session = self._sessions.find(request.cookies.get(COOKIE, ""))
        if path == "/enter" and scope["method"] in ("GET", "HEAD", "POST"):
            answer = await self._enter(request) if scope["method"] == "POST" else _page(request, session)
            await answer(scope, receive, send)
        elif session is None:
            wants_page = scope["method"] == "GET" and "text/html" in request.headers.get("accept", "")
            to_entrance = RedirectResponse(_way_up(scope) + "enter", 303)
            answer = to_entrance if wants_page else JSONResponse({"error": "Come in first."}, 401)
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
        with self._places.of(f"at {person.id}") as own, self._places.of(person.by or person.id) as kept:
            try:
                if own.open > _OPEN or kept.open > _OPEN_BY_ONE_LINK:
                    raise BusyError("Too much of yours is open here at once. Close some of its pages.")
                if scope["method"] not in ("GET", "HEAD"):
                    self._people.quota(person).ask()
                    await self._places.look(kept, lambda: self._folders(person))
                app = await self._people.app_of(person)
            except PlaygroundError as error:
                await _refused(request, error)(scope, receive, send)
                return
            largest = person.limits.upload_megabytes
            limit = largest * MEGABYTE if scope["path"] in FILES else TYPED
            most = max(largest, 1) * TIMES
            size = declared(request.headers)
            if size is not None and size > limit:
                await _too_large(request, largest)(scope, receive, send)
                return
            with self._places.room(kept, most * MEGABYTE, size) as place:
                if place is None and scope["method"] not in ("GET", "HEAD"):
                    await _full(request, most)(scope, receive, send)
                    return
                body = Body(receive, limit, place)
                with self._people.watched(person) if scope["path"] in _STREAMS else contextlib.nullcontext():
                    if not await _handed_on(app, scope, body, send):
                        answer = _full(request, most) if body.is_full else _too_large(request, largest)
                        await (_too_slow(request) if body.refusal == 408 else answer)(scope, receive, send)

    def _folders(self, person: Person) -> set[Path]:
        """Where what belongs to somebody is; the guests of a link share what it allows."""
        if not person.by:
            return {self._people.folder(person)}
        others = [one.person for one in self._sessions.all_now() if one.person.by == person.by]
        kept = self._people.folder(replace(person, kept=True)).parent
        return {kept, *(self._people.folder(one) for one in (person, *others) if not one.kept)}

    async def _enter(self, request: Request) -> Response:
        try:
            form = await _form(request)
        except TooLongError:
            return JSONResponse({"error": "Too long."}, 413)
        except TimeoutError:
            return _too_slow(request)
        except ClientDisconnect:
            return Response(status_code=499)  # Nobody reads it.
        address = request.client.host if request.client else ""
        try:
            entered = await asyncio.to_thread(
                self._entrance.enter,
                address,
                form["link"],
                form["name"],
                form["password"],
                keep=bool(form["keep"]),
                kept=request.cookies.get(KEPT, ""),
            )
        except PlaygroundError as error:
            return _refused(request, error)
        answer = JSONResponse({"ok": True})
        secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
        seconds = max(1, int(entered.until - time.time()))
        for name, value in ((COOKIE, entered.cookie), (KEPT, entered.kept)):
            if value:
                answer.set_cookie(name, value, max_age=seconds, httponly=True, secure=secure, samesite="lax")
        if not entered.kept and form["link"]:
            answer.delete_cookie(KEPT)
        return answer


async def _form(request: Request) -> dict[str, str]:
    given: Any = {}
    with contextlib.suppress(NoJsonError):  # It counts as a wrong attempt.
        given = await read_json(request.stream(), _LARGEST_FORM, _FORM_SECONDS)
    given = given if isinstance(given, dict) else {}
    return {name: str(given.get(name) or "") for name in ("link", "name", "password", "keep")}


def _page(request: Request, session: Session | None) -> Response:
    inside, was_in = session.person.name if session else "", bool(request.cookies.get(COOKIE)) and session is None
    page = entrance_html(language_asked(request), inside, was_in=was_in)
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


def _refused(request: Request, error: PlaygroundError) -> Response:
    status, headers = 403, {}
    if isinstance(error, WaitError | QuotaError):
        status, headers = 429, _retry_after(error.seconds)
    elif isinstance(error, BusyError | StorageError):
        status, headers = 503, _retry_after(_SOON)
    words = str(error)
    if isinstance(error, StorageError):  # Whose words name places on the owner's disk.
        log.warning("somebody could not be served: %s", error)
        words = NO_ROOM
    return _json_error(request, words, status, headers)


def _retry_after(seconds: float) -> dict[str, str]:
    # Whole ones: who asks as early as it says must not be refused again.
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def _too_large(request: Request, megabytes: int) -> Response:
    words = f"What you send has more than {TYPED // MEGABYTE} MB. Send less of it at once, or as a file."
    if request.url.path in FILES:
        words = f"The file has more than {megabytes} MB. Choose a smaller one."
        if not megabytes:
            words = "No files are taken here. Write or paste the text instead."
    return _json_error(request, words, 413)


def _full(request: Request, megabytes: int) -> Response:
    return _json_error(request, f"What is yours here has more than {megabytes} MB. Delete some of it.", 413)


def _too_slow(request: Request) -> Response:
    return _json_error(request, "What you sent did not come in time. Try again.", 408)


def _json_error(request: Request, words: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": reason_words(language_asked(request), words)}, status, headers)


async def _handed_on(app: ASGIApp, scope: Scope, body: Body, send: Send) -> bool:
    """Let the person's own page answer; False where a body was not taken whole, and nothing is answered yet."""
    begun = False

    async def noted(message: Message) -> None:
        nonlocal begun
        if begun or not body.refusal:
            begun = True
            await send(message)

    await app(_without_host(scope), body.receive, noted)
    return begun or not body.refusal


def _way_up(scope: Scope) -> str:
    """From a page that is asked for to where the entrance is; relative, as we may stand behind a prefix."""
    deep: int = scope["raw_path"].count(b"/") - 1
    return "../" * min(_UP, deep)


def _without_host(scope: Scope) -> Scope:
    """As the inner app takes it: nothing of the outer one stays in it."""
    return {**scope, "app": None, "router": None, "endpoint": None}
