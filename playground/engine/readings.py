"""How a prompt was computed (`records.Reading`): what engines note, and what a replay goes by. Knows no engine.

A piece is (read, kept, times): so many tokens were computed at one go, the first `kept` of them are still there, and
that happened so many times in a row. A token that a reply wrote beside three others is (4, 1, 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from playground.errors import BadValueError
from playground.records import Reading

Piece = tuple[int, int]
"""Tokens computed at one go, and how many of them were kept."""


def joined(reading: Reading, pieces: Iterable[Piece]) -> Reading:
    """`reading` and then `pieces`; equal neighbours are one entry."""
    found = list(reading)
    for read, kept in pieces:
        note(found, read, kept)
    return tuple(found)


def note(reading: list[tuple[int, int, int]], read: int, kept: int) -> None:
    """Add a piece to a reading that grows."""
    if reading and reading[-1][:2] == (read, kept):
        reading[-1] = read, kept, reading[-1][2] + 1
    else:
        reading.append((read, kept, 1))


def cut(reading: Reading, tokens: int) -> Reading:
    """The first `tokens` of it. What it does not know of was written, one after the other."""
    found: list[tuple[int, int, int]] = []
    for read, kept, times in reading:
        whole = min(times, tokens // kept)
        if whole:
            found.append((read, kept, whole))
            tokens -= whole * kept
        if whole < times:
            return joined(tuple(found), [(read, tokens)] if tokens else [])
    return joined(tuple(found), [(1, 1)] * tokens)


def pieces_of(reading: Reading) -> Iterator[Piece]:
    """One after the other."""
    for read, kept, times in reading:
        for _ in range(times):
            yield read, kept


def split(reading: Reading, prompt: int) -> tuple[list[Piece], list[Piece]]:
    """The pieces of a prompt of so many tokens, and those of the reply.

    Raises BadValueError when it is not one of such a prompt.
    """
    found, total = list(pieces_of(_checked(reading))), 0
    for at, (read, kept) in enumerate(found, 1):
        total += kept
        if total == prompt and read == kept:
            return found[:at], found[at:]
    raise BadValueError("The record says how another prompt was read. Replay it without that, or ask anew.")


def filled(piece: Sequence[int], read: int, after: int = 0) -> list[int]:
    """`piece` with as many other tokens behind it as were once computed with it. What comes before them does not
    depend on which they are; the first is not `after`, so that it is not taken for what comes next."""
    return [*piece, *[after - 1 if after else 1] * (read - len(piece))]


def _checked(reading: Reading) -> Reading:
    if all(len(entry) == 3 and entry[0] >= entry[1] > 0 and 0 < entry[2] < 1_000_000 for entry in reading):
        return reading
    raise BadValueError("The record of how the prompt was read is damaged. Replay it without that, or ask anew.")
