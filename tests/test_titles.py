"""Titles: the first line at once, the model's when its first reply is there, the user's own for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.chat import ChatService
from playground.engine.manager import ModelManager
from playground.paths import DataFolder
from playground.settings import Settings
from playground.store import Database, History
from playground.titles import made_title, title_of
from tests.conftest import give_starter, wait_for


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Capital of France", "Capital of France"),
        ('  "Capital of France."\n\nmore', "Capital of France"),
        ("**Title: Paris in spring**", "Paris in spring"),
        ("标题：《巴黎的春天》", "巴黎的春天"),
        ("<think>hm\nhm</think>\n\nParis", "Paris"),
        ("<think>it never ends", ""),
        ("", ""),
        ("\n \n", ""),
        ("x" * 61, ""),
        ("one two three four five six seven eight nine ten eleven twelve thirteen", ""),
    ],
)
def test_what_a_model_wrote_becomes_a_title_or_none(said: str, title: str) -> None:
    assert made_title(said) == title


def test_the_first_line_is_a_title_at_once() -> None:
    assert title_of("  one\n two") == "one"
    assert title_of("天" * 100) == "天" * 60 + "…"
    assert title_of("word " * 30) == " ".join(["word"] * 12) + "…"


@pytest.fixture
def starter(tmp_path: Path, starter_gguf: Path) -> Iterator[ChatService]:
    """A service over the starter model."""
    give_starter(starter_gguf, tmp_path)
    folder = DataFolder(tmp_path)
    history = History(Database(folder.database, folder.backups))
    chat = ChatService(history, ModelManager(Settings(offline=True), folder))
    yield chat
    chat.close()
    chat.manager.close()
    history.database.close()


@pytest.mark.real_model
def test_the_starter_model_writes_titles_but_not_over_the_users(starter: ChatService) -> None:
    chat, history = starter, starter.history
    question = "What is the capital of France? Answer in one sentence."
    turn = chat.send(None, question)
    chat.wait(turn)
    wait_for(lambda: history.conversation(turn.conversation_id).title_by == "model", 60, "a title")
    title = history.conversation(turn.conversation_id).title
    assert title != question
    assert 0 < len(title) <= 60
    history.rename(turn.conversation_id, "Mine")
    again = chat.regenerate(turn.conversation_id, seen_leaf=turn.reply_id, sampling=chat.default_sampling())
    chat.wait(again)
    chat.titles.consider(turn.conversation_id)
    assert history.conversation(turn.conversation_id).title == "Mine"


def test_what_is_no_title_changes_nothing(tmp_path: Path) -> None:
    """The echo engine repeats the whole request, which is far too long."""
    folder = DataFolder(tmp_path)
    history = History(Database(folder.database, folder.backups))
    chat = ChatService(history, ModelManager(Settings(engine="echo"), folder))
    turn = chat.send(None, "hello")
    chat.wait(turn)
    wait_for(lambda: all(thread.name not in ("reply", "title") for thread in threading.enumerate()))
    assert (history.conversation(turn.conversation_id).title, chat.live(turn.conversation_id)) == ("hello", None)
    assert history.conversation(turn.conversation_id).title_by == "first_line"
    chat.close()
    chat.manager.close()
    history.database.close()
