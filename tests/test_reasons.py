"""Errors a page may show are said in Chinese, with the same names and numbers; raised for real where that is cheap."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from playground.engine.manager import ModelManager
from playground.engine.shape import read_shape
from playground.errors import ContextError, PlaygroundError
from playground.paths import open_data_folder, storage_error
from playground.records import Sampling
from playground.settings import Settings
from playground.store import Database, History
from playground.ui.reasons import reason_words

_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def _history(folder: Path) -> History:
    return History(Database(folder / "h.db", folder / "backups"))


def _offline(folder: Path) -> None:
    manager = ModelManager(Settings(offline=True), open_data_folder(str(folder)))
    with manager.lease(threading.Event()):
        pass


def _refused_file(folder: Path) -> None:
    file = folder / "model.gguf"
    file.write_text("no model")
    read_shape(file)


RAISED: list[tuple[str, Callable[[Path], object]]] = [
    ("100", lambda folder: _raise(ContextError(100, 50))),
    ("temperature", lambda folder: Sampling(temperature=99)),
    ("top_k", lambda folder: Sampling(top_k=-1)),
    ("", lambda folder: _history(folder).message("nothing")),
    ("", lambda folder: _history(folder).conversation("nothing")),
    ("SmolLM2", _offline),
    ("model.gguf", _refused_file),
    ("here", lambda folder: _raise(storage_error(OSError(28, "no space"), Path("/here")))),
    ("here", lambda folder: _raise(storage_error(OSError(30, "read-only"), Path("/here")))),
]


def _raise(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(("kept", "work"), RAISED)
def test_an_error_is_said_in_chinese(kept: str, work: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(PlaygroundError) as caught:
        work(tmp_path)
    english = str(caught.value)
    chinese = reason_words("zh", english)
    assert _CHINESE.search(chinese), english
    assert kept in chinese
    assert reason_words("en", english) == english


def test_what_is_not_known_is_shown_as_it_stands() -> None:
    assert reason_words("zh", "Something new happened.") == "Something new happened."
