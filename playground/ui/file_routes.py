"""Files that come and go: attachments, images, imports, exports. What is sent is streamed to disk."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.requests import ClientDisconnect

from playground.chat import ChatService
from playground.context import refuse_blind
from playground.documents import LIMIT, read_document
from playground.documents.joining import cleaned
from playground.documents.pictures import is_picture, read_picture
from playground.engine.transfer import sha256_of
from playground.errors import BadValueError, PlaygroundError
from playground.exchange import FORMATS, Words, all_ids, export, import_file, safe_name
from playground.meter import count_file, counts_here
from playground.records import Attachment
from playground.store.rows import new_id
from playground.ui.chat_routes import refused
from playground.ui.import_view import report_html
from playground.ui.messages_view import reply_blocks
from playground.ui.reasons import reason_words
from playground.ui.strings import language_asked, t

_LARGEST_IMPORT = 4 << 30
"""Bytes; an archive of a whole account."""
_PIECE = 1 << 20
"""Bytes that are written at one go."""
_LONGEST_NAME = 200
log = logging.getLogger(__name__)


def build_file_router(service: ChatService, folder: Path) -> APIRouter:
    """The routes, all under /page; `folder` is for files on their way. What a killed app left in it goes."""
    for left in folder.glob("upload-*"):
        try:
            shutil.rmtree(left)
        except OSError:  # Another program looks at it, such as a virus scanner: the next start tries again.
            log.warning("a file that was on its way could not be deleted", exc_info=True)
    router, history = APIRouter(), service.history

    @router.post("/attach")
    async def attach(request: Request, name: str) -> Response:
        short = short_name(name)
        return await received(request, folder, LIMIT, lambda file, language: _attach(service, file, short, language))

    @router.get("/image/{attachment_id}")
    def image(request: Request, attachment_id: str) -> Response:
        found = history.files([attachment_id])
        # Whatever a file said of itself: nothing but these two is shown as what it is.
        if not found or found[0].data is None or found[0].media_type not in ("image/png", "image/jpeg"):
            language = language_asked(request)
            words = reason_words(language, "This image is not kept any more.")
            return JSONResponse({"error": words}, status_code=404)
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Response(found[0].data, media_type=found[0].media_type, headers=headers)

    @router.post("/import")
    async def import_(request: Request, name: str) -> Response:
        def work(file: Path, language: str) -> dict[str, Any]:
            try:
                report = import_file(history, file)
            finally:
                service.announce("-")  # What was taken before an error is there.
            return {
                "html": report_html(report, short_name(name), language),
                "imported": [one for one, _ in report.imported],
            }

        return await received(request, folder, _LARGEST_IMPORT, work)

    @router.get("/export")
    def export_(request: Request, format: str, c: str = "", upto: str = "") -> Response:
        ids = [one for one in c.split(",") if one] or all_ids(history)
        language = language_asked(request)
        try:
            title = history.conversation(ids[0]).title if len(ids) == 1 else "conversations"
            words = _words(language)
            pieces = export(
                history, ids, format, upto=upto or None, render=lambda text: reply_blocks(text, language), words=words
            )
        except PlaygroundError as error:
            return refused(language, error)
        name = safe_name(title, FORMATS[format].suffix)
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", "Cache-Control": "no-store"}
        return StreamingResponse(pieces, media_type=FORMATS[format].media_type, headers=headers)

    return router


async def received(request: Request, folder: Path, limit: int, work: Any) -> Response:
    """Write the body into a file of its own, let `work` read it in a thread, delete it."""
    language = language_asked(request)
    try:
        declared = int(request.headers.get("content-length", 0))
        if declared > limit:
            raise BadValueError(_too_large(declared, limit))
        folder.mkdir(parents=True, exist_ok=True)
        # A folder, not a temporary file: on Windows that could not be opened a second time.
        with tempfile.TemporaryDirectory(dir=folder, prefix="upload-") as place:
            file = Path(place) / "file"
            await _save(request.stream(), file, limit)
            answer = await anyio.to_thread.run_sync(work, file, language)
        return JSONResponse(answer)
    except ClientDisconnect:  # The page gave it up; nobody reads this answer.
        return Response(status_code=499)
    except PlaygroundError as error:
        return refused(language, error)
    except OSError as error:
        words = f"The file could not be kept for reading: {error.strerror}. Free some space and try again."
        return JSONResponse({"error": reason_words(language, words)}, status_code=507)


async def _save(body: AsyncIterator[bytes], path: Path, limit: int) -> None:
    size, waiting = 0, bytearray()
    async with await anyio.open_file(path, "wb") as file:
        async for piece in body:
            size += len(piece)
            if size > limit:
                raise BadValueError(_too_large(size, limit))
            waiting += piece
            if len(waiting) >= _PIECE:
                await file.write(bytes(waiting))
                waiting.clear()
        await file.write(bytes(waiting))


def short_name(name: str) -> str:
    """A file's name that is not too long to be shown; its ending says what it is."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 20]}…{name[-19:]}"


def _words(language: str) -> Words:
    """What an exported document says by itself."""
    return Words(
        language="zh-CN" if language == "zh" else "en",
        you=t(language, "you"),
        model=t(language, "model"),
        system=t(language, "system_prompt"),
        attached=t(language, "export.attached"),
        stopped=t(language, "export.stopped"),
        failed=t(language, "export.failed"),
    )


def _too_large(size: int, limit: int) -> str:
    return f"The file has {size / 1e6:.0f} MB; at most {limit / 1e6:.0f} MB can be taken. Split it, or choose a part."


def _attach(service: ChatService, file: Path, name: str, language: str) -> dict[str, Any]:
    """Read a file, keep its text or image until a message takes it, and say what it is and how many tokens it has."""
    with file.open("rb") as stream:
        picture = is_picture(stream.read(16))
    if picture:
        with service.manager.peek() as engine:
            if engine is not None:
                refuse_blind(engine)
    attachment = (_image if picture else _document)(file, name)
    service.history.keep_file(attachment)
    with service.manager.peek() as engine:
        counted = engine is not None and counts_here(engine)
        tokens = count_file(engine, attachment) if engine is not None and counted else None
    notes = [reason_words(language, note) for note in attachment.notes]
    said = {"id": attachment.id, "name": attachment.name, "tokens": tokens, "pages": attachment.pages, "notes": notes}
    return said | ({"image": True} if picture else {})


def _document(file: Path, name: str) -> Attachment:
    document = read_document(file, name)
    text = document.text()
    return Attachment(
        id=new_id(),
        name=document.name,
        media_type=document.media_type,
        size=file.stat().st_size,
        sha256=sha256_of(file),
        pages=document.pages,
        notes=document.notes,
        characters=len(text),
        text=text,
    )


def _image(file: Path, name: str) -> Attachment:
    image, notes = read_picture(file, name)
    return Attachment(
        id=new_id(),
        name=cleaned(name)[0].replace("\n", " "),
        media_type=image.media_type,
        size=file.stat().st_size,
        sha256=sha256_of(file),
        pages=None,
        notes=notes,
        characters=0,
        width=image.width,
        height=image.height,
        data=image.data,
    )
