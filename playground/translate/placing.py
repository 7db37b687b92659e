"""Puts the tags of a source into its translation, by which words stand for which. Knows nothing of models.

Each tag comes out exactly once and nested as before, so that a translation can always be written into its file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from playground.translate.finding import places, unspaced
from playground.translate.tags import alone, closes, marks, opens, without

Span = tuple[int, int]
_CLOSING, _OPENING = re.compile(r"[\s\u00a0]?[\"'”’»›)\]}」』》）]"), re.compile(r"[\"'“‘«‹(\[{「『《（][\s\u00a0]?$")
"""What belongs to the words before it, or behind it: quotation marks and brackets, in French with a blank."""
_WORD = re.compile(r"\w+(?:['’-]\w+)*", re.UNICODE)


@dataclass(frozen=True)
class Pair:
    """Characters of the translation, and those of the source (both without tags) that they stand for."""

    start: int
    end: int
    source_start: int
    source_end: int


@dataclass
class _Node:
    """A tag over characters of the source; one that stands alone is over none."""

    number: int
    start: int
    end: int
    single: bool
    children: list[_Node] = field(default_factory=list)
    place: Span = (0, 0)
    """In the translation."""


def placed(source: str, target: str, pairs: Sequence[Pair]) -> str:
    """`target`, which has no tags, with those of `source`."""
    top = _tree(source)
    plain = without(source)
    top.place = (0, len(target))
    _place(top, plain, target, pairs)
    return _written(top, target)


def _tree(source: str) -> _Node:
    top = _Node(0, 0, len(without(source)), False)
    stack, taken = [top], 0
    for mark in marks(source):
        at = mark.start - taken
        taken += mark.end - mark.start
        if mark.kind == "close":
            if len(stack) > 1 and stack[-1].number == mark.number:
                stack.pop().end = at
            continue
        node = _Node(mark.number, at, at, mark.kind == "single")
        stack[-1].children.append(node)
        if mark.kind == "open":
            stack.append(node)
    return top


def _place(parent: _Node, source: str, target: str, pairs: Sequence[Pair]) -> None:
    """Give each child a place inside of its parent's that no other child has."""
    free = [parent.place]
    # What can be found letter by letter is surer than what only stands for it, so it chooses first; and of that the
    # longest, which may hold words that others look for.
    ranked = sorted(parent.children, key=lambda node: (node.single, *_surety(source[node.start : node.end], target)))
    for node in ranked:
        node.place = (
            _point(node, parent, target, pairs, free) if node.single else _best(node, source, target, pairs, free)
        )
        free = [piece for span in free for piece in _without(span, node.place)] or [node.place]
        _place(node, source, target, pairs)


def _surety(words: str, target: str) -> tuple[bool, int]:
    found = bool(words.strip()) and words.strip() in target
    return not found, -len(words) if found else 0


def _best(node: _Node, source: str, target: str, pairs: Sequence[Pair], free: Sequence[Span]) -> Span:
    """Where the words that a tag goes around went."""
    looked = [pair for pair in pairs if pair.source_start < node.end and pair.source_end > node.start]
    middle = _middle(node, source, target, looked)
    words = source[node.start : node.end].strip()
    same = [at for span in free for at in places(words, target, *span)] if words else []
    if same:
        start = min(same, key=lambda at: abs(at + len(words) / 2 - middle))
        return start, start + len(words)
    spans = [found for span in free if (found := _densest(node, pairs, span))]
    if not spans:
        return _nearest_word(target, middle, free) if words else (_nearest(middle, free),) * 2
    start, end = max(spans, key=lambda found: found[1] - found[0])
    low, high = next(span for span in free if span[0] <= start and end <= span[1])
    start, end = _whole_words(target, start, end, low, high)
    return _with_quotes(words, target, start, end, low, high)


def _densest(node: _Node, pairs: Sequence[Pair], span: Span) -> Span | None:
    """The stretch of `span` that stands for the tag's words with the fewest others in it."""
    best: tuple[int, Span] | None = None
    total, start = 0, span[0]
    for pair in pairs:
        if pair.start < span[0] or pair.end > span[1]:
            continue
        inside = pair.source_start < node.end and pair.source_end > node.start
        if total <= 0:
            total, start = 0, pair.start
        total += 1 if inside else -1
        if inside and (best is None or total > best[0]):
            best = total, (start, pair.end)
    return best[1] if best else None


