"""The history under faults: damaged, locked and read-only files, a full disk, backups. All is said, nothing lost."""

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

from playground.errors import BusyError, StorageError
from playground.store import Database, History
from tests.conftest import ROOT, Disk
from tests.histories import answered, open_history, rows_of, shown, turn


def answer_for_ever(history: History) -> None:
    for _ in range(1000):
        answered(history, text="x" * 5000)


def filled_file(tmp_path: Path, turns: int = 40) -> Path:
    """A closed history file with something in it, without side files."""
    history = open_history(tmp_path)
    new = answered(history, text="x" * 5000)
    for number in range(turns):
        answered(history, new.conversation_id, str(number) * 500)
    history.database.close()
    return history.database.file


@pytest.mark.parametrize("harm", ["garbage", "half", "middle", "short"])
def test_a_damaged_file_is_kept_aside(tmp_path: Path, harm: str) -> None:
    file = filled_file(tmp_path)
    whole = file.read_bytes()
    middle = whole[:4096] + b"\x5a" * 20000 + whole[24096:]
    spoilt = {
        "garbage": b"no database " * 5000,
        "half": whole[: len(whole) // 2],
        "middle": middle,
        "short": whole[:50],
    }
    file.write_bytes(spoilt[harm])
    before = file.read_bytes()
    assert Database.inspect(file).problems
    assert file.read_bytes() == before, "looking changes nothing"

    history = open_history(tmp_path)
    aside = history.database.kept_aside
    assert aside is not None
    assert aside.parent == tmp_path
    assert aside.read_bytes() == before
    assert history.conversations() == []
    answered(history)
    history.database.close()
    assert Database.inspect(file).problems == ()


@pytest.mark.parametrize("main", [b"no database " * 5000, b""], ids=["garbage", "empty"])
def test_side_files_of_a_damaged_file_are_kept_too(tmp_path: Path, main: bytes) -> None:
    """The log beside the file may hold the newest messages; it must not vanish with the damage."""
    script = (
        "import os, sys; from pathlib import Path; from tests.histories import *; "
        "h = open_history(Path(sys.argv[1])); answered(h, text='precious'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    log = tmp_path / "playground.db-wal"
    assert b"precious" in log.read_bytes()
    (tmp_path / "playground.db").write_bytes(main)
    history = open_history(tmp_path)
    kept = [file.read_bytes() for file in tmp_path.iterdir() if "damaged" in file.name]
    if "precious" not in str([c.title for c in history.conversations()]):
        assert any(b"precious" in content for content in kept), sorted(tmp_path.iterdir())
    history.database.close()


def test_backup_while_open_and_never_over_a_file(history: History, tmp_path: Path) -> None:
    new = answered(history, text="kept")
    first = history.database.backup()
    assert first.parent == tmp_path / "backups"
    answered(history, new.conversation_id, "later")
    assert [row[1] for row in rows_of(first)] == ["kept", "re: kept"]
    second = history.database.backup(tmp_path / "deep" / "ly" / "mine.db")
    before = second.read_bytes()
    with pytest.raises(StorageError, match="never overwrites"):
        history.database.backup(second)
    assert second.read_bytes() == before
    assert not list(tmp_path.rglob("*.part"))


def test_backup_into_a_place_that_is_no_folder(history: History, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for target in (tmp_path / "file" / "x.db", tmp_path / "file" / "deeper" / "x.db"):
        with pytest.raises(StorageError, match="No backup could be written"):
            history.database.backup(target)
    assert (tmp_path / "file").read_text() == "mine"


def test_an_older_file_is_backed_up_before_it_is_changed(tmp_path: Path) -> None:
    file = tmp_path / "playground.db"
    with contextlib.closing(sqlite3.connect(file)) as older:
        older.execute("CREATE TABLE notes (text)")
        older.execute("INSERT INTO notes VALUES ('from before')")
        older.commit()
    history = open_history(tmp_path)
    (backup,) = (tmp_path / "backups").iterdir()
    assert backup.name.startswith("before-migration-")
    with contextlib.closing(sqlite3.connect(backup)) as copy:
        tables = [row[0] for row in copy.execute("SELECT name FROM sqlite_master")]
        assert (tables, copy.execute("SELECT * FROM notes").fetchall()) == (["notes"], [("from before",)])
    answered(history)
    history.database.close()
    open_history(tmp_path).database.close()
    assert len(list((tmp_path / "backups").iterdir())) == 1, "only before a migration"


def test_locked_by_another_program(history: History) -> None:
    history.database.db.execute("PRAGMA busy_timeout = 50")
    with contextlib.closing(sqlite3.connect(history.database.file)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError, match="in use by another program"):
            turn(history)
        assert history.conversations() == [], "reading goes on"
    answered(history)
    assert len(history.conversations()) == 1


def test_full_disk(disk: Disk) -> None:
    history = open_history(disk.root)
    kept = answered(history, text="kept")
    disk.fill()
    with pytest.raises(StorageError, match=r"is full\. Free some space"):
        answer_for_ever(history)
    with pytest.raises(StorageError, match="is full"):
        history.database.backup()
    disk.clear()
    saved = len(history.conversations(1000))
    assert shown(history, kept.conversation_id) == ["kept", "re: kept"]
    answered(history, text="room again")
    assert len(history.conversations(1000)) == saved + 1
    assert history.database.backup().exists()
    history.database.close()
    assert Database.inspect(history.database.file).problems == ()


def test_full_disk_at_the_first_start(disk: Disk) -> None:
    disk.fill()
    with pytest.raises(StorageError, match="is full"):
        open_history(disk.root)
    disk.clear()
    history = open_history(disk.root)
    answered(history)
    history.database.close()


def test_page_limit_behaves_like_a_full_disk(history: History) -> None:
    history.database.db.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StorageError, match="is full"):
        answer_for_ever(history)
    history.database.db.execute("PRAGMA max_page_count = 1000000")
    answered(history)


def test_read_only_disk(disk: Disk) -> None:
    history = open_history(disk.root)
    answered(history, text="kept")
    history.database.close()
    disk.remount("ro")
    with pytest.raises(StorageError, match="cannot be written to"):
        turn(open_history(disk.root))
    disk.remount("rw")
    again = open_history(disk.root)
    assert [c.title for c in again.conversations()] == ["kept"]
    again.database.close()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everything")
def test_read_only_file(tmp_path: Path) -> None:
    file = filled_file(tmp_path, 1)
    file.chmod(0o444)
    with pytest.raises(StorageError, match="cannot be written to"):
        turn(open_history(tmp_path))


def test_the_file_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "playground.db").mkdir()
    with pytest.raises(StorageError):
        open_history(tmp_path)
    shutil.rmtree(tmp_path / "playground.db")


def test_another_programs_database(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE notes (text)")
    with pytest.raises(StorageError, match=r"other\.db"):
        Database.inspect(tmp_path / "other.db")
