"""Copies that make themselves: one a day, thinned out, never at the price of a good one."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from playground.errors import StorageError
from playground.store import History
from playground.store.backups import backups, keep_daily, rotate
from tests.conftest import Disk, wait_for
from tests.histories import answered, open_history, rows_of

TODAY = date.today()


def daily(folder: Path, day: date, clock: str = "120000-000") -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / f"playground-daily-{day:%Y%m%d}-{clock}.db"
    file.write_bytes(b"old")
    return file


def test_one_a_day(history: History) -> None:
    answered(history, text="kept")
    first = rotate(history.database)
    assert first is not None
    assert [row[1] for row in rows_of(first)] == ["kept", "re: kept"]
    answered(history)
    assert rotate(history.database) is None
    assert list(history.database.backups.iterdir()) == [first]


def test_a_week_of_days_and_a_month_of_weeks_stay(history: History) -> None:
    folder = history.database.backups
    made = {back: daily(folder, TODAY - timedelta(back)) for back in range(1, 60)}
    second = daily(folder, TODAY - timedelta(1), "080000-000")
    new = rotate(history.database)
    left = set(folder.iterdir())
    assert left >= {new, *(made[back] for back in range(1, 7))}
    assert second not in left, "one of a day"
    older = left - {new, *(made[back] for back in range(1, 7))}
    weeks = [(TODAY - timedelta(back)).isocalendar()[:2] for back, file in made.items() if file in older]
    assert len(set(weeks)) == len(older) == 4
    assert weeks == sorted(weeks, reverse=True)
    assert {made[back] for back in range(7, 29)} >= older - {made[back] for back in range(29, 36)}


def test_what_it_did_not_make_stays(history: History) -> None:
    by_hand = [history.database.backup() for _ in range(12)]
    migrations = [history.database.backups / f"before-migration-2020010{day}-000000-000.db" for day in range(1, 9)]
    for file in migrations:
        file.write_bytes(b"old")
    other = daily(history.database.backups, TODAY, "mine").rename(history.database.backups / "playground-daily-mine.db")
    new = rotate(history.database)
    assert new is not None
    assert set(history.database.backups.iterdir()) == {*by_hand, other, new, *migrations[3:]}


def test_a_clock_that_was_wrong_costs_no_good_copy(history: History) -> None:
    for ahead in range(400, 420):
        daily(history.database.backups, TODAY + timedelta(ahead))
    new = rotate(history.database)
    assert new is not None
    assert new.exists()


def test_what_a_killed_app_left_is_cleared(history: History) -> None:
    history.database.backups.mkdir()
    left = history.database.backups / "playground-daily-20200101-000000-000.db.part"
    left.write_bytes(b"half")
    rotate(history.database)
    assert not left.exists()


def test_no_room_is_told_and_the_old_ones_stay(disk: Disk) -> None:
    history = open_history(disk.root)
    answered(history, text="x" * 500_000)
    old = {daily(disk.root / "backups", TODAY - timedelta(back)) for back in range(1, 40)}
    disk.fill()
    with pytest.raises(StorageError, match="is full"):
        rotate(history.database)
    assert set((disk.root / "backups").iterdir()) == old
    disk.clear()
    assert rotate(history.database) is not None
    assert len(list((disk.root / "backups").iterdir())) == 11
    history.database.close()


def test_a_damaged_history_pushes_out_no_good_copy(history: History) -> None:
    for number in range(60):
        answered(history, text=str(number) * 500)
    history.database.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    old = {daily(history.database.backups, TODAY - timedelta(back)) for back in range(1, 40)}
    with history.database.file.open("r+b") as file:
        file.seek(100_000)
        file.write(b"\x5a" * 40_000)
    with pytest.raises(StorageError, match="damaged"):
        rotate(history.database)
    assert set(history.database.backups.iterdir()) == old


def test_writers_go_on_and_the_copy_is_of_one_moment(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page at a time, with a turn between each two: the copy ends all the same, and holds what was there before."""
    monkeypatch.setattr("playground.store.database._PAGES", 1)
    for number in range(10):
        answered(history, text=str(number) * 3000)
    before = rows_of(history.database.file)
    ended = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not ended.is_set():
            answered(history)
            written += 1
        history.database.close()

    writer = threading.Thread(target=write)
    writer.start()
    wait_for(lambda: written, what="a turn")
    copy = history.database.backup(pause=0.002)
    during = written
    ended.set()
    writer.join()
    assert rows_of(copy)[: len(before)] == before
    assert 0 < len(rows_of(copy)) <= 2 * (10 + during)
    assert during > 2


def test_it_looks_by_itself_and_tells(history: History) -> None:
    answered(history)
    stop, told = threading.Event(), []
    (history.database.file.parent / "backups").write_text("no folder")
    thread = keep_daily(history.database, stop, told=told.append, first=0.0, again=0.01)
    wait_for(lambda: any("No backup could be written" in one for one in told), what="a complaint")
    history.database.backups.unlink()
    wait_for(lambda: told[-1] == "", what="all well")
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert len(list(history.database.backups.glob("playground-daily-*.db"))) == 1


def test_nothing_is_done_before_its_time(history: History) -> None:
    stop = threading.Event()
    thread = keep_daily(history.database, stop, told=lambda text: None)
    stop.set()
    thread.join(10)
    assert not history.database.backups.exists()


def test_the_list(history: History, tmp_path: Path) -> None:
    assert backups(history.database.backups, history.database.file) == []
    gone = answered(history)
    answered(history)
    history.trash(gone.conversation_id)
    first = history.database.backup()
    answered(history)
    rotated = rotate(history.database)
    (history.database.backups / "broken.db").write_bytes(b"no database " * 100)
    (tmp_path / "playground.before-restore-20200101-000000-000.db").write_bytes(first.read_bytes())
    found = {one.file: one for one in backups(history.database.backups, history.database.file)}
    assert {file.name.split("-")[1][:6]: one.conversations for file, one in found.items() if "broken" not in file.name}
    assert found[first].conversations == 1
    assert rotated is not None
    assert found[rotated].conversations == 2
    assert found[rotated].size == rotated.stat().st_size
    assert abs(found[rotated].made_at - time.time()) < 60
    assert found[history.database.backups / "broken.db"].conversations is None
    assert len(found) == 4
    with contextlib.closing(sqlite3.connect(first)) as conn:
        assert conn.execute("PRAGMA journal_mode").fetchone() == ("delete",), "a file of its own"
        conn.execute("PRAGMA journal_mode=WAL")
    files = sorted(history.database.backups.iterdir())
    assert len(backups(history.database.backups, history.database.file)) == 4
    assert sorted(history.database.backups.iterdir()) == files, "looking leaves nothing behind"
