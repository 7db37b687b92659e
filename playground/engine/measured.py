"""What models really took on this machine: measured while they load, kept, and used to mend the next prediction.

Measured is the growth of resident memory (on a GPU: of the memory in use there) from just before loading to its peak,
less what of program files is in memory: the same library was seen there with 95 and with 450 MB, depending on how the
system's cache holds its file, which it takes back at will. Knows nothing of what is free and of predictions.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import psutil

from playground.engine.hardware import hardware
from playground.engine.needs import Need

if TYPE_CHECKING:
    from playground.engine.plan import MemoryPlan

_SAMPLE = 0.02
"""Seconds between two looks, where the system keeps no peak that can be set back."""
_PIECE = 0.25
"""Seconds between two looks where it does."""
_MOST = 500
"""Measurements that are kept."""
Stage = Literal["full", "started", "load"]
"""Until when was measured: a reply that filled the context, a short one, the end of loading."""
STAGES: tuple[Stage, ...] = ("full", "started", "load")
_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Key:
    """With what a measurement was made. Equal keys: the same will happen again."""

    machine: str
    model: str
    engine: str
    device: str
    precision: str
    context_length: int
    slots: int
    library: bool
    """The engine's libraries were loaded, too."""

    def similar(self, other: Key) -> bool:
        """True when the two differ in context, slots or libraries only."""
        names = ("machine", "model", "engine", "device", "precision")
        return all(getattr(self, name) == getattr(other, name) for name in names)


@dataclass
class Peak:
    """What `watch_peak` saw; complete when its block has ended."""

    device: str
    bytes: int = 0
    """Growth on `device`, at most."""
    note: str = ""
    """Why this is not to be trusted: set it when something else worked at the same time. It is not kept then."""


class Measured:
    """The measurements in a small file. A torn or foreign file counts as none; any thread may use it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def record(self, plan: MemoryPlan, peak: Peak) -> None:
        """Keep what a model took from before loading to after replies that filled its slots."""
        if peak.device in plan.predicted and plan.task == "chat":
            self.keep(plan.key, plan.predicted[peak.device], peak, "full")

    def record_load(self, plan: MemoryPlan, peak: Peak, *, replied: bool = False) -> None:
        """Keep what a model took while it was loaded; `replied`: and wrote a few words, without filling its context."""
        if peak.device in plan.predicted and plan.task == "chat":
            self.keep(plan.key, plan.predicted[peak.device], peak, "started" if replied else "load")

    def keep(self, key: Key, need: Need, peak: Peak, stage: Stage) -> None:
        """Keep one measurement beside what the rules had said (`need`); not one whose note says it is worth nothing."""
        if peak.note or peak.bytes <= 0:
            return
        with self._lock:
            kept = self._read()
            values = next((values for other, values in kept if other == key), {})
            kept = [(other, old) for other, old in kept if other != key][-_MOST:]
            said = {f"predicted_{name}": size for name, size in _said(need).items()}
            self._write([*kept, (key, {**values, stage: peak.bytes, **said, "time": int(time.time())})])

    def correct(self, key: Key, need: Need) -> tuple[Need, bool]:
        """`need` as it was seen before, and whether it was: with the same settings, or the same model with others."""
        kept = self._read()
        for entry in reversed(kept):
            if entry[0] == key:
                return need.corrected(_difference(entry[1], _said(need))), True
        for other, values in reversed(kept):
            # How far off the prediction was that time; what depends on context and slots is left to the rules.
            if other.similar(key) and other.library == key.library:
                by = _difference(values, {stage: values[f"predicted_{stage}"] for stage in STAGES})
                return need.corrected(max(min(by, need.total), -need.total // 2)), True
        return need, False

    def _read(self) -> list[tuple[Key, dict[str, int]]]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            entries = [(Key(**entry["key"]), dict(entry["values"])) for entry in found]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return [entry for entry in entries if _is_whole(entry[1])]

    def _write(self, kept: list[tuple[Key, dict[str, int]]]) -> None:
        part = self._file.with_suffix(f".{os.getpid()}.part")
        text = json.dumps([{"key": vars(key), "values": values} for key, values in kept], indent=1)
        with contextlib.suppress(OSError):  # Only a memory: without it the next prediction is as good as this one.
            self._file.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(text, encoding="utf-8")
            os.replace(part, self._file)


@contextlib.contextmanager
def watch_peak(device: str = "cpu") -> Iterator[Peak]:
    """Measure how far the memory of this process on `device` grows inside the block. One block at a time."""
    peak = Peak(device)
    watch = _watch_gpu(device) if device.startswith("cuda") else _watch_here()
    with watch as grown:
        yield peak
    peak.bytes = grown[0]


@contextlib.contextmanager
def _watch_here() -> Iterator[list[int]]:
    """Growth of this process' resident memory, in the list when the block has ended."""
    grown, process, done = [0], psutil.Process(), threading.Event()
    kept = _reset_peak()
    before = highest = process.memory_info().rss - program_code(process)

    def look() -> None:
        nonlocal highest
        # Code is loaded at any time, so the peak is taken in short pieces, each with the code of its time.
        highest = max(highest, (_status("VmHWM") if kept else process.memory_info().rss) - program_code(process))
        if kept:
            _reset_peak()

    def watch() -> None:
        while not done.wait(_PIECE if kept else _SAMPLE):
            look()

    thread = threading.Thread(target=watch, name="memory-peak", daemon=True)
    thread.start()
    try:
        yield grown
    finally:
        done.set()
        thread.join()
    look()
    grown[0] = highest - before


