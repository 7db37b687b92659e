"""Circles of objects that nobody can reach any more are found while the app runs, and nobody waits for it."""

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
    gc.unfreeze()
    gc.enable()
    made.close()
    made.manager.close()
    made.history.database.close()


def test_what_nobody_can_reach_is_freed(chat: ChatService, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_LOOK_SECONDS": 0.01, "_MEMORY_SECONDS": 0.0, "_WORTH": 0}.items():
        monkeypatch.setattr(upkeep, name, value)
    stop = threading.Event()
    try:
        upkeep.begin(chat, stop)
        left = weakref.ref(Circle())
        wait_for(lambda: left() is None, 30, "the search")
    finally:
        stop.set()


def test_a_search_that_one_would_notice_waits_until_nothing_is_written(
    chat: ChatService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"_LOOK_SECONDS": 0.01, "_MEMORY_SECONDS": 0.0, "_WORTH": 0, "_SLOW": -1.0}.items():
        monkeypatch.setattr(upkeep, name, value)
    given = 0

    def give() -> None:
        nonlocal given
        given += 1

    monkeypatch.setattr(upkeep, "trim", give)
    stop = threading.Event()
    try:
        with chat.manager.lease(threading.Event()):
            upkeep.begin(chat, stop)
            wait_for(lambda: given, 30, "the first search, and what is given back without one")
            left, before = weakref.ref(Circle()), given
            wait_for(lambda: given > before + 1, 30, "more that is given back")
            assert left() is not None
        wait_for(lambda: left() is None, 30, "the search")
    finally:
        stop.set()


def test_nothing_is_searched_where_nothing_was_made(chat: ChatService, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_LOOK_SECONDS": 0.01, "_MEMORY_SECONDS": 0.0}.items():
        monkeypatch.setattr(upkeep, name, value)
    searched: list[float] = []
    for name in ("release_memory", "settle"):
        monkeypatch.setattr(upkeep, name, lambda: searched.append(time.monotonic()))
    stop = threading.Event()
    try:
        upkeep.begin(chat, stop)
        time.sleep(0.5)
        assert len(searched) <= 1  # What this process did before it began.
    finally:
        stop.set()
