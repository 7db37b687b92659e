"""Checkpoints: only one that is as it was sealed is gone on from, whatever happened to the others."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.tuning.checkpoints import Newest, drop, fault, newest, rotate, seal
from tests.store.killing import every_kill, needs_fork, quick_folder

__all__ = ["quick_folder"]
FILES = {"adapter_model.safetensors": b"weights", "optimizer.pt": b"state", "inner/rng_state.pth": b"", "x.json": b"{}"}


def write(place: Path, step: int, sealed: bool = True) -> Path:
    folder = place / f"checkpoint-{step}"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content + str(step).encode())
    if sealed:
        seal(folder)
    return folder


def torn(folder: Path) -> str:
    file = folder / "optimizer.pt"
    file.write_bytes(file.read_bytes()[:-2])
    return "optimizer.pt was changed or torn"


def changed(folder: Path) -> str:
    file = folder / "adapter_model.safetensors"
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    return "adapter_model.safetensors was changed or torn"


def missing(folder: Path) -> str:
    (folder / "inner" / "rng_state.pth").unlink()
    return "inner/rng_state.pth is missing"


def unsealed(folder: Path) -> str:
    (folder / "manifest.json").unlink()
    return "it was not written to its end"


def torn_list(folder: Path) -> str:
    (folder / "manifest.json").write_bytes((folder / "manifest.json").read_bytes()[:-4])
    return "it was not written to its end"


def no_list(folder: Path) -> str:
    (folder / "manifest.json").write_text("[]", encoding="utf-8")
    return "manifest.json was changed or torn"


def empty_list(folder: Path) -> str:
    (folder / "manifest.json").write_text("{}", encoding="utf-8")
    return "manifest.json was changed or torn"


def nothing(folder: Path) -> str:
    shutil.rmtree(folder)
    folder.mkdir()
    return "it was not written to its end"


DAMAGES = [torn, changed, missing, unsealed, torn_list, no_list, empty_list, nothing]


def test_the_newest_by_number(tmp_path: Path) -> None:
    assert newest(tmp_path / "none") == Newest(None, 0)
    for step in (9, 10, 100):
        write(tmp_path, step)
    (tmp_path / "checkpoint-200.part").mkdir()
    (tmp_path / "checkpoint-300").write_text("a file", encoding="utf-8")
    assert newest(tmp_path) == Newest(tmp_path / "checkpoint-100", 100)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_is_skipped_and_told(tmp_path: Path, damage: Callable[[Path], str]) -> None:
    older, newer = write(tmp_path, 5), write(tmp_path, 10)
    assert fault(newer) == ""
    words = damage(newer)
    assert fault(newer) == words
    found = newest(tmp_path)
    assert found == Newest(older, 5, (("checkpoint-10", words),))
    drop(tmp_path, found.skipped)
    assert newest(tmp_path) == Newest(older, 5)
    assert not newer.exists()
    damage(older)
    assert newest(tmp_path).path is None


@given(st.sampled_from(sorted(FILES)), st.data())
@settings(deadline=None)
def test_any_changed_byte_is_seen(name: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = write(Path(place), 7)
        content = bytearray((folder / name).read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
        (folder / name).write_bytes(content)
        assert fault(folder) == f"{name} was changed or torn"


def test_the_newest_two_stay_and_what_is_older_goes(tmp_path: Path) -> None:
    for step in (1, 2, 4, 30, 5):
        write(tmp_path, step)
    half, begun = write(tmp_path, 3, sealed=False), write(tmp_path, 31, sealed=False)
    rotate(tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {"checkpoint-5", "checkpoint-30", begun.name}
    assert not half.exists()
    rotate(tmp_path)
    assert fault(tmp_path / "checkpoint-5") == fault(tmp_path / "checkpoint-30") == ""


def test_what_is_not_sealed_is_not_counted(tmp_path: Path) -> None:
    write(tmp_path, 1)
    for step in (2, 3):
        write(tmp_path, step, sealed=False)
    rotate(tmp_path)
    assert newest(tmp_path).step == 1


def test_files_that_came_later_do_no_harm(tmp_path: Path) -> None:
    folder = write(tmp_path, 1)
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    assert fault(folder) == ""
    sums = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert set(sums) == set(FILES)


@needs_fork
def test_killed_at_any_step_a_good_one_is_left(quick_folder: Path) -> None:
    """Of a checkpoint that is written, sealed, and the oldest one taken away."""

    def make() -> None:
        shutil.rmtree(quick_folder / "run", ignore_errors=True)
        for step in (1, 2):
            write(quick_folder / "run", step)

    def work() -> None:
        write(quick_folder / "run", 3)
        rotate(quick_folder / "run")

    steps = set()
    for _ in every_kill(work, make, lines_of="tuning/checkpoints.py"):
        found = newest(quick_folder / "run")
        assert found.step in (2, 3)
        assert found.path is not None
        assert (found.path / "optimizer.pt").read_bytes() == b"state" + str(found.step).encode()
        steps.add(found.step)
    assert steps == {2, 3}
