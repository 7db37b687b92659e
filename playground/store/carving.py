"""Rows out of the bare pages of an SQLite file whose beginning is lost, known by their shape. Knows no SQL.

Pages that SQLite has given up may still be found, so what was deleted may come back. The format is described at
sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from playground.store.rows import sha256_of

Row = list[Any]
_PAGE = 4096
"""Bytes; the history never has other pages."""
_ROLES, _STATES = ("system", "user", "assistant"), ("streaming", "complete", "stopped", "failed")
_SIZES = (0, 1, 2, 3, 4, 6, 8, 8)
_TABLE_LEAF, _INDEX_LEAF = 13, 10


def _is_message(row: Row) -> bool:
    named = 10 <= len(row) <= 17 and row[4] in _ROLES and row[6] in _STATES
    return named and _are(str, row, 1, 2, 5) and _are((int, float), row, 8, 9)


def _is_conversation(row: Row) -> bool:
    return 8 <= len(row) <= 14 and _are(str, row, 0, 1, 2, 3) and row[3][:1] == "{" and _are((int, float), row, 5, 6)


def _is_reply(row: Row) -> bool:
    named = len(row) == 13 and _are(int, row, 1, 2, 3, 4, 5, 6, 7, 8) and _are(str, row, 0, 12)
    return named and row[12][:1] == "{"


def _is_maker(row: Row) -> bool:
    return len(row) == 14 and _are(str, row, 1, 2, 7, 8) and row[7][:1] == row[8][:1] == "{"


def _is_attachment(row: Row) -> bool:
    return 12 <= len(row) <= 15 and _are(str, row, 0, 3, 4, 6, 8, 10) and _are(int, row, 2, 5, 9)


def _is_prompt(row: Row) -> bool:
    return len(row) == 8 and row[1] in ("persona", "template") and _are(str, row, 0, 2, 3, 4)


def _is_text(row: Row) -> bool:
    return len(row) == 2 and _are(str, row, 0, 1) and sha256_of(row[1]) == row[0]


_SHAPES: Mapping[int, Mapping[str, Callable[[Row], bool]]] = {
    _TABLE_LEAF: {
        "conversations": _is_conversation,
        "messages": _is_message,
        "makers": _is_maker,
        "attachments": _is_attachment,
        "saved_prompts": _is_prompt,
    },
    _INDEX_LEAF: {"texts": _is_text, "replies": _is_reply},
}


def carve(file: Path) -> dict[str, list[Row]]:
    """What is found of each table, in the order of its columns (later ones may lack), the newest of each message."""
    data = file.read_bytes()
    found: dict[str, dict[Any, Row]] = {}
    for number in range(1, len(data) // _PAGE + 1):
        page = _page(data, number)
        start = 100 if number == 1 else 0
        for table, row in _rows(data, page, page[start], start):
            key = (row[0], row[1]) if table == "replies" else row[1] if table == "messages" else row[0]
            known = found.setdefault(table, {}).get(key)
            if known is None or (table == "messages" and known[9] < row[9]):
                found[table][key] = row
    return {table: list(rows.values()) for table, rows in found.items()}


def _page(data: bytes, number: int) -> bytes:
    return data[(number - 1) * _PAGE : number * _PAGE]


def _rows(data: bytes, page: bytes, kind: int, start: int) -> Iterator[tuple[str, Row]]:
    for at in _cells(page, start) if kind in _SHAPES else ():
        try:
            size, at = _varint(page, at)
            rowid, at = _varint(page, at) if kind == _TABLE_LEAF else (None, at)
            row = _record(_payload(data, page, at, size, kind))
            table = next((name for name, is_one in _SHAPES[kind].items() if is_one(row)), None)
        except (IndexError, ValueError, struct.error, TypeError):
            continue  # Bytes that only looked like a row.
        if table is not None:
            yield table, [rowid, *row[1:]] if table in ("messages", "makers") else row


def _cells(page: bytes, start: int) -> Iterator[int]:
    (count,) = struct.unpack_from(">H", page, start + 3)
    for at in range(start + 8, min(start + 8 + 2 * count, _PAGE - 1), 2):
        yield struct.unpack_from(">H", page, at)[0]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for step in range(9):
        byte = data[at + step]
        if step == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + step + 1
    raise ValueError("no number")


def _payload(data: bytes, page: bytes, at: int, size: int, kind: int) -> bytes:
    """A row's bytes, of which the end may lie on a chain of other pages."""
    if size > len(data):
        raise ValueError("too long")
    most = _PAGE - 35 if kind == _TABLE_LEAF else (_PAGE - 12) * 64 // 255 - 23
    if size <= most:
        return page[at : at + size]
    least = (_PAGE - 12) * 32 // 255 - 23
    here = least + (size - least) % (_PAGE - 4)
    here = here if here <= most else least
    found = bytearray(page[at : at + here])
    (following,) = struct.unpack_from(">I", page, at + here)
    while len(found) < size:
        beyond = _page(data, following)
        (following,) = struct.unpack_from(">I", beyond)
        found += beyond[4 : 4 + size - len(found)]
    return bytes(found)


def _record(payload: bytes) -> Row:
    end, at = _varint(payload, 0)
    values = end
    row: Row = []
    while at < end:
        kind, at = _varint(payload, at)
        if kind >= 12:
            size = (kind - 12) // 2
            piece = payload[values : values + size]
            row.append(piece.decode("utf-8", "strict") if kind % 2 else piece)
        elif kind in (8, 9):
            size = 0
            row.append(kind - 8)
        else:
            size = _SIZES[kind]
            piece = payload[values : values + size]
            row.append(None if kind == 0 else _number(piece, kind))
        values += size
    if values != len(payload):
        raise ValueError("not a record")
    return row


def _number(piece: bytes, kind: int) -> int | float:
    if kind == 7:
        return float(struct.unpack(">d", piece)[0])
    return int.from_bytes(piece, "big", signed=True)


def _are(kind: type | tuple[type, ...], row: Row, *places: int) -> bool:
    return all(isinstance(row[place], kind) for place in places)
