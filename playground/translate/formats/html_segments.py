"""The text between two block tags as a segment: which tags belong to it, and where its words begin and end."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from playground.translate.formats.base import Builder, Segment
from playground.translate.formats.html_tokens import BLANKS, TokenKind
from playground.translate.formats.sources import has_letters

_BLANK = r"&(?:nbsp|#0{0,4}(?:9|10|12|13|32|160)|#[xX]0{0,4}(?:[9aAcCdD]|20|[aA]0));"
_LEADING = re.compile(rf"(?:\s|{_BLANK})*")
_LAST = re.compile(rf"{_BLANK}\Z")
_RUN = re.compile(rf"[{BLANKS}]+")
READ = frozenset({"alt", "title", "placeholder", "aria-label"})
"""Attributes that are translated."""
_HAS_READ = re.compile(rf"\b(?:{'|'.join(sorted(READ))})\s*=", re.IGNORECASE)
_MOST_TAGS = 9999
"""As many as marks have numbers."""


@dataclass
class Piece:
    """Text, an inline tag, or something else that stands in the text; `mate` is the place of a tag's other end."""

    kind: TokenKind
    start: int
    end: int
    name: str = ""
    alone: bool = False
    """A tag that has no other end."""
    keep: bool = False
    bound: bool = False
    """It is part of the words, even where it goes around all of them."""
    mate: int = -1


@dataclass(frozen=True)
class Placed:
    """A segment in the source; `tags` says for each of its tags where its opening stands."""

    start: int
    end: int
    segment: Segment
    tags: tuple[tuple[int, int, int], ...]
    """(number, start, end)"""


def placed(source: str, pieces: Sequence[Piece], context: str) -> Placed | None:
    """The segment that the pieces make; None when there is nothing to translate."""
    _pair(pieces)
    solid = list(accumulate((_is_solid(source, piece) for piece in pieces), initial=0))
    first, last = trimmed(pieces, solid)
    inside = pieces[first:last]
    if not inside or not _has_words(source, inside):
        return None
    start, end = inside[0].start, inside[-1].end
    if inside[0].kind == "text":
        start = leading(source, start, inside[0].end)
    if inside[-1].kind == "text":
        end = trailing(source, max(start, inside[-1].start), end)
    segment, tags = _built(source, pieces, solid, (first, last), (start, end), context)
    return Placed(start, end, segment, tuple(tags)) if len(segment.tags) <= _MOST_TAGS else None


def shown(raw: str) -> str:
    """Words of the source as a reader sees them."""
    return _RUN.sub(" ", html.unescape(raw))


def _built(
    source: str,
    pieces: Sequence[Piece],
    solid: Sequence[int],
    inside: tuple[int, int],
    edge: tuple[int, int],
    what: str,
) -> tuple[Segment, list[tuple[int, int, int]]]:
    builder, words, tags = Builder(), list[str](), list[tuple[int, int, int]]()
    numbers: dict[int, int] = {}
    at = inside[0]

    def flush() -> None:
        if words:
            builder.words("".join(words))
            words.clear()

    while at < inside[1]:
        piece = pieces[at]
        if piece.kind == "text":
            words.append(shown(source[max(piece.start, edge[0]) : min(piece.end, edge[1])]))
            at += 1
            continue
        flush()
        if piece.mate < 0 or (piece.mate > at and solid[piece.mate] == solid[at]):
            at = max(at, piece.mate)
            number = builder.single(source[piece.start : pieces[at].end])
            tags.append((number, piece.start, pieces[at].end))
        elif piece.mate > at:
            within = source[piece.end : pieces[piece.mate].start] if piece.keep else ""
            within = "" if _HAS_READ.search(within) else within
            numbers[at] = builder.open(source[piece.start : piece.end], piece.keep, within)
            tags.append((numbers[at], piece.start, piece.end))
        else:
            builder.close(numbers[piece.mate], source[piece.start : piece.end])
        at += 1
    flush()
    segment = builder.segment(what)
    return Segment(segment.text.strip(), segment.tags, what), tags


def _pair(pieces: Sequence[Piece]) -> None:
    """Find each tag's other end; tags that are not properly nested have none."""
    open_now: list[int] = []
    depth: dict[str, int] = {}
    for at, piece in enumerate(pieces):
        if piece.alone:
            continue
        if piece.kind == "open":
            open_now.append(at)
            depth[piece.name] = depth.get(piece.name, 0) + 1
        elif piece.kind == "close" and depth.get(piece.name):
            while True:
                other = open_now.pop()
                depth[pieces[other].name] -= 1
                if pieces[other].name == piece.name:
                    break
            piece.mate, pieces[other].mate, piece.keep = other, at, pieces[other].keep


def trimmed(pieces: Sequence[Piece], solid: Sequence[int]) -> tuple[int, int]:
    """Without what stands before and after all words, and tags that go around all of them."""
    first, last = 0, len(pieces)
    while first < last:
        before, after = pieces[first], pieces[last - 1]
        if before.kind == "open" and before.mate == last - 1:
            if before.bound:
                break
            if before.keep:
                return first, first
            first, last = first + 1, last - 1
        elif solid[first + 1] == solid[first] and before.mate < 0:
            first += 1
        elif before.mate > first and solid[before.mate] == solid[first]:
            first = before.mate + 1
        elif solid[last] == solid[last - 1] and after.mate < 0:
            last -= 1
        elif 0 <= after.mate < last - 1 and solid[last] == solid[after.mate]:
            last = after.mate
        else:
            break
    return first, max(first, last)


def _is_solid(source: str, piece: Piece) -> bool:
    return piece.kind == "text" and leading(source, piece.start, piece.end) < piece.end


def leading(source: str, start: int, end: int) -> int:
    """Where the blanks at the start of a text end."""
    found = _LEADING.match(source, start, end)
    return found.end() if found else start


def trailing(source: str, start: int, end: int) -> int:
    """Where the blanks at the end of a text begin."""
    text = source[start:end]
    while True:
        bare = text.rstrip()
        entity = _LAST.search(bare[-12:])
        bare = bare[: -len(entity[0])] if entity else bare
        if bare == text:
            return start + len(text)
        text = bare


def _has_words(source: str, pieces: Sequence[Piece]) -> bool:
    """Whether there are words that are not in tags whose content is kept."""
    kept = 0
    for piece in pieces:
        if piece.keep and piece.mate >= 0:
            kept += 1 if piece.kind == "open" else -1
        elif piece.kind == "text" and not kept and has_letters(shown(source[piece.start : piece.end])):
            return True
    return False
