"""How often pages are told of what changes: ten times a second, and less often where many pages are told at once.

Drawing a reply and sending it takes a few milliseconds, which a model that computes on the same processor then lacks.
Pages that see replies grow are therefore drawn together, one after the other: each by itself would interrupt it more
often.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from playground.engine.hardware import usable_cores

T = TypeVar("T")
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
        self._rounds: WeakKeyDictionary[asyncio.AbstractEventLoop, _Round] = WeakKeyDictionary()

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

    @property
    def seconds(self) -> float:
        """From one look at replies that grow to the next."""
        return min(_LONGEST, max(_SHORTEST, len(self._growing) / self._all))

    def is_growing(self, page: object) -> bool:
        """Whether it sees a reply grow: one that waits for its first word does not, and is not kept waiting."""
        return page in self._growing

    async def together(self, look: Callable[[], T]) -> T:
        """What a page finds, in a thread: together with the others whose replies grow, once that is due."""
        loop = asyncio.get_running_loop()
        if (found := self._rounds.get(loop)) is None:
            found = self._rounds[loop] = _Round()
        return await found.join(look, self.seconds)

    def grows(self, page: object) -> None:
        """A page is told of a reply at present."""
        with self._lock:
            if page in self._open:  # Else it was left while it was being told.
                self._growing.add(page)

    def ended(self, page: object) -> None:
        """It is not any more."""
        self._growing.discard(page)


class _Round:
    """Looks of one event loop that are taken together, in one thread, so many seconds after those before began."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self._last = 0.0
        self._running: set[asyncio.Task[None]] = set()

    async def join(self, look: Callable[[], T], seconds: float) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append((look, future))
        if len(self._waiting) == 1:
            loop.call_later(max(0.0, self._last + seconds - time.monotonic()), self._begin)
        return await future

    def _begin(self) -> None:
        these, self._waiting = self._waiting, []
        self._last = time.monotonic()
        task = asyncio.ensure_future(self._take(these))
        self._running.add(task)  # Held, or it could be collected as it runs.
        task.add_done_callback(self._running.discard)

    async def _take(self, these: list[tuple[Callable[[], Any], asyncio.Future[Any]]]) -> None:
        try:
            found = await asyncio.to_thread(lambda: [None if one.done() else _found(look) for look, one in these])
            for (_, future), one in zip(these, found, strict=True):
                if one is None or future.done():  # It was left.
                    continue
                value, error = one
                if error is None:
                    future.set_result(value)
                else:
                    future.set_exception(error)
        finally:
            for _, future in these:
                future.cancel()  # Nobody waits for ever: of those that are done this changes nothing.


def _found(look: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return look(), None
    except Exception as error:  # noqa: BLE001 - raised where it was looked for
        return None, error


PACE = Pace(usable_cores())
