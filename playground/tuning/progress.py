"""What a journal says, put together: curves, samples, warnings, how it ended. Knows no page and no trainer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.tuning.figures import number

Event = Mapping[str, Any]


@dataclass
class Progress:
    """The state of a training, by the events of its journal so far."""

    phase: str = "waiting"
    """waiting, loading, training, or how it ended: complete, stopped, paused, failed."""
    start: Event = field(default_factory=dict)
    steps: list[Event] = field(default_factory=list)
    evals: list[Event] = field(default_factory=list)
    samples: list[Event] = field(default_factory=list)
    warnings: list[Event] = field(default_factory=list)
    checkpoint: int = 0
    """The step of the newest one."""
    end: Event = field(default_factory=dict)
    began_at: float = 0.0
    """When the newest worker began; seconds since the epoch."""

    @property
    def last(self) -> Event:
        """The newest step."""
        return self.steps[-1] if self.steps else {}

    @property
    def step(self) -> int:
        return int(self.last.get("step", self.start.get("step", 0)))

    @property
    def total(self) -> int:
        """Steps in all; 0 before the first."""
        return int(self.last.get("of", 0))

    @property
    def base_eval(self) -> Event:
        """What the base measured, before the first step."""
        return self.evals[0] if self.evals and self.evals[0].get("step") == 0 else {}

    @property
    def best_eval(self) -> Event:
        """The evaluation with the lowest loss, the base's aside."""
        own = [one for one in self.evals if one.get("step") and isinstance(one.get("eval_loss"), int | float)]
        return min(own, key=lambda one: float(one["eval_loss"])) if own else {}

    def add(self, event: Event) -> None:
        """One more event. A worker that goes on from a checkpoint makes the steps behind it again."""
        kind = event["kind"]
        if kind == "loading":
            self.phase, self.end, self.began_at = "loading", {}, float(event.get("at", 0.0))
        elif kind == "start":
            self.phase, self.start = "training", event
            behind = int(event["step"])
            for events in (self.steps, self.evals, self.samples, self.warnings):
                events[:] = [one for one in events if int(one.get("step", 0)) <= behind]
            if not behind:
                self.evals.clear()
                self.samples.clear()
        elif kind == "checkpoint":
            self.checkpoint = int(event["step"])
        elif kind == "end":
            self.phase, self.end = str(event["status"]), event
        else:
            lists = {"step": self.steps, "eval": self.evals, "samples": self.samples, "warning": self.warnings}
            if kind in lists:
                lists[kind].append(event)

    def add_all(self, events: Iterable[Event]) -> Progress:
        """Several; returns itself."""
        for one in events:
            self.add(one)
        return self


def result_of(progress: Progress) -> dict[str, Any]:
    """What is kept for good of a run that ended."""
    base = progress.base_eval
    kept = int(progress.end.get("kept_step", progress.step))
    # Nothing where the adapter that is kept was not measured: figures of another step, or of the base, are not its own.
    mine: Event = next((one for one in reversed(progress.evals) if one.get("step") == kept > 0), {})
    return {
        "steps": progress.step,
        "kept_step": kept,
        "base": {key: value for key, value in base.items() if key not in ("at", "kind")},
        "adapter": {key: value for key, value in mine.items() if key not in ("at", "kind")},
        "start": {key: value for key, value in progress.start.items() if key not in ("at", "kind")},
        "curve": [[one["step"], one["loss"]] for one in _thinned(progress.steps)],
        "eval_curve": [[one["step"], one.get("eval_loss")] for one in progress.evals],
        "tokens_per_second": progress.last.get("tokens_per_second", 0),
        "seconds_beside": _beside(progress),
        "memory": max((int(one.get("memory", 0)) for one in progress.steps), default=0),
        "samples": [dict(one) for one in (progress.samples[:1] + progress.samples[-1:])],
    }


def _beside(progress: Progress) -> float:
    """Seconds of the newest worker in which it learned nothing: it loaded, measured, answered, saved."""
    speed, own = number(progress.last, "tokens_per_second"), number(progress.end, "at") - progress.began_at
    tokens = sum(number(one, "tokens") for one in progress.steps if number(one, "at") >= progress.began_at)
    left = own - tokens / speed if speed > 0 else math.nan
    return round(left, 1) if left > 0 else 0.0


def _thinned(steps: list[Event], most: int = 400) -> list[Event]:
    gap = -(-len(steps) // most) or 1
    return steps[::gap]
