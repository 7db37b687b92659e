"""An event stream that tells a page what changed, at most twice a second. Knows nothing of what it is about."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from typing import Any

_TICK = 0.5
PING = 15.0
"""Seconds after which a stream says that it is still there."""
Listen = Callable[[Callable[[str], None]], Callable[[], None]]
"""Calls a function at each change; returns what ends that."""


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

    async def events(self) -> AsyncIterator[str]:
        """The stream, until the client leaves or the server closes."""
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
                for event in await asyncio.to_thread(self.changes):
                    yield event
                await asyncio.sleep(_TICK)
                try:
                    await asyncio.wait_for(wake.wait(), self.patience())
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            end()


def event(name: str, data: dict[str, Any]) -> str:
    """One event of a stream."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"
