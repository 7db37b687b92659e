"""Work for one request: a thread that makes pieces, a queue that brings them to the event loop, and whoever ends it.

The thread stops as soon as the client has gone or the app closes, also while it waits in line for a model.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import AbstractContextManager, closing
from typing import Any, Generic, TypeVar, cast

from fastapi import Request

from playground.api.openai_errors import ApiError, ClientGone, api_error, closing_error, failed
from playground.engine.lease import LeaseCancelled
from playground.errors import PlaygroundError

T = TypeVar("T")


class Desk:
    """How many requests are at work at the same time, all clients together. Belongs to one event loop."""

    def __init__(self, most: int, ends: asyncio.Event) -> None:
        """`ends` is set when the app closes."""
        self.ends = ends
        self._most = most
        self._at_work = 0

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


class Work(Generic[T]):
    """Pieces that a thread makes."""

    def __init__(
        self,
        request: Request,
        desk: Desk,
        make: Callable[[threading.Event], Iterator[T]],
        place: AbstractContextManager[None],
    ) -> None:
        """`make` gives the pieces, in a thread of its own, until the event is set; `place` is held meanwhile.

        Raises ApiError when too much is at work.
        """
        desk.enter()
        self._desk = desk
        self._make, self._place = make, place
        self._stop = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._ended = False
        self._queue: asyncio.Queue[T | Exception | None] = asyncio.Queue()
        self._watchers = [
            self._loop.create_task(self._watch(lambda: _left(request), ClientGone())),
            self._loop.create_task(self._watch(desk.ends.wait, closing_error())),
        ]
        threading.Thread(target=self._run, name="api-work", daemon=True).start()

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
            with self._place, closing(cast("Generator[T]", self._make(self._stop))) as pieces:
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


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
