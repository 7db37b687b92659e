"""Finds in the memory what is like a text. Knows nothing of SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from playground.store.translation_values import Unit
from playground.translate.tags import without

LEAST = 70.0
"""Percent of likeness below which a match is of no help."""


@dataclass(frozen=True)
class Match:
    """A unit that is like a text, and how much: 100 is the same to the letter, tags included."""

    unit: Unit
    score: float


class Matches:
    """The units of one pair of languages, the newest first."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._units = units
        self._plain = [without(one.source) for one in units]
        self._exact: dict[str, Unit] = {}
        for one in units:
            self._exact.setdefault(one.source, one)

    def exact(self, source: str) -> Unit | None:
        """The newest unit of just this text."""
        return self._exact.get(source)

    def like(self, source: str, limit: int = 5, least: float = LEAST) -> list[Match]:
        """The units most like `source`, the best first."""
        found = process.extract(without(source), self._plain, scorer=fuzz.ratio, limit=limit, score_cutoff=least)
        matches = []
        for _, score, at in found:
            same = self._units[at].source == source
            matches.append(Match(self._units[at], 100.0 if same else min(float(score), 99.0)))
        return sorted(matches, key=lambda one: -one.score)
