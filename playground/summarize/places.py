"""Lists of words, and names known by themselves: places, their people, companies, in English and Chinese. No rules."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache

from playground.paths import PRESETS

_LETTER = "[A-Za-zÀ-ÖØ-öø-ÿĀ-ɏ]"


def words_of(text: str) -> frozenset[str]:
    """The words of a text, for lists that are short."""
    return frozenset(text.split())


@cache
def word_list(name: str) -> frozenset[str]:
    """The words of a file of presets/words, without its remarks."""
    lines = (PRESETS / "words" / name).read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


@cache
def same_as(name: str) -> frozenset[str]:
    """All ways to say what `name` (in small letters) says: "german" is "germany" and 德国; empty where
    it is not known."""
    return frozenset(other for group in _groups().get(name, ()) for other in group)


@cache
def known_chinese() -> re.Pattern[str]:
    """Finds the Chinese names of the list, the longest first."""
    names = sorted((name for name in _groups() if len(name) > 1 and name > "\u4e00"), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, names)))


@cache
def _groups() -> dict[str, list[frozenset[str]]]:
    found: dict[str, list[frozenset[str]]] = defaultdict(list)
    for line in (PRESETS / "words" / "places.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("* "):
            for name in line.split()[1:]:
                found[name].append(frozenset((name,)))
        elif line and not line.startswith("#"):
            group = frozenset(name.strip().lower() for name in re.split(r"[,|]", line))
            for name in group:
                found[name].append(group)
    return dict(found)
