"""Trainings in the history: edits that several write at once, files by their position, and what a list reads."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from playground.errors import MissingError
from playground.store.database import Database
from playground.store.trainings import Trainings
from playground.tuning.gathering import given_file


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Trainings]:
    database = Database(tmp_path / "history.sqlite3", tmp_path / "backups")
    yield Trainings(database)
    database.close()


def draft(store: Trainings, *names: str) -> str:
    return store.add("Ships", {}, [given_file(name, name.encode()) for name in names])


def test_edits_that_are_changed_at_once_are_all_there(store: Trainings) -> None:
    run_id = draft(store, "a.txt")
    begun = threading.Barrier(4)

    def work(writer: int) -> None:
        begun.wait()
        for number in range(10):
            if number % 2:
                store.edit(run_id, f"0:{writer}.{number}", False)
            else:
                key = f"0:{writer}.{number}"
                store.change_edits(run_id, lambda edits, key=key: {**edits, key: False})  # type: ignore[misc]

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(store.get(run_id).edits) == 40


def test_a_change_that_fails_changes_nothing(store: Trainings) -> None:
    run_id = draft(store, "a.txt")
    store.edit(run_id, "0:1", False)

    def fail(edits: Mapping[str, Any]) -> Mapping[str, Any]:
        raise MissingError("Nothing. Nowhere.")

    with pytest.raises(MissingError):
        store.change_edits(run_id, fail)
    assert store.get(run_id).edits == {"0:1": False}
    # What is kept is told as it is kept.
    assert store.change_edits(run_id, lambda edits: {**edits, "0:2": {"messages": ("a",)}}) == store.get(run_id).edits


@pytest.mark.parametrize("position", [-1, 2, 10**30])
def test_a_file_that_is_not_there_is_not_another_one(store: Trainings, position: int) -> None:
    run_id = draft(store, "a.txt", "b.txt")
    for work in (
        lambda: store.remove_file(run_id, position),
        lambda: store.set_note(run_id, position, "CC0"),
        lambda: store.set_columns(run_id, position, {"text": "a"}),
    ):
        with pytest.raises(MissingError, match="no such file"):
            work()
    assert [(one.name, one.note, one.columns) for one in store.files(run_id)] == [("a.txt", "", {}), ("b.txt", "", {})]


def test_the_second_of_what_is_left_is_taken_away(store: Trainings) -> None:
    run_id = draft(store, "a.txt", "b.txt", "c.txt")
    store.remove_file(run_id, 0)
    store.set_edits(run_id, {"0:1": False, "1:1": False})
    store.set_note(run_id, 1, "of c")
    store.remove_file(run_id, 0)
    assert [(one.name, one.note) for one in store.files(run_id)] == [("c.txt", "of c")]
    assert store.get(run_id).edits == {"0:1": False}


def test_a_list_holds_nothing_that_grows_with_the_data(store: Trainings) -> None:
    run_id = draft(store, "a.txt")
    store.set_options(run_id, "Cranes", {"model": "starter", "form": {"prompts": "x" * 5000}})
    store.set_edits(run_id, {f"0:{row}": False for row in range(1000)})
    other = draft(store)
    store.trash(other)
    (listed,) = store.list()
    assert (listed.id, listed.title, listed.status, listed.model) == (run_id, "Cranes", "draft", "starter")
    assert len(repr(listed)) < 300
    assert [(one.id, one.model) for one in store.list(place="trash")] == [(other, "")]


def test_the_pace_is_that_of_the_newest_training_of_the_model(store: Trainings) -> None:
    assert store.pace("starter") == (0, 0)
    for speed in (100.0, 250.0, 0):
        run_id = store.add("Ships", {"model": "starter"})
        store.finish(run_id, {"tokens_per_second": speed, "seconds_beside": 30.5, "curve": [[1, 2.0]]})
    store.finish(store.add("Ships", {"model": "other"}), {"tokens_per_second": 9.0})
    assert store.pace("starter") == (250, 30.5)
