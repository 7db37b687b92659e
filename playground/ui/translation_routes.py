"""What the Translate tab asks for and sends: texts, files, commands, rows, exports.

The stream is in `translation_live`, the memory and the glossaries in `memory_routes`.
"""

from __future__ import annotations

import asyncio
import html
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from playground.documents import LIMIT
from playground.errors import BadValueError, PlaygroundError
from playground.languages import NAMES, detect
from playground.models import ModelsService
from playground.overview import title_of
from playground.store.translation_values import SourceFile
from playground.translate.files import name_for, read_pasted, read_source
from playground.translate.options import TranslationOptions
from playground.translate.service import TranslationService
from playground.translate.ways import Way, to_get, ways
from playground.ui.chat_routes import Asked, answered, refused
from playground.ui.file_routes import received, short_name
from playground.ui.strings import language_asked, t
from playground.ui.takes import place, whole
from playground.ui.translation_help import help_html
from playground.ui.translation_list import way_words
from playground.ui.translation_live import TranslationWatcher
from playground.ui.translation_quick import QuickTranslations
from playground.ui.translation_rows import FILTERS, ORDERS, Sheet, chosen, key_of, row_html
from playground.ui.translation_scores import Scored

_LONGEST_NAME = 60


def build_translation_router(
    service: TranslationService, models: ModelsService, folder: Path, closing: asyncio.Event
) -> APIRouter:
    """The routes, all under /page/translate; `folder` is for files on their way."""
    router, store = APIRouter(), service.store
    quick, scored = QuickTranslations(service), Scored()

    @router.get("/live")
    async def live(request: Request, t: str = "", listed: int = 100) -> Response:
        shown = max(1, min(listed, 10_000))
        watcher = TranslationWatcher(service, scored, t, shown, language_asked(request), closing)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(watcher.events(), media_type="text/event-stream", headers=headers)

    @router.post("/quick")
    async def quick_(request: Request, asked: Asked) -> Response:
        language, text = language_asked(request), str(asked.get("text") or "")
        try:
            options = options_of(asked)
            if not options.source and not detect(text):  # Of one word it cannot be told: it goes on as before.
                options = replace(options, source=_known(asked.get("guess"), options.target))
        except PlaygroundError as error:
            return refused(language, error)
        page, live = str(asked.get("page") or ""), asked.get("live") is True
        lines = quick.lines(page, text, options, language, live=live)
        return StreamingResponse(lines, media_type="application/x-ndjson", headers={"Cache-Control": "no-store"})

    @router.post("/detect")
    def detect_(request: Request, asked: Asked) -> Response:
        return answered(request, lambda language: {"source": detect(str(asked.get("text") or ""))})

    @router.get("/ways")
    def ways_(request: Request, source: str, target: str) -> Response:
        return answered(request, lambda language: _ways(service, models, source, target, language))

    @router.post("/attach")
    async def attach(request: Request, name: str, t: str = "") -> Response:
        short = short_name(name)

        def work(file: Path, language: str) -> dict[str, Any]:
            return {"run": service.collect(t, read_source(file, short))}

        return await received(request, folder, LIMIT, work)

    @router.post("/act")
    def act(request: Request, asked: Asked) -> Response:
        return answered(request, lambda language: _act(service, asked, folder, language))

    @router.post("/rows")
    def rows(request: Request, asked: Asked) -> Response:
        def work(language: str) -> dict[str, Any]:
            run_id, have = str(asked.get("run") or ""), {str(one) for one in asked.get("have") or ()}
            shown, order = str(asked.get("shown") or FILTERS[0]), str(asked.get("order") or ORDERS[0])
            scores = scored.of(run_id)
            found, more = chosen(store.segments(run_id), shown, order, scores, have)
            sheet = Sheet(store.get(run_id), store.files(run_id), service.parsed(run_id), scores)
            rows = [[key_of(one), row_html(sheet, one, language)] for one in found]
            return {"rows": rows, "more": more, "scores": _scores(scored, run_id, sheet.files, language)}

        return answered(request, work)

    @router.post("/write")
    def write(request: Request, asked: Asked) -> Response:
        def work(language: str) -> dict[str, Any]:
            run_id, place = str(asked.get("run") or ""), _place(asked)
            base = asked.get("base")
            one = service.write(
                run_id,
                *place,
                str(asked.get("text") or ""),
                confirm=asked.get("confirm") is True,
                base=base if isinstance(base, str) else None,
            )
            sheet = Sheet(store.get(run_id), store.files(run_id), service.parsed(run_id), scored.of(run_id))
            return {"html": row_html(sheet, one, language)}

        return answered(request, work)

    @router.post("/help")
    def help_(request: Request, asked: Asked) -> Response:
        def work(language: str) -> dict[str, Any]:
            run_id, place = str(asked.get("run") or ""), _place(asked)
            one = store.segment(run_id, *place)
            glossary = service.glossary(TranslationOptions.from_mapping(store.get(run_id).options))
            text = str(asked.get("text") or "")
            found, missed = glossary.found(one.source), glossary.missed(one.source, text)
            return {"html": help_html(one, service.like(run_id, *place), found, missed, language)}

        return answered(request, work)

    @router.post("/reference")
    async def reference(request: Request, t: str, document: int, name: str) -> Response:
        short = short_name(name)

        def work(file: Path, language: str) -> dict[str, Any]:
            run, mine = store.get(t), _file(store.files(t), document)
            segments = [one for one in store.segments(t) if one.document == document]
            given = read_source(file, short, mine.columns)
            scored.compare(t, document, segments, given, run.way[-1]["target"])
            return {"html": _scores(scored, t, store.files(t), language)}

        return await received(request, folder, LIMIT, work)

    @router.get("/export")
    def export(request: Request, t: str, format: str, document: int = 0) -> Response:
        language = language_asked(request)
        try:
            name, data, media_type = _exported(service, t, document, format)
        except PlaygroundError as error:
            return refused(language, error)
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", "Cache-Control": "no-store"}
        return Response(data, media_type=media_type, headers=headers)

    return router


