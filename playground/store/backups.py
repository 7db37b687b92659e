"""Copies of the history that make themselves: one a day, the older ones thinned out. Knows nothing of what is in them.

Copies made by hand and by `check --repair` have other names and are never deleted.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from playground.errors import PlaygroundError
from playground.store.database import BEFORE_MIGRATION, Database, stamp

_DAILY = "playground-daily-"
_DAY = re.compile(rf"{_DAILY}(\d{{4}})(\d\d)(\d\d)-\d{{6}}-\d{{3}}\.db")
_KEEP_MIGRATIONS = 5
_PAUSE = 0.02
_FIRST_LOOK_SECONDS = 20.0
"""After the start: soon, because many a day the app runs for minutes only."""
_LOOK_SECONDS = 3600.0


@dataclass(frozen=True)
class Backup:
    """A copy that can be restored. Its `size` is in bytes, `made_at` in seconds since the epoch."""

    file: Path
    made_at: float
    size: int
    conversations: int | None
    """None when it cannot be read."""


def rotate(database: Database, *, keep_days: int = 7, keep_weeks: int = 4) -> Path | None:
    """Make today's copy unless it is there, then delete old daily ones; returns the new one.

    The newest of each of the last `keep_days` days and, of what is older, of `keep_weeks` weeks stays. Raises
    StorageError when no sound copy could be written; nothing is deleted then.
    """
    folder = database.backups
    today = time.strftime("%Y%m%d")
    if any(folder.glob(f"{_DAILY}{today}-*.db")):
        return None
    for left in folder.glob(f"{_DAILY}*.part*"):  # by an app that was killed meanwhile
        left.unlink()
    made = database.backup(folder / f"{_DAILY}{stamp()}.db", pause=_PAUSE)
    daily = {file: day for file in folder.iterdir() if (day := _day_of(file)) is not None}
    stay = _stay(daily, keep_days, keep_weeks) | {made}  # whatever a wrong clock has named the others
    migrations = sorted(folder.glob(f"{BEFORE_MIGRATION}*.db"))
    for old in [*(daily.keys() - stay), *migrations[:-_KEEP_MIGRATIONS]]:
        old.unlink()
    return made


def keep_daily(
    database: Database,
    stop: threading.Event,
    *,
    told: Callable[[str], None],
    first: float = _FIRST_LOOK_SECONDS,
    again: float = _LOOK_SECONDS,
) -> threading.Thread:
    """Begin to `rotate` in the background: after `first` seconds, then each `again` seconds, until `stop`.

    What goes wrong is `told` in words, and tried again at the next look; "" is told when all is well.
    """

    def look() -> None:
        wait = first
        while not stop.wait(wait):
            wait = again
            try:
                rotate(database)
                told("")
            except PlaygroundError as error:
                told(str(error))
            except OSError as error:
                told(f"No backup could be written to {database.backups}: {error.strerror}. Choose another place.")

    thread = threading.Thread(target=look, name="backups", daemon=True)
    thread.start()
    return thread


def backups(folder: Path, beside: Path) -> Sequence[Backup]:
    """All copies in the backups' `folder`, and those that were put aside `beside` the history; the newest first."""
    files = [*folder.glob("*.db"), *beside.parent.glob(f"{beside.stem}.before-restore-*.db")]
    files += beside.parent.glob(f"{beside.stem}-recovered-*.db")
    found = [Backup(file, (stat := file.stat()).st_mtime, stat.st_size, _conversations(file)) for file in files]
    return sorted(found, key=lambda backup: (backup.made_at, backup.file.name), reverse=True)


def _day_of(file: Path) -> date | None:
    found = _DAY.fullmatch(file.name)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def _stay(daily: dict[Path, date], keep_days: int, keep_weeks: int) -> set[Path]:
    newest_of_day = {day: file for file, day in sorted(daily.items())}
    days = sorted(newest_of_day, reverse=True)
    newest_of_week = {day.isocalendar()[:2]: day for day in reversed(days[keep_days:])}
    weeks = sorted(newest_of_week.values(), reverse=True)[:keep_weeks]
    return {newest_of_day[day] for day in [*days[:keep_days], *weeks]}


def _conversations(file: Path) -> int | None:
    # A copy of an older version would get a log beside it by being looked at.
    how = "mode=ro" if file.with_name(file.name + "-wal").exists() else "mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?{how}", uri=True)) as conn:
            return int(conn.execute("SELECT count(*) FROM conversations WHERE deleted_at IS NULL").fetchone()[0])
    except sqlite3.DatabaseError:
        return None
