"""What was measured, in numbers that can be shown: a journal has words where something was no number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_LARGEST = 50.0
"""Nats beyond which a perplexity tells nothing."""


def number(measured: Mapping[str, Any], name: str) -> float:
    """The value of this name; NaN where there is none, or it is no number."""
    try:
        return float(measured.get(name, math.nan))
    except (TypeError, ValueError):
        return math.nan


def written(measured: Mapping[str, Any], name: str, digits: int = 3) -> str:
    """The same with so many digits behind the point."""
    return rounded(number(measured, name), digits)


def rounded(value: float, digits: int) -> str:
    """With so many digits behind the point."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "NaN"


def perplexity(measured: Mapping[str, Any]) -> float:
    """Of its `eval_loss`; NaN where that is none, or too large to tell anything."""
    loss = number(measured, "eval_loss")
    return math.exp(loss) if math.isfinite(loss) and loss < _LARGEST else math.nan
