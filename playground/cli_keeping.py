"""`playground history check|backup|restore|recover`: keeps the file of the conversations safe. Results to stdout."""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import filelock

from playground.cli_parts import AddAction
from playground.errors import BadValueError, BusyError, StorageError
from playground.paths import DataFolder, typed_path
from playground.settings import Settings
from playground.store import Database, History


def add_keeping(action: AddAction) -> None:
    """Add these actions to `playground history`; `action` makes the parser of one (see `cli_history`)."""
    check = action("check", _check, "look for damage and say what it means; exit code 5 when there is some")
    check.add_argument("--repair", action="store_true", help="mend what can be mended, after a backup; deletes nothing")
    backup = action("backup", _backup, "copy the history, also while the app runs")
    backup.add_argument("to", nargs="?", help="file to write (default: a dated one in the data folder)")
    restore = action("restore", _restore, "put a backup in the history's place, which is kept beside it")
    restore.add_argument("backup", nargs="?", metavar="BACKUP", help="a file, or a name from --list")
    restore.add_argument("--list", action="store_true", help="which backups there are")
    restore.add_argument("--json", action="store_true", help="the list as JSON")
    recover = action("recover", _recover, "save what can be read of a damaged file into a new one beside it")
    recover.add_argument("file", nargs="?", help="default: the history itself")


@contextlib.contextmanager
def _alone(folder: DataFolder) -> Iterator[None]:
    """Hold the data folder's lock. Raises BusyError while the app runs."""
    lock = filelock.FileLock(folder.lock, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise BusyError(f"Playground is running on {folder.root}. End it first, then run this again.") from None
    try:
        yield
    finally:
        lock.release()


def _check(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.store.checking import check
    from playground.store.mending import mend

    if not folder.database.exists():
        print("There is no history yet.")
        return 0
    changed = "nothing was changed"
    if options.repair:
        with _alone(folder), contextlib.closing(Database(folder.database, folder.backups)) as database:
            backup, done = mend(History(database))
        print(f"Backup: {backup}")
        for line in done or ["Nothing had to be mended."]:
            print(line[:1].upper() + line[1:])
        changed = "what could be mended is mended"
    report = check(folder.database, running=_is_running(folder))
    print(f"{folder.database}: {report.conversations} conversations, {report.messages} messages")
    for problem in report.problems:
        print(problem.words)
    if not report.sound:
        raise StorageError(f"{len(report.problems)} problems; {changed}. Backups lie in {folder.backups}.")
    print("No damage found.")
    return 0


def _is_running(folder: DataFolder) -> bool:
    try:
        with _alone(folder):
            return False
    except BusyError:
        return True


def _backup(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    with contextlib.closing(Database(folder.database, folder.backups)) as database:
        print(database.backup(Path(options.to).absolute() if options.to else None))
    return 0


def _restore(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.store.backups import backups
    from playground.store.restoring import restore

    if bool(options.backup) == options.list:
        raise BadValueError("Name a backup to restore, or give --list to see which there are.")
    if options.list:
        found = backups(folder.backups, folder.database)
        if options.json:
            print(json.dumps([{**asdict(one), "file": str(one.file)} for one in found], ensure_ascii=False))
            return 0
        for one in found:
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.made_at))
            inside = "cannot be read" if one.conversations is None else f"{one.conversations} conversations"
            print(f"{when}  {one.size / 1e6:8.1f} MB  {inside:>20}  {one.file}")
        return 0
    named = typed_path(str(folder.backups / options.backup))
    with _alone(folder):
        aside = restore(named if named.is_file() else typed_path(options.backup), folder.database)
    print(f"Restored. What was there before is kept as {aside}" if aside else "Restored.")
    return 0


def _recover(options: argparse.Namespace, settings: Settings, folder: DataFolder) -> int:
    from playground.store.salvage import salvage

    with _alone(folder):
        found = salvage(typed_path(options.file) if options.file else folder.database)
    print(f"{found.file}: {found.conversations} conversations, {found.messages} messages")
    print(f"Rows that could not be read: {found.unreadable}")
    for note in found.notes:
        print(note[:1].upper() + note[1:])
    print(f"To go on with it: playground history restore {found.file}")
    return 0
