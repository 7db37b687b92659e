"""What may be known of a summary in progress. Knows nothing of how it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from playground.store.run_values import Node

Phase = Literal["waiting", "planning", "reading", "linking", "saving"]


@dataclass(frozen=True)
class LiveRun:
    """What a page may know of a summary in progress."""

    phase: Phase
    nodes: tuple[Node, ...]
    """All planned so far, those being written with their text so far."""
    writing: frozenset[tuple[int, int]]
    """Level and position of those being written."""
    tokens: int
    """Read and written since this job began, what was kept before not counted."""
    fresh: int
    """Characters of the parts that this job has read itself."""
    seconds: float
    """Since the model was there."""
    notice: str
    """What keeps it from being saved, in words; empty when all is well."""
