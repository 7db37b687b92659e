"""Who may come in besides the owner, and the address at which they can. Knows nothing of what listens there."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from playground.access.hashing import hashed_password, hashed_secret, new_secret
from playground.access.sessions import Session, Sessions
from playground.errors import BadValueError, BusyError
from playground.store.access import Access
from playground.store.access_values import Limits, Person

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

    def open(self, host: str = "127.0.0.1", port: int | None = None) -> str:
        """Begin to listen; returns the address.

        Raises BadValueError while nobody could come in: no open link and no account.
        """
        with self._lock:
            if self._end is None and self.serve is not None:
                listener = _bound(host, port)
                shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
                url = f"http://{f'[{shown}]' if ':' in shown else shown}:{listener.getsockname()[1]}"
                try:
                    self._check_anybody()
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

    def _check_anybody(self) -> None:
        now = time.time()
        links, accounts = self.access.links(), self.access.accounts()
        if not any(one.open(now) for one in links) and all(one.disabled for one in accounts):
            raise BadValueError("Nobody could come in. Make a link or an account first.")

    def _left(self, person: Person) -> None:
        if not any(one.person.id == person.id for one in self.sessions.all_now()):
            self.left(person)


def _bound(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for one in [port] if port else range(_FIRST_PORT, _FIRST_PORT + _PORTS):
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, one))
            listener.listen(128)
            return listener
        except socket.gaierror:
            listener.close()
            raise BadValueError(f"host {host!r} is not an address of this machine. Try 127.0.0.1.") from None
        except OSError as error:
            listener.close()
            if port:
                raise BusyError(f"Port {port} on {host} is not free ({error.strerror}). Choose another.") from None
    raise BusyError(f"No port from {_FIRST_PORT} on is free. Choose one.")