def _act(service: TranslationService, asked: dict[str, Any], folder: Path, language: str) -> dict[str, Any]:
    """One command; the answer names the translation that is to be shown."""
    action, run_id, store = str(asked.get("action")), str(asked.get("run") or ""), service.store
    done: dict[str, Callable[[], None]] = {
        "resume": lambda: service.resume(run_id),
        "stop": lambda: service.stop(run_id),
        "rename": lambda: store.rename(run_id, str(asked.get("title") or "")),
        "restore": lambda: store.restore(run_id),
        "purge": lambda: store.purge(run_id),
    }
    if action == "start":
        service.begin(run_id, options_of(asked)) if run_id else service.start([], options_of(asked))
    elif action == "open":
        text = str(asked.get("text") or "")
        file = read_pasted(text, f"{_name_of(text, language)}.txt")
        run_id = service.start([file], options_of(asked), title=_name_of(text, language))
    elif action == "remove":
        names = [one.name for one in store.files(run_id)]
        store.remove_file(run_id, place(asked.get("position")))
        if not (left := store.files(run_id)):  # Nothing is left that one could go back to.
            store.trash(run_id)
            store.purge(run_id)
            service.announce(run_id)
            return {"run": ""}
        if store.get(run_id).title in names:  # Else somebody gave it.
            store.rename(run_id, left[0].name)
    elif action == "columns":
        _choose_columns(service, run_id, place(asked.get("position")), str(asked.get("names") or ""), folder)
    elif action == "delete":
        service.stop(run_id)
        store.trash(run_id)
    elif action in done:
        done[action]()
    else:
        raise BadValueError(f"There is no command {action!r}.")
    service.announce(run_id)
    return {"run": run_id}


