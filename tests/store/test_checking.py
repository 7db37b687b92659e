"""What `check` finds and says, what `mend` does about it, and what `salvage` saves: each fault is made by hand."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from playground.errors import BadValueError
from playground.store import History
from playground.store.checking import REMEDIES, check
from playground.store.mending import LOST, mend
from tests.histories import FILE, RECORD, answered, open_history, rows_of, shown, turn
from tests.store.test_migrations import NAMES, make


def two_talks(history: History) -> tuple[str, str]:
    """Two conversations of four messages."""
    talks = []
    for name in ("one", "two"):
        new = answered(history, text=name)
        answered(history, new.conversation_id, f"{name} more")
        talks.append(new.conversation_id)
    return talks[0], talks[1]


def spoil(history: History, *statements: str) -> None:
    """Change the file behind the app's back."""
    with contextlib.closing(sqlite3.connect(history.database.file)) as other:
        for statement in statements:
            other.execute(statement)
        other.commit()


def problems(history: History, *, running: bool = False) -> list[tuple[str, str]]:
    return [(one.what, one.remedy) for one in check(history.database.file, running=running).problems]


def texts(history: History) -> list[str]:
    return sorted(row[1] for row in rows_of(history.database.file))


def test_all_is_well(history: History) -> None:
    two_talks(history)
    report = check(history.database.file, running=False)
    assert (report.problems, report.conversations, report.messages, report.sound) == ((), 2, 8, True)


