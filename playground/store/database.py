"""The SQLite file: transactions, migrations, damage, backups. It counts rows, no more.

FULL synchronous gave 259 commits/s where it was measured, which is plenty for chat, so no word is traded for speed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlite_utils

from playground.errors import BusyError, PlaygroundError, StorageError
from playground.store.migrations import migrations
from playground.store.pool import Pool

log = logging.getLogger(__name__)
SIDE_FILES = ("-wal", "-shm")
_COUNTED = ("conversations", "messages")
_PAGES = 256
BEFORE_MIGRATION = "before-migration-"
"""How the names of copies begin that are made before the schema changes."""


@dataclass(frozen=True)
class DatabaseReport:
    """What `check` found; an empty `problems` means that all is well."""

    problems: tuple[str, ...]
    conversations: int
    messages: int


class Database:
    """An open history file. `kept_aside` names the damaged file that was found in its place, if one was."""

    def __init__(self, file: Path, backups: Path, *, keep_aside: bool = False, told: str = "") -> None:
        """Open or make `file`; back it up before a migration. Raises StorageError, BusyError.

        A damaged file is moved aside if `keep_aside` says that nobody else has it open; else it is a StorageError.
        `told` is what SQLite's errors say once it is open, where the file is none of the reader's business.
        """
        self.file = file
        self.backups = backups
        self.kept_aside: Path | None = None
        self._told = told
        self._pool = Pool(file, told)
        with translate_sqlite(file):
            try:
                self._open()
            except (sqlite3.DatabaseError, PlaygroundError) as error:
                self.close()
                if not keep_aside or not isinstance(error, sqlite3.DatabaseError) or not is_damage(error):
                    raise
                self.kept_aside = _keep_aside(file)
                self._pool = Pool(file, told)
                try:
                    self._open()
                except BaseException:
                    self.close()
                    raise

    def _open(self) -> None:
        existed = _size(self.file) > 0
        if not existed and _size(self.file.with_name(self.file.name + "-wal")) > 0:
            raise sqlite3.DatabaseError("malformed: empty, but its log is not")  # SQLite would delete the log.
        with self._pool.held():
            self._migrate(existed)

    def _migrate(self, existed: bool) -> None:
        problem = self.db.conn.execute("PRAGMA quick_check(1)").fetchone()[0] if existed else "ok"
        if problem != "ok":
            raise sqlite3.DatabaseError(f"malformed: {problem}")
        if newer := newer_steps(self.db):
            raise StorageError(
                f"{self.file} was written by a newer version of Playground ({newer[0]}). "
                "Start that one; nothing was changed."
            )
        if not migrations.pending(self.db):
            return
        # All of them or none: an app that is killed in between finds a state it knows. Begun before the snapshot is
        # taken, so that nothing is written in between; another app that opens the file at the same time waits.
        self.db.execute("BEGIN IMMEDIATE")
        try:
            if existed and migrations.pending(self.db):
                self.backup(self.backups / f"{BEFORE_MIGRATION}{stamp()}.db")
            migrations.apply(self.db)
            self.db.execute("COMMIT")
        except BaseException:
            self.db.rollback()
            raise

    @property
    def db(self) -> sqlite_utils.Database:
        """The connection of the block of `reading` or `writing` that this thread is in; see `Pool.of_thread`."""
        return self._pool.of_thread

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite_utils.Database]:
        """One write transaction, all or nothing; takes the write lock at once so that it cannot fail half-way."""
        with translate_sqlite(self.file, told=self._told), self._pool.held() as db:
            conn = db.conn
            conn.execute("BEGIN IMMEDIATE")
            try:
                yield db
                conn.execute("COMMIT")
            except BaseException:
                conn.rollback()
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite_utils.Database]:
        """A read whose SQLite errors are put into words."""
        with translate_sqlite(self.file, told=self._told), self._pool.held() as db:
            yield db

    @staticmethod
    def inspect(file: Path) -> DatabaseReport:
        """Read the whole of `file` for damage and for links that lead nowhere; changes nothing, moves nothing."""
        with translate_sqlite(file), contextlib.closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as conn:
            try:
                problems = [row[0] for row in conn.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]
                problems += [
                    f"{table} row {row}: refers to a missing row of {parent}"
                    for table, row, parent, _ in conn.execute("PRAGMA foreign_key_check")
                ]
                counts = [conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _COUNTED]
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                problems, counts = [str(error)], [0, 0]
        return DatabaseReport(tuple(problems), counts[0], counts[1])

    def backup(self, target: Path | None = None, *, pause: float = 0.0) -> Path:
        """Copy the live history to `target` (default: a dated file among the backups), whole and sound or not at all.

        Writers never wait for it; with a `pause` (seconds between two MB) the disk is left to them, too.
        """
        target = target or self.backups / f"playground-{stamp()}.db"
        if target.exists():
            raise StorageError(f"{target} is there already. Give another name; a backup never overwrites a file.")
        with copied(self.file, target, pause=pause) as part:
            os.replace(part, target)
        return target

    def close(self) -> None:
        """For good: it cannot be read or written any more."""
        self._pool.close()


@contextlib.contextmanager
def copied(source: Path, target: Path, *, pause: float = 0.0) -> Iterator[Path]:
    """A verified copy of `source`, its log folded in, beside `target`, to be moved there; else it vanishes again."""
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with translate_sqlite(source), contextlib.closing(sqlite3.connect(source, timeout=10)) as live:
            # One snapshot for the whole of the copy: else each write meanwhile would make it begin anew.
            live.execute("BEGIN")
            live.execute("SELECT count(*) FROM sqlite_master").fetchone()
            with translate_sqlite(target, read=source), contextlib.closing(sqlite3.connect(part)) as copy:
                live.backup(copy, pages=_PAGES, sleep=pause)
                copy.execute("PRAGMA journal_mode=DELETE")  # A file of its own, without a log beside it.
                found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise StorageError(f"{source} is damaged ({found}). Run `playground history check`; nothing was copied.")
        yield part
    except OSError as error:
        raise StorageError(f"No backup could be written to {target}: {error.strerror}. Choose another place.") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def newer_steps(db: sqlite_utils.Database) -> list[str]:
    """Migrations that this version does not know: the file was written by a newer one."""
    known = {step.name for step in migrations.pending(sqlite_utils.Database(memory=True, execute_plugins=False))}
    return [step.name for step in migrations.applied(db) if step.name not in known]


@contextlib.contextmanager
def translate_sqlite(file: Path, *, read: Path | None = None, told: str = "") -> Iterator[None]:
    """Turn SQLite's errors about `file`, and damage of what is `read` for it, into ones that say what to do.

    Where there is something `told`, they say that.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _told(_in_words(error, file), told) from error
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            file = read or file
            words = f"{file} is damaged ({error}). Run `playground history check`; look for a backup in {file.parent}."
            raise _told(StorageError(words), told) from error
        raise


