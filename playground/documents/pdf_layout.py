"""Makes headings, paragraphs, lists and code of the lines of a PDF, by where they stand and how large they are.

A PDF knows no paragraphs: a line goes on in the next one when the next one's first word had no room in it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from playground.documents.joining import is_wide, joined
from playground.documents.values import Block, BlockKind

HYPHEN = "\x02"
"""Stands for a hyphen at a line's end."""
_BULLETS = "•‣◦▪▫●○■□◆◇·∙➢➤✓\uf0b7\uf0a7\uf0d8"
_BULLET = re.compile(rf"(?:[{_BULLETS}]\s*|[–—*-]\s+)(?=\S)")
_NUMBER = re.compile(
    r"(?:\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)]\s+|[(（]?[\d一二三四五六七八九十]{1,3}[)）、．]\s*)(?=\S)"
)
_LEADER = re.compile(r"(?:\s?[.·…]){4,}\s*")
"""The dots between a title and its page in a table of contents."""
_LABEL = re.compile(
    r"(?:chapter|part|appendix|section|book|kapitel|teil|anhang|abschnitt|chapitre|partie|annexe|cap[ií]tulo|capitolo|"
    r"parte|ap[eé]ndice|appendice|附录|附錄|глава|часть)\s*(?:\d{1,3}|[a-z]|[ivxlc]{1,7}|[一二三四五六七八九十]{1,3})[.:]?"
    r"|第\s*[\d一二三四五六七八九十百]{1,5}\s*[章节節部篇编編回卷]",
    re.IGNORECASE,
)
"""The number of a chapter, whose title stands below."""
_CLAUSE_ENDS = ".,;:!?。，；：！？、"
_SENTENCE_ENDS = ".!?:;。！？：；…”）)"
_COMPOUNDS = ("well", "self")
"""First parts of words that are written with a hyphen, and no syllables of others."""
_LARGER = 1.12
"""A heading's letters against those of the text."""
_LONGEST_HEADING = 200
_ENOUGH = 6
"""Lines that begin at one place, for their ends to say where the column ends."""


@dataclass(frozen=True)
class Line:
    """One line of a page, as PDFium gives it: points, the baseline growing upwards. `page` counts from 1."""

    text: str
    left: float
    right: float
    baseline: float
    size: float
    bold: bool
    fixed: bool
    page: int


@dataclass(frozen=True)
class _Style:
    """What is usual in this document."""

    size: float
    bold: bool
    fixed: bool
    leading: dict[float, float]
    """From baseline to baseline, by the size of the letters."""
    margins: dict[int, float]
    """How far to the right lines reach, by how far to the left they begin; where enough of them begin."""
    reach: float
    """The same, for all lines."""
    headings: tuple[float, ...]
    """The sizes of headings, largest first."""

    def margin(self, line: Line) -> float:
        """The right edge of the column that this line stands in."""
        own = _column(line.left)
        if own in self.margins:
            return self.margins[own]
        reach = range(_column(line.left - 3 * line.size), _column(line.left + 3 * line.size) + 1)
        return max((self.margins[column] for column in reach if column in self.margins), default=self.reach)

    def leads(self, line: Line) -> float:
        """From this line's baseline to the next one's, within a paragraph."""
        return self.leading.get(line.size, 1.2 * line.size)


def blocks_of(pages: Sequence[Sequence[Line]]) -> tuple[Block, ...]:
    """The blocks of a document, given the lines of each page without headers and footers."""
    lines = [replace(line, size=line.size or 1.0) for page in pages for line in page]
    if not lines:
        return ()
    style = _style(lines)
    groups: list[tuple[BlockKind, list[Line]]] = []
    for line in lines:
        kind = _kind(line, style)
        if groups and _goes_on(groups[-1][0], groups[-1][1], kind, line, style):
            groups[-1][1].append(line)
        else:
            groups.append((kind, [line]))
    words = _Words(lines)
    return tuple(_titled(_merged(_block(kind, group, style, words) for kind, group in groups)))


