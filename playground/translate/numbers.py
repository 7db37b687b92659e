"""Numbers that a translation has and its source has not, or the other way round, however they are written.

1,234.5 is 1 234,5 and 1.234,5; "1.5 million" is 1500000 and 150万; 3 p.m. is 15:00. A number word may stand for digits,
but is not asked for itself. Knows nothing of units.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from playground.translate.numerals import articles, known, spoken

_GROUP = "',.\u00a0\u202f\u2009’٬"
_TOKEN = re.compile(rf"\d+(?:[{_GROUP}٫]\d+)*", re.ASCII)
_ABBREVIATION = re.compile(r"^[A-Za-z]\d+[A-Za-z]$", re.ASCII)
"""As in i18n, which may be said in full."""
_POINT = re.compile(r"[.,٫]")
_SCALES = {
    "k": 3, "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "bn": 9, "mille": 3, "milliard": 9, "mil": 3,
    "mil millones": 9, "millones": 6, "millón": 6, "tausend": 3, "tsd": 3, "mio": 6, "mrd": 9, "millionen": 6,
    "milliarde": 9, "milliarden": 9, "mila": 3, "milione": 6, "milioni": 6, "miliardo": 9, "miliardi": 9,
    "mil milhões": 9, "milhão": 6, "milhões": 6, "bilhão": 9, "bilhões": 9, "miljoen": 6, "miljard": 9, "millions": 6,
    "milliards": 9, "duizend": 3, "тыс": 3, "тысяч": 3, "тысячи": 3, "млн": 6, "миллион": 6, "миллиона": 6,
    "миллионов": 6, "млрд": 9, "миллиард": 9, "миллиарда": 9, "миллиардов": 9, "百": 2, "千": 3, "万": 4, "萬": 4,
    "十万": 5, "百万": 6, "百萬": 6, "千万": 7, "亿": 8, "億": 8, "十亿": 9, "万亿": 12, "兆": 12, "만": 4, "억": 8,
    "조": 12,
}  # fmt: skip
_LONG_BILLION = frozenset({"fr", "de", "es"})
"""Their "billion" (in its forms) is a million millions."""
_SCALE = re.compile(
    rf"[\s\u00a0-]?(?P<scale>{'|'.join(sorted(_SCALES, key=len, reverse=True))}|billones|billionen|billions)"
    r"(?![A-Za-z\u00c0-\u024f\u0400-\u052f])",
    re.IGNORECASE,
)
_HALF_DAY = re.compile(r"(?::\d\d){0,2}\s?(?P<half>[ap])\.?\s?m\b", re.IGNORECASE | re.ASCII)
_NOON = re.compile(r"(?:下午|晚上|傍晚|午後|오후)\s?$")
_MONTH = re.compile(r"\s?[月월]")
_CENTURY = re.compile(r"\s?(?:世纪|世紀|세기)")
_ISO = re.compile(r"(?:19|20)\d\d([-/.])\d{1,2}\1\d{1,2}(?!\d)", re.ASCII)
_DAY_FIRST = re.compile(r"(?<!\d)\d{1,2}([-/.])\d{1,2}\1(?:19|20)\d\d", re.ASCII)
_GROUP_OF_THREE = re.compile(r"\d{3}(?:[.,]\d+)?", re.ASCII)
_MOST = 50
"""Dates, versions and lists whose pieces are looked for."""
_MOST_PARTS = 12
_SMALL = 10
"""Up to here numbers are often written in words."""


@dataclass(frozen=True)
class Number:
    """A number at `start` to `end`."""

    start: int
    end: int
    text: str
    values: frozenset[str]
    """What the digits may mean, without needless zeros."""
    scaled: str = ""
    """With the "million" that stands behind it."""
    parts: tuple[str, ...] = ()
    """Of a version, date or list."""
    soft: bool = False
    """A month or the like that may be written as a word elsewhere."""

    def same(self, other: Number) -> bool:
        """Whether they may be the same number."""
        if self.scaled and other.scaled:
            return self.scaled == other.scaled
        mine, theirs = ({*one.values, one.scaled} - {""} for one in (self, other))
        return not mine.isdisjoint(theirs)


@dataclass(frozen=True)
class Unmatched:
    """Numbers that the target lacks, and those that it has too many."""

    missing: list[Number]
    extra: list[Number]


def compare(source: str, target: str, source_language: str, target_language: str) -> Unmatched:
    """What is left when each number of one text is put to one of the other."""
    missing, extra = _paired(list(numbers(source, source_language)), list(numbers(target, target_language)))
    if not missing:  # A name may be said once more in brackets; a number that was changed is missing.
        own = {value for one in numbers(source, source_language) for value in one.values}
        extra = [one for one in extra if own.isdisjoint(one.values)]
    if missing or extra:
        missing, extra = _paired(_joined(missing, source), _joined(extra, target))
        missing, extra = _apart(missing, extra)
        extra, missing = _apart(extra, missing)
    if missing or extra:
        said, theirs = Counter(spoken(source, source_language)), Counter(spoken(target, target_language))
        missing = _unsaid(missing, theirs - said, target_language)
        extra = _unsaid(extra, said - theirs, source_language)
        missing, extra = _without_soft(missing, extra)
    if not known(target_language) and not (missing and extra):
        missing = [one for one in missing if not _small(one)]
    if not known(source_language) and not (missing and extra):
        extra = [one for one in extra if not _small(one)]
    return Unmatched(missing, extra)


def numbers(text: str, language: str) -> Iterator[Number]:
    """The numbers in digits, in their order."""
    text = _western(text)
    months = _months(text)
    for found in _TOKEN.finditer(text):
        said = found[0]
        parts = tuple(_bare(part) for part in re.split(rf"[{_GROUP}٫]", said))
        values = _readings(said)
        scaled = ""
        if scale := _SCALE.match(text, found.end()):
            scaled = _times(min(values, key=len), _power(scale["scale"].lower(), language))
        if len(parts) == 1:
            values |= _hours(text, found.start(), found.end())
            if len(said) == 4 and said.endswith("0"):  # the 1980s
                values |= {said[2:]}
        short = bool(_ABBREVIATION.search(text[max(0, found.start() - 1) : found.end() + 1]))
        month = len(parts) == 1 and (found.start() in months or bool(_MONTH.match(text, found.end())))
        unsaid = said == "00" or bool(_CENTURY.match(text, found.end()))  # 15:00 is 3 p.m., 1980 in the 20th century
        soft = short or unsaid or (month and len(parts[0]) < 3 and int(parts[0]) <= 12)
        rest = parts if 1 < len(parts) <= _MOST_PARTS else ()
        yield Number(found.start(), found.end(), said, frozenset(values), scaled, rest, soft)


def _western(text: str) -> str:
    """Digits of all scripts as ASCII ones."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text)


