"""The search index as messages come, change and go, and what the filters leave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from playground.store import History
from playground.store.gram_index import BLOCK
from tests.histories import FILE, RECORD, SETTINGS, answered, open_history, turn


@pytest.fixture
def history(history: History, monkeypatch: pytest.MonkeyPatch) -> History:
    """The index is asked at once, not only where much is there."""
    monkeypatch.setattr("playground.store.search._FIRST", 0)
    return history


def fill(history: History, turns: int = 12) -> None:
    """Turns enough for the blocks before them to be whole, and their index to be written."""
    for number in range(turns):
        answered(history, text=f"filler {number}")


def found(history: History, query: str, **filters: Any) -> list[str]:
    return [hit.message_id for hit in history.search.find(query, limit=1000, **filters).hits]


def rows(history: History, sql: str) -> list[Any]:
    return history.database.db.conn.execute(sql).fetchall()


def candidates(history: History, word: str) -> list[int]:
    """What the index itself says, without looking into texts."""
    return list(history.search.blocks([[word]], [], 1 << 40))


def unindexed(history: History) -> int:
    return int(rows(history, "SELECT count(*) FROM messages WHERE indexed = 0")[0][0])


def test_only_the_newest_messages_wait_for_the_index(history: History) -> None:
    fill(history, 40)
    assert unindexed(history) <= 16
    assert candidates(history, "filler")
    assert len(found(history, "filler")) == 80
    assert history.search.problems() == []


def test_a_growing_reply_is_found_and_its_neighbours_wait(history: History) -> None:
    growing = turn(history, text="asked").reply_id
    history.journal(growing, "half a needle")
    fill(history)
    assert found(history, "needle") == [growing]
    assert candidates(history, "needle") == []
    history.finish(growing, "a haystack", "complete", "", RECORD)
    fill(history, 1)
    assert found(history, "needle") == []
    assert found(history, "haystack") == [growing]
    assert candidates(history, "haystack")


def test_a_reply_that_is_continued(history: History) -> None:
    new = answered(history, text="old needle")
    fill(history)
    assert candidates(history, "needle")
    history.reopen(new.conversation_id, seen_leaf=new.reply_id, settings=SETTINGS)
    history.journal(new.reply_id, "quite another")
    assert len(found(history, "needle")) == 1, "the question still says it"
    assert found(history, "another") == [new.reply_id]
    history.finish(new.reply_id, "quite another thing", "complete", "", replace(RECORD, model="second"), 1)
    fill(history, 1)
    assert unindexed(history) <= 16
    assert found(history, "another", model="second") == [new.reply_id]
    assert len(found(history, "needle")) == 1
    assert history.search.problems() == []


def test_deleted_and_trashed_are_not_found_until_they_come_back(history: History) -> None:
    new = answered(history, text="needle")
    both = found(history, "needle")
    assert len(both) == 2
    fill(history)
    history.delete_message(new.conversation_id, new.reply_id)
    assert found(history, "needle") == both[1:]
    history.restore_message(new.conversation_id, new.reply_id)
    history.trash(new.conversation_id)
    assert found(history, "needle") == []
    history.restore(new.conversation_id)
    history.archive(new.conversation_id)
    assert found(history, "needle") == both


def test_what_is_purged_leaves_the_index_and_its_neighbours_stay(history: History) -> None:
    answered(history, text="neighbour one")
    new = answered(history, text="needle")
    answered(history, new.conversation_id, "needle again")
    answered(history, text="neighbour two")
    fill(history)
    history.trash(new.conversation_id)
    history.empty_trash()
    assert candidates(history, "needle") == []
    assert len(found(history, "neighbour")) == 4
    assert candidates(history, "neighbour"), "they wait for no next message"
    assert len(found(history, "neighbour")) == 4
    assert history.search.problems() == []


def test_a_copy_is_found_like_its_original(history: History) -> None:
    new = answered(history, text="needle")
    for number in range(30):
        answered(history, new.conversation_id, f"more {number}")
    copy = history.duplicate(new.conversation_id, "copy")
    assert unindexed(history) <= 16, "they wait for no next message"
    fill(history)
    conversations = [hit.conversation_id for hit in history.search.find("needle", model="m").hits]
    assert conversations == [copy, new.conversation_id]
    assert unindexed(history) <= 16


def test_messages_of_a_file_without_an_index(history: History) -> None:
    for number in range(30):
        answered(history, text=f"needle {number}")
    history.search.rebuild()
    assert candidates(history, "needle") == []
    assert len(found(history, "needle")) == 60
    assert any("not in the search index yet" in problem for problem in history.search.problems())
    history.search.catch_up(threading.Event(), rest=0)
    assert unindexed(history) <= 8
    assert len(found(history, "needle")) == 60
    assert history.search.problems() == []


def test_short_words_stand_everywhere_but_not_behind_each_other(history: History) -> None:
    answered(history, text="as it for the long")
    fill(history)
    new = answered(history, text="used for it as a")
    fill(history)
    block = rows(history, "SELECT seq FROM messages WHERE content = 'used for it as a'")[0][0] // BLOCK
    for phrase in ("for it as", "ed for it", "or it as a", "it as"):
        assert list(history.search.blocks([phrase.split()], [], 1 << 40)) == [block], phrase
    for phrase in ("for it as", "d for it", "s a", "it a", "t as a"):
        assert new.reply_id in found(history, f'"{phrase}"'), phrase


def test_catching_up_ends_when_it_is_told_to(history: History) -> None:
    fill(history)
    history.search.rebuild()
    stop = threading.Event()
    stop.set()
    history.search.catch_up(stop)
    assert unindexed(history) == 24


def test_an_index_that_lost_its_entries_says_so(history: History) -> None:
    fill(history)
    with history.database.writing() as db:
        db.execute("INSERT INTO grams(grams) VALUES ('delete-all')")
    (problem,) = history.search.problems()
    assert problem == "messages that the search index has lost: up to 24"


def test_catching_up_while_others_write_and_search(history: History) -> None:
    for number in range(60):
        answered(history, text=f"needle {number}")
    history.search.rebuild()
    missed: list[int] = []
    other = open_history(history.database.file.parent)

    def write() -> None:
        for number in range(60, 90):
            new = turn(other, text=f"needle {number}")
            other.journal(new.reply_id, "needle")
            other.finish(new.reply_id, f"needle reply {number}", "complete", "", RECORD)
            missed.append(number + 1 - len(found(other, "needle", role="user")))
        other.database.close()

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        history.search.catch_up(threading.Event(), rest=0.001)
        assert len(found(history, "needle", role="user")) >= 60
    writer.join()
    history.search.catch_up(threading.Event(), rest=0)
    assert missed == [0] * 30
    assert len(found(history, "needle")) == 180
    assert unindexed(history) <= 8
    assert history.search.problems() == []


@pytest.fixture(scope="module")
def shelves(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Conversations 0 to 29, each of a question and a reply, told apart by every filter. Only to be read."""
    history = open_history(tmp_path_factory.mktemp("shelves"))
    for number in range(30):
        new = turn(history, text=f"needle {number}")
        model = "tiny" if number == 3 else "large"
        history.finish(new.reply_id, f"needle reply {number}", "complete", "", replace(RECORD, model=model))
        history.set_tags(new.conversation_id, ["rare"] * (number == 5) + ["common"])
        history.move(new.conversation_id, "Letters" if number % 2 else "")
        if number in (7, 8):
            history.mark(new.reply_id, starred_at=1.0)
        with history.database.writing() as db:
            values = [1000.0 + number, new.conversation_id]
            db.execute("UPDATE messages SET created_at = ? WHERE conversation_id = ?", values)
    yield history
    history.database.close()


