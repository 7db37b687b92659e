"""Dates and days of the week in a text, in the form in which they can be compared. Knows nothing of summaries."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from playground.numerals import chinese_number

_MONTH_NAMES = "january february march april may june july august september october november december"
_LONG = _MONTH_NAMES.split()
_MONTHS = {said: n for n, name in enumerate(_LONG, 1) for said in (name, name[:3])} | {"sept": 9}
_WEEK_NAMES = "monday tuesday wednesday thursday friday saturday sunday"
_WEEK = _WEEK_NAMES.split()
_HAN_WEEK = {sign: n for n, sign in enumerate("一二三四五六日")} | {"天": 6} | {str(n + 1): n for n in range(6)}
_MONTH = rf"(?P<n{{0}}>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\b\.?"
_DAY = r"(?P<d{0}>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_YEAR = r"(?P<y{0}>1[0-9]{{3}}|20\d\d|21\d\d)"
_TO = r"\s*(?:-|–|—|/|~|,|to|and|or|through|until|till|至|到|—|－|和|、|～)\s*"
_HAN_DAY = r"(?P<d{0}>3[01]|[12]\d|0?[1-9]|三十一?|二?十[一二三四五六七八九]|二?十|[一二三四五六七八九])\s*[日号]"
_HAN_MONTH = r"(?P<m{0}>1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])\s*月"
_HAN_YEAR = r"(?P<y{0}>1[0-9]{{3}}|20\d\d|[一二][〇○零一二三四五六七八九]{{3}})\s*年"


_PARTS = {"month": _MONTH, "day": _DAY, "year": _YEAR, "hmonth": _HAN_MONTH, "hday": _HAN_DAY, "hyear": _HAN_YEAR}


def _form(pattern: str) -> re.Pattern[str]:
    """A pattern in which <month1> and the like are groups by the number behind them."""
    filled = re.sub(r"<(h?(?:month|day|year))(\d)>", lambda part: _PARTS[part[1]].format(part[2]), pattern)
    return re.compile(filled.replace(" TO ", _TO), re.IGNORECASE)


_FORMS = [
    _form(pattern)
    for pattern in (
        r"(?<![\d.])<year1>[-/.](?P<m1>1[0-2]|0?[1-9])[-/.]<day1>(?![\d.])",
        r"(?<![\d./])(?P<d1>3[01]|[12]\d|0?[1-9])(?P<sep>[./-])(?P<m1>1[0-2]|0?[1-9])(?P=sep)<year1>(?![\d.])",
        r"(?<![\d./])(?P<m1>1[0-2]|0?[1-9])(?P<sep>[./-])(?P<d1>3[01]|[12]\d|0?[1-9])(?P=sep)<year1>(?![\d.])",
        r"(?<![\d.:,])<day1>\s+<month1>(?:,?\s+<year1>)? TO <day2>\s+<month2>(?:,?\s+<year2>)?(?!\d)",
        r"(?<![\d.:,])<day1> TO <day2>(?:\s+of)?\s+<month2>(?:,?\s+<year2>)?(?!\d)",
        r"(?<![\d.:,])<day1>(?:\s+of\s+|[\s-]+)<month1>(?:[,\s-]+<year1>)?(?!\d)",
        r"\b<month1>\s+<day1>(?:,\s*<year1>)? TO <month2>\s+<day2>(?:,?\s+<year2>)?(?![\d:])",
        r"\b<month1>\s+<day1> TO <day2>(?:,?\s+<year2>)?(?![\d:.])",
        r"\b<month1>\s+<day1>(?![\d:]|\.\d)(?:,?\s+<year1>)?(?!\d)",
        r"\b<month1>(?:,?\s+<year1>)? TO <month2>(?:,?\s+(?:of\s+)?<year2>)?(?!\d)",
        r"\b<month1>,?\s+(?:of\s+)?<year1>(?!\d)",
        r"<hyear1>\s*<hmonth1>(?:\s*<hday1>)?(?: TO <hyear2>)? TO <hmonth2>(?:\s*<hday2>)?",
        r"<hyear1>\s*<hmonth1>\s*<hday1> TO <hday2>",
        r"<hyear1>\s*<hmonth1>(?:\s*<hday1>)?(?!份)",
        r"<hyear1>\s*<hmonth1>",
        r"(?<![\d个第.])<hmonth1>\s*<hday1> TO <hmonth2>\s*<hday2>",
        r"(?<![\d个第.])<hmonth1>\s*<hday1> TO <hday2>",
        r"(?<![\d个第.])<hmonth1>\s*<hday1>",
        r"(?<![\d个第.一二三四五六七八九十几数])<hmonth1>(?!亮|球|饼|季|光)",
    )
]
_ALONE = re.compile(
    r"\b(?i:in|since|until|till|by|during|from|to|of|late|early|mid|last|next|this|between|and|through|before|after|or|every|"
    rf"each|for)[\s-]+(?P<n>{'|'.join(_LONG).title()})\b(?!\s+[A-Z])"
)
_SURE = re.compile(r"\b(?P<n>January|February|April|July|September|October|November|December)\b(?!\s+[A-Z][a-z])")
_WEEKDAY = re.compile(
    r"\b(?P<e>Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)s?\b|"
    r"(?<![一二两三四五六七八九十几每\d])(?:周|星期|礼拜)(?P<h>[一二三四五六日天])(?![次个本篇遍元小年岁期])|"
    r"每(?:周|星期|礼拜)(?P<i>[一二三四五六日天])(?![次个本篇遍元小年岁期天])"
)


@dataclass(frozen=True)
class Day:
    """A date; what it leaves open is None. `weekday` is 0 for Monday."""

    start: int
    end: int
    year: int | None
    month: int | None
    day: int | None
    weekday: int | None = None


def days(text: str) -> list[Day]:
    """All dates of a text, in their order; a year alone is a number. A range is two, at the same place."""
    found: list[Day] = []
    taken = bytearray(len(text))
    for form in _FORMS:
        for match in form.finditer(text):
            start, end = match.span()
            if taken.find(1, start, end) < 0 and (dates := _dates(match)):
                taken[start:end] = b"\1" * (end - start)
                found += dates
    for pattern in (_ALONE, _SURE):
        for match in pattern.finditer(text):
            start, end = match.span("n")
            if taken.find(1, start, end) < 0:
                taken[start:end] = b"\1" * (end - start)
                found.append(Day(start, end, None, _MONTHS[match["n"].lower()], None))
    for match in _WEEKDAY.finditer(text):
        sign = match["h"] or match["i"]
        number = _HAN_WEEK[sign] if sign else _WEEK.index(match["e"].lower())
        found.append(Day(*match.span(), None, None, None, number))
    return sorted(found, key=lambda day: day.start)


def weekday_of(day: Day) -> int | None:
    """The day of the week of a full date; None where something is open or no such day was."""
    if day.year is None or day.month is None or day.day is None:
        return day.weekday
    try:
        return datetime.date(day.year, day.month, day.day).weekday()
    except ValueError:
        return None


def _dates(match: re.Match[str]) -> list[Day]:
    """What was written once stands for both ends of a range: "3 to 7 March 2021"."""
    groups = match.groupdict()
    if groups.get("n1", "").lower() == "may" and match[0][:3] == "may":  # "may 5" is no date
        return []
    several = "n2" in groups or "m2" in groups or "d2" in groups
    ends = []
    for number in ("1", "2") if several else ("1",):
        other = "2" if number == "1" else "1"
        of = {key: groups.get(key + number) for key in "ynmd"}
        of["y"] = of["y"] or groups.get("y" + other)
        if not of["n"] and not of["m"]:
            of["n"], of["m"] = groups.get("n" + other), groups.get("m" + other)
        month = _MONTHS[of["n"].lower()] if of["n"] else _number(of["m"])
        ends.append(Day(*match.span(), _number(of["y"]), month, _number(of["d"])))
    return ends


def _number(said: str | None) -> int | None:
    return None if said is None else int(said) if said.isascii() else int(chinese_number(said))