def _bare(digits: str) -> str:
    return digits.lstrip("0") or "0"


def _readings(said: str) -> set[str]:
    """A number with points and commas may be read in more than one way; a version only as it stands."""
    pieces = re.split(rf"([{_GROUP}٫])", said)
    digits, signs = pieces[::2], pieces[1::2]
    if not signs:
        return {_bare(said)}
    found = set()
    grouped = 0 < len(digits[0]) <= 3 and all(len(one) == 3 for one in digits[1:])
    if grouped and len(set(signs)) == 1 and signs[0] != "٫":
        found.add(_bare("".join(digits)))
    if _POINT.fullmatch(signs[-1]) and signs[-1] not in signs[:-1]:
        thousands = len(signs) == 1 or (len(set(signs[:-1])) == 1 and all(len(one) == 3 for one in digits[1:-1]))
        if thousands:
            fraction = digits[-1].rstrip("0")
            found.add(_bare("".join(digits[:-1])) + ("." + fraction if fraction else ""))
    return found or {said}


def _times(value: str, power: int) -> str:
    whole, _, fraction = value.partition(".")
    if not (whole + fraction).isdigit():
        return ""
    fraction = fraction.ljust(power, "0")
    rest = fraction[power:].rstrip("0")
    return _bare(whole + fraction[:power]) + ("." + rest if rest else "")


def _power(scale: str, language: str) -> int:
    if scale in ("billion", "billions", "billones", "billionen"):
        return 12 if language in _LONG_BILLION else 9
    return _SCALES[scale]