def _told(error: PlaygroundError, told: str) -> PlaygroundError:
    """The same in these words, if any; its own then go to the log, for whoever is to do something."""
    if not told:
        return error
    log.warning("%s", error)
    return type(error)(told)


def _in_words(error: sqlite3.OperationalError, file: Path) -> PlaygroundError:
    text = str(error)
    if "full" in text or ("disk I/O error" in text and shutil.disk_usage(file.parent).free < 1 << 20):
        return StorageError(f"The disk that holds {file} is full. Free some space; what is unsaved is saved then.")
    if "locked" in text or "busy" in text:
        return BusyError(f"{file} is in use by another program. Close that program and try again.")
    if "readonly" in text or "unable to open" in text:
        return StorageError(f"{file} cannot be written to. Make it writable, or choose another folder with --data-dir.")
    return StorageError(f"{file} cannot be used: {text}. Run `playground history check`.")


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Does SQLite say that the file itself is broken?"""
    return "malformed" in str(error) or "not a database" in str(error)


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _keep_aside(file: Path) -> Path:
    aside = file.with_name(f"{file.stem}.damaged-{stamp()}{file.suffix}")
    if file.exists():
        os.rename(file, aside)
    for ending in SIDE_FILES:
        side = file.with_name(file.name + ending)
        if side.exists():
            os.rename(side, aside.with_name(aside.name + ending))
    return aside


def stamp() -> str:
    """The time now, for names of files: they sort by it, and no two are the same."""
    return time.strftime("%Y%m%d-%H%M%S") + f"-{time.time_ns() // 1_000_000 % 1000:03d}"
