"""What the Translate tab asks for about its memory and its glossaries: look, add, take out, bring back, give away."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from playground.documents import LIMIT
from playground.errors import BadValueError, PlaygroundError
from playground.store.memory import Memory
from playground.store.translation_values import Unit
from playground.translate.glossary import read_glossary
from playground.translate.tmx import is_code, read_tmx, write_tmx
from playground.ui.chat_routes import Asked, answered, refused
from playground.ui.file_routes import received, short_name
from playground.ui.memory_view import glossaries_html, pairs_html, taken_words, terms_html, units_html
from playground.ui.strings import language_asked
from playground.ui.takes import whole

_FOUND = 100


def build_memory_router(memory: Memory, folder: Path) -> APIRouter:
    """The routes, all under /page/memory; `folder` is for files on their way."""
    router = APIRouter()

    @router.get("")
    def pairs(request: Request) -> Response:
        def work(language: str) -> dict[str, Any]:
            numbers = memory.counts()
            return {"html": pairs_html(numbers, language), "units": sum(numbers.values())}

        return answered(request, work)

    @router.get("/units")
    def units(request: Request, q: str = "") -> Response:
        def work(language: str) -> dict[str, Any]:
            found = memory.units(text=q.strip(), limit=_FOUND + 1)
            return {"html": units_html(found[:_FOUND], len(found) > _FOUND, language)}

        return answered(request, work)

    @router.post("/act")
    def act(request: Request, asked: Asked) -> Response:
        return answered(request, lambda language: _act(memory, asked))

    @router.post("/import")
    async def import_(request: Request, name: str) -> Response:
        short = short_name(name)

        def work(file: Path, language: str) -> dict[str, Any]:
            found, left = read_tmx(file.read_bytes(), short)
            return {"said": taken_words(memory.keep(found), len(found), left, language)}

        return await received(request, folder, LIMIT, work)

    @router.get("/export")
    def export(request: Request, source: str = "", target: str = "") -> Response:
        try:
            found = memory.units(source, target)
        except PlaygroundError as error:
            return refused(language_asked(request), error)
        name = f"memory.{source}-{target}.tmx" if source else "memory.tmx"
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", "Cache-Control": "no-store"}
        return Response(write_tmx(found), media_type="application/x-tmx+xml", headers=headers)

    @router.get("/glossaries")
    def glossaries(request: Request) -> Response:
        def work(language: str) -> dict[str, Any]:
            found = memory.glossaries()
            return {"html": glossaries_html(found, language), "ids": [one.id for one in found]}

        return answered(request, work)

    @router.get("/terms")
    def terms(request: Request, id: str) -> Response:
        return answered(request, lambda language: {"html": terms_html(memory.glossaries([id])[0], language)})

    @router.post("/glossary")
    async def glossary(request: Request, name: str) -> Response:
        short = short_name(name)

        def work(file: Path, language: str) -> dict[str, Any]:
            found = read_glossary(short, file.read_bytes())
            return {"id": memory.add_glossary(short, [asdict(term) for term in found])}

        return await received(request, folder, LIMIT, work)

    return router


def _act(memory: Memory, asked: dict[str, Any]) -> dict[str, Any]:
    """Take something out, or bring it back; what was taken out of the memory is in the answer, for that."""
    action, one = str(asked.get("action")), str(asked.get("id") or "")
    if action == "forget":
        known = [number] if (number := whole(one)) >= 0 else []
        return {"units": [asdict(unit) for unit in memory.forget(known)]}
    if action == "keep":
        memory.keep(_unit(values) for values in asked.get("units") or ())
    elif action == "drop_glossary":
        memory.remove_glossary(one)
    elif action == "restore_glossary":
        memory.restore_glossary(one)
    else:
        raise BadValueError(f"There is no command {action!r}.")
    return {}


def _unit(values: Any) -> Unit:
    """As `forget` gave it."""
    names = ("source_language", "target_language", "source", "target", "context", "origin")
    if not isinstance(values, dict) or not all(isinstance(values.get(name), str) for name in names):
        raise BadValueError("What was deleted could not be brought back. Import it again.")
    if not (is_code(values["source_language"]) and is_code(values["target_language"])):
        raise BadValueError("What was deleted could not be brought back. Import it again.")
    return Unit(0, **{name: values[name] for name in names}, created_at=0.0, updated_at=_seconds(values))


def _seconds(values: dict[str, Any]) -> float:
    """When it was confirmed last, so that it comes back to its place."""
    said = values.get("updated_at")
    return float(said) if isinstance(said, int | float) else 0.0
