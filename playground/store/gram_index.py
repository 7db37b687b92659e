"""The index of grams: which blocks of messages hold what, kept up as messages come, change and go.

Eight messages that follow each other are one entry, a block: that takes half of the room that an entry a message would
take. A block is put in when all its messages are finished and others have begun behind it; until then its messages have
`indexed` 0, and whoever searches looks into them. A block's entry goes as a whole before one of its messages changes.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence

from playground.store.database import Database, is_damage
from playground.store.grams import fold, grams, mark, query

BLOCK = 8
_IN_BLOCK = "seq BETWEEN ? AND ?"
_WAITING = "messages INDEXED BY messages_unindexed WHERE indexed = 0"
_LOOKED_AT = 60
"""Signs of a message that `problems` looks for."""
_AT_ONCE = 0.01
"""Seconds that the work of one transaction of `catch_up`, or of `add`, may take; its commit comes on top."""
_AFTER_MANY = 0.25
"""The same after many messages have come or gone at once, which no next message would make up for."""
_REST = 0.02
"""Seconds that others may write between two transactions of `catch_up`."""


log = logging.getLogger(__name__)


class GramIndex:
    """The index and its upkeep."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, seq: int) -> None:
        """A message is finished: put in what has become whole; inside of a transaction.

        The message's own block waits, because what made it may be written after its text. A damaged index must not
        keep a message from being saved: what is not in it is found by looking.
        """
        self.add_some(_AT_ONCE, but=seq // BLOCK)

    def add_some(self, seconds: float = _AFTER_MANY, but: int = -1) -> None:
        """Put in what is whole, for so long at most, but for one block; inside of a transaction."""
        with _damage_logged():
            self._fill(time.monotonic() + seconds, but)

    def remove(self, seq: int) -> None:
        """A message will change or go: take its block out, as it still is; inside of a transaction."""
        block = seq // BLOCK
        line = self._line(block, "indexed = 1")
        with _damage_logged():
            self._conn.execute("INSERT INTO grams(grams, rowid, words) VALUES ('delete', ?, ?)", [block, line])
        self._conn.execute(f"UPDATE messages SET indexed = 0 WHERE {_IN_BLOCK} AND indexed = 1", _ends(block))

    def catch_up(self, stop: threading.Event, rest: float = _REST) -> None:
        """Put in all that is whole, in short transactions with a rest (seconds) after each for other writers."""
        while not stop.is_set():
            with self.database.writing():
                done = self._fill(time.monotonic() + _AT_ONCE)
            if done or stop.wait(rest):
                return

    def blocks(self, terms: Iterable[Sequence[str]], models: Iterable[str], last: int) -> Iterator[int]:
        """Blocks from `last` on that may hold all of these terms and replies of these models, newest first."""
        sql = "SELECT rowid FROM grams WHERE grams MATCH ? AND rowid <= ? ORDER BY rowid DESC"
        for (block,) in self._conn.execute(sql, [query(terms, map(mark, models)), last]):
            yield block

    def waiting(self) -> list[int]:
        """Blocks with messages that are not in the index, newest first."""
        sql = f"SELECT DISTINCT seq / {BLOCK} FROM {_WAITING}"
        return sorted((row[0] for row in self._conn.execute(sql)), reverse=True)

    def problems(self) -> list[str]:
        """What is not as it should be, in words; reads a little of each block."""
        found = []
        try:
            if late := sum(map(self._whole, self.waiting())):
                found.append(f"messages that are not in the search index yet: up to {late * BLOCK}")
            if lost := self._lost():
                found.append(f"messages that the search index has lost: up to {lost * BLOCK}")
            self._conn.execute("BEGIN IMMEDIATE")
            try:
                self._conn.execute("INSERT INTO grams(grams) VALUES ('integrity-check')")
            finally:
                self._conn.rollback()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            found.append(f"the search index is damaged ({error})")
        return found

    def rebuild(self) -> None:
        """Begin the index anew; `catch_up` fills it."""
        with self.database.writing() as db:
            db.execute("INSERT INTO grams(grams) VALUES ('delete-all')")
            db.execute("UPDATE messages SET indexed = 0 WHERE indexed = 1")

    @property
    def _conn(self) -> sqlite3.Connection:
        return self.database.db.conn

    def _fill(self, end: float, but: int = -1) -> bool:
        """Put in what is whole, until that moment; says whether nothing is left."""
        at = -1
        while True:
            row = self._conn.execute(f"SELECT seq FROM {_WAITING} AND seq > ? ORDER BY seq LIMIT 1", [at]).fetchone()
            if row is None:
                return True
            block = row[0] // BLOCK
            at = (block + 1) * BLOCK - 1
            if block != but and self._whole(block):
                if time.monotonic() > end:
                    return False
                self._put(block)

    def _whole(self, block: int) -> bool:
        """Will nothing more come into this block, and nothing in it change by itself?"""
        (newest,) = self._conn.execute("SELECT max(seq) FROM messages").fetchone()
        growing = f"SELECT 1 FROM messages WHERE {_IN_BLOCK} AND status = 'streaming'"
        return newest // BLOCK > block and self._conn.execute(growing, _ends(block)).fetchone() is None

    def _put(self, block: int) -> None:
        if self._conn.execute(f"SELECT 1 FROM messages WHERE {_IN_BLOCK} AND indexed = 1", _ends(block)).fetchone():
            self.remove(block * BLOCK)
        line = self._line(block, "1")
        self._conn.execute("INSERT INTO grams(rowid, words) VALUES (?, ?)", [block, line])
        self._conn.execute(f"UPDATE messages SET indexed = 1 WHERE {_IN_BLOCK}", _ends(block))

    def _line(self, block: int, which: str) -> str:
        where = f"{_IN_BLOCK} AND {which}"
        texts = [row[0] for row in self._conn.execute(f"SELECT content FROM messages WHERE {where}", _ends(block))]
        models = self._conn.execute(
            f"SELECT DISTINCT model FROM reply_records WHERE message_id IN (SELECT id FROM messages WHERE {where})",
            _ends(block),
        )
        return grams(map(fold, texts), [mark(row[0]) for row in models])

    def _indexed(self) -> Iterator[int]:
        for (block,) in self._conn.execute(f"SELECT DISTINCT seq / {BLOCK} FROM messages WHERE indexed = 1"):
            yield block

    def _lost(self) -> int:
        """How many blocks are not in the index that should be: each is asked for by a gram of its first message."""
        standing: set[int] = set()
        lost = 0
        first = f"SELECT substr(content, 1, {_LOOKED_AT}) FROM messages WHERE {_IN_BLOCK} AND indexed = 1 LIMIT 1"
        for block in self._indexed():
            if block not in standing:
                (text,) = self._conn.execute(first, _ends(block)).fetchone()
                wanted = query([[word] for word in fold(text).split()]).split(" AND ")[0]
                # The answer names other blocks, too, which then need no question of their own.
                found = self._conn.execute("SELECT rowid FROM grams WHERE grams MATCH ?", [wanted]) if wanted else ()
                standing.update(row[0] for row in found)
                lost += bool(wanted) and block not in standing
        return lost


def _ends(block: int) -> list[int]:
    return [block * BLOCK, block * BLOCK + BLOCK - 1]


@contextlib.contextmanager
def _damage_logged() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and not is_damage(error):
            raise  # A full disk, or a locked file.
        log.warning("the search index is damaged; `playground history check --repair` makes it anew")
