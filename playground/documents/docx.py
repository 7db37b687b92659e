"""Reads Word files (DOCX): headings, lists, tables, text boxes and footnotes. Knows nothing of zip and its dangers.

Written out here because python-docx unpacks every picture into memory, and sees neither text boxes nor footnotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from playground.documents.archive import Archive, damaged, elements
from playground.documents.docx_styles import Numbering, Styles
from playground.documents.joining import cleaned
from playground.documents.tables import markdown_table
from playground.documents.values import Block, Document

if TYPE_CHECKING:
    from lxml.etree import _Element

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_WORDS = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
_PASSED = frozenset({"Fallback", "del", "moveFrom", "instrText", "delText", "rt", "pPr", "rPr", "sdtPr", "txbxContent"})
"""Elements that say nothing of their own: second versions of a drawing, what was deleted, formulas of fields."""
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_OFFICE = re.compile(r"/officeDocument$")


def read_docx(archive: Archive, name: str) -> Document:
    """All text of the body. Raises BadValueError when the file is damaged."""
    main = main_part(archive)
    if main is None:
        raise damaged(archive.name)
    folder = PurePosixPath(main).parent
    styles = Styles(archive, str(folder / "styles.xml"))
    reader = _Reader(styles, Numbering(archive, str(folder / "numbering.xml")))
    for element in elements(archive, main, "{*}p", "{*}tbl"):
        if _is_words(element) and not any(_tag(one) in ("tbl", "p") for one in element.iterancestors()):
            reader.take(element)
            _forget(element)
    for kind in ("footnote", "endnote"):
        reader.notes(archive, str(folder / f"{kind}s.xml"), kind)
    return Document(name, MEDIA_TYPE, reader.ended(), title=_title(archive) or reader.title)


def main_part(archive: Archive) -> str | None:
    """The member that holds the body, which need not be `word/document.xml`."""
    if "_rels/.rels" not in archive.members:
        return None
    for element in elements(archive, "_rels/.rels", "{*}Relationship"):
        target = str(element.get("Target", "")).lstrip("/")
        if _OFFICE.search(str(element.get("Type", ""))) and target in archive.members:
            return target
    return None


def _tag(element: _Element) -> str:
    """The name without its namespace; empty for comments and entities, which are no elements."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _is_words(element: _Element) -> bool:
    return element.tag.startswith(tuple("{" + one + "}" for one in _WORDS))


def _forget(element: _Element) -> None:
    """Let go of what has been read, so that a large file needs no large tree."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _title(archive: Archive) -> str:
    if "docProps/core.xml" not in archive.members:
        return ""
    titles = [element.text or "" for element in elements(archive, "docProps/core.xml", "{*}title")]
    return cleaned(titles[0].strip())[0] if titles else ""


def _walk(element: _Element) -> Iterator[_Element]:
    """An element's descendants in their order, without those that say nothing. Its depth is bounded by the parser."""
    for child in element:
        if _tag(child) and _tag(child) not in _PASSED:
            yield child
            yield from _walk(child)


def _text(paragraph: _Element) -> str:
    words = []
    for element in _walk(paragraph):
        tag = _tag(element)
        if tag == "t":
            words.append(element.text or "")
        elif tag in ("footnoteReference", "endnoteReference"):
            words.append(f"[^{tag[0]}{_value(element, 'id')}]")
        else:
            words.append(_SIGNS.get(tag, ""))
    return cleaned("".join(words))[0].strip(" \n")


def _value(element: _Element, name: str) -> str:
    """An attribute, in whichever of the two namespaces."""
    return next((str(value) for key, value in element.attrib.items() if str(key).rpartition("}")[2] == name), "")


class _Reader:
    """Makes blocks of paragraphs and tables; neighbouring points become one list."""

    def __init__(self, styles: Styles, numbering: Numbering) -> None:
        self._styles, self._numbering = styles, numbering
        self._blocks: list[Block] = []
        self._points: list[str] = []
        self.title = ""

    def take(self, element: _Element) -> None:
        """A paragraph or a table of the body."""
        if _tag(element) == "tbl":
            self._table(element)
            return
        self._paragraph(element)
        for box in self._boxes(element):
            for child in box.iter("{*}p"):
                if _is_words(child) and child is not element:
                    self._paragraph(child)

    def _boxes(self, element: _Element) -> Iterator[_Element]:
        for box in element.iter("{*}txbxContent"):
            if not any(_tag(one) in ("Fallback", "txbxContent") for one in box.iterancestors()):
                yield box

    def _paragraph(self, element: _Element) -> None:
        if not (text := _text(element)).strip():
            return
        properties = next((child for child in element if _tag(child) == "pPr"), None)
        about = self._styles.about(properties)
        if about.level:
            self._end_list()
            self._blocks.append(Block("heading", " ".join(text.split()), level=about.level))
            self.title = self.title or (text if about.level == 1 else "")
        elif about.list_id and (marker := self._numbering.marker(about.list_id, about.depth)):
            self._points.append("  " * about.depth + marker + text.replace("\n", "\n" + "  " * (about.depth + 1)))
        else:
            self._end_list()
            self._blocks.append(Block("paragraph", text))

    def _end_list(self) -> None:
        if self._points:
            self._blocks.append(Block("list", "\n".join(self._points)))
            self._points = []

    def _table(self, element: _Element) -> None:
        self._end_list()
        rows = [row for row in map(_cells, _inside(element, "tr")) if any(row)]
        if rows and max(map(len, rows)) > 1:
            self._blocks.append(Block("table", markdown_table(rows)))
        else:
            self._blocks.extend(Block("paragraph", row[0]) for row in rows)

    def notes(self, archive: Archive, member: str, kind: str) -> None:
        """The foot- or endnotes, behind the text that refers to them."""
        if member not in archive.members:
            return
        for element in elements(archive, member, "{*}" + kind):
            lines = filter(None, map(_text, element.iter("{*}p")))
            # Those of a type are the lines between text and notes.
            if not _value(element, "type") and (text := " ".join(lines)):
                self._end_list()
                self._blocks.append(Block("paragraph", f"[^{kind[0]}{_value(element, 'id')}]: {text}"))

    def ended(self) -> tuple[Block, ...]:
        """All blocks."""
        self._end_list()
        return tuple(self._blocks)


def _inside(element: _Element, wanted: str) -> Iterator[_Element]:
    """The rows of a table or the cells of a row, also within content controls, but not of a table inside."""
    for child in element:
        if _tag(child) == wanted:
            yield child
        elif _tag(child) in ("sdt", "sdtContent", "customXml", "ins"):
            yield from _inside(child, wanted)


def _cells(row: _Element) -> Sequence[str]:
    """The words of each cell; empty ones where a cell is wider than one column or goes on from the row above."""
    cells: list[str] = []
    for cell in _inside(row, "tc"):
        merged = next((one for one in cell.iter("{*}vMerge")), None)
        goes_on = merged is not None and _value(merged, "val") != "restart"
        span = next((_value(one, "val") for one in cell.iter("{*}gridSpan")), "1")
        words = (_text(one) for one in cell.iter("{*}p") if _is_words(one))
        cells.append("" if goes_on else "\n".join(filter(None, words)))
        cells.extend([""] * (min(int(span), 20) - 1 if span.isascii() and span.isdigit() and len(span) < 4 else 0))
    return cells
