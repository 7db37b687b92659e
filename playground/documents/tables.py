"""Tables: comma- and tab-separated files, and rows of cells as Markdown. Knows nothing of files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from playground.documents.values import Block

MOST_ROWS = 500
"""Rows up to which a file becomes a Markdown table; a longer one stays in its own lines, which are fewer tokens."""
_WIDEST = 60
"""Columns up to which it does."""
_FILLED = 200
"""Columns up to which shorter rows are filled up; one row of a million cells must not fill all others."""
_DELIMITERS = ",;\t|"
_LOOKED_AT = 50
"""Rows that are looked at to find the delimiter."""


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as a Markdown table, the first row as its head. Shorter rows are filled up with empty cells."""
    width = max(map(len, rows))
    filled = width if width <= _FILLED else 0
    lines = [_row([*row, *[""] * (filled - len(row))]) for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.strip().replace("|", "\\|").replace("\n", "<br>") for cell in cells) + " |"


def read_table(text: str, ending: str) -> tuple[Block, ...]:
    """The one table of a CSV or TSV file."""
    delimiter = "\t" if ending in ("tsv", "tab") and "\t" in text else delimiter_of(text)
    plain = (Block("code", text.strip("\n"), language="csv"),)
    if not delimiter:
        return plain
    rows = _rows(text, delimiter, MOST_ROWS + 1)
    if not rows or len(rows) > MOST_ROWS or max(map(len, rows)) > _WIDEST:
        return plain
    return (Block("table", markdown_table(rows)),)


def _rows(text: str, delimiter: str, most: int) -> list[list[str]]:
    """The first rows that are not empty; none where the quotes are broken."""
    rows = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            if any(cell.strip() for cell in row):
                rows.append([cell.replace("\r\n", "\n") for cell in row])
            if len(rows) == most:
                break
    except csv.Error:
        return []
    return rows


def delimiter_of(text: str) -> str:
    """What cuts the first lines into the same number of pieces each, and into most; empty when nothing does.

    The standard library's Sniffer takes letters for delimiters, and very long for some texts.
    """
    best, most = "", 0.0
    for sign in _DELIMITERS:
        rows = _rows(text[:200_000], sign, _LOOKED_AT)
        widths = [len(row) for row in rows[: _LOOKED_AT - 1] or rows]
        usual = max(set(widths), key=widths.count, default=0)
        worth = widths.count(usual) / len(widths) * (usual - 1) ** 0.5 if widths and usual > 1 else 0.0
        if worth > most and widths.count(usual) >= 0.6 * len(widths):
            best, most = sign, worth
    return best