def _point(node: _Node, parent: _Node, target: str, pairs: Sequence[Pair], free: Sequence[Span]) -> Span:
    """Where a tag that stands alone goes: ahead of what stands for the words behind it, or after those before it."""
    if node.start >= parent.end:
        return (free[-1][1], free[-1][1])
    if node.start <= parent.start:
        return (free[0][0], free[0][0])
    behind = [pair for pair in pairs if pair.source_start >= node.start]
    before = [pair for pair in pairs if pair.source_end <= node.start]
    nearest = min((pair.source_start for pair in behind), default=None)
    if nearest is not None and (not before or nearest - node.start <= node.start - max(p.source_end for p in before)):
        at = min(pair.start for pair in behind if pair.source_start == nearest)
    elif before:
        last = max(pair.source_end for pair in before)
        at = max(pair.end for pair in before if pair.source_end == last)
    else:
        at = round(len(target) * node.start / max(1, parent.end))
    at = _nearest(at, free)
    return at, at


def _middle(node: _Node, source: str, target: str, looked: Sequence[Pair]) -> float:
    if looked:
        return sum(pair.start + pair.end for pair in looked) / (2 * len(looked))
    return len(target) * (node.start + node.end) / 2 / max(1, len(source))


def _with_quotes(words: str, target: str, start: int, end: int, low: int, high: int) -> Span:
    """The span with the quotation mark or bracket at its end, and at its start, when those of the source had one."""
    if _CLOSING.match(words[-1:]) and not _CLOSING.match(target[end - 1 : end]):
        behind = _CLOSING.match(target, end, high)
        end = behind.end() if behind else end
    if _OPENING.search(words[:1]) and not _OPENING.search(target[start : start + 1]):
        before = _OPENING.search(target[low:start])
        start = low + before.start() if before else start
    return start, end


def _whole_words(target: str, start: int, end: int, low: int, high: int) -> Span:
    """The span up to the ends of the words it cuts into, as far as that is free."""
    for word in _WORD.finditer(target):
        if unspaced(word[0]):
            continue
        if word.start() < start < word.end():
            start = max(low, word.start())
        if word.start() < end < word.end():
            end = min(high, word.end())
    return start, end


def _without(span: Span, taken: Span) -> list[Span]:
    if taken[1] < span[0] or taken[0] > span[1]:
        return [span]
    return [piece for piece in ((span[0], taken[0]), (taken[1], span[1])) if piece[0] <= piece[1]]


def _nearest(at: float, free: Sequence[Span]) -> int:
    """The place in `free` that is nearest to `at`."""
    inside = [min(max(round(at), low), high) for low, high in free]
    return min(inside, key=lambda one: abs(one - at))


def _nearest_word(target: str, at: float, free: Sequence[Span]) -> Span:
    """A word for a tag whose own words the model left out: a link without any could not be clicked."""
    spans = [found.span() for low, high in free for found in _WORD.finditer(target, low, high)]
    whole = [span for span in spans if not _cuts(target, *span)]
    if not whole:
        return (_nearest(at, free),) * 2
    return min(whole, key=lambda span: abs((span[0] + span[1]) / 2 - at))


def _cuts(target: str, start: int, end: int) -> bool:
    """Whether a word goes on outside, or is no such word at all: in Chinese nobody sees where one ends."""
    around = target[max(0, start - 1) : start], target[end : end + 1]
    return any(one.isalnum() for one in around) or unspaced(target[start:end])


def _written(node: _Node, target: str) -> str:
    """The translation under a node, with the marks of what is below it."""
    out, at = [], node.place[0]
    for child in sorted(node.children, key=lambda one: (*one.place, one.number)):
        out.append(target[at : child.place[0]])
        inside = "" if child.single else _written(child, target)
        out.append(alone(child.number) if child.single else f"{opens(child.number)}{inside}{closes(child.number)}")
        at = child.place[1]
    out.append(target[at : node.place[1]])
    return "".join(out)
