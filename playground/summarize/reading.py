"""Files and pasted texts become documents of a run. Knows nothing of models."""

from __future__ import annotations

import hashlib
from pathlib import Path

from playground.documents import Document, read_document
from playground.documents.joining import cleaned
from playground.documents.plain import read_text
from playground.engine.transfer import sha256_of
from playground.errors import BadValueError
from playground.languages import detect
from playground.store.run_values import RunDocument
from playground.summarize.splitting import Kept

LONGEST = 20_000_000
"""Characters of one document; some 7,000 pages."""


def read_file(file: Path, name: str) -> RunDocument:
    """Read a file that its owner calls `name`. Raises as `read_document` does, and for one that is far too long."""
    document = read_document(file, name)
    return _kept(document, file.stat().st_size, sha256_of(file))


def read_pasted(text: str, name: str) -> RunDocument:
    """Take a text that was pasted. Raises BadValueError when there is none."""
    text = cleaned(text)[0]
    if not text.strip():
        raise BadValueError("There is no text. Paste one, or choose a file.")
    data = text.encode()
    document = Document(name, "text/plain", read_text(text))
    return _kept(document, len(data), hashlib.sha256(data).hexdigest())


def kept_blocks(document: Document) -> tuple[Kept, ...]:
    """A document's blocks as they are kept beside its text."""
    return tuple(
        (block.kind, block.level, block.page, start)
        for block, start in zip(document.blocks, document.offsets(), strict=True)
    )


def _kept(document: Document, size: int, sha256: str) -> RunDocument:
    text = document.text()
    if len(text) > LONGEST:
        raise BadValueError(
            f"{document.name} has {len(text):,} characters, and {LONGEST:,} can be summarized at once. "
            "Split it, and summarize the pieces."
        )
    return RunDocument(
        document.name,
        document.media_type,
        size,
        sha256,
        document.pages,
        document.notes,
        detect(text),
        text,
        kept_blocks(document),
    )
