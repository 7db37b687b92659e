"""What was read of a file: a row of blocks, and how a model is to read them. Knows nothing of files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["heading", "paragraph", "list", "table", "code"]
GAP = "\n\n"
"""What stands between two blocks."""
_FENCES = re.compile(r"^[ \t]*(`{3,})", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One piece of a document. `text` has no marks of its kind but for lists (`- `, `1. `) and tables (`| a | b |`)."""

    kind: BlockKind
    text: str
    level: int = 0
    """Of a heading: 1 to 6; else 0."""
    page: int | None = None
    """Where it begins, counted from 1; None where the file has no pages."""
    language: str = ""
    """Of code, as Markdown names it."""

    def markdown(self) -> str:
        """The block as Markdown."""
        if self.kind == "heading":
            return f"{'#' * self.level} {self.text}"
        if self.kind == "code":
            fence = "`" * max(3, *(len(one) + 1 for one in _FENCES.findall(self.text)), 3)
            return f"{fence}{self.language}\n{self.text}\n{fence}"
        return self.text


@dataclass(frozen=True)
class Document:
    """All that was read of one file."""

    name: str
    media_type: str
    blocks: tuple[Block, ...]
    pages: int | None = None
    """Of the whole file, also those without text; None where it has no pages."""
    title: str = ""
    notes: tuple[str, ...] = ()
    """What could not be read, in sentences for a person; empty when everything was."""

    def text(self) -> str:
        """The whole as Markdown, as a model is to read it."""
        return GAP.join(block.markdown() for block in self.blocks)

    def offsets(self) -> tuple[int, ...]:
        """Where in `text()` each block begins, in characters."""
        starts, at = [], 0
        for block in self.blocks:
            starts.append(at)
            at += len(block.markdown()) + len(GAP)
        return tuple(starts)
