"""What `salvage` saves of files too damaged to be opened: most of them, beside them, and nothing invented."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playground.errors import StorageError
from playground.store.carving import carve
from playground.store.checking import check
from playground.store.salvage import salvage
from tests.histories import FILE, answered, open_history, rows_of, shown, turn
from tests.pictures import attached
from tests.store.test_migrations import NAMES, make


def large(folder: Path, turns: int = 60) -> tuple[Path, list[str]]:
    """A closed file with long messages, and what is said in it."""
    history = open_history(folder)
    first = answered(history, text="0 " * 900)
    for number in range(1, turns):
        answered(history, first.conversation_id if number % 3 else None, f"{number} " * 900)
    history.database.close()
    return history.database.file, [row[1] for row in rows_of(history.database.file)]


def harm_middle(file: Path) -> None:
    whole = file.read_bytes()
    at = len(whole) // 2 // 4096 * 4096
    file.write_bytes(whole[:at] + b"\x5a" * 20480 + whole[at + 20480 :])


def harm_end(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])


def harm_beginning(file: Path) -> None:
    file.write_bytes(b"\x5a" * 4096 + file.read_bytes()[4096:])


@pytest.mark.parametrize("harm", [harm_beginning, harm_middle, harm_end])
def test_what_can_be_read_is_saved_beside(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    file, before = large(tmp_path)
    harm(file)
    damaged = file.read_bytes()
    (problem,) = check(file, running=False).problems
    assert problem.remedy == "restore"
    saved = salvage(file)
    assert file.read_bytes() == damaged
    assert saved.file.parent == tmp_path
    after = [row[1] for row in rows_of(saved.file)]
    assert saved.messages == len(after)
    assert len(set(after) - {""} - set(before)) == 0, "nothing is invented"
    assert len(set(before) & set(after)) >= len(before) // 2
    assert saved.unreadable >= (harm is not harm_beginning)
    assert any("known by their shape" in note for note in saved.notes) == (harm is harm_beginning)
    assert check(saved.file, running=False).sound
    shutil.move(saved.file, file)
    history = open_history(tmp_path)
    assert history.database.kept_aside is None
    for talk in history.conversations():
        assert history.window(talk.id, 100).messages
        answered(history, talk.id, "goes on")
    history.database.close()


def test_a_sound_file_is_saved_whole(tmp_path: Path) -> None:
    file, before = large(tmp_path, 10)
    (tmp_path / ".recover-killed").mkdir()
    saved = salvage(file)
    assert (saved.unreadable, saved.messages, saved.notes) == (0, len(before), ())
    assert [row[1] for row in rows_of(saved.file)] == before
    assert not list(tmp_path.glob(".recover-*"))


def test_nothing_left_to_save(tmp_path: Path) -> None:
    file, _ = large(tmp_path, 3)
    file.write_bytes(b"no database " * 5000)
    with pytest.raises(StorageError, match="Nothing in this file"):
        salvage(file)
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["playground.db"]


def test_a_file_of_an_older_version_is_saved_too(tmp_path: Path) -> None:
    make(tmp_path / "playground.db", 1)
    saved = salvage(tmp_path / "playground.db")
    assert (saved.conversations, saved.messages, saved.unreadable) == (1, 3, 0)
    shutil.move(saved.file, tmp_path / "playground.db")
    history = open_history(tmp_path)
    assert shown(history, "c") == ["hello", "second 天"]
    assert len(history.message("b").parts) == 1
    history.database.close()


@pytest.mark.parametrize("schema", [1, len(NAMES)])
def test_all_comes_back_when_the_beginning_is_lost(tmp_path: Path, schema: int) -> None:
    """Conversations, both branches, records, files, long texts over many pages, personas: all but the tags."""
    file = tmp_path / "playground.db"
    make(file, schema)
    if schema == len(NAMES):
        history = open_history(tmp_path)
        history.keep_file(FILE)
        history.keep_file(attached())
        new = turn(history, text="long " * 5000, attachments=[FILE.id, "i1"])
        history.finish(new.reply_id, "天" * 7000, "complete", "", None)
        history.save_prompt("persona", "Zoe", "Be Zoe.")
        history.database.close()
    harm_beginning(file)
    before = file.read_bytes()
    saved = salvage(file)
    assert file.read_bytes() == before
    shutil.move(saved.file, file)
    history = open_history(tmp_path)
    assert shown(history, "c") == ["hello", "second 天"]
    assert history.message("b").alternatives == ("a", "b")
    assert (history.message("b").record is not None) == (schema == len(NAMES))
    if schema == len(NAMES):
        assert shown(history, new.conversation_id) == ["long " * 5000, "天" * 7000]
        page, image = history.branch(new.reply_id)[0].attachments
        assert (page.text, image.data, image.width) == ("page one", attached().data, 60)
        assert [one.name for one in history.prompts("persona")] == ["Zoe"]
    assert check(file, running=False).sound
    history.database.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.tuples(st.integers(0, 60_000), st.binary(min_size=1, max_size=40)), max_size=20))
def test_no_damage_breaks_the_carving(tmp_path: Path, places: list[tuple[int, bytes]]) -> None:
    pattern = tmp_path / "pattern.db"
    if not pattern.exists():
        large(tmp_path, 6)[0].rename(pattern)
    data = bytearray(pattern.read_bytes())
    for place, piece in places:
        data[place : place + len(piece)] = piece
    (tmp_path / "spoilt.db").write_bytes(data)
    found = carve(tmp_path / "spoilt.db")
    assert set(found) <= {"conversations", "messages", "makers", "replies", "attachments", "saved_prompts", "texts"}
    assert len(found.get("messages", [])) <= 12
