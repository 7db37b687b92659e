"""Takes a file apart into entries, one a conversation, each of which may be broken by itself. Knows no format's inside
but for what is needed to find where an entry ends.

A file is a zip with conversations.json in it, JSON, or JSON lines; text is UTF-8, or UTF-16 with its mark.
"""

from __future__ import annotations

import codecs
import io
import itertools
import json
import re
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from playground.errors import BadValueError
from playground.exchange import lossless

LIMIT = 500 * 1024 * 1024
"""Bytes of JSON that are read as a whole, and of one line where a file is read line by line."""
_PARTS = re.compile(r"(?:.*/)?conversations(?:-\d+)?\.json", re.IGNORECASE | re.DOTALL)
_MOST_PARTS = 1000
_MOST_RATIO, _SMALL = 100, 20_000_000
"""How often smaller than its JSON a zip archive may be, where that is not small anyway; talk packs to a tenth."""
_FOREIGN_BYTES = re.compile("[\udc80-\udcff]")
"""What is read in the place of a byte that is not UTF-8."""
_SPACE = re.compile(r"[ \t\r\n]*")
_NOT_UTF8 = "It is not UTF-8 text. Save it as UTF-8, then import it again."
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Entry:
    """The `number`-th entry of a file, counted from 1 (lines where a file has lines): a value, or why there is none.

    `own` says that it stands in a file of ours.
    """

    number: int
    value: Any = None
    fault: str = ""
    own: bool = False


def entries(file: IO[bytes], unknown: set[str]) -> Generator[Entry, None, None]:
    """All entries of a file that can be read from any place. Raises BadValueError when it has none at all.

    What a header of ours says that is not known here is added to `unknown`.
    """
    start = file.read(4)
    file.seek(0)
    if start == b"PK\x03\x04":
        yield from _zipped(file)
    elif start == b"PK\x05\x06":
        raise BadValueError("This zip archive is empty. Export it again.")
    else:
        yield from _of_text(_text(file), unknown)


def _zipped(file: IO[bytes]) -> Iterator[Entry]:
    before = 0
    try:
        with zipfile.ZipFile(file) as archive:
            parts = sorted((one for one in archive.infolist() if _PARTS.fullmatch(one.filename)), key=_by_name)
            _check_parts(parts, file.seek(0, io.SEEK_END))
            for part in parts:
                with archive.open(part) as inside:
                    text = inside.read().decode("utf-8-sig", errors="surrogateescape")
                number = 0
                try:
                    for entry in _of_whole(text, set()):
                        number = entry.number
                        yield Entry(before + number, entry.value, entry.fault)
                except BadValueError as error:
                    if len(parts) == 1:
                        raise
                    number = 1
                    yield Entry(before + number, fault=str(error))
                before += number
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        fault = "This zip archive is damaged or incomplete. Download or export it again."
        if not before:
            raise BadValueError(fault) from error
        yield Entry(before + 1, fault=fault)


def _check_parts(parts: list[zipfile.ZipInfo], size: int) -> None:
    if not parts:
        raise BadValueError("This zip archive holds no conversations.json, so it is no export of ChatGPT.")
    if any(part.flag_bits & 1 for part in parts):
        raise BadValueError("This zip archive needs a password. Unpack it, then import conversations.json.")
    whole, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
    if len(parts) > _MOST_PARTS or whole > LIMIT:
        raise BadValueError(f"This zip archive unpacks to more than {LIMIT >> 20} MB of JSON. Nothing was imported.")
    if whole > max(_SMALL, _MOST_RATIO * min(packed, size)):
        raise BadValueError("This zip archive unpacks to far more than conversations do. Nothing was imported.")


def _by_name(part: zipfile.ZipInfo) -> tuple[int, str]:
    return len(part.filename), part.filename


def _text(file: IO[bytes]) -> io.TextIOWrapper:
    mark = file.read(3)
    file.seek(0)
    if mark.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return io.TextIOWrapper(file, "utf-16", errors="replace", newline="\n")
    return io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="\n")


