"""Several processes that train together learn what one learns from the same batches, also when they are killed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from playground.tuning.checkpoints import fault
from playground.tuning.journal import read_journal
from playground.tuning.launching import environment, launch
from playground.tuning.recipe import Recipe
from playground.tuning.runfile import RunPlaces, read_run
from playground.tuning.worker.base import device_of
from tests.tuning.tiny import chats, curve, events, make_run, seen, tiny_base


def start(places: RunPlaces) -> subprocess.Popen[bytes]:
    """As the app starts it, from anywhere."""
    run = read_run(places)
    command, more = launch(sys.executable, places.root, run.recipe, run.device)
    with places.output.open("ab") as output:
        return subprocess.Popen(
            command, env=environment(more), cwd=places.root, stdout=output, stderr=subprocess.STDOUT
        )


def kill_all(process: subprocess.Popen[bytes]) -> None:
    """kill -9 of the launcher and of all that it has started."""
    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for one in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(family, 30)
    process.wait(30)


def finish(places: RunPlaces) -> None:
    process = start(places)
    try:
        assert process.wait(240) == 0, places.output.read_text(encoding="utf-8")
    finally:
        kill_all(process) if process.returncode is None else None
    assert read_journal(places.journal)[-1]["status"] == "complete"


def test_one_process_is_the_worker_alone(tmp_path: Path) -> None:
    command, _ = launch("python", tmp_path, Recipe(), "cpu")
    assert command == ["python", "-m", "playground.tuning.worker", str(tmp_path)]
    command, _ = launch("python", tmp_path, Recipe(num_processes=3), "cpu")
    assert command[:3] == ["python", "-m", "accelerate.commands.launch"]
    assert command[command.index("--num_processes") + 1] == "3"
    assert command[-3:] == ["-m", "playground.tuning.worker", str(tmp_path)]


@pytest.mark.parametrize(
    ("device", "seen", "one"),
    [
        ("cpu", None, None),
        ("cpu", "2,3", None),
        ("auto", None, "0"),
        ("cuda:0", None, "0"),
        ("cuda:1", None, "1"),
        ("auto", "2,3", "2"),
        ("cuda:1", "2, 3", "3"),
        ("cuda:1", "GPU-8932f937,GPU-d72bc4e2", "GPU-d72bc4e2"),
        ("cuda:1", "3", ""),
        ("cuda:1", "0,-1,1", ""),
        ("auto", "", ""),
        ("auto", "-1", ""),
    ],
)
def test_a_process_alone_sees_the_gpu_that_was_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, device: str, seen: str | None, one: str | None
) -> None:
    """Of several transformers would use all, which the model is not made for."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if seen is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
    _, more = launch("python", tmp_path, Recipe(), device)
    assert more.get("CUDA_VISIBLE_DEVICES") == one
    assert environment(more).get("CUDA_VISIBLE_DEVICES") == (seen if one is None else one)
    if device != "cpu" and one:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", one)
        assert device_of(device if device != "auto" else "cuda:0") == "cuda:0", "as the worker numbers it"
    _, more = launch("python", tmp_path, Recipe(num_processes=2), device)
    assert "CUDA_VISIBLE_DEVICES" not in more, "each takes its own"


def test_a_worker_that_sees_several_gpus_takes_the_named_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for visible in ("", "0,1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert [device_of(one) for one in ("cpu", "cuda:0", "cuda:1")] == ["cpu", "cuda:0", "cuda:1"]


@pytest.mark.skipif(os.name == "nt", reason="PyTorch for Windows cannot start processes that find each other")
def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "tiny")
    runs = []
    for processes, times in ((1, 4), (2, 2)):
        places = make_run(
            # They make 27 rows, so that no epoch comes out even.
            tmp_path / f"{processes}", base, chats(32), chats(4, 100), {"checkpoint_seconds": 0.0, "threads": 2},
            num_processes=processes, gradient_accumulation_steps=times, max_length=64, num_train_epochs=2.0,
        )  # fmt: skip
        runs.append(places)
    one, two = runs
    finish(one)
    process = start(two)
    try:
        seen(two, "step", 6, 240)
    finally:
        kill_all(process)
    assert not events(two, "end")
    finish(two)
    first, again = events(two, "start")
    assert first["processes"] == again["processes"] == 2
    assert first["rows"] % 2 == 1
    assert again["skipped"] == [] or again["skipped"][0][1] == "it was not written to its end"
    assert again["step"] >= 4
    for alone, together in zip(curve(one), curve(two), strict=True):
        assert together[:3] == pytest.approx(alone[:3], rel=1e-4)
    assert len(events(two, "eval")) == len({event["step"] for event in events(two, "eval")}), "one process tells"
    checkpoint = max(two.checkpoints.iterdir(), key=lambda path: int(path.name.rpartition("-")[2]))
    assert fault(checkpoint) == ""
    assert {"rng_state_0.pth", "rng_state_1.pth"} <= {path.name for path in checkpoint.iterdir()}
    manifest = (checkpoint / "manifest.json").read_text(encoding="utf-8")
    assert "rng_state_1.pth" in manifest
    assert fault(two.adapter) == ""
