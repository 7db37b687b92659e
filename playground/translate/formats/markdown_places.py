"""Where the text of a Markdown block stands in its file: without list indents, quote marks and table rules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from playground.translate.formats.sources import Line

_BLANKS = " \t\r\n\f\v"


@dataclass(frozen=True)
class Text:
    """A block's text and, for each of its characters, where it begins and ends in the file."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def raw(self, source: str, start: int, end: int) -> str:
        """What the file has for the characters `start` to `end`; a line's end goes with the next one's prefix."""
        if start >= end:
            return ""
        return source[self.starts[start] : self.ends[end - 1]]


def text_in_lines(text: str, lines: Sequence[Line]) -> Text | None:
    """The place of a paragraph or heading; None when the lines hold another text."""
    starts, ends = list[int](), list[int]()
    parts = text.split("\n")
    if len(parts) > len(lines):
        return None
    for number, (part, line) in enumerate(zip(parts, lines, strict=False)):
        bare = part.lstrip(_BLANKS)
        at = _ending(line.text, bare)
        if at < 0:
            return None
        # A tab may have become several blanks.
        places = [max(line.start, line.start + at - len(part) + len(bare) + one) for one in range(len(part))]
        if number:
            ends.append(places[0] if places else line.start + at)
        starts += places
        ends += [place + 1 for place in places]
        if number + 1 < len(parts):
            starts.append(line.end)
    return Text(text, starts, ends)


def _ending(line: str, text: str) -> int:
    """Where `text` begins, with which the line ends but for blanks and the # of a heading; -1 when it does not."""
    line = line.replace("\x00", "\ufffd")
    for whole in (line, line.rstrip(_BLANKS), line.rstrip(_BLANKS).rstrip("#").rstrip(_BLANKS)):
        if whole.endswith(text):
            return len(whole) - len(text)
    return -1


def cells_in_line(cells: Sequence[str], line: Line) -> list[Text | None]:
    """The places of a table row's cells; None for those that are empty or not found."""
    parts = list(_parts(line))
    for shift in (1, 0):
        found = [_cell(cell, parts, at + shift) for at, cell in enumerate(cells)]
        if all(one is not None or not cell for one, cell in zip(found, cells, strict=True)):
            return found
    return [None for _ in cells]


def _parts(line: Line) -> Iterator[Text]:
    r"""What stands between a line's rules; `\|` is no rule."""
    start, text = line.start, line.text.replace("\x00", "\ufffd")
    found = [*re.finditer(r"(?<!\\)\|", text), None]
    at = 0
    for rule in found:
        end = rule.start() if rule else len(text)
        signs = list(re.finditer(r"\\\||[\s\S]", text[at:end]))
        yield Text(
            "".join(one[0][-1] for one in signs),
            [start + at + one.start() for one in signs],
            [start + at + one.end() for one in signs],
        )
        at = end + 1


def _cell(cell: str, parts: Sequence[Text], at: int) -> Text | None:
    if not cell or at >= len(parts):
        return None
    part = parts[at]
    bare = part.text.rstrip(_BLANKS)
    if not (bare.endswith(cell) if not at else bare.strip(_BLANKS) == cell):
        return None
    start, end = len(bare) - len(cell), len(bare)
    return Text(cell, part.starts[start:end], part.ends[start:end])
