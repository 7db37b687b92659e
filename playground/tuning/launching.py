"""How a worker is started: alone, or several of them that train together through accelerate."""

from __future__ import annotations

import itertools
import os
import warnings
from pathlib import Path

from playground.tuning.recipe import Recipe

WORKER = "playground.tuning.worker"
VISIBLE = "CUDA_VISIBLE_DEVICES"


def launch(python: str, folder: Path, recipe: Recipe, device: str) -> tuple[list[str], dict[str, str]]:
    """The command of the worker for the training in `folder`, and what its environment has more."""
    # A thread that waits must not keep a core from chat, or from another program.
    more = {"OMP_WAIT_POLICY": "PASSIVE"} if device in ("auto", "cpu") else {}
    if recipe.num_processes == 1:
        more |= _one_gpu(device)
        return [python, "-m", WORKER, str(folder)], more
    command = [python, "-m", "accelerate.commands.launch", "--num_processes", str(recipe.num_processes)]
    # All that a file of accelerate's own in the user's home could say otherwise; port 0 is a free one. Processes on a
    # processor are begun like those on GPUs: accelerate's --cpu would begin a single one, whatever their number.
    command += ["--multi_gpu", "--num_machines", "1", "--machine_rank", "0", "--main_process_port", "0"]
    command += ["--gpu_ids", "all", "--mixed_precision", "no", "--dynamo_backend", "no"]
    return [*command, "-m", WORKER, str(folder)], more


def _one_gpu(device: str) -> dict[str, str]:
    """Lets a process alone see one GPU: transformers would share the model out among all that it sees."""
    seen = os.environ.get(VISIBLE)
    number = int(device.removeprefix("cuda:")) if device.startswith("cuda:") else 0
    if device == "cpu":
        return {}
    if seen is None:
        return {VISIBLE: str(number)}
    # "cuda:1" is the second of those that this process sees; CUDA sees none behind one that is not there.
    names = list(itertools.takewhile(lambda one: one not in ("", "-1"), (one.strip() for one in seen.split(","))))
    return {VISIBLE: names[number] if number < len(names) else ""}


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """This process's, in which the package is found wherever it was started from."""
    package = str(Path(__file__).resolve().parents[2])
    before = os.environ.get("PYTHONPATH")
    return {**os.environ, **(more or {}), "PYTHONPATH": os.pathsep.join(filter(None, [package, before]))}


def quiet() -> None:
    """For a process of our own, before it imports a library: nothing is asked of anybody, no telemetry, no warnings.

    What libraries have to say to programmers is nothing for the log of a training.
    """
    os.environ["HF_HUB_OFFLINE"] = os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = os.environ["DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    warnings.filterwarnings("ignore")
