"""What is done beside a training that has ended, such as exporting: one thread each, watched and stopped from a page.

Knows nothing of what is done.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from playground.engine.lease import LeaseCancelled
from playground.errors import BusyError, PlaygroundError

log = logging.getLogger(__name__)
AsidePhase = Literal["working", "done", "failed", "stopped"]


@dataclass
class Aside:
    """One of them, as far as it has come."""

    asked: Any
    """What was wished, for whoever shows it."""
    phase: AsidePhase = "working"
    step: str = ""
    done: int = 0
    total: int = 0
    """0: it is not known how much there is to do."""
    error: str = ""
    result: Any = None
    stop: threading.Event = field(default_factory=threading.Event)


Tell = Callable[[str, int, int], None]
"""Told the step, how much of it is done and how much there is."""
Work = Callable[[Tell, threading.Event], Any]
"""Does it; ends early, with LeaseCancelled, when the event is set."""


class Asides:
    """Those of all trainings, by name: of each name one at a time. Safe to use from any thread."""

    def __init__(self, announce: Callable[[str], None]) -> None:
        """`announce` is called with the id of a training after each change."""
        self._announce = announce
        self._all: dict[tuple[str, str], Aside] = {}
        self._guard = threading.Lock()
        self._closed = False

    def begin(self, run_id: str, name: str, asked: Any, work: Work) -> Aside:
        """Do `work`, in place of what was done under this name before. Raises BusyError while that is at it."""
        made = Aside(asked)
        with self._guard:
            before = self._all.get((run_id, name))
            if self._closed or (before is not None and before.phase == "working"):
                raise BusyError("This is being done already. Wait for it, or stop it.")
            self._all[run_id, name] = made
        threading.Thread(target=self._run, args=[run_id, made, work], name=name, daemon=True).start()
        self._announce(run_id)
        return made

    def of(self, run_id: str, name: str) -> Aside | None:
        """The newest under this name."""
        return self._all.get((run_id, name))

    def stop(self, run_id: str, name: str) -> None:
        """End it, if it is at it."""
        if (found := self.of(run_id, name)) is not None:
            found.stop.set()

    def busy(self, run_id: str) -> bool:
        """Whether anything is being done beside this training."""
        with self._guard:
            return any(key[0] == run_id and one.phase == "working" for key, one in self._all.items())

    def forget(self, run_id: str) -> None:
        """Of a training that is gone."""
        with self._guard:
            for key in [key for key in self._all if key[0] == run_id]:
                self._all.pop(key).stop.set()

    def close(self) -> None:
        """Stop all, because the process is about to end."""
        with self._guard:
            self._closed = True
            for one in self._all.values():
                one.stop.set()

    def _run(self, run_id: str, aside: Aside, work: Work) -> None:
        def tell(step: str, done: int, total: int) -> None:
            if (step, done, total) != (aside.step, aside.done, aside.total):
                aside.step, aside.done, aside.total = step, done, total
                self._announce(run_id)

        try:
            aside.result = work(tell, aside.stop)
            aside.phase = "stopped" if aside.stop.is_set() and aside.result is None else "done"
        except LeaseCancelled:
            aside.phase = "stopped"
        except PlaygroundError as problem:
            aside.phase, aside.error = ("stopped", "") if aside.stop.is_set() else ("failed", str(problem))
        except Exception as problem:
            log.exception("what was done beside a training failed")
            said = f"It broke off ({type(problem).__name__}: {problem}). See the log file."
            aside.phase, aside.error = "failed", said
        self._announce(run_id)
