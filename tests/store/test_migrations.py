"""Every past schema is brought up to date whole or not at all, whenever the app is killed; a copy is made before."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

import pytest
import sqlite_utils

from playground.errors import StorageError
from playground.store import Database, History
from playground.store.migrations import migrations
from tests.conftest import Disk
from tests.histories import answered, open_history, shown
from tests.store.killing import end, every_kill, forked, needs_fork, quick_folder, steps

__all__ = ["quick_folder"]

NAMES = [step.name for step in migrations.pending(sqlite_utils.Database(memory=True))]
_REPLY = (
    "INSERT INTO replies (message_id, model, engine, revision, file_sha256, quantization, template_sha256, versions, "
    "sampling, seed, context_length, prompt_tokens, cached_tokens, completion_tokens, left_out) "
    "VALUES (?, 'm', 'e', 'r', 'f', 'Q', 't', '{}', '{}', 7, 100, 10, 4, 5, 2)"
)
_MAKER = "INSERT INTO makers VALUES (1, 'm', 'e', 'r', 'f', 'Q', 't', '{}', '{}', 100, '', '', '', '')"
_PART = "INSERT INTO replies VALUES (?, 0, 1, 0, 7, 10, 4, 5, 2, NULL, NULL, NULL, '{}')"


def make(file: Path, schema: int) -> None:
    """A file of a past version of the app, with a conversation of two branches in it."""
    with contextlib.closing(sqlite3.connect(file)) as conn:
        conn.execute("PRAGMA journal_mode=WAL")
        db = sqlite_utils.Database(conn)
        if schema < len(NAMES):
            migrations.apply(db, stop_before=NAMES[schema])
        else:
            migrations.apply(db)
        conn.execute("INSERT INTO conversations (id, title, created_at, updated_at) VALUES ('c', 'talk 天', 1, 2)")
        for id_, parent, role, content in (
            ("u", None, "user", "hello"),
            ("a", "u", "assistant", "first"),
            ("b", "u", "assistant", "second 天"),
        ):
            conn.execute(
                "INSERT INTO messages (id, conversation_id, parent_id, role, content, status, created_at, updated_at) "
                "VALUES (?, 'c', ?, ?, ?, 'complete', 1, 1)",
                [id_, parent, role, content],
            )
        conn.execute("UPDATE conversations SET leaf_id = 'b'")
        if schema >= 4:
            conn.execute(_MAKER)
        for reply in ("a", "b"):
            conn.execute(_PART if schema >= 4 else _REPLY, [reply])
        if schema >= 3:
            conn.execute("INSERT INTO tags VALUES ('c', 'blue')")
        conn.commit()


def dump(file: Path) -> list[str]:
    """All that is in a file, read from a copy with its log, which leaves the file as a dead process left it."""
    place = file.with_name("dump")
    place.mkdir()
    try:
        for ending in ("", "-wal"):
            if file.with_name(file.name + ending).exists():
                shutil.copy(file.with_name(file.name + ending), place / ("x.db" + ending))
        with contextlib.closing(sqlite3.connect(place / "x.db")) as conn:
            found = list(map(str, conn.execute("SELECT name, sql FROM sqlite_master ORDER BY name")))
            for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'grams'"):
                found += [f"{name}: {row}" for row in conn.execute(f"SELECT * FROM {name}")]
            return found
    finally:
        shutil.rmtree(place)


def applied(file: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(file)) as conn:
        return [row[0] for row in conn.execute("SELECT name FROM _sqlite_migrations ORDER BY id")]


def assert_all_there(history: History) -> None:
    assert shown(history, "c") == ["hello", "second 天"]
    message = history.message("b")
    assert message.alternatives == ("a", "b")
    assert message.record is not None
    assert (message.record["seed"], message.record["part"], message.record["device"]) == (7, 0, "")
    assert history.database.db.execute("SELECT count(*) FROM replies").fetchone() == (2,)
    answered(history, "c", "goes on")


@pytest.mark.parametrize("schema", range(1, len(NAMES) + 1))
def test_every_past_schema(tmp_path: Path, schema: int) -> None:
    file = tmp_path / "playground.db"
    make(file, schema)
    old = dump(file)
    history = open_history(tmp_path)
    assert_all_there(history)
    if schema >= 3:
        assert history.conversation("c").tags == ("blue",)
    history.database.close()
    assert applied(file) == NAMES
    assert Database.inspect(file).problems == ()
    snapshots = list((tmp_path / "backups").glob("before-migration-*.db"))
    assert [dump(one) for one in snapshots] == [old] * (schema < len(NAMES))


@needs_fork
@pytest.mark.parametrize("schema", range(1, len(NAMES)))
def test_killed_at_every_step(quick_folder: Path, schema: int) -> None:
    folder, pattern = quick_folder / "data", quick_folder / "pattern.db"
    make(pattern, schema)
    old = dump(pattern)

    def make_folder() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(pattern, folder / "playground.db")

    def work() -> None:
        database = open_history(folder).database
        database.db.execute("SELECT 1")

    make_folder()
    all_steps = steps(work)
    begun = all_steps.index("os.rename")
    ends = set()
    for number in every_kill(work, make_folder):
        file = folder / "playground.db"
        now = applied_after_death(file)
        assert now in (NAMES[:schema], NAMES), all_steps[number]
        ends.add(len(now))
        if now != NAMES:
            assert dump(file) == old, all_steps[number]
        snapshots = list((folder / "backups").glob("before-migration-*.db"))
        assert len(snapshots) == (number > begun), all_steps[number]
        assert all(dump(one) == old for one in snapshots)
        if number % 5 == 0 or now == NAMES or number in range(begun - 3, begun + 4):
            history = open_history(folder)
            assert history.database.kept_aside is None
            assert_all_there(history)
            history.database.close()
            assert applied(file) == NAMES
    assert ends == {schema, len(NAMES)}


def applied_after_death(file: Path) -> list[str]:
    sql = "\n".join(dump(file))
    return [name for name in NAMES if f"'{name}'" in sql]


@needs_fork
def test_killed_while_the_first_file_is_made(quick_folder: Path) -> None:
    folder = quick_folder / "data"

    def work() -> None:
        open_history(folder).database.close()

    def make_folder() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

    for number in every_kill(work, make_folder):
        if number % 4 == 0:
            history = open_history(folder)
            assert history.database.kept_aside is None
            answered(history)
            history.database.close()


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "playground.db"
    make(file, len(NAMES))
    with contextlib.closing(sqlite3.connect(file)) as conn:
        conn.execute("ALTER TABLE messages ADD COLUMN colour TEXT")
        conn.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('playground', 'm099_colours', '')"
        )
        conn.commit()
    before = file.read_bytes()
    with pytest.raises(StorageError, match=r"newer version of Playground \(m099_colours\)"):
        Database(file, tmp_path / "backups", keep_aside=True)
    assert file.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["playground.db"]


def test_no_room_for_the_copy_leaves_the_file_as_it_is(disk: Disk) -> None:
    file = disk.root / "playground.db"
    make(file, 2)
    with contextlib.closing(sqlite3.connect(file)) as conn:
        conn.execute("UPDATE messages SET content = ? WHERE id = 'a'", ["x" * 5_000_000])
        conn.commit()
    old = dump(file)
    disk.fill()
    with (disk.root / "filler").open("r+b") as filler:
        filler.truncate(filler.seek(0, 2) - 1_000_000)
    with pytest.raises(StorageError, match="is full"):
        open_history(disk.root)
    disk.clear()
    assert dump(file) == old
    history = open_history(disk.root)
    assert_all_there(history)
    history.database.close()


@needs_fork
def test_two_apps_open_an_old_file_at_once(tmp_path: Path) -> None:
    """The second waits for the first, finds all done, and makes no copy of the new state."""
    file = tmp_path / "playground.db"
    make(file, 2)
    old = dump(file)
    children = []
    for _ in range(4):
        child = forked()
        if not child:
            end(lambda: open_history(tmp_path).database.close())
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert_all_there(open_history(tmp_path))
    assert [dump(one) for one in (tmp_path / "backups").iterdir()] == [old]
