"""One training as a job: starts its worker, follows its journal, tells it to pause or stop. Trains nothing itself.

The worker is a process of its own: it outlives a killed app, and the next start of the app finds it at work.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import psutil

from playground.engine.lease import LeaseCancelled
from playground.errors import ModelError, StorageError
from playground.jobs import Job
from playground.paths import storage_error
from playground.store.run_values import RunStatus
from playground.store.trainings import Trainings
from playground.tuning.journal import JournalReader
from playground.tuning.launching import WORKER, environment, launch
from playground.tuning.progress import Progress
from playground.tuning.runfile import RunPlaces, read_run

_LOOK_SECONDS = 0.25
_PATIENCE = 240.0
"""Seconds that a worker which shall end may take until it notes something: to measure, to write, to end."""


class TuningJob(Job):
    """The job behind one training."""

    def __init__(
        self,
        run_id: str,
        places: RunPlaces,
        store: Trainings,
        turn: filelock.BaseFileLock,
        finish: Callable[[Progress], None],
        locks: Path,
        on_change: Callable[[], None],
        *,
        asked: bool,
    ) -> None:
        """`turn` is held by the one training that is at work; `finish` is called with what came out.

        `asked` is whether a person wants it to go on; else one that has ended meanwhile is not begun anew.
        """
        super().__init__(run_id, "training", locks, on_change)
        self._places = places
        self._store = store
        self._turn = turn
        self._finish = finish
        self._asked = asked
        self._reader = JournalReader(places.journal)
        self.progress = Progress()
        self.keep = threading.Event()
        """Stop, and keep what was learned so far."""
        self.queued = False

    def set_status(self, status: RunStatus, error: str, seconds: float) -> None:
        """See Job."""
        self._store.set_status(self.run_id, status, error, seconds=seconds)

    def work(self) -> None:
        """See Job. Raises ModelError as the worker said."""
        lives = self.worker_lives()  # Looked at first: one that ends from here on has still been followed.
        self._news()
        if self._asked or not self._is_over():
            with self._its_turn():
                self.on_change()
                process = None if lives else self._worker()
                self._follow(process)
                if process is None and not self._is_over() and not self.stop.is_set():
                    # An earlier app's, which had told it to pause when it ended, or which died with it.
                    self._follow(self._worker())
        self._judge()

    def worker_lives(self) -> bool:
        """Whether one is at work, whoever started it."""
        return not _free(self._places.lock)

    def _is_over(self) -> bool:
        return self.progress.phase in ("complete", "stopped", "failed")

    def _follow(self, process: subprocess.Popen[bytes] | None) -> None:
        """Hear what a worker says until it ends; None: one that an earlier app has started."""
        wish, silent = "", 0.0
        while process.poll() is None if process else self.worker_lives():
            if self._news():
                silent = 0.0
                self.on_change()
            if asked := "stop" if self.keep.is_set() else "pause" if self.stop.is_set() else "":
                if asked != wish:
                    self._wish(asked)
                    wish, silent = asked, 0.0
                silent += _LOOK_SECONDS
                if self._closing.is_set():
                    raise LeaseCancelled  # The worker ends by itself, with a checkpoint.
                if silent > _PATIENCE:
                    _end_all(self._places.root)
            self._closing.wait(_LOOK_SECONDS)
        self._news()

    def _judge(self) -> None:
        """What came of it."""
        end = self.progress.end
        if self.stop.is_set() and self.progress.phase not in ("complete", "stopped"):
            raise LeaseCancelled
        if not end:
            raise ModelError(
                "The training process was ended from outside, perhaps for lack of memory. Press Resume: it goes on "
                "from its last checkpoint."
            )
        if end["status"] in ("failed", "paused"):
            raise ModelError(str(end.get("error") or "The training was paused. Press Resume to go on."))
        self.stop.clear()  # It was done already when Stop came.
        self._finish(self.progress)

    def _news(self) -> bool:
        found = self._reader.news()
        self.progress.add_all(found)
        return bool(found)

    @contextlib.contextmanager
    def _its_turn(self) -> Iterator[None]:
        while not self._take_turn():
            if not self.queued:
                self.queued = True
                self.on_change()
            if self.stop.wait(_LOOK_SECONDS):
                raise LeaseCancelled
        self.queued = False
        try:
            yield
        finally:
            self._turn.release()

    def _take_turn(self) -> bool:
        try:
            self._turn.acquire(timeout=0)
        except filelock.Timeout:
            return False
        except OSError as error:
            raise storage_error(error, self._places.root) from error
        return True

    def _worker(self) -> subprocess.Popen[bytes] | None:
        """A new one; None when one that an earlier app has started is still at it."""
        if self.worker_lives():
            return None
        run = read_run(self._places)
        self._places.wish.unlink(missing_ok=True)
        command, more = launch(sys.executable, self._places.root, run.recipe, run.device)
        try:
            with self._places.output.open("ab") as output:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment(more),
                    start_new_session=True,
                )
        except OSError as error:
            raise storage_error(error, self._places.root) from error

    def _wish(self, wish: str) -> None:
        try:
            self._places.wish.write_text(wish, encoding="utf-8")
        except OSError as error:
            raise StorageError(f"The training cannot be told to {wish} ({error.strerror}). Free some space.") from error


def _free(lock: Path) -> bool:
    """Whether no worker holds the lock."""
    probe = filelock.FileLock(lock, timeout=0)
    try:
        probe.acquire()
    except filelock.Timeout:
        return False
    except OSError:
        return True
    probe.release()
    return True


def _end_all(root: Path) -> None:
    """End the worker of this folder, whoever started it, with those that accelerate started."""
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [])[-2:] == [WORKER, str(root)]:
            with contextlib.suppress(psutil.Error):
                process.kill()
