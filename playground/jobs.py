"""Work that no page owns: jobs that keep what is done at once, so that a killed one goes on where it was.

Knows nothing of what is worked on.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import filelock

from playground.engine.lease import LeaseCancelled
from playground.errors import BusyError, PlaygroundError, StorageError
from playground.listeners import Listeners
from playground.store.run_values import RunStatus

_RETRY_SECONDS = 1.0
log = logging.getLogger(__name__)
Listener = Callable[[str], None]
"""Called with the id of what changed, from whatever thread."""
Begins = Callable[[], Callable[[], None]]
"""Called before work is begun, which takes a thread; returns what is called at its end. Raises BusyError."""


def freely() -> Callable[[], None]:
    """As much as anybody wants."""
    return lambda: None


def title_for(asked: str, given: str, names: Sequence[str]) -> str:
    """What a draft is called once it is begun: as `asked`, else as somebody has `given`, else by its files' `names`."""
    return asked or (given if given not in names else "") or ", ".join(names)


class Job(ABC):
    """The work behind one run."""

    def __init__(self, run_id: str, what: str, locks: Path, on_change: Callable[[], None]) -> None:
        """`what` is a word for messages, `locks` a folder for what keeps other processes away.

        `on_change` is called after every step, from the job's own threads.
        """
        self.run_id = run_id
        self.stop = threading.Event()
        self.done = threading.Event()
        self.notice = ""
        """What keeps it from being saved, in words; empty when all is well."""
        self._what = what
        self._lock = filelock.FileLock(locks / f"{run_id}.lock", timeout=0, thread_local=False)
        self._closing = threading.Event()
        self.on_change = on_change

    @abstractmethod
    def work(self) -> None:
        """All of it, up to the end or until `stop` is set."""

    @abstractmethod
    def set_status(self, status: RunStatus, error: str, seconds: float) -> None:
        """Keep how it stands."""

    def take(self) -> None:
        """Make the run this process's own. Raises BusyError when another process writes it."""
        try:
            Path(self._lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except filelock.Timeout:
            raise BusyError(f"This {self._what} is being written by another window or command. Wait for it.") from None
        except OSError as error:
            said = f"The {self._what} cannot be locked ({error.strerror}). Free some space, try again."
            raise StorageError(said) from error

    def drop(self) -> None:
        """Give up what `take` took."""
        if self._lock.is_locked:
            # While it is held: whoever has opened it meanwhile sees that it is gone. Windows lets filelock alone do it.
            with contextlib.suppress(OSError):
                Path(self._lock.lock_file).unlink()
        self._lock.release()
        self.done.set()

    def close(self) -> None:
        """Stop, because the process is about to end."""
        self._closing.set()
        self.stop.set()

    def run(self) -> None:
        """Go on to the end; however it ends, what is done is kept, with a status that says how it ended."""
        began = time.monotonic()
        try:
            self.work()
            if self.stop.is_set():
                raise LeaseCancelled
        except LeaseCancelled:
            if not self._closing.is_set():  # At the next start of the app it goes on by itself.
                self._ended("stopped", "", began)
        except PlaygroundError as problem:
            if not self.stop.is_set():
                self._ended("failed", str(problem), began)
            elif not self._closing.is_set():  # It is only what kept the last piece from being saved.
                self._ended("stopped", "", began)
        except Exception as problem:
            log.exception("a %s failed", self._what)
            said = f"The {self._what} broke off ({type(problem).__name__}: {problem}). See the log file."
            self._ended("failed", said, began)
        else:
            self._ended("complete", "", began)
        finally:
            self.drop()
            self.on_change()

    def saved(self, work: Callable[[], None], *, last: bool = False) -> None:
        """Do it as soon as the disk lets us; what keeps it from that is told meanwhile, and raised once `stop` is set.

        The `last` word of a job waits until the process ends.
        """
        while True:
            try:
                work()
                self.notice = ""
                return
            except (StorageError, BusyError) as problem:
                self.notice = str(problem)
                self.on_change()
                if (self._closing if last else self.stop).wait(_RETRY_SECONDS):
                    raise

    def _ended(self, status: RunStatus, error: str, began: float) -> None:
        try:
            self.saved(lambda: self.set_status(status, error, time.monotonic() - began), last=True)
        except (StorageError, BusyError):
            log.warning("how a %s ended could not be saved", self._what, exc_info=True)  # It goes on at the next start.


J = TypeVar("J", bound=Job)


class JobService(Generic[J]):
    """What services share whose work is jobs: those that are at work here. Safe to use from any thread."""

    def __init__(self) -> None:
        self._jobs: dict[str, J] = {}
        self._guard = threading.Lock()
        self._listeners: Listeners[[str]] = Listeners()
        self._closed = False
        self.begins: Begins = freely

    def stop(self, run_id: str) -> None:
        """End the work on a run; what is done is kept, and it can go on."""
        if job := self._jobs.get(run_id):
            job.stop.set()

    def stop_all(self) -> None:
        """The same for all runs."""
        for run_id in list(self._jobs):
            self.stop(run_id)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` at each change; returns the function that ends it."""
        return self._listeners.listen(listener)

    def announce(self, run_id: str) -> None:
        """Tell all listeners that a run changed."""
        self._listeners.tell(run_id)

    def close(self, seconds: float = 2.0) -> None:
        """Stop all work, because the process is about to end; it goes on at the next start."""
        self._closed = True
        jobs = list(self._jobs.values())
        for job in jobs:
            job.close()
        for job in jobs:
            job.done.wait(seconds / max(1, len(jobs)))

    def _set_to_work(self, job: J) -> None:
        """Begin. Raises BusyError when another process, or this one, works on the run, and StorageError."""
        if self._closed:
            raise BusyError("The app is closing. Start it again.")
        try:
            ended = self.begins()
        except BusyError as problem:  # It can go on later, and must not look as if it did.
            with contextlib.suppress(PlaygroundError):
                job.set_status("stopped", str(problem), 0.0)
            raise
        try:
            job.take()
            with self._guard:
                self._jobs[job.run_id] = job
            try:
                job.set_status("running", "", 0.0)
            except PlaygroundError:  # A disk that is full: what is not begun must not keep others from it.
                job.drop()
                self._forget(job)
                raise
            threading.Thread(target=self._run, args=[job, ended], name="job", daemon=True).start()
        except BaseException:
            ended()
            raise
        self.announce(job.run_id)

    def _go_on(self, run_ids: Iterable[str], begin: Callable[[str], None]) -> None:
        """Begin those that were at work when the app ended, as far as that can be."""
        for run_id in run_ids:
            try:
                begin(run_id)
            except BusyError:
                log.info("another process works on %s", run_id)
            except PlaygroundError:
                log.exception("%s could not go on", run_id)

    def _at_work(self, run_id: str) -> J | None:
        """The job of a run that is being worked on here, else None."""
        job = self._jobs.get(run_id)
        return job if job is not None and not job.done.is_set() else None

    def _wait(self, run_id: str) -> None:
        """Return when the work on a run has ended."""
        if job := self._jobs.get(run_id):
            job.done.wait()

    def _ended(self, job: J) -> None:
        """A job came to its end; called before listeners hear of it."""

    def _run(self, job: J, ended: Callable[[], None]) -> None:
        try:
            job.run()
            self._ended(job)
        finally:
            self._forget(job)
            ended()
            self.announce(job.run_id)

    def _forget(self, job: J) -> None:
        with self._guard:
            if self._jobs.get(job.run_id) is job:  # It may have been begun anew already.
                del self._jobs[job.run_id]
