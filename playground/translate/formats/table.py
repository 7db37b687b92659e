"""Comma- and tab-separated files: cells at their exact places, with the quotes that they have.

Which columns hold text is told, or seen from the cells.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from playground.documents import tables
from playground.errors import BadValueError
from playground.translate.formats.base import Encode, Hole, TextTemplate
from playground.translate.formats.prose import is_prose
from playground.translate.formats.sources import Source, has_letters, line_ends_as, plain_segment, source_of

_LINE_END = re.compile(r"\r\n|\r|\n")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_SENTENCE = re.compile(r"[.!?。！？…]$")
_LOOKED_AT = 200_000
"""Characters that are looked at to find what stands between cells."""
_LONGEST_NAME = 60
"""Characters of a column's name."""


def read_csv_template(data: bytes, columns: Sequence[str] = ()) -> TextTemplate:
    """The cells of these columns, by the names in the first row; without names, all cells that hold prose.

    The first row is left alone where it holds names; context is the column's. Raises BadValueError when the file is
    no text, a quote is not closed, or a column is not there.
    """
    source = source_of(data)
    rows, delimiter = _rows(source)
    names = [cell.text.strip() for cell in rows[0]] if rows and (columns or _are_names(rows)) else []
    for column in columns:
        if column not in names:
            known = ", ".join(filter(None, names))[:300] or "none"
            raise BadValueError(f"The table has no column {column}. Choose among its columns: {known}.")
    holes = []
    for row in rows[1:] if names else rows:
        for number, cell in enumerate(row):
            name = names[number] if number < len(names) else ""
            if (name in columns and has_letters(cell.text)) if columns else is_prose(cell.text):
                holes.append(_hole(source, cell, name or f"column {number + 1}", delimiter))
    return TextTemplate(source.text, holes, source.encoding, data)


@dataclass(frozen=True)
class _Cell:
    """A cell: what it says, and its place in the file, without quotes."""

    start: int
    end: int
    text: str
    quoted: bool


def _rows(source: Source) -> tuple[list[list[_Cell]], str]:
    """All rows, and what stands between cells; empty when there is one column only."""
    known = tables.delimiter_of(source.text)
    delimiters = [known] if known else _delimiters(source.text)
    faults = []
    for delimiter in delimiters:
        # Many programs write tabs between cells and no quotes around them.
        for quotes in (True, False) if delimiter == "\t" else (True,):
            try:
                return _scanned(source, delimiter, quotes), delimiter
            except BadValueError as error:
                faults.append(error)
    raise faults[0]


def _delimiters(text: str) -> list[str]:
    """What may stand between the cells of the first row, the likeliest first."""
    first = re.sub(r'"[^"]*"', "", text[:_LOOKED_AT]).lstrip("\r\n ").partition("\n")[0]
    return sorted((sign for sign in "\t;,|" if sign in first), key=lambda sign: -first.count(sign)) or [""]


def _scanned(source: Source, delimiter: str, quotes: bool) -> list[list[_Cell]]:
    text, at = source.text, source.start
    ending = re.compile(rf"\r\n|[\r\n{re.escape(delimiter)}]|\Z")
    rows: list[list[_Cell]] = [[]]
    while at <= len(text):
        cell, end = _quoted(text, at, ending) if quotes and text.startswith('"', at) else _plain(text, at, ending)
        found = ending.match(text, end)
        rows[-1].append(cell)
        if not found or not found.group():
            break
        at = found.end()
        if found.group() != delimiter:
            rows.append([])
    return [row for row in rows if any(cell.text.strip() for cell in row)]


def _plain(text: str, at: int, ending: re.Pattern[str]) -> tuple[_Cell, int]:
    found = ending.search(text, at)
    end = found.start() if found else len(text)
    return _Cell(at, end, text[at:end], False), end


def _quoted(text: str, at: int, ending: re.Pattern[str]) -> tuple[_Cell, int]:
    found = _QUOTED.match(text, at)
    if not found or not ending.match(text, found.end()):
        line = len(_LINE_END.findall(text, 0, at)) + 1
        raise BadValueError(
            f"The quote that opens a cell in line {line} of the table does not close it. "
            "Correct that line, or save the table anew, and open it again."
        )
    said = line_ends_as(found[1].replace('""', '"'), "\n")
    return _Cell(found.start(1), found.end(1), said, True), found.end()


def _are_names(rows: Sequence[Sequence[_Cell]]) -> bool:
    """Whether the first row has a name for each column, not the first of the texts."""
    names = [cell.text.strip() for cell in rows[0]]
    short = all(len(name) <= _LONGEST_NAME and not _SENTENCE.search(name) and "\n" not in name for name in names)
    return len(rows) > 1 and short and all(names) and len(set(names)) == len(names) and any(map(has_letters, names))


def _hole(source: Source, cell: _Cell, name: str, delimiter: str) -> Hole:
    text = cell.text.strip()
    before, after = cell.text[: len(cell.text) - len(cell.text.lstrip())], cell.text[len(cell.text.rstrip()) :]
    finish = _finish(before, after, cell.quoted, delimiter, source.line_end)
    return Hole(cell.start, cell.end, plain_segment(text, name), str, finish)


def _finish(before: str, after: str, quoted: bool, delimiter: str, line_end: str) -> Encode:
    """Quotes where they are needed; a cell between tabs gets none, for not all programs know them there."""

    def finished(text: str) -> str:
        if not quoted and delimiter == "\t":
            return before + " ".join(re.split(r"[\t\r\n]+", text.strip())) + after
        text = before + text.strip() + after
        doubled = line_ends_as(text, line_end).replace('"', '""')
        if quoted:
            return doubled
        return f'"{doubled}"' if (delimiter and delimiter in text) or re.search(r'["\r\n]', text) else text

    return finished
