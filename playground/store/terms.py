"""What is searched for, taken apart, and where it stands in a text. Knows nothing of SQLite."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
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
        found = (tuple(phrase.split()) or (word or '"',) for phrase, word in _PARTS.findall(folded))
        self.terms = tuple(dict.fromkeys(found))
        """The words of each term, folded."""
        self._words = sorted({word for term in self.terms for word in term}, key=len, reverse=True)
        self._phrases = [" ".join(term) for term in self.terms if len(term) > 1]
        signs = set("".join(self._words))
        self._others = "".join(OTHERS.get(sign, "") for sign in signs)
        self._caseless = all(sign.lower() == sign == sign.upper() for sign in signs)
        self.possible = not _SURROGATE.search(folded)
        """Half signs, which no stored text can hold, are not searched for."""

    def stand_in(self, text: str) -> bool:
        """Do all terms stand in this text?"""
        lower = text if self._caseless else small(text)
        for word in self._words:
            if word not in lower:
                break
        else:
            return not self._phrases or self._phrases_stand_in(text)
        if text.isascii() or not any(sign in lower for sign in self._others):
            return False
        folded = fold(text)
        return all(word in folded for word in self._words) and self._phrases_stand_in(text)

    def _phrases_stand_in(self, text: str) -> bool:
        folded = fold(text)
        if all(phrase in folded for phrase in self._phrases):
            return True
        joined = " ".join(folded.split())
        return joined != folded and all(phrase in joined for phrase in self._phrases)

    def excerpt(self, text: str) -> Excerpt:
        """Some 160 characters around the first place, spaces joined, cut where words end."""
        folded = fold(text)
        firsts = [place for term in self.terms for place in itertools.islice(_places(term, folded), 1)]
        start, end = min(firsts, default=(0, 0))
        left = _SPACES.sub(" ", text[max(0, start - 4 * _BEFORE) : start]).lstrip()
        if len(left) > _BEFORE or start > 4 * _BEFORE:
            left = left[-_BEFORE:]
            found = _BREAK.search(left[:_SLACK])
            left = "…" + (left[found.end() :].lstrip() if found else left)
        first = len(_SPACES.sub(" ", text[start:end]))
        room = max(_LENGTH - len(left), min(first, _MOST_SHOWN))
        right = _SPACES.sub(" ", text[start : start + 4 * room]).rstrip()
        whole = len(right) <= room and start + 4 * room >= len(text)
        if not whole:
            breaks = [found.start() for found in _BREAK.finditer(right, max(0, room - _SLACK), room)]
            right = right[: breaks[-1] if breaks and breaks[-1] >= first else room].rstrip()
        shown = left + right
        # What is longer than the excerpt is not found in it again.
        ranges = [(len(left), min(len(left) + first, len(shown)))] if firsts else []
        small_shown = fold(shown)
        for term in self.terms:
            ranges += _places(term, small_shown)
        return Excerpt(shown if whole else f"{shown}…", _merged(ranges))


def _places(term: Sequence[str], folded: str) -> Iterator[tuple[int, int]]:
    """Where a term stands, (start, end)."""
    if len(term) > 1:
        yield from (found.span() for found in re.finditer(r"\s+".join(map(re.escape, term)), folded))
        return
    at = folded.find(term[0])
    while at >= 0:
        yield at, at + len(term[0])
        at = folded.find(term[0], at + len(term[0]))


def _merged(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > start:
            found.append((start, end))
    return tuple(found)
