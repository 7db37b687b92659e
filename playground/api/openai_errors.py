"""What goes wrong, in OpenAI's shape: {"error": {message, type, param, code}} with the status its clients know.

Nothing that a client sent goes into a log, and no place on this machine's disk into an answer.
"""

from __future__ import annotations

import json
import logging
import math
import re
import traceback
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError

from playground.access.quota import QuotaError
from playground.errors import BadValueError, BusyError, ContextError, MissingError, PlaygroundError, StorageError

_TYPES = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
_TYPES |= {405: "invalid_request_error", 408: "invalid_request_error", 413: "invalid_request_error"}
_TYPES |= {429: "rate_limit_error"}
_SOON = 5.0
"""Seconds after which to try again where nobody knows it better."""
_GONE = 499
"""The status of what nobody reads; nginx's."""
_LONGEST = 200
"""Characters of a client's own words that are said back."""
_PLACE = re.compile(r"(?:\b[A-Za-z]:)?[/\\][^\s'\"/\\]+[/\\][^\s'\"]*")
log = logging.getLogger(__name__)


class ApiError(Exception):
    """An answer that is an error. Its words are for programs and their authors, so they are English only."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None, wait: float | None = None
    ) -> None:
        """`wait` seconds from now the client may try again."""
        super().__init__(message)
        self.status, self.message, self.code, self.param, self.wait = status, message, code, param, wait

    def body(self) -> dict[str, Any]:
        """As OpenAI writes it."""
        kind = _TYPES.get(self.status, "server_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> Response:
        """With the headers that belong to its status."""
        headers = {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}
        if self.wait is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self.wait)))
        return json_response(self.body(), self.status, headers)


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON in ASCII, so that whatever a model writes can be sent."""
    body = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    return Response(body, status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")


def closing_error() -> ApiError:
    """The app is about to end."""
    return ApiError(503, "The app is closing. Try again once it was started anew.", code="closing", wait=_SOON)


def revoked_error() -> ApiError:
    """The owner has taken the key back while something was at work for it."""
    return ApiError(401, "This key was revoked. Ask the owner for another one.", code="invalid_api_key")


def api_error(problem: PlaygroundError, *, param: str | None = None) -> ApiError:
    """A refusal of the layers below."""
    said = _PLACE.sub("…", str(problem))
    if isinstance(problem, ContextError):
        return ApiError(400, said, code="context_length_exceeded", param=param)
    if isinstance(problem, QuotaError):
        return ApiError(429, said, code="rate_limit_exceeded", wait=problem.seconds)
    if isinstance(problem, BadValueError):
        return ApiError(400, said, code="invalid_value", param=param)
    if isinstance(problem, MissingError):
        return ApiError(404, said, code="not_found", param=param)
    if isinstance(problem, BusyError):
        return ApiError(503, said, code="busy", wait=_SOON)
    code = "storage" if isinstance(problem, StorageError) else "model_failed"
    return ApiError(503, said, code=code, wait=_SOON)


def failed(problem: Exception) -> ApiError:
    """A bug of ours. The log says where, not with what: the words of an exception may hold those of a prompt."""
    steps = traceback.extract_tb(problem.__traceback__)[-4:]
    where = " < ".join(f"{Path(step.filename).name}:{step.lineno}" for step in reversed(steps))
    log.error("a request failed: %s at %s", type(problem).__name__, where)
    return ApiError(500, f"This failed ({type(problem).__name__}). See the log file.", code="bug")


def invalid(problem: ValidationError) -> ApiError:
    """The first thing that is wrong with a body, by name."""
    found = problem.errors(include_url=False, include_context=True, include_input=False)
    # Where one of several kinds could stand, that which got furthest tells what was meant.
    first = max(found, key=_tells)
    *above, last = first["loc"] or ("",)
    last = last if first["type"] == "extra_forbidden" or not _is_kind(last) else ""
    place = ".".join(str(one) for one in (*above, last) if not _is_kind(one) or one == last)[:_LONGEST].strip(".")
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, Unsupported):
        param = ".".join(filter(None, [place, cause.key]))
        return ApiError(400, f"{param}: {cause}", code="unsupported_value", param=param)
    if first["type"] == "extra_forbidden":
        return ApiError(400, f"Unrecognized request argument: {place}", code="unknown_parameter", param=place)
    if first["type"] == "missing":
        said = f"Missing required parameter: {place}"
        return ApiError(400, said, code="missing_required_parameter", param=place)
    said = first["msg"].removeprefix("Value error, ")
    return ApiError(400, f"{place}: {said}" if place else said, code="invalid_value", param=place or None)


def _tells(found: Any) -> tuple[bool, int, bool]:
    cause = found.get("ctx", {}).get("error")
    return isinstance(cause, Unsupported), len(found["loc"]), found["type"] != "string_type"


def _is_kind(step: int | str) -> bool:
    """Whether this is pydantic's name of a kind, and no field's: str, list[Part], constrained-str, ..."""
    return isinstance(step, str) and (step in ("", "str", "int", "list") or "[" in step or "-" in step)


class ClientGone(Exception):
    """Nobody is there any more to be answered."""


class Unsupported(ValueError):
    """A field of OpenAI's that this server has no use for; `key` is its name where it is not the one being checked."""

    def __init__(self, said: str, key: str = "") -> None:
        super().__init__(said)
        self.key = key


class ShapedRoute(APIRoute):
    """Whatever a handler raises is answered in OpenAI's shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See APIRoute."""
        handle = super().get_route_handler()

        async def shaped(request: Request) -> Response:
            try:
                return await handle(request)
            except ApiError as error:
                return error.response()
            except ClientGone:
                return Response(status_code=_GONE)
            except PlaygroundError as error:
                return api_error(error).response()
            except Exception as error:  # noqa: BLE001 - `failed` logs it, without the words of a prompt.
                return failed(error).response()

        return shaped
