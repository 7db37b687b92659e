"""Names in a sentence: of people, places, organizations and things, in Latin script and in Chinese. By form alone.

What begins a sentence may only look like a name: common English words are told from names by a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from playground.paths import PRESETS

_TITLES = {"mr", "mrs", "ms", "dr", "prof", "professor", "president", "sir", "lady", "lord", "captain", "minister"}
_FIRST_NAMES = set(
    [
        "amber",
        "april",
        "art",
        "august",
        "bill",
        "bob",
        "brook",
        "carol",
        "chuck",
        "clay",
        "cliff",
        "daisy",
        "dawn",
        "dean",
        "dick",
        "drew",
        "duke",
        "earl",
        "eve",
        "faith",
        "frank",
        "gene",
        "ginger",
        "glen",
        "grace",
        "grant",
        "guy",
        "harry",
        "heath",
        "hope",
        "jack",
        "jasmine",
        "jean",
        "john",
        "josh",
        "joy",
        "june",
        "lance",
        "lily",
        "mark",
        "max",
        "may",
        "miles",
        "nick",
        "olive",
        "pat",
        "pearl",
        "penny",
        "peter",
        "ray",
        "reed",
        "rob",
        "robin",
        "rose",
        "ruby",
        "sandy",
        "sue",
        "victor",
        "violet",
        "will",
    ]
)
"""First names that are words, too: before another capital they are names."""
_JOINTS = r"(?:of|de|da|van|von|der|den|la|le|du|the|and|for|&)"
_CAPITAL = r"(?:[A-ZÀ-ÖØ-ÞĀ-Ž][\w'’]*(?:[-.&/+][\w'’+]+)*\+*)"
_RUN = re.compile(rf"{_CAPITAL}(?:\.?\s+(?:{_JOINTS}\s+)?{_CAPITAL})*")
_MIXED = re.compile(r"(?<![\w./-])(?:[a-z]+[A-Z]\w*|[A-Za-z]+\d+\w*)(?![\w/])")
_WORD = re.compile(_CAPITAL)
_START = re.compile(r"(?:^|[.!?:;\n]\s*|[\"“‘(\[•*–-]\s*|\d[.)]\s+)$")
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何罗郑梁谢宋唐许邓韩冯曹彭曾肖蔡潘袁董余苏叶吕魏蒋杜丁沈姜范傅钟卢汪戴崔廖谭邹熊陆"
    "郝孔邱秦侯邵孟龙薛雷贺龚郗诸葛欧阳司马"
)
_ROLES = "教授|先生|女士|小姐|博士|经理|主任|总统|主席|总理|部长|局长|院长|校长|老师|同学|医生|律师|记者|董事长|总裁|工程师|研究员"
_VERBS = (
    "说|表示|认为|指出|负责|担任|提出|宣布|介绍|强调|告诉|写道|发现|建议|批准|主持|汇报|同意|反对|出席|问道|回答|称|等"
)
_HAN = "[\u4e00-\u9fff]"
_FOREIGN = (
    "阿艾安奥巴贝本比彼宾波伯博布查达戴丹德迪蒂杜多恩尔法菲费弗福盖戈格古哈海汉赫亨胡华霍基吉加杰金卡凯坎康考科克肯库拉莱赖兰"
    "朗劳勒雷里莉利林琳隆卢鲁路伦罗洛马玛迈麦曼梅门蒙米密莫默姆穆内纳奈南尼诺努欧帕派佩彭皮普奇契乔切瑞萨塞桑瑟莎沙史施斯丝苏"
    "索塔泰坦特提图托瓦威韦维温沃乌西希夏谢辛休雅亚扬耶伊英尤约扎詹珍朱兹佐因翰"
)
"""Signs that write foreign names."""
_PERSON = [
    re.compile(rf"(?P<name>[{_SURNAMES}]{_HAN}{{1,2}}?)(?=(?:{_ROLES}|{_VERBS}))"),
    re.compile(rf"(?P<name>[{_FOREIGN}]{{1,8}}(?:[·•][{_FOREIGN}]{{1,8}})+)"),
    re.compile(rf"(?P<name>[{_FOREIGN}]{{3,10}})"),
]
_PLACE = re.compile(
    "公司|大学|学院|医院|银行|集团|委员会|协会|研究所|研究院|实验室|基金会|出版社|法院|省|市(?![场民政区面售值])|县|自治区"
)
_OUTSIDE = re.compile(
    "[^\u4e00-\u9fff]|有(?!限)|[的在从由到向对于与和及是为被把将让给以按据如因这那该本各每某其他了等所个家些名位来自着过就都也并而]"
)
_BEFORE = 8
"""Signs before "university" and the like that may belong to its name."""
_TITLE = re.compile("《(?P<name>[^《》]{1,40})》")


@dataclass(frozen=True)
class Name:
    """A name as it stands at `start` to `end`; `words` are its parts, which a source may have apart from each other."""

    start: int
    end: int
    text: str
    words: tuple[str, ...]
    least: int = 0
    """Where it is not known where it begins: so many of its last signs are a name for themselves; else 0."""


def names(text: str) -> list[Name]:
    """All names of a sentence, in their order."""
    found = {(name.start, name.end): name for name in (*_latin(text), *_chinese(text))}
    return [
        name
        for span, name in sorted(found.items())
        if not any(other != span and other[0] <= span[0] and span[1] <= other[1] for other in found)
    ]


def is_common(word: str) -> bool:
    """Is this an English word that begins sentences without being a name?"""
    word = word.lower().removesuffix("'s").removesuffix("’s")
    return len(word) < 3 or word in _common() or any(base in _common() for base in _bases(word))


def _latin(text: str) -> Iterator[Name]:
    shouted = _shouted(text)
    for run in _RUN.finditer(text):
        words = [(run.start() + one.start(), one.group()) for one in _WORD.finditer(run.group())]
        while words and _START.search(text[: words[0][0]]) and not _certain(words[0][1]):
            first = words[0][1]
            # "Mr. Smith" begins with no name, "John Smith" does, and so does "Kowalski said".
            titled = first.lower().rstrip(".") in _TITLES
            if (not titled and not is_common(first)) or (len(words) > 1 and first.lower() in _FIRST_NAMES):
                break
            words = words[1:]
        words = [(at, word) for at, word in words if word.lower().rstrip(".") not in _TITLES and len(word) > 1]
        if shouted:  # A heading: everything has a capital.
            words = [(at, word) for at, word in words if _certain(word) or not is_common(word)]
        if words:
            start, end = words[0][0], words[-1][0] + len(words[-1][1])
            yield Name(start, end, text[start:end], tuple(word for _, word in words))
    for one in _MIXED.finditer(text):
        yield Name(*one.span(), one.group(), (one.group(),))


def _shouted(text: str) -> bool:
    words = re.findall(r"[^\W\d_]{3,}", text)
    return len(words) > 4 and sum(word[0].isupper() for word in words) > 0.8 * len(words)


def _certain(word: str) -> bool:
    """Capitals or digits inside: no word looks so, wherever it stands."""
    return len(word) > 1 and any(sign.isupper() or sign.isdigit() for sign in word[1:])


def _chinese(text: str) -> Iterator[Name]:
    for pattern in (*_PERSON, _TITLE):
        for one in pattern.finditer(text):
            yield Name(*one.span("name"), one["name"], (one["name"],))
    for one in _PLACE.finditer(text):
        before = text[max(0, one.start() - _BEFORE) : one.start()]
        name = _OUTSIDE.split(before)[-1] + one.group()
        least = len(one.group()) + 2
        if len(name) >= least:
            yield Name(one.end() - len(name), one.end(), name, (name,), least)


def _bases(word: str) -> Iterator[str]:
    for ending in ("s", "es", "d", "ed", "ing", "ly", "er", "ers"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            base = word[: -len(ending)]
            yield from (base, f"{base}e")
            if len(base) > 3 and base[-1] == base[-2]:
                yield base[:-1]
            if base.endswith("i"):
                yield f"{base[:-1]}y"


@cache
def _common() -> frozenset[str]:
    lines = (PRESETS / "words" / "english.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
