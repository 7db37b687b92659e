"""Who is in memory, who uses it and who must go: the books of the model manager. Loads nothing and waits for nothing.

Not thread-safe: the manager's lock guards every call.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from playground.engine.base import Engine, LoadOptions
from playground.engine.turns import Ticket, Turns
from playground.errors import PlaygroundError

Phase = Literal["idle", "downloading", "waiting", "loading", "ready", "unloading", "failed"]


@dataclass(eq=False)
class Resident:
    """A model that is in memory, on its way there, or failed on the way."""

    name: str
    options: LoadOptions
    engine_name: str
    phase: Phase = "idle"
    detail: str = ""
    done: int = 0
    total: int = 0
    error: PlaygroundError | None = None
    note: str = ""
    """What the manager decided or gave up on the way, in words; empty when there is nothing to say."""
    engine: Engine | None = None
    reserved: Mapping[str, int] = field(default_factory=dict)
    """Bytes by device that the plan, or the measurement, says it takes."""
    line: list[Ticket] = field(default_factory=list)
    held: list[Ticket] = field(default_factory=list)
    turns: Turns = field(default_factory=Turns)
    guests: int = 0
    """Short uses that need no turn, such as counting tokens."""
    draining: bool = False
    """No new turns are given, because it is to leave."""
    served: bool = False
    """Somebody has held it since it was loaded: before, it does not leave those who wait for it."""
    last_used: float = field(default_factory=time.monotonic)

    @property
    def in_use(self) -> bool:
        """True while somebody would be hurt by closing it."""
        return bool(self.held) or self.guests > 0

    def may_hold(self, ticket: Ticket) -> bool:
        """True when it is this ticket's turn, as many at once as the engine has slots."""
        if self.engine is None or self.draining or self.phase != "ready":
            return False
        if self.turns.order(self.line, self.held)[0] is not ticket:
            return False
        if ticket.exclusive or any(held.exclusive for held in self.held):
            return not self.held
        if ticket.spare and any(not held.spare for held in self.held):
            return False
        return len(self.held) < self.engine.info.capabilities.slots


class Residency:
    """The residents by name, and the arithmetic of room. `budget` is in bytes by device."""

    def __init__(self, budget: Mapping[str, int]) -> None:
        self.budget = dict(budget)
        self.residents: dict[str, Resident] = {}

    def used(self, device: str) -> int:
        """Bytes reserved on a device."""
        return sum(resident.reserved.get(device, 0) for resident in self.residents.values())

    def lacking(self, need: Mapping[str, int], free: Mapping[str, int], gone: list[Resident]) -> int:
        """Bytes missing on the worst device for `need`, were `gone` unloaded; 0 when it fits.

        `free` is what the devices have left now, other programs counted.
        """
        worst = 0
        for device, size in need.items():
            freed = sum(resident.reserved.get(device, 0) for resident in gone)
            in_budget = self.budget.get(device, 0) - self.used(device) + freed
            worst = max(worst, size - min(in_budget, free.get(device, 0) + freed))
        return worst

    def victims(
        self, name: str, need: Mapping[str, int], free: Mapping[str, int], *, even_in_use: bool = False
    ) -> list[Resident] | None:
        """Who must leave so that `name` fits, least recently used first; None when not enough can leave.

        `even_in_use` counts those too that must be waited for, to choose who gets no new turns.
        """
        able = [
            resident
            for resident in self.residents.values()
            if resident.name != name
            and resident.phase == "ready"
            and (even_in_use or not resident.in_use)
            # Two models that do not fit together would otherwise throw each other out without a word being said.
            and (resident.served or not resident.line)
        ]
        able.sort(key=lambda resident: (resident.in_use, bool(resident.line), resident.last_used))
        leaving: list[Resident] = []
        for resident in able:
            if not self.lacking(need, free, leaving):
                break
            if any(resident.reserved.get(device, 0) for device in need):
                leaving.append(resident)
        return None if self.lacking(need, free, leaving) else leaving

    def idle_for(self, seconds: float) -> list[Resident]:
        """Residents that nobody has used for so long."""
        latest = time.monotonic() - seconds
        idle = [one for one in self.residents.values() if one.phase == "ready" and not one.in_use and not one.line]
        return [resident for resident in idle if resident.last_used <= latest]
