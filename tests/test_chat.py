"""The chat service with the echo engine: what is saved when, what stops what, and what a fault leaves behind."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from playground import __version__
from playground.chat import ChatService, title_of
from playground.engine.manager import ModelManager
from playground.errors import BadValueError, BusyError, ConflictError, ContextError, MissingError
from playground.paths import open_data_folder
from playground.records import Message, Sampling
from playground.settings import Settings
from playground.store import Database, History
from playground.store.history import NewTurn
from tests.conftest import Disk, wait_for

OpenChat = Callable[..., ChatService]
SAMPLING = Sampling(seed=3)


@pytest.fixture
def open_chat(tmp_path: Path) -> Iterator[OpenChat]:
    """A service over a data folder, with the model loaded unless told otherwise."""
    made: list[ChatService] = []

    def make(model: str = "echo", context: int = 8192, root: Path | None = None, load: bool = True) -> ChatService:
        folder = open_data_folder(str(root or tmp_path / "data"))
        manager = ModelManager(Settings(engine="echo", model=model, context_length=context), folder)
        chat = ChatService(History(Database(folder.database, folder.backups)), manager)
        made.append(chat)
        if load:
            manager.load()
            wait_for(lambda: manager.state.phase == "ready", what="loading")
        return chat

    yield make
    for chat in made:
        chat.close()
        chat.manager.close()
        chat.history.database.close()


def ended(chat: ChatService, turn: NewTurn) -> Message:
    """The reply of `turn`, once it is saved and its job is gone."""
    chat.wait(turn)
    wait_for(lambda: (live := chat.live(turn.conversation_id)) is None or live.reply_id != turn.reply_id)
    return chat.history.message(turn.reply_id)


def begun(chat: ChatService, turn: NewTurn, words: int = 3) -> None:
    wait_for(lambda: (live := chat.live(turn.conversation_id)) and live.completion_tokens >= words, what="first words")


def saved(chat: ChatService, reply_id: str) -> str:
    """What the file holds, seen through a connection of one's own."""
    with contextlib.closing(sqlite3.connect(chat.history.database.file)) as other:
        row = other.execute("SELECT content FROM messages WHERE id = ?", [reply_id]).fetchone()
        return str(row[0])


def numbered(count: int) -> str:
    return " ".join(f"word{number}" for number in range(count))


def test_send_and_go_on(open_chat: OpenChat) -> None:
    chat = open_chat()
    first = chat.send(None, "天气 很好\n\nreally", system_prompt="Be brief.", sampling=SAMPLING)
    assert ended(chat, first).content == "You said: 天气 很好\n\nreally"
    second = chat.send(first.conversation_id, "more", seen_leaf=first.reply_id)
    assert ended(chat, second).status == "complete"
    branch = chat.history.branch(second.reply_id)
    assert [message.role for message in branch] == ["user", "assistant"] * 2
    assert chat.history.conversation(first.conversation_id).title == "天气 很好"
    assert chat.live(first.conversation_id) is None


def test_the_turn_is_saved_before_the_model_is_there(open_chat: OpenChat) -> None:
    chat = open_chat(load=False)
    with chat.manager.peek() as engine:
        assert engine is None
    turn = chat.send(None, "hello")
    assert chat.history.branch(turn.reply_id)[0].content == "hello"
    assert ended(chat, turn).content == "You said: hello"


@pytest.mark.parametrize("text", ["", "  \n\t ", "　"])
def test_empty_message(open_chat: OpenChat, text: str) -> None:
    chat = open_chat()
    with pytest.raises(BadValueError, match="empty"):
        chat.send(None, text)
    assert chat.history.conversations() == []


def test_text_that_cannot_be_written_down(open_chat: OpenChat) -> None:
    chat = open_chat()
    with pytest.raises(BadValueError, match="not text"):
        chat.send(None, "half a pair: \ud83d")
    with pytest.raises(BadValueError, match="not text"):
        chat.send(None, "hello", system_prompt="\udcff")
    assert chat.history.conversations() == []


