"""Takes the headers, footers and page numbers off the pages of a PDF: what stands at an edge, again and again.

Knows nothing of what stands between them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from playground.documents.pdf_layout import Line

_DEPTH = 3
"""Rows of each edge that may be headers or footers; where the next one repeats too, it is the text that does."""
_PAGES = 3
"""On so many pages something stands that is not of the text; on all where there are fewer."""
_DENSE = 0.3
"""The share of the pages from its first to its last on which a numbered header stands at least."""
_NUMBER = re.compile(r"\d{1,5}(?!\d)")
_ROMAN = re.compile(r"\b[ivxlc]{1,7}$|^[ivxlc]{1,7}\b")
_BARE = re.compile(
    r"(?:page|p\.|seite|第)?\s*[-–—·|]?\s*(?:\d{1,4}|[ivxlc]{1,6})\s*[-–—·|]?\s*(?:页|頁|ページ)?"
    r"(?:\s*(?:/|of|von|共)\s*\d{1,4}\s*(?:页|頁)?)?",
    re.IGNORECASE,
)
_APART = 1.8
"""How many lines' heights a number stands away from the text to be a page's number."""


def without_edges(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages' lines without what repeats at their upper and lower edges."""
    alike: dict[tuple[str | int, int], list[Line]] = defaultdict(list)
    edges = [[*_edges(page)] for page in pages]
    for line in (line for page in edges for edge in page for row in edge for line in row):
        for key in _keys(line):
            alike[key].append(line)
    enough = min(_PAGES, max(2, len(pages)))
    words, numbers = set[int](), set[int]()
    for (common, _), lines in alike.items():
        on = {line.page for line in lines}
        if len(on) >= enough and (isinstance(common, str) or len(on) >= _DENSE * (max(on) - min(on) + 1)):
            (words if isinstance(common, str) else numbers).update(map(id, lines))
    return [_rest(page, found, words, numbers) for page, found in zip(pages, edges, strict=True)]


def _edges(page: Sequence[Line]) -> Iterator[list[list[Line]]]:
    """The outermost rows at the top and at the bottom, each from outside to inside, and one more."""
    rows: dict[int, list[Line]] = defaultdict(list)
    for line in page:
        rows[round(line.baseline)].append(line)
    for edge in (sorted(rows, reverse=True), sorted(rows)):
        yield [rows[height] for height in edge[: _DEPTH + 1]]


def _keys(line: Line) -> Iterator[tuple[str | int, int]]:
    """What this line has in common with the same header on another page: words and height; or a number and height.

    "Chapter 3: Tools 45" and "Chapter 4: Work 58" are alike in this alone: their last number is ahead of the page's
    number by the same. A number that does not stand for the page would have to grow with the pages by chance.
    """
    height = round(line.baseline / 4)
    yield _ROMAN.sub("#", " ".join(line.text.split()).casefold()), height
    found = list(_NUMBER.finditer(line.text))
    ends = {one.group() for one in found[:1] if one.start() < 3}
    ends |= {one.group() for one in found[-2:]} if found and len(line.text.rstrip()) - found[-1].end() < 3 else set()
    for number in ends:
        yield int(number) - line.page, height


def _rest(
    page: Sequence[Line], edges: Sequence[Sequence[Sequence[Line]]], words: set[int], numbers: set[int]
) -> list[Line]:
    dropped: set[int] = set()
    for edge in edges:
        if len(edge) > _DEPTH and all(id(line) in words for row in edge for line in row):
            continue
        for row in edge[:_DEPTH]:
            found = {id(line) for line in row} & (words | numbers)
            if not found:
                break
            dropped |= found
    left = [line for line in page if id(line) not in dropped]
    return [line for line in left if not (_BARE.fullmatch(line.text.strip()) and _apart(line, left))]


def _apart(line: Line, page: Sequence[Line]) -> bool:
    """Whether it stands above or below all others, with room between."""
    others = [one.baseline for one in page if one is not line]
    room = _APART * line.size
    return bool(others) and (line.baseline > max(others) + room or line.baseline < min(others) - room)
