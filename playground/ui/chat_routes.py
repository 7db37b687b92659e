"""What a page asks about chats between two events of its stream: older messages, search, details, the tree, the meter,
prompts. Nothing here changes anything; files that come and go are in `file_routes`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from playground.chat import ChatService
from playground.errors import BadValueError, PlaygroundError
from playground.json_body import NoJsonError, TooLongError, read_json
from playground.meter import counts_here, measure
from playground.prompts import fill, personas, templates, variables
from playground.records import Sampling
from playground.replay import Replays, ReplayState
from playground.store.runs import Runs
from playground.store.trainings import Trainings
from playground.store.translations import Translations
from playground.ui.details_view import BUSY, details_html, tokens_html
from playground.ui.messages_view import message_view
from playground.ui.reasons import reason_words
from playground.ui.search_view import filters_html, results_html
from playground.ui.strings import language_asked, t
from playground.ui.tree_view import tree_html

log = logging.getLogger(__name__)
WINDOW = 30
_FOUND = 50
_LARGEST = 4 << 20
"""Bytes of a question of the owner's: a book in Chinese has three. Of others the door takes less."""


async def _body(request: Request) -> dict[str, Any]:
    """A JSON object that a page sent."""
    try:
        asked = await read_json(request.stream(), _LARGEST)
    except TooLongError:
        raise HTTPException(413) from None
    except TimeoutError:
        raise HTTPException(408) from None
    except NoJsonError:
        raise HTTPException(400) from None
    except ClientDisconnect:
        raise HTTPException(499, "") from None  # The page gave it up; nobody reads this.
    if not isinstance(asked, dict):
        raise HTTPException(400)
    return asked


Asked = Annotated[dict[str, Any], Depends(_body)]


def build_chat_router(
    service: ChatService, replays: Replays, runs: Runs, translations: Translations, trainings: Trainings
) -> APIRouter:
    """The routes, all under /page."""
    router, history = APIRouter(), service.history

    @router.get("/earlier")
    def earlier(request: Request, c: str, before: str) -> Response:
        def work(language: str) -> dict[str, Any]:
            window = history.window(c, 2 * WINDOW, before)
            items = [message_view(message, language, last=False) for message in window.messages]
            return {"items": items, "earlier": window.earlier}

        return answered(request, work)

    @router.get("/view/{message_id}")
    def view(request: Request, message_id: str) -> Response:
        return answered(
            request, lambda language: {"item": message_view(history.message(message_id), language, last=False)}
        )

    @router.get("/text/{message_id}")
    def text(request: Request, message_id: str) -> Response:
        return answered(request, lambda language: {"text": history.message(message_id).content})

    @router.get("/search")
    def search(
        request: Request,
        q: str = "",
        model: str = "",
        role: str = "",
        tag: str = "",
        starred: bool = False,
        since: str = "",
        until: str = "",
        more: int = 0,
    ) -> Response:
        def work(language: str) -> dict[str, Any]:
            limit = _FOUND * (1 + max(0, min(more, 100)))
            found = history.search.find(
                q,
                model=model,
                role=role,
                tag=tag,
                starred=starred,
                since=_day(since),
                until=_day(until, ends=True),
                limit=limit,
            )
            # Summaries, translations and trainings have no model that replied, no tags and no stars to be filtered by.
            plain = not (model or role or tag or starred or since or until)
            rooms = (runs.find(q), translations.find(q), trainings.find(q)) if plain else ([], [], [])
            number = sum(map(len, rooms)) + len(found.conversations) + len(found.hits)
            return {"html": results_html(found, *rooms, language), "found": number}

        return answered(request, work)

    @router.get("/filters")
    def filters(request: Request) -> Response:
        return answered(
            request, lambda language: {"html": filters_html(history.models(), list(history.counts().tags), language)}
        )

    @router.get("/details/{message_id}")
    def details(request: Request, message_id: str) -> Response:
        def work(language: str) -> dict[str, Any]:
            message = history.message(message_id)
            state = replays.state(message_id)
            return {"html": details_html(message, state, language), "busy": _busy(state)}

        return answered(request, work)

    @router.get("/tokens/{message_id}")
    def tokens(request: Request, message_id: str) -> Response:
        def work(language: str) -> dict[str, Any]:
            state = replays.state(message_id)
            return {"html": tokens_html(message_id, state, language), "busy": _busy(state)}

        return answered(request, work)

    @router.get("/tree")
    def tree(request: Request, c: str) -> Response:
        return answered(request, lambda language: {"html": tree_html(history.tree(c, deleted=True), language)})

    @router.post("/context")
    def context(request: Request, asked: Asked) -> Response:
        return answered(request, lambda language: _context(service, asked, language))

    @router.get("/prompts")
    def prompts(request: Request) -> Response:
        return answered(request, lambda language: _prompts(service, language))

    @router.post("/fill")
    def filled(request: Request, asked: Asked) -> Response:
        given = asked.get("values")
        values = {str(key): str(value) for key, value in given.items()} if isinstance(given, dict) else {}
        return answered(request, lambda language: {"text": fill(str(asked.get("text") or ""), values)})

    return router


