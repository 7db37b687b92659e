"""Puts a backup in the place of the history. The file that was there is kept beside it; at any moment one of the two is
in place, whole. Whoever calls holds the folder's lock.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

import sqlite_utils

from playground.errors import BadValueError, MissingError, StorageError
from playground.paths import storage_error
from playground.store.database import SIDE_FILES, copied, is_damage, newer_steps, stamp, translate_sqlite

_TABLES = {"conversations", "messages", "replies"}


def restore(backup: Path, file: Path) -> Path | None:
    """Put a checked copy of `backup` in the place of the history `file`; returns where that is kept now, if it was.

    Raises MissingError, BadValueError when `backup` is no history or the file itself, StorageError when it is damaged
    or cannot be copied, BusyError while another program uses the file. Nothing has changed then.
    """
    if not backup.is_file():
        raise MissingError(f"There is no backup {backup}. See `playground history restore --list`.")
    if file.exists() and os.path.samefile(backup, file):
        raise BadValueError(f"{backup} is the history itself. Name a backup.")
    _refuse_foreign(backup)
    for left in file.parent.glob(f"{file.stem}.restoring*"):
        left.unlink()
    with copied(backup, file.with_name(f"{file.stem}.restoring")) as part:
        try:
            return _swap(part, file)
        except OSError as error:
            raise storage_error(error, file) from error


def _swap(part: Path, file: Path) -> Path | None:
    # The log of the old file would be read into the new one: it goes into the old file, or beside it, before.
    _fold_log(file)
    sides = [side for ending in SIDE_FILES if (side := file.with_name(file.name + ending)).exists()]
    aside = file.with_name(f"{file.stem}.before-restore-{stamp()}{file.suffix}")
    for old in [*([file] if file.exists() else []), *sides]:
        _second_name(old, aside.with_name(aside.name + old.name.removeprefix(file.name)))
    for side in sides:
        side.unlink()
    kept = aside if file.exists() or sides else None
    os.replace(part, file)
    return kept


def _refuse_foreign(backup: Path) -> None:
    uri = f"{backup.absolute().as_uri()}?mode=ro"
    with translate_sqlite(backup), contextlib.closing(sqlite3.connect(uri, uri=True)) as conn:
        tables = {row[0] for row in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables >= _TABLES:
            raise BadValueError(f"{backup} is not a history of Playground. Name a backup that it made.")
        if newer := newer_steps(sqlite_utils.Database(conn, execute_plugins=False)):
            raise StorageError(
                f"{backup} was written by a newer version of Playground ({newer[0]}). Start that one; "
                "nothing was changed."
            )


def _fold_log(file: Path) -> None:
    """Bring what is in a sound file's log into the file, which then has none. Raises BusyError."""
    if not file.exists() or not file.stat().st_size or not _is_sound(file):
        return  # SQLite would throw away a log that it cannot use.
    with translate_sqlite(file), contextlib.closing(sqlite3.connect(file, timeout=1)) as conn:
        # Needs the file for itself, so that it is known that no one else writes into it from here on.
        conn.execute("PRAGMA journal_mode=DELETE")


def _is_sound(file: Path) -> bool:
    uri = f"{file.absolute().as_uri()}?mode=ro"
    with translate_sqlite(file):
        try:
            with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=1)) as conn:
                return bool(conn.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            return False


def _second_name(file: Path, name: Path) -> None:
    try:
        os.link(file, name)
    except OSError:  # A disk without links.
        part = name.with_name(name.name + ".part")
        shutil.copyfile(file, part)
        os.replace(part, name)
