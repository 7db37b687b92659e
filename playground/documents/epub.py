"""Reads electronic books (EPUB): their chapters in order, each as HTML. Knows nothing of zip and its dangers."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote

from playground.documents.archive import Archive, damaged, elements
from playground.documents.encodings import decoded
from playground.documents.joining import cleaned
from playground.documents.markup import charset_of, read_html
from playground.documents.values import Block, Document
from playground.errors import BadValueError

MEDIA_TYPE = "application/epub+zip"
CONTAINER, _LOCKS = "META-INF/container.xml", "META-INF/encryption.xml"
_MOST_CHAPTERS = 5000


def read_epub(archive: Archive, name: str) -> Document:
    """All chapters. Raises BadValueError when the book is damaged, or locked by its seller."""
    package = next((str(one.get("full-path", "")) for one in elements(archive, CONTAINER, "{*}rootfile")), "")
    if package not in archive.members:
        raise damaged(archive.name)
    title, files, order = "", dict[str, str](), list[str]()
    for element in elements(archive, package, "{*}title", "{*}item", "{*}itemref"):
        tag = str(element.tag).rpartition("}")[2]
        if tag == "title":
            title = title or (element.text or "").strip()
        elif tag == "item":
            files[str(element.get("id", ""))] = _inside(package, str(element.get("href", "")))
        else:
            order.append(str(element.get("idref", "")))
    chapters = [files[one] for one in order if files.get(one) in archive.members][:_MOST_CHAPTERS]
    if locked := _locked(archive):
        chapters = [chapter for chapter in chapters if chapter not in locked]
        if not chapters:
            raise BadValueError(f"{archive.name} is locked with a seller's copy protection. Choose a book without it.")
    blocks: list[Block] = []
    for chapter in chapters:
        data = archive.read(chapter)
        text = decoded(data, charset_of(data))
        blocks.extend(read_html(cleaned(text[0])[0])[0] if text else ())
    missing = len(order) - len(chapters)
    notes = (f"Chapters that could not be read: {missing} of {len(order)}.",) if missing else ()
    return Document(name, MEDIA_TYPE, tuple(blocks), title=cleaned(title)[0], notes=notes)


def _inside(package: str, href: str) -> str:
    """The member that a chapter's address means."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(package), unquote(href.partition("#")[0])))


def _locked(archive: Archive) -> set[str]:
    """The members that are encrypted; fonts are in many books, which does not matter."""
    if _LOCKS not in archive.members:
        return set()
    return {unquote(str(one.get("URI", ""))) for one in elements(archive, _LOCKS, "{*}CipherReference")}
