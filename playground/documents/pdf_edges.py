"""Takes the headers, footers and page numbers off the pages of a PDF: what stands at an edge, again and again, and
running heads, which change with chapters and sections but always stand in the same place.

Knows nothing of what stands between them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from playground.documents.joining import is_wide
from playground.documents.pdf_layout import Line

_DEPTH = 3
"""Rows of each edge that may be headers or footers; where the next one repeats too, it is the text that does."""
_PAGES = 3
"""On so many pages something stands that is not of the text; on all where there are fewer."""
_REACH = 8
"""Pages before and behind on which the same words must stand."""
_DENSE = 0.3
"""The share of the pages from its first to its last on which a numbered header stands at least."""
_NUMBER = re.compile(r"\d{1,5}(?!\d)")
_ROMAN = re.compile(r"\b[ivxlc]{1,7}$|^[ivxlc]{1,7}\b")
_BARE = re.compile(
    r"(?:page|p\.|seite|第)?\s*[-–—·|]?\s*(?:\d{1,4}|[ivxlc]{1,6})\s*[-–—·|]?\s*(?:页|頁|ページ)?"
    r"(?:\s*(?:/|of|von|共)\s*\d{1,4}\s*(?:页|頁)?)?",
    re.IGNORECASE,
)
_ZONE = 2.0
"""Running heads stand at one height, give or take so many points."""
_OFTEN, _NEIGHBOURS, _COMMON = 0.5, 4, 0.3
"""Of what stands in their place so much begins or ends as on one of the next pages, for so much of its length."""
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
        if isinstance(common, str):  # Not at the same height on three of a hundred pages, as "Note" may stand.
            near = {page for page in on if sum(abs(page - other) <= _REACH for other in on) >= enough}
            words.update(id(line) for line in lines if line.page in near)
        elif len(on) >= enough and len(on) >= _DENSE * (max(on) - min(on) + 1):
            numbers.update(map(id, lines))
    rest = [_rest(page, found, words, numbers) for page, found in zip(pages, edges, strict=True)]
    heads = {id(line) for top in (True, False) for row in _running(rest, top=top) for line in row}
    return [[line for line in page if id(line) not in heads] for page in rest]


def _running(pages: Sequence[Sequence[Line]], *, top: bool) -> list[list[Line]]:
    """The rows that are running heads, or feet.

    They are no larger than the text, stand apart from it, outside of it on every page, and neighbours have something
    in common: the chapter. That of a chapter of two pages has not, but stands where the others stand.
    """
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page:
            sizes[line.size] += len(line.text)
    usual = sizes.most_common(1)[0][0] if sizes else 0.0
    outer = [row for page in pages if (row := _outermost(page, top=top))]
    fitting = {
        row[0].page for row, page in zip(outer, filter(None, pages), strict=True)
        if row[0].size <= 1.05 * usual and _alone(row, page)
    }  # fmt: skip
    found: list[list[Line]] = []
    places: dict[int, list[list[Line]]] = defaultdict(list)
    for row in outer:
        places[round(row[0].baseline / _ZONE)].append(row)
    for place in sorted(places, key=lambda one: -len(places[one])):
        height = place * _ZONE
        rows = [row for near in (place - 1, place, place + 1) for row in places.get(near, ())]
        rows.sort(key=lambda row: row[0].page)
        beyond = [row for row in outer if (row[0].baseline - height) * (1 if top else -1) > 2 * _ZONE]
        if len(rows) < _PAGES or beyond or not all(row[0].page in fitting for row in rows):
            continue
        akin = sum(any(_akin(row, other) for other in _close(rows, number)) for number, row in enumerate(rows))
        if akin >= _OFTEN * len(rows):
            found += rows
    return found


def _outermost(page: Sequence[Line], *, top: bool) -> list[Line]:
    """The lines of the highest or the lowest row, from left to right."""
    if not page:
        return []
    edge = (max if top else min)(line.baseline for line in page)
    return sorted((line for line in page if abs(line.baseline - edge) < 1), key=lambda line: line.left)


def _alone(row: Sequence[Line], page: Sequence[Line]) -> bool:
    """Whether there is room between it and the text."""
    others = [line.baseline for line in page if all(line is not one for one in row)]
    return bool(others) and min(abs(row[0].baseline - one) for one in others) > _APART * row[0].size


def _close(rows: Sequence[Sequence[Line]], number: int) -> Iterator[Sequence[Line]]:
    """Those on the pages around."""
    for other in rows[max(0, number - _NEIGHBOURS) : number + _NEIGHBOURS + 1]:
        if other is not rows[number] and abs(other[0].page - rows[number][0].page) <= _NEIGHBOURS:
            yield other


def _akin(one: Sequence[Line], two: Sequence[Line]) -> bool:
    """Whether two rows begin alike, or end alike."""
    first, second = (" ".join(line.text.strip() for line in row).casefold() for row in (one, two))
    least = max(4 if is_wide(first[0]) or is_wide(first[-1]) else 8, _COMMON * min(len(first), len(second)))
    return max(_alike(first, second), _alike(first[::-1], second[::-1])) >= least


def _alike(one: str, two: str) -> int:
    """How many characters they have in common at their beginnings."""
    return next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))


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