def _hours(text: str, start: int, end: int) -> set[str]:
    """An hour of the afternoon has two names."""
    hour = int(text[start:end]) if end - start < 3 else 99
    if 13 <= hour <= 23 and re.match(r"\s?[:hH時时点點시Uu.]", text[end : end + 2]):
        return {str(hour - 12)}
    half = _HALF_DAY.match(text, end)
    if hour <= 12 and ((half and half["half"] in "pP") or _NOON.search(text[max(0, start - 4) : start])):
        return {str(hour % 12 + 12)}
    return {"0"} if hour == 12 and half else set()


def _months(text: str) -> set[int]:
    """Where the month stands in dates of digits alone."""
    places: set[int] = set()
    for pattern in (_ISO, _DAY_FIRST):
        for found in pattern.finditer(text):
            places.update(one.start() + found.start() for one in re.finditer(r"\d+", found[0]))
    return places


def _paired(source: list[Number], target: list[Number]) -> tuple[list[Number], list[Number]]:
    """What is left on both sides; those that are written alike find each other first."""
    left: dict[str, list[Number]] = {}
    for one in target:
        left.setdefault(one.text, []).append(one)
    rest = []
    for one in source:
        if left.get(one.text):
            left[one.text].pop(0)
        else:
            rest.append(one)
    extra = sorted((one for some in left.values() for one in some), key=lambda one: one.start)
    by_value: dict[str, list[Number]] = {}
    for one in extra:
        for value in {*one.values, one.scaled}:
            by_value.setdefault(value, []).append(one)
    used: set[int] = set()
    missing = []
    for one in rest:
        near = (other for value in sorted({*one.values, one.scaled} - {""}) for other in by_value.get(value, ()))
        other = next((other for other in near if other.start not in used and one.same(other)), None)
        if other is None:
            missing.append(one)
        else:
            used.add(other.start)
    return missing, [one for one in extra if one.start not in used]


def _joined(some: Sequence[Number], text: str) -> list[Number]:
    """Groups of three digits with common blanks between them become one number."""
    out: list[Number] = []
    for one in some:
        near = out and out[-1].end + 1 == one.start and text[one.start - 1] == " "
        if near and _GROUP_OF_THREE.fullmatch(one.text):
            last = out.pop()
            said = last.text + one.text
            out.append(Number(last.start, one.end, said, frozenset(_readings(said)), one.scaled, (last.text, one.text)))
        else:
            out.append(one)
    return out


def _apart(some: list[Number], others: list[Number]) -> tuple[list[Number], list[Number]]:
    """A date or a list of `some` may be in pieces among the `others`."""
    kept = []
    for one in some[:_MOST]:
        found: list[Number] = []
        for part in one.parts:
            other = next((other for other in others if part in other.values and other not in found), None)
            if other is not None:
                found.append(other)
        if one.parts and len(found) >= len(one.parts) - _is_date(one):
            others = [other for other in others if other not in found]
        else:
            kept.append(one)
    return kept + some[_MOST:], others


def _is_date(one: Number) -> bool:
    """In a date the month may be a word elsewhere."""
    return len(one.parts) == 3 and any(pattern.fullmatch(one.text) for pattern in (_ISO, _DAY_FIRST))


def _unsaid(some: list[Number], words: Counter[str], language: str) -> list[Number]:
    """Those that do not stand in words in the other text."""
    kept = []
    for one in some:
        values = {*one.values, one.scaled} - {""}
        word = next((value for value in values if words[value] > 0), None)
        if word is not None:
            words[word] -= 1
        elif not ("1" in values and articles(language)):
            kept.append(one)
    return kept


def _without_soft(missing: list[Number], extra: list[Number]) -> tuple[list[Number], list[Number]]:
    """A month in digits on one side alone is a word on the other; on both sides it was changed."""
    if any(one.soft for one in missing) and any(one.soft for one in extra):
        return missing, extra
    return [one for one in missing if not one.soft], [one for one in extra if not one.soft]


def _small(one: Number) -> bool:
    return any(value.isdigit() and len(value) < 3 and int(value) <= _SMALL for value in one.values)
