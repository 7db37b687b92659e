"""A backup put in the place of the history: checked before, never over anything, whole at any moment."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from playground.errors import BadValueError, BusyError, MissingError, PlaygroundError, StorageError
from playground.store import Database
from playground.store.restoring import restore
from tests.conftest import ROOT, Disk
from tests.histories import answered, open_history, rows_of
from tests.store.killing import every_kill, needs_fork, quick_folder

__all__ = ["quick_folder"]
NEW = ["new", "re: new"]
OLD = ["old", "re: old"]


def two_files(folder: Path) -> tuple[Path, Path]:
    """A history that says NEW and a backup that says OLD."""
    folder.mkdir(parents=True, exist_ok=True)
    history = open_history(folder)
    answered(history, text="old")
    backup = history.database.backup()
    history.trash(history.conversations()[0].id)
    history.empty_trash()
    answered(history, text="new")
    history.database.close()
    return history.database.file, backup


def said(file: Path) -> list[str]:
    return [row[1] for row in rows_of(file)]


def test_the_present_file_is_kept_beside(tmp_path: Path) -> None:
    file, backup = two_files(tmp_path)
    before = backup.read_bytes()
    aside = restore(backup, file)
    assert aside is not None
    assert aside.parent == tmp_path
    assert (said(file), said(aside), backup.read_bytes()) == (OLD, NEW, before)
    history = open_history(tmp_path)
    assert [one.title for one in history.conversations()] == ["old"]
    answered(history, text="goes on")
    history.database.close()
    assert restore(aside, file) is not None
    assert said(file) == NEW, "and back again"


def test_into_an_empty_folder(tmp_path: Path) -> None:
    _, backup = two_files(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    assert restore(backup, other / "playground.db") is None
    assert said(other / "playground.db") == OLD


def left_by_a_killed_app(folder: Path) -> Path:
    """A history whose newest turn is in its log alone."""
    script = (
        "import os, sys; from pathlib import Path; from tests.histories import *; "
        "h = open_history(Path(sys.argv[1])); answered(h, text='precious'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert b"precious" in (folder / "playground.db-wal").read_bytes()
    return folder / "playground.db"


def test_what_is_in_the_log_of_the_present_file_is_kept(tmp_path: Path) -> None:
    _, backup = two_files(tmp_path / "a")
    (tmp_path / "b").mkdir()
    file = left_by_a_killed_app(tmp_path / "b")
    aside = restore(backup, file)
    assert aside is not None
    assert (said(file), said(aside)) == (OLD, ["precious", "re: precious"])


def test_a_damaged_file_is_kept_with_its_log(tmp_path: Path) -> None:
    _, backup = two_files(tmp_path / "a")
    (tmp_path / "b").mkdir()
    file = left_by_a_killed_app(tmp_path / "b")
    file.write_bytes(b"")
    log = (tmp_path / "b" / "playground.db-wal").read_bytes()
    aside = restore(backup, file)
    assert aside is not None
    assert aside.read_bytes() == b""
    assert aside.with_name(aside.name + "-wal").read_bytes() == log
    assert said(file) == OLD
    assert Database.inspect(file).problems == ()


def test_a_damaged_file_whose_log_holds_all_is_kept_whole(tmp_path: Path) -> None:
    _, backup = two_files(tmp_path / "a")
    (tmp_path / "b").mkdir()
    file = left_by_a_killed_app(tmp_path / "b")
    file.write_bytes(b"no database " * 5000)
    aside = restore(backup, file)
    assert aside is not None
    assert (said(file), said(aside)) == (OLD, ["precious", "re: precious"])


def harm(backup: Path, how: str) -> None:
    if how == "damaged":
        backup.write_bytes(backup.read_bytes()[:5000])
    elif how == "garbage":
        backup.write_bytes(b"no database " * 500)
    elif how == "foreign":
        backup.unlink()
        with contextlib.closing(sqlite3.connect(backup)) as conn:
            conn.execute("CREATE TABLE notes (text)")
    elif how == "newer":
        with contextlib.closing(sqlite3.connect(backup)) as conn:
            conn.execute("UPDATE _sqlite_migrations SET name = 'm099_x' WHERE id = 5")
            conn.commit()
    else:
        backup.unlink()


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ("damaged", StorageError, "damaged"),
        ("garbage", StorageError, "damaged"),
        ("foreign", BadValueError, "not a history of Playground"),
        ("newer", StorageError, "newer version"),
        ("missing", MissingError, "There is no backup"),
    ],
)
def test_what_is_no_good_backup_is_refused(tmp_path: Path, how: str, error: type[PlaygroundError], words: str) -> None:
    file, backup = two_files(tmp_path)
    harm(backup, how)
    with pytest.raises(error, match=words):
        restore(backup, file)
    assert said(file) == NEW
    assert [one.name for one in tmp_path.glob("*.db*")] == ["playground.db"]


def test_the_history_itself_is_no_backup(tmp_path: Path) -> None:
    file, _ = two_files(tmp_path)
    with pytest.raises(BadValueError, match="itself"):
        restore(file, file)


def test_refused_while_another_program_has_it_open(tmp_path: Path) -> None:
    file, backup = two_files(tmp_path)
    history = open_history(tmp_path)
    assert history.conversations()
    with pytest.raises(BusyError, match="in use by another program"):
        restore(backup, file)
    assert not list(tmp_path.glob("*before-restore*"))
    history.database.close()
    assert said(file) == NEW


def test_no_room(disk: Disk) -> None:
    file, backup = two_files(disk.root)
    disk.fill()
    with pytest.raises(StorageError, match="is full"):
        restore(backup, file)
    disk.clear()
    assert said(file) == NEW
    assert not list(disk.root.glob("*.part"))


def test_a_disk_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    file, backup = two_files(tmp_path)
    aside = restore(backup, file)
    assert aside is not None
    assert (said(file), said(aside)) == (OLD, NEW)


@needs_fork
@pytest.mark.parametrize("state", ["sound", "damaged"])
def test_killed_at_every_line(quick_folder: Path, state: str) -> None:
    """The old file or the new one is in place, whole; with the old one's content beside it when it is the new one."""
    pattern, folder = quick_folder / "pattern", quick_folder / "data"
    file, _ = two_files(pattern)
    (pattern / "backups" / "playground-x.db").hardlink_to(next((pattern / "backups").iterdir()))
    if state == "damaged":
        file.write_bytes(file.read_bytes()[:5000])
        file.with_name("playground.db-wal").write_bytes(b"a log")
    whole = file.read_bytes()
    place, backup = folder / "playground.db", folder / "backups" / "playground-x.db"

    def make() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(pattern, folder)

    ends = set()
    for number in every_kill(lambda: (restore(backup, place), os.getpid()), make, "store/restoring.py"):
        asides = list(folder.glob("playground.before-restore-*.db"))
        is_new = bool(asides) and place.read_bytes() != whole and said(place) == OLD
        ends.add(is_new)
        if state == "damaged":
            assert is_new or place.read_bytes() == whole, number
            assert not is_new or asides[0].read_bytes() == whole
            logs = [*folder.glob("*.db-wal")]
            assert any(log.read_bytes() == b"a log" for log in logs), number
        else:
            assert is_new or said(place) == NEW, number
            assert not is_new or said(asides[0]) == NEW
    assert ends == {False, True}
    make()
    restore(backup, place)
    assert said(place) == OLD
