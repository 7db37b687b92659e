"""Numbers in a text, in the form in which they can be compared: "1.5 million" and 1,500,000 are the same.

Reads digits, English number words and Chinese numerals, with their units. Knows nothing of summaries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Literal

from playground.numerals import chinese_number
from playground.summarize import spelled
from playground.summarize.dates import Day
from playground.summarize.units import UNITS, Unit, unit_after, unit_before

Form = Literal["digits", "words", "ordinal", "share", "clock", "age", "code"]
_LETTER = "[A-Za-zÀ-ÖØ-öø-ÿĀ-ɏḀ-ỿ]"
_DIGITS = re.compile(
    r"(?<![\dA-Za-zÀ-ÖØ-öø-ÿĀ-ɏ_.])(?P<whole>\d{1,3}(?:[,\u00a0\u202f\u2009']\d{3})+(?:\.\d+)?(?![\d,]\d)|"
    r"\d+(?:[.:/]\d+)*)"
    r"(?P<vague>[多余])?(?P<more>[\s-]?(?:hundred|thousand|million|billion|trillion|dozen)\b|\s?(?:bn|tn)\b|"
    r"[kKMB](?![A-Za-z])|"
    r"\s?(?:万亿|十亿|千万|百万|千|百|万|亿)(?![米克瓦卡赫伏帕字分]))?(?P<late>[多余])?"
)
_SCALES = spelled.SCALES | {
    "k": 10**3, "m": 10**6, "b": 10**9, "bn": 10**9, "tn": 10**12, "百": 100, "千": 10**3, "万": 10**4, "百万": 10**6,
    "千万": 10**7, "亿": 10**8, "十亿": 10**9, "万亿": 10**12,
}  # fmt: skip
_CLOCK = re.compile(
    r"(?P<noon>上午|下午|晚上|早上|凌晨|中午|傍晚)?(?<![\d.:])(?:(?P<h>[01]?\d|2[0-4])(?::(?P<m>[0-5]\d)(?::[0-5]\d)?|"
    r"\s*[点时](?:\s*(?P<hm>[0-5]?\d)\s*分|(?P<hh>半)|整)?)"
    r"(?:\s*(?P<ap>[ap])\.?m\b\.?)?|(?P<bare>1[0-2]|[1-9])(?:\.(?P<dot>[0-5]\d))?\s*(?P<bap>[ap])\.?m\b\.?|"
    r"(?P<han>二?十[一二三四]?|[一二两三四五六七八九]|十[五六七八九])点(?P<hanm>半|整|[一二三四五]?十[一二三四五六七八九]?分|[钟]?(?=[至到，。开在、]|$)))(?![\d:])",
    re.IGNORECASE,
)
_AGES = re.compile(
    r"(?<![\d,.])(?P<decade>(?:1\d|20)\d0)(?:s\b|年代)|(?P<of>[12]?\d|"
    r"[一二]?十[一二三四五六七八九]?)世纪(?P<tens>[1-9]0|[二三四五六七八九]十)?(?P<at>年代)?|"
    r"(?:上世纪|['’])?(?P<short>[1-9]0)(?:年代|(?<=['’]\d\d)s\b)|(?<![分百])(?P<han>[二三四五六七八九]十)年代|"
    rf"(?P<century>{spelled.ORDINAL.pattern})[\s-](?:century|centuries)\b",
    re.IGNORECASE,
)
_HAN_DIGIT = "[一二三四五六七八九十]"
_HAN_SHARES = re.compile(
    rf"(?P<all>\d{{1,9}}|{_HAN_DIGIT}{{1,9}}|百|千|万)分之(?P<some>\d{{1,9}}(?:\.\d{{1,9}})?|"
    rf"[一二两三四五六七八九十百零]{{1,9}}(?:点[一二三四五六七八九零]{{1,9}})?)|"
    rf"(?<![\d一二三四五六七八九十完构组变促达造建生形分])(?P<tenths>[一二两三四五六七八九])成(?P<more>[一二三四五六七八九](?![个名位]))?(?![立功为本员长果年熟绩都交人就品熟名群])|(?P<half>一半|半数)"
)
_RATIO = re.compile(
    rf"\b(?P<some>\d{{1,9}}|{'|'.join(spelled.ONES)})\s+(?:(?<=\bone\s)[a-z]+\s+)?(?:in|out\s+of)\s+(?:every\s+)?(?P<all>\d{{1,3}}|"
    rf"{spelled.ENGLISH.pattern})\b(?![,.]?\d)",
    re.IGNORECASE,
)
_SLASH = re.compile(r"(?<![\d/.])(?P<some>[1-9])/(?P<all>[2-9]|1[0-9]|20)(?![\d/.])")
_HALVES = re.compile(
    r"\bhalf(?:\s+an?|\s+of\s+an?|-a-)?[\s-](?P<unit>hour|day|year|mile|century|decade|minute|kilo|litre|liter)\b|"
    r"(?P<number>\d{1,9}|[一二两三四五六七八九十]{1,9})?个?半(?:个)?(?P<han>小时|年|月|天|个月|世纪|公里|公斤|"
    r"吨)|(?P<years>\d{1,9}|[一二两三四五六七八九十]{1,9})(?P<late>年|天|周)半|"
    r"\bhalf\s+(?:of|the|its|their|his|her|that|as|those|this|these|our|all)\b|\bhalved\b|"
    r"\bquarter\s+of\s+an\s+(?P<quarter>hour)\b|(?P<sem>刻钟)",
    re.IGNORECASE,
)
_MEASURES = set(
    "个人名位年月日天次章种台条项点分秒时岁届倍家所本页件块元吨米里只周步卷款层路间张辆架座栋幢套组对副根头匹场期号户站国省州市县"
    "区镇村校院处科门课堂节册部集篇句字票幕曲首折盏颗胜负平轮局盘关级等档类样份批季封包袋瓶杯碗箱桶斤两克公毫厘平亩顷英尺寸角圆季代辈孔多余艘"
    "兆瓦伏度刻钟星礼%％亿万百千女男子成"
)
_IDIOM = re.compile(
    "十分(?!钟)|一一|三角(?!形)|五一(?!十)|十一(?=长假|黄金周|假期)|三十六计|千千万万|[两一二三四五六七八九十]者"
)
_LONGEST = 24
"""A number with more digits is no quantity."""
_GLUED = re.compile(rf"{_LETTER}[\w.]*[-‐‑]$")
_LIST = re.compile(r"(?:^|\n)[ \t>]*(?:[#*•-][ \t]*)?(?:\d{1,3}|[一二三四五六七八九十]{1,3})(?:[.)、．](?!\d)|:(?!\d))")


@dataclass(frozen=True)
class Figure:
    """A number as it stands at `start` to `end`.

    `text` compares what is no quantity; `values` are its possible values; `unit` is None where it has none we know, and
    `nouns` says then what it may count. An `age` is a decade or a century: from its first year on, so many (`span`).
    """

    start: int
    end: int
    form: Form
    text: str
    values: tuple[Decimal, ...] = ()
    unit: Unit | None = None
    nouns: tuple[str, ...] = ()
    scaled: bool = False
    span: int = 0

    @property
    def sizes(self) -> tuple[Decimal, ...]:
        """The values in the smallest unit of what is measured."""
        return tuple(value * self.unit.size for value in self.values) if self.unit else self.values


def figures(text: str, without: list[Day] | None = None) -> list[Figure]:
    """All numbers of a text in their order, but for those inside of the dates `without` and the numbers of a list."""
    text = text.translate(_WIDE)
    taken = bytearray(len(text))
    for day in without or ():
        taken[day.start : day.end] = b"\1" * (day.end - day.start)
    for item in _LIST.finditer(text):
        taken[item.start() : item.end()] = b"\1" * (item.end() - item.start())
    found: list[Figure] = []
    for read in (_ages, _clocks, _shares, _halves, _ordinals, _digits, _english, _chinese):
        for figure in read(text):
            if taken.find(1, figure.start, figure.end) < 0:
                taken[figure.start : figure.end] = b"\1" * (figure.end - figure.start)
                found.append(figure)
    found.sort(key=lambda one: one.start)
    return _shared(text, found)


_WIDE = {0xFF10 + n: 0x30 + n for n in range(10)} | {0xFF0E: 0x2E, 0xFF0C: 0xFF0C}
_JOINT = re.compile(
    r"\s*(?:to|and|or|-|–|—|‒|/|至|到|和|或|、|~|～|×|x|by|,|－)\s*(?:about\s+)?(?:US)?[$€£¥￥]?\s*", re.IGNORECASE
)


def _shared(text: str, found: list[Figure]) -> list[Figure]:
    """In "5 to 10 minutes" the unit stands with the second number and belongs to both."""
    for at in range(len(found) - 2, -1, -1):
        one, other = found[at], found[at + 1]
        if other.unit and one.form in ("digits", "words") and _JOINT.fullmatch(text, one.end, other.start):
            if one.unit is None and not one.nouns:
                found[at] = one = replace(one, unit=other.unit)
            if one.unit and one.unit.measures == other.unit.measures and other.scaled and not one.scaled:
                scale = _scale_of(text, other)
                found[at] = replace(one, values=(*one.values, *(value * scale for value in one.values)))
    return found


def _scale_of(text: str, figure: Figure) -> Decimal:
    match = _DIGITS.match(text, figure.start)
    return Decimal(_SCALES.get((match["more"] or "").strip(" -").lower(), 1)) if match else Decimal(1)


def _number(said: str) -> Decimal:
    """Digits or words."""
    if re.fullmatch(r"[\d.]+", said):
        return Decimal(said)
    return spelled.english(said) if said.isascii() else chinese_number(said)


def _ages(text: str) -> Iterator[Figure]:
    for match in _AGES.finditer(text):
        group = match.groupdict()
        if group["decade"]:
            firsts = [int(group["decade"])]
            spans = 100 if firsts[0] % 100 == 0 else 10
        elif group["of"] or group["century"]:
            number = int(_number(group["of"]) if group["of"] else spelled.ordinal(group["century"]))
            tens = int(_number(group["tens"])) if group["tens"] else 0
            firsts, spans = [100 * (number - 1) + tens], 10 if tens else 100
        else:
            tens = int(_number(group["short"] or group["han"]))
            firsts, spans = [1900 + tens, 1800 + tens], 10
        yield Figure(*match.span(), "age", match[0].lower(), tuple(map(Decimal, firsts)), span=spans)


def _clocks(text: str) -> Iterator[Figure]:
    for match in _CLOCK.finditer(text):
        group = match.groupdict()
        hour = int(_number(group["h"] or group["bare"] or group["han"]))
        minutes = group["m"] or group["hm"] or group["dot"] or "0"
        if group["hh"] or group["hanm"] == "半":
            minutes = "30"
        elif group["hanm"] and group["hanm"].endswith("分"):
            minutes = str(chinese_number(group["hanm"][:-1]))
        half = (group["ap"] or group["bap"] or "").lower()
        afternoon = half == "p" or group["noon"] in ("下午", "晚上", "傍晚")
        if hour > 24:
            continue
        if half or group["noon"]:
            hours = {hour % 12 + 12 if afternoon else hour % 12 if hour == 12 and half else hour}
        else:
            hours = {hour, (hour + 12) % 24} if hour <= 12 else {hour}
        values = tuple(Decimal(60 * one + int(minutes)) for one in sorted(hours))
        yield Figure(*match.span(), "clock", (group["h"] or group["bare"] or "") + ":" + minutes, values)


def _shares(text: str) -> Iterator[Figure]:
    percent = UNITS["%"]
    for pattern in (spelled.SHARE, _HAN_SHARES, _RATIO, _SLASH):
        for match in pattern.finditer(text):
            group = match.groupdict()
            if group.get("part"):
                parts, some = spelled.PARTS[group["part"].lower()], group["of"].lower()
                if some in ("a", "an") and not _fraction_follows(text, match):
                    continue
                value = 100 * (Decimal(1) if some in ("a", "an") else _number(some)) / parts
            elif group.get("half"):
                value = Decimal(50)
            elif group.get("tenths"):
                value = 10 * _number(group["tenths"]) + (_number(group["more"]) if group["more"] else 0)
            else:
                some_, all_ = _number(group["some"]), _number(group["all"])
                if not 0 < some_ < all_:
                    continue
                value = 100 * some_ / all_
            form: Form = "digits" if group.get("all") == "百" else "share"
            yield Figure(*match.span(), form, match[0].lower(), (value,), percent)


def _fraction_follows(text: str, match: re.Match[str]) -> bool:
    """ "a third of", "by a fifth": not "a third man"."""
    return bool(
        re.match(
            r"\s*(?:of|less|more|fewer|lower|higher|smaller|larger|from|to|as|in|$|[.,;:)，。])",
            text[match.end() : match.end() + 10],
        )
    )


def _halves(text: str) -> Iterator[Figure]:
    for match in _HALVES.finditer(text):
        group = match.groupdict()
        whole = group["number"] or group["years"]
        value = Decimal("0.5") + (_number(whole) if whole else 0)
        said = group["unit"] or group["late"] or group["han"]
        if group["quarter"] or group["sem"]:
            value, said = Decimal("0.25"), "hour"
        if said:
            unit = UNITS.get({"kilo": "kg", "月": "个月", "世纪": "century"}.get(said.lower(), said.lower()))
            if unit:
                yield Figure(*match.span(), "words", match[0].lower(), (value,), unit)
        else:
            yield Figure(*match.span(), "share", match[0].lower(), (Decimal(50),), UNITS["%"])


def _digits(text: str) -> Iterator[Figure]:
    for match in _DIGITS.finditer(text):
        start, end = match.span()
        glue = _GLUED.search(text, max(0, start - 24), start)
        if glue and not (glue[0][:-1].isalpha() and glue[0].islower()):
            continue  # "COVID-19": a name.
        more = (match["more"] or "").strip(" -").lower()
        plain = re.sub(r"[,\u00a0\u202f\u2009'](?=\d{3})", "", match["whole"])
        before = unit_before(text, start)
        if before is None and more in ("m", "b") and not match["more"].strip().isupper():
            more, end = "", end - 1
        if before and not more and re.match(r"\s?m\b", text[end : end + 3]):
            more, end = "m", end + len(re.match(r"\s?m", text[end:])[0])  # type: ignore[index]
        unit, nouns = (before, ()) if before else unit_after(text, end)
        try:
            value = Decimal(plain) * _SCALES.get(more, 1)
        except InvalidOperation:
            yield Figure(start, end, "code", plain)
            continue
        if (plain.startswith("0") and plain.isdigit() and len(plain) > 1) or len(plain) > _LONGEST:
            yield Figure(start, end, "code", plain)  # 0644, 007: no quantity.
            continue
        yield Figure(start, end, "digits", plain, (value,), _year_or(unit, value, text, end), nouns, bool(more))


def _year_or(unit: Unit | None, value: Decimal, text: str, end: int) -> Unit | None:
    """2021年 is a year, 3年 are three of them."""
    return None if unit and unit.size == 12 and 1000 <= value < 2200 and text[end : end + 1] == "年" else unit


def _ordinals(text: str) -> Iterator[Figure]:
    for match in spelled.ORDINAL.finditer(text):
        if match[0].lower() == "second" and re.search(
            r"(?:\d|\b(?:per|each|every|one|a split))[\s-]$", text[: match.start()][-12:]
        ):
            continue
        unit, nouns = unit_after(text, match.end())
        yield Figure(*match.span(), "ordinal", match[0].lower(), (spelled.ordinal(match[0]),), unit, nouns)


def _english(text: str) -> Iterator[Figure]:
    yield from _words(text, spelled.ENGLISH, spelled.english)


def _chinese(text: str) -> Iterator[Figure]:
    for figure in _words(text, spelled.CHINESE, chinese_number):
        after = text[figure.end : figure.end + 1]
        said = text[figure.start : figure.end]
        measured = len(said) > 1 or after in _MEASURES or text.startswith("小时", figure.end)
        if measured and not _IDIOM.match(text, figure.start):
            yield figure


def _words(text: str, pattern: re.Pattern[str], read: Callable[[str], Decimal]) -> Iterator[Figure]:
    for match in pattern.finditer(text):
        unit, nouns = unit_after(text, match.end())
        value = read(match[0])
        scaled = value >= 10**4
        yield Figure(
            *match.span(), "words", match[0].lower(), (value,), _year_or(unit, value, text, match.end()), nouns, scaled
        )
