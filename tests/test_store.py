"""The history through its own door: what is committed when, what a stale page may not do, what every fault leaves."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from playground.errors import BusyError, ConflictError, MissingError, PlaygroundError, StorageError
from playground.records import ReplyRecord
from playground.store import Database, History
from playground.store.history import INTERRUPTED, NewTurn
from tests.conftest import ROOT, Disk

RECORD = ReplyRecord(
    model="m",
    engine="e",
    revision="r",
    file_sha256="f",
    quantization="Q",
    template_sha256="t",
    versions={"lib": "1"},
    sampling={"temperature": 0.5, "stop": ["。"]},
    seed=7,
    context_length=100,
    prompt_tokens=10,
    cached_tokens=4,
    completion_tokens=5,
    left_out=2,
    time_to_first_token=0.5,
    tokens_per_second=None,
    finish_reason="stop",
)


def open_history(folder: Path) -> History:
    return History(Database(folder / "playground.db", folder / "backups"))


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = open_history(tmp_path)
    yield made
    made.database.close()


def turn(history: History, conversation: str | None = None, text: str = "hello", seen: str | None = None) -> NewTurn:
    return history.add_turn(
        conversation, text, seen_leaf=seen, title=text, system_prompt="Be brief.", sampling={"top_k": 3}
    )


def answered(history: History, conversation: str | None = None, text: str = "hello") -> NewTurn:
    """A turn whose reply is complete."""
    seen = history.conversation(conversation).leaf_id if conversation else None
    new = turn(history, conversation, text, seen)
    history.finish(new.reply_id, f"re: {text}", "complete", "", RECORD)
    return new


def answer_for_ever(history: History) -> None:
    for _ in range(1000):
        answered(history, text="x" * 5000)


def shown(history: History, conversation: str) -> list[str]:
    return [message.content for message in history.window(conversation, 1000).messages]


def rows_of(file: Path) -> list[tuple[str, str, str]]:
    """Straight from the file, as another program sees it."""
    with contextlib.closing(sqlite3.connect(file)) as other:
        return other.execute("SELECT role, content, status FROM messages ORDER BY seq").fetchall()


def test_a_turn_is_committed_when_add_turn_returns(history: History) -> None:
    turn(history, text="天气 \U0001f600\x00 end")
    assert rows_of(history.database.file) == [
        ("user", "天气 \U0001f600\x00 end", "complete"),
        ("assistant", "", "streaming"),
    ]


def test_what_is_kept_of_a_reply(history: History) -> None:
    new = answered(history)
    message = history.message(new.reply_id)
    assert (message.content, message.status, message.error) == ("re: hello", "complete", "")
    assert message.record is not None
    assert {key: message.record[key] for key in RECORD.to_dict()} == RECORD.to_dict()
    conversation = history.conversation(new.conversation_id)
    assert (conversation.system_prompt, conversation.sampling) == ("Be brief.", {"top_k": 3})
    assert conversation.leaf_id == new.reply_id


def test_alternatives_and_select(history: History) -> None:
    first = answered(history, text="one")
    below = answered(history, first.conversation_id, "two")
    history.select(first.conversation_id, first.reply_id)
    assert history.conversation(first.conversation_id).leaf_id == below.reply_id, "select goes down to the end"
    other = history.add_alternative(first.conversation_id, seen_leaf=below.reply_id, sampling={})
    history.finish(other.reply_id, "re: two, anew", "complete", "", None)
    assert shown(history, first.conversation_id) == ["one", "re: one", "two", "re: two, anew"]
    assert history.message(below.reply_id).alternatives == (below.reply_id, other.reply_id)
    history.select(first.conversation_id, below.reply_id)
    assert shown(history, first.conversation_id)[-1] == "re: two"
    with pytest.raises(MissingError):
        history.select(answered(history).conversation_id, below.reply_id)
    assert history.message(below.reply_id).conversation_id == first.conversation_id


def test_window_and_earlier(history: History) -> None:
    new = answered(history, text="0")
    for number in range(1, 25):
        answered(history, new.conversation_id, str(number))
    window = history.window(new.conversation_id, 30)
    assert (len(window.messages), window.earlier) == (30, 20)
    assert window.messages[0].content == "10"
    before = history.window(new.conversation_id, 15, window.messages[0].id)
    assert (before.messages[-1].content, len(before.messages), before.earlier) == ("re: 9", 15, 5)
    first = history.window(new.conversation_id, 15, before.messages[0].id)
    assert (first.messages[0].content, len(first.messages), first.earlier) == ("0", 5, 0)
    assert history.window(new.conversation_id, 15, first.messages[0].id).messages == ()
    with pytest.raises(MissingError):
        history.window(new.conversation_id, 5, "nobody")


def test_a_stale_page_changes_nothing(history: History) -> None:
    first = answered(history)
    second = answered(history, first.conversation_id, "newer")
    before = rows_of(history.database.file)
    for stale in (None, first.reply_id, "nobody"):
        with pytest.raises(ConflictError, match="another window"):
            turn(history, first.conversation_id, "late", stale)
        with pytest.raises(ConflictError):
            history.add_alternative(first.conversation_id, seen_leaf=stale, sampling={"top_k": 9})
        with pytest.raises(ConflictError):
            history.reopen(first.conversation_id, seen_leaf=stale)
    assert rows_of(history.database.file) == before
    assert history.conversation(first.conversation_id).leaf_id == second.reply_id
    assert history.conversation(first.conversation_id).sampling == {"top_k": 3}


def test_busy_while_a_reply_is_written(history: History) -> None:
    new = turn(history)
    with pytest.raises(BusyError):
        turn(history, new.conversation_id, "more", new.reply_id)
    with pytest.raises(BusyError):
        history.add_alternative(new.conversation_id, seen_leaf=new.reply_id, sampling={})
    history.finish(new.reply_id, "half", "stopped", "", None)
    anew = history.add_alternative(new.conversation_id, seen_leaf=new.reply_id, sampling={})
    history.select(new.conversation_id, new.reply_id)
    with pytest.raises(BusyError):  # Looking at another branch meanwhile does not make it free.
        turn(history, new.conversation_id, "more", new.reply_id)
    history.finish(anew.reply_id, "", "stopped", "", None)
    history.reopen(new.conversation_id, seen_leaf=new.reply_id)
    assert history.message(new.reply_id).status == "streaming"
    assert history.message(new.reply_id).content == "half"


def test_unknown_ids(history: History) -> None:
    for call in (history.conversation, history.message, history.trash, history.restore):
        with pytest.raises(MissingError):
            call("nobody")
    with pytest.raises(MissingError):
        turn(history, "nobody")
    with pytest.raises(MissingError):
        history.rename("nobody", "x")


def test_trash_restore_rename(history: History) -> None:
    old, new = answered(history, text="old"), answered(history, text="new")
    assert [c.title for c in history.conversations()] == ["new", "old"]
    history.trash(old.conversation_id)
    assert [c.title for c in history.conversations()] == ["new"]
    assert [c.title for c in history.conversations(trashed=True)] == ["old"]
    with pytest.raises(ConflictError, match="trash"):
        turn(history, old.conversation_id, "more", old.reply_id)
    history.restore(old.conversation_id)
    history.rename(old.conversation_id, "老")
    assert [c.title for c in history.conversations()] == ["new", "老"], "renaming does not make it newer"
    assert shown(history, old.conversation_id) == ["old", "re: old"]
    assert new.reply_id != old.reply_id


def test_interrupted_replies_keep_their_text(history: History) -> None:
    done, cut = answered(history), turn(history)
    history.journal(cut.reply_id, "half a sent")
    assert (history.mark_interrupted(), history.mark_interrupted()) == (1, 0)
    message = history.message(cut.reply_id)
    assert (message.content, message.status, message.error) == ("half a sent", "failed", INTERRUPTED)
    assert history.message(done.reply_id).status == "complete"


def test_threads_write_at_the_same_time(history: History) -> None:
    def work(number: int) -> str:
        new = answered(history, text=f"{number}.0")
        for step in range(1, 4):
            answered(history, new.conversation_id, f"{number}.{step}")
        history.database.close()
        return new.conversation_id

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    for number, conversation in enumerate(found):
        assert shown(history, conversation)[::2] == [f"{number}.{step}" for step in range(4)]


def test_one_of_two_pages_wins(history: History) -> None:
    new = answered(history)
    both = threading.Barrier(2)

    def work(text: str) -> str:
        both.wait()
        try:
            turn(history, new.conversation_id, text, new.reply_id)
        except PlaygroundError as error:
            return type(error).__name__
        finally:
            history.database.close()
        return "saved"

    with ThreadPoolExecutor(2) as pool:
        ends = sorted(pool.map(work, ["a", "b"]))
    assert ends[1] == "saved"
    assert ends[0] in ("BusyError", "ConflictError")
    assert len(shown(history, new.conversation_id)) == 4


# -- faults ------------------------------------------------------------------------------------------------------------


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
        "import os, sys; from pathlib import Path; from tests.test_store import *; "
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
