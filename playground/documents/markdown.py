"""Markdown as blocks, its words as they were written. Knows nothing of how it is drawn."""

from __future__ import annotations

import re

from playground.documents.values import Block, BlockKind

_HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r"( {0,3})(`{3,}+|~{3,}+)[ \t]*+([^\s`{]*+)[^`]*+$")
_POINT = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_ROW = re.compile(r"[ \t]*\|.*\|[ \t]*$")
_TITLE = re.compile(r"^title:(.+)$", re.MULTILINE)


def read_markdown(text: str) -> tuple[tuple[Block, ...], str]:
    """The blocks, and the title that stands in the file's head (front matter), if there is one."""
    lines = text.split("\n")
    title, start = "", 0
    if lines[0].rstrip() == "---" and (
        end := next((n for n, one in enumerate(lines[1:40], 1) if one.rstrip() == "---"), 0)
    ):
        head = "\n".join(lines[1:end])
        title = found[1].strip(" \t") if (found := _TITLE.search(head)) else ""
        title = title[1:-1] if len(title) > 2 and title[0] == title[-1] and title[0] in "\"'" else title
        start = end + 1 if ":" in head else 0
    reader = _Reader()
    for line in lines[start:]:
        reader.take(line)
    return reader.ended(), title


def _without_marks(text: str) -> str:
    """A heading without the # that may end it."""
    text = text.strip()
    bare = text.rstrip("#")
    return bare.rstrip() if not bare or bare[-1] in " \t" else text


class _Reader:
    """Takes line by line; what has been taken and not yet become a block is `rows`."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._rows: list[str] = []
        self._fence, self._language = "", ""
        self._gap = False
        """An empty line came, after which a list may go on."""

    def take(self, line: str) -> None:
        if self._fence:
            if line.strip().startswith(self._fence) and not line.strip().strip(self._fence[0]):
                self._code()
            else:
                self._rows.append(line)
        elif fence := _FENCE.match(line) if not (self._kind() == "list" and line[:1] == " ") else None:
            self._flush()
            self._fence, self._language = fence.group(2), fence.group(3)
        elif heading := _HEADING.match(line):
            self._flush()
            if words := _without_marks(line[heading.end() :]):
                self._blocks.append(Block("heading", words, level=len(heading.group(1))))
        elif (
            (mark := _UNDERLINE.match(line)) and self._kind() == "paragraph" and len(self._rows) == 1 and not self._gap
        ):
            words = self._rows.pop().strip()
            self._blocks.append(Block("heading", words, level=1 if mark.group(1)[0] == "=" else 2))
        elif not line.strip():
            self._gap = bool(self._rows)
        else:
            self._words(line)

    def _words(self, line: str) -> None:
        kind = self._kind()
        inside = kind == "list" and (line[0] in " \t" or _POINT.match(line) or not self._gap)
        breaks = (
            self._gap or (bool(_POINT.match(line)) and kind == "table") or (kind == "table") != bool(_ROW.match(line))
        )
        if kind and breaks and not inside:
            self._flush()
        if self._gap and inside:
            self._rows.append("")
        self._gap = False
        self._rows.append(line.rstrip() + "  " * line.endswith("  "))

    def _kind(self) -> BlockKind | None:
        if not self._rows:
            return None
        first = self._rows[0]
        return "list" if _POINT.match(first) else "table" if _ROW.match(first) else "paragraph"

    def _flush(self) -> None:
        if kind := self._kind():
            self._blocks.append(Block(kind, "\n".join(self._rows).rstrip()))
        self._rows, self._gap = [], False

    def _code(self) -> None:
        self._blocks.append(Block("code", "\n".join(self._rows), language=self._language))
        self._rows, self._fence, self._gap = [], "", False

    def ended(self) -> tuple[Block, ...]:
        """All blocks, after the last line."""
        if self._fence:
            self._code()
        self._flush()
        return tuple(block for block in self._blocks if block.text.strip())
