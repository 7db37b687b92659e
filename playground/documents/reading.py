"""Reads a file that someone attached: asks what it is, and hands it to whoever reads such. One door for all kinds.

Knows nothing of where files come from, and keeps none of them.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from playground.documents import archive, docx, epub, pdf
from playground.documents.encodings import decoded
from playground.documents.joining import cleaned
from playground.documents.kinds import LANGUAGES, FileKind, ending_of, kind_of, no_text, not_read, shown
from playground.documents.markdown import read_markdown
from playground.documents.markup import charset_of, read_html
from playground.documents.plain import read_code, read_json, read_notebook, read_subtitles, read_text
from playground.documents.tables import read_table
from playground.documents.values import Block, Document
from playground.errors import BadValueError, MissingError, StorageError

LIMIT = 100_000_000
"""Bytes of the largest file that is read."""
_HEAD = 4096
_MEDIA_TYPES: dict[FileKind, str] = {
    "html": "text/html",
    "csv": "text/csv",
    "json": "application/json",
    "notebook": "application/x-ipynb+json",
    "markdown": "text/markdown",
    "subtitles": "text/vtt",
    "code": "text/plain",
    "text": "text/plain",
}


def read_document(file: Path, name: str, *, limit: int = LIMIT) -> Document:
    """The text of `file`, which its owner calls `name`. Files of more than `limit` bytes are not opened.

    Raises MissingError when it is not there, StorageError when the disk fails, and BadValueError when it is too large,
    empty, damaged, protected, of a kind that has no text, or not what its name says.
    """
    name = cleaned(name)[0].replace("\n", " ")
    with opened(file, name, limit) as stream:
        head = stream.read(_HEAD)
        kind = kind_of(name, head)
        data = head + stream.read(limit - len(head)) if kind not in ("pdf", "zip") else b""
        found = _read(file, name, kind, data)
    if not any(block.text.strip() for block in found.blocks):
        raise BadValueError(f"{shown(name)} holds no text at all. Choose another file.")
    return found


@contextmanager
def opened(file: Path, name: str, limit: int = LIMIT) -> Iterator[BufferedReader]:
    """A file that is there, is one, and is neither empty nor larger than `limit` bytes.

    Raises MissingError, StorageError and BadValueError, also for what goes wrong inside of the `with` block.
    """
    said = shown(name)
    try:
        about = file.stat()
        if not stat.S_ISREG(about.st_mode):
            raise BadValueError(f"{said} is a folder or a device, not a file. Attach files one by one.")
        if about.st_size > limit:
            raise BadValueError(
                f"{said} has {about.st_size / 1e6:,.1f} MB, and files of up to {limit / 1e6:,.1f} MB are read. "
                "Split it, and attach a part."
            )
        with file.open("rb") as stream:
            if not stream.peek(1):
                raise BadValueError(f"{said} is empty. Choose another file.")
            yield stream
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingError(f"{said} is not there any more. Attach it again.") from error
    except OSError as error:
        raise StorageError(f"{said} cannot be read ({error.strerror}). Check its rights, or copy it.") from error


def _read(file: Path, name: str, kind: FileKind, data: bytes) -> Document:
    if kind == "pdf":
        return pdf.read_pdf(file, name)
    if kind == "zip":
        return _unpacked(file, name)
    found = decoded(data, charset_of(data) if kind == "html" else "")
    if found is None:
        raise no_text(name)
    text, dirt = cleaned(found[0])
    if dirt > 0.005 * len(found[0]):
        raise no_text(name)
    notes = (f"Characters that are damaged and could not be read: {found[1]}.",) if found[1] else ()
    blocks, title = _blocks(text, kind, ending_of(name))
    first = next((block.text for block in blocks if block.kind == "heading" and block.level == 1), "")
    return Document(name, _MEDIA_TYPES[kind], blocks, title=title or first, notes=notes)


def _blocks(text: str, kind: FileKind, ending: str) -> tuple[tuple[Block, ...], str]:
    """The blocks of a file that is all text, and its title where it has one."""
    if kind == "html":
        return read_html(text)
    if kind == "markdown":
        return read_markdown(text)
    if kind == "csv":
        return read_table(text, ending), ""
    if kind == "json":
        return read_json(text), ""
    if kind == "notebook":
        return read_notebook(text), ""
    if kind == "subtitles":
        return read_subtitles(text), ""
    return (read_code(text, LANGUAGES[ending]) if kind == "code" else read_text(text)), ""


def _unpacked(file: Path, name: str) -> Document:
    """A DOCX or an EPUB; all other kinds of zip files are told what to do with them."""
    with archive.opened(file, shown(name)) as found:
        members = found.members
        main = docx.main_part(found) if "[Content_Types].xml" in members else None
        if main and main.startswith("word/"):
            return docx.read_docx(found, name)
        if epub.CONTAINER in members:
            return epub.read_epub(found, name)
        if main and main.startswith("xl/"):
            raise not_read(name, "a spreadsheet", "Save the sheet as CSV and attach that file.")
        if main and main.startswith("ppt/"):
            raise not_read(name, "a presentation", "Save it as PDF and attach that file.")
        if "content.xml" in members and "mimetype" in members:
            raise not_read(name, "an OpenDocument file", "Save it as DOCX, PDF or CSV and attach that file.")
        raise not_read(name, "an archive", "Unpack it and attach what is inside.")
