"""Who somebody is: by a link, by a link with a password, or by an account. Knows nothing of the web."""

from __future__ import annotations

import time

from playground.access.hashing import hashed_secret, is_password
from playground.access.sessions import Sessions
from playground.access.throttle import Throttle
from playground.errors import BadValueError, BusyError
from playground.store.access import Access
from playground.store.access_values import ROOMS, Link, Person
from playground.store.rows import new_id

_WEEK = 7 * 24 * 3600.0
_WRONG = "That is not right, or it is over. Ask whoever invited you."
_LONGEST = 40


class WaitError(BusyError):
    """Too many wrong attempts; `seconds` from now the next one is looked at."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Too many wrong attempts. Try again in {max(1, seconds / 60):.0f} minutes.")
        self.seconds = seconds


class Entrance:
    """Safe to use from any thread."""

    def __init__(self, access: Access, sessions: Sessions, throttle: Throttle) -> None:
        self._access = access
        self._sessions = sessions
        self._throttle = throttle

    def enter(self, address: str, link: str, name: str, password: str) -> tuple[str, float]:
        """Let somebody in; returns the cookie and when it is over (seconds since the epoch).

        Raises BadValueError, the same for all that is wrong, and WaitError without having looked.
        """
        keys = (f"from {address}", f"to {hashed_secret(link)}" if link else f"as {name.strip().lower()}")
        if wait := self._throttle.wait(*keys):
            raise WaitError(wait)
        found = self._guest(link, name, password) if link else self._account(name, password)
        if found is None:
            self._throttle.failed(*keys)
            raise BadValueError(_WRONG)
        self._throttle.right(*keys)
        person, until = found
        return self._sessions.begin(person, until), until

    def _guest(self, secret: str, name: str, password: str) -> tuple[Person, float] | None:
        found = self._access.link_of(hashed_secret(secret))
        kept = found[1] if found else None
        # Asked for in any case where one is given, so that it takes as long.
        right = is_password(kept, password) if kept or password else True
        if found is None or not found[0].open(time.time()) or (kept and not right):
            return None
        link: Link = found[0]
        called = "".join(sign for sign in " ".join(name.split()) if sign.isprintable())[:_LONGEST]
        return Person("guest", new_id(), called or "Guest", link.rooms, link.limits, link.id), link.expires_at

    def _account(self, name: str, password: str) -> tuple[Person, float] | None:
        found = self._access.password_of(name)
        if not is_password(found[1] if found else None, password) or found is None:
            return None
        account = self._access.account(found[0])
        self._access.account_seen(account.id)
        return Person("account", account.id, account.name, ROOMS, account.limits), time.time() + _WEEK
