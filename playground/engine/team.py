"""A few threads that do one piece of compiled work together. Knows nothing of what they compute."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Work = Callable[[int, int], None]
"""Called as work(part, parts) once in each thread, all at the same time; it must release the GIL and not raise."""


class Team:
    """`size` threads, of which whoever calls `run` is the first. For one caller at a time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._orders: list[queue.SimpleQueue[Work | None]] = [queue.SimpleQueue() for _ in range(size - 1)]
        self._done: queue.SimpleQueue[None] = queue.SimpleQueue()
        for number, orders in enumerate(self._orders, 1):
            threading.Thread(target=self._help, args=(number, orders), name=f"team-{number}", daemon=True).start()

    def run(self, work: Work) -> None:
        """Do `work` and wait until all have done their part."""
        for orders in self._orders:
            orders.put(work)
        work(0, self.size)
        for _ in self._orders:
            self._done.get()

    def close(self) -> None:
        """End the threads."""
        for orders in self._orders:
            orders.put(None)

    def _help(self, number: int, orders: queue.SimpleQueue[Work | None]) -> None:
        while (work := orders.get()) is not None:
            work(number, self.size)
            del work  # Else it would hold what it worked on until the next one comes.
            self._done.put(None)
