"""Watches a training from within: notes each step, measures now and then, sees what goes wrong, obeys wishes."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playground.tuning.journal import Journal
from playground.tuning.progress import Progress
from playground.tuning.runfile import RunPlaces

_SMOOTH = 0.9
_DIVERGED = 1.5
"""Times the loss at its lowest (smoothed) from which on a run has diverged."""
_SETTLED = 10
"""Steps before that is looked at."""


class Lost(Exception):
    """There is nothing to train, as `Outcome.fault` says."""


@dataclass
class Outcome:
    """How the loop ended; "" is at its end."""

    wish: str = ""
    """"pause" or "stop"."""
    fault: str = ""
    """Why it cannot go on."""

    def lost(self, step: int) -> None:
        """Note that what was computed at this step is no number."""
        if step > 1:
            self.fault = (
                f"The loss was no number any more at step {step}. Lower learning_rate to a third, "
                "or raise warmup_ratio, and begin anew; the best adapter before it is kept."
            )
        else:
            self.fault = (
                "The loss was no number before anything was learned, so the model's files may be damaged. "
                "Download the model again, or choose another one."
            )


def make_watcher(
    places: RunPlaces,
    journal: Journal | None,
    trainer_tokens: Callable[[], int],
    look: Callable[[int], None],
    evaluations: int,
    checkpoint_seconds: float,
    outcome: Outcome,
    processes: int,
    earlier: Progress,
) -> Any:
    """A callback for transformers' Trainer. `look(step)` measures; it is called in all processes.

    `journal` is None in all but the first one. `earlier` is what workers before this one did of the same training.
    """
    import psutil
    import torch
    import transformers

    process = psutil.Process()

    def memory() -> int:
        return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else process.memory_info().rss

    class Watcher(transformers.TrainerCallback):
        def __init__(self) -> None:
            self.saved = time.monotonic()
            self.began = time.monotonic()
            self.idle = 0.0
            self.lowest = self.smooth = math.inf
            self.settled = 0
            self.steps = 0
            self.tokens = 0
            self.told = {str(one.get("what")) for one in earlier.warnings}
            for one in earlier.steps:
                self.rises(float(one["loss"]))

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == 0:
                self.looked(0)
                if outcome.fault:
                    raise Lost
            self.began = self.saved = time.monotonic()
            self.idle = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            outcome.wish = outcome.wish or _wish(places, processes)
            if outcome.wish:
                control.should_training_stop = True
                # Also of a stop: what was learned is safe while it is being measured.
                control.should_save = True
            elif _shared(time.monotonic() - self.saved > checkpoint_seconds, processes):
                control.should_save = True

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if not logs or "loss" not in logs:
                return
            loss, norm = float(logs["loss"]), float(logs.get("grad_norm", 0.0))
            self.steps += 1
            now = time.monotonic()
            spent = max(now - self.began - self.idle, 1e-9)
            tokens = trainer_tokens() * processes
            if journal is not None:
                journal.add(
                    "step",
                    step=state.global_step,
                    of=state.max_steps,
                    epoch=round(float(state.epoch or 0), 4),
                    loss=loss,
                    learning_rate=float(logs.get("learning_rate", 0.0)),
                    grad_norm=norm,
                    tokens=tokens - self.tokens,
                    tokens_per_second=round(tokens / spent, 2),
                    seconds_left=round(spent / self.steps * (state.max_steps - state.global_step), 1),
                    memory=memory(),
                    **{
                        name: logs[f"rewards/{name}"] for name in ("accuracies", "margins") if f"rewards/{name}" in logs
                    },
                )
            self.tokens = tokens
            self.check(loss, norm, state, control)
            if evaluations and state.global_step in points(state.max_steps, evaluations) and not outcome.fault:
                self.looked(state.global_step)
                control.should_save = not outcome.fault
                control.should_training_stop = control.should_training_stop or bool(outcome.fault)

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.saved = time.monotonic()

        def check(self, loss: float, norm: float, state: Any, control: Any) -> None:
            if not math.isfinite(loss) or not math.isfinite(norm):
                outcome.lost(state.global_step)
                control.should_training_stop, control.should_save = True, False
                return
            if self.rises(loss) and "diverged" not in self.told and journal is not None:
                self.told.add("diverged")
                journal.add("warning", step=state.global_step, what="diverged", loss=self.smooth, lowest=self.lowest)

        def rises(self, loss: float) -> bool:
            """Count a step's loss in; whether the smoothed one is far above its lowest."""
            self.settled += 1
            self.smooth = loss if self.settled == 1 else _SMOOTH * self.smooth + (1 - _SMOOTH) * loss
            if self.settled < _SETTLED:
                return False
            self.lowest = min(self.lowest, self.smooth)
            return self.smooth > _DIVERGED * self.lowest

        def looked(self, step: int) -> None:
            before = time.monotonic()
            look(step)
            self.idle += time.monotonic() - before

    return Watcher()


def points(steps: int, evaluations: int) -> set[int]:
    """The steps behind which there is an evaluation; the last is one of them."""
    return {round(steps * number / evaluations) for number in range(1, evaluations + 1)} if evaluations else set()


def overfits(losses: list[float]) -> bool:
    """Whether the loss on what was held out has been rising: two evaluations above the lowest one."""
    return len(losses) >= 3 and min(losses) < min(losses[-2:]) and losses[-1] > losses[-2] > min(losses)


def _wish(places: RunPlaces, processes: int) -> str:
    """What the app wishes; all processes hear the same."""
    wish = ""
    if int(os.environ.get("RANK", "0")) == 0:
        try:
            wish = places.wish.read_text(encoding="utf-8").strip()
        except OSError:
            wish = ""
    return str(_shared(wish, processes))


def _shared(value: Any, processes: int) -> Any:
    """The first process's value, in all of them."""
    if processes == 1:
        return value
    from accelerate.utils import broadcast_object_list

    return broadcast_object_list([value])[0]
