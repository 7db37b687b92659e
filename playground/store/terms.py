"""What is searched for, taken apart, and where it stands in a text. Knows nothing of SQLite."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playground.store.grams import OTHERS, fold, small

_PARTS = re.compile(r'(?<!\S)"([^"]+)"(?!\S)|(\S+)')
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACES = re.compile(r"\s+")
_BREAK = re.compile(r"[\s,.;:!?，。；：！？、）)」』】]")
_BEFORE, _LENGTH, _SLACK = 40, 160, 20
_MOST_SHOWN = 100
"""Characters of a long find that an excerpt shows at least."""


@dataclass(frozen=True)
class Excerpt:
    """A piece of a text around what was found; `ranges` are (start, end) places in it that were searched for."""

    text: str
    ranges: tuple[tuple[int, int], ...]


class Terms:
    """The terms of a search: words, and phrases in quotes. All have to stand in a text, in any order."""

    def __init__(self, text: str) -> None:
        folded = fold(text)
        self._terms: dict[str, re.Pattern[str]] = {}
        """Every term with its spaces joined, and how it is found in a folded text."""
        for phrase, word in _PARTS.findall(folded):
            words = phrase.split() or [word or '"']
            self._terms[" ".join(words)] = re.compile(r"\s+".join(map(re.escape, words)))
        self._phrases = [pattern for term, pattern in self._terms.items() if " " in term]
        self.words = sorted({word for term in self._terms for word in term.split()}, key=len, reverse=True)
        """Every word of every term, folded, the longest first."""
        signs = set("".join(self.words))
        self._others = "".join(OTHERS.get(sign, "") for sign in signs)
        self._caseless = all(sign.lower() == sign == sign.upper() for sign in signs)
        self.possible = not _SURROGATE.search(folded)
        """Half signs, which no stored text can hold, are not searched for."""

    def stand_in(self, text: str) -> bool:
        """Do all terms stand in this text?"""
        lower = text if self._caseless else small(text)
        if not all(word in lower for word in self.words):
            if text.isascii() or not any(sign in lower for sign in self._others):
                return False
            lower = fold(text)
            if not all(word in lower for word in self.words):
                return False
        return not self._phrases or self._phrases_stand_in(fold(text))

    def _phrases_stand_in(self, folded: str) -> bool:
        return all(phrase.search(folded) for phrase in self._phrases)

    def excerpt(self, text: str) -> Excerpt:
        """Some 160 characters around the first place, spaces joined, cut where words end."""
        folded = fold(text)
        found = [place for pattern in self._terms.values() if (place := pattern.search(folded))]
        first = min(found, key=lambda place: place.start(), default=None)
        start, end = first.span() if first else (0, 0)
        left = _SPACES.sub(" ", text[max(0, start - 4 * _BEFORE) : start]).lstrip()
        cut = len(left) > _BEFORE or (start > 4 * _BEFORE)
        if len(left) > _BEFORE:
            left = left[-_BEFORE:]
            place = _BREAK.search(left[:_SLACK])
            left = left[place.end() :].lstrip() if place else left
        if cut:
            left = "…" + left
        room = max(_LENGTH - len(left), min(end - start, _MOST_SHOWN))
        right = _SPACES.sub(" ", text[start : start + 4 * room])
        if len(right) > room or start + 4 * room < len(text):
            right = right[:room]
            places = [place.start() for place in _BREAK.finditer(right, max(0, room - _SLACK))]
            right = (right[: places[-1]] if places and places[-1] >= end - start else right).rstrip() + "…"
        else:
            right = right.rstrip()
        shown = left + right
        ranges = [] if first is None else [(len(left), min(len(left) + end - start, len(shown)))]
        small_shown = fold(shown)
        for pattern in self._terms.values():
            ranges += [place.span() for place in pattern.finditer(small_shown)]
        return Excerpt(shown, _joined(ranges))


def _joined(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > start:
            found.append((start, end))
    return tuple(found)
