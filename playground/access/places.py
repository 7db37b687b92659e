"""Places for work at models: so many for each person, and so many for all who came in by the same way."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from playground.engine.turns import Ticket, Turns

CROWD = 4
"""How many times what one person may have at work is at work for all who share a quota."""
_LOOK_SECONDS = 0.2


class Places:
    """Given to whoever has fewest. Safe to use from any thread."""

    def __init__(self) -> None:
        self._turns = Turns()
        self._line: list[Ticket] = []
        self._held: list[Ticket] = []
        self._changed = threading.Condition()

    def taken(self) -> int:
        """How many are held."""
        with self._changed:
            return len(self._held)

    @contextlib.contextmanager
    def hold(self, person: str, stop: threading.Event, each: Callable[[], int]) -> Iterator[bool]:
        """Wait for a place, then hold it; `each` says how many one person may have now.

        It is False when `stop` was set before: then none is held.
        """
        ticket = Ticket(who=person)
        held = self._take(ticket, stop, each)
        try:
            yield held
        finally:
            if held:
                with self._changed:
                    self._held.remove(ticket)
                    self._turns.end(ticket, self._line, self._held)
                    self._changed.notify_all()

    def _take(self, ticket: Ticket, stop: threading.Event, each: Callable[[], int]) -> bool:
        with self._changed:
            self._line.append(ticket)
            try:
                while not stop.is_set():
                    if self._may_hold(ticket, each()):
                        self._held.append(ticket)
                        self._turns.begin(ticket)
                        return True
                    self._changed.wait(_LOOK_SECONDS)
                return False
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()

    def _may_hold(self, ticket: Ticket, each: int) -> bool:
        # Where the first has as many as it may have, all have: it is the one with fewest.
        mine = sum(one.who == ticket.who for one in self._held)
        if mine >= each or len(self._held) >= CROWD * each:
            return False
        return self._turns.order(self._line, self._held)[0] is ticket
