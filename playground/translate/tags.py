"""Inline markup inside a segment as numbered tags: ⟨1⟩bold⟨/1⟩ goes around words, ⟨2/⟩ stands alone.

A person sees and moves them, no format has to be known for that. What a tag stands for in the file is its `Tag`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_MARK = re.compile(r"⟨(/?)(\d{1,4})(/?)⟩")


@dataclass(frozen=True)
class Tag:
    """One piece of inline markup of a segment, as it stands in the file."""

    number: int
    opening: str
    """All of it, for a tag that stands alone."""
    closing: str = ""
    single: bool = False
    keep: bool = False
    """What it goes around is code or the like: not to be translated."""
    words: str = ""
    """What a kept one goes around, as the segment's text has it."""
    raw: str = ""
    """The same as it stands in the file; empty where that does not matter."""


@dataclass(frozen=True)
class Mark:
    """A place in a segment's text where a tag opens, closes or stands."""

    start: int
    end: int
    number: int
    kind: str
    """"open", "close" or "single"."""


def opens(number: int) -> str:
    """The mark of a tag that goes around words, where it begins."""
    return f"⟨{number}⟩"


def closes(number: int) -> str:
    """The mark where it ends."""
    return f"⟨/{number}⟩"


def alone(number: int) -> str:
    """The mark of a tag that stands alone."""
    return f"⟨{number}/⟩"


def marks(text: str) -> list[Mark]:
    """All marks in `text`, in its order."""
    return list(_marks(text))


def insides(text: str) -> dict[int, tuple[int, int]]:
    """Where the words stand that each tag goes around, by its number."""
    found, opened = {}, dict[int, int]()
    for mark in _marks(text):
        if mark.kind == "open":
            opened[mark.number] = mark.end
        elif mark.kind == "close" and mark.number in opened:
            found[mark.number] = opened[mark.number], mark.start
    return found


def emptied(source: str, target: str) -> list[int]:
    """Tags that go around words in `source` and around nothing in `target`: a link that nobody could click."""
    theirs, mine = insides(source), insides(target)
    held = [number for number, span in theirs.items() if number in mine and without(source[slice(*span)]).strip()]
    return [number for number in held if not without(target[slice(*mine[number])]).strip()]


def without(text: str) -> str:
    """`text` without its marks."""
    return _MARK.sub("", text)


def looks_like_marks(text: str) -> bool:
    """Whether a text that has no tags would be read as having some; such words become a tag that stands alone."""
    return _MARK.search(text) is not None


def pieces(text: str) -> Iterator[str | Mark]:
    """`text` as words and marks in turn; no piece is empty."""
    at = 0
    for mark in _marks(text):
        if mark.start > at:
            yield text[at : mark.start]
        yield mark
        at = mark.end
    if at < len(text):
        yield text[at:]


def faults(text: str, tags: Sequence[Tag]) -> list[str]:
    """What keeps a translation from being written with these tags, as short sentences; empty when nothing does."""
    found = marks(text)
    known = {tag.number: tag for tag in tags}
    seen = Counter((mark.number, mark.kind) for mark in found)
    said = []
    for number in sorted({mark.number for mark in found} - set(known)):
        said.append(f"The tag {number} is not in the source.")
    for tag in tags:
        for kind in ("single",) if tag.single else ("open", "close"):
            times = seen[tag.number, kind]
            if times != 1:
                said.append(f"The tag {tag.number} is missing." if not times else f"The tag {tag.number} stands twice.")
                break
    return said or _nesting(found)


def _nesting(found: Sequence[Mark]) -> list[str]:
    """Tags that close in another order than they open."""
    stack: list[int] = []
    for mark in found:
        if mark.kind == "open":
            stack.append(mark.number)
        elif mark.kind == "close":
            if not stack or stack[-1] != mark.number:
                return [f"The tag {mark.number} closes where another one is open."]
            stack.pop()
    return []


def _marks(text: str) -> Iterator[Mark]:
    for found in _MARK.finditer(text):
        closing, number, single = found.groups()
        if closing and single:
            continue
        kind = "close" if closing else "single" if single else "open"
        yield Mark(found.start(), found.end(), int(number), kind)
