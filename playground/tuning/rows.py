"""Rows out of a file: JSONL, JSON, CSV, Parquet, text. Knows nothing of what they mean.

A row that cannot be read is told and those behind it are read all the same.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from playground.documents.encodings import decoded, encoding_of
from playground.errors import BadValueError

_LISTS = ("data", "rows", "train", "examples", "samples", "items", "conversations", "instances")
"""Under these names the rows of a JSON object stand."""
_FIRST_KEY = re.compile(r'\{\s*("(?:[^"\\]|\\.)*")')
_BLANK = re.compile(r"\s*")
_BORDERS = (re.compile(r"\n[ \t]*\n+"), re.compile(r"\n"), re.compile(r"[.!?]\s+|[。！？]+"))
"""Behind which a text may be parted: paragraphs, lines of a longer one, sentences of a longer one."""
_TEXT_LENGTH = 2000
"""Characters that these are gathered to, so that some can be held out."""
_CELL = 16 * 2**20
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Raw:
    """A row as it stands in the file; `fault` says why it could not be read."""

    row: int
    value: Any = None
    fault: str = ""
    goes_on: bool = False
    """It is a part of a text, and not the last."""


def raw_rows(data: bytes, name: str) -> tuple[Iterator[Raw], str]:
    """The rows of a file, and a note about how it was read ("" where there is none).

    Raises BadValueError when it is no file of rows.
    """
    ending = Path(name).suffix.lower()
    if data[:4] == b"PAR1" or ending == ".parquet":
        return _parquet(data), ""
    if data[:4] == b"PK\x03\x04":
        raise BadValueError(f"{name} is a ZIP archive or an Office file. Unpack it, or save it as CSV or JSONL.")
    if data.lstrip()[:5] == b"%PDF-":
        raise BadValueError(f"{name} is a PDF, whose text is not in order. Save its text as TXT, or its rows as CSV.")
    found = decoded(data)
    if found is None:
        raise BadValueError(f"{name} is no text. Give a file of one of these kinds: JSONL, JSON, CSV, Parquet, TXT.")
    text, lost = found
    if not text.strip():
        raise BadValueError(f"{name} is empty. Choose another file.")
    note = f"{lost} signs could not be read. Save the file as UTF-8 and add it again." if lost else ""
    if not note and not (encoding_of(data, "") or "").startswith("utf-8"):
        note = "The file is not in UTF-8. Look whether its letters are right; if not, save it as UTF-8."
    read: Callable[[str], Iterator[Raw]]
    if ending in (".csv", ".tsv"):
        read = _table
    elif text.lstrip()[0] == "[":
        read = _array
    elif text.lstrip()[0] == "{":
        read = _objects
    elif ending in (".json", ".jsonl", ".ndjson"):
        read = _lines
    else:
        read = _text
    return read(text), note


def _objects(text: str) -> Iterator[Raw]:
    """One value a line, or one that holds them all, or values one after the other over several lines."""
    first, end = _value(text, _skip(text, 0))
    if isinstance(first, dict) and not text[end:].strip():
        yield from _inside(first)
    elif isinstance(first, dict) and "\n" in text[_skip(text, 0) : end]:
        yield from _many(text)
    else:
        yield from _lines(text)


def _inside(found: dict[str, Any]) -> Iterator[Raw]:
    """The rows that one JSON object holds: under a usual name, as columns, or it is a row itself."""
    for key, value in found.items():
        is_rows = isinstance(value, list) and value and all(isinstance(one, dict | list) for one in value)
        if is_rows and key.casefold() in _LISTS and not _is_talk(value):
            yield from (Raw(at, one) for at, one in enumerate(value, 1))
            return
    columns = {key: value for key, value in found.items() if isinstance(value, list)}
    if len(columns) == len(found) > 1 and not any(_is_talk(value) for value in columns.values()):
        longest = max(map(len, columns.values()))
        for at in range(longest):
            short = next((key for key, value in columns.items() if len(value) <= at), None)
            fault = f"The column {short!r} ends before this row. Make all columns of the same length." if short else ""
            yield Raw(at + 1, None if short else {key: value[at] for key, value in columns.items()}, fault)
        return
    yield Raw(1, found)


def _is_talk(value: Any) -> bool:
    """Whether a list holds messages, not rows."""
    return isinstance(value, list) and any(isinstance(one, dict) and {"role", "from"} & one.keys() for one in value)


def _lines(text: str) -> Iterator[Raw]:
    row = 0
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        row += 1
        try:
            yield Raw(row, json.loads(line))
        except json.JSONDecodeError as error:
            what = f"{error.msg}, character {error.colno}"
            yield Raw(row, None, f"Line {number} is no JSON ({what}). Put one whole value in each line.")
        except ValueError:
            yield Raw(row, None, f"Line {number} has a number with too many digits. Write it as text.")
        except RecursionError:
            yield Raw(row, None, f"Line {number} is nested too deeply. Make it flat.")


def _array(text: str) -> Iterator[Raw]:
    """The values of a JSON list, as far as it can be read."""
    try:
        whole = json.loads(text)
    except (RecursionError, ValueError):  # Also a number of too many digits.
        yield from _many(text[text.index("[") + 1 :], closed="]")
        return
    if isinstance(whole, list):
        if _is_talk(whole):  # One conversation, no list of them.
            yield Raw(1, {"messages": whole})
            return
        yield from (Raw(at, one) for at, one in enumerate(whole, 1))


def _many(text: str, closed: str = "") -> Iterator[Raw]:
    """Values one after the other. Behind what is none, it goes on at the next that begins like it."""
    row, at = 0, _skip(text, 0)
    while at < len(text) and not (closed and text[at] == closed):
        row += 1
        value, end = _value(text, at)
        if end > at:
            yield Raw(row, value)
            at = _skip(text, end)
            at = _skip(text, at + 1) if text[at : at + 1] == "," else at
            continue
        following = _next_like(text, at)
        if following is None:
            yield Raw(row, None, "The file ends in the middle of this row. Write its end, or take the row out.")
            return
        yield Raw(row, None, "This row is no JSON. Look for a comma, quote or bracket that is missing.")
        at = following


def _next_like(text: str, at: int) -> int | None:
    """Where behind the broken row at `at` the next one begins: an object whose first key is the same."""
    key = _FIRST_KEY.match(text, at)
    start = re.escape(key[1]) if key else '"'
    found = re.compile(r"[,\n}]\s*(?=\{\s*" + start + ")").search(text, at + 1)
    return found.end() if found else None


def _value(text: str, at: int) -> tuple[Any, int]:
    """The JSON value that begins there and where it ends; `at` when there is none."""
    try:
        return _DECODER.raw_decode(text, at)
    except (RecursionError, ValueError):  # Also a number of too many digits.
        return None, at


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _table(text: str) -> Iterator[Raw]:
    """A row of names, and rows with as many cells."""
    head = text.lstrip().split("\n", 1)[0]
    delimiter = max(",;\t|", key=head.count)
    csv.field_size_limit(_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names: list[str] = []
    row = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            row += 1
            said = f"Line {reader.line_num} cannot be read as a table ({error}). Look at the quotes."
            yield Raw(row, None, said)
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if not names:
            names = [cell.strip() for cell in cells]
            continue
        row += 1
        if len(cells) != len(names):
            said = f"The row has {len(cells)} cells in {len(names)} columns. Put texts with commas in quotes."
            yield Raw(row, None, said)
        else:
            yield Raw(row, dict(zip(names, cells, strict=True)))


def _text(text: str) -> Iterator[Raw]:
    """The parts of a text, one behind the other all of it."""
    row, gathered = 1, ""
    for piece in _pieces(text.replace("\r\n", "\n").strip("\n"), _BORDERS):
        long = len(gathered.strip("\n")) + len(piece.strip("\n")) > _TEXT_LENGTH
        if long and gathered.strip() and piece.strip():
            yield Raw(row, {"text": gathered}, goes_on=True)
            row, gathered = row + 1, ""
        gathered += piece
    yield Raw(row, {"text": gathered})


def _pieces(text: str, borders: Sequence[re.Pattern[str]]) -> Iterator[str]:
    if len(text) <= _TEXT_LENGTH or not borders:
        yield text
        return
    ends = [found.end() for found in borders[0].finditer(text)]
    for first, last in pairwise([0, *ends, len(text)]):
        yield from _pieces(text[first:last], borders[1:])


def _parquet(data: bytes) -> Iterator[Raw]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise BadValueError("Parquet files cannot be read on this machine. Save the file as JSONL.") from None
    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
        row = 0
        for batch in file.iter_batches(1000):
            for value in batch.to_pylist():
                row += 1
                yield Raw(row, value)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise BadValueError(
            f"The Parquet file cannot be read ({str(error)[:100]}). Save it again, or save it as JSONL."
        ) from error
