"""Trainings as values: the run, its files, votes about what came out. Knows nothing of SQLite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from playground.store.run_values import RunStatus

Side = Literal["base", "adapter"]
Vote = Literal["", "base", "adapter", "tie"]
"""Which of two replies is the better one; "": not asked yet."""


@dataclass(frozen=True)
class StoredTraining:
    """One training without its files. Times are seconds since the epoch, `seconds` those spent working."""

    id: str
    title: str
    status: RunStatus
    error: str
    options: Mapping[str, Any]
    edits: Mapping[str, Any]
    """What a person changed of the samples, by "file:row": False for one left out, else the sample as it is now."""
    result: Mapping[str, Any]
    """What came out: the adapter's name and place, and what was measured."""
    seconds: float
    created_at: float
    updated_at: float
    deleted_at: float | None


@dataclass(frozen=True)
class ListedTraining:
    """What a list shows of a training: nothing that grows with its data or its steps."""

    id: str
    title: str
    status: RunStatus
    model: str
    """The base; "" where none was chosen yet."""
    created_at: float


@dataclass(frozen=True)
class DataFile:
    """A file of data as it was given, or a person's own work as it was when it was chosen (`kind` "own")."""

    name: str
    kind: Literal["file", "own"]
    data: bytes
    sha256: str
    columns: Mapping[str, str]
    """What its columns are, chosen by hand; empty: as their names say."""
    note: str = ""
    """Licence or source, in the person's words."""


@dataclass(frozen=True)
class Duel:
    """Two replies to one prompt, and which of them is shown first."""

    id: int
    prompt: str
    base: str
    adapter: str
    first: Side
    vote: Vote


def same_data(files: Sequence[DataFile], others: Sequence[DataFile]) -> bool:
    """Whether the same rows are read of both, so that a key names the same sample in both."""
    return [(one.sha256, one.columns) for one in files] == [(one.sha256, one.columns) for one in others]
