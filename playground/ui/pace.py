"""How often pages are told of what changes: ten times a second, and less often where many pages are told at once.

Drawing a reply and sending it takes a few milliseconds, which a model that computes on the same processor then lacks.
"""

from __future__ import annotations

import threading

from playground.engine.hardware import usable_cores

_SHORTEST, _LONGEST = 0.1, 0.5
"""Seconds between two looks at a reply."""
_PER_CORE = 10.0
"""Looks a second for each core of the machine."""


class Pace:
    """Of all pages in this process."""

    def __init__(self, cores: int) -> None:
        self._all = _PER_CORE * cores
        self._lock = threading.Lock()
        self._open: set[object] = set()
        self._growing: set[object] = set()

    def opened(self, page: object) -> None:
        """A page is there."""
        self._open.add(page)

    def left(self, page: object) -> None:
        """It is not any more."""
        with self._lock:
            self._open.discard(page)
            self._growing.discard(page)

    @property
    def calm(self) -> float:
        """Seconds after which all pages are told of what concerns them all; 0 where they are few."""
        seconds = min(_LONGEST, len(self._open) / self._all)
        return seconds if seconds > _SHORTEST else 0.0

    def seconds(self, page: object) -> float:
        """From one look to the next, for this page; one that waits for its first word is not kept waiting."""
        return min(_LONGEST, max(_SHORTEST, len(self._growing) / self._all)) if page in self._growing else _SHORTEST

    def grows(self, page: object) -> None:
        """A page is told of a reply at present."""
        with self._lock:
            if page in self._open:  # Else it was left while it was being told.
                self._growing.add(page)

    def ended(self, page: object) -> None:
        """It is not any more."""
        self._growing.discard(page)


PACE = Pace(usable_cores())
