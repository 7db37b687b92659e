"""Translations as values: the run, its documents, their segments, and units of the memory. Knows nothing of SQLite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from playground.store.run_values import RunStatus

SegmentStatus = Literal["waiting", "done", "failed"]
Origin = Literal["", "model", "memory", "copied", "person"]
"""Who a translation is by; "copied": there was nothing to translate in it."""


@dataclass(frozen=True)
class Translation:
    """One translation without its documents. Times are seconds since the epoch, `seconds` those spent working."""

    id: str
    title: str
    status: RunStatus
    error: str
    options: Mapping[str, Any]
    way: tuple[Mapping[str, str], ...]
    """The steps, each with model, source, target and kind; empty before the start."""
    seconds: float
    created_at: float
    updated_at: float
    deleted_at: float | None
    segments: int = 0
    done: int = 0
    failed: int = 0
    confirmed: int = 0
    doubtful: int = 0
    copied: int = 0
    """Segments in which there is nothing to translate, and that nobody has confirmed."""


@dataclass(frozen=True)
class SourceFile:
    """A file as it was given. `kind` is one of translate.files.KINDS."""

    name: str
    kind: str
    data: bytes
    sha256: str
    language: str
    columns: tuple[str, ...] = ()
    """Of a table, those to be translated; empty: whichever hold prose."""


@dataclass(frozen=True)
class StoredSegment:
    """One segment: the source, and what has become of it."""

    document: int
    position: int
    source: str
    context: str = ""
    status: SegmentStatus = "waiting"
    text: str = ""
    """The translation as it stands."""
    machine: str = ""
    """What the model made of it."""
    bridge: str = ""
    """In the language between, on a way of two steps."""
    origin: Origin = ""
    score: float | None = None
    doubts: tuple[Mapping[str, Any], ...] = ()
    error: str = ""
    confirmed: bool = False
    others: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)

    @property
    def doubtful(self) -> bool:
        """Whether a person had better look at it."""
        return not self.confirmed and (self.status == "failed" or bool(self.doubts))


@dataclass(frozen=True)
class Unit:
    """A pair of texts that somebody confirmed."""

    id: int
    source_language: str
    target_language: str
    source: str
    target: str
    context: str
    origin: str
    """Where it is from: a translation's title, or a file that was imported."""
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class StoredGlossary:
    """A list of terms. `terms` are as `translate.glossary.Term` says, ready for JSON."""

    id: str
    name: str
    terms: tuple[Mapping[str, Any], ...]
    created_at: float
    deleted_at: float | None