def _of_text(text: io.TextIOWrapper, unknown: set[str]) -> Iterator[Entry]:
    try:
        first = text.readline(LIMIT)
        while first and not first.strip():
            first = text.readline(LIMIT)
        header = _header(first)
        if header is not None:
            unknown |= lossless.check_header(header)
            yield from _own_lines(text)
            return
        second = text.readline(LIMIT)
        if _is_line(first) and second.strip():
            yield from _lines(itertools.chain([first, second], iter(lambda: text.readline(LIMIT), "")))
            return
        whole = f"{first}{second}"
        whole += text.read(max(0, LIMIT - len(whole)))
        if len(whole) > LIMIT or text.read(1):
            raise BadValueError(f"This file holds more than {LIMIT >> 20} MB of JSON. Nothing was imported.")
        yield from _of_whole(whole, unknown)
    finally:
        text.detach()  # The file stays open for whoever opened it.


def _header(line: str) -> dict[str, Any] | None:
    """The first line of a file of ours, as it is written there."""
    if not line.startswith('{"format": ') or not line.rstrip().endswith("["):
        return None
    value = _value(f"{line.rstrip()}]}}")
    return value if isinstance(value, dict) and value.get("format") == lossless.FORMAT else None


def _own_lines(text: io.TextIOWrapper) -> Iterator[Entry]:
    number, ended = 0, False
    value: Any = {}
    while line := text.readline(LIMIT):
        bare = line.strip()
        ended = bare == "]}"
        if ended or not bare:
            continue
        number += 1
        value = _value(bare.removesuffix(","))
        yield Entry(number, value, "" if isinstance(value, dict) else _line_fault(bare), own=True)
    if not ended and isinstance(value, dict):  # Else the last line says so itself.
        yield Entry(number + 1, fault="The file breaks off here; what came after it is missing.", own=True)


def _lines(lines: Iterable[str]) -> Iterator[Entry]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            value = _value(line)
            yield Entry(number, value, "" if isinstance(value, dict) else _line_fault(line))


def _of_whole(text: str, unknown: set[str]) -> Iterator[Entry]:
    at = _after_space(text, 0)
    if at == len(text):
        raise BadValueError("This file is empty. Choose another one.")
    if _FOREIGN_BYTES.search(text):
        raise BadValueError(f"This file cannot be read. {_NOT_UTF8}")
    if text[at] == "[":
        yield from _of_array(text, at + 1)
        return
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        lines = text.split("\n", 2)
        if len(lines) > 1 and _is_line(lines[1]):  # The first of many lines is broken.
            yield from _lines(text.split("\n"))
            return
        raise BadValueError(f"This file cannot be read. {_fault(error)}") from None
    if isinstance(value, dict) and value.get("format") == lossless.FORMAT:
        unknown |= lossless.check_header(value)
        rows = value.get("conversations")
        if not isinstance(rows, list):
            raise BadValueError("This file has no list of conversations. Export it again.")
        yield from (Entry(number, row, own=True) for number, row in enumerate(rows, 1))
    else:
        yield Entry(1, value)


def _of_array(text: str, at: int) -> Iterator[Entry]:
    """The items of an array, one after the other: a file that breaks off gives what came before."""
    number = 0
    at = _after_space(text, at)
    while text[at : at + 1] != "]":
        number += 1
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            yield Entry(number, fault=f"What follows from here on cannot be read. {_fault(error)}")
            return
        yield Entry(number, value)
        at = _after_space(text, at)
        if text[at : at + 1] == ",":
            at = _after_space(text, at + 1)
        elif text[at : at + 1] != "]":
            yield Entry(number + 1, fault="The file breaks off here; what came after it is missing.")
            return
    if _after_space(text, at + 1) < len(text):
        yield Entry(number + 1, fault="Something stands behind the end of the list. It was left out.")


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _is_line(line: str) -> bool:
    return line.lstrip().startswith("{") and isinstance(_value(line), dict)


def _value(text: str) -> Any:
    """What a line says; None when it is not JSON."""
    if _FOREIGN_BYTES.search(text):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _line_fault(line: str) -> str:
    if _FOREIGN_BYTES.search(line):
        return _NOT_UTF8
    try:
        json.loads(line.strip().removesuffix(","))
    except (ValueError, RecursionError) as error:
        return _fault(error)
    return "It is not a table, so it is no conversation."


def _fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        where = f"line {error.lineno}, column {error.colno}" if error.lineno > 1 else f"character {error.pos + 1}"
        return f"It is not JSON, or breaks off ({where}). Export it again."
    if isinstance(error, RecursionError):
        return "Its JSON has too many levels. Export it again."
    return "Its JSON has a number with too many digits. Export it again."
