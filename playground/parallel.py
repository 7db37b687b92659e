"""Does the same to many things, some at a time; the first fault ends it all."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def in_parallel(things: Iterable[T], workers: int, work: Callable[[T], None], stop: threading.Event) -> None:
    """`work` on each thing, in their order, `workers` at a time. Begins no more once `stop` is set.

    Returns when all that began has ended, and raises then what the first fault was.
    """
    todo, faults = deque(things), deque[BaseException]()

    def drain() -> None:
        while not stop.is_set() and not faults:
            try:
                thing = todo.popleft()
            except IndexError:
                return
            try:
                work(thing)
            except BaseException as problem:  # noqa: BLE001 - raised by the thread that waits for this one
                faults.append(problem)

    threads = [threading.Thread(target=drain, name="part", daemon=True) for _ in range(min(workers, len(todo)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]
