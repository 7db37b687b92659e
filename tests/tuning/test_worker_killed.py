"""What can befall a training: kills, torn checkpoints, a full disk, no memory, numbers that are none, a lost base.

The long form kills it 50 times:  PLAYGROUND_LONG=1 .venv/bin/pytest --timeout 0 -s tests/tuning/test_worker_killed.py
"""

from __future__ import annotations

import math
import os
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from playground.tuning.checkpoints import fault
from playground.tuning.journal import read_journal
from playground.tuning.runfile import RunPlaces
from tests.conftest import Disk
from tests.tuning.test_checkpoints import DAMAGES
from tests.tuning.tiny import begin, chats, curve, ended, events, finish, make_run, same, seen, tiny_base, until

KILLS = 50 if os.environ.get("PLAYGROUND_LONG") else 3
RECIPE: dict[str, Any] = {"lora_dropout": 0.1, "neftune_noise_alpha": 2.0, "num_train_epochs": 4.0, "evaluations": 4}
OFTEN = {"checkpoint_seconds": 0.0}
"""A checkpoint behind each step."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("models") / "tiny")


def training(root: Path, base: Path, **changes: Any) -> RunPlaces:
    return make_run(root, base, chats(24), chats(4, 100), OFTEN, **{**RECIPE, **changes})


@pytest.fixture(scope="module")
def whole(base: Path, tmp_path_factory: pytest.TempPathFactory) -> RunPlaces:
    """A training that nothing befell."""
    places = training(tmp_path_factory.mktemp("runs") / "whole", base)
    assert finish(places)["status"] == "complete"
    return places


def assert_as_if_nothing_was(places: RunPlaces, whole: RunPlaces) -> None:
    assert curve(places) == curve(whole)
    assert same(places.adapter, whole.adapter)
    assert same(places.best, whole.best)
    assert fault(places.adapter) == fault(places.best) == ""
    kept = [events(one, "end")[-1]["kept_step"] for one in (places, whole)]
    assert kept[0] == kept[1]


def half_written(places: RunPlaces) -> bool:
    """Whether there is a checkpoint that is not sealed."""
    return any(not (one / "manifest.json").exists() for one in places.checkpoints.glob("checkpoint-*"))


def test_killed_again_and_again_it_ends_as_it_would_have(base: Path, whole: RunPlaces, tmp_path: Path) -> None:
    """While a checkpoint is being written, at any moment of its work, and at any moment at all, by turns."""
    places, draw = training(tmp_path / "run", base), random.Random(7)
    kills = torn = lost = done = 0
    while kills < KILLS:
        before, process = len(events(places, "start")), begin(places)
        if kills % 3 == 2:
            process.join(draw.uniform(0.05, 1.5))
        else:
            until(lambda: not process.is_alive() or len(events(places, "start")) > before)  # noqa: B023
            # What earlier kills left is gone by then.
            if kills % 3:
                process.join(draw.uniform(0, 1))
            else:
                until(lambda: not process.is_alive() or half_written(places))  # noqa: B023
        process.kill()
        if ended(process) == 0:  # It had come to its end: once more from the beginning.
            assert_as_if_nothing_was(places, whole)
            done += 1
            shutil.rmtree(places.root)
            places = training(tmp_path / "run", base)
            continue
        kills += 1
        started = len(events(places, "start")) > before
        torn += started and half_written(places)
        lost += not started
    assert finish(places)["status"] == "complete"
    assert_as_if_nothing_was(places, whole)
    print(f"\n{kills} kills: {torn} in a checkpoint, {lost} before the first step; {done + 1} trainings")
    assert torn > 0


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_passed_over(whole: RunPlaces, tmp_path: Path, damage: Callable[[Path], str]) -> None:
    places = stopped_before_its_end(whole, tmp_path / "run")
    older, newer = sorted(places.checkpoints.iterdir(), key=lambda one: int(one.name.rpartition("-")[2]))
    if damage.__name__ == "missing":  # Of the files of a real one.
        (newer / "optimizer.pt").unlink()
        words = "optimizer.pt is missing"
    else:
        words = damage(newer)
    assert finish(places)["status"] == "complete"
    start = events(places, "start")[-1]
    assert start["skipped"] == [[newer.name, words]]
    assert start["step"] == int(older.name.rpartition("-")[2])
    assert_as_if_nothing_was(places, whole)


def stopped_before_its_end(whole: RunPlaces, root: Path) -> RunPlaces:
    """As a finished training would be, had it been killed behind its last checkpoint."""
    shutil.copytree(whole.root, root)
    places = RunPlaces(root)
    shutil.rmtree(places.adapter)
    lines = places.journal.read_text(encoding="utf-8").splitlines(keepends=True)
    places.journal.write_text("".join(lines[:-1]), encoding="utf-8")
    return places


def test_without_a_good_checkpoint_it_begins_anew(whole: RunPlaces, tmp_path: Path) -> None:
    places = stopped_before_its_end(whole, tmp_path / "run")
    for folder in places.checkpoints.iterdir():
        (folder / "adapter_model.safetensors").write_bytes(b"nothing")
    assert finish(places)["status"] == "complete"
    start = events(places, "start")[-1]
    assert start["step"] == 0
    assert len(start["skipped"]) == 2
    assert_as_if_nothing_was(places, whole)


def test_killed_as_a_better_adapter_takes_its_place(whole: RunPlaces, tmp_path: Path) -> None:
    """Between the older one's going and the newer one's coming there is none."""
    places = stopped_before_its_end(whole, tmp_path / "run")
    newer = max(places.checkpoints.iterdir(), key=lambda one: int(one.name.rpartition("-")[2]))
    shutil.rmtree(newer)  # It comes behind the evaluation.
    places.best.rename(places.best.with_name("best.old"))
    assert finish(places)["status"] == "complete"
    assert_as_if_nothing_was(places, whole)


def test_a_full_disk_pauses_it(base: Path, whole: RunPlaces, disk: Disk) -> None:
    places = training(disk.root / "run", base)
    for _ in range(2):
        before = len(events(places, "checkpoint"))
        process = begin(places)
        seen(places, "checkpoint", before + 2)
        # Else what is left of its last page would hold what the journal has to say.
        until(
            lambda: (
                read_journal(places.journal)[-1]["kind"] == "checkpoint" and places.journal.stat().st_size % 4096 > 3650
            )
        )
        held = psutil.Process(process.pid)
        held.suspend()  # It must not give room back while that is being taken.
        disk.fill()
        held.resume()
        assert ended(process) == 0
        end = read_journal(places.journal)[-1]
        assert end["kind"] == "end", "there was no room to say so"
        assert end["status"] == "paused"
        assert end["error"].startswith("The disk is full, so the training has paused. Free some space and press Resume")
        disk.clear()
    assert finish(places)["status"] == "complete"
    assert_as_if_nothing_was(places, whole)


def test_a_disk_that_is_full_from_the_start(base: Path, whole: RunPlaces, disk: Disk) -> None:
    places = training(disk.root / "run", base)
    disk.fill()
    assert ended(begin(places)) in (0, 1)
    disk.clear()
    assert finish(places)["status"] == "complete"
    assert_as_if_nothing_was(places, whole)


def test_a_second_worker_keeps_away(base: Path, tmp_path: Path) -> None:
    places = training(tmp_path / "run", base, num_train_epochs=99.0)
    first = begin(places)
    seen(places, "step")
    assert ended(begin(places)) == 1
    assert first.is_alive()
    assert len(events(places, "loading")) == 1
    assert "another worker is at it" in places.output.read_text(encoding="utf-8")
    first.kill()
    ended(first)
    places.wish.write_text("stop", encoding="utf-8")
    assert finish(places)["status"] == "stopped", "the lock of a killed worker holds nobody up"


def test_a_base_that_is_gone_is_told(base: Path, tmp_path: Path) -> None:
    own = tmp_path / "base"
    shutil.copytree(base, own)
    places = training(tmp_path / "run", own, num_train_epochs=99.0)
    process = begin(places)
    seen(places, "checkpoint")
    process.kill()
    ended(process)
    shutil.rmtree(own)
    end = finish(places)
    assert end["status"] == "failed"
    assert str(own) in end["error"]
    assert "Traceback" not in end["error"]
    assert list(places.checkpoints.iterdir()), "what was learned is kept"


def test_numbers_that_become_none_end_it_and_the_best_is_kept(base: Path, tmp_path: Path) -> None:
    places = training(
        tmp_path / "run", base, optim="sgd", learning_rate=1.0, lr_scheduler_type="constant", max_grad_norm=0.0,
        lora_alpha=2048, evaluations=100, r=1, lora_dropout=0.0, warmup_ratio=0.0, num_train_epochs=4.0,
    )  # fmt: skip
    end = finish(places)
    assert end["status"] == "failed"
    assert end["error"].startswith(f"The loss was no number any more at step {end['step']}. Lower learning_rate")
    losses = [one.get("eval_loss") for one in events(places, "eval")]
    assert all(isinstance(one, str) or math.isfinite(one) for one in losses)
    kept = end["kept_step"]
    assert 0 < kept < end["step"]
    assert same(places.adapter, places.best)
    assert fault(places.adapter) == ""
    assert all(fault(one) == "" for one in places.checkpoints.iterdir())


def test_a_base_with_broken_numbers_is_told(base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    own = tmp_path / "base"
    shutil.copytree(base, own)
    weights = load_file(own / "model.safetensors")
    weights["model.norm.weight"][0] = math.inf
    save_file(weights, own / "model.safetensors", metadata={"format": "pt"})
    places = training(tmp_path / "run", own)
    end = finish(places)
    assert end["status"] == "failed"
    assert "the model's files may be damaged. Download the model again" in end["error"]
    assert end["kept_step"] == 0
    assert not places.adapter.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="no other system holds a process to so much memory")
def test_too_little_memory_is_told(tmp_path: Path) -> None:
    wide = tiny_base(tmp_path / "wide", intermediate_size=4096, max_position_embeddings=16384)
    places = make_run(tmp_path / "run", wide, chats(512), max_length=16384, evaluations=0, packing=True)
    assert ended(begin(places, room=400 << 20)) == 1
    end = read_journal(places.journal)[-1]
    assert end["status"] == "failed"
    assert end["error"].startswith("There was not enough memory. Lower max_length or per_device_train_batch_size")
