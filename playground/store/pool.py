"""Connections to one SQLite file: each thread has one for as long as it reads or writes, then the next may have it."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlite_utils

from playground.errors import StorageError

_IDLE = 2
"""Kept open while nobody needs them: a server has dozens of threads, and each connection up to 2 MB of cache."""


@dataclass
class _Held:
    db: sqlite_utils.Database
    depth: int = 0
    """Blocks that this thread is in, one within the other."""


class Pool:
    """Of this process, to `file`."""

    def __init__(self, file: Path, told: str = "") -> None:
        """`told` is said once it is closed; else the file is named."""
        self._file, self._told = file, told
        self._local = threading.local()
        self._lock = threading.Lock()
        self._idle: list[sqlite_utils.Database] = []
        self._closed = False

    @contextlib.contextmanager
    def held(self) -> Iterator[sqlite_utils.Database]:
        """A connection that is this thread's alone within the block; in a block within, the same one."""
        held = self._here()
        if held is None:
            held = self._local.held = _Held(self._take())
        held.depth += 1
        sound = False
        try:
            yield held.db
            sound = True
        finally:
            held.depth -= 1
            if not held.depth:
                self._local.held = None
                self._give_back(held.db, sound)

    @property
    def of_thread(self) -> sqlite_utils.Database:
        """The one of the block that this thread is in; outside of any it becomes the thread's own until `close`."""
        held = self._here()
        if held is None:
            held = self._local.held = _Held(self._take(), 1)
        return held.db

    def close(self) -> None:
        """For good: this thread's and those that nobody holds now, others as they are given back."""
        held = self._here()
        self._local.held = None
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for db in [*idle, *([held.db] if held else [])]:
            db.conn.close()

    def _here(self) -> _Held | None:
        return getattr(self._local, "held", None)

    def _take(self) -> sqlite_utils.Database:
        with self._lock:
            if self._closed:
                raise StorageError(self._told or f"{self._file} is closed. Open it anew.")
            if self._idle:
                return self._idle.pop()  # The one used last: its cache is the freshest.
        conn = sqlite3.connect(str(self._file), timeout=10, check_same_thread=False)
        try:
            conn.execute("PRAGMA journal_mode=WAL")
            conn.execute("PRAGMA synchronous=FULL")
            conn.execute("PRAGMA foreign_keys=ON")
            conn.execute("PRAGMA temp_store=MEMORY")  # Else what is sorted lies among the system's temporary files.
        except BaseException:
            conn.close()
            raise
        return sqlite_utils.Database(conn, execute_plugins=False)

    def _give_back(self, db: sqlite_utils.Database, sound: bool) -> None:
        if sound:  # After an error a statement may still be at work, whose view of the file would be the next one's.
            with contextlib.suppress(sqlite3.Error):
                db.conn.rollback()
                with self._lock:
                    if len(self._idle) < _IDLE and not self._closed:
                        self._idle.append(db)
                        return
        db.conn.close()
