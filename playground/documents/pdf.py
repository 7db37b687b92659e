"""Reads a PDF: asks a process of its own for the lines (`pdf_child`), watches over it, and makes blocks of them.

Knows nothing of how PDFs are built.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from playground.documents.joining import cleaned, flowed
from playground.documents.kinds import shown
from playground.documents.pdf_edges import without_edges
from playground.documents.pdf_layout import HYPHEN, Line, blocks_of
from playground.documents.values import Document
from playground.errors import BadValueError

MEDIA_TYPE = "application/pdf"
MOST_PAGES = 3000
_MOST_CHARACTERS = 30_000_000
_PATIENCE = 60.0
"""Seconds without a page; an ordinary one takes some thousandths."""
_FILE = re.compile(r"^untitled|^microsoft word|\.(?:docx?|tex|dvi|indd|qxd|pptx?|xlsx?|rtf|html?|pdf)$", re.IGNORECASE)
"""Titles that programs make up: the names of the files they printed."""
_UNREADABLE = 0.3
"""The share of signs without meaning from which on a page is not text: its fonts do not say which letters they show."""


def read_pdf(file: Path, name: str) -> Document:
    """The text of a PDF. Raises BadValueError when it is encrypted, damaged, has no text, or takes too long."""
    said = shown(name)
    with _asked(file, said) as answers:
        about = next(answers, {"error": "damaged"})
        if error := about.get("error"):
            raise _refusal(error, said)
        total, pages, unread, characters = int(about["pages"]), [], 0, 0
        for page in answers:
            lines = [Line(*line) for line in page["lines"]]
            if _garbled(lines):
                lines, page["images"] = [], True
            unread += page["images"]
            characters += sum(len(line.text) for line in lines)
            pages.append([line for line in map(_clean, lines) if line.text.strip()])
            if characters > _MOST_CHARACTERS:
                break
        if len(pages) < min(total, MOST_PAGES) and characters <= _MOST_CHARACTERS:
            raise BadValueError(
                f"Page {len(pages) + 1} of {said} cannot be read: it is damaged, or far too large. "
                "Save the PDF without it and attach it again."
            )
    blocks = blocks_of(without_edges(pages)) or blocks_of(pages)
    if not blocks:
        raise _refusal("images" if unread else "blank", said)
    notes = []
    if unread:
        notes.append(f"Pages with pictures alone, such as scans, were not read: {unread} of {total}.")
    if len(pages) < total:
        notes.append(f"Only the first pages were read: {len(pages)} of {total}.")
    title = flowed(cleaned(about["title"])[0])
    title = "" if _FILE.search(title) else title
    first = next((block.text for block in blocks if block.kind == "heading" and block.level == 1), "")
    return Document(name, MEDIA_TYPE, blocks, total, title or first, tuple(notes))


@contextmanager
def _asked(file: Path, name: str) -> Iterator[Iterator[dict[str, Any]]]:
    """The child's answers, one by one. It is ended when this is left, and when it is silent for too long."""
    command = [sys.executable, "-I", str(Path(__file__).with_name("pdf_child.py")), str(file), str(MOST_PAGES)]
    # On Windows a program without a window, not one with a black one.
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=flags,
    ) as child:
        late = threading.Event()

        def give_up() -> None:
            late.set()
            child.kill()

        def answers() -> Iterator[dict[str, Any]]:
            number = 0
            while line := _waited(child, give_up):
                yield json.loads(line)
                number += 1
            if late.is_set():
                raise BadValueError(
                    f"Page {max(number, 1)} of {name} is too complicated to be read. "
                    "Save the PDF without it and attach it again."
                )

        try:
            yield answers()
        finally:
            child.kill()


def _waited(child: subprocess.Popen[bytes], give_up: Any) -> bytes:
    """The next whole line, empty at the end."""
    assert child.stdout is not None
    timer = threading.Timer(_PATIENCE, give_up)
    timer.start()
    try:
        line = child.stdout.readline()
    finally:
        timer.cancel()
        timer.join()
    return line if line.endswith(b"\n") else b""


def _garbled(lines: list[Line]) -> bool:
    """Whether the page's signs mean nothing: no character known, or only private ones."""
    signs = [sign for line in lines for sign in line.text if not sign.isspace()]
    lost = sum(sign in "\x00\ufffd\uffff" or "\ue000" <= sign <= "\uf8ff" for sign in signs)
    return lost > _UNREADABLE * len(signs)


def _clean(line: Line) -> Line:
    hyphened = line.text.rstrip().endswith(HYPHEN)
    text = cleaned(line.text)[0].replace("\n", " ")
    return replace(line, text=text + HYPHEN * hyphened)


def _refusal(reason: str, name: str) -> BadValueError:
    if reason in ("password", "security"):
        return BadValueError(
            f"{name} is protected with a password. Open it in a PDF viewer, save it without the password, "
            "and attach that file."
        )
    if reason == "images":
        return BadValueError(
            f"{name} holds only pictures of its pages (a scan), no text. "
            "Make its text readable with an OCR program first, then attach it again."
        )
    if reason == "blank":
        return BadValueError(f"{name} has only empty pages. Choose another file.")
    return BadValueError(f"{name} is a damaged PDF, or cut off. Save it anew in a PDF viewer, or get it again.")
