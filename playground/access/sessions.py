"""Who is in: random cookies, known here by their hashes, until they expire. Nothing of it outlives the process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from playground.access.hashing import hashed_secret, new_secret
from playground.errors import BusyError
from playground.store.access_values import Person

_IDLE_SECONDS = 12 * 3600.0
_MOST = 200
"""Sessions at the same time."""


@dataclass(frozen=True)
class Session:
    """One browser that came in. Times are seconds since the epoch."""

    id: str
    person: Person
    began_at: float
    seen_at: float
    expires_at: float


class Sessions:
    """Safe to use from any thread."""

    def __init__(self, now: Callable[[], float] = time.time, ended: Callable[[Person], None] = lambda _: None) -> None:
        """`ended` is called, from whatever thread, with whom has left or was shown out."""
        self._now = now
        self._ended = ended
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def begin(self, person: Person, expires_at: float) -> str:
        """Let somebody in; returns the cookie. Raises BusyError when too many are in."""
        self.sweep()
        cookie, now = new_secret(), self._now()
        with self._lock:
            if len(self._sessions) >= _MOST:
                raise BusyError("Too many people are here at the moment. Try again later.")
            key = hashed_secret(cookie)
            self._sessions[key] = Session(key, person, now, now, expires_at)
        return cookie

    def find(self, cookie: str) -> Session | None:
        """Whose cookie this is; None for one that is unknown or over."""
        key, now = hashed_secret(cookie), self._now()
        with self._lock:
            found = self._sessions.get(key)
            if found is None or _over(found, now):
                return None
            self._sessions[key] = found = replace(found, seen_at=now)
            return found

    def all(self) -> list[Session]:
        """Those that are in, the newest first."""
        self.sweep()
        with self._lock:
            return sorted(self._sessions.values(), key=lambda one: -one.began_at)

    def all_now(self) -> list[Session]:
        """Those that are known, over or not, without showing anybody out."""
        with self._lock:
            return list(self._sessions.values())

    def end(self, which: Callable[[Session], bool]) -> int:
        """Show out whom `which` names; returns how many."""
        with self._lock:
            gone = {key: one for key, one in self._sessions.items() if which(one)}
            self._sessions = {key: one for key, one in self._sessions.items() if key not in gone}
        for one in gone.values():
            self._ended(one.person)
        return len(gone)

    def sweep(self) -> None:
        """Forget those that are over."""
        now = self._now()
        self.end(lambda one: _over(one, now))


def _over(session: Session, now: float) -> bool:
    return now >= session.expires_at or now - session.seen_at > _IDLE_SECONDS