def _merged(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks with the points of a list in one, as far as they stand on one page."""
    for (kind, page, _), found in groupby(enumerate(blocks), lambda one: (one[1].kind, one[1].page, _solo(*one))):
        row = [block for _, block in found]
        yield Block("list", "\n".join(block.text for block in row), page=page) if kind == "list" else row[0]


def _titled(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks with "Chapter 5" and the title that stands below it in one."""
    label: Block | None = None
    for block in blocks:
        if label is not None and block.kind == "heading" and block.page == label.page:
            yield replace(block, text=f"{label.text} {block.text}", level=min(label.level, block.level))
            label = None
            continue
        if label is not None:
            yield label
        label = block if block.kind == "heading" and _LABEL.fullmatch(block.text) else None
        if label is None:
            yield block
    if label is not None:
        yield label


def _solo(number: int, block: Block) -> int:
    return 0 if block.kind == "list" else number + 1


def _column(left: float) -> int:
    return round(left / 6)


def _style(lines: Sequence[Line]) -> _Style:
    sizes: Counter[float] = Counter()
    weights: Counter[tuple[bool, bool]] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
        weights[line.bold, line.fixed] += len(line.text)
    size = sizes.most_common(1)[0][0]
    bold, fixed = weights.most_common(1)[0][0]
    steps: dict[float, Counter[float]] = defaultdict(Counter)
    for one, two in pairwise(lines):
        step = round(one.baseline - two.baseline, 0)
        if one.size == two.size and one.page == two.page and 0 < step < 3 * one.size:
            steps[one.size][step] += 1
    leading = {of: max(counted.items(), key=lambda pair: (pair[1], -pair[0]))[0] for of, counted in steps.items()}
    rights: dict[int, list[float]] = defaultdict(list)
    for line in lines:
        rights[_column(line.left)].append(line.right)
    margins = {column: _edge(found) for column, found in rights.items() if len(found) >= _ENOUGH}
    large = sorted({line.size for line in lines if line.size >= size * _LARGER and _short(line)}, reverse=True)
    levels: list[float] = []
    for one_size in large:
        if not levels or one_size < levels[-1] * 0.95:
            levels.append(one_size)
    return _Style(size, bold, fixed, leading, margins, _edge([line.right for line in lines]), tuple(levels))


def _edge(rights: Sequence[float]) -> float:
    """Where lines end at the right: the outermost place where several do, as single ones may stand out."""
    places = Counter(round(right / 3) for right in rights)
    several = [place for place, count in places.items() if count >= max(2, 0.02 * len(rights))]
    return 3.0 * max(several) if several else max(rights)


def _short(line: Line) -> bool:
    return len(line.text) <= _LONGEST_HEADING and any(sign.isalpha() for sign in line.text)


def _level(line: Line, style: _Style) -> int:
    """Of a heading, 1 to 6; 0 when the line is none."""
    if not _short(line) or line.fixed or _LEADER.search(line.text):
        return 0
    if line.size >= style.size * _LARGER:
        return min(6, 1 + next((n for n, size in enumerate(style.headings) if line.size >= size * 0.95), 5))
    bold = line.bold and not style.bold and line.size >= style.size * 0.98
    if bold and len(line.text) <= 100 and line.text.rstrip()[-1] not in _CLAUSE_ENDS:
        return min(6, len(style.headings) + 1)
    return 0


def _kind(line: Line, style: _Style) -> BlockKind:
    if _level(line, style):
        return "heading"
    if line.fixed and not style.fixed:
        return "code"
    text = line.text.lstrip()
    return "list" if _BULLET.match(text) or _NUMBER.match(text) or _LEADER.search(text) else "paragraph"


def _goes_on(old: BlockKind, group: list[Line], kind: BlockKind, line: Line, style: _Style) -> bool:
    """Whether this line belongs to the block of the lines before it."""
    last = group[-1]
    same_page = last.page == line.page
    step = last.baseline - line.baseline if same_page else 0.0
    usual = style.leads(last)
    near = same_page and 0 < step <= 1.4 * usual
    if old == "code" and kind == "code":
        return not same_page or 0 < step <= 2.2 * usual
    if "heading" in (old, kind):
        level = _level(last, style)
        wrapped = old == kind and near and level == _level(line, style) and last.bold == line.bold
        # In two lines only where the first had no room for more, or both are centred.
        return wrapped and (_full(last, line, style) or _centred(last, line))
    if last.text.endswith(HYPHEN) and kind != "code":
        return True
    if "code" in (old, kind) or abs(last.size - line.size) > 0.15 * line.size:
        return False
    if kind == "list" or _LEADER.search(last.text) or not _full(last, line, style):
        return False
    if near:
        indented = line.left - last.left > 0.8 * line.size
        return not (indented and old == "paragraph" and len(group) > 1)
    # A page or a column ends here: the paragraph goes on when its sentence has not ended.
    turned = not same_page or step <= 0
    return turned and last.text.rstrip()[-1] not in _SENTENCE_ENDS


def _centred(one: Line, two: Line) -> bool:
    return abs((one.left + one.right) - (two.left + two.right)) < one.size and abs(one.left - two.left) > 1


def _full(line: Line, following: Line, style: _Style) -> bool:
    """Whether the first word of the following line had no room in this one, or almost none."""
    if line.text.endswith(HYPHEN):
        return True
    margin, text = style.margin(line), following.text.strip()
    last = line.text.rstrip()[-1]
    if (is_wide(text[0]) and last not in _SENTENCE_ENDS) or (text[0].islower() and last not in _CLAUSE_ENDS):
        return line.right >= line.left + 0.7 * (margin - line.left)
    cells = sum(2 if is_wide(sign) else 1 for sign in text)
    word = 2 if is_wide(text[0]) else len(text.split()[0]) + 1
    room = word * (following.right - following.left) / cells
    return line.right + room >= margin - (0.3 if is_wide(text[0]) else 1.0) * line.size


class _Words:
    """The words of a document: whether a hyphen at a line's end belongs to the word."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._known = {word.strip(_CLAUSE_ENDS + "()\"'“”") for line in lines for word in line.text.split()}

    def dehyphenated(self, text: str) -> str:
        """The text with the hyphens at its lines' ends taken away, but for those that are written elsewhere too."""
        return re.sub(rf"(?<![^\W_])([^\W_]+){HYPHEN}\n?([^\W_]+)?", self._one, text).replace(HYPHEN, "-")

    def _one(self, found: re.Match[str]) -> str:
        first, second = found.group(1), found.group(2) or ""
        kept = not second or second[0].isupper() or second[0].isdigit() or first.lower() in _COMPOUNDS
        kept = kept or (f"{first}-{second}" in self._known and first + second not in self._known)
        return f"{first}-{second}" if kept else first + second


def _block(kind: BlockKind, group: list[Line], style: _Style, words: _Words) -> Block:
    page = group[0].page
    if kind == "code":
        return Block("code", "\n".join(_indented(group)).replace(HYPHEN, "-"), page=page)
    text = words.dehyphenated("\n".join(line.text.strip(" ") for line in group))
    text = _LEADER.sub(" … ", joined(text.replace("\xa0", " ").split("\n"))).strip()
    if kind == "heading":
        return Block("heading", text, level=_level(group[0], style), page=page)
    if kind == "list" and (bullet := _BULLET.match(text)):
        text = "- " + text[bullet.end() :]
    return Block(kind, text, page=page)


def _indented(group: list[Line]) -> Iterator[str]:
    """Code with the blanks before each line, which a PDF leaves out."""
    edge = min(line.left for line in group)
    for line in group:
        text = line.text.strip()
        width = (line.right - line.left) / len(text)
        yield " " * (round((line.left - edge) / width) if width > 0 else 0) + text
