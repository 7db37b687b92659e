"""Reads JSON that somebody sends: up to a size, within a time, to a depth; and what is large in a thread."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, NoReturn, TypeVar

SECONDS = 60.0
"""In which a body must have come: a megabyte through a slow telephone."""
DEEPEST = 64
"""Lists within lists: whatever reads it after us must not come to the end of its stack."""
_ASIDE = 1 << 16
"""Bytes that are read at once; more would hold up everybody else's answers."""
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
"""How half a character is written; in UTF-8 itself there is none."""
R = TypeVar("R")


class NoJsonError(ValueError):
    """What was sent is not JSON that can be answered; says why, as the end of a sentence."""


class TooLongError(Exception):
    """It has more bytes than may be sent."""


async def read_json(
    pieces: AsyncIterator[bytes], most: int, seconds: float = SECONDS, *, any_number: bool = False
) -> Any:
    """The body whose pieces come. Raises NoJsonError, TooLongError and TimeoutError; see `parsed`."""
    return await aside(partial(parsed, any_number=any_number), await gathered(pieces, most, seconds))


async def gathered(pieces: AsyncIterator[bytes], most: int, seconds: float = SECONDS) -> bytes:
    """All of a body. Raises TooLongError and TimeoutError."""
    body = bytearray()
    async with asyncio.timeout(seconds):
        async for piece in pieces:
            body += piece
            if len(body) > most:
                raise TooLongError
    return bytes(body)


async def aside(work: Callable[[bytes], R], data: bytes) -> R:
    """What `work` makes of it, in a thread where it is large."""
    return await asyncio.to_thread(work, data) if len(data) > _ASIDE else work(data)


def parsed(data: bytes, *, any_number: bool = False) -> Any:
    """JSON that can be answered. Raises NoJsonError also for NaN, for halves of characters, for what is nested deeper
    than anybody means it, and, unless the caller looks at `any_number`, for those that no program of ours can hold."""
    try:
        values = json.loads(
            data.decode(), parse_constant=_no_number, parse_float=_finite, parse_int=int if any_number else _whole
        )
        if _HALF.search(data):
            json.dumps(values, ensure_ascii=False).encode()
    except RecursionError:
        raise NoJsonError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise NoJsonError("it holds half a character (a lone surrogate)") from None
    except json.JSONDecodeError as problem:
        raise NoJsonError(f"line {problem.lineno}, column {problem.colno}") from None
    except ValueError:
        raise NoJsonError("it holds a number that cannot be read, or is not in UTF-8") from None
    level = [values]
    for _ in range(DEEPEST + 1):
        holders = [one for one in level if isinstance(one, dict | list)]
        level = [inner for one in holders for inner in (one.values() if isinstance(one, dict) else one)]
        if not level:
            return values
    raise NoJsonError("it is nested too deeply")


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number


def _whole(text: str) -> int:
    if not -(2**63) <= (number := int(text)) < 2**63:  # What SQLite holds.
        raise ValueError(text)
    return number
