"""Replays: the same reply again from its record, and a cause for every difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.chat import ChatService
from playground.engine.manager import ModelManager
from playground.errors import BadValueError, MissingError
from playground.paths import DataFolder
from playground.records import Message, Sampling
from playground.replay import Replays, ReplayState, Verdict
from playground.settings import Settings
from playground.store import Database, History
from tests.conftest import give_starter, wait_for

SAMPLING = Sampling(temperature=0.9, max_new_tokens=40)
OpenRoom = Callable[..., "Room"]


class Room:
    """A chat service and the replays of its replies."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        data = DataFolder(folder)
        self.history = History(Database(data.database, data.backups))
        self.chat = ChatService(self.history, ModelManager(Settings(**settings), data))
        self.replays = Replays(self.history, self.chat.manager)

    def say(self, text: str, after: Message | None = None, **more: Any) -> Message:
        conversation, leaf = (after.conversation_id, after.id) if after else (None, None)
        turn = self.chat.send(conversation, text, seen_leaf=leaf, **{"sampling": SAMPLING, **more})
        return self.ended(turn.reply_id)

    def ended(self, reply_id: str) -> Message:
        wait_for(lambda: self.history.message(reply_id).status != "streaming", 120)
        wait_for(lambda: self.chat.live_reply(reply_id) is None)
        return self.history.message(reply_id)

    def replay(self, message: Message, **more: Any) -> ReplayState:
        self.replays.start(message.id, **more)
        state = wait_for(
            lambda: (now := self.replays.state(message.id)) and now.phase in ("done", "failed", "stopped") and now, 120
        )
        assert isinstance(state, ReplayState)
        return state

    def verdict(self, message: Message, **more: Any) -> Verdict:
        state = self.replay(message, **more)
        assert state.verdict is not None, state.error
        return state.verdict

    def change(self, sql: str, *values: Any) -> None:
        with self.history.database.writing() as db:
            db.execute(sql, list(values))


@pytest.fixture
def open_room(tmp_path: Path) -> Iterator[OpenRoom]:
    made: list[Room] = []

    def make(**settings: Any) -> Room:
        made.append(Room(tmp_path, **settings))
        return made[-1]

    yield make
    for room in made:
        room.chat.close()
        room.chat.manager.close()
        room.history.database.close()


def test_identical_with_every_token_and_found_again_after_a_restart(open_room: OpenRoom) -> None:
    room = open_room(engine="echo")
    reply = room.say("one 二 three", room.say("first"))
    state = room.replay(reply)
    assert state.verdict == Verdict(True)
    assert "".join(token.text for token in state.tokens) == reply.content
    assert all(token.logprob <= 0 and token.top for token in state.tokens)
    assert Replays(room.history, room.chat.manager).state(reply.id) == state
    assert room.history.message(reply.id) == reply, "a replay changes nothing"


def test_what_cannot_be_replayed_is_told(open_room: OpenRoom) -> None:
    room = open_room(engine="echo", model="echo@40")
    turn = room.chat.send(None, "/tokens 400")
    wait_for(lambda: (live := room.chat.live_reply(turn.reply_id)) and live.completion_tokens)
    with pytest.raises(BadValueError, match="still being written"):
        room.replays.start(turn.reply_id)
    room.chat.stop(turn.conversation_id)
    reply = room.ended(turn.reply_id)
    with pytest.raises(MissingError, match="no record"):
        room.replays.start(room.history.branch(reply.id)[0].id)
    assert room.replays.state(reply.id) is None


def test_a_stopped_reply_is_identical_as_far_as_it_went_and_a_replay_can_be_stopped(open_room: OpenRoom) -> None:
    room = open_room(engine="echo", model="echo@400")
    turn = room.chat.send(None, "/tokens 400")
    wait_for(lambda: (live := room.chat.live_reply(turn.reply_id)) and live.completion_tokens > 5)
    room.chat.stop(turn.conversation_id)
    reply = room.ended(turn.reply_id)
    assert room.verdict(reply) == Verdict(True)
    room.replays.start(reply.id)
    room.replays.stop(reply.id)
    wait_for(lambda: (state := room.replays.state(reply.id)) and state.phase == "stopped")


@pytest.mark.parametrize(
    ("column", "value", "cause"),
    [
        ("template_sha256", "f" * 64, "The chat template is another"),
        ("hardware", "an abacus", "The hardware is another"),
        ("versions", '{"playground": "0.0.1", "gone": "1"}', "The version of playground is another"),
        ("seed", "5", "The setting seed is another"),
    ],
)
def test_each_difference_is_named_even_where_the_words_are_the_same(
    open_room: OpenRoom, column: str, value: str, cause: str
) -> None:
    room = open_room(engine="echo")
    reply = room.say("hello")
    table = "replies" if column == "seed" else "makers"
    room.change(f"UPDATE {table} SET {column} = ?", value)
    verdict = room.verdict(reply)
    assert verdict.identical
    assert cause in " ".join(verdict.causes)


def test_other_words_before_it_are_named(open_room: OpenRoom) -> None:
    room = open_room(engine="echo")
    reply = room.say("hello there")
    room.change("UPDATE messages SET content = 'hello you' WHERE id = ?", reply.parent_id)
    verdict = room.verdict(reply)
    assert (verdict.identical, verdict.at) == (False, 4)
    assert "The messages before it" in verdict.causes[0]


def test_a_model_that_is_gone_is_told(open_room: OpenRoom) -> None:
    room = open_room(engine="echo")
    reply = room.say("hello")
    room.change("UPDATE makers SET model = ?", "/nowhere/at-all.gguf")
    state = room.replay(reply)
    assert state.phase == "failed"
    assert "/nowhere/at-all.gguf" in state.error


def test_a_part_that_was_continued_is_replayed_from_where_it_began(open_room: OpenRoom) -> None:
    room = open_room(engine="echo", model="echo@400")
    turn = room.chat.send(None, "/tokens 60", sampling=Sampling(max_new_tokens=20, seed=1))
    half = room.ended(turn.reply_id)
    again = room.chat.continue_reply(half.conversation_id, seen_leaf=half.id, sampling=SAMPLING)
    reply = room.ended(again.reply_id)
    assert [part["starts_at"] for part in reply.parts] == [0, len(half.content)]
    state = room.replay(reply)
    assert state.verdict == Verdict(True)
    assert "".join(token.text for token in state.tokens) == reply.content[len(half.content) :]


@pytest.mark.real_model
@pytest.mark.parametrize("engine", ["llamacpp", "transformers"])
def test_sampled_replies_of_the_starter_model_are_identical_and_a_cause_is_named(
    open_room: OpenRoom, starter_gguf: Path, tmp_path: Path, engine: str
) -> None:
    give_starter(starter_gguf, tmp_path)
    room = open_room(engine=engine, offline=True)
    first = room.say("Tell me something about the sea.")
    second = room.say("And about 北京?", first)
    other = room.chat.regenerate(second.conversation_id, seen_leaf=second.id, sampling=SAMPLING)
    third = room.ended(other.reply_id)
    for reply in (first, second, third):
        assert room.verdict(reply) == Verdict(True)
    room.change("UPDATE replies SET seed = seed + 1 WHERE message_id = ?", third.id)
    verdict = room.verdict(third)
    assert not verdict.identical
    assert any("The setting seed is another" in cause for cause in verdict.causes)
    changed = {"system_prompt": "Answer in rhymes.", "sampling": SAMPLING}
    assert room.replay(first, now=changed).verdict is not None
