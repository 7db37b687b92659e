"""Reads the bodies of requests: up to a size, within a time, as JSON that can be answered."""

from __future__ import annotations

import asyncio
import json
import math
from typing import Any, NoReturn, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from playground.api.openai_errors import ApiError, ClientGone, invalid

MOST_BYTES = 2 << 20
_DRAINED = 16 << 20
"""Of what is too large so much is still read, so that the client hears the answer."""
_SECONDS = 60.0
"""In which a body must have come."""
B = TypeVar("B", bound=BaseModel)


async def read_body(request: Request, kind: type[B]) -> B:
    """The body, checked. Raises ApiError."""
    values = parsed(await _bytes_of(request))
    try:
        return kind.model_validate(values)
    except ValidationError as problem:
        raise invalid(problem) from None


def parsed(data: bytes) -> Any:
    """JSON that can be answered. Raises ApiError also for NaN, for numbers without end and for halves of characters."""
    try:
        values = json.loads(data.decode(), parse_constant=_refuse_number, parse_float=_finite)
        json.dumps(values, ensure_ascii=False).encode()
    except RecursionError:
        raise _no_json("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise _no_json("it holds half a character (a lone surrogate)") from None
    except ValueError as problem:
        where = f"line {problem.lineno}, column {problem.colno}" if isinstance(problem, json.JSONDecodeError) else ""
        raise _no_json(where or "it holds a number that cannot be read, or is not in UTF-8") from None
    return values


async def _bytes_of(request: Request) -> bytes:
    pieces, size = [], 0
    try:
        async with asyncio.timeout(_SECONDS):
            async for piece in request.stream():
                size += len(piece)
                if size <= MOST_BYTES:
                    pieces.append(piece)
                elif size > _DRAINED:
                    break
    except ClientDisconnect:
        raise ClientGone from None
    except TimeoutError:
        raise ApiError(408, "The body did not come in time.", code="timeout") from None
    if size > MOST_BYTES:
        raise ApiError(413, f"The body has more than {MOST_BYTES >> 20} MB. Send less.", code="too_large")
    return b"".join(pieces)


def _no_json(why: str) -> ApiError:
    return ApiError(400, f"The body is not JSON: {why}.", code="invalid_json")


def _refuse_number(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number
