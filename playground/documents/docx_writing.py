"""Markdown as a Word document with real headings, lists and tables. Knows nothing of summaries."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import docx
from docx.document import Document
from docx.shared import Pt
from docx.text.paragraph import Paragraph
from docx.text.run import Run
from markdown_it import MarkdownIt
from markdown_it.token import Token

_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""What no XML can hold, or no text should."""
_DEEPEST = 3
"""Levels of lists that Word has styles for."""
_CODE_FONT = "Courier New"


def to_docx(text: str, title: str, language: str, moment: float) -> bytes:
    """The file. `title`, `language` ("en") and `moment` (seconds since the epoch) go into its properties."""
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    document = docx.Document()
    about = document.core_properties
    about.title, about.language, about.author, about.comments = _clean(title)[:255], language, "Playground", ""
    about.created = about.modified = datetime.fromtimestamp(moment, UTC)
    _Writer(document).write(parser.parse(_clean(text)))
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _clean(text: str) -> str:
    return _ILLEGAL.sub("", text)


@dataclass
class _List:
    """A list that is being written. `number`: which numbering its entries have; None for bullets."""

    number: int | None
    fresh: bool = True
    """Its next paragraph is an entry's first."""


class _Writer:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._lists: list[_List] = []
        self._quotes = 0

    def write(self, tokens: Sequence[Token]) -> None:
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.type in ("bullet_list_open", "ordered_list_open"):
                self._lists.append(_List(self._numbering(token) if token.type == "ordered_list_open" else None))
            elif token.type in ("bullet_list_close", "ordered_list_close"):
                self._lists.pop()
            elif token.type == "list_item_open":
                self._lists[-1].fresh = True
            elif token.type in ("blockquote_open", "blockquote_close"):
                self._quotes += 1 if token.type == "blockquote_open" else -1
            elif token.type == "heading_open":
                level = int(token.tag[1])
                # The first of all is what the document is called.
                first = at == 0 and level == 1
                _inline(self._document.add_heading("", 0 if first else max(1, level - 1)), tokens[at + 1])
            elif token.type == "inline" and tokens[at - 1].type == "paragraph_open":
                _inline(self._paragraph(), token)
            elif token.type in ("fence", "code_block"):
                _code(self._paragraph().add_run(token.content.rstrip("\n")))
            elif token.type == "table_open":
                at = self._table(tokens, at)
            at += 1

    def _paragraph(self) -> Paragraph:
        """A new one, as the lists and quotes around it want it."""
        if not self._lists:
            return self._document.add_paragraph(style="Quote" if self._quotes else None)
        inner = self._lists[-1]
        if not inner.fresh:
            return self._document.add_paragraph(style=self._style("List Continue", len(self._lists)))
        inner.fresh = False
        kind = "List Bullet" if inner.number is None else "List Number"
        made = self._document.add_paragraph(style=self._style(kind, len(self._lists)))
        if inner.number is not None:
            properties: Any = made._p.get_or_add_pPr()
            numbered = properties.get_or_add_numPr()
            numbered.get_or_add_ilvl().val, numbered.get_or_add_numId().val = 0, inner.number
        return made

    def _numbering(self, token: Token) -> int:
        """A numbering of its own for a list, or Word would go on counting where the list before it ended."""
        style = self._document.styles[self._style("List Number", len(self._lists) + 1)]
        numbering = self._document.part.numbering_part.element
        kind = numbering.num_having_numId(style.element.pPr.numPr.numId.val).abstractNumId.val
        made = numbering.add_num(kind)
        start = token.attrGet("start")
        made.add_lvlOverride(ilvl=0).add_startOverride(1 if start is None else int(start))
        return int(made.numId)

    @staticmethod
    def _style(name: str, depth: int) -> str:
        return name if depth == 1 else f"{name} {min(depth, _DEEPEST)}"

    def _table(self, tokens: Sequence[Token], at: int) -> int:
        """Write the table that begins at `at`; returns where it ends."""
        rows: list[list[Token]] = []
        while tokens[at].type != "table_close":
            if tokens[at].type == "tr_open":
                rows.append([])
            elif tokens[at].type == "inline":
                rows[-1].append(tokens[at])
            at += 1
        table = self._document.add_table(len(rows), len(rows[0]), style="Table Grid")
        for row, cells in zip(table.rows, rows, strict=True):
            for cell, token in zip(row.cells, cells, strict=True):
                _inline(cell.paragraphs[0], token)
        return at


def _inline(paragraph: Paragraph, token: Token) -> None:
    """The words of a paragraph, with what is bold, slanted, struck out or code."""
    ways: dict[str, int] = {"strong": 0, "em": 0, "s": 0}
    address = ""
    for one in token.children or ():
        kind, _, end = one.type.rpartition("_")
        if kind in ways:
            ways[kind] += 1 if end == "open" else -1
            continue
        if one.type == "link_open":
            address = str(one.attrGet("href"))
        elif one.type in ("softbreak", "hardbreak"):
            paragraph.add_run().add_break()
        else:
            text = f" ({address})" if one.type == "link_close" else one.content
            run = paragraph.add_run(text)
            run.bold, run.italic, run.font.strike = (True if ways[way] else None for way in ("strong", "em", "s"))
            if one.type == "code_inline":
                run.font.name = _CODE_FONT


def _code(run: Run) -> None:
    run.font.name, run.font.size = _CODE_FONT, Pt(9)
