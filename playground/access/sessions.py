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
_MOST, _OF_GUESTS, _OF_A_LINK = 200, 180, 100
"""Sessions at the same time: of all, of all guests, and of those who came in by one link."""
_QUIET_SECONDS = 600.0
"""Who has shown no sign for so long makes room for others of the same link."""


@dataclass(frozen=True)
class Session:
    """One browser that came in. Times are seconds since the epoch."""

    id: str
    person: Person
    began_at: float
    seen_at: float
    expires_at: float
    mark: str = ""
    """Of the password by which an account came in: with another one the session is over."""


class Sessions:
    """Safe to use from any thread."""

    def __init__(self, now: Callable[[], float] = time.time, ended: Callable[[Person], None] = lambda _: None) -> None:
        """`ended` is called, from whatever thread, with whom has left or was shown out."""
        self._now = now
        self._ended = ended
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def begin(self, person: Person, expires_at: float, mark: str = "") -> str:
        """Let somebody in; returns the cookie. Raises BusyError when too many are in."""
        self.sweep()
        if person.by:
            self._make_room(person.by)
        cookie, now = new_secret(), self._now()
        with self._lock:
            inside = list(self._sessions.values())
            guests = sum(one.person.kind == "guest" for one in inside)
            of_link = sum(one.person.by == person.by for one in inside)
            full = len(inside) >= _MOST or (person.by and (guests >= _OF_GUESTS or of_link >= _OF_A_LINK))
            if full:
                raise BusyError("Too many people are here at the moment. Try again later.")
            key = hashed_secret(cookie)
            self._sessions[key] = Session(key, person, now, now, expires_at, mark)
        return cookie

    def _make_room(self, link_id: str) -> None:
        now = self._now()
        mine = [one for one in self.all_now() if one.person.by == link_id]
        quiet = [one.id for one in mine if now - one.seen_at > _QUIET_SECONDS]
        if len(mine) >= _OF_A_LINK and quiet:
            self.end(lambda one: one.id in quiet)

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
