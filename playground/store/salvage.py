"""Reads what can still be read of a damaged history, row by row, into a new file beside it. The damaged one stays."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.errors import MissingError, StorageError
from playground.paths import storage_error
from playground.store.carving import carve
from playground.store.database import SIDE_FILES, Database, stamp, translate_sqlite
from playground.store.history import INTERRUPTED
from playground.store.mending import link_rows
from playground.store.rows import Rows

_TABLES = (
    "conversations",
    "messages",
    "texts",
    "makers",
    "replies",
    "attachments",
    "tags",
    "summaries",
    "saved_prompts",
    "token_views",
    "runs",
    "run_documents",
    "run_nodes",
    "run_chats",
    "translations",
    "translation_files",
    "segments",
    "trainings",
    "training_files",
    "training_votes",
    "memory",
    "glossaries",
)
_MADE_ANEW = {"indexed"}
_LONGEST_GAP = 1_000_000
"""Row numbers that are tried one by one between two places that can be read."""


@dataclass(frozen=True)
class Salvaged:
    """What was saved, and where. `unreadable` counts rows that were seen to be there, or have a number in between."""

    file: Path
    conversations: int
    messages: int
    unreadable: int
    notes: tuple[str, ...]


def salvage(damaged: Path) -> Salvaged:
    """Write all that can be read of `damaged` into `playground-recovered-….db` beside it; `damaged` is not touched.

    Whoever calls holds the folder's lock. Raises MissingError for a device, StorageError when there is nothing to
    be read, or no room.
    """
    if damaged.exists() and not damaged.is_file():
        raise MissingError(f"There is no file {damaged}. Check the path.")
    target = damaged.with_name(f"{damaged.stem}-recovered-{stamp()}{damaged.suffix}")
    try:
        for left in damaged.parent.glob(".recover-*"):  # by an attempt that was killed
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(dir=damaged.parent, prefix=".recover-") as place:
            copy = Path(place) / "copy.db"  # Opening a file mends its log into it: not this one.
            for ending in ("", *SIDE_FILES[:1]):
                if damaged.with_name(damaged.name + ending).exists():
                    shutil.copyfile(damaged.with_name(damaged.name + ending), copy.with_name(copy.name + ending))
            part = Path(place) / "part.db"
            found = _salvage(copy, part, target)
            os.replace(part, target)
    except OSError as error:
        raise storage_error(error, damaged.parent) from error
    return found


def _salvage(source: Path, part: Path, target: Path) -> Salvaged:
    with contextlib.closing(Database(part, part.parent)) as database:
        return _filled(database, source, part, target)


def _filled(database: Database, source: Path, part: Path, target: Path) -> Salvaged:
    new, lost = database.db.conn, 0
    with contextlib.closing(sqlite3.connect(source)) as old, translate_sqlite(part):
        old.execute("PRAGMA writable_schema=ON")  # SQLite then opens a file of which the end is missing.
        old.text_factory = lambda data: data.decode("utf-8", "replace")
        new.execute("PRAGMA foreign_keys=OFF")
        new.execute("BEGIN")
        for table in _TABLES:
            names = _columns(old, new, table)
            if table == "replies" and names and "maker_id" not in names:
                lost += _put_older_records(old, Rows(database))
                continue
            if not names:
                continue
            sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
            for row in _rows(old, table, names):
                lost += row is None or not _put(new, sql, row)
        notes = []
        if not new.execute("SELECT 1 FROM messages LIMIT 1").fetchone():  # Its beginning is lost, with all names.
            lost += _put_carved(source, new)
            notes.append("rows were known by their shape: some may be missing, and deleted ones may be back")
        new.execute("COMMIT")
        notes += link_rows(database.db)
        new.execute("UPDATE messages SET status='failed', error=? WHERE status='streaming'", [INTERRUPTED])
        new.commit()
        counts = [new.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _TABLES[:2]]
        new.execute("PRAGMA journal_mode=DELETE")
    if not any(counts):
        raise StorageError("Nothing in this file can be read any more. Restore a backup (`history restore --list`).")
    return Salvaged(target, counts[0], counts[1], lost, tuple(notes))


def _put(new: sqlite3.Connection, sql: str, row: Sequence[Any]) -> bool:
    try:
        new.execute(sql, row)
    except sqlite3.IntegrityError:
        return False
    return True


def _put_older_records(old: sqlite3.Connection, rows: Rows) -> int:
    """Records of a version that kept all of a record in one row; returns how many could not be read."""
    names = [row[1] for row in old.execute("PRAGMA table_info(replies)")]
    new = {"part": 0, "starts_at": 0, "device": "", "adapter": "", "adapter_sha256": "", "hardware": ""}
    lost = 0
    for row in _rows(old, "replies", names):
        if row is None:
            lost += 1
            continue
        record = {**new, **dict(zip(names, row, strict=True))}
        texts = {name: json.loads(record[name]) for name in ("versions", "sampling")}
        seed = {"seed": texts["sampling"].pop("seed", record["seed"])}
        rows.put_record({**record, **texts, "prompt": seed})
    return lost


def _put_carved(source: Path, new: sqlite3.Connection) -> int:
    """Put in what the file's bare pages hold; returns how many rows could not be used."""
    lost = 0
    for table, rows in carve(source).items():
        every = [row[1] for row in new.execute(f"PRAGMA table_info({table})")]
        for row in rows:
            values = {name: value for name, value in zip(every, row, strict=False) if name not in _MADE_ANEW}
            sql = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"
            lost += not _put(new, sql, list(values.values()))
    return lost


def _columns(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> list[str]:
    """What both files know of a table; nothing when the old one does not have it."""
    try:
        there = {row[1] for row in old.execute(f"PRAGMA table_info({table})")}
    except sqlite3.DatabaseError:
        return []
    return [
        row[1] for row in new.execute(f"PRAGMA table_info({table})") if row[1] in there and row[1] not in _MADE_ANEW
    ]


def _rows(old: sqlite3.Connection, table: str, names: list[str]) -> Iterator[tuple[Any, ...] | None]:
    """Rows from both ends up to where they cannot be read, then one by one between; None for each that is lost."""
    key = "rowid" if _has_rowid(old, table) else names[0]
    select = f"SELECT {key}, {', '.join(names)} FROM {table}"
    low, whole = yield from _until_damage(old, f"{select} ORDER BY {key}", [])
    if whole:
        return
    rest, after = ("", []) if low is None else (f" WHERE {key} > ?", [low])
    high, whole = yield from _until_damage(old, f"{select}{rest} ORDER BY {key} DESC", after)
    if whole or key != "rowid" or high is None:
        yield None  # One at least; how many, nobody can say.
        return
    for number in range((low or 0) + 1, high)[:_LONGEST_GAP]:
        try:
            yield from (row[1:] for row in old.execute(f"{select} WHERE rowid = ?", [number]))
        except sqlite3.DatabaseError:
            yield None


def _until_damage(
    old: sqlite3.Connection, sql: str, values: list[Any]
) -> Generator[tuple[Any, ...] | None, None, tuple[Any, bool]]:
    """The rows up to the first that cannot be read; returns the last one's key, and whether it was the last of all."""
    last = None
    try:
        for row in old.execute(sql, values):
            last = row[0]
            yield row[1:]
    except sqlite3.DatabaseError:
        return last, False
    return last, True


def _has_rowid(old: sqlite3.Connection, table: str) -> bool:
    try:
        old.execute(f"SELECT rowid FROM {table} LIMIT 0")
    except sqlite3.DatabaseError as error:
        return "no such column" not in str(error)
    return True
