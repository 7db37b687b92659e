"""The models in memory as threads meet them: waiting for a turn, for room, for the last user of what must leave.

The books are in `residency`; how a model gets into memory is in `loader`. Nothing here knows an engine by name.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from playground.engine.base import Engine
from playground.engine.heap import release_memory
from playground.engine.lease import LeaseCancelled
from playground.engine.residency import Residency, Resident
from playground.engine.turns import Ticket, Wait
from playground.errors import ModelError

log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.1
"""A stop event cannot wake a condition; a look ten times a second is within what Stop promises."""


class Residents:
    """All residents under one lock. `changed` is notified at every change; listeners are told outside of it."""

    def __init__(self, budget: Mapping[str, int]) -> None:
        self.books = Residency(budget)
        self.changed = threading.Condition()
        self.closing = threading.Event()
        self.listeners: list[Callable[[], None]] = []

    def get(self, name: str) -> Resident | None:
        """The resident of that name."""
        return self.books.residents.get(name)

    def tell(self, resident: Resident, **changes: object) -> None:
        """Change fields of a resident and let everyone know."""
        with self.changed:
            for field, value in changes.items():
                setattr(resident, field, value)
            self.changed.notify_all()
        self.announce()

    def say(self, name: str, note: str) -> None:
        """Put a note to a resident, if there is one of that name."""
        with self.changed:
            if (resident := self.get(name)) is not None:
                resident.note = note

    def busy(self, but: Resident) -> bool:
        """True while another model is used or about to be: measurements would count its memory too."""
        with self.changed:
            return any(one.in_use or one.line for one in self.books.residents.values() if one is not but)

    def announce(self) -> None:
        """Call the listeners. One that fails must not end the load, or the turn, that it is told of."""
        for listener in list(self.listeners):
            try:
                listener()
            except Exception:
                log.exception("a listener failed")

    @contextlib.contextmanager
    def hold(
        self, name: str, ticket: Ticket, stop: threading.Event, load: Callable[[str], None]
    ) -> Iterator[tuple[Resident, Engine]]:
        """Stand in line for a model, then hold it. `load` is called whenever it is not in memory or on its way.

        Raises LeaseCancelled on `stop` or at the end of the app, and what loading raised.
        """
        resident = self._stand(name, ticket, stop, load)
        self.announce()
        try:
            engine = self._wait(resident, ticket, stop, load)
            self.announce()
            yield resident, engine
        finally:
            with self.changed:
                if ticket in resident.line:
                    resident.line.remove(ticket)
                if ticket in resident.held:
                    resident.held.remove(ticket)
                    resident.turns.end(ticket, resident.line, resident.held)
                resident.last_used = time.monotonic()
                if resident.phase == "idle" and not resident.line and self.get(name) is resident:
                    del self.books.residents[name]  # It had to leave, and the last who waited for it is gone.
                self.changed.notify_all()
            self.announce()

    def _stand(self, name: str, ticket: Ticket, stop: threading.Event, load: Callable[[str], None]) -> Resident:
        while True:
            load(name)
            with self.changed:
                # It may have left between the two lines: then it is called anew.
                if (resident := self.get(name)) is not None:
                    ticket.stood = time.monotonic()
                    resident.line.append(ticket)
                    return resident
                if stop.is_set() or self.closing.is_set():
                    raise LeaseCancelled

    def _wait(self, resident: Resident, ticket: Ticket, stop: threading.Event, load: Callable[[str], None]) -> Engine:
        while True:
            with self.changed:
                if stop.is_set() or self.closing.is_set():
                    raise LeaseCancelled
                if resident.error is not None:
                    raise resident.error
                if resident.may_hold(ticket):
                    assert resident.engine is not None
                    resident.line.remove(ticket)
                    resident.held.append(ticket)
                    resident.turns.begin(ticket)
                    resident.served = True
                    self.changed.notify_all()
                    return resident.engine
                if resident.phase != "idle":
                    self.changed.wait(_LOOK_SECONDS)
                    continue
            if ticket.spare:
                raise LeaseCancelled
            # It had to leave while this one was waiting: called back, its place in the line kept.
            load(resident.name)

    @contextlib.contextmanager
    def alone(self, name: str, load: Callable[[str], None]) -> Iterator[Engine | None]:
        """Hold a model that is loaded, or nearly, without anyone else; None, at once, when it is not."""
        with self.changed:
            resident = self.books.residents.get(name)
            loaded = resident is not None and resident.phase in ("waiting", "loading", "ready")
        if not loaded:
            yield None
            return
        with self.hold(name, Ticket(exclusive=True), self.closing, load) as (_, engine):
            yield engine

    @contextlib.contextmanager
    def visit(self, name: str) -> Iterator[Engine | None]:
        """The model if it is ready, for work that needs no turn; it stays for so long."""
        with self.changed:
            resident = self.books.residents.get(name)
            if resident is None or resident.phase != "ready" or resident.draining:
                resident = None
            else:
                resident.guests += 1
        try:
            yield resident.engine if resident is not None else None
        finally:
            if resident is not None:
                with self.changed:
                    resident.guests -= 1
                    self.changed.notify_all()

    def wait(self, name: str, ticket: Ticket) -> Wait | None:
        """What lies before a ticket in the line for a model; None when it does not wait for others."""
        with self.changed:
            resident = self.get(name)
            if resident is None or resident.engine is None:
                return None
            slots = resident.engine.info.capabilities.slots
            return resident.turns.wait(ticket, resident.line, resident.held, slots)

    def keep_out_idle(self, seconds: float) -> None:
        """Free models that nobody has used for so long, until the app ends."""
        while not self.closing.wait(min(seconds / 4, 15)):
            with self.changed:
                idle = self.books.idle_for(seconds)
            for resident in idle:
                try:
                    self.evict(resident)
                except Exception:  # One that does not let go must not keep the others in memory.
                    log.exception("an idle model could not be freed")

    def drain(self, resident: Resident) -> bool:
        """Give no new turns and wait for the last user; False when the app ends first."""
        with self.changed:
            resident.draining = True
        self.announce()
        with self.changed:
            self.changed.wait_for(lambda: not resident.in_use or self.closing.is_set())
            return not resident.in_use

    def evict(self, resident: Resident, *, coming_back: bool = False) -> bool:
        """Free a resident that nobody uses; False when it is used, or gone already.

        Those who stand in its line call it back, unless it comes by itself.
        """
        with self.changed:
            if resident.phase != "ready" or resident.in_use:
                return False
            engine, resident.engine, resident.phase = resident.engine, None, "unloading"
            self.changed.notify_all()
        self.announce()
        try:
            if engine is not None:
                engine.close()
        finally:
            del engine
            release_memory(whole=True)
            if coming_back:
                self.tell(resident, phase="waiting", reserved={}, draining=False, served=False)
            else:
                self.forget(resident)
        return True

    def forget(self, resident: Resident) -> None:
        """Strike a resident without an engine from the books, unless somebody waits for it to come back."""
        with self.changed:
            resident.phase, resident.reserved, resident.draining, resident.served = "idle", {}, False, False
            if not resident.line:
                self.books.residents.pop(resident.name, None)
            self.changed.notify_all()
        self.announce()

    def make_room(
        self,
        resident: Resident,
        need: Mapping[str, int],
        free: Callable[[], Mapping[str, int]],
        too_big: Callable[[int], ModelError],
    ) -> list[str]:
        """Reserve `need` for a resident; others leave for it, those in use when they are done. Returns who left.

        Raises `too_big(bytes missing)` when it would not fit beside nobody, and LeaseCancelled at the end of the app.
        """
        left: list[str] = []
        drained: list[Resident] = []
        try:
            while True:
                available = free()
                with self.changed:
                    if self.closing.is_set():
                        raise LeaseCancelled
                    leaving = self.books.victims(resident.name, need, available)
                    if leaving == []:
                        resident.reserved = dict(need)
                        return left
                    waiting = leaving is None
                    if leaving is None:
                        leaving = self.books.victims(resident.name, need, available, even_in_use=True) or []
                        others = [one for one in self.books.residents.values() if one is not resident]
                        if not leaving and (missing := self.books.lacking(need, available, others)):
                            raise too_big(missing)
                    for one in leaving:
                        one.draining = True
                    drained += leaving
                    if waiting:
                        self.changed.wait(_LOOK_SECONDS)
                        continue
                for one in leaving:
                    if self.evict(one):
                        left.append(one.name)
        finally:
            with self.changed:
                for one in drained:
                    one.draining = False
                self.changed.notify_all()
