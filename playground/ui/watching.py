"""An event stream that tells a page what changed, at most twice a second. Knows nothing of what it is about."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from playground.errors import StorageError

T = TypeVar("T")
_TICK = 0.5
PING = 15.0
"""Seconds after which a stream says that it is still there."""
Listen = Callable[[Callable[[str], None]], Callable[[], None]]
"""Calls a function at each change; returns what ends that."""
Hop = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs a function in a thread."""


class Watcher(ABC):
    """One page's stream."""

    def __init__(self, listen: Listen, closing: asyncio.Event) -> None:
        self._listen = listen
        self._closing = closing

    @abstractmethod
    def changes(self) -> list[str]:
        """The events since it was asked last; called in a thread."""

    def patience(self) -> float:
        """Seconds after which to look again although nothing was told."""
        return PING

    def events(self) -> AsyncIterator[str]:
        """The stream, until the client leaves or the server closes."""
        return steady(self._events())

    async def _events(self) -> AsyncGenerator[str]:
        wake = asyncio.Event()
        loop = asyncio.get_running_loop()

        def on_change(run_id: str) -> None:
            if not wake.is_set():
                loop.call_soon_threadsafe(wake.set)

        end = self._listen(on_change)
        try:
            yield "retry: 1000\n\n"
            while not self._closing.is_set():
                wake.clear()
                for event in await looked(self.changes, self._closing) or ():
                    yield event
                await asyncio.sleep(_TICK)
                await either(wake, self._closing, self.patience())
                yield ""
        finally:
            end()


async def looked(look: Callable[[], T], closing: asyncio.Event, hop: Hop = asyncio.to_thread) -> T | None:
    """What it finds, in a thread; None once everybody leaves, when the database may be closed under it."""
    try:
        found: T = await hop(look)
        return found
    except StorageError:
        if not closing.is_set():
            raise
        return None


async def steady(events: AsyncGenerator[str]) -> AsyncGenerator[str]:
    """These, and a word where nothing was sent for a while: what lies between cuts silent connections.

    An empty one is a look at which there was nothing to tell; changes that show nowhere are no reason to be silent.
    """
    sent = time.monotonic()
    async with contextlib.aclosing(events):
        async for each in events:
            if each or time.monotonic() - sent >= PING:
                sent = time.monotonic()
                yield each or ": still here\n\n"


async def either(one: asyncio.Event, other: asyncio.Event, seconds: float) -> None:
    """Wait until one of them is set, at most so many seconds."""
    waiting = [asyncio.ensure_future(each.wait()) for each in (one, other)]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


def event(name: str, data: dict[str, Any]) -> str:
    """One event of a stream."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"
