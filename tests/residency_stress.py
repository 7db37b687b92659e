"""Random use of a manager by many threads at once; used by a test, and for longer by a benchmark."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

from playground.engine.base import LoadOptions
from playground.engine.manager import LeaseCancelled, ModelManager
from playground.errors import BadValueError, PlaygroundError
from playground.records import Sampling, Turn

MODELS = ("echo-a+40", "echo-b+40", "echo-c+40")
"""Two of these fit into 100 MB."""


def make_adapter(folder: Path) -> Path:
    """A folder that looks like a LoRA adapter from outside, which is enough for the echo engine."""
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_bytes(folder.name.encode())
    return folder


def stress(
    manager: ModelManager, budget: int, adapters: list[Path], *, operations: int, threads: int, seed: int
) -> list[str]:
    """Do so many operations in all and return what went wrong: use after unload, overrun, deadlock, wrong words."""
    faults: list[str] = []
    done = threading.Event()
    left = [operations]
    lock = threading.Lock()

    def take() -> bool:
        with lock:
            left[0] -= 1
            return left[0] >= 0

    def watch() -> None:
        while not done.wait(0.001):
            used = sum(sum(state.memory.values()) for state in manager.states())
            if used > budget:
                faults.append(f"overrun: {used} of {budget} bytes")

    def work(number: int) -> None:
        dice = random.Random(seed * 100 + number)
        while take():
            try:
                _operate(manager, dice, adapters, faults)
            except BadValueError:
                pass  # Its adapter was detached by another thread.
            except PlaygroundError as error:
                faults.append(f"{type(error).__name__}: {error}")
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what this test looks for
                faults.append(f"{type(error).__name__}: {error}")

    workers = [threading.Thread(target=work, args=[number], daemon=True) for number in range(threads)]
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    for worker in workers:
        worker.start()
    end = time.monotonic() + 60 + operations / 10
    for worker in workers:
        worker.join(max(0.0, end - time.monotonic()))
        if worker.is_alive():
            faults.append("deadlock: a thread did not come to an end")
    done.set()
    watcher.join()
    return faults


def _operate(manager: ModelManager, dice: random.Random, adapters: list[Path], faults: list[str]) -> None:
    name = dice.choice(MODELS)
    kind = dice.choices(("use", "stop", "load", "reload", "unload", "attach", "detach"), (58, 10, 8, 4, 8, 6, 6))[0]
    if kind == "load":
        manager.load(name)
    elif kind == "reload":
        manager.load(name, LoadOptions(engine="echo", slots=2, context_length=dice.choice((512, 1024))))
    elif kind == "unload":
        manager.unload(name)
    elif kind == "attach":
        if len(manager.adapters(name)) < 4:
            manager.attach(name, str(dice.choice(adapters)))
    elif kind == "detach":
        if attached := manager.adapters(name):
            manager.detach(name, dice.choice(attached))
    else:
        stop = threading.Event()
        if kind == "stop":
            threading.Timer(dice.random() / 50, stop.set).start()
        try:
            with manager.lease(stop, name, adapter="") as lease:
                turns = [Turn("user", f"hello {dice.random()}")]
                text = "".join(chunk.text for chunk in lease.stream(turns, Sampling(seed=1), stop))
                if lease.info.model != name or (kind == "use" and text != f"You said: {turns[0].content}"):
                    faults.append(f"wrong words from {lease.info.model}: {text}")
        except LeaseCancelled:
            if kind == "use":
                faults.append(f"{name} was asked for, stopped by nobody, and not given")
