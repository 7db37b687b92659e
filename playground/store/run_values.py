"""Runs over documents as values: the run, its documents, its nodes. Knows nothing of SQLite."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from playground.store.terms import Excerpt

RunStatus = Literal["draft", "running", "complete", "stopped", "failed"]
NodeStatus = Literal["waiting", "done", "failed", "skipped"]
Step = Literal["whole", "part", "merge", "refine", "final", "pick"]
"""All at once; one part; notes put together; a part put to the summary of those before; the summary of it all; or
sentences picked without a model."""
RunPlace = Literal["list", "trash"]


@dataclass(frozen=True)
class Run:
    """One run without its documents and nodes. Times are seconds since the epoch, `seconds` those spent working."""

    id: str
    title: str
    status: RunStatus
    error: str
    options: Mapping[str, Any]
    model: str
    adapter: str
    text: str
    receipt: Mapping[str, Any]
    seconds: float
    created_at: float
    updated_at: float
    deleted_at: float | None


@dataclass(frozen=True)
class RunDocument:
    """A document as it was read. `blocks` are (kind, level, page or None, start in `text`)."""

    name: str
    media_type: str
    size: int
    sha256: str
    pages: int | None
    notes: tuple[str, ...]
    language: str
    text: str
    blocks: tuple[tuple[str, int, int | None, int], ...]

    def page_of(self, at: int) -> int | None:
        """The page on which this character of the text stands, where there are pages."""
        block = self.block_of(at)
        return block[2] if block else None

    def extents(self) -> list[tuple[int, int]]:
        """Where each block starts and ends; a text without blocks is one."""
        starts = [block[3] for block in self.blocks] or [0]
        return list(zip(starts, [*starts[1:], len(self.text)], strict=True))

    def block_of(self, at: int) -> tuple[str, int, int | None, int] | None:
        """The block in which this character of the text stands."""
        behind = bisect_right(self.blocks, at, key=lambda block: block[3])
        return self.blocks[behind - 1] if behind else None


@dataclass(frozen=True)
class Node:
    """A part of a document (level 0: characters `first` to `last` of `document`), or a row of nodes one level below."""

    level: int
    position: int
    step: Step
    document: int | None
    first: int
    last: int
    status: NodeStatus = "waiting"
    tries: int = 0
    error: str = ""
    text: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    """What made the text: model and all, seed, counts of tokens, seconds; empty before."""


@dataclass(frozen=True)
class RunFound:
    """A run that a search found, by its title or its text."""

    id: str
    title: str
    updated_at: float
    excerpt: Excerpt
