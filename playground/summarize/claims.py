"""Numbers, dates and names in a summary that its source does not contain. Knows nothing of models.

Nothing is judged but whether the source has it, in whatever way of writing; so a mark says "look here", not "wrong".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

from playground.store.grams import fold
from playground.summarize.names import Name, names
from playground.summarize.numbers import UNIT_NAMES, Day, Figure, days, figures

MarkKind = Literal["number", "date", "name"]
_ABOUT = re.compile(
    r"(?:about|around|approximately|roughly|nearly|almost|over|more than|some|up to|约|大约|近|超过|将近|左右|多达)\s*$",
    re.IGNORECASE,
)
_NEAR = 3
"""So many words may stand between two parts of a name in a source."""
_TABLE = 300
"""Characters around a number in which its unit may stand."""
_MOST_PLACES = 200
_WORD = re.compile(r"[^\W_]+")
_SMALL = {"0", "1"}
"""Words for these are no statements: "one of them"."""
_ORDINALS = {"2": "second both pair twice double 双", "3": "third triple 三", "4": "fourth", "5": "fifth"}


@dataclass(frozen=True)
class Mark:
    """A place in a text that says what its source does not contain."""

    start: int
    end: int
    kind: MarkKind


class Facts:
    """What a source contains: all its numbers, dates and words."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._units: dict[str, set[str]] = defaultdict(set)
        """By number, the units it stands with, "" for none."""
        self._around: dict[str, list[str]] = defaultdict(list)
        """By number, the text around each place where it has no unit."""
        self._days: set[tuple[int | None, int | None, int | None]] = set()
        self._years: set[str] = set()
        self._places: dict[str, list[int]] = defaultdict(list)
        pieces, at = [], 0
        for text in texts:
            found = days(text)
            for day in found:
                self._days.add((day.year, day.month, day.day))
                self._years.add(str(day.year))
            for figure in figures(text):
                self._units[figure.value].add(figure.unit)
                if not figure.unit and len(self._around[figure.value]) < _MOST_PLACES:
                    around = text[max(0, figure.start - _TABLE) : figure.end + _TABLE]
                    self._around[figure.value].append(around.lower())
            folded = fold(text)
            for match in _WORD.finditer(folded):
                self._places[match.group()].append(at)
                at += 1
            at += _NEAR
            pieces.append(folded)
        self._text = "\n".join(pieces)
        self._tight = re.sub(r"\s+", "", self._text)
        self._values = [number for value in self._units if (number := _decimal(value)) is not None]

    def missing(self, text: str) -> list[Mark]:
        """What `text` says and the source does not contain, in its order."""
        return sorted(self._missing(text), key=lambda mark: mark.start)

    def _missing(self, text: str) -> Iterator[Mark]:
        dates = days(text)
        for day in dates:
            if not self._has_day(day):
                yield Mark(day.start, day.end, "date")
        numbers = figures(text, dates)
        for figure in numbers:
            if not self._has_figure(figure, text):
                yield Mark(figure.start, figure.end, "number")
        taken = [*((day.start, day.end) for day in dates), *((one.start, one.end) for one in numbers)]
        for name in names(text):
            inside = any(start < name.end and name.start < end for start, end in taken)
            if not inside and not self._has_name(name):
                yield Mark(name.start, name.end, "name")

    def _has_day(self, day: Day) -> bool:
        for year, month, of in self._days:
            if month == day.month and day.year in (None, year) and day.day in (None, of):
                return True
        return False

    def _has_figure(self, figure: Figure, text: str) -> bool:
        if figure.spelled and figure.value in _SMALL:
            return True
        units = self._units.get(figure.value)
        if units is None and figure.value in self._years:
            return True
        if units is not None:
            return not figure.unit or figure.unit in units or self._unit_near(figure)
        said = fold(text[figure.start : figure.end]).strip()
        if figure.spelled:
            others = _ORDINALS.get(figure.value, "").split()
            return said in self._places or any(word in self._text for word in others if word)
        if not re.fullmatch(r"[\d,.]+", said) and re.sub(r"\s+", "", said) in self._tight:
            return True
        if "-" in said:
            return all(part in self._units for part in said.split("-"))
        return bool(_ABOUT.search(text[: figure.start])) and self._rounded(figure.value)

    def _unit_near(self, figure: Figure) -> bool:
        """With another unit a number is another statement; its own may stand in the head of a table."""
        said = "|".join(map(re.escape, UNIT_NAMES[figure.unit]))
        head = re.compile(rf"[(（|,]\s*(?:in\s+)?(?:{said})\s*[)）|,]|\bin (?:{said})\b")
        return any(head.search(text) for text in self._around[figure.value])

    def _rounded(self, value: str) -> bool:
        """Is there a number that one would round to this one?"""
        wanted = _decimal(value)
        if wanted is None or not wanted:
            return False
        return any(abs(number - wanted) <= abs(wanted) / 20 for number in self._values)

    def _has_name(self, name: Name) -> bool:
        if not name.text.isascii() and any("\u4e00" <= sign <= "\u9fff" for sign in name.text):
            least = name.least or len(name.text)
            return any(fold(name.text[-length:]) in self._tight for length in range(least, len(name.text) + 1))
        words = [
            part for word in name.words for part in _WORD.findall(fold(word.removesuffix("'s").removesuffix("’s")))
        ]
        if not words:
            return True
        places = [self._of(word) for word in words]
        if not all(places):
            return re.sub(r"\s+", "", fold(name.text)) in self._tight
        # All its words, close to each other: another person may have the same first name.
        return any(
            all(any(abs(at - first) <= _NEAR * number for at in places[number]) for number in range(1, len(places)))
            for first in places[0]
        )

    def _of(self, word: str) -> list[int]:
        """Where a word stands, in the singular or the plural."""
        return [
            place
            for form in dict.fromkeys((word, f"{word}s", word.removesuffix("s"), word.removesuffix("es")))
            for place in self._places.get(form, ())
        ]


def _decimal(value: str) -> Decimal | None:
    try:
        return Decimal(value)
    except InvalidOperation:
        return None