def _choose_columns(service: TranslationService, run_id: str, position: int, names: str, folder: Path) -> None:
    """Read a table or JSON again, with these columns or keys only."""
    file = _file(service.store.files(run_id), position)
    columns = [one.strip() for one in names.replace("，", ",").split(",") if one.strip()]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="upload-") as place:
        path = Path(place) / "file"
        path.write_bytes(file.data)
        made = read_source(path, file.name, columns)
    service.store.remove_file(run_id, position)
    service.store.add_file(run_id, made)


def _ways(
    service: TranslationService, models: ModelsService, source: str, target: str, language: str
) -> dict[str, Any]:
    """Choices for a pair, the best first, and the models that could be fetched for it."""
    if source not in NAMES or target not in NAMES or source == target:
        return {"ways": [], "get": [], "made": False}
    local = service.models()
    found = ways(source, target, local, service.manager.chosen)

    def said(way: Way) -> str:
        words = way_words([vars(step) for step in way.steps], language)
        return t(language, "t.by_chat", name=words) if way.steps[0].kind == "chat" else words

    choices = [[way.name, said(way), way.steps[0].kind] for way in found]
    direct = bool(found) and found[0].steps[0].kind == "seq2seq" and not found[0].bridge
    offers = [] if direct else to_get(source, target, models.overview().offers, [one.name for one in local])
    get = [[title_of(one.preset.id), t(language, "t.size", n=round(one.preset.size / 1e6))] for one in offers]
    return {"ways": choices, "get": get, "made": bool(found) and found[0].steps[0].kind == "seq2seq"}


def _exported(service: TranslationService, run_id: str, document: int, format: str) -> tuple[str, bytes, str]:
    """Name, contents and media type."""
    from playground.exchange import safe_name
    from playground.translate.export import FORMATS

    store = service.store
    run, file = store.get(run_id), _file(store.files(run_id), document)
    if not run.way:
        raise BadValueError("This is not translated yet. Press Translate first.")
    if format == "file":
        return name_for(file, run.way[-1]["target"]), service.output(run_id, document), "application/octet-stream"
    if format not in FORMATS:
        raise BadValueError(f"There is no command {format!r}.")
    made = FORMATS[format]
    segments = [one for one in store.segments(run_id) if one.document == document]
    return safe_name(file.name, made.suffix), made.write(run, file, segments), made.media_type


def _scores(scored: Scored, run_id: str, files: Sequence[SourceFile], language: str) -> str:
    """What each document was compared with, and how near it came."""
    out = ""
    for document, found, reference in scored.told(run_id):
        values = dict(bleu=f"{found.bleu:.1f}", chrf=f"{found.chrf:.1f}")
        said = t(language, "t.scores", name=files[document].name, reference=reference, **values)
        signatures = f"BLEU {found.bleu_signature}\nchrF {found.chrf_signature}"
        out += f"<p>{html.escape(said)}</p><pre>{html.escape(signatures)}</pre>"
    return out


def options_of(asked: dict[str, Any]) -> TranslationOptions:
    """The page's choices. Raises BadValueError naming what cannot be."""
    names = ("target", "source", "model", "formality")
    given: dict[str, Any] = {name: str(asked.get(name) or "") for name in names}
    glossaries = [str(one) for one in asked.get("glossaries") or ()]
    return TranslationOptions.from_mapping(
        {**given, "glossaries": glossaries, "memory": asked.get("memory") is not False}
    )


def _known(code: Any, target: str) -> str:
    """A language that the page took the text to be in before; not one that it is to be translated into."""
    return str(code) if code in NAMES and code != target else ""


def _place(asked: dict[str, Any]) -> tuple[int, int]:
    return whole(asked.get("document")), whole(asked.get("position"))


def _file(files: Sequence[SourceFile], document: int) -> SourceFile:
    if not 0 <= document < len(files):
        raise BadValueError("This file is not part of the translation (any more). Open the translation again.")
    return files[document]


def _name_of(text: str, language: str) -> str:
    lines = text.strip().splitlines()
    first = " ".join(lines[0].split()) if lines else ""
    return first if 0 < len(first) <= _LONGEST_NAME else t(language, "s.pasted")
