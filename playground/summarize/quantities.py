"""The numbers of a source, and whether a number in another text is one of them: the same, converted, or rounded."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from decimal import Decimal

from playground.summarize.numbers import Figure
from playground.summarize.units import NAMES, UNITS

_ABOUT = re.compile(
    r"(?:\b(?:about|around|approximately|roughly|some|circa|up to|as (?:many|much) as|a little|close to|well|"
    r"average of)|"
    r"约|大约|大概|左右|多达|最多)\s*(?:[$€£¥]|US\$)?$",
    re.IGNORECASE,
)
_OVER = re.compile(
    r"(?:\b(?:over|more than|at least|above|upwards of|exceeding|exceeded|no fewer than|surpassed|well over|"
    r"passed)|超过|逾|超|至少|突破|高于|多于)"
    r"\s*(?:[$€£¥]|US\$)?$",
    re.IGNORECASE,
)
_UNDER = re.compile(
    r"(?:\b(?:nearly|almost|under|less than|fewer than|just under|close to|below|not quite)|"
    r"近|将近|接近|不到|不足|低于|少于)"
    r"\s*(?:[$€£¥]|US\$)?$",
    re.IGNORECASE,
)
_ABOUT_AFTER = re.compile(r"[^\s,.;，。；]{0,6}?(?:左右|上下)|\s+or so\b|\s+\w+ or so\b|\s+or thereabouts")
_OVER_AFTER = re.compile(r"(?:\s?\+|[多余]|\s+or more\b|\s+\w+ or more\b|以上)")
_MONTH = Decimal(30 * 86400)
"""The seconds of thirty days."""
_SMALL = (Decimal(0), Decimal(1))
"""Words for these are no statements: "one of them"."""
_OTHERWISE = {
    2: "second both pair twice double two 双 二 两 another",
    3: "third triple three treble 三",
    4: "quadruple quarter 四",
}
_SINGLE = re.compile(
    r"\b(?:an?|one|per|each|every|whole|full)[\s-](second|minute|hour|day|week|month|year|decade|century|mile|"
    r"kilometre|metre|litre|tonne|acre)\b|"
    r"一(小时|个小时|分钟|天|日|周|星期|个星期|个月|年)",
    re.IGNORECASE,
)
"""One of something, without a number."""
_HEAD = 300
"""Characters around a number in which its unit may stand as the head of a table."""
_MOST_PLACES = 50
_SHARE_OFF = Decimal("0.7")
"""So many percent a fraction may be off without being called rough: 66 or 67 for two thirds."""
_MOST_OFF = Decimal("0.1")
"""What is rounded is not further off than this share of it."""


class Quantities:
    """All numbers of a source."""

    def __init__(self) -> None:
        self._kinds: dict[Decimal, set[str]] = defaultdict(set)
        """By value: what it measures; "" where nothing follows, "noun" where something is counted, "ordinal", "on the"
        for what may be a day ("on the 3rd"), "day" for what is one."""
        self._sizes: dict[str, list[Decimal]] = defaultdict(list)
        """By what is measured ("" for nothing): the sizes, sorted in the end."""
        self._counted: dict[str, set[Decimal]] = defaultdict(set)
        """By noun: how many of them there are."""
        self._ages: set[tuple[Decimal, int]] = set()
        self._codes: set[str] = set()
        self._around: dict[Decimal, list[str]] = defaultdict(list)
        self._years: set[int] = set()
        self._words: set[str] = set()

    def add(self, found: list[Figure], text: str) -> None:
        """Take in the numbers of a text."""
        for match in _SINGLE.finditer(text):
            unit = UNITS[match[1].lower() if match[1] else match[2]]
            self._sizes[unit.measures].append(unit.size)
        self._words.update(re.findall(r"[a-z]{3,}|[双二两三四]", text.lower()))
        for at, figure in enumerate(found):
            self._codes.add(figure.text)
            if figure.form == "age":
                self._ages.update((value, figure.span) for value in figure.values)
            elif figure.form == "clock":
                self._sizes["clock"] += figure.values
                for value in figure.values:
                    self._add_value(value // 60, "")
                    self._add_value((value // 60) % 12, "")
            else:
                self._add_quantity(figure, text)
                if at and (both := _together(found[at - 1], figure, text)) is not None:
                    self._sizes[figure.unit.measures if figure.unit else ""].append(both)

    def add_year(self, year: int) -> None:
        """Take in the year of a date."""
        self._years.add(year)

    def add_day(self, number: int) -> None:
        """Take in the day of a date."""
        self._add_value(Decimal(number), "day")

    def has_year(self, year: int) -> bool:
        """Does the source have this year?"""
        return year in self._years

    def has_ordinal(self, number: int, only: bool = False) -> bool:
        """Does the source have "the 3rd", or, unless `only` that counts, 3 in a way that may mean it?"""
        return bool(self._kinds.get(Decimal(number), set()) & ({"on the"} if only else {"ordinal", "", "noun"}))

    def close(self) -> None:
        """All is taken in."""
        for sizes in self._sizes.values():
            sizes.sort()
        self._years.update(int(value) for value in self._kinds if 1000 <= value < 2200 and value == int(value))
        self._sorted_years = sorted(self._years)

    def has_all(self, found: list[Figure], text: str) -> list[bool]:
        """For each number of a text whether the source has it."""
        known = [self._has(figure, text) for figure in found]
        for at in range(1, len(found)):  # "an hour and fifteen minutes": 75.
            both = _together(found[at - 1], found[at], text)
            if both is not None and self._near(found[at].unit.measures, both, both):  # type: ignore[union-attr]
                known[at - 1] = known[at] = True
        return known

    def _add_quantity(self, figure: Figure, text: str) -> None:
        for value, size in zip(figure.values, figure.sizes, strict=True):
            if figure.unit:
                self._add_value(value, figure.unit.measures)
                self._sizes[figure.unit.measures].append(size)
                if figure.form == "ordinal":
                    self._add_value(value, "ordinal")
            elif figure.form == "ordinal":
                self._add_value(value, "ordinal")
                if figure.text[0].isdigit():
                    self._add_value(value, "on the")
            else:
                self._add_value(value, "noun" if figure.nouns else "")
                self._sizes[""].append(value)
            for noun in figure.nouns:
                self._counted[noun].add(value)
            if not figure.unit and len(self._around[value]) < _MOST_PLACES:
                self._around[value].append(text[max(0, figure.start - _HEAD) : figure.end + _HEAD].lower())

    def _add_value(self, value: Decimal, kind: str) -> None:
        self._kinds[value].add(kind)

    def _has(self, figure: Figure, text: str) -> bool:
        if figure.form == "code":
            return figure.text in self._codes
        if figure.form == "age":
            return any(self._has_age(value, figure.span) for value in figure.values)
        if figure.form == "clock":
            return any(self._near("clock", value, value) for value in figure.values)
        if figure.text == "halved" or (figure.form in ("words", "ordinal") and figure.values[0] in _SMALL):
            return True
        if figure.unit is None:
            return self._has_plain(figure, text)
        measures = figure.unit.measures
        for value, size in zip(figure.values, figure.sizes, strict=True):
            if any(
                self._near(measures, low, high) for low, high in self._bounds(figure, value, text, figure.unit.size)
            ):
                return True
            kinds = self._kinds.get(value, set())
            if figure.form == "ordinal" and "" in kinds:
                return True
            years = figure.unit.size >= 12 and measures == "month"
            if kinds & {"", "noun"} and (self._in_head(value, measures) or (years and "" in kinds)):
                return True
            if measures == "month" and size == 1 and self._near("second", _MONTH, _MONTH):
                return True
            if measures == "second" and size == _MONTH and self._near("month", Decimal(1), Decimal(1)):
                return True
        return False

    def _has_plain(self, figure: Figure, text: str) -> bool:
        value = figure.values[0]
        kinds = self._kinds.get(value)
        if value in self._years and not figure.nouns:
            return True
        if kinds:
            if (
                "" in kinds
                or (figure.form == "ordinal" and "day" in kinds)
                or (not figure.nouns and figure.form != "ordinal")
            ):
                return True
            if kinds & {"noun", "ordinal"}:
                if figure.form != "ordinal" and "noun" not in kinds:
                    return not figure.nouns or any(value in self._counted[noun] for noun in figure.nouns)
                # Where the source counts the same things, but never so many, the number belongs to something else.
                return all(value in self._counted[noun] for noun in figure.nouns[:1] if noun in self._counted)
            return False
        if value in self._years:
            return True
        if figure.form in ("words", "ordinal") and any(
            word in self._words for word in _OTHERWISE.get(int(value), "").split()
        ):
            return True
        bounds = [pair for pair in self._bounds(figure, value, text, Decimal(1)) if pair != (value, value)]
        return any(self._near("", low, high) for low, high in bounds)

    def _bounds(self, figure: Figure, value: Decimal, text: str, size: Decimal) -> list[tuple[Decimal, Decimal]]:
        """Between what sizes a number of the source may lie that one would put so."""
        exact = value * size
        bounds = [(exact, exact)]
        before, after = text[max(0, figure.start - 24) : figure.start], text[figure.end : figure.end + 24]
        share = figure.form == "share"
        step = Decimal(10) if share else _step(value)
        most = abs(value) * _MOST_OFF
        near = min(step / 2, most)
        if share:
            bounds.append(((value - _SHARE_OFF) * size, (value + _SHARE_OFF) * size))
            near = Decimal(3)
        elif figure.unit and figure.unit.measures == "%":  # 67 % are two thirds.
            bounds.append(
                ((value - Decimal("0.5")) * size, (value + Decimal("0.5")) * size)
                if value == int(value)
                else (exact, exact)
            )
        far = Decimal(9) if share else min(step, most * Decimal("1.5"))
        if _ABOUT.search(before) or _ABOUT_AFTER.match(after):
            bounds.append(((value - near) * size, (value + near) * size))
        if _OVER.search(before) or _OVER_AFTER.match(after) or text[figure.end - 1 : figure.end] in "多余":
            bounds.append((exact, (value + far) * size))
        if _UNDER.search(before):
            bounds.append(((value - far) * size, exact))
        if figure.scaled and len(value.normalize().as_tuple().digits) > 1:  # "1.5 million" for 1,487,213
            bounds.append(((value - min(step / 2, most / 2)) * size, (value + min(step / 2, most / 2)) * size))
        return bounds

    def _near(self, measures: str, low: Decimal, high: Decimal) -> bool:
        sizes = self._sizes.get(measures, [])
        return bisect_left(sizes, low) < bisect_right(sizes, high)

    def _has_age(self, first: Decimal, span: int) -> bool:
        if (first, span) in self._ages or (first, 10) in self._ages:
            return True
        at = bisect_left(self._sorted_years, first)
        return at < len(self._sorted_years) and self._sorted_years[at] < first + span

    def _in_head(self, value: Decimal, measures: str) -> bool:
        """With another unit a number is another statement; its own may stand in the head of a table."""
        said = "|".join(map(re.escape, NAMES[measures]))
        head = re.compile(rf"[(（|,]\s*(?:in\s+)?(?:{said})\s*[)）|,]|\bin (?:{said})\b")
        return any(head.search(text) for text in self._around.get(value, ()))


def _step(value: Decimal) -> Decimal:
    """What the last digit that is no zero counts: 100 in 46,300."""
    exponent = value.normalize().as_tuple().exponent
    return Decimal(10) ** int(exponent)


def _together(one: Figure, other: Figure, text: str) -> Decimal | None:
    """The size of both where they are one quantity: an hour and fifteen minutes."""
    if one.unit and other.unit and one.unit.measures == other.unit.measures and one.unit.size > other.unit.size:
        between = text[one.end : other.start]
        if len(between) < 16 and not re.search(r"[,.;，。；]|\b(?:to|or)\b", between):
            return one.sizes[0] + other.sizes[0]
    return None
