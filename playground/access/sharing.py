"""Who may come in besides the owner, and the address at which they can. Knows nothing of what listens there."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from playground.access.hashing import hashed_password, hashed_secret, new_secret
from playground.access.sessions import Session, Sessions
from playground.errors import BadValueError
from playground.ports import bound
from playground.store.access import Access
from playground.store.access_values import Account, Limits, Link, Person

_FIRST_PORT, _PORTS = 7960, 100
Serve = Callable[[socket.socket, str, Collection[str]], Callable[[], None]]
"""Serves people at a listening socket, a host and further host names; returns what ends it. Raises BusyError."""


class Sharing:
    """Safe to use from any thread."""

    def __init__(self, root: Path) -> None:
        """`root` is the owner's data folder. Nothing listens yet, and nothing can before `serve` is set."""
        self.access = Access(root / "access.db")
        self.sessions = Sessions(ended=self._left)
        self.serve: Serve | None = None
        self.left: Callable[[Person], None] = lambda _: None
        """Called with whom nobody is any more."""
        self.host = ""
        """On what it listens."""
        self.names: set[str] = set()
        """Host names by which it is called besides, such as a tunnel's."""
        self._lock = threading.Lock()
        self._end: Callable[[], None] | None = None
        self.url = ""
        """Where it listens; "" while it does not."""

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

    def show_out(self, session_id: str) -> None:
        """End one session."""
        self.sessions.end(lambda one: one.id == session_id)

    def open(self, host: str = "127.0.0.1") -> str:
        """Begin to listen; returns the address.

        Raises BadValueError while nobody could come in: no open link and no account.
        """
        with self._lock:
            if self._end is None and self.serve is not None:
                listener = bound(host, None, _FIRST_PORT, _PORTS)
                shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
                url = f"http://{f'[{shown}]' if ':' in shown else shown}:{listener.getsockname()[1]}"
                try:
                    if not anybody(self.access.links(), self.access.accounts()):
                        raise BadValueError("Nobody could come in. Make a link or an account first.")
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
        self.sessions.end(lambda _: True)
        if end is not None:
            end()

    def inside(self) -> list[Session]:
        """Who is in, the newest first."""
        return self.sessions.all()

    def _left(self, person: Person) -> None:
        if not any(one.person.id == person.id for one in self.sessions.all_now()):
            self.left(person)


def anybody(links: Sequence[Link], accounts: Sequence[Account]) -> bool:
    """Whether there is somebody who could come in."""
    now = time.time()
    return any(one.open(now) for one in links) or not all(one.disabled for one in accounts)
