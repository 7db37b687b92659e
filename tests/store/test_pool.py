"""A thread's connection to a file: its own within a block, the next one's after it, and few that stay."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from playground.errors import PlaygroundError, StorageError
from playground.store import Database, History
from playground.store.database import translate_sqlite
from playground.store.pool import Pool
from tests.histories import answered


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.db"


def test_a_block_within_a_block_has_the_same_connection(file: Path) -> None:
    pool = Pool(file)
    with pool.held() as outer:
        with pool.held() as inner:
            assert inner is outer is pool.of_thread
        assert pool.of_thread is outer
    with pool.held() as next_one:
        assert next_one is outer


def test_two_threads_never_have_the_same_one_at_the_same_time(file: Path) -> None:
    pool, together = Pool(file), threading.Barrier(8)

    def work(_: int) -> int:
        with pool.held() as db:
            together.wait(10)  # All eight hold one.
            db.execute("SELECT 1").fetchone()
            together.wait(10)
            return id(db)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(work, range(8)))) == 8


def test_an_error_gives_the_connection_back_with_nothing_open(file: Path) -> None:
    pool = Pool(file)
    with pool.held() as db:
        db.execute("CREATE TABLE one (two)")

    def fail() -> None:
        with pool.held() as db:
            db.conn.execute("BEGIN")
            db.execute("INSERT INTO one VALUES (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with pool.held() as again:
        assert again is not db  # A statement of it may be at work still.
        assert not again.conn.in_transaction
        assert not again.execute("SELECT * FROM one").fetchall()


def test_many_threads_leave_few_connections(history: History) -> None:
    """Their files stay open as long as one is left: closing one would take the locks of all. SQLite uses them again."""

    def look(number: int) -> None:
        answered(history, text=f"message {number}")
        assert history.conversations(10)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(look, range(64)))
        assert len(history.database._pool._idle) <= 2
    assert len(history.conversations(100)) == 64


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts open files in /proc")
def test_what_is_held_while_it_is_closed_goes_when_it_is_given_back(tmp_path: Path) -> None:
    database = Database(tmp_path / "one.db", tmp_path)
    inside, go_on = threading.Event(), threading.Event()

    def read() -> int:
        with database.reading() as db:
            inside.set()
            go_on.wait(10)
            return int(db.execute("SELECT count(*) FROM messages").fetchone()[0])

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        inside.wait(10)
        database.close()
        assert opened(database.file) == 1
        go_on.set()
        assert reading.result() == 0
    assert opened(database.file) == 0


def test_outside_of_a_block_it_is_the_threads_own_until_it_is_closed(file: Path) -> None:
    pool = Pool(file)
    own = pool.of_thread
    with pool.held() as db:
        assert db is own
    assert pool.of_thread is own
    pool.close()
    with pytest.raises(sqlite3.ProgrammingError):
        own.execute("SELECT 1")
    with pytest.raises(StorageError, match="is closed"):
        print(pool.of_thread)


def opened(file: Path) -> int:
    """How often this process has it open."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}") == str(file)
        except OSError:
            continue
    return count


@pytest.mark.parametrize("told", ["", "Tell the owner."])
def test_where_the_file_is_none_of_the_readers_business_no_error_names_it(tmp_path: Path, told: str) -> None:
    database = Database(tmp_path / "one.db", tmp_path, told=told)
    with pytest.raises(PlaygroundError) as wrong, database.reading() as db:
        db.execute("SELECT * FROM nothing")
    database.close()
    with pytest.raises(StorageError) as closed, database.reading():
        pass
    database.file.write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError) as damaged, translate_sqlite(database.file, told=told):
        sqlite3.connect(database.file).execute("SELECT * FROM sqlite_master")
    for error in (wrong, closed, damaged):
        assert (str(database.file) in str(error.value)) == (not told)
        assert not told or str(error.value) == told
