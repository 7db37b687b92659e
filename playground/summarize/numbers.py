"""Numbers and dates in a text, in the form in which they can be compared: "1.5 million" and 1,500,000 are the same.

Reads digits, English number words and Chinese numerals; dates in the usual orders. Knows nothing of summaries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_ONES = {
    word: number
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
_TENS = {
    word: 10 * n
    for n, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SHORT = {"k": 10**3, "m": 10**6, "bn": 10**9, "万": 10**4, "亿": 10**8, "千": 10**3, "百万": 10**6, "千万": 10**7}
_HAN = {sign: n for n, sign in enumerate("〇一二三四五六七八九")} | {"零": 0, "两": 2, "○": 0}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000}
_HAN_MYRIADS = {"万": 10**4, "亿": 10**8}
_UNITS = {
    unit: names.split()[0]
    for names in (
        "% percent 百分点 ％",
        "kb kib kilobyte kilobytes", "mb mib megabyte megabytes 兆", "gb gib gigabyte gigabytes", "tb tib terabytes",
        "second seconds sec secs 秒 秒钟", "minute minutes min mins 分钟", "hour hours hrs 小时", "day days 天",
        "week weeks 周 星期", "month months 个月", "year years 年", "dollar dollars usd $ 美元", "euro euros eur € 欧元",
        "yuan rmb 元 人民币", "km kilometers kilometres 公里 千米", "m meters metres 米", "kg kilograms 公斤 千克",
    )
    for unit in names.split()
}  # fmt: skip
UNIT_NAMES: dict[str, tuple[str, ...]] = {
    unit: tuple(name for name, of in _UNITS.items() if of == unit) for unit in set(_UNITS.values())
}
"""What each unit of a `Figure` is called in texts."""
_MONTHS = {
    name: number
    for number, names in enumerate(
        [
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep sept september",
            "oct october",
            "nov november",
            "dec december",
        ],
        1,
    )
    for name in names.split()
}
_WORDS = "|".join([*_ONES, *_TENS, *_SCALES])
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY = r"(?P<{0}>3[01]|[12]\d|0?[1-9])"
_YEAR = r"(?P<{0}>1[0-9]{{3}}|20\d\d)"
_DATES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_YEAR.format('y')}[-/.](?P<m>1[0-2]|0?[1-9])[-/.]{_DAY.format('d')}\b",
        rf"\b{_DAY.format('d')}(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<n>{_MONTH})\.?(?:,?\s+{_YEAR.format('y')})?\b",
        rf"\b(?P<n>{_MONTH})\.?\s+{_DAY.format('d')}(?:st|nd|rd|th)?(?!\d)(?:,?\s+{_YEAR.format('y')})?\b",
        rf"\b(?P<n>{_MONTH})\.?,?\s+{_YEAR.format('y')}\b",
        rf"{_YEAR.format('y')}\s*年\s*(?P<m>1[0-2]|0?[1-9])\s*月(?:\s*{_DAY.format('d')}\s*[日号])?",
        rf"(?<!\d)(?P<m>1[0-2]|0?[1-9])\s*月\s*{_DAY.format('d')}\s*[日号]",
    )
]
_DIGITS = re.compile(
    r"(?<![\w.])(?P<whole>\d{1,3}(?:[,\u00a0\u202f']\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:[.:/\-]\d+)*)"
    r"(?P<more>\s?(?:hundred|thousand|million|billion|trillion|百万|千万|万|亿|千|bn)|k(?![A-Za-z]))?",
    re.IGNORECASE,
)
_SPELLED = re.compile(rf"\b(?:{_WORDS})(?:(?:[\s-]+(?:and\s+)?)(?:{_WORDS}))*\b", re.IGNORECASE)
_HANZI = re.compile(r"(?<![第一二三四五六七八九十百千万亿〇零两])[一二三四五六七八九十百千万亿〇零两]+")
_MEASURES = "个人名位年月日天次章种台条项点分秒时岁届倍家所本页件块元吨米里只亿万千百十%％周步卷款层路"
_NO_NUMBERS = {"万一", "千万", "一一", "百千", "千百", "千千万万", "十万八千"}
_AFTER = re.compile(r"\s*[-\u2010\u2011]?\s*(%|％|\$|€|[A-Za-z]+|[\u4e00-\u9fff]{1,3})")


@dataclass(frozen=True)
class Figure:
    """A number as it stands at `start` to `end`; `value` is comparable; `unit` is "" where it has none we know."""

    start: int
    end: int
    value: str
    unit: str = ""
    spelled: bool = False


@dataclass(frozen=True)
class Day:
    """A date; what it leaves open is None."""

    start: int
    end: int
    year: int | None
    month: int | None
    day: int | None


def days(text: str) -> list[Day]:
    """All dates of a text; a year alone is a number."""
    found: list[Day] = []
    taken: list[tuple[int, int]] = []
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue
            taken.append(match.span())
            named = match.groupdict()
            month = _MONTHS[named["n"].lower()] if named.get("n") else int(named["m"])
            year, day = named.get("y"), named.get("d")
            found.append(Day(*match.span(), int(year) if year else None, month, int(day) if day else None))
    return found


def figures(text: str, without: list[Day] | None = None) -> list[Figure]:
    """All numbers of a text, but for those inside of the dates `without`."""
    taken = [(day.start, day.end) for day in without or ()]

    def free(start: int, end: int) -> bool:
        return not any(first < end and start < last for first, last in taken)

    found = [one for one in _all(text) if free(one.start, one.end)]
    return sorted(found, key=lambda one: one.start)


def _all(text: str) -> Iterator[Figure]:
    digits: list[tuple[int, int]] = []
    for match in _DIGITS.finditer(text):
        digits.append(match.span())
        yield Figure(*match.span(), _value(match["whole"], (match["more"] or "").strip().lower()), _unit(text, match))
    for match in _SPELLED.finditer(text):
        if not _within(match.start(), digits):
            yield Figure(*match.span(), str(_spelled(match[0].lower())), _unit(text, match), spelled=True)
    for match in _HANZI.finditer(text):
        value = _han(match[0])
        after = text[match.end() : match.end() + 1]
        if (
            (len(match[0]) > 1 or after in _MEASURES)
            and match[0] not in _NO_NUMBERS
            and not _within(match.start(), digits)
        ):
            yield Figure(*match.span(), str(value), _unit(text, match), spelled=True)


def _within(at: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= at < end for start, end in spans)


def _value(whole: str, more: str) -> str:
    plain = re.sub(r"[,\u00a0\u202f'](?=\d{3})", "", whole)
    try:
        number = Decimal(plain) * (_SCALES | _SHORT).get(more, 1)
    except InvalidOperation:  # A version, a time, a range: it is what it says.
        return plain
    if plain.startswith("0") and plain.isdigit() and len(plain) > 1:
        return plain  # 0644, 007: no quantity.
    return format(number.normalize(), "f")


def _unit(text: str, match: re.Match[str]) -> str:
    after = _AFTER.match(text, match.end())
    if after:
        said = after[1].lower()
        for length in range(len(said), 0, -1):  # In Chinese nothing stands between a unit and the next word.
            if said[:length] in _UNITS and (length == len(said) or said[length] > "\u2e80"):
                return _UNITS[said[:length]]
    before = text[max(0, match.start() - 2) : match.start()].strip()
    return _UNITS.get(before[-1:], "") if before[-1:] in "$€" else ""


def _spelled(text: str) -> int:
    total = current = 0
    for word in re.split(r"[\s-]+", text):
        if word == "and":
            continue
        if word in _SCALES:
            current = max(1, current) * _SCALES[word]
            if _SCALES[word] > 100:
                total, current = total + current, 0
        else:
            current += _ONES.get(word, 0) + _TENS.get(word, 0)
    return total + current


def _han(text: str) -> int:
    if len(text) > 1 and all(sign in _HAN for sign in text):  # 二〇二四: signs for digits.
        return int("".join(str(_HAN[sign]) for sign in text))
    total = section = digit = 0
    for sign in text:
        if sign in _HAN:
            digit = _HAN[sign]
        elif sign in _HAN_SCALES:
            section += (digit or 1) * _HAN_SCALES[sign]
            digit = 0
        else:
            total = (total + (section + digit or 1)) * _HAN_MYRIADS[sign]
            section = digit = 0
    return total + section + digit
