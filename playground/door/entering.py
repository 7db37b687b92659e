"""Who somebody is: by a link, by a link with a password, or by an account. Knows nothing of the web."""

from __future__ import annotations

import ipaddress
import threading
import time
from dataclasses import dataclass

from playground.access.hashing import hashed_secret, is_password
from playground.access.sharing import Sharing
from playground.access.throttle import Throttle
from playground.errors import BadValueError, BusyError
from playground.store.access_values import ROOMS, Link, Person
from playground.store.rows import new_id

_WEEK = 7 * 24 * 3600.0
_WRONG = "That is not right, or it is over. Ask whoever invited you."
_LONGEST, _LONGEST_SECRET = 40, 200
_Found = tuple[Person, float, str]
"""Who it is, until when, and the mark of their password."""


class WaitError(BusyError):
    """Too many wrong attempts; `seconds` from now the next one is looked at."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Too many wrong attempts. Try again in {max(1, seconds / 60):.0f} minutes.")
        self.seconds = seconds


@dataclass(frozen=True)
class Entered:
    """Somebody has come in."""

    cookie: str
    until: float
    """When it is over, seconds since the epoch."""
    kept: str = ""
    """By what a guest who keeps what they have is known the next time."""


class Entrance:
    """Safe to use from any thread."""

    def __init__(self, sharing: Sharing, throttle: Throttle) -> None:
        self._sharing = sharing
        self._access = sharing.access
        self._sessions = sharing.sessions
        self._one_by_one = threading.Lock()
        self._keeping = threading.Lock()
        """Two who come in by the same secret must not both find what it was for."""
        self._throttle = throttle

    def enter(
        self, address: str, link: str, name: str, password: str, *, keep: bool = False, kept: str = ""
    ) -> Entered:
        """Let somebody in. `keep`: a guest wants to find again what they have; `kept`: by what they were known before.

        Raises BadValueError, the same for all that is wrong, and WaitError without having looked.
        """
        sharing, closed = self._sharing, self._sharing.closed
        whose = f"to {hashed_secret(link)}" if link else f"as {hashed_secret(name.strip().lower())}"
        keys = (f"from {_network(address)}", whose)
        with self._one_by_one:  # Else many at a time are all looked at before the first is known to be wrong.
            found = self._guest(link, name, "") if link else None
            # A link without a password is not guessed: nobody's wrong passwords, from this address too, shut it.
            if found is None and (wait := self._throttle.wait(*keys)):
                raise WaitError(wait)
            if found is None and password:
                found = self._guest(link, name, password) if link else self._account(name, password)
            if found is None:
                self._throttle.failed(*keys)
                raise BadValueError(_WRONG)
            self._throttle.right(whose)
        person, until, mark = found
        sharing.quotas.of(person.by or person.id, person.limits).ask()
        with self._keeping:
            if person.kind == "guest":
                person = sharing.known(person, kept if len(kept) <= _LONGEST_SECRET else "", keep)
            cookie = self._sessions.begin(person, until, mark)
            try:
                # Whoever was shut out, or all of them, meanwhile: it was over before this session could be ended.
                if sharing.closed != closed or not sharing.admits(person, mark):
                    raise BadValueError(_WRONG)
                return Entered(cookie, until, sharing.keep(person) if person.kept else "")
            except BaseException:
                self._sessions.end(lambda one: one.id == hashed_secret(cookie))
                raise

    def _guest(self, secret: str, name: str, password: str) -> _Found | None:
        found = self._access.link_of(hashed_secret(secret))
        kept = found[1] if found else None
        # Asked for in any case where one is given, so that it takes as long.
        right = is_password(kept, password) if password else kept is None
        if found is None or not found[0].open(time.time()) or (kept and not right):
            return None
        link: Link = found[0]
        called = "".join(sign for sign in " ".join(name.split()) if sign.isprintable())[:_LONGEST]
        return Person("guest", new_id(), called or "Guest", link.rooms, link.limits, link.id), link.expires_at, ""

    def _account(self, name: str, password: str) -> _Found | None:
        found = self._access.password_of(name)
        if not is_password(found[1] if found else None, password) or found is None:
            return None
        account = self._access.account(found[0])
        self._access.account_seen(account.id)
        person = Person("account", account.id, account.name, ROOMS, account.limits)
        return person, time.time() + _WEEK, hashed_secret(found[1])


def _network(address: str) -> str:
    """Of an IPv6 address the part that one customer has, else the address."""
    try:
        if ipaddress.ip_address(address).version == 6:
            return str(ipaddress.ip_network(f"{address}/64", strict=False))
    except ValueError:
        pass
    return address
