"""The words of a source, and whether a name is among them: as it stands, in parts, shortened, in the other script."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections import defaultdict
from itertools import pairwise

from playground.store.grams import fold
from playground.summarize.names import Name, is_common
from playground.summarize.names_zh import FOREIGN, SURNAMES
from playground.summarize.places import same_as, word_list, words_of
from playground.summarize.sounds import pinyin, same_sound, spelled_in

_NEAR = 3
"""So many words may stand between two parts of a name in a source."""
_MOST_PLACES = 2000
"""Of the rarest part of a name so many places are looked at."""
_HAN = "\u4e00-\u9fff"
_WORD = re.compile(r"[^\W_\u2e80-\ufaff]+")
_CAPITALS = re.compile(r"(?<![^\W_\u2e80-\ufaff])[A-ZÀ-ÖØ-ÞĀŁŠŽİ][^\W_\u2e80-\ufaff]*")
_LONGEST_WORD = 40
"""Characters of a word that may be part of a name: without a limit, a DNA of a million letters would take for ever."""
_PART = rf"[A-ZÀ-Þ][\w'’]{{0,{_LONGEST_WORD}}}"
_SHORT_RUN = re.compile(rf"(?<![\w'’]){_PART}(?:[ \n-](?:(?:of|the|and|for|in|on|de|&)[ \n]){{0,4}}{_PART})+")
_JOINT = re.compile(r"\s+(?:of\s+the|of|and|the|for|&|at|in)\s+")
_SHORTS = """
ceo chief executive|cfo chief financial|cto chief technology|coo chief operating
ai artificial intelligence|tv television|gdp gross domestic product|it information technology
hr human resources|os operating system|cpu processor|ram memory|pc computer|id identification
ngo non-governmental|vat value added tax|ipo initial public offering|url address|api interface
phd doctor|hq headquarters|agm annual general meeting|gps global positioning|led light-emitting
icu intensive care
"""
_KNOWN_SHORT = dict(one.split(" ", 1) for one in re.split(r"[|\n]", _SHORTS.strip()))
_ROMAN_SAID = "i:first:1 ii:second:2 iii:third:3 iv:fourth:4 v:fifth:5 vi:sixth:6 vii:seventh:7 viii:eighth:8"
_ROMAN = {roman: others for roman, *others in (one.split(":") for one in _ROMAN_SAID.split())}
_FIRMS = words_of(
    """
    科技 集团 股份 资本 证券 智能 电子 电器 药业 制药 保险 传媒 建工 地产 航空 大学 学院 医院 银行 中学 小学 酒店 饭店
    书店 出版社
    """
)
_KINDS_OF_FIRMS = words_of(
    """
    高新 现代 信息 生物 医药 金融 投资 新兴 人工 商业 国有 私人 民营 地方 上市 网络 社会 风险 人力
    固定 流动 先进 尖端 农业 海洋 教育 家用 消费 日用 民用 国际 商务 中国 国内 汽车 化工 建筑 医疗
    养老 失业 财产 人寿 前沿 核心 关键 绿色 数字 微电 企业 大型 综合 重点 师范 公立 私立 民办 当地
    附近 一流 著名 名牌 职业 高级 初级 普通 实验 农村 城市 乡村 医科 理工 工业 中央 政策 开发 专业
    儿童 妇幼 定点 基层 社区 口腔 中医 三甲 全国 星级 豪华 多家 许多 两家 一家 这家 该家 新建 老字
    各地
    """
)


def _between(places: array[int], low: int, high: int) -> bool:
    at = bisect_left(places, low)
    return at < len(places) and places[at] <= high


class Wording:
    """All words of a source."""

    def __init__(self) -> None:
        self._places: dict[str, array[int]] = defaultdict(lambda: array("I"))
        self._capitals: set[str] = set()
        self._pieces: list[str] = []
        self._originals: list[str] = []
        self._at = 0

    def add(self, text: str) -> None:
        """Take in a text."""
        folded = fold(text)
        for match in _WORD.finditer(folded):
            self._places[match.group()].append(self._at)
            self._at += 1
        self._at += _NEAR
        self._capitals.update(map(fold, _CAPITALS.findall(text)))
        self._pieces.append(folded)
        self._originals.append(text)

    def close(self) -> None:
        """All is taken in."""
        self._text = "\n".join(self._pieces)
        self._pieces.clear()
        self._tight = re.sub(r"\s+", "", self._text)
        han = len(re.findall(f"[{_HAN}]", self._text))
        self._latin_only = 20 * han < self._at
        self._han_only = han > 4 * self._at
        self._short: frozenset[str] | None = None
        self._readings: str | None = None

    def has(self, name: Name) -> bool:
        """Does the source have this name?"""
        if not name.proper and self._has_whole(name.text):
            return True
        if re.search(f"[{_HAN}]", name.text):
            return self._has_chinese(name)
        return bool(name.words) and self._has_latin(name)

    def missing_parts(self, name: Name) -> list[tuple[int, int]]:
        """Where a name that the source does not have says what is not there: "of the University of Oslo" may
        be half true."""
        parts: list[Name] = []
        start = 0
        for joint in [*_JOINT.finditer(name.text), None]:
            end = joint.start() if joint else len(name.text)
            words = tuple(word for word in name.words if word in name.text[start:end])
            if words:
                parts.append(
                    Name(name.start + start, name.start + end, name.text[start:end], words, name.proper and not start)
                )
            start = joint.end() if joint else end
        missing = [part for part in parts if not self.has(part)]
        if len(parts) > 1:
            return [(part.start, part.end) for part in missing]
        return [(name.start, name.end)]

    def _has_whole(self, text: str) -> bool:
        said = fold(text).strip()
        at = self._text.find(said)
        while said and at >= 0:
            before, after = self._text[at - 1 : at], self._text[at + len(said) : at + len(said) + 1]
            if not (before.isascii() and before.isalnum()) and not (after.isascii() and after.isalnum()):
                return True
            at = self._text.find(said, at + 1)
        # "GPT4" and "GPT-4" are the same.
        plain = re.sub(r"[-‐‑\s]", "", said)
        return plain != said and plain in self._places if plain.isalnum() else not said

    def _has_latin(self, name: Name) -> bool:
        whole = re.sub(r"['’]s?$", "", name.text.lower())
        if any(self._says(other) for other in same_as(whole)):
            return True
        if name.proper and not self._has_capital(re.sub(r"['’]s?$", "", name.words[0])):
            return False
        parts = [part for word in name.words for part in _WORD.findall(fold(re.sub(r"['’]s?$", "", word)))]
        places = [self._of(part) for part in parts]
        if all(places):
            return self._close_together(places)
        if len(name.text) > 3 and re.sub(r"\s+", "", fold(name.text)) in self._tight:
            return True
        if len(name.words) == 1 and self._has_short(name.words[0]):
            return True
        letters = "".join(word[0] for word in name.words).lower()
        if len(letters) > 2 and len(name.words) > 2 and letters in self._capitals:
            return True
        return self._has_in_chinese(name) if self._han_only else False

    def _has_capital(self, word: str) -> bool:
        return fold(word) in self._capitals or any(word in text for text in self._originals)

    def _close_together(self, places: list[list[array[int]]]) -> bool:
        """All words close to each other: another person may have the same first name."""
        rarest = min(range(len(places)), key=lambda number: sum(map(len, places[number])))
        others = [found for number, found in enumerate(places) if number != rarest]
        reach = _NEAR * len(places)
        firsts = (first for found in places[rarest] for first in found[:_MOST_PLACES])
        return any(
            all(any(_between(one, first - reach, first + reach) for one in found) for found in others)
            for first in firsts
        )

    def _of(self, word: str) -> list[array[int]]:
        """Where a word stands, in the singular or the plural, or another word for the same place; each list in
        order."""
        forms = dict.fromkeys((word, f"{word}s", word.removesuffix("s"), word.removesuffix("es")))
        forms.update(dict.fromkeys(other for other in same_as(word) if " " not in other))
        forms.update(dict.fromkeys(_ROMAN.get(word, ())))
        found = [self._places[form] for form in forms if form in self._places]
        if not found:
            found = [self._places[other.split()[0]] for other in same_as(word) if " " in other and self._says(other)]
        return found

    def _says(self, phrase: str) -> bool:
        if phrase > "\u4e00":
            if len(phrase) == 1:
                return bool(
                    re.search(
                        rf"{phrase}[方国军媒籍商企]|[中美英法德日俄韩印欧]{phrase}|{phrase}[中美英法德日俄韩印欧]",
                        self._tight,
                    )
                )
            return phrase in self._tight
        words = _WORD.findall(phrase)
        if len("".join(words)) == 2 and phrase.replace(".", "") == "us":
            return "us" in self._capitals and bool(re.search(r"\bU\.?S\b", " ".join(self._originals)))
        return all(word in self._places for word in words) and (len(words) == 1 or phrase in self._text)

    def _has_short(self, word: str) -> bool:
        """An abbreviation of what the source says in full."""
        low = word.lower().replace(".", "")
        if low in _KNOWN_SHORT and _KNOWN_SHORT[low] in self._text:
            return True
        if not word.isupper() or len(low) < 2:
            return False
        if self._short is None:
            self._short = frozenset(self._initials())
        return low in self._short

    def _initials(self) -> set[str]:
        found: set[str] = set()
        for text in self._originals:
            for run in _SHORT_RUN.finditer(text):
                words = re.findall(r"[^\W_]+", run.group())[:10]
                for letters in (
                    "".join(word[0] for word in words),
                    "".join(word[0] for word in words if word[0].isupper()),
                ):
                    low = letters.lower()
                    found.update(
                        low[first:last] for first in range(len(low)) for last in range(first + 2, len(low) + 1)
                    )
        return found

    def _has_chinese(self, name: Name) -> bool:
        said = fold(name.text)
        if said in self._tight or said.replace("·", "") in self._tight:
            return True
        known = same_as(name.text)
        if any(self._says(other) for other in known):
            return True
        if "·" in said:
            parts = [part for part in said.split("·") if len(part) > 1]
            return all(self._has_chinese(Name(0, 0, part)) for part in parts)
        if name.core:
            return self._has_organ(name)
        if name.loose:
            return self._latin_only or any(said[at : at + 2] in self._tight for at in range(len(said) - 1))
        if self._latin_only and not any(other.isascii() for other in known):
            return self._heard(name.text)
        return False

    def _heard(self, chinese: str) -> bool:
        """Does the source, in Latin script, have a name that sounds so?"""
        letters = pinyin(chinese).split()
        if all(map(self._capitals.__contains__, ("".join(letters[1:]), letters[0]))) if len(letters) > 1 else False:
            return True
        return "".join(letters) in self._places or any(same_sound(chinese, word) for word in self._capitals)

    def _has_organ(self, name: Name) -> bool:
        """A company, a school: is what makes the difference in its name there?"""
        core, kind = name.core, name.text[len(name.core) :]
        if core in self._tight:
            return True
        if self._latin_only:
            return self._common_only(core) or self._has_chinese(Name(0, 0, core))
        for length in range(len(core) - 2, 1, -1):
            if core[-length:] + kind in self._tight or core[-length:] in self._tight:
                core = core[:-length]
                break
        if same_as(core) or any(same_as(core[:length]) for length in range(2, len(core))):
            return self._has_chinese(Name(0, 0, core))
        return self._common_only(core) and not (kind in _FIRMS and len(core) == 2 and core not in _KINDS_OF_FIRMS)

    def _common_only(self, text: str) -> bool:
        """Is this made of common words, so that it only describes?"""
        words = word_list("chinese.txt")
        reach = {0}
        for end in range(1, len(text) + 1):
            if any(start in reach and text[start:end] in words for start in range(max(0, end - 4), end - 1)):
                reach.add(end)
        return len(text) in reach or len(text) < 2

    def _has_in_chinese(self, name: Name) -> bool:
        """A name in Latin script where the source is Chinese: read, heard, or translated."""
        if self._readings is None:
            self._readings = "|".join(pinyin(run) for run in re.findall(f"[{_HAN}]+", self._text)).replace("|", " | ")
        if spelled_in(name.text, self._readings):
            return True
        if len(name.text) > 1 and any(
            pinyin(sign).strip() == name.text.lower() for sign in SURNAMES & set(self._tight)
        ):
            return True
        if len(name.words) > 1 and all(is_common(word) for word in name.words):
            return True
        runs = re.findall(f"[{_HAN}]{{2,}}", self._text) if len(self._text) < 20000 else []
        return all(self._sounds_in(word, runs) for word in name.words)

    @staticmethod
    def _sounds_in(word: str, runs: list[str]) -> bool:
        for run in runs:
            cuts = [-1, *[at for at, sign in enumerate(run) if sign not in FOREIGN], len(run)]
            for before, after in pairwise(cuts):
                if after - before > 2 and same_sound(run[before + 1 : after], word):
                    return True
        return False
