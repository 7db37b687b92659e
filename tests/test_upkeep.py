"""Circles of objects that nobody can reach any more are found while the app runs, and not while a reply is written."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground import upkeep
from playground.chat import ChatService
from playground.engine.manager import ModelManager
from playground.paths import open_data_folder
from playground.settings import Settings
from playground.store import Database, History
from tests.conftest import wait_for


class Circle:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[ChatService]:
    folder = open_data_folder(str(tmp_path / "data"))
    made = ChatService(
        History(Database(folder.database, folder.backups)), ModelManager(Settings(engine="echo", model="echo"), folder)
    )
    gc.disable()  # Else Python might find them first.
    yield made
    gc.enable()
    made.close()
    made.manager.close()
    made.history.database.close()


def test_what_nobody_can_reach_is_freed_once_nothing_is_written(
    chat: ChatService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"_LOOK_SECONDS": 0.01, "_MEMORY_SECONDS": 0.0, "_WORTH": 0}.items():
        monkeypatch.setattr(upkeep, name, value)
    stop = threading.Event()
    try:
        with chat.manager.lease(threading.Event()):
            upkeep.begin(chat, stop)
            left = weakref.ref(Circle())
            time.sleep(0.3)
            assert left() is not None
        wait_for(lambda: left() is None, 30, "the search")
    finally:
        stop.set()


def test_while_something_is_written_the_c_library_gives_back_alone(
    chat: ChatService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"_LOOK_SECONDS": 0.01, "_MEMORY_SECONDS": 0.0, "_WORTH": 0}.items():
        monkeypatch.setattr(upkeep, name, value)
    given = threading.Event()
    monkeypatch.setattr(upkeep, "trim", given.set)
    stop = threading.Event()
    try:
        with chat.manager.lease(threading.Event()):
            upkeep.begin(chat, stop)
            left = weakref.ref(Circle())
            assert given.wait(30)
            assert left() is not None
    finally:
        stop.set()


def test_nothing_is_searched_where_nothing_was_made(chat: ChatService, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_LOOK_SECONDS": 0.01, "_MEMORY_SECONDS": 0.0}.items():
        monkeypatch.setattr(upkeep, name, value)
    searched: list[float] = []
    monkeypatch.setattr(upkeep, "release_memory", lambda: searched.append(time.monotonic()))
    stop = threading.Event()
    try:
        upkeep.begin(chat, stop)
        time.sleep(0.5)
        assert len(searched) <= 1  # What this process did before it began.
    finally:
        stop.set()
