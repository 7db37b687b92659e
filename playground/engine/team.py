"""A few threads that do one piece of compiled work together. Knows nothing of what they compute."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Work = Callable[[int, int], None]
"""Called as work(part, parts) once in each thread, all at the same time; it must release the GIL."""


class Team:
    """`size` threads, of which whoever calls `run` is the first. For one caller at a time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._orders: list[queue.SimpleQueue[Work | None]] = [queue.SimpleQueue() for _ in range(size - 1)]
        self._done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._closed = False
        for number, orders in enumerate(self._orders, 1):
            threading.Thread(target=self._help, args=(number, orders), name=f"team-{number}", daemon=True).start()

    def run(self, work: Work) -> None:
        """Do `work` and wait until all have done their part; raise what one of them raised."""
        if self._closed:
            raise RuntimeError("the team has gone home")
        for orders in self._orders:
            orders.put(work)
        errors: list[BaseException | None] = [_error(work, 0, self.size)]
        errors += [self._done.get() for _ in self._orders]
        for error in filter(None, errors):
            raise error

    def close(self) -> None:
        """End the threads."""
        self._closed = True
        for orders in self._orders:
            orders.put(None)

    def _help(self, number: int, orders: queue.SimpleQueue[Work | None]) -> None:
        while (work := orders.get()) is not None:
            error = _error(work, number, self.size)
            del work  # Else it would hold what it worked on until the next one comes.
            self._done.put(error)


def _error(work: Work, part: int, parts: int) -> BaseException | None:
    try:
        work(part, parts)
    except BaseException as error:  # noqa: BLE001 - raised by whoever waits
        return error
    return None