def refused(language: str, error: PlaygroundError) -> Response:
    """What went wrong, for the page's script."""
    return JSONResponse({"error": reason_words(language, str(error))}, status_code=422)


def answered(request: Request, work: Callable[[str], dict[str, Any]]) -> Response:
    """What `work` returns as JSON; what it raises for the user as `error`, in the page's language."""
    language = language_asked(request)
    try:
        return JSONResponse(work(language), headers={"Cache-Control": "no-store"})
    except PlaygroundError as error:
        return refused(language, error)
    except Exception as error:  # A bug must be told in place, not as a page that seems to be offline.
        log.exception("a question of a page failed")
        return JSONResponse({"error": t(language, "error.unexpected", what=type(error).__name__)}, status_code=500)


def _busy(state: ReplayState | None) -> bool:
    return state is not None and state.phase in BUSY


def _context(service: ChatService, asked: dict[str, Any], language: str) -> dict[str, Any]:
    """The meter, before anything is sent; empty while no model is there to count."""
    conversation_id, rule = str(asked.get("conversation") or ""), "oldest"
    system, sampling = service.default_system_prompt(), service.default_sampling()
    leaf = None
    if conversation_id:
        conversation = service.history.conversation(conversation_id)
        system, rule, leaf = conversation.system_prompt, conversation.context, conversation.leaf_id
        sampling = Sampling.from_mapping(conversation.sampling, "conversation")
    if isinstance(asked.get("system"), str):
        system = asked["system"]
    ids = asked.get("files")
    files = service.history.files([str(one) for one in ids] if isinstance(ids, list) else [])
    with service.manager.peek() as engine:
        if engine is None or not counts_here(engine):
            return {}
        meter = measure(engine, service.history.line(leaf), str(asked.get("text") or ""), files, system, sampling, rule)
    return {**vars(meter), "error": reason_words(language, meter.error), "rule": rule}


def _prompts(service: ChatService, language: str) -> dict[str, Any]:
    """Personas and templates, those of the user's own first."""
    chinese = language == "zh"
    answer: dict[str, Any] = {}
    for kind, presets in (("persona", personas()), ("template", templates())):
        own = [
            {"id": one.id, "name": one.name, "text": one.text, "own": True}
            for one in service.history.prompts("persona" if kind == "persona" else "template")
        ]
        ours = [
            {
                "id": one.id,
                "name": one.name_zh if chinese else one.name,
                "text": one.text_zh if chinese else one.text,
                "own": False,
            }
            for one in presets.values()
        ]
        answer[f"{kind}s"] = [{**one, "variables": variables(str(one["text"]))} for one in (*own, *ours)]
    return answer


def _day(text: str, *, ends: bool = False) -> float | None:
    """The beginning of a day (YYYY-MM-DD) in seconds since the epoch, or the beginning of the next one."""
    if not text:
        return None
    try:
        return (datetime.fromisoformat(text) + timedelta(days=ends)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise BadValueError(f"The date {text!r} is none. Write it as 2026-01-31.") from None
