"""One step from a language into another: what a model makes of segments, put right where it can be. Knows no document.

`rewriting` does it with models made for translation, `prompting` with chat models.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from playground.translate.glossary import Glossary
from playground.translate.tags import marks


@dataclass(frozen=True)
class Order:
    """One segment to translate."""

    text: str
    """With tags."""
    kept: tuple[int, ...] = ()
    """Numbers of the tags whose words are not translated: code and the like."""
    hint: str = ""
    """A translation of a text like it, from the memory; chat models are told of it."""


@dataclass(frozen=True)
class Draft:
    """What came out for one order, with the same tags."""

    text: str
    score: float | None = None
    """Mean logarithm of its tokens' probabilities, where the model tells it."""
    others: tuple[str, ...] = ()
    """Other ways to say it, the best first; for texts of one sentence."""


class Machine(Protocol):
    """Translates between the two languages it was made for."""

    at_once: int
    """How many orders are best given together; a stop comes through after so many."""

    def translate(self, orders: Sequence[Order], glossary: Glossary, stop: threading.Event) -> list[Draft | str]:
        """A draft for each order, or in its place the reason, in words, why there is none. Raises ModelError when the
        model itself fails, LeaseCancelled when `stop` ended it."""


def kept_spans(order: Order) -> list[tuple[int, int]]:
    """Characters of the text without tags that stand in tags whose words are kept."""
    found, taken, opened = [], 0, dict[int, int]()
    for mark in marks(order.text):
        at = mark.start - taken
        taken += mark.end - mark.start
        if mark.number in order.kept and mark.kind == "open":
            opened[mark.number] = at
        elif mark.kind == "close" and mark.number in opened:
            found.append((opened.pop(mark.number), at))
    return found
