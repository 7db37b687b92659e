"""Translations that are much too short or too long, and sentences of the source that have none in the target.

Sentences are put side by side by their lengths and by what both have (numbers, tags, names), as Gale and Church do for
whole texts. Knows nothing of meaning.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from playground.languages import UNSPACED
from playground.sentences import sentence_ends
from playground.translate.plain import Plain

_FACTORS = {
    "en": 1.0, "fr": 1.2, "de": 1.15, "es": 1.13, "pt": 1.08, "it": 1.14,
    "nl": 1.1, "ru": 1.08, "uk": 1.03, "pl": 1.06, "cs": 0.97, "sk": 0.98, "hu": 1.06, "ro": 1.1, "bg": 1.08,
    "el": 1.18, "tr": 1.0, "sv": 1.0, "da": 1.02, "fi": 1.03, "no": 1.0, "ca": 1.12, "ar": 0.88, "he": 0.78,
    "fa": 0.95, "hi": 1.0, "bn": 0.98, "th": 0.95, "vi": 1.05, "id": 1.08, "ms": 1.08,
}  # fmt: skip
"""Characters of a text in a language for one of English; Chinese, Japanese and Korean ones are weighed below."""
_HEAVY = (
    (re.compile(r"[\u3400-\u9fff]"), 2.1),
    (re.compile(r"[\u3040-\u30ff]"), 1.0),
    (re.compile(r"[\uac00-\ud7af]"), 1.1),
)
"""Signs that say more than a letter, and how much more; a text may have words of other languages among them."""
_SHORTEST, _LONGEST = 0.45, 2.2
"""Of the usual length."""
_ENOUGH = 30
"""Characters that a text has to be off as well; twice as many where it is too long."""
_SPREAD = 6.0
"""Variance of the length for each character of the source."""
_MOST = 80
"""Sentences up to which they are put side by side."""
_NOT_ONE = {(1, 2): 2.3, (2, 1): 2.3, (2, 2): 4.5, (1, 3): 5.0, (3, 1): 5.0}
_LOST, _ADDED = 1.0, 7.0
"""What it costs to leave a sentence alone."""
_SHORTER = 0.25
"""The share of the lost sentences by which all of the target is too short at least."""
_UNSURE = 1.5
"""More for Chinese, where many a clause becomes a sentence."""
_ANCHOR = 2.5
_SHARED = re.compile(r"\d+|\b[a-z]{0,20}[A-Z][\w.-]{1,80}|(?<![\w/.-])[/~.][\w/.-]{3,200}")


@dataclass(frozen=True)
class Sentence:
    """One of them, at `start` to `end` of the text without marks."""

    start: int
    end: int
    length: float
    anchors: frozenset[str]


def usual(source_language: str, target_language: str) -> float:
    """Characters of a translation for each of its source."""
    return _FACTORS.get(target_language, 1.0) / _FACTORS.get(source_language, 1.0)


def out_of_range(source: str, target: str, source_language: str, target_language: str) -> bool:
    """Whether the target is far too short or too long."""
    before, after = weight(source.strip()), weight(target.strip())
    expected = before * usual(source_language, target_language)
    if after < expected * _SHORTEST:
        return expected - after > _ENOUGH
    return after > expected * _LONGEST and after - expected > 2 * _ENOUGH


def weight(text: str) -> float:
    """How long a text is, in letters."""
    return len(text) + (0.0 if text.isascii() else sum(more * len(signs.findall(text)) for signs, more in _HEAVY))


def missing_sentences(
    source: Plain, target: Plain, source_language: str, target_language: str
) -> list[tuple[int, int]]:
    """The source's sentences, as stretches of its text without marks, that the target has nothing for."""
    theirs, mine = sentences(source, source_language), sentences(target, target_language)
    if len(mine) >= len(theirs) or not mine or len(theirs) > _MOST:
        return []
    shared = frozenset().union(*(one.anchors for one in theirs)) & frozenset().union(*(one.anchors for one in mine))
    unsure = source_language in UNSPACED or target_language in UNSPACED
    lost = _alone(theirs, mine, usual(source_language, target_language), shared, _LOST + unsure * _UNSURE)
    spare = sum(one.length for one in theirs) - sum(one.length for one in mine) / usual(
        source_language, target_language
    )
    if spare < _SHORTER * sum(theirs[at].length for at in lost):
        return []
    return [(theirs[at].start, theirs[at].end) for at in lost]


def sentences(text: Plain, language: str) -> list[Sentence]:
    """Those with words in them."""
    found = []
    start = 0
    for end in sentence_ends(text.text, language):
        said = text.text[start:end].strip()
        if any(sign.isalnum() for sign in said):
            anchors = {one.rstrip(".-/") for one in _SHARED.findall(said)}
            anchors |= {f"⟨{mark.number}⟩" for at, mark in text.marks if start <= at < end and mark.kind != "close"}
            found.append(Sentence(start, end, weight(said), frozenset(anchors)))
        start = end
    return found


def _alone(
    theirs: Sequence[Sentence], mine: Sequence[Sentence], factor: float, shared: frozenset[str], lost_cost: float
) -> list[int]:
    """Which of `theirs` stand alone when the sentences are put side by side at the least cost."""
    steps = [(1, 1), *_NOT_ONE, (1, 0), (0, 1)]
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {(0, 0): (0.0, (0, 0))}
    for i in range(len(theirs) + 1):
        for j in range(len(mine) + 1):
            options = [
                (best[i - a, j - b][0] + _cost(theirs[i - a : i], mine[j - b : j], factor, shared, lost_cost), (a, b))
                for a, b in steps
                if i >= a and j >= b
            ]
            if options:
                best[i, j] = min(options)
    lost = []
    i, j = len(theirs), len(mine)
    while i or j:
        a, b = best[i, j][1]
        if (a, b) == (1, 0):
            lost.append(i - 1)
        i, j = i - a, j - b
    return lost[::-1]


def _cost(
    theirs: Sequence[Sentence], mine: Sequence[Sentence], factor: float, shared: frozenset[str], lost_cost: float
) -> float:
    """How unlikely it is that these are translations of each other."""
    ours, yours = _anchors(mine), _anchors(theirs)
    strayed = _ANCHOR * len((ours ^ yours) & shared)
    if not mine:
        return lost_cost + strayed
    if not theirs:
        return _ADDED + strayed
    before, after = sum(one.length for one in theirs), sum(one.length for one in mine)
    middle = (before + after / factor) / 2
    off = abs(after / factor - before) / math.sqrt(_SPREAD * max(middle, 4))
    return _NOT_ONE.get((len(theirs), len(mine)), 0.0) - math.log(max(math.erfc(off / math.sqrt(2)), 1e-30)) + strayed


def _anchors(some: Sequence[Sentence]) -> frozenset[str]:
    return frozenset().union(*(one.anchors for one in some))
