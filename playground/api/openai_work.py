"""Work for one request: a thread that makes pieces, a queue that brings them to the event loop, and whoever ends it.

The thread stops as soon as the client has gone or the app closes, also while it waits in line for a model.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from typing import Any, Generic, TypeVar, cast

from fastapi import Request

from playground.access.quota import Quota
from playground.api.openai_errors import ApiError, ClientGone, api_error, closing_error, failed, revoked_error
from playground.engine.lease import LeaseCancelled
from playground.errors import PlaygroundError

T = TypeVar("T")
_LOOK_SECONDS = 0.5
_SOON_SECONDS = 5.0
_BODIES = 32
"""Of one key, on their way at the same time."""


class Desk:
    """How many requests are at work at the same time, all clients together. Belongs to one event loop."""

    def __init__(self, most: int, ends: asyncio.Event) -> None:
        """`ends` is set when the app closes."""
        self.ends = ends
        self._most = most
        self._at_work = 0
        self._coming: Counter[str] = Counter()

    def enter(self) -> None:
        """Take a place. Raises ApiError when there is none."""
        if self.ends.is_set():
            raise closing_error()
        if self._at_work >= self._most:
            raise ApiError(429, "Too many requests wait here already. Try again.", code="queue_full", wait=2.0)
        self._at_work += 1

    def leave(self) -> None:
        """Give the place back."""
        self._at_work -= 1

    @contextlib.contextmanager
    def receiving(self, key: str) -> Iterator[None]:
        """While a body comes that this key sends. Raises ApiError where many do: each holds a connection."""
        if self._coming[key] >= _BODIES:
            said = "Too many requests of this key are on their way. Send some of them after the others."
            raise ApiError(429, said, code="too_many_bodies", wait=2.0)
        self._coming[key] += 1
        try:
            yield
        finally:
            self._coming[key] -= 1
            if not self._coming[key]:
                del self._coming[key]


class Work(Generic[T]):
    """Pieces that a thread makes."""

    def __init__(
        self,
        request: Request,
        desk: Desk,
        make: Callable[[threading.Event], Iterator[T]],
        quota: Quota,
    ) -> None:
        """`make` gives the pieces, in a thread of its own, until the event is set; it is work of this quota.

        Raises ApiError when too much is at work.
        """
        desk.enter()
        self._desk = desk
        self._make, self._quota = make, quota
        self._stop = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._ended = False
        self._queue: asyncio.Queue[T | Exception | None] = asyncio.Queue()
        self._watchers = [
            self._loop.create_task(self._watch(lambda: _left(request), ClientGone())),
            self._loop.create_task(self._watch(desk.ends.wait, closing_error())),
            self._loop.create_task(self._watch(lambda: _revoked(quota), revoked_error())),
        ]
        try:
            threading.Thread(target=self._run, name="api-work", daemon=True).start()
        except RuntimeError:
            self._over()
            raise ApiError(503, "Too much is at work here. Try again.", code="busy", wait=_SOON_SECONDS) from None

    async def next(self, seconds: float | None = None) -> T | None:
        """The next piece, None at the end. Raises what went wrong, ClientGone, and TimeoutError after `seconds`."""
        if not self._ended:
            piece = await asyncio.wait_for(self._queue.get(), seconds)
            if isinstance(piece, Exception):
                raise piece
            if piece is not None:
                return piece
            self._ended = True
        return None

    async def all(self) -> list[T]:
        """All pieces, at the end."""
        try:
            found = []
            while (piece := await self.next()) is not None:
                found.append(piece)
            return found
        finally:
            self.stop()

    async def as_they_come(self, seconds: float) -> AsyncIterator[T | None]:
        """The pieces; None stands for so many seconds in which nothing came."""
        try:
            while True:
                try:
                    piece = await self.next(seconds)
                except TimeoutError:
                    yield None
                    continue
                if piece is None:
                    return
                yield piece
        finally:
            self.stop()

    def stop(self) -> None:
        """End the work within a token."""
        self._stop.set()

    async def _watch(self, ends: Callable[[], Coroutine[Any, Any, Any]], says: Exception) -> None:
        await ends()
        self._stop.set()
        self._queue.put_nowait(says)

    def _run(self) -> None:
        end: Exception | None = None
        try:
            with self._quota.work(), contextlib.closing(cast("Generator[T]", self._make(self._stop))) as pieces:
                for piece in pieces:
                    self._tell(piece)
        except LeaseCancelled:
            end = ClientGone() if self._stop.is_set() else closing_error()
        except ApiError as error:
            end = error
        except PlaygroundError as error:
            end = api_error(error)
        except Exception as error:  # noqa: BLE001 - `failed` logs it; it must not die unheard in a thread.
            end = failed(error)
        self._tell(end)
        self._call(self._over)

    def _over(self) -> None:
        self._desk.leave()
        for watcher in self._watchers:
            watcher.cancel()

    def _tell(self, piece: T | Exception | None) -> None:
        self._call(lambda: self._queue.put_nowait(piece))

    def _call(self, what: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:  # The loop has closed, and with it everyone who could want to know.
            self._stop.set()


async def _revoked(quota: Quota) -> None:
    while not quota.ended.is_set():
        await asyncio.sleep(_LOOK_SECONDS)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
