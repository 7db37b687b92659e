"""What the manager tells of a model: a frozen picture of a resident, for pages and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from playground.engine.base import LoadOptions
from playground.engine.residency import Phase, Resident
from playground.records import ModelInfo


@dataclass(frozen=True)
class ModelState:
    """One model. `done` and `total` are bytes of a download; `memory` bytes by device; `options` as asked."""

    phase: Phase
    model: str
    engine: str
    detail: str = ""
    """What is being fetched, or what went wrong."""
    note: str = ""
    """What the manager decided on its own, in words."""
    done: int = 0
    total: int = 0
    waiting: int = 0
    """Replies that wait in line for the model."""
    writing: int = 0
    """Replies that are being written."""
    leaving: bool = False
    """It gives no new turns, and leaves memory or is loaded anew when those replies have ended."""
    memory: Mapping[str, int] = field(default_factory=dict)
    options: LoadOptions = field(default_factory=LoadOptions)
    adapters: tuple[str, ...] = ()
    info: ModelInfo | None = None
    """What is loaded, once it is."""
    idle_seconds: float = 0.0
    turn_seconds: float = 0.0
    """How long a turn usually takes; 0 before one has ended."""
    waits: tuple[float, ...] = ()
    """Seconds that the last hundred waited for their turn."""


def state_of(resident: Resident, adapters: tuple[str, ...], now: float) -> ModelState:
    """The picture of a resident at the monotonic time `now`."""
    line = sum(not one.spare for one in resident.line)  # Nobody waits for the others.
    return ModelState(
        phase=resident.phase,
        model=resident.name,
        engine=resident.engine.info.engine if resident.engine is not None else resident.engine_name,
        detail=str(resident.error) if resident.error is not None else resident.detail,
        note=resident.note,
        done=resident.done,
        total=resident.total,
        # Whoever stands first while the model loads waits for the model, not for others.
        waiting=line if resident.held else max(0, line - 1),
        writing=len(resident.held),
        leaving=resident.draining,
        memory=dict(resident.reserved),
        options=resident.options,
        adapters=adapters,
        info=resident.engine.info if resident.engine is not None else None,
        idle_seconds=0.0 if resident.in_use else now - resident.last_used,
        turn_seconds=resident.turns.usual,
        waits=tuple(resident.turns.waits),
    )