def test_too_long_message_saves_nothing(open_chat: OpenChat) -> None:
    chat = open_chat(context=256)
    with pytest.raises(ContextError) as caught:
        chat.send(None, numbered(300))
    assert (caught.value.tokens, caught.value.limit) == (303, 192)
    assert chat.history.conversations() == []
    turn = chat.send(None, "short")
    leaf = ended(chat, turn).id
    with pytest.raises(ContextError):
        chat.send(turn.conversation_id, numbered(300), seen_leaf=leaf)
    assert len(chat.history.branch(leaf)) == 2
    assert chat.history.conversation(turn.conversation_id).leaf_id == leaf


def test_too_long_message_before_the_model_is_there(open_chat: OpenChat) -> None:
    chat = open_chat(context=256, load=False)
    message = ended(chat, chat.send(None, numbered(300)))
    assert (message.status, message.content) == ("failed", "")
    assert "303 tokens" in message.error
    assert len(chat.history.branch(message.id)[0].content.split()) == 300


def test_what_does_not_fit_is_left_out_and_said(open_chat: OpenChat) -> None:
    chat = open_chat(context=256)
    turn = chat.send(None, numbered(30))
    for _ in range(3):
        turn = chat.send(turn.conversation_id, numbered(30), seen_leaf=ended(chat, turn).id)
    record = ended(chat, turn).record
    assert record is not None
    # A user's turn is 33 tokens, a reply 35; 192 fit: the last message and two pairs before it.
    assert (record["left_out"], record["prompt_tokens"]) == (2, 33 + 2 * 68)


def test_a_failing_engine_keeps_the_half(open_chat: OpenChat) -> None:
    chat = open_chat()
    message = ended(chat, chat.send(None, "/fail now please", sampling=SAMPLING))
    assert (message.content, message.status) == ("You said: /fail", "failed")
    assert "because it was told to" in message.error
    assert message.record is not None
    assert message.record["completion_tokens"] == 3
    again = chat.send(message.conversation_id, "and now?", seen_leaf=message.id)
    assert ended(chat, again).status == "complete"


def test_the_file_is_at_most_a_second_behind(open_chat: OpenChat) -> None:
    chat = open_chat("echo@40")
    turn = chat.send(None, "/tokens 110")
    begun(chat, turn)
    seen: list[tuple[float, int]] = []
    while (live := chat.live(turn.conversation_id)) is not None:
        seen.append((time.monotonic(), len(live.text)))
        in_file, now = len(saved(chat, turn.reply_id)), time.monotonic()
        assert in_file >= max((length for at, length in seen if at < now - 1), default=0)
        time.sleep(0.03)
    assert seen[-1][0] - seen[0][0] > 2
    assert ended(chat, turn).content == numbered(110)


@pytest.mark.parametrize("from_thread", [False, True])
def test_stop_keeps_what_was_said(open_chat: OpenChat, from_thread: bool) -> None:
    chat = open_chat("echo@40")
    turn = chat.send(None, "/tokens 400")
    begun(chat, turn)
    began = time.monotonic()
    if from_thread:
        threading.Thread(target=chat.stop, args=[turn.conversation_id]).start()
    else:
        chat.stop(turn.conversation_id)
    message = ended(chat, turn)
    assert time.monotonic() - began < 1
    assert message.status == "stopped"
    assert numbered(400).startswith(message.content)
    assert len(message.content.split()) >= 3
    assert message.record is not None
    assert message.record["finish_reason"] == "cancelled"
    chat.stop(turn.conversation_id)
    chat.stop("nobody")


def test_stop_while_the_prompt_is_read(open_chat: OpenChat) -> None:
    chat = open_chat()
    turn = chat.send(None, "/read 20000")
    wait_for(lambda: (live := chat.live(turn.conversation_id)) and live.phase == "reading")
    chat.stop(turn.conversation_id)
    assert (ended(chat, turn).status, ended(chat, turn).content) == ("stopped", "")


def test_two_conversations_wait_in_line(open_chat: OpenChat) -> None:
    chat = open_chat("echo@40")
    first = chat.send(None, "/tokens 400")
    begun(chat, first)
    second, third = chat.send(None, "second"), chat.send(None, "third")
    wait_for(lambda: chat.manager.state.waiting == 2)
    live = chat.live(second.conversation_id)
    assert live is not None
    assert (live.phase, live.text) == ("waiting", "")
    chat.stop(third.conversation_id)
    assert ended(chat, third).status == "stopped"
    assert chat.history.message(first.reply_id).status == "streaming"
    chat.stop(first.conversation_id)
    assert ended(chat, second).content == "You said: second"
    assert chat.manager.state.waiting == 0


