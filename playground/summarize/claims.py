"""Numbers, dates and names in a summary that its source does not contain. Knows nothing of models.

Nothing is judged but whether the source has it, in whatever way of writing; so a mark says "look here", not "wrong".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from playground.summarize.dates import Day, days, weekday_of
from playground.summarize.names import Name, names
from playground.summarize.numbers import Figure, figures
from playground.summarize.quantities import Quantities
from playground.summarize.wording import Wording

MarkKind = Literal["number", "date", "name"]
_QUARTER = re.compile(r"[QH]([1-4])")


@dataclass(frozen=True)
class Mark:
    """A place in a text that says what its source does not contain."""

    start: int
    end: int
    kind: MarkKind


class Facts:
    """What a source contains: all its numbers, dates and words."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._days: set[tuple[int | None, int | None, int | None]] = set()
        self._weekdays: set[int] = set()
        self._years: set[int] = set()
        self._quantities = Quantities()
        self._wording = Wording()
        for text in texts:
            dates = days(text)
            for day in dates:
                self._add_day(day)
            self._quantities.add(figures(text, dates), text)
            self._wording.add(text)
        self._quantities.close()
        self._wording.close()

    def missing(self, text: str) -> list[Mark]:
        """What `text` says and the source does not contain, in its order; no two of them overlap."""
        kept: list[Mark] = []
        for mark in sorted(self._missing(text), key=lambda mark: (mark.start, -mark.end)):
            if not kept or mark.start >= kept[-1].end:
                kept.append(mark)
        return kept

    def _missing(self, text: str) -> Iterator[Mark]:
        dates = days(text)
        for day in dates:
            if not self._has_day(day):
                yield Mark(day.start, day.end, "date")
        found = names(text)
        whole = [name for name in found if not name.words and name.text.isascii()]
        numbers = [one for one in figures(text, dates) if not _touches(one, whole)]
        for figure, known in zip(numbers, self._quantities.has_all(numbers, text), strict=True):
            if not known:
                yield Mark(figure.start, figure.end, "number")
        said = [one for one in numbers if not one.text.isdigit()]
        for name in found:
            if not _within(name, [*dates, *said]) and not self._has_name(name):
                for start, end in self._wording.missing_parts(name):
                    yield Mark(start, end, "name")

    def _add_day(self, day: Day) -> None:
        weekday = weekday_of(day)
        if weekday is not None:
            self._weekdays.add(weekday)
        if day.month is not None:
            self._days.add((day.year, day.month, day.day))
        if day.year is not None:
            self._years.add(day.year)
            self._quantities.add_year(day.year)
        if day.day is not None:
            self._quantities.add_day(day.day)

    def _has_day(self, day: Day) -> bool:
        if day.weekday is not None:
            return day.weekday in self._weekdays
        if day.day and self._quantities.has_ordinal(day.day, only=True):  # "in November ... on the 6th"
            day = replace(day, day=None)
        return any(
            month == day.month and day.day in (None, of) and self._same_year(day.year, year)
            for year, month, of in self._days
        )

    def _same_year(self, said: int | None, year: int | None) -> bool:
        """The year may stand elsewhere in the source than the day."""
        return said is None or said == year or (year is None and self._quantities.has_year(said))

    def _has_name(self, name: Name) -> bool:
        quarter = _QUARTER.fullmatch(name.text)
        if quarter:
            return self._wording.has(name) or self._quantities.has_ordinal(int(quarter[1]))
        return self._wording.has(name)


def _touches(one: Figure, others: Iterable[Name]) -> bool:
    return any(other.start < one.end and one.start < other.end for other in others)


def _within(name: Name, others: Iterable[Day | Figure]) -> bool:
    return any(other.start <= name.start and name.end <= other.end for other in others)
