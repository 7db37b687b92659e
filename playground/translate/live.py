"""What may be known of a translation in progress. Knows nothing of how it is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Phase = Literal["waiting", "translating"]


@dataclass(frozen=True)
class LiveTranslation:
    """A translation in progress."""

    phase: Phase
    step: int
    """Which step of its way is being made, counted from 0."""
    done: int
    """Segments that are through this step, those kept from earlier included."""
    total: int
    fresh: int
    """Segments that this job has translated itself, in `seconds`."""
    seconds: float
    changed: int
    """Goes up whenever a segment was kept."""
    notice: str
    """What keeps it from being saved, in words; empty when all is well."""
