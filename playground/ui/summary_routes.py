"""What the Summarize tab asks for and sends: files, commands, sources, exports. The stream is in `summary_live`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from playground.chat import ChatService
from playground.documents import LIMIT
from playground.engine.reading_choice import plain
from playground.errors import BadValueError, PlaygroundError
from playground.overview import title_of
from playground.store.history import TurnSettings
from playground.summarize.asking import Asking
from playground.summarize.instructions import check_style
from playground.summarize.options import SummaryOptions, read_length
from playground.summarize.reading import read_file, read_pasted
from playground.summarize.service import SummaryService
from playground.ui.chat_routes import Asked, answered, refused
from playground.ui.file_routes import received, short_name
from playground.ui.source_view import source_html
from playground.ui.strings import language_asked, t
from playground.ui.summary_live import RunWatcher
from playground.ui.summary_view import other_html
from playground.ui.summary_words import summary_words
from playground.ui.takes import place, whole

_WIDEST = 4096


def build_summary_router(
    service: SummaryService, asking: Asking, chat: ChatService, folder: Path, closing: asyncio.Event
) -> APIRouter:
    """The routes, all under /page/summaries; `folder` is for files on their way."""
    router, runs = APIRouter(), service.runs

    @router.get("/live")
    async def live(request: Request, s: str = "", listed: int = 100) -> Response:
        watcher = RunWatcher(service, s, max(1, min(listed, 10_000)), language_asked(request), closing)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(watcher.events(), media_type="text/event-stream", headers=headers)

    @router.post("/attach")
    async def attach(request: Request, name: str, s: str = "") -> Response:
        short = short_name(name)

        def work(file: Path, language: str) -> dict[str, Any]:
            return {"run": service.collect(s, read_file(file, short))}

        return await received(request, folder, LIMIT, work)

    @router.post("/act")
    def act(request: Request, asked: Asked) -> Response:
        return answered(request, lambda language: _act(service, asked, language))

    @router.post("/ask")
    def ask(request: Request, s: str) -> Response:
        def work(language: str) -> dict[str, Any]:
            settings = TurnSettings(chat.default_system_prompt(), chat.default_sampling().to_dict())
            conversation = asking.open(s, settings)
            chat.announce(conversation)
            return {"conversation": conversation}

        return answered(request, work)

    @router.get("/source")
    def source(request: Request, s: str, document: int, start: int = 0, end: int = 0, wide: int = 1) -> Response:
        def work(language: str) -> dict[str, Any]:
            documents = runs.documents(s)
            if not 0 <= document < len(documents):
                raise BadValueError("This document is not part of the summary (any more). Open the summary again.")
            shown = documents[document]
            inside = source_html(shown, start, end, language, wide=max(1, min(wide, _WIDEST)))
            return {"name": shown.name, "html": inside}

        return answered(request, work)

    @router.get("/text")
    def text(request: Request, s: str) -> Response:
        def work(language: str) -> dict[str, Any]:
            run = runs.run(s)
            models = dict.fromkeys([plain(run.model), service.manager.chosen]) if run.model else {}
            named = [[name, title_of(name)] for name in models if name]
            return {"text": run.text, "options": dict(run.options), "models": named}

        return answered(request, work)

    @router.get("/shown")
    def shown(request: Request, s: str) -> Response:
        return answered(request, lambda language: {"html": other_html(runs.run(s), language)})

    @router.get("/export")
    def export(request: Request, s: str, format: str) -> Response:
        from playground.exchange import safe_name
        from playground.summarize.export import FORMATS, export_run

        language = language_asked(request)
        try:
            run = runs.run(s)
            data = export_run(run, runs.documents(s), runs.nodes(s), format, summary_words(language))
        except PlaygroundError as error:
            return refused(language, error)
        name = safe_name(run.title, FORMATS[format].suffix)
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", "Cache-Control": "no-store"}
        return Response(data, media_type=FORMATS[format].media_type, headers=headers)

    return router


def _act(service: SummaryService, asked: dict[str, Any], language: str) -> dict[str, Any]:
    """One command; the answer names the run that is to be shown."""
    action, run_id, runs = str(asked.get("action")), str(asked.get("run") or ""), service.runs
    if action == "start":
        text, options = str(asked.get("text") or ""), options_of(asked)
        check_style(options)  # Before the text is kept: with another try it would stand there twice.
        if text.strip():
            run_id = service.collect(run_id, read_pasted(text, _name_of(text, language)))
        service.begin(run_id, options) if run_id else service.start([], options)
    elif action == "again":
        run_id = service.again(run_id, options_of(asked), model=str(asked.get("model") or ""))
    elif action == "remove":
        names = [one.name for one in runs.documents(run_id)]
        runs.remove_document(run_id, place(asked.get("position") or 0))
        if not (left := runs.documents(run_id)):  # Nothing is left that one could go back to.
            runs.trash(run_id)
            runs.purge(run_id)
            service.announce(run_id)
            return {"run": ""}
        if runs.run(run_id).title in names:  # Else somebody gave it.
            runs.rename(run_id, left[0].name)
    elif action == "resume":
        service.resume(run_id)
    elif action == "stop":
        service.stop(run_id)
    elif action == "rename":
        runs.rename(run_id, str(asked.get("title") or ""))
    elif action == "delete":
        service.stop(run_id)
        runs.trash(run_id)
    elif action == "restore":
        runs.restore(run_id)
    elif action == "purge":
        runs.purge(run_id)
    else:
        raise BadValueError(f"There is no command {action!r}.")
    service.announce(run_id)
    return {"run": run_id}


def options_of(asked: dict[str, Any]) -> SummaryOptions:
    """The form's values. Raises BadValueError naming what cannot be."""
    words, share = read_length(str(asked.get("length") or ""))
    seed = str(asked.get("seed") or "0").strip()
    if whole(seed) < 0:
        raise BadValueError(f"seed is {seed!r}. Give a whole number, or leave it empty.")
    names = ("style", "instruction", "language", "audience", "mode", "pages")
    given = {name: str(asked[name]) for name in names if asked.get(name)}
    return SummaryOptions.from_mapping({**given, "words": words, "share": share, "seed": whole(seed)})


def _name_of(text: str, language: str) -> str:
    first = " ".join(text.strip().splitlines()[0].split())
    return first if len(first) <= 60 else t(language, "s.pasted")
