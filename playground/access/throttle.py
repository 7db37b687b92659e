"""Counts failed attempts to come in, and refuses further ones for a while. Knows nothing of what is tried."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

_KEPT = 10_000
"""Places that are remembered at most; the oldest is forgotten first."""


class Throttle:
    """So many failures for each key within a window. Safe to use from any thread."""

    def __init__(self, most: int = 5, seconds: float = 900.0, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._now = now
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, *keys: str) -> float:
        """Seconds until these may try again; 0.0: now."""
        with self._lock:
            return max((self._wait(key) for key in keys), default=0.0)

    def failed(self, *keys: str) -> None:
        """Note that an attempt was wrong."""
        with self._lock:
            for key in keys:
                times = self._failed.setdefault(key, deque(maxlen=self._most))
                times.append(self._now())
                self._failed.move_to_end(key)
            while len(self._failed) > _KEPT:
                self._failed.popitem(last=False)

    def right(self, *keys: str) -> None:
        """Forget what was wrong before."""
        with self._lock:
            for key in keys:
                self._failed.pop(key, None)

    def _wait(self, key: str) -> float:
        times = self._failed.get(key)
        if times is None or len(times) < self._most:
            return 0.0
        return max(0.0, times[0] + self._seconds - self._now())
