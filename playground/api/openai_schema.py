"""What OpenAPI tells of the routes. Their bodies are read by hand, so that a refusal has OpenAI's shape and order."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from playground import __version__

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_REFUSALS = {
    400: "The body is wrong",
    401: "No key, or a wrong one",
    403: "The key is not for this",
    404: "No such model",
    408: "The body did not come",
    413: "The body is too large",
    429: "Too much",
    503: "Not now",
}


def described(summary: str, body: type[BaseModel] | None = None) -> dict[str, Any]:
    """Arguments for a route's decorator."""
    extra: dict[str, Any] = {"security": [{"key": []}]}
    if body is not None:
        schema = body.model_json_schema()
        whole = _inlined(schema, schema.get("$defs", {}))
        extra["requestBody"] = {"required": True, "content": {"application/json": {"schema": whole}}}
    refusals: dict[int | str, Any] = {
        status: {"description": said, "content": {"application/json": {"schema": _ERROR}}}
        for status, said in _REFUSALS.items()
    }
    return {"summary": summary, "responses": refusals, "openapi_extra": extra, "response_model": None}


def openapi_document(router: APIRouter) -> dict[str, Any]:
    """The OpenAPI document of the routes, which stand under /v1."""
    servers: list[dict[str, Any]] = [{"url": "/v1"}]
    document = get_openapi(title="Playground", version=__version__, routes=router.routes, servers=servers)
    document.setdefault("components", {})["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return document


def _inlined(value: Any, known: dict[str, Any]) -> Any:
    """With what it refers to in its place: the parts of a route's document have no place of their own."""
    if isinstance(value, list):
        return [_inlined(one, known) for one in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return _inlined(known[value["$ref"].rpartition("/")[2]], known)
    return {key: _inlined(one, known) for key, one in value.items() if key != "$defs"}
