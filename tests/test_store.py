"""The history through its own door: what is committed when, and what a stale page does."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from playground.errors import BusyError, ConflictError, MissingError
from playground.store import History
from playground.store.history import INTERRUPTED, TurnSettings
from tests.histories import FILE, RECORD, SETTINGS, answered, rows_of, shown, turn


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
    other = history.add_reply(first.conversation_id, below.reply_id, seen_leaf=below.reply_id)
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


def test_a_stale_page_makes_a_branch(history: History) -> None:
    first = answered(history)
    second = answered(history, first.conversation_id, "newer")
    late = turn(history, first.conversation_id, "late", first.reply_id)
    assert (second.branched, late.branched) == (False, True)
    assert shown(history, first.conversation_id) == ["hello", "re: hello", "late", ""]
    user = history.branch(late.reply_id)[-2]
    assert len(user.alternatives) == 2
    history.select(first.conversation_id, second.reply_id)
    assert shown(history, first.conversation_id) == ["hello", "re: hello", "newer", "re: newer"], "nothing is lost"


def test_a_page_that_saw_what_is_gone_changes_nothing(history: History) -> None:
    first = answered(history)
    second = answered(history, first.conversation_id, "newer")
    history.delete_message(first.conversation_id, second.reply_id)
    before = rows_of(history.database.file)
    for stale in (None, second.reply_id, "nobody"):
        with pytest.raises(ConflictError, match="another window"):
            turn(history, first.conversation_id, "late", stale)
        with pytest.raises(ConflictError):
            history.add_reply(first.conversation_id, first.reply_id, seen_leaf=stale)
        with pytest.raises(ConflictError):
            history.reopen(first.conversation_id, seen_leaf=stale, settings=TurnSettings("", {"top_k": 9}))
    assert rows_of(history.database.file) == before
    assert history.conversation(first.conversation_id).sampling == {"top_k": 3}


def test_a_message_edited(history: History) -> None:
    history.keep_file(FILE)
    first = turn(history, attachments=[FILE.id])
    history.finish(first.reply_id, "re: hello", "complete", "", RECORD)
    talk = first.conversation_id
    asked = history.branch(first.reply_id)[0]
    again = turn(history, talk, "hello again", first.reply_id, edits=asked.id)
    edited = history.branch(again.reply_id)[0]
    assert (edited.content, edited.edited_from, again.branched) == ("hello again", asked.id, False)
    assert edited.alternatives == (asked.id, edited.id)
    assert [file.text for file in edited.attachments] == [file.text for file in asked.attachments] == ["page one"]
    for other in ("nobody", again.reply_id):
        with pytest.raises(MissingError):
            turn(history, talk, "x", again.reply_id, edits=other)


def test_a_turn_that_comes_twice_has_its_files_twice(history: History) -> None:
    """From a duplicated tab, or sent again after an error that came behind the commit."""
    history.keep_file(FILE)
    first, second = (turn(history, attachments=[FILE.id, FILE.id]) for _ in range(2))
    for new in (first, second):
        assert [file.text for file in history.branch(new.reply_id)[0].attachments] == ["page one"]
    before = rows_of(history.database.file)
    with pytest.raises(MissingError, match="not kept any more"):
        turn(history, attachments=["gone"])
    assert rows_of(history.database.file) == before


def test_a_reply_edited_by_hand(history: History) -> None:
    first = answered(history)
    mine = history.add_reply(
        first.conversation_id, first.reply_id, seen_leaf=first.reply_id, content="mine", status="complete"
    )
    message = history.message(mine.reply_id)
    assert (message.content, message.status, message.edited_from) == ("mine", "complete", first.reply_id)
    assert shown(history, first.conversation_id) == ["hello", "mine"]
    asked = history.path(mine.reply_id)[0]
    with pytest.raises(MissingError):
        history.add_reply(first.conversation_id, asked, seen_leaf=mine.reply_id, content="x", status="complete")


def test_a_reply_goes_on_where_it_ended_or_beside_it(history: History) -> None:
    half = turn(history)
    history.finish(half.reply_id, "half", "stopped", "", RECORD)
    same = history.reopen(half.conversation_id, seen_leaf=half.reply_id, settings=SETTINGS)
    assert (same.reply_id, same.branched) == (half.reply_id, False)
    history.finish(half.reply_id, "half and more", "complete", "", RECORD, part=1)
    assert len(history.message(half.reply_id).parts) == 2
    answered(history, half.conversation_id, "thanks")
    beside = history.reopen(half.conversation_id, seen_leaf=half.reply_id, settings=SETTINGS)
    assert beside.branched
    assert history.message(half.reply_id).content == "half and more", "what was answered stays as it was"
    copy = history.message(beside.reply_id)
    assert (copy.content, copy.status, copy.edited_from) == ("half and more", "streaming", half.reply_id)
    assert [part["part"] for part in copy.parts] == [0, 1], "what made its beginning is known of the copy, too"


def test_busy_while_a_reply_is_written(history: History) -> None:
    new = turn(history)
    with pytest.raises(BusyError):
        turn(history, new.conversation_id, "more", new.reply_id)
    with pytest.raises(BusyError):
        history.delete_message(new.conversation_id, new.reply_id)
    anew = history.add_reply(new.conversation_id, new.reply_id, seen_leaf=new.reply_id)
    assert history.message(anew.reply_id).alternatives == (new.reply_id, anew.reply_id), "both are written"
    history.finish(new.reply_id, "half", "stopped", "", None)
    assert turn(history, new.conversation_id, "more", new.reply_id).branched
    with pytest.raises(BusyError):
        history.reopen(new.conversation_id, seen_leaf=anew.reply_id, settings=SETTINGS)


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
    assert [c.title for c in history.conversations(place="trash")] == ["old"]
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
        return new.conversation_id

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    for number, conversation in enumerate(found):
        assert shown(history, conversation)[::2] == [f"{number}.{step}" for step in range(4)]


def test_two_pages_send_at_once(history: History) -> None:
    new = answered(history)
    both = threading.Barrier(2)

    def work(text: str) -> bool:
        both.wait()
        return turn(history, new.conversation_id, text, new.reply_id).branched

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(work, ["a", "b"])) == [False, True], "one goes on, the other stands beside it"
    assert {row[1] for row in rows_of(history.database.file) if row[0] == "user"} == {"hello", "a", "b"}
