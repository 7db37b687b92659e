"""The history through its own door: what is committed when, and what a stale page may not do."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from playground.errors import BusyError, ConflictError, MissingError, PlaygroundError
from playground.store import History
from playground.store.history import INTERRUPTED
from tests.histories import RECORD, answered, rows_of, shown, turn


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
    other = history.add_alternative(first.conversation_id, seen_leaf=below.reply_id, system_prompt="", sampling={})
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
            history.add_alternative(first.conversation_id, seen_leaf=stale, system_prompt="", sampling={"top_k": 9})
        with pytest.raises(ConflictError):
            history.reopen(first.conversation_id, seen_leaf=stale, system_prompt="", sampling={})
    assert rows_of(history.database.file) == before
    assert history.conversation(first.conversation_id).leaf_id == second.reply_id
    assert history.conversation(first.conversation_id).sampling == {"top_k": 3}


def test_busy_while_a_reply_is_written(history: History) -> None:
    new = turn(history)
    with pytest.raises(BusyError):
        turn(history, new.conversation_id, "more", new.reply_id)
    with pytest.raises(BusyError):
        history.add_alternative(new.conversation_id, seen_leaf=new.reply_id, system_prompt="", sampling={})
    history.finish(new.reply_id, "half", "stopped", "", None)
    anew = history.add_alternative(new.conversation_id, seen_leaf=new.reply_id, system_prompt="", sampling={})
    history.select(new.conversation_id, new.reply_id)
    with pytest.raises(BusyError):  # Looking at another branch meanwhile does not make it free.
        turn(history, new.conversation_id, "more", new.reply_id)
    history.finish(anew.reply_id, "", "stopped", "", None)
    history.reopen(new.conversation_id, seen_leaf=new.reply_id, system_prompt="", sampling={})
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
