"""What this machine has to compute with: memory and processors, also where a container may use only a part of them.

Imports no torch (seconds) and keeps its answer for a second. Knows nothing of models.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import math
import os
import platform
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_KEPT = 1.0
"""Seconds that an answer is used again."""
_QUERY = "index,name,memory.total,memory.used,memory.free,compute_cap"
_NO_LIMIT = 1 << 60
"""Control groups of the first version write a huge number where there is no limit."""


@dataclass(frozen=True)
class Device:
    """A place for a model. Sizes in bytes."""

    name: str
    """"cpu" or "cuda:N"."""
    label: str
    """What a person calls it."""
    total: int
    free: int
    bf16: bool = True
    """It computes in bfloat16 by itself; a GPU older than Ampere does not."""


@dataclass(frozen=True)
class Hardware:
    """All devices, the CPU first."""

    devices: tuple[Device, ...]
    machine: str = ""
    """Tells this machine from others in what was measured."""

    def device(self, name: str) -> Device | None:
        """The device of that name, or None."""
        return next((device for device in self.devices if device.name == name), None)

    @property
    def cpu(self) -> Device:
        return self.devices[0]

    @property
    def gpus(self) -> tuple[Device, ...]:
        return self.devices[1:]


def hardware(*, fresh: bool = False) -> Hardware:
    """The devices and what is free on them, at most a second old; asked anew where `fresh`."""
    if fresh:
        _hardware.cache_clear()
    return _hardware(int(time.monotonic() / _KEPT))


@functools.lru_cache(maxsize=1)
def _hardware(second: int) -> Hardware:
    gpus = _gpus()
    label = platform.processor() or platform.machine() or "CPU"
    total, free = _memory(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))
    cpu = Device("cpu", f"CPU ({usable_cores()} cores, {label})", total, free)
    names = "+".join(gpu.label for gpu in gpus)
    return Hardware((cpu, *gpus), f"{platform.system()}|{platform.machine()}|{os.cpu_count()}|{total >> 28}|{names}")


def usable_cores(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """The processors this process may use at a time: its affinity, and a container's quota, rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for folder in _groups(root, own, "cpu"):
        quota, period = -1.0, 100_000.0
        with contextlib.suppress(OSError, ValueError):
            first, second = (folder / "cpu.max").read_text().split()[:2]
            quota, period = -1.0 if first == "max" else float(first), float(second)
        with contextlib.suppress(OSError, ValueError):
            quota = float((folder / "cpu.cfs_quota_us").read_text())
            period = float((folder / "cpu.cfs_period_us").read_text())
        if quota > 0 and period > 0:
            cores = min(cores, math.ceil(quota / period))
    return max(cores, 1)


def default_threads() -> int:
    """With how many threads a model computes where no setting says it: `OMP_NUM_THREADS`, as torch, else every core."""
    said = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(said) if said.isdecimal() and int(said) else usable_cores()


def _memory(root: Path, own: Path) -> tuple[int, int]:
    """Bytes of memory in all, and free for us: of the machine or of the container, whichever is less."""
    machine = psutil.virtual_memory()
    total, free = int(machine.total), int(machine.available)
    for folder in _groups(root, own, "memory"):
        limit = _number(folder / "memory.max", folder / "memory.limit_in_bytes")
        used = _number(folder / "memory.current", folder / "memory.usage_in_bytes")
        if limit is None or used is None or limit >= _NO_LIMIT:
            continue
        # Files that were read and are not in use count as used, but the system gives them up when memory is short.
        used = max(used - _inactive(folder / "memory.stat"), 0)
        total, free = min(total, limit), min(free, max(limit - used, 0))
    return total, free


def _groups(root: Path, own: Path, controller: str) -> list[Path]:
    """The control groups this process is in, of either version, with all above them: any may set a limit."""
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return []
    found: list[Path] = []
    for _, controllers, path in (line for line in lines if len(line) == 3):
        if controllers and controller not in controllers.split(","):
            continue
        base = root / controller if controllers else root
        if not base.is_dir():
            continue
        place = base / path.lstrip("/")
        # Inside a container the path is often the host's, and its group is mounted at the root.
        found += [folder for folder in (place, *place.parents) if folder == base or base in folder.parents]
    return found


def _number(*files: Path) -> int | None:
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            return int(file.read_text())
    return None


def _inactive(file: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        values = dict(line.split(maxsplit=1) for line in file.read_text().splitlines())
        return int(values.get("total_inactive_file", values.get("inactive_file", 0)))
    return 0


@functools.cache
def torch_has_cuda() -> bool:
    """False where the torch that is installed was built without CUDA, whatever GPU there is."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    return any((Path(found.origin).parent / "lib").glob("*torch_cuda.*"))


def _gpus() -> tuple[Device, ...]:
    program = shutil.which("nvidia-smi")
    if program is None or not torch_has_cuda():
        return ()
    command = [program, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return parse_gpus(answer, os.environ.get("CUDA_VISIBLE_DEVICES"))


def parse_gpus(answer: str, visible: str | None = None) -> tuple[Device, ...]:
    """nvidia-smi's table as devices, numbered as this process sees them (`visible`: $CUDA_VISIBLE_DEVICES)."""
    rows = [[cell.strip() for cell in line.split(",")] for line in answer.splitlines() if line.count(",") >= 5]
    if visible is not None:
        wanted = [cell.strip() for cell in visible.split(",")]
        # By number; names of the UUID kind are left to torch, and all are shown then.
        if all(cell.isdigit() for cell in wanted if cell):
            by_number = {row[0]: row for row in rows}
            rows = [by_number[cell] for cell in wanted if cell in by_number]
    found = []
    for number, row in enumerate(rows):
        with contextlib.suppress(ValueError):
            total, free = int(row[2]) << 20, int(row[4]) << 20
            found.append(Device(f"cuda:{number}", row[1], total, free, bf16=float(row[5]) >= 8.0))
    return tuple(found)
