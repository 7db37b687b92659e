"""Whether a Chinese name and one in Latin script sound alike: 默克尔 and Merkel, 黎元洪 and Li Yuanhong. Roughly."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from playground.paths import PRESETS

_CHINESE_SOUNDS = "b:P p:P d:T t:T g:K k:K h:H j:J q:J x:J zh:S ch:S sh:S z:S c:S s:S r:L l:L m:M n:N f:F w:W y:"
_LATIN_SOUNDS = "b:P p:P v:F d:T t:T g:K k:K q:K c:K x:S j:J z:S s:S r:L l:L m:M n:N f:F w:W h:H"
_SPELLINGS = "sch:s ch:k sh:s ph:f th:t ck:k gh:g qu:k ce:se ci:si cy:sy wh:w ng:n kn:n"
_INITIALS = {said: sound for said, _, sound in (pair.partition(":") for pair in _CHINESE_SOUNDS.split())}
_LETTERS = {said: sound for said, _, sound in (pair.partition(":") for pair in _LATIN_SOUNDS.split())}
_ALIKE = {frozenset(pair) for pair in ("JS", "JK", "KH", "FW", "FP", "FH", "WH", "JT", "MN", "JH", "TS", "KS")}
"""Sounds that are written for each other at half the cost."""
_LATIN = re.compile(r"[a-z]+")
_LONGEST = 24
"""Letters of a name that is read as pinyin."""


def same_sound(chinese: str, latin: str) -> bool:
    """Could `chinese` write the sound of the one word `latin`?"""
    one, other = _chinese_key(chinese), _latin_key(latin)
    if not one or not other or _vowel(latin) != _vowel_chinese(chinese):
        return False
    length = max(len(one), len(other))
    most = 0.5 if length <= 3 else 1.0 if length <= 5 else 1.5
    return _distance(one, other) <= most


def pinyin(text: str) -> str:
    """How Chinese text is read, a blank before each sign; other signs are left out."""
    table = _table()
    return "".join(f" {table[sign]}" for sign in text if sign in table)


def spelled_in(latin: str, readings: str) -> bool:
    """Does a name in Latin letters ("Ren Zhengfei") stand in `readings`, made by `pinyin`; in this order
    or the family name last?"""
    words = _LATIN.findall(_plain(latin))
    for order in {tuple(words), tuple(words[1:] + words[:1]), tuple(words[-1:] + words[:-1])}:
        syllables = [one for one in _syllables("".join(order)) if len(one) > 1]
        if any(f" {' '.join(one)} " in f"{readings} " for one in syllables):
            return True
    return False


def _syllables(letters: str) -> Iterable[tuple[str, ...]]:
    """All ways to cut letters into syllables of pinyin."""
    if not letters:
        yield ()
    if len(letters) > _LONGEST:
        return
    for length in range(min(6, len(letters)), 0, -1):
        if letters[:length] in _readings():
            for rest in _syllables(letters[length:]):
                yield (letters[:length], *rest)


def _plain(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(sign))


def _chinese_key(text: str) -> str:
    key = ""
    for syllable in pinyin(text).split():
        if syllable in ("er", "r"):
            key += "L"
            continue
        initial = syllable[:2] if syllable[:2] in _INITIALS else syllable[:1] if syllable[:1] in _INITIALS else ""
        key += _INITIALS.get(initial, "")
        if syllable.startswith("hu") and len(syllable) > 2:
            key = key[:-1] + "W"
        if syllable.endswith(("n", "ng")) and len(syllable) > 1:
            key += "N"
    return _merged(key)


def _latin_key(word: str) -> str:
    word = _plain(word)
    for said, _, sound in (pair.partition(":") for pair in _SPELLINGS.split()):
        word = word.replace(said, sound)
    return _merged("".join(_LETTERS.get(letter, "") for letter in word))


def _merged(key: str) -> str:
    return re.sub(r"(.)\1+", r"\1", key)


def _vowel(latin: str) -> bool:
    return _plain(latin)[:1] in "aeiouy"


def _vowel_chinese(text: str) -> bool:
    first = pinyin(text[:1]).strip()
    return first[:1] in tuple("aeioy")


def _distance(one: str, other: str) -> float:
    """How many sounds one has to change; what is often not heard (l, r, h, w, s at the end) costs half."""
    row = [0.0]
    for sound in other:
        row.append(row[-1] + _lost(sound))
    for a in one:
        new = [row[0] + _lost(a)]
        for at, b in enumerate(other, 1):
            change = 0.0 if a == b else 0.5 if frozenset((a, b)) in _ALIKE else 1.0
            new.append(min(row[at] + _lost(a), new[-1] + _lost(b), row[at - 1] + change))
        row = new
    return row[-1]


def _lost(sound: str) -> float:
    return 0.5 if sound in "LHWS" else 1.0


@cache
def _table() -> dict[str, str]:
    lines = (PRESETS / "words" / "pinyin.txt").read_text(encoding="utf-8").splitlines()
    return {sign: line.split()[0] for line in lines if not line.startswith("#") for sign in line.split()[1]}


@cache
def _readings() -> frozenset[str]:
    return frozenset(_table().values())
