"""The folder of states: what is found, what is replaced, what is swept away, what the cap deletes."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.engine.slot_store import SlotStore, common_prefix
from playground.errors import StorageError

NUMBERS = list(range(100))


def put(store: SlotStore, tokens: list[int], adapter: str = "", size: int = 1000) -> None:
    part = store.begin()
    (store.folder / part).write_bytes(b"x" * size)
    store.finish(part, tokens, adapter, ((len(tokens), len(tokens), 1),))


def files(folder: Path) -> list[str]:
    return sorted(file.suffix for file in folder.iterdir())


@given(st.lists(st.integers(0, 3)), st.lists(st.integers(0, 3)))
def test_common_prefix(one: list[int], other: list[int]) -> None:
    length = common_prefix(one, other)
    assert one[:length] == other[:length]
    assert length == min(len(one), len(other)) or one[length] != other[length]


def test_the_longest_beginning_is_found_again_by_the_next_process(tmp_path: Path) -> None:
    first = SlotStore(tmp_path, "model")
    put(first, [1, 2, 3])
    put(first, [1, 2, 9, 9, 9])
    put(first, [1, 2, 3, 4], adapter="poet")
    for store in (first, SlotStore(tmp_path, "model")):
        entry, shared = store.find([1, 2, 3, 4, 5], "")
        assert entry is not None
        assert (entry.tokens, shared) == ([1, 2, 3], 3)
        assert entry.reading == ((3, 3, 1),), "how it was computed is kept with it"
        assert (store.folder / f"{entry.name}.kv").stat().st_size == entry.size == 1000
        found, shared = store.find([1, 2, 3, 4, 5], "poet")
        assert found is not None
        assert shared == 4
        assert store.find([7], "") == (None, 0)


def test_a_longer_state_replaces_its_own_beginning_and_no_branch(tmp_path: Path) -> None:
    store = SlotStore(tmp_path, "model")
    put(store, [1, 2])
    put(store, [1, 5])
    put(store, [1, 2], adapter="poet")
    put(store, [1, 2, 3])
    assert files(tmp_path) == [".json"] * 3 + [".kv"] * 3
    assert store.find([1, 5], "")[1] == 2
    assert store.find([1, 2], "poet")[1] == 2
    assert store.find([1, 2, 3], "")[1] == 3


def test_other_models_do_not_see_it_and_do_not_harm_it(tmp_path: Path) -> None:
    put(SlotStore(tmp_path, "model"), [1, 2])
    assert SlotStore(tmp_path, "other").find([1, 2], "") == (None, 0)
    assert SlotStore(tmp_path, "model").find([1, 2], "")[1] == 2


def torn(state: Path, card: Path) -> None:
    state.write_bytes(state.read_bytes()[:-1])


def no_state(state: Path, card: Path) -> None:
    state.unlink()


def no_card(state: Path, card: Path) -> None:
    card.unlink()


def half_a_card(state: Path, card: Path) -> None:
    card.write_text(card.read_text()[:20])


def wrong_card(state: Path, card: Path) -> None:
    card.write_text(json.dumps([1]))


def foreign_card(state: Path, card: Path) -> None:
    card.write_text(json.dumps({**json.loads(card.read_text()), "key": "other"}))


@pytest.mark.parametrize("harm", [torn, no_state, no_card, half_a_card, wrong_card, foreign_card])
def test_what_is_damaged_is_ignored_and_removed(tmp_path: Path, harm) -> None:  # type: ignore[no-untyped-def]
    store = SlotStore(tmp_path, "model")
    put(store, [1, 2])
    put(store, [3])
    entry, _ = store.find([1, 2], "")
    assert entry is not None
    harm(tmp_path / f"{entry.name}.kv", tmp_path / f"{entry.name}.json")
    again = SlotStore(tmp_path, "model")
    assert again.find([1, 2], "") == (None, 0)
    assert again.find([3], "")[1] == 1
    assert files(tmp_path) == [".json", ".kv"]


def test_what_was_begun_and_not_finished_is_removed(tmp_path: Path) -> None:
    store = SlotStore(tmp_path, "model")
    (tmp_path / store.begin()).write_bytes(b"half")
    dropped = store.begin()
    (tmp_path / dropped).write_bytes(b"half")
    store.drop(dropped)
    assert files(tmp_path) == [".part"]
    SlotStore(tmp_path, "model")
    assert files(tmp_path) == []


def test_the_least_recently_used_leave_first(tmp_path: Path) -> None:
    store = SlotStore(tmp_path, "model", most_bytes=2500)
    for number in (1, 2):
        put(store, [number])
        entry, _ = store.find([number], "")
        assert entry is not None
        os.utime(tmp_path / f"{entry.name}.json", (number, number))
    first, _ = store.find([1], "")
    assert first is not None
    store.touch(first)
    put(store, [3])
    assert [store.find([number], "")[1] for number in (1, 2, 3)] == [1, 0, 1]
    assert sum(file.stat().st_size for file in tmp_path.glob("*.kv")) <= 2500
    SlotStore(tmp_path, "other", most_bytes=1500)  # the cap is the folder's, not the model's
    assert len(list(tmp_path.glob("*.kv"))) == 1


def test_a_state_larger_than_the_cap_is_not_kept(tmp_path: Path) -> None:
    store = SlotStore(tmp_path, "model", most_bytes=500)
    put(store, [1])
    assert store.find([1], "") == (None, 0)
    assert files(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes; the folder lies in the user's own")
def test_only_the_user_can_read_it(tmp_path: Path) -> None:
    store = SlotStore(tmp_path / "deep" / "state", "model")
    put(store, NUMBERS)
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in store.folder.iterdir()} == {0o600}


def test_a_state_that_was_not_written_is_no_error(tmp_path: Path) -> None:
    store = SlotStore(tmp_path, "model")
    store.finish(store.begin(), [1], "", ())
    assert store.find([1], "") == (None, 0)
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="Check the folder"):
        SlotStore(tmp_path / "file" / "state", "model")