FILTERS: tuple[tuple[dict[str, Any], list[int]], ...] = (
    ({"model": "tiny"}, [3]),
    ({"model": "nobody"}, []),
    ({"role": "user", "tag": "rare"}, [5]),
    ({"tag": "rare"}, [5, 5]),
    ({"tag": "common", "role": "user"}, list(range(29, -1, -1))),
    ({"tag": "none"}, []),
    ({"folder": "Letters", "role": "assistant"}, list(range(29, 0, -2))),
    ({"folder": "", "role": "user"}, list(range(28, -1, -2))),
    ({"starred": True}, [8, 7]),
    ({"starred": True, "folder": "Letters"}, [7]),
    ({"since": 1027.0, "role": "user"}, [29, 28, 27]),
    ({"until": 1002.0, "role": "user"}, [1, 0]),
    ({"since": 1010.0, "until": 1012.0, "model": "large"}, [11, 10]),
    ({"since": 2000.0}, []),
    ({"model": "large", "tag": "rare", "folder": "Letters", "role": "assistant"}, [5]),
)


@pytest.mark.parametrize(("filters", "expected"), FILTERS, ids=lambda one: str(one)[:40])
@pytest.mark.parametrize("query", ["needle", "needle reply", "ne", ""])
@pytest.mark.parametrize("few", [0, 400])
def test_filters(
    shelves: History,
    monkeypatch: pytest.MonkeyPatch,
    query: str,
    filters: dict[str, Any],
    expected: list[int],
    few: int,
) -> None:
    for name in ("_FIRST", "_FEW", "_ENUMERATED"):
        monkeypatch.setattr(f"playground.store.search.{name}", few)
    hits = shelves.search.find(query, limit=1000, **filters).hits
    if "reply" in query:
        expected = [] if filters.get("role") == "user" else expected[:: 2 if filters == {"tag": "rare"} else 1]
    assert [int(hit.created_at) - 1000 for hit in hits] == expected


def test_a_hit_says_where_it_stands(history: History) -> None:
    history.keep_file(FILE)
    new = turn(history, text="a needle", attachments=["f1"])
    history.finish(new.reply_id, "no", "complete", "", RECORD)
    (hit,) = history.search.find("needle").hits
    message = history.message(hit.message_id)
    assert (hit.conversation_id, hit.title, hit.role, hit.model) == (new.conversation_id, "a needle", "user", "")
    assert hit.created_at == message.created_at
    (reply,) = history.search.find("no").hits
    assert (reply.message_id, reply.role, reply.model) == (new.reply_id, "assistant", "m")


def test_a_damaged_index_keeps_nobody_from_writing(history: History) -> None:
    fill(history, 20)
    with history.database.writing() as db:
        db.execute("UPDATE grams_data SET block = x'5a5a5a'")
    again = open_history(history.database.file.parent)
    fill(again, 12)
    new = answered(again, text="said all the same")
    again.reopen(new.conversation_id, seen_leaf=new.reply_id, settings=SETTINGS)
    again.finish(new.reply_id, "and continued", "complete", "", RECORD, 1)
    assert again.message(new.reply_id).content == "and continued"
    assert again.search.problems()
    again.search.rebuild()
    again.search.catch_up(threading.Event())
    assert found(again, "and continued") == [new.reply_id]
    again.database.close()
