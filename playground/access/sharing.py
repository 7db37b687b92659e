"""Who may come in besides the owner, and the address at which they can. Knows nothing of what listens there."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from playground.access.hashing import hashed_password, hashed_secret, new_secret
from playground.access.kept import Kept
from playground.access.quota import Quotas
from playground.access.sessions import Session, Sessions
from playground.errors import BadValueError
from playground.ports import bound
from playground.store.access import Access
from playground.store.access_values import Account, Limits, Link, Person

_FIRST_PORT, _PORTS = 7960, 100
Serve = Callable[[socket.socket, str, Collection[str]], Callable[[], None]]
"""Serves people at a listening socket, a host and further host names; returns what ends it. Raises BusyError."""


class NobodyError(BadValueError):
    """Nobody could come in."""


class Sharing:
    """Safe to use from any thread."""

    def __init__(self, root: Path) -> None:
        """`root` is the owner's data folder. Nothing listens yet, and nothing can before `serve` is set."""
        self.access = Access(root / "access.db")
        self._kept = Kept(root / "kept")
        self.sessions = Sessions(ended=self._left)
        self.quotas = Quotas()
        self.serve: Serve | None = None
        self.left: Callable[[Person], None] = lambda _: None
        """Called with whom nobody is any more."""
        self.host = ""
        """On what it listens."""
        self.names: set[str] = set()
        """Host names by which it is called besides, such as a tunnel's."""
        self.closed = 0
        """How often all were shown out."""
        self._lock = threading.Lock()
        self._end: Callable[[], None] | None = None
        self.url = ""
        """Where it listens; "" while it does not."""
        self.tidy()

    def invite(
        self, title: str, rooms: Sequence[str], limits: Limits, seconds: float, password: str = ""
    ) -> tuple[str, str]:
        """Make a link that is open for so long; returns its id and its secret, which is not kept."""
        secret = new_secret()
        kept = hashed_password(password) if password else None
        link = self.access.add_link(title, hashed_secret(secret), kept, rooms, limits, time.time() + seconds)
        return link, secret

    def revoke(self, link_id: str) -> None:
        """Close a link and show out whoever came in by it."""
        self.access.revoke_link(link_id)
        self.sessions.end(lambda one: one.person.by == link_id)
        self.tidy()

    def folder(self, person: Person) -> Path:
        """Where what a guest chose to keep is, as long as their link is open."""
        return self._kept.folder(person.by, person.id)

    def keeps(self, person: Person) -> bool:
        """Whether what somebody has is still there after they have left."""
        if person.kind != "guest":
            return True
        return person.kept and person.by in self._open() and self._kept.has(person.by, person.id)

    def known(self, person: Person, secret: str, keep: bool) -> Person:
        """A guest as they will be in: as they were before, where the `secret` says so that their browser brought.

        Whoever is in by that is shown out, see `keep`. Without `keep` what they had is deleted.
        """
        before = self._kept.known(person.by, secret)
        if before:
            self.sessions.end(lambda one: one.person.id == before)
        if keep:
            return replace(person, id=before or person.id, kept=True)
        if before:
            self._kept.forget(person.by, before)
        return person

    def keep(self, person: Person) -> str:
        """The secret by which a guest who is in will be known the next time. Raises BusyError and StorageError.

        A new one is made each time: else one that somebody put into another's browser would open what is written there.
        """
        secret = new_secret()
        self._kept.mark(person.by, person.id, secret)
        return secret

    def admits(self, person: Person, mark: str, still: set[str] | None = None) -> bool:
        """Whether somebody who is known may (still) be in: their link is open, their password the same.

        `still` are the links that are, where they were looked up already.
        """
        if person.kind == "guest":
            return person.by in (self._open() if still is None else still)
        found = self.access.password_of(person.name)
        return found is not None and found[0] == person.id and hashed_secret(found[1]) == mark

    def tidy(self) -> None:
        """Show out whoever's time is over, and delete what guests of links kept that are over."""
        self.sessions.sweep()
        # Both before it is looked what is open: of a link that is made meanwhile nothing is to go.
        kept = self._kept.links()
        known = {(one.person, one.mark) for one in self.sessions.all_now()}
        still = self._open()  # Once for all: there may be hundreds, and it is done every two seconds.
        over = {(person, mark) for person, mark in known if not self.admits(person, mark, still)}
        if over:  # With the mark: somebody may have come in anew meanwhile, by their new password.
            self.sessions.end(lambda one: (one.person, one.mark) in over)
        self._kept.drop([link for link in kept if link not in still])

    def revoke_key(self, key_id: str) -> None:
        """Close the way in of a program, and end what is at work for it."""
        self.access.revoke_key(key_id)
        self.quotas.end(key_id)

    def show_out(self, session_id: str) -> None:
        """End one session."""
        self.sessions.end(lambda one: one.id == session_id)

    def open(self, host: str = "127.0.0.1") -> str:
        """Begin to listen; returns the address.

        Raises NobodyError while nobody could come in: no open link and no account.
        """
        with self._lock:
            if self._end is None and self.serve is not None:
                listener = bound(host, None, _FIRST_PORT, _PORTS)
                shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
                url = f"http://{f'[{shown}]' if ':' in shown else shown}:{listener.getsockname()[1]}"
                try:
                    if not anybody(self.access.links(), self.access.accounts()):
                        raise NobodyError("Nobody could come in. Make a link or an account first.")
                    self._end = self.serve(listener, host, self.names)
                except BaseException:
                    listener.close()
                    raise
                self.url, self.host = url, host
            return self.url

    def close(self) -> None:
        """Stop listening, and show everyone out."""
        with self._lock:
            end, self._end, self.url = self._end, None, ""
            self.closed += 1
        if end is not None:
            end()
        self.sessions.end(lambda _: True)

    def inside(self) -> list[Session]:
        """Who is in, the newest first."""
        return self.sessions.all()

    def _open(self) -> set[str]:
        """The links that are."""
        now = time.time()
        return {one.id for one in self.access.links() if one.open(now)}

    def is_in(self, person: Person) -> bool:
        """Whether somebody has a session, over or not."""
        return any(one.person.id == person.id for one in self.sessions.all_now())

    def _left(self, person: Person) -> None:
        if not self.is_in(person):
            self.left(person)


def anybody(links: Sequence[Link], accounts: Sequence[Account]) -> bool:
    """Whether there is somebody who could come in."""
    now = time.time()
    return any(one.open(now) for one in links) or not all(one.disabled for one in accounts)