def test_regenerate_beside_the_first(open_chat: OpenChat) -> None:
    chat = open_chat()
    first = chat.send(None, "hello", sampling=SAMPLING)
    leaf = ended(chat, first).id
    second = chat.regenerate(first.conversation_id, seen_leaf=leaf, sampling=SAMPLING)
    message = ended(chat, second)
    assert message.alternatives == (first.reply_id, second.reply_id)
    assert message.content == "You said: hello"
    stale = chat.regenerate(first.conversation_id, seen_leaf=leaf, sampling=SAMPLING)
    assert stale.branched
    assert ended(chat, stale).alternatives == (first.reply_id, second.reply_id, stale.reply_id)
    with pytest.raises(ConflictError):
        chat.regenerate(first.conversation_id, seen_leaf="nothing", sampling=SAMPLING)
    with pytest.raises(MissingError):
        chat.regenerate("nobody", seen_leaf=None, sampling=SAMPLING)


def test_below_a_growing_reply_nothing_is_sent_but_beside_it(open_chat: OpenChat) -> None:
    chat = open_chat("echo@40")
    first = chat.send(None, "hi")
    leaf = ended(chat, first).id
    second = chat.regenerate(first.conversation_id, seen_leaf=leaf, sampling=SAMPLING)
    with pytest.raises(BusyError):
        chat.send(first.conversation_id, "below", seen_leaf=second.reply_id)
    beside = chat.send(first.conversation_id, "beside", seen_leaf=leaf)
    assert beside.branched
    assert [m.content for m in chat.history.branch(beside.reply_id)[:3]] == ["hi", "You said: hi", "beside"]
    assert ended(chat, second).content == "You said: hi"
    assert ended(chat, beside).content == "You said: beside"


def test_continue_goes_on_where_it_ended(open_chat: OpenChat) -> None:
    chat = open_chat("echo@40")
    turn = chat.send(None, "/tokens 60")
    begun(chat, turn, 10)
    chat.stop(turn.conversation_id)
    half = ended(chat, turn).content
    again = chat.continue_reply(turn.conversation_id, seen_leaf=turn.reply_id, sampling=SAMPLING)
    assert again == turn
    live = chat.live(turn.conversation_id)
    assert live is not None
    assert live.text.startswith(half)
    message = ended(chat, again)
    assert (message.content, message.status) == (numbered(60), "complete")


def test_continue_that_is_stopped_while_it_waits_keeps_the_half(open_chat: OpenChat) -> None:
    chat = open_chat("echo@40")
    turn = chat.send(None, "half", sampling=SAMPLING)
    before = ended(chat, turn)
    other = chat.send(None, "/tokens 400")
    begun(chat, other)
    chat.continue_reply(turn.conversation_id, seen_leaf=turn.reply_id, sampling=SAMPLING)
    live = chat.live(turn.conversation_id)
    assert live is not None
    assert (live.phase, live.text) == ("waiting", "You said: half")
    chat.stop(turn.conversation_id)
    after = ended(chat, turn)
    assert (after.content, after.status) == ("You said: half", "stopped")
    assert after.record == before.record


def test_continue_without_a_model_keeps_the_half(open_chat: OpenChat) -> None:
    first = open_chat()
    turn = first.send(None, "half")
    ended(first, turn)
    broken = open_chat("echo+99999", load=False)
    broken.continue_reply(turn.conversation_id, seen_leaf=turn.reply_id, sampling=SAMPLING)
    message = ended(broken, turn)
    assert (message.content, message.status) == ("You said: half", "failed")
    assert "more than there is" in message.error


def test_close_saves_what_was_said(open_chat: OpenChat) -> None:
    chat = open_chat("echo@40")
    turn = chat.send(None, "/tokens 400")
    waiting = chat.send(None, "waits")
    begun(chat, turn, 5)
    live = chat.live(turn.conversation_id)
    began = time.monotonic()
    chat.close()
    assert time.monotonic() - began < 1.5
    assert live is not None
    assert saved(chat, turn.reply_id).startswith(live.text)
    assert chat.history.message(turn.reply_id).status == "stopped"
    assert chat.history.message(waiting.reply_id).status == "stopped"


