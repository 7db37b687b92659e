"""How much a person has used within the last hour, and whether they may go on. Knows nothing of who they are."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator

from playground.errors import BusyError
from playground.store.access_values import Limits

_HOUR = 3600.0
_TOGETHER = 10.0
"""Seconds of which the tokens are counted as one."""


class QuotaError(BusyError):
    """Somebody has used what they may use; `seconds` from now they may go on."""

    def __init__(self, words: str, seconds: float) -> None:
        super().__init__(words)
        self.seconds = seconds


class Quota:
    """What one person uses. Safe to use from any thread."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._now = now
        self._requests: deque[float] = deque()
        self._tokens: deque[tuple[float, int]] = deque()
        self._at_work = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """Hold one of the places for work on a model. Raises QuotaError."""
        with self._lock:
            self._forget()
            limits = self.limits
            if self._at_work >= limits.concurrent:
                raise QuotaError("Too much of yours is at work already. Wait until one of it is done.", 1.0)
            self._check_requests()
            self._check_tokens()
            self._requests.append(self._now())
            self._at_work += 1
        try:
            yield
        finally:
            with self._lock:
                self._at_work -= 1

    def ask(self) -> None:
        """Count a request that is no work on a model by itself. Raises QuotaError."""
        with self._lock:
            self._forget()
            self._check_requests()
            self._requests.append(self._now())

    def check_tokens(self) -> None:
        """Raise QuotaError when those of the hour are used up."""
        with self._lock:
            self._forget()
            self._check_tokens()

    def spend(self, tokens: int) -> None:
        """Note what a model has read and written."""
        with self._lock:
            now = self._now()
            if self._tokens and now - self._tokens[-1][0] < _TOGETHER:
                now, before = self._tokens.pop()
                tokens += before
            self._tokens.append((now, tokens))

    def used(self) -> tuple[int, int, int]:
        """Requests and tokens of the last hour, and what is at work now."""
        with self._lock:
            self._forget()
            return len(self._requests), self._used(), self._at_work

    def _check_requests(self) -> None:
        limit = self.limits.requests_per_hour
        if len(self._requests) >= limit:
            raise _used_up(limit, "requests", self._left(self._requests[0] if self._requests else None))

    def _check_tokens(self) -> None:
        if self._used() >= self.limits.tokens_per_hour:
            first = self._tokens[0][0] if self._tokens else None
            raise _used_up(self.limits.tokens_per_hour, "tokens", self._left(first))

    def _used(self) -> int:
        return sum(tokens for _, tokens in self._tokens)

    def _left(self, first: float | None) -> float:
        return _HOUR if first is None else max(1.0, first + _HOUR - self._now())

    def _forget(self) -> None:
        before = self._now() - _HOUR
        while self._requests and self._requests[0] <= before:
            self._requests.popleft()
        while self._tokens and self._tokens[0][0] <= before:
            self._tokens.popleft()


class Quotas:
    """One Quota for each person, the same as long as the process lives: coming in again gives nothing new."""

    def __init__(self) -> None:
        self._quotas: dict[str, Quota] = {}
        self._lock = threading.Lock()

    def of(self, key: str, limits: Limits) -> Quota:
        """The quota of whoever is known by `key`, with the limits as they are now."""
        with self._lock:
            quota = self._quotas.setdefault(key, Quota(limits))
            quota.limits = limits
            return quota


def _used_up(limit: int, what: str, seconds: float) -> QuotaError:
    return QuotaError(f"{limit} {what} an hour are used up. Try again in {seconds / 60:.0f} minutes.", seconds)