ONE = "(SELECT id FROM messages WHERE content = 'one')"
MORE = "(SELECT id FROM messages WHERE content = 'one more')"
LAST = "(SELECT id FROM messages WHERE content = 're: one more')"
TWO = "(SELECT id FROM messages WHERE content = 're: two')"
LEAF = "conversations that show a message which is not there, deleted, or another's: 1"
FAULTS = {
    "a parent in another conversation": (
        [f"UPDATE messages SET parent_id = {TWO} WHERE content = 'one more'"],
        [
            "messages that answer one of another conversation: 1",
            "messages that stand below such ones, so that nothing leads to them: 1",
        ],
    ),
    "a parent that is gone": (
        ["DELETE FROM messages WHERE content = 're: one'"],
        [
            "records of replies that are not there: 1",
            "messages that answer one that is not there: 1",
            "messages that stand below such ones, so that nothing leads to them: 1",
        ],
    ),
    "a circle": (
        [f"UPDATE messages SET parent_id = {LAST} WHERE content = 'one'"],
        ["messages that answer each other in a circle: 4"],
    ),
    "a leaf that is gone": (
        [f"DELETE FROM replies WHERE message_id = {LAST}", "DELETE FROM messages WHERE content = 're: one more'"],
        [LEAF],
    ),
    "a leaf that is deleted": (
        ["UPDATE messages SET deleted_at = 1 WHERE content = 're: one more'"],
        [LEAF],
    ),
    "a leaf of another": (
        [f"UPDATE conversations SET leaf_id = {TWO} WHERE title = 'one'"],
        [LEAF],
    ),
    "no leaf": (["UPDATE conversations SET leaf_id = NULL WHERE title = 'one'"], [LEAF]),
    "a conversation that is gone": (
        [
            "INSERT INTO tags SELECT id, 'blue' FROM conversations WHERE title = 'one'",
            "DELETE FROM conversations WHERE title = 'one'",
        ],
        [
            "messages of a conversation that is not there: 4",
            "rows of tags that belong to conversations which are not there: 1",
        ],
    ),
    "an index": (
        [
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_master SET sql = sql || ' WHERE role = ''x''' WHERE name = 'messages_by_parent'",
        ],
        ["an index does not match its table"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_found_said_and_mended(history: History, fault: str) -> None:
    statements, expected = FAULTS[fault]
    talks = two_talks(history)
    spoil(history, *statements)
    before = texts(history)
    report = check(history.database.file, running=False)
    found = [one.what for one in report.problems]
    assert len(found) == len(expected), found
    for said, start in zip(sorted(found), sorted(expected), strict=True):
        assert start in said
    assert {one.remedy for one in report.problems} == {"repair"}
    assert not report.sound
    history.database.close()

    history = open_history(history.database.file.parent)
    backup, done = mend(history)
    assert done
    assert problems(history) == []
    assert [text for text in texts(history) if text] == before, "nothing is deleted"
    assert sorted(row[1] for row in rows_of(backup)) == before
    for talk in history.conversations():
        nodes = history.tree(talk.id)
        assert (talk.leaf_id is None) == (not nodes)
        for node in nodes:
            assert history.branch(node.id)[-1].id == node.id
        answered(history, talk.id, "goes on")
    assert shown(history, talks[1])[:4] == ["two", "re: two", "two more", "re: two more"]
    assert mend(history)[1] == []
    history.database.close()


def test_a_circle_is_opened_above_its_oldest(history: History) -> None:
    one, _ = two_talks(history)
    spoil(history, *FAULTS["a circle"][0])
    mend(history)
    assert history.conversation(one).leaf_id is None
    (found,) = [talk for talk in history.conversations() if talk.title == "Recovered: one"]
    assert shown(history, found.id) == ["one", "re: one", "one more", "re: one more"]


def test_what_belongs_to_a_lost_message_keeps_a_place(history: History) -> None:
    two_talks(history)
    history.keep_file(FILE)
    with_file = turn(history, text="look", attachments=[FILE.id])
    history.finish(with_file.reply_id, "seen", "complete", "", RECORD)
    spoil(history, "DELETE FROM messages WHERE content IN ('look', 'seen')")
    mend(history)
    assert problems(history) == []
    (lost,) = [talk for talk in history.conversations() if talk.title == "Recovered"]
    nodes = [history.message(node.id, texts=True) for node in history.tree(lost.id)]
    assert {node.role for node in nodes} == {"user", "assistant"}
    assert {(node.status, node.error) for node in nodes} == {("failed", LOST)}
    assert [file.text for node in nodes for file in node.attachments] == ["page one"]
    assert [part["seed"] for node in nodes for part in node.parts] == [7]


def test_replies_that_stream(history: History) -> None:
    turn(history)
    assert problems(history, running=True) == []
    report = check(history.database.file, running=False)
    assert [one.remedy for one in report.problems] == ["start"]
    assert report.sound, "the next start sees to it"
    assert mend(history)[1] == ["replies marked as interrupted: 1"]


def test_lost_texts_are_told_but_cannot_be_mended(history: History) -> None:
    history.keep_file(FILE)
    turn(history, text="look", attachments=[FILE.id])
    new = answered(history)
    spoil(
        history,
        "DELETE FROM texts",
        f"""UPDATE replies SET prompt = '{{"system": "abc", "summary": null}}' WHERE message_id = '{new.reply_id}'""",
    )
    found = problems(history, running=True)
    assert ("attached files whose text is not there: 1", "restore") in found
    assert any("system prompts" in what for what, _ in found)
    assert len(found) == 2


def test_older_and_newer_files(tmp_path: Path) -> None:
    make(tmp_path / "old.db", 2)
    report = check(tmp_path / "old.db", running=False)
    assert [one.remedy for one in report.problems] == ["start"]
    assert (report.conversations, report.messages) == (1, 3)
    make(tmp_path / "new.db", len(NAMES))
    with contextlib.closing(sqlite3.connect(tmp_path / "new.db")) as conn:
        conn.execute("UPDATE _sqlite_migrations SET name = 'm099_x' WHERE id = 1")
        conn.commit()
    assert [one.remedy for one in check(tmp_path / "new.db", running=False).problems] == ["update"]


def test_another_programs_file(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE notes (text)")
    with pytest.raises(BadValueError, match=r"other\.db is not a history"):
        check(tmp_path / "other.db", running=False)


def test_every_problem_says_what_it_means(history: History) -> None:
    two_talks(history)
    spoil(history, *FAULTS["a circle"][0])
    (problem,) = check(history.database.file, running=False).problems
    assert problem.words == (
        "Messages that answer each other in a circle: 4. Their text is whole, but no page shows them. "
        + REMEDIES["repair"]
    )


def indexed(history: History, turns: int = 20) -> None:
    """Turns enough for the index of the search to have some of them."""
    for number in range(turns):
        answered(history, text=f"needle {number}")
    history.search.catch_up(threading.Event())
    assert history.database.db.execute("SELECT count(*) FROM messages WHERE indexed = 1").fetchone()[0] > 8


@pytest.mark.parametrize(
    "harm",
    ["INSERT INTO grams(grams) VALUES ('delete-all')", "UPDATE grams_data SET block = x'00ff00ff' WHERE id > 10"],
    ids=["empty", "damaged"],
)
def test_a_search_index_that_lost_something(history: History, harm: str) -> None:
    indexed(history)
    assert problems(history) == []
    spoil(history, harm)
    assert {remedy for what, remedy in problems(history) if "search index" in what} == {"repair"}
    assert "search index made anew" in mend(history)[1]
    assert problems(history) == []
    assert len(history.search.find("needle", limit=100).hits) == 40