def test_full_disk_during_a_reply(open_chat: OpenChat, disk: Disk) -> None:
    chat = open_chat("echo@40", root=disk.root / "data")
    turn = chat.send(None, "/tokens 100")
    begun(chat, turn)
    disk.fill()
    notice = wait_for(lambda: (live := chat.live(turn.conversation_id)) and live.notice, what="notice")
    assert "is full" in notice
    wait_for(lambda: (live := chat.live(turn.conversation_id)) and live.phase == "saving", what="end of the text")
    live = chat.live(turn.conversation_id)
    assert live is not None
    assert live.text == numbered(100)
    disk.clear()
    message = ended(chat, turn)
    assert (message.content, message.status) == (numbered(100), "complete")
    assert message.record is not None


def test_close_on_a_full_disk_does_not_hang(open_chat: OpenChat, disk: Disk) -> None:
    chat = open_chat("echo@40", root=disk.root / "data")
    turn = chat.send(None, "/tokens 400")
    begun(chat, turn)
    disk.fill()
    wait_for(lambda: (live := chat.live(turn.conversation_id)) and live.notice, what="notice")
    began = time.monotonic()
    chat.close()
    assert time.monotonic() - began < 3
    disk.clear()
    assert numbered(400).startswith(chat.history.message(turn.reply_id).content)


def test_the_record_is_complete(open_chat: OpenChat) -> None:
    chat = open_chat("echo@200")
    sampling = Sampling(temperature=0.5, top_k=7, max_new_tokens=5, seed=42, stop=("。",))
    record = ended(chat, chat.send(None, "one two three four", sampling=sampling)).record
    assert record is not None
    assert {key: record[key] for key in ("model", "engine", "seed", "context_length", "left_out")} == {
        "model": "echo@200",
        "engine": "echo",
        "seed": 42,
        "context_length": 8192,
        "left_out": 0,
    }
    assert record["versions"] == {"playground": __version__}
    assert Sampling.from_mapping(record["sampling"], "record") == sampling
    assert (record["prompt_tokens"], record["completion_tokens"], record["finish_reason"]) == (7, 5, "length")
    assert 0 <= record["time_to_first_token"] < 5
    assert 50 < record["tokens_per_second"] < 500
    assert {"revision", "file_sha256", "quantization", "template_sha256", "cached_tokens"} <= set(record)


def test_a_seed_is_drawn_and_kept(open_chat: OpenChat) -> None:
    chat = open_chat()
    records = [ended(chat, chat.send(None, "hello", sampling=Sampling())).record for _ in range(2)]
    seeds = [record["seed"] for record in records if record is not None]
    assert len(set(seeds)) == 2
    assert [record["sampling"]["seed"] for record in records if record is not None] == seeds


def test_listeners_hear_changes_until_they_leave(open_chat: OpenChat) -> None:
    chat = open_chat()
    heard: list[tuple[str, bool]] = []
    leave = chat.listen(lambda conversation, structural: heard.append((conversation, structural)))
    turn = chat.send(None, "hello")
    ended(chat, turn)
    wait_for(lambda: len([event for event in heard if event == (turn.conversation_id, True)]) >= 2)
    assert (turn.conversation_id, False) in heard
    leave()
    count = len(heard)
    ended(chat, chat.send(None, "again"))
    assert len(heard) == count


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("hello", "hello"),
        ("\n\n  first \t line \nsecond", "first line"),
        ("x" * 200, "x" * 60 + "…"),
        ("word " * 50, ("word " * 12).strip() + "…"),
        ("天" * 61, "天" * 60 + "…"),
    ],
)
def test_titles(text: str, title: str) -> None:
    assert title_of(text) == title


def test_a_full_disk_before_the_first_word(open_chat: OpenChat, disk: Disk) -> None:
    chat = open_chat("echo@40", root=disk.root)
    first = chat.send(None, "/tokens 400")
    begun(chat, first)
    second = chat.send(None, "hello there", system_prompt="Be brief.")
    disk.fill()
    chat.stop(first.conversation_id)
    wait_for(lambda: (live := chat.live_reply(second.reply_id)) and live.phase == "saving" and "full" in live.notice)
    disk.clear()
    message = ended(chat, second)
    assert message.content == "You said: hello there"
    assert chat.history.text((message.record or {})["prompt"]["system"]) == "Be brief."
