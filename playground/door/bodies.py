"""What somebody else sends: how much at one go, how slowly, and how much in all, while it is still on its way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import Message, Receive

MEGABYTE = 1_000_000
TYPED = MEGABYTE
"""Bytes of what is no file: the longest that people paste into a box is a fifth of that, in Chinese three fifths."""
TIMES = 10
"""So many files of the largest size somebody may have here in all; where none are taken, so many megabytes."""
FILES = frozenset(
    f"/page/{one}"
    for one in (
        *("attach", "import", "summaries/attach", "translate/attach", "translate/reference"),
        *("memory/import", "memory/glossary"),
    )
)
"""To which files are sent."""
_SMALL = 10_000
"""Bytes of a command to delete something: who has no room left can still make some. As what was let in may become more
afterwards (a text is worked on), there is as much again for that."""
_STALLED_SECONDS = 30.0
"""In which something more of a body must come."""
_SLOWEST = 2_000.0
"""Bytes a second that a body must have on the whole after that: a telephone at the edge of its network has more."""
_FRESH_SECONDS = 2.0
"""As long the size of a folder is taken for known: not looked up at every key that is pressed."""
_BESIDE = ("-wal", "-shm")
"""What SQLite has on its way into the file beside it, where it is counted; what is deleted makes it grow at first."""


def declared(headers: Headers) -> int | None:
    """How many bytes a request says that it sends; None where it does not."""
    said = headers.get("content-length", "")
    return int(said) if said.isdecimal() and "transfer-encoding" not in headers else None


def size_of(folders: set[Path]) -> int:
    """Bytes of what is kept in these, without what is deleted in databases, whose files do not shrink."""
    found = 0
    for folder in folders:
        for place, _, names in os.walk(folder):
            for file in (Path(place, name) for name in names if not name.endswith(_BESIDE)):
                with contextlib.suppress(OSError):  # Gone meanwhile.
                    found += _used(file) if file.suffix == ".db" else file.stat().st_size
    return found


def _used(file: Path) -> int:
    # Asked of SQLite: whoever opens the file otherwise, and closes it, takes away the locks of this whole process.
    with contextlib.suppress(sqlite3.Error):
        address = f"{file.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=0.2)) as opened:
            pages, free, size = (
                opened.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
            )
            return int((pages - free) * size)
    return file.stat().st_size


@dataclass
class _Kept:
    """What those have who share limits."""

    size: int = 0
    """As of `at`, and what came since."""
    at: float = float("-inf")
    coming: int = 0
    """Bytes that are on their way, or may be."""
    came: int = 0
    open: int = 0
    """Requests that are being answered."""
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Place:
    """Room for a body, as long as it is on its way."""

    def __init__(self, kept: _Kept, most: int, declared: int | None) -> None:
        self._kept = kept
        self._most = most
        self._declared = declared is not None
        self.taken = declared or 0

    def grows(self, size: int) -> bool:
        """Whether there is room for what has come of a body that did not say how much it is."""
        if self._declared:
            return True
        self._kept.coming += size
        self.taken += size
        return self._kept.size + self._kept.coming <= self._most


class Places:
    """How much everybody has here. Belongs to one event loop."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: dict[str, _Kept] = {}

    @contextlib.contextmanager
    def of(self, key: str) -> Iterator[_Kept]:
        """While one of `key` sends something."""
        kept = self._kept.setdefault(key, _Kept())
        kept.open += 1
        try:
            yield kept
        finally:
            kept.open -= 1
            old = self._now() - _FRESH_SECONDS
            for gone in [name for name, one in self._kept.items() if not one.open and one.at < old]:
                del self._kept[gone]

    async def look(self, kept: _Kept, folders: Callable[[], set[Path]]) -> None:
        """Find out how much there is, if that is not known."""
        async with kept.looking:
            if kept.at >= self._now() - _FRESH_SECONDS:
                return
            came = kept.came
            size = await asyncio.to_thread(lambda: size_of(folders()))
            # What came meanwhile may have been seen or not.
            kept.size, kept.at = size + kept.came - came, self._now()

    @contextlib.contextmanager
    def room(self, kept: _Kept, most: int, size: int | None) -> Iterator[Place | None]:
        """Room for `size` bytes where `most` are allowed in all; None where there is none."""
        allowed = 2 * most if size is not None and size <= _SMALL else most
        if kept.size + kept.coming + (size or 0) > allowed:
            yield None
            return
        place = Place(kept, most, size)
        kept.coming += place.taken
        try:
            yield place
        finally:
            kept.coming -= place.taken
            kept.came += place.taken
            kept.size += place.taken


class Body:
    """What comes, up to a limit of bytes and in time: else it is as if they had hung up."""

    def __init__(self, receive: Receive, limit: int, place: Place | None = None) -> None:
        self._receive = receive
        self._limit = limit
        self._place = place
        self._size = 0
        self._began = time.monotonic()
        self._whole = False
        self.refusal = 0
        """The status with which to answer, if it was not taken."""
        self.is_full = False
        """There was no room for it beside what is here."""

    async def receive(self) -> Message:
        """See ASGI."""
        if self.refusal:
            return {"type": "http.disconnect"}
        if self._whole:
            return await self._receive()
        late = self._began + _STALLED_SECONDS + self._size / _SLOWEST - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(_STALLED_SECONDS, late))):
                message = await self._receive()
        except TimeoutError:
            self.refusal = 408
            return {"type": "http.disconnect"}
        size = len(message.get("body", b""))
        self._size += size
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        self.is_full = self._place is not None and not self._place.grows(size)
        if self._size > self._limit or self.is_full:
            self.refusal = 413
            return {"type": "http.disconnect"}
        return message
