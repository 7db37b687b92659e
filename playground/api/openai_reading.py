"""Reads the bodies of requests, and says in OpenAI's shape what cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from playground.api.openai_errors import ApiError, ClientGone, invalid
from playground.json_body import SECONDS, NoJsonError, TooLongError, read_json

MOST_BYTES = 2 << 20
_DRAINED = 16 << 20
"""Of what is too large so much is still read, so that the client hears the answer."""
B = TypeVar("B", bound=BaseModel)


async def read_body(request: Request, kind: type[B]) -> B:
    """The body, checked. Raises ApiError."""
    pieces = request.stream()
    try:
        try:
            values = await read_json(pieces, MOST_BYTES, any_number=True)
        except TooLongError:
            await _drained(pieces)
            raise ApiError(413, f"The body has more than {MOST_BYTES >> 20} MB. Send less.", code="too_large") from None
    except NoJsonError as problem:
        raise ApiError(400, f"The body is not JSON: {problem}.", code="invalid_json") from None
    except ClientDisconnect:
        raise ClientGone from None
    except TimeoutError:
        raise ApiError(408, "The body did not come in time.", code="timeout") from None
    try:
        return kind.model_validate(values)
    except ValidationError as problem:
        raise invalid(problem) from None


async def _drained(pieces: AsyncIterator[bytes]) -> None:
    size = MOST_BYTES
    async with asyncio.timeout(SECONDS):
        async for piece in pieces:
            size += len(piece)
            if size > _DRAINED:
                return
