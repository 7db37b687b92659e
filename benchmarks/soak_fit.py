"""How fast something grows: least squares and Theil-Sen over samples in groups that may have levels of their own."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Trend:
    """A slope, per hour."""

    slope: float
    error: float
    """Its standard error, made larger where neighbouring samples are alike."""
    robust: float
    """Theil-Sen's: the median of all pairs."""
    samples: int

    @property
    def words(self) -> str:
        """With the 95 % interval."""
        low, high = self.slope - 1.96 * self.error, self.slope + 1.96 * self.error
        return f"{self.slope:+.2f} ± {self.error:.2f} (95 % {low:+.2f} to {high:+.2f}; Theil-Sen {self.robust:+.2f})"


def trend(hours: Sequence[float], values: Sequence[float], groups: Sequence[str]) -> Trend | None:
    """The slope that all groups share, each with a level of its own; None for fewer than ten samples.

    A group is what is in memory by design at a time: else the model that is loaded would be the trend.
    """
    by_group: dict[str, list[int]] = defaultdict(list)
    for at, group in enumerate(groups):
        by_group[group].append(at)
    kept = [ats for ats in by_group.values() if len(ats) >= 3]
    if sum(map(len, kept)) < 10:
        return None
    x, y = np.asarray(hours, float), np.asarray(values, float)
    order = np.asarray(sorted(at for ats in kept for at in ats))
    for ats in kept:
        x[ats] -= x[ats].mean()
        y[ats] -= y[ats].mean()
    x, y = x[order], y[order]
    spread = float((x * x).sum())
    slope = float((x * y).sum()) / spread
    rest = y - slope * x
    error = math.sqrt(float((rest * rest).sum()) / max(1, len(order) - len(kept) - 1) / spread)
    alike = float((rest[1:] * rest[:-1]).sum()) / max(1e-12, float((rest * rest).sum()))
    alike = min(0.95, max(0.0, alike))
    error *= math.sqrt((1 + alike) / (1 - alike))
    pairs = [
        (values[b] - values[a]) / (hours[b] - hours[a])
        for ats in kept
        for number, a in enumerate(ats)
        for b in ats[number + 1 :]
        if hours[b] > hours[a]
    ]
    return Trend(slope, error, statistics.median(pairs), len(order))
