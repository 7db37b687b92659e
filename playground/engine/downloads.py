"""The downloads of a running app as jobs: queued, two at a time, paused, resumed, cancelled, found again after a kill.

Knows nothing of servers and files: `download` does the work, `parts` remembers it. May be used from any thread.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from playground.engine import download
from playground.engine.hub_files import PickleRefused
from playground.engine.library import find
from playground.engine.parts import Target, discard, note_down, target_of, unfinished
from playground.engine.transfer import VERIFYING, Brake, Cancelled
from playground.errors import MissingError, PlaygroundError
from playground.paths import DataFolder, storage_error

State = Literal["queued", "running", "verifying", "paused", "failed", "done", "cancelled"]
AT_ONCE = 2
_WINDOW = 5.0
"""Seconds over which speed is measured."""
_TELL = 0.2
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DownloadJob:
    """How far a download is. `done` and `total` (0: not known yet) are bytes."""

    id: str
    name: str
    """What --model takes once it is done."""
    title: str
    state: State
    done: int
    total: int
    bytes_per_second: float
    seconds_left: float | None
    """None while nobody can tell."""
    detail: str
    """What is being done now: which server, or why it waits."""
    error: str
    needs_consent: bool
    """It failed because its weights are a pickle; `start` it again with allow_pickle when the user agrees."""


@dataclass
class _Job:
    target: Target
    allow_pickle: bool
    state: State = "queued"
    done: int = 0
    total: int = 0
    detail: str = ""
    error: str = ""
    needs_consent: bool = False
    brake: Brake = field(default_factory=Brake)
    wish: State = "paused"
    """What it becomes once its brake has ended it."""
    thread: threading.Thread | None = None
    seen: deque[tuple[float, int]] = field(default_factory=deque)
    """Times and bytes of the last seconds."""


class Downloads:
    """All downloads into one data folder. Those that an earlier run left behind are there, paused."""

    def __init__(self, folder: DataFolder, offline: bool) -> None:
        """Start nothing yet; `offline` refuses to start anything."""
        self._folder, self._offline = folder, offline
        self._lock = threading.RLock()
        self._listeners: list[Callable[[], None]] = []
        self._closing = False
        self._told = 0.0
        self._jobs: dict[str, _Job] = {}
        for left in unfinished(folder):
            job = _Job(target_of(left.name), left.allow_pickle, "failed" if left.error else "paused")
            job.done, job.total, job.error = left.done, left.total, left.error
            self._jobs[job.target.folder] = job

    def start(self, name: str, *, allow_pickle: bool = False) -> str:
        """Queue the model called `name` (a preset's id, `org/name[/file.gguf][@revision]`); return the job's id.

        A job that is there already goes on. Raises BadValueError for a bad name, PickleRefused when someone must agree
        first, MissingError for an unknown preset or offline, StorageError.
        """
        target = target_of(name)
        if self._offline:
            raise MissingError(f"{target.title} cannot be downloaded with --offline. Start Playground without it.")
        if target.preset is not None and target.preset.pickle and not allow_pickle:
            raise PickleRefused(target.title)
        with self._lock:
            job = self._jobs.get(target.folder)
            if job is None or job.state in ("done", "cancelled"):
                job = self._jobs[target.folder] = _Job(target, allow_pickle)
                model = find(target.name, self._folder)
                if model is not None and model.complete:
                    job.state, job.done, job.total = "done", model.bytes, model.bytes
            job.allow_pickle |= allow_pickle
        self.resume(target.folder)
        return target.folder

    def resume(self, id: str) -> None:
        """Go on with a paused or failed job. Raises MissingError for an unknown one or offline, StorageError."""
        with self._lock:
            job = self._job(id)
            if self._offline and job.state in ("paused", "failed"):
                raise MissingError(
                    f"{job.target.title} cannot be downloaded with --offline. Start Playground without it."
                )
            if job.thread is not None and job.brake.pulled:
                job.wish = "queued"  # It is just ending; it begins anew then.
            elif job.state in ("queued", "paused", "failed"):
                job.state, job.error, job.needs_consent, job.detail = "queued", "", False, ""
                try:
                    note_down(job.target, self._folder, job.allow_pickle, job.total)
                except OSError as error:
                    job.state, job.error = "failed", str(storage_error(error, self._folder.models))
            self._schedule()
        self._tell()

    def pause(self, id: str) -> None:
        """Stop a job and keep its parts. It ends within a moment, also while its server is silent."""
        with self._lock:
            self._stop(self._job(id), "paused")
        self._tell()

    def cancel(self, id: str) -> int:
        """Stop a job, delete its parts and return the bytes freed; none for one that is done. Raises StorageError."""
        with self._lock:
            job = self._job(id)
            self._stop(job, "cancelled")
            thread = job.thread
        if thread is not None:
            thread.join()
        with self._lock:
            if job.state == "done":
                return 0
            freed = discard(job.target, self._folder)
            job.state, job.done, job.error, job.needs_consent = "cancelled", 0, "", False
        self._tell()
        return freed

    def jobs(self) -> tuple[DownloadJob, ...]:
        """All jobs, in the order they were begun."""
        with self._lock:
            return tuple(self._view(id, job) for id, job in self._jobs.items())

    def listen(self, callback: Callable[[], None]) -> None:
        """Call `callback` from whatever thread after changes, at most five times a second while bytes come."""
        self._listeners.append(callback)

    def close(self) -> None:
        """Pause all; the process is about to end, and the next start shows them paused."""
        with self._lock:
            self._closing = True
            for job in self._jobs.values():
                self._stop(job, "paused")
            threads = [job.thread for job in self._jobs.values() if job.thread is not None]
        end = time.monotonic() + 5
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _job(self, id: str) -> _Job:
        if id not in self._jobs:
            raise MissingError(f"There is no download {id!r}. It may have ended; look at the list again.")
        return self._jobs[id]

    def _stop(self, job: _Job, wish: State) -> None:
        if job.thread is not None:
            job.wish = wish
            job.brake.pull()
        elif job.state == "queued":
            job.state = wish

    def _schedule(self) -> None:
        running = sum(job.thread is not None for job in self._jobs.values())
        for job in self._jobs.values():
            if running >= AT_ONCE or self._closing:
                return
            if job.state == "queued" and job.thread is None:
                job.state, job.brake, job.wish = "running", Brake(), "paused"
                job.seen.clear()
                job.thread = threading.Thread(target=self._work, args=(job,), name="download", daemon=True)
                job.thread.start()
                running += 1

    def _work(self, job: _Job) -> None:
        state: State = "done"
        error, consent = "", False
        try:
            model = download.pull(
                job.target.name, self._folder, lambda *news: self._progress(job, *news),
                allow_pickle=job.allow_pickle, brake=job.brake,
            )  # fmt: skip
            job.done = job.total = job.total or model.bytes
        except Cancelled:
            state = "paused"
        except PlaygroundError as problem:
            state, error, consent = "failed", str(problem), isinstance(problem, PickleRefused)
        except Exception as problem:  # A bug of ours: it must not die unheard in a thread.
            log.exception("a download failed")
            state, error = "failed", f"The download failed ({type(problem).__name__}: {problem}). See the log file."
        with self._lock:
            if state == "paused":
                state = job.wish
            job.state, job.error, job.needs_consent, job.detail, job.thread = state, error, consent, "", None
            if state == "failed":
                with contextlib.suppress(OSError):  # A full disk must not hide why it failed.
                    note_down(job.target, self._folder, job.allow_pickle, job.total, error)
            self._schedule()
        self._tell()

    def _progress(self, job: _Job, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        with self._lock:
            verifying = what.endswith(VERIFYING)
            changed = job.detail != what
            job.state, job.detail = "verifying" if verifying else "running", what
            if not verifying:
                if total != job.total or (job.seen and done < job.seen[-1][1]):
                    job.seen.clear()  # Another source, or from the beginning.
                job.done, job.total = done, total
                job.seen.append((now, done))
                while now - job.seen[0][0] > _WINDOW:
                    job.seen.popleft()
            if not changed and now - self._told < _TELL:
                return
            self._told = now
        self._tell()

    def _view(self, id: str, job: _Job) -> DownloadJob:
        speed, left = 0.0, None
        if job.thread is not None and job.seen:
            since, before = job.seen[0]
            passed = time.monotonic() - since
            speed = (job.seen[-1][1] - before) / passed if passed > 0 else 0.0
            left = (job.total - job.done) / speed if speed > 0 and job.total else None
        target = job.target
        return DownloadJob(
            id, target.name, target.title, job.state, job.done, job.total, speed, left, job.detail, job.error,
            job.needs_consent,
        )  # fmt: skip

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()
