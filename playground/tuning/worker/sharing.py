"""How several processes share rows out: each row once in an epoch, in the order in which one process takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from playground.tuning.packing import IGNORED, Row


def filled(rows: Sequence[Row], processes: int) -> list[Row]:
    """The rows, and behind them one that teaches nothing where they do not come out even."""
    fill = [Row(rows[0].input_ids[:2], (IGNORED, IGNORED), (2,))] if len(rows) % processes else []
    return [*rows, *fill]


def sampler(count: int, processes: int, seed: int) -> Any:
    """Draws `count` rows as accelerate does for one process, then the row behind them until all have as many.

    Accelerate itself would hand out the first rows of an epoch a second time, and the last step would be another one.
    """
    from accelerate.data_loader import SeedableRandomSampler
    from torch.utils.data import Sampler

    class Even(Sampler):  # type: ignore[type-arg]
        def __init__(self) -> None:
            self.order = SeedableRandomSampler(range(count), data_seed=seed)

        def __iter__(self) -> Iterator[int]:
            yield from self.order
            yield from [count] * (-count % processes)

        def __len__(self) -> int:
            return count + -count % processes

        def set_epoch(self, epoch: int) -> None:
            self.order.set_epoch(epoch)

    return Even()
