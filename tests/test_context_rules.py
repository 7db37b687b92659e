"""What does not fit: left out, summarized, or refused, and told before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from playground.chat import ChatService
from playground.context import with_files
from playground.engine.manager import ModelManager
from playground.errors import ContextError
from playground.meter import Meter, measure
from playground.paths import DataFolder
from playground.records import Attachment, Message, Sampling
from playground.settings import Settings
from playground.store import Database, History
from tests.conftest import wait_for

SAMPLING = Sampling(max_new_tokens=64)
LIMIT = 256 - 64


@pytest.fixture
def chat(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ChatService]:
    """A service over the echo engine with a context of 256 tokens; parametrized with a slower one."""
    folder = DataFolder(tmp_path)
    history = History(Database(folder.database, folder.backups))
    settings = Settings(engine="echo", model=getattr(request, "param", "echo"), context_length=256)
    made = ChatService(history, ModelManager(settings, folder))
    made.manager.load()
    wait_for(lambda: made.manager.state.phase == "ready")
    yield made
    made.close()
    made.manager.close()
    history.database.close()


def numbered(count: int, word: str = "w") -> str:
    return " ".join(f"{word}{n}" for n in range(count))


def say(chat: ChatService, conversation: str | None, text: str, leaf: str | None = None, **more: object) -> Message:
    turn = chat.send(conversation, text, seen_leaf=leaf, sampling=SAMPLING, **more)  # type: ignore[arg-type]
    chat.wait(turn)
    wait_for(lambda: chat.live_reply(turn.reply_id) is None)
    return chat.history.message(turn.reply_id)


def long_talk(chat: ChatService, turns: int = 3) -> Message:
    """Each turn takes some 110 tokens."""
    reply = say(chat, None, numbered(50))
    for _ in range(turns - 1):
        reply = say(chat, reply.conversation_id, numbered(50), reply.id)
    return reply


def meter_of(chat: ChatService, reply: Message, text: str = "", rule: str = "oldest") -> Meter:
    with chat.manager.peek() as engine:
        assert engine is not None
        return measure(engine, chat.history.line(reply.id), text, [], "", SAMPLING, rule)


def test_the_meter_says_what_will_be_sent(chat: ChatService) -> None:
    reply = say(chat, None, "one two three")
    meter = meter_of(chat, reply, "four five")
    assert (meter.tokens, meter.limit, meter.messages, meter.left_out) == (3 + 3 + 5 + 3 + 2 + 3, LIMIT, 3, 0)
    sent = say(chat, reply.conversation_id, "four five", reply.id)
    assert (sent.record or {})["prompt_tokens"] == meter.tokens


def test_the_meter_says_what_falls_out_before_it_does(chat: ChatService) -> None:
    reply = long_talk(chat)
    meter = meter_of(chat, reply, numbered(30))
    sent = say(chat, reply.conversation_id, numbered(30), reply.id)
    assert meter.left_out == (sent.record or {})["left_out"] > 0
    assert meter.first == (sent.record or {})["prompt"]["first"]


def test_left_out_by_hand(chat: ChatService) -> None:
    first = say(chat, None, "secret words")
    line = chat.history.branch(first.id)
    chat.history.mark(line[0].id, left_out=1)
    chat.history.mark(line[1].id, left_out=1)
    second = say(chat, first.conversation_id, "and now", first.id)
    assert (second.record or {})["prompt_tokens"] == 2 + 3
    assert meter_of(chat, second, "x").messages == 3


def test_by_hand_nothing_is_sent_that_does_not_fit(chat: ChatService) -> None:
    reply = long_talk(chat, 2)
    chat.history.set_context(reply.conversation_id, "hand")
    with pytest.raises(ContextError, match="Leave out some messages by hand"):
        chat.send(reply.conversation_id, numbered(50), seen_leaf=reply.id, sampling=SAMPLING)
    assert chat.history.conversation(reply.conversation_id).leaf_id == reply.id
    assert "This conversation needs" in meter_of(chat, reply, numbered(50), "hand").error
    for message in chat.history.branch(reply.id)[:2]:
        chat.history.mark(message.id, left_out=1)
    assert say(chat, reply.conversation_id, numbered(50), reply.id).status == "complete"


def test_a_summary_stands_for_what_does_not_fit_and_is_used_again(chat: ChatService) -> None:
    reply = long_talk(chat, 2)
    conversation = reply.conversation_id
    chat.history.set_context(conversation, "summary")
    reply = say(chat, conversation, numbered(20), reply.id)
    record = reply.record or {}
    assert reply.status == "complete", reply.error
    assert record["left_out"] > 0
    summary = chat.history.text(record["prompt"]["summary"])
    assert summary.startswith("You said: Summarize this conversation")
    kept = chat.history.summaries(conversation)
    again = say(chat, conversation, "short", reply.id)
    assert (again.record or {})["prompt"]["summary"] == record["prompt"]["summary"]
    assert chat.history.summaries(conversation) == kept


@pytest.mark.parametrize("chat", ["echo@400"], indirect=True)
def test_a_summary_that_is_stopped_is_not_kept(chat: ChatService) -> None:
    reply = long_talk(chat, 2)
    chat.history.set_context(reply.conversation_id, "summary")
    turn = chat.send(reply.conversation_id, numbered(20), seen_leaf=reply.id, sampling=SAMPLING)
    wait_for(lambda: (live := chat.live_reply(turn.reply_id)) and live.phase == "condensing")
    chat.stop(turn.conversation_id)
    chat.wait(turn)
    assert chat.history.message(turn.reply_id).status == "stopped"
    assert chat.history.summaries(turn.conversation_id) == {}


Attach = Callable[[str, str], str]


@pytest.fixture
def attach(chat: ChatService) -> Attach:
    def make(name: str, text: str) -> str:
        chat.history.keep_file(Attachment(name, name, "text/plain", len(text), "0" * 64, None, (), len(text), text))
        return name

    return make


def test_files_go_before_the_text_and_stay_with_an_edit(chat: ChatService, attach: Attach) -> None:
    one = attach("a.txt", "alpha beta")
    reply = say(chat, None, "what?", attachments=[one])
    user = chat.history.branch(reply.id)[0]
    assert [file.name for file in user.attachments] == ["a.txt"]
    assert reply.content == "You said: " + with_files("what?", user.attachments)
    edited = say(chat, reply.conversation_id, "and?", reply.id, edits=user.id)
    assert "alpha beta" in edited.content
    assert edited.content.endswith("and?")
    assert len(chat.history.message(user.id).alternatives) == 2


def test_a_file_that_cannot_fit_is_told_and_nothing_is_saved(chat: ChatService, attach: Attach) -> None:
    with pytest.raises(ContextError):
        chat.send(None, "read it", sampling=SAMPLING, attachments=[attach("b.txt", numbered(400))])
    assert chat.history.conversations() == []
    assert [file.name for file in chat.history.files(["b.txt"])] == ["b.txt"], "it waits for another try"


def test_old_thoughts_are_not_sent_again(chat: ChatService) -> None:
    first = say(chat, None, "hi")
    thought = chat.edit_reply(first.conversation_id, first.id, "<think>hm hm hm</think>\n\nHello", seen_leaf=first.id)
    second = say(chat, first.conversation_id, "more", thought.reply_id)
    assert (second.record or {})["prompt_tokens"] == (1 + 3) + (1 + 3) + (1 + 3)


def test_a_long_message_that_fits_is_answered_under_the_rule_summary_too(chat: ChatService) -> None:
    reply = long_talk(chat, 2)
    chat.history.set_context(reply.conversation_id, "summary")
    long = say(chat, reply.conversation_id, numbered(150), reply.id)
    assert long.status == "complete", long.error
    assert (long.record or {})["left_out"] == 4


def test_by_hand_an_edit_is_measured_where_it_will_stand(chat: ChatService) -> None:
    reply = long_talk(chat, 1)
    chat.history.set_context(reply.conversation_id, "hand")
    first = chat.history.branch(reply.id)[0]
    assert say(chat, reply.conversation_id, numbered(120), reply.id, edits=first.id).status == "complete"


def test_a_reply_without_a_question_can_be_continued(chat: ChatService) -> None:
    """As imports bring them."""
    first = say(chat, None, "hi")
    with chat.history.database.writing() as db:
        db.execute("UPDATE messages SET parent_id = NULL WHERE id = ?", [first.id])
    again = chat.continue_reply(first.conversation_id, seen_leaf=first.id, sampling=SAMPLING)
    chat.wait(again)
    assert chat.history.message(again.reply_id).status == "complete"


def test_what_is_far_too_long_is_refused_without_being_counted(chat: ChatService, attach: Attach) -> None:
    huge = attach("log.txt", "word " * 2_000_000)
    with pytest.raises(ContextError):
        chat.send(None, "read it", sampling=SAMPLING, attachments=[huge])
    with chat.manager.peek() as engine:
        assert engine is not None
        meter = measure(engine, chat.history.line(None), "", chat.history.files([huge]), "", SAMPLING, "oldest")
    assert meter.tokens == pytest.approx(2_000_000, rel=0.01)
    assert meter.error


def test_by_hand_the_reply_to_what_was_left_out_is_no_error(chat: ChatService) -> None:
    reply = long_talk(chat, 2)
    chat.history.set_context(reply.conversation_id, "hand")
    chat.history.mark(chat.history.branch(reply.id)[0].id, left_out=1)
    assert meter_of(chat, reply, "short", "hand").error == ""
