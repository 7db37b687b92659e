"""Markdown: the text of paragraphs, headings, list points and cells. The rest stays as it is, byte by byte.

Not translated: code, HTML blocks, formulas, link addresses and titles, descriptions of images, front matter. A
paragraph that was translated stands on one line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from markdown_it.token import Token

from playground.translate.formats.base import Hole, TextTemplate
from playground.translate.formats.markdown_parser import blocks
from playground.translate.formats.markdown_places import Text, cells_in_line, text_in_lines
from playground.translate.formats.markdown_segments import hole_of
from playground.translate.formats.markdown_writing import BlockKind
from playground.translate.formats.sources import lines_of, source_of

_HEAD = re.compile(r"(---|\+\+\+)[ \t]*")
_HEAD_LINES = 400
_CONTEXTS = {"list_item_open": "li", "blockquote_open": "blockquote", "footnote_reference_open": "footnote"}


def read_markdown_template(data: bytes) -> TextTemplate:
    """A Markdown file as a template. Raises BadValueError when the file is no text."""
    source = source_of(data)
    lines = lines_of(source)
    lines = lines[_front_matter([line.text for line in lines]) :]
    env: dict[str, Any] = {}
    tokens = blocks("\n".join(line.text for line in lines), env)
    holes, row, around = list[Hole](), list[Token](), list[str]()

    def add(text: Text | None, kind: BlockKind, context: str, where: str = "") -> None:
        if text and (hole := hole_of(text, source.text, env, kind, context, where)):
            holes.append(hole)

    for at, token in enumerate(tokens):
        if token.nesting > 0:
            around.append(token.type)
            row = [] if token.type == "tr_open" else row
        elif token.nesting < 0:
            around.pop()
            if token.type == "tr_close" and row and row[0].map:
                for cell in cells_in_line([one.content for one in row], lines[row[0].map[0]]):
                    add(cell, "cell", "th" if around[-1] == "thead_open" else "td")
        elif token.type == "inline" and token.map:
            before = tokens[at - 1]
            if before.type in ("th_open", "td_open"):
                row.append(token)
                continue
            first = token.map[0]
            text = text_in_lines(token.content, lines[first : first + token.content.count("\n") + 1])
            if before.type == "heading_open":
                add(text, "heading" if before.markup[0] == "#" else "setext", before.tag)
            else:
                context = next((_CONTEXTS[name] for name in reversed(around) if name in _CONTEXTS), "p")
                add(text, "paragraph", context, _CONTEXTS.get(tokens[at - 2].type, ""))
    return TextTemplate(source.text, holes, source.encoding, data)


def _front_matter(lines: Sequence[str]) -> int:
    """How many lines at the start are data about the file."""
    head = _HEAD.fullmatch(lines[0])
    if head is None:
        return 0
    last = next((at for at, line in enumerate(lines[1:_HEAD_LINES], 1) if line.rstrip() == head[1]), 0)
    return last + 1 if any(":" in line or "=" in line for line in lines[1:last]) else 0
