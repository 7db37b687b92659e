"""How much a person has used within the last hour, and whether they may go on. Knows nothing of who they are."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from weakref import WeakValueDictionary

from playground.access.places import CROWD, Places
from playground.errors import BusyError
from playground.store.access_values import Limits

_HOUR = 3600.0
_MANY = 100
_MOST_BEGUN = 100
"""By all who share a quota: each takes a thread, and the last one waits for all before it."""
_TOGETHER = 10.0
"""Seconds of which the tokens are counted as one."""


class QuotaError(BusyError):
    """Somebody has used what they may use; `seconds` from now they may go on."""

    def __init__(self, words: str, seconds: float) -> None:
        super().__init__(words)
        self.seconds = seconds


def tokens_in(*texts: str) -> int:
    """About how many tokens these are, where no model counts them: four bytes each."""
    return sum(-(-len(text.encode("utf-8", "surrogatepass")) // 4) for text in texts)


class Quota:
    """What one account, one key, or all guests of one link use. Safe to use from any thread."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic, who: str = "") -> None:
        self.limits = limits
        self.who = who
        """By what they are known."""
        self.ended = threading.Event()
        """What they came in by was revoked: nothing of theirs goes on."""
        self._now = now
        self._requests: deque[float] = deque()
        self._tokens: deque[tuple[float, int]] = deque()
        self._at_work = 0
        self._begun: dict[object, str] = {}
        """What was begun and has not ended, and by whom."""
        self._places = Places()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """Hold one of the places for work on a model. Raises QuotaError."""
        with self._lock:
            self._forget()
            limits = self.limits
            if self._at_work >= limits.concurrent:
                raise _too_much()
            self._check_requests()
            self._check_tokens()
            self._requests.append(self._now())
            self._at_work += 1
        try:
            yield
        finally:
            with self._lock:
                self._at_work -= 1

    def place(self, person: str, stop: threading.Event) -> AbstractContextManager[bool]:
        """Wait for one of the places of a person, and of all who share this, then hold it. See Places.hold.

        Raises QuotaError where there is none at all.
        """
        if not self.limits.concurrent:
            raise _too_much()
        return self._places.hold(person, stop, lambda: self.limits.concurrent)

    def begin(self, person: str = "") -> Callable[[], None]:
        """Count something that `person` has begun, at work or not, until what is returned is called. Raises QuotaError.

        Each takes a thread before it may work, so there must be an end to them.
        """
        begun = object()
        with self._lock:
            mine = sum(one == person for one in self._begun.values())
            if mine >= CROWD * self.limits.concurrent or len(self._begun) >= _MOST_BEGUN:
                raise QuotaError("Too much of yours waits already. Wait until some of it is done, or stop it.", 5.0)
            self._begun[begun] = person

        def end() -> None:
            with self._lock:
                self._begun.pop(begun, None)

        return end

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

    def left(self) -> int:
        """How many of the hour's tokens are left."""
        with self._lock:
            self._forget()
            return max(0, self.limits.tokens_per_hour - self._used())

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
            return len(self._requests), self._used(), self._at_work + self._places.taken()

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
    """One Quota for each way in, the same as long as somebody holds it or anything of its hour is left: coming in again
    gives nothing new."""

    def __init__(self) -> None:
        self._all: WeakValueDictionary[str, Quota] = WeakValueDictionary()
        self._kept: dict[str, Quota] = {}
        """Those that stay although nobody may hold them."""
        self._ended: set[str] = set()
        self._lock = threading.Lock()

    def all(self) -> list[Quota]:
        """Those of whom anything was heard."""
        with self._lock:
            return list(self._all.values())

    def end(self, key: str) -> None:
        """Whoever is known by `key` may do nothing any more."""
        with self._lock:
            self._ended.add(key)
            self._kept.pop(key, None)
            if quota := self._all.pop(key, None):
                quota.ended.set()

    def of(self, key: str, limits: Limits) -> Quota:
        """The quota of whoever is known by `key`, with the limits as they are now."""
        with self._lock:
            if (quota := self._all.get(key)) is None:
                self._forget()
                quota = self._all[key] = Quota(limits, who=key)
                if key in self._ended:  # It was looked up before it was revoked.
                    quota.ended.set()
            self._kept[key] = quota
            quota.limits = limits
            return quota

    def _forget(self) -> None:
        """Of whom nothing is left of the hour: a thousand links, each used once, must not stay for ever."""
        if len(self._kept) >= _MANY:
            self._kept = {key: one for key, one in self._kept.items() if any(one.used())}


def _too_much() -> QuotaError:
    return QuotaError("Too much of yours is at work already. Wait until one of it is done.", 1.0)


def _used_up(limit: int, what: str, seconds: float) -> QuotaError:
    return QuotaError(f"{limit} {what} an hour are used up. Try again in {seconds / 60:.0f} minutes.", seconds)
