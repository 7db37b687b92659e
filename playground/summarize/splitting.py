"""Cuts a text into parts that fit a model's context, at the best places there are. Knows nothing of models.

Parts follow each other without a gap: joined they are the text. A sentence is cut only when it does not fit alone, and
then the part says so.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from playground.sentences import between_characters, clause_ends, line_ends, sentence_ends, word_ends

_END, _BLOCK, _LINE, _SENTENCE = 0, 7, 8, 9
"""How good a place is to cut, less is better; before a heading it is the heading's level, 1 to 6."""
_FILL = 0.5
"""Of a part's size that is filled before a better place to cut is chosen over a later one."""
_WORTH = 8.0
"""What it is worth to fill a part, against the ranks of breaks: a heading at half is better than a block at the end."""
_SLACK = 1.05
_GUESSES = 6
_LONG_LINE = 400
"""Characters of a line of a list or table in which sentences are looked for."""
_SURELY = 16
"""So many times what is about right does not fit: no text is so much denser than the one before it."""
_SAMPLE = 4000
"""Characters that are counted for a first guess."""


Kept = tuple[str, int, int | None, int]
"""A block as it is kept: kind, level, page, start in the text."""


@dataclass(frozen=True)
class Break:
    """A place where a text may be cut, in characters, and how good it is (0 is best)."""

    at: int
    rank: int


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` of a text. `torn`: its last sentence goes on in the next one."""

    start: int
    end: int
    torn: bool = False


def breaks_of(text: str, blocks: Sequence[Kept], language: str) -> list[Break]:
    """Every place where a document's text may be cut; the last is its end. Without `blocks`: where sentences end."""
    found: list[Break] = []
    for number, (kind, level, _, start) in enumerate(blocks):
        end = blocks[number + 1][3] if number + 1 < len(blocks) else len(text)
        if number:
            after_heading = blocks[number - 1][0] == "heading"
            rank = level if kind == "heading" else _SENTENCE if after_heading else _BLOCK
            found.append(Break(start, rank))
        found += _inside(text[start:end], start, kind in ("paragraph", "heading"), language)
    if not blocks:
        found = _inside(text, 0, True, language)
    return [*found, Break(len(text), _END)]


def _inside(text: str, start: int, prose: bool, language: str) -> list[Break]:
    if prose:
        return [Break(start + end, _SENTENCE) for end in sentence_ends(text, language)[:-1]]
    found: list[Break] = []
    at = 0
    for line in text.splitlines(keepends=True):
        if len(line) > _LONG_LINE:
            found += [Break(start + at + end, _SENTENCE) for end in sentence_ends(line, language)[:-1]]
        at += len(line)
        if line.strip():
            found.append(Break(start + at, _LINE))
    return [one for one in found if one.at < start + len(text)]


def split(text: str, breaks: Sequence[Break], count: Callable[[str], int], budget: int, target: int = 0) -> list[Span]:
    """Parts of which `count` says at most `budget` each; `breaks` are ascending and end with the text's end.

    `count` must grow with its text. Parts are made about `target` long (by `count`) where that is less, all of about
    the same size. Raises ValueError when not even one character fits.
    """
    return _Splitter(text, breaks, count, budget, target).run()


class _Splitter:
    def __init__(
        self, text: str, breaks: Sequence[Break], count: Callable[[str], int], budget: int, target: int
    ) -> None:
        self._text = text
        self._breaks = breaks
        self._places = [one.at for one in breaks]
        self._count = count
        self._budget = budget
        self._base = count("")
        self._wanted = min(target, budget) if target else budget
        sample = text[:_SAMPLE]
        self._per_token = max(0.1, len(sample) / max(1, count(sample) - self._base))
        """Characters, in what was measured last."""

    def run(self) -> list[Span]:
        spans: list[Span] = []
        start = 0
        while start < len(self._text):
            end, torn = self._end_of(start)
            if spans and not self._text[start:end].strip():  # Blanks alone are no part.
                spans[-1] = Span(spans[-1].start, end, spans[-1].torn and torn)
            else:
                spans.append(Span(start, end, torn))
            start = end
        return spans

    def _end_of(self, start: int) -> tuple[int, bool]:
        """Where the part that begins at `start` ends, and whether that is inside of a sentence."""
        first = bisect_right(self._places, start)
        last = self._last_that_fits(start, first, self._limit(start))
        if last < first and self._size(start, self._places[first]) <= self._budget:
            last = first
        if last < first:
            return self._torn(start, self._places[first]), True
        reach = self._places[last] - start
        choices = range(bisect_left(self._places, start + int(_FILL * reach), first, last), last + 1)
        best = min(choices, key=lambda at: self._breaks[at].rank - _WORTH * (self._places[at] - start) / reach)
        if best < last and self._size(start, self._places[best]) > self._budget:
            best = last  # A tokenizer may need more tokens for less text, though seldom.
        return self._places[best], False

    def _limit(self, start: int) -> int:
        """The size that makes all parts that are still to come about equal."""
        room = self._wanted - self._base
        rest = (len(self._text) - start) / self._per_token
        parts = math.ceil(rest / room) if room > 0 else 1
        return min(self._wanted, self._base + math.ceil(_SLACK * rest / max(1, parts)))

    def _last_that_fits(self, start: int, first: int, limit: int) -> int:
        """The last break up to which the text is no longer than `limit`; `first` - 1 if there is none."""
        low, high = first - 1, len(self._breaks)
        tries = 0
        while low + 1 < high:
            guess = start + int((limit - self._base) * self._per_token)
            at = bisect_right(self._places, guess, low + 1, high) - 1
            at = (low + high) // 2 if tries > _GUESSES else min(max(at, low + 1), high - 1)
            size = self._size(start, self._places[at])
            if self._base < size < self._budget + self._wanted:
                self._per_token = max(0.1, (self._places[at] - start) / (size - self._base))
            low, high = (at, high) if size <= limit else (low, at)
            tries += 1
        return low

    def _torn(self, start: int, end: int) -> int:
        """A place inside of a sentence that does not fit: behind a clause, else a word, else anywhere."""
        low, high = 0, end - start
        step = max(1, int((self._budget - self._base) * self._per_token))
        while low < high:  # The most characters that fit, found from a guess that is about right.
            size = min(low + step, high)
            if self._size(start, start + size) <= self._budget:
                low, step = size, step * 2 if step > 1 else 1
            else:
                high = size - 1
            step = max(1, min(step, (high - low + 1) // 2))
        if not low:
            raise ValueError("not even one character fits")
        piece = self._text[start : start + low]
        for ends in (line_ends(piece), clause_ends(piece), word_ends(piece)):
            found = [one for one in ends if _FILL * low <= one < low]
            if found and self._size(start, start + found[-1]) <= self._budget:
                return start + found[-1]
        return start + (between_characters(self._text[start:end], low) or low)

    def _size(self, start: int, end: int) -> int:
        if end - start > _SURELY * self._per_token * self._budget:
            return self._budget + self._wanted  # Counting a megabyte for each part would take longer than all else.
        return self._count(self._text[start:end])
