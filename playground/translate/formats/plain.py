"""Plain text: paragraphs, and lines that were ended on purpose. Knows nothing of encodings.

What was wrapped is wrapped again, as wide as it was. Columns made of blanks are not known as such.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from playground.documents.joining import is_wide, joined
from playground.translate.formats.base import Encode, Hole, TextTemplate
from playground.translate.formats.sources import Line, Source, has_letters, lines_of, plain_segment, source_of

_PREFIX = re.compile(r"\s*(?:>\s?)*\s*")
"""Indentation, and the marks of a quoted mail."""
_ITEM = re.compile(r"(?:[-*+•–]|\d{1,3}[.)]|[a-zA-Z][.)])\s+(?:\[[ xX]\]\s+)?|\d{1,3}、\s*")
_ENDING = re.compile(r"[.!?:;,。！？：；，、…][\"'”’」』）)]*$")
_SHORT = 0.6
"""A line that is so much shorter than the widest was not ended because there was no more room."""
_WIDEST = 120
"""Columns up to which a text is taken to be wrapped by hand."""
_NARROWEST = 40
"""What is narrower has its line ends on purpose: verse, an address."""
_LINE_END = re.compile(r"\r\n|\r|\n")


def read_plain_template(data: bytes) -> TextTemplate:
    """The paragraphs of a text. Raises BadValueError when it is none."""
    source = source_of(data)
    lines = [_parted(line) for line in lines_of(source)]
    blocks = list(_blocks(lines))
    width = max((row.width for block in blocks for row in block if row.width <= _WIDEST), default=0)
    holes = (_hole(source, part) for block in blocks for part in _parts(block, width))
    return TextTemplate(source.text, [hole for hole in holes if hole], source.encoding, data)


@dataclass(frozen=True)
class _Row:
    """A line: its prefix, the mark of a point, and its words, which stand from `start` to `end`."""

    start: int
    end: int
    prefix: str
    point: str
    words: str

    @property
    def width(self) -> int:
        return _columns(self.prefix) + _columns(self.point) + _columns(self.words)


def _parted(line: Line) -> _Row:
    prefix = _PREFIX.match(line.text)
    before = prefix.group() if prefix else ""
    point = _ITEM.match(line.text, len(before))
    mark = point.group() if point else ""
    at = len(before) + len(mark)
    words = line.text[at:].rstrip()
    return _Row(line.start + at, line.start + at + len(words), before, mark, words)


def _columns(text: str) -> int:
    return len(text) if text.isascii() else sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _blocks(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """What empty lines, lines of signs alone, and another depth of quotation set apart."""
    block: list[_Row] = []
    for row in rows:
        says = any(map(str.isalnum, row.words))
        if block and (not says or row.prefix.count(">") != block[-1].prefix.count(">")):
            yield block
            block = []
        if says:
            block.append(row)
    if block:
        yield block


def _parts(block: Sequence[_Row], width: int) -> Iterator[list[_Row]]:
    """The lines of a block, those together that were wrapped."""
    # An address of the web is as long as it is.
    widest = max((row.width for row in block if " " in row.words or is_wide(row.words[0])), default=0)
    if widest > _WIDEST:
        width = 0
    elif _is_column(block, widest):
        width = widest
    elif max(width, widest) < _NARROWEST:
        width = 0
    part = [block[0]]
    for row, after in pairwise(block):
        deeper = len(part) > 1 and _columns(after.prefix) > _columns(row.prefix)
        if not width or after.point or deeper or _ended(row, after, width):
            yield part
            part = []
        part.append(after)
    yield part


def _is_column(block: Sequence[_Row], widest: int) -> bool:
    """Whether it was wrapped at a width of its own: no line had room for the next word, most go on in small letters."""
    rest = block[1:]
    goes_on = sum(row.words[:1].islower() for row in rest)
    tight = all(not _had_room(row, after, widest) for row, after in pairwise(block))
    return len(rest) > 1 and widest >= _NARROWEST // 2 and tight and 2 * goes_on > len(rest)


def _ended(row: _Row, after: _Row, width: int) -> bool:
    """Whether a line was ended on purpose."""
    if row.width < _SHORT * width:
        return True
    return _had_room(row, after, width) and not after.words[:1].islower() and bool(_ENDING.search(row.words))


def _had_room(row: _Row, after: _Row, width: int) -> bool:
    """Whether the next word would have fitted; punctuation that must not begin a line takes some room."""
    if is_wide(after.words[0]):
        return row.width + 6 <= width
    return row.width + 1 + _columns(after.words.split(maxsplit=1)[0]) <= width


def _hole(source: Source, part: Sequence[_Row]) -> Hole | None:
    text = joined(row.words for row in part) if len(part) > 1 else part[0].words
    if not has_letters(text):
        return None
    finish: Encode = _one_line
    if len(part) > 1:
        used = _columns(part[0].prefix + part[0].point)
        line_end = "".join(_LINE_END.findall(source.text, part[0].end, part[1].start))
        finish = _wrapping(max(row.width for row in part), used, line_end + part[1].prefix)
    return Hole(part[0].start, part[-1].end, plain_segment(text), str, finish)


def _one_line(text: str) -> str:
    return " ".join(filter(None, map(str.strip, _LINE_END.split(text))))


def _wrapping(width: int, used: int, between: str) -> Encode:
    """Wraps a text at `width`, of whose first line so much is used; `between` is a line end and a prefix."""

    def wrapped(text: str) -> str:
        lines, line, left = [], "", width - used
        for word in _words(_one_line(text)):
            if line and _columns((line + word).rstrip()) > left:
                lines.append(line.rstrip())
                line, left = "", width - _columns(between.strip("\r\n"))
            line += word
        return between.join([*lines, line.rstrip()])

    return wrapped


def _words(text: str) -> Iterator[str]:
    """Pieces that stay in one line, blanks behind them; Chinese characters stand alone, with punctuation behind."""
    word = ""
    for number, sign in enumerate(text):
        before = text[number - 1] if number else ""
        begins = before.isspace() and not sign.isspace()
        wide = bool(before) and (is_wide(before) or is_wide(sign)) and unicodedata.category(sign)[0] not in "PZM"
        if word and (begins or (wide and unicodedata.category(before) not in ("Ps", "Pi"))):
            yield word
            word = ""
        word += sign
    if word:
        yield word
