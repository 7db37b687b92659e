"""Which engine reads long texts: by what was seen, else by what is usual; a model under the name of another engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.engine.manager import ModelManager
from playground.engine.reading_choice import Speeds, plain, with_engine
from playground.overview import title_of
from playground.paths import open_data_folder
from playground.presets import STARTER
from playground.settings import Settings
from tests.conftest import give_starter

pytestmark = pytest.mark.real_model


@pytest.fixture
def manager(starter_gguf: Path, tmp_path: Path) -> Iterator[ModelManager]:
    give_starter(starter_gguf, tmp_path / "data")
    made = ModelManager(Settings(context_length=512), open_data_folder(str(tmp_path / "data")))
    yield made
    made.close()


def test_a_small_gguf_is_read_by_the_other_engine_until_the_first_was_seen_to_be_faster(
    manager: ModelManager, tmp_path: Path
) -> None:
    speeds = Speeds(tmp_path / "speeds.json")
    other = with_engine(STARTER)
    assert speeds.reader(manager, STARTER, "") == other
    speeds.record(STARTER, "transformers", 100.0)
    assert speeds.reader(manager, STARTER, "") == other
    speeds.record(STARTER, "llamacpp", 150.0)
    assert Speeds(tmp_path / "speeds.json").reader(manager, STARTER, "") == STARTER
    speeds.record(STARTER, "transformers", 200.0)
    assert speeds.reader(manager, STARTER, "") == other


def test_what_it_could_not_read_is_not_tried_again(manager: ModelManager, tmp_path: Path) -> None:
    speeds = Speeds(tmp_path / "speeds.json")
    speeds.record(STARTER, "transformers", 0.0)
    assert speeds.reader(manager, STARTER, "") == STARTER


def test_who_chose_an_engine_or_an_adapter_gets_it(starter_gguf: Path, tmp_path: Path) -> None:
    give_starter(starter_gguf, tmp_path / "data")
    folder = open_data_folder(str(tmp_path / "data"))
    speeds = Speeds(tmp_path / "speeds.json")
    asked = ModelManager(Settings(engine="llamacpp", context_length=512), folder)
    assert speeds.reader(asked, STARTER, "") == STARTER
    echo = ModelManager(Settings(engine="echo", model="echo"), folder)
    assert speeds.reader(echo, "echo", "") == "echo"
    free = ModelManager(Settings(context_length=512), folder)
    assert speeds.reader(free, STARTER, "style") == STARTER


def test_both_stay_in_memory_and_are_told_apart(manager: ModelManager) -> None:
    stop = threading.Event()
    with manager.lease(stop) as chat:
        assert chat.info.engine == "llamacpp"
    with manager.lease(stop, with_engine(STARTER)) as reader:
        assert reader.info.engine == "transformers"
        assert reader.info.model == STARTER
    assert {state.model for state in manager.states()} == {STARTER, with_engine(STARTER)}
    assert plain(with_engine(STARTER)) == STARTER
    assert title_of(with_engine(STARTER)) == f"{title_of(STARTER)} (transformers)"