@contextlib.contextmanager
def _watch_gpu(device: str) -> Iterator[list[int]]:
    """Growth of what is in use on a GPU: the allocator's peak, and what CUDA itself takes beside it."""
    grown, number = [0], int(device.partition(":")[2] or 0)
    free, reserved = _free_on_gpu(device), 0
    if torch := _torch():
        reserved = torch.cuda.memory_reserved(number)
        torch.cuda.reset_peak_memory_stats(number)
    yield grown
    if torch := _torch():
        beside = (free - _free_on_gpu(device)) - (torch.cuda.memory_reserved(number) - reserved)
        grown[0] = max(torch.cuda.max_memory_reserved(number) - reserved + max(beside, 0), 0)


def _torch() -> Any:
    """torch, if something here uses a GPU through it."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized() else None


def _free_on_gpu(device: str) -> int:
    """Asked of the driver each time: CUDA's own answer leaves out what the driver keeps for itself."""
    found = hardware(fresh=True).device(device)
    return found.free if found else 0


def _reset_peak() -> bool:
    """Set the peak that Linux keeps of this process back to what is in use now; False where that cannot be done."""
    try:
        _CLEAR.write_text("5")
        return _status("VmHWM") > 0
    except OSError:
        return False


def program_code(process: psutil.Process) -> int:
    """Bytes of program files that are in `process`' memory unchanged; 0 where the system does not tell (not Linux)."""
    if not sys.platform.startswith("linux"):
        return 0
    maps = (part for part in process.memory_maps(grouped=True) if ".so" in Path(part.path).suffixes)
    return sum(part.rss - part.anonymous for part in maps)


def _status(name: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) << 10
    return 0


def _said(need: Need) -> dict[str, int]:
    """What the rules predict for each stage."""
    return {"full": need.total, "started": need.started, "load": need.loaded}


def _difference(values: Mapping[str, int], said: Mapping[str, int]) -> int:
    """Measured less predicted, by the measurement that saw most."""
    stage = next(stage for stage in STAGES if stage in values)
    return values[stage] - said[stage]


def _is_whole(values: Mapping[str, Any]) -> bool:
    numbers = all(isinstance(value, int) for value in values.values())
    return numbers and bool(set(STAGES) & values.keys()) and {f"predicted_{stage}" for stage in STAGES} <= values.keys()
