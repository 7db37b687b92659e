"""What soak.py sees of the app from outside: memory, threads, open files, files on the disk."""

from __future__ import annotations

import contextlib
import csv
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import psutil

MEGABYTE = 1e6


@dataclass(frozen=True)
class Sample:
    """The app and its children at a time. Memory in MB; hours since the start; files by what they are."""

    hours: float
    phase: str
    models: str
    """Those that are in memory, or on their way."""
    turns: int
    rss: float
    pss: float
    uss: float
    threads: int
    children: int
    fds: int
    sockets: int
    databases: int
    """Open files that belong to SQLite."""
    deleted: int
    """Open files that are not on the disk any more."""
    other_fds: int
    inside: int
    """Sessions of others than the owner."""
    cache_files: int
    """Without what is kept there by design, up to a cap: conversations that llama.cpp has read."""
    cache_mb: float
    kept_mb: float
    """That, and converted models."""
    upload_files: int
    guest_files: int
    temp_files: int
    data_mb: float
    log_kb: float


class Watch:
    """Samples every so often in a thread of its own. `told` gives the phase, the models and the turns done."""

    def __init__(
        self,
        pid: int,
        data: Path,
        temp: Path,
        out: Path,
        seconds: float,
        told: Callable[[], tuple[str, str, int]],
        inside: Callable[[], int],
    ) -> None:
        self._process = psutil.Process(pid)
        self._data, self._temp = data, temp
        self._seconds, self._told, self._inside = seconds, told, inside
        self._began = time.monotonic()
        self.samples: list[Sample] = []
        self._stop = threading.Event()
        self._guard = threading.Lock()
        self._file = out.open("w", newline="", encoding="utf-8")
        self._table = csv.DictWriter(self._file, [one.name for one in fields(Sample)])
        self._table.writeheader()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._stop.set()
        self._thread.join(30)
        self._file.close()

    def look(self) -> Sample:
        """One sample, kept and written down."""
        with self._guard:
            made = self._sample()
            self.samples.append(made)
            self._table.writerow({name: _short(value) for name, value in asdict(made).items()})
            self._file.flush()
        return made

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except (psutil.Error, OSError):  # It is gone: whoever works on it finds that out.
                return
            self._stop.wait(self._seconds)

    def _sample(self) -> Sample:
        phase, models, turns = self._told()
        whole = [self._process, *self._process.children(recursive=True)]
        rss = pss = uss = 0.0
        threads, links = 0, [*_links(self._process.pid)]
        for one in whole:
            with contextlib.suppress(psutil.NoSuchProcess):  # A child that has just ended.
                memory = one.memory_full_info()
                rss += memory.rss / MEGABYTE
                pss += getattr(memory, "pss", memory.uss) / MEGABYTE
                uss += memory.uss / MEGABYTE
                threads += one.num_threads()
        gone = [one for one in links if one.endswith(" (deleted)")]
        sockets = sum(one.startswith("socket:") for one in links)
        databases = sum(_is_database(one) for one in links)
        cache = self._data / "cache"
        kept = [*_sizes(cache / "prefixes"), *_sizes(cache / "converted")]
        whole_cache = list(_sizes(cache))
        return Sample(
            (time.monotonic() - self._began) / 3600,
            phase,
            models,
            turns,
            rss,
            pss,
            uss,
            threads,
            len(whole) - 1,
            len(links),
            sockets,
            databases,
            len(gone),
            len(links) - sockets - databases,
            self._inside(),
            len(whole_cache) - len(kept),
            (sum(whole_cache) - sum(kept)) / MEGABYTE,
            sum(kept) / MEGABYTE,
            len(list(_sizes(cache / "uploads"))),
            len(list(_sizes(cache / "guests"))),
            len(list(_sizes(self._temp))),
            sum(_sizes(self._data)) / MEGABYTE,
            sum(one.stat().st_size for one in self._data.glob("playground.log*")) / 1e3,
        )


def _short(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value


def _links(pid: int) -> Iterable[str]:
    """What a process has open; where that cannot be told, one line for each."""
    place = Path(f"/proc/{pid}/fd")
    if not place.exists():
        yield from ["?"] * (psutil.Process(pid).num_fds() if hasattr(psutil.Process, "num_fds") else 0)
        return
    for name in os.listdir(place):
        with contextlib.suppress(OSError):
            yield os.readlink(place / name)


def _is_database(link: str) -> bool:
    name = link.removesuffix(" (deleted)")
    return name.endswith((".db", ".db-wal", ".db-shm"))


def _sizes(folder: Path) -> Iterable[int]:
    """Of all files below it; those that vanish meanwhile are left out."""
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                yield os.stat(os.path.join(place, name)).st_size
