"""A page that says how programs talk to `/v1`, and the same as an OpenAPI document. For the owner alone."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse

from playground.api.openai_schema import openapi_document

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 0 auto; padding: 16px }
code, pre { font: 14px/1.45 ui-monospace, monospace }
pre { overflow-x: auto; padding: 12px; border: 1px solid #8886; border-radius: 8px }
table { border-collapse: collapse; font-size: 14px }
td, th { text-align: left; vertical-align: top; padding: 3px 16px 3px 0; border-bottom: 1px solid #8886 }
.wide { overflow-x: auto }
h2 { margin-top: 2em }
a { color: inherit }
"""
_WORDS = """<p>At <code>{base}</code> programs get what the app can do, in the shapes of OpenAI's API. Each request
carries a key, made in the Share tab: <code>Authorization: Bearer pg-…</code>. Nothing that is sent comes into your
history. An empty <code>model</code> is the one that is chosen.</p><pre tabindex="0">{python}</pre>
<p>The same as an <a href="api/openapi.json">OpenAPI document</a>.</p>"""
_PYTHON = """from openai import OpenAI

client = OpenAI(base_url="{base}", api_key="pg-…")
reply = client.chat.completions.create(model="", messages=[{{"role": "user", "content": "Hello"}}])
print(reply.choices[0].message.content)"""
_SAID: Mapping[str, str] = {
    "/chat/completions": '{"messages": [{"role": "user", "content": "Hello"}], "stream": true}',
    "/completions": '{"prompt": "Once upon a time", "max_tokens": 50}',
    "/embeddings": '{"model": "NAME", "input": ["a harbour", "a mill"]}',
    "/translate": '{"text": "The harbour is open.", "target": "zh"}',
    "/summarize": '{"text": "A long text …", "length": 100}',
}


def build_reference(v1: APIRouter) -> APIRouter:
    """Routes for the owner's server; `v1` holds what is told of."""
    router, document = APIRouter(), openapi_document(v1)

    @router.get("/page/api")
    def page(request: Request) -> HTMLResponse:
        return HTMLResponse(_page(document, f"{request.base_url}v1"))

    @router.get("/page/api/openapi.json")
    def whole() -> JSONResponse:
        return JSONResponse(document)

    return router


def _page(document: Mapping[str, Any], base: str) -> str:
    routes, base = list(_routes(document)), html.escape(base)
    places = [f'<li><a href="#{key}"><code>{way}</code></a> {said}</li>' for way, key, said, _ in routes]
    told = [_section(way, key, said, schema, base) for way, key, said, schema in routes]
    words = _WORDS.format(base=base, python=html.escape(_PYTHON.format(base=base)))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Playground: for programs</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><main>'
        f"<h1>For programs</h1>{words}<ul>{''.join(places)}</ul>{''.join(told)}</main></body></html>"
    )


def _routes(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Method and path, the name of the section, what it is for, and what the body holds."""
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            key = f"{method}{path}".translate({ord("/"): "-", ord("{"): "", ord("}"): ""})
            yield f"{method.upper()} {html.escape(path)}", key, html.escape(one["summary"]), body


def _section(way: str, key: str, said: str, schema: Mapping[str, Any], base: str) -> str:
    rows = "".join(
        f'<tr><th scope="row"><code>{html.escape(name)}</code></th><td>{html.escape(_kind(one))}</td>'
        f"<td>{'needed' if name in schema.get('required', ()) else html.escape(_usual(one))}</td></tr>"
        for name, one in schema.get("properties", {}).items()
    )
    head = '<thead><tr><th scope="col">Field</th><th scope="col">What</th><th scope="col">Else</th></tr></thead>'
    table = f'<div class="wide" tabindex="0"><table>{head}<tbody>{rows}</tbody></table></div>' if rows else ""
    path = way.partition(" ")[2]
    curl = f'curl {base}{path} -H "Authorization: Bearer $KEY"'
    if path in _SAID:
        curl += f" -H \"Content-Type: application/json\" -d '{_SAID[path]}'"
    return f'<h2 id="{key}"><code>{way}</code></h2><p>{said}.</p><pre tabindex="0">{html.escape(curl)}</pre>{table}'


def _kind(one: Mapping[str, Any]) -> str:
    """What a field may hold, in a few words."""
    if "anyOf" in one:
        return " or ".join(_kind(part) for part in one["anyOf"] if part.get("type") != "null")
    if "enum" in one:
        return ", ".join(json.dumps(value) for value in one["enum"])
    kind = str(one.get("type", "anything"))
    if kind == "array":
        kind = f"list of {_kind(one.get('items', {}))}"
    low, high = one.get("minimum", one.get("exclusiveMinimum")), one.get("maximum")
    if low is not None and high is not None:
        kind += f" from {low:g} to {high:g}"
    return kind


def _usual(one: Mapping[str, Any]) -> str:
    return json.dumps(one["default"]) if one.get("default") is not None else ""
