"""Translations that go round in circles: the same words again and again where the source has them once."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|(?=\d*[^\W\d_])[^\W_\u3040-\u30ff\u3400-\u9fff]+")
"""A word; numbers alone are left out, so that a loop that counts is one."""
_STUTTER = re.compile(r"([^\W\d_])\1{7,}|([^\W\d_]{2,4}?)\2{5,}")
_LONGEST = 40
"""Words in a phrase that is looked for."""
_LONG = 6
"""Words of a phrase that nobody says twice in a row."""
_TIMES = 3
_SIGNS = 5
"""Times for one Chinese sign: 哈哈哈 is a word."""


def find(source: str, target: str) -> list[tuple[int, int, str]]:
    """Where `target` repeats itself more often in a row than `source` does, and what; the first place alone."""
    tokens = [(found.start(), found.end(), found[0].casefold()) for found in _TOKEN.finditer(target)]
    words = [word for _, _, word in tokens]
    theirs = [found[0].casefold() for found in _TOKEN.finditer(source)]
    for size in range(1, min(_LONGEST, len(words) // 2) + 1):
        at, length = _longest(words, size)
        times = length // size + 1
        least = 2 if size >= _LONG else _TIMES
        if size == 1 and times > 1 and len(words[at]) == 1:
            least = _SIGNS
        if times >= least and times > _longest(theirs, size)[1] // size + 1:
            return [(tokens[at][0], tokens[at + length + size - 1][1], _said(target, tokens[at : at + size]))]
    stutter = _STUTTER.search(target)
    if stutter and not _STUTTER.search(source):
        return [(stutter.start(), stutter.end(), stutter[1] or stutter[2])]
    return []


def _said(text: str, tokens: list[tuple[int, int, str]]) -> str:
    return text[tokens[0][0] : tokens[-1][1]][:60]


def _longest(words: list[str], size: int) -> tuple[int, int]:
    """Where the longest stretch begins in which each word stands again `size` words later, and how long it is."""
    best = (0, 0)
    length = 0
    for at in range(size, len(words)):
        length = length + 1 if words[at] == words[at - size] else 0
        if length > best[1]:
            best = (at - size - length + 1, length)
    return best
