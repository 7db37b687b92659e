"""How a server of ours keeps its connections: not those on which nothing is asked, and no more than there is room for.

uvicorn imports it, by its name in `ports.SERVER`; nothing else does, because uvicorn takes seconds.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from playground.ports import most_connections

_HEAD_SECONDS = 12.0
"""In which the head of a request must have come whole."""
_REST_SECONDS = 60.0
"""In which the rest of a body must have come that was answered before its end."""
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 10\r\nContent-Length: 0\r\n"
    b"Cache-Control: no-store\r\n\r\n"
)


class Connection(H11Protocol):
    """uvicorn's, which would wait for ever for the end of a first head, and for as many as come."""

    _patience: asyncio.TimerHandle | None = None
    _since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait; where there is no room, the one that has waited longest gives up its own."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._wait()
        if len(self.connections) <= most_connections():
            return
        others = [one for one in self.connections if isinstance(one, Connection) and one is not self]
        waiting = [one for one in others if one.is_waiting]
        if waiting:
            min(waiting, key=lambda one: one._since).transport.abort()
        else:
            transport.write(_FULL)
            transport.close()

    @property
    def is_waiting(self) -> bool:
        """Whether nothing is at work for it."""
        return not self.transport.is_closing() and (self.cycle is None or self.cycle.response_complete)

    def data_received(self, data: bytes) -> None:
        """As uvicorn does; but what does not become a request must not go on for ever."""
        super().data_received(data)
        if not self.is_waiting:
            self._stop_waiting()
        elif self._patience is None:
            self._wait()

    def on_response_complete(self) -> None:
        """From now on it waits again, for as long as uvicorn lets it as long as nothing comes."""
        self._since = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        head = self.conn.their_state is h11.IDLE
        self._patience = self.loop.call_later(_HEAD_SECONDS if head else _REST_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if self.is_waiting:
            self.transport.abort()
