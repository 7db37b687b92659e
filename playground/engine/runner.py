"""What the transformers engine needs of whoever holds its model on a device. Knows nothing of text, prompts, sampling.

`cpu_decoder`, `cpu_runner` and `cuda_runner` implement it; `batcher` drives it from one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch


class UnsupportedModelError(Exception):
    """This runner does not compute this model rightly; another must take it. The text says why."""


class GivenUpError(Exception):
    """Nobody wants any more what was being read."""


def never() -> bool:
    """What `given_up` is where nobody gives up."""
    return False


class Runner(Protocol):
    """A causal model and the keys and values of several sequences ("rows"). One thread at a time may use it."""

    rows: int
    """How many sequences it can hold; those not being written keep their prefix for the next turn."""
    context_length: int
    batch: int
    """Most prompt tokens to read in one `extend`, so that the others do not wait long."""
    alone: int
    """The same where nobody waits."""

    def length(self, row: int) -> int:
        """Tokens held in `row`."""

    def extend(self, row: int, tokens: Sequence[int], given_up: Callable[[], bool] = never) -> torch.Tensor:
        """Read `tokens` after those held; return the scores of the next token, float32, shaped (vocabulary,).

        May look at `given_up` from time to time, and raise GivenUpError with the row as it was.
        """

    def step(self, tokens: Mapping[int, int], width: int = 0) -> Mapping[int, torch.Tensor]:
        """Add one token to each of several rows at once; return the scores of the next one for each, as `extend`.

        `width`: give the numbers, to the bit, that a step of at least so many rows gives.
        """

    def width(self, rows: int) -> int:
        """The fewest rows of a step that give each of them the same numbers, to the bit, as so many."""

    def truncate(self, row: int, length: int) -> int:
        """Forget all but the first `length` tokens; return how many are left (0 where the model cannot go back)."""

    def copy(self, source: int, target: int, length: int) -> int:
        """Let `target` begin with the first `length` tokens of `source`; return how many it has (0: not possible)."""

    def use_adapter(self, name: str) -> None:
        """Compute with this adapter from now on, "" for none; rows read under another one are the caller's care."""

    def close(self) -> None:
        """End threads of its own; it may not be used any more."""
