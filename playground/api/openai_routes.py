"""The routes of /v1: an API that OpenAI's clients can be pointed at, and two of our own. Each asks for a key first."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.convertors import StringConvertor, register_url_convertor

from playground.access.throttle import Throttle
from playground.api.openai_access import Caller, Door, QuotaOf
from playground.api.openai_bodies import (
    ChatBody,
    CompletionBody,
    EmbeddingBody,
    SummarizeBody,
    TranslateBody,
)
from playground.api.openai_errors import ApiError, ShapedRoute, json_response
from playground.api.openai_models import Shelf
from playground.api.openai_more import Answer, Summaries, embedded, options_of, translated
from playground.api.openai_reading import B, read_body
from playground.api.openai_replies import Asked, Piece, asked_in_chat, asked_to_go_on, written
from playground.api.openai_schema import described
from playground.api.openai_shapes import ChatShape, CompletionShape, Shape, events
from playground.api.openai_work import Desk, Work
from playground.engine.embedding import Embedders
from playground.models import ModelsService
from playground.store.access import Access
from playground.translate.service import TranslationService

_MOST = 64
"""Requests at work and in line, each with a thread; the model manager serves them in turn."""
_HEADERS_SECONDS = 20.0
"""How long a stream waits for its first word before it answers that it is there: until then an error has a status."""


class _Whole(StringConvertor):
    """The rest of an address; Starlette's own ends at a line break."""

    regex = r"[\s\S]*"


register_url_convertor("whole", _Whole())
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


def build_openai_router(
    models: ModelsService,
    embedders: Embedders,
    translations: TranslationService,
    access: Access,
    quota_of: QuotaOf,
    place: Path,
    closing: asyncio.Event,
    throttle: Throttle | None = None,
) -> APIRouter:
    """Routes for the prefix /v1.

    `quota_of` gives the one Quota of a key; `place` is a folder for texts while they are summarized, emptied now;
    `closing` is set when the app ends; `throttle` counts wrong keys by address.
    """
    router = APIRouter(route_class=ShapedRoute)
    door = Door(access, quota_of, throttle or Throttle(most=5, seconds=60.0))
    shelf, desk = Shelf(models, embedders), Desk(_MOST, closing)
    manager, summaries = models.manager, Summaries(shelf, place)

    async def received(request: Request, scope: str, kind: type[B]) -> tuple[Caller, B]:
        caller = await door.enter(request, scope)
        with desk.receiving(caller.key.id):
            return caller, await read_body(request, kind)

    async def answered(request: Request, caller: Caller, asked: Asked, shape: Shape, *, stream: bool) -> Response:
        def make(stop: threading.Event) -> Iterator[Piece]:
            return written(manager, caller.quota, asked, stop)

        work = Work(request, desk, make, caller.quota)
        if not stream:
            return json_response(shape.whole(await work.all()))
        try:
            first = await work.next(_HEADERS_SECONDS)
        except TimeoutError:
            first = None
        except BaseException:
            work.stop()
            raise
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(events(work, shape, first), media_type="text/event-stream", headers=headers)

    @router.get("/models", **described("List the models of this machine"))
    async def list_models(request: Request) -> Response:
        await door.enter(request)
        found = await run_in_threadpool(shelf.all)
        return json_response({"object": "list", "data": [one.shown() for one in found]})

    @router.get("/models/{model_id:whole}", **described("Look at one model"))
    async def one_model(request: Request, model_id: str) -> Response:
        await door.enter(request)
        return json_response((await run_in_threadpool(shelf.find, model_id)).shown())

    @router.post("/chat/completions", **described("Answer a conversation", ChatBody))
    async def chat(request: Request) -> Response:
        caller, body = await received(request, "chat", ChatBody)
        asked = asked_in_chat(body, await run_in_threadpool(shelf.writer, body.model))
        shape = ChatShape(asked, include_usage=body.tells_usage)
        return await answered(request, caller, asked, shape, stream=bool(body.stream))

    @router.post("/completions", **described("Go on with a text", CompletionBody))
    async def completion(request: Request) -> Response:
        caller, body = await received(request, "chat", CompletionBody)
        asked = asked_to_go_on(body, await run_in_threadpool(shelf.writer, body.model))
        shape = CompletionShape(asked, include_usage=body.tells_usage, echo=bool(body.echo))
        return await answered(request, caller, asked, shape, stream=bool(body.stream))

    @router.post("/embeddings", **described("Turn texts into vectors", EmbeddingBody))
    async def embeddings(request: Request) -> Response:
        caller, body = await received(request, "embeddings", EmbeddingBody)
        model = await run_in_threadpool(shelf.embedder, body.model)

        def make(stop: threading.Event) -> Iterator[Answer]:
            return embedded(shelf, caller.quota, model, body, stop)

        return await _only(Work(request, desk, make, caller.quota))

    @router.post("/translate", **described("Translate a text", TranslateBody))
    async def translate(request: Request) -> Response:
        caller, body = await received(request, "translate", TranslateBody)

        def make(stop: threading.Event) -> Iterator[Answer]:
            return translated(shelf, caller.quota, translations, body, stop)

        return await _only(Work(request, desk, make, caller.quota))

    @router.post("/summarize", **described("Summarize a text", SummarizeBody))
    async def summarize(request: Request) -> Response:
        caller, body = await received(request, "summaries", SummarizeBody)
        options_of(body)

        def make(stop: threading.Event) -> Iterator[Answer]:
            return summaries.made(caller.quota, body, stop)

        return await _only(Work(request, desk, make, caller.quota))

    known = {route.path for route in router.routes if isinstance(route, ShapedRoute)}

    @router.api_route("/{rest:whole}", methods=_METHODS, include_in_schema=False)
    async def anything_else(request: Request, rest: str) -> Response:
        await door.enter(request)
        if f"/{rest}" in known or rest.startswith("models/"):
            raise ApiError(405, f"{request.method} is not for this address.", code="method_not_allowed")
        raise ApiError(404, "There is nothing at this address.", code="unknown_url")

    return router


async def _only(work: Work[Answer]) -> Response:
    return json_response((await work.all())[-1])
