"""The page for the owner that says how programs use /v1."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape

import httpx

from playground.api.openai_bodies import ChatBody, CompletionBody
from tests.api.serving import Api
from tests.conftest import App


def test_it_tells_of_every_route_and_field(start_app: Callable[..., App]) -> None:
    app = start_app()
    page = httpx.get(f"{app.url}/page/api").text
    document = app.get("/page/api/openapi.json")
    assert len(document["paths"]) >= 7
    for path in document["paths"]:
        assert f"<code>POST {path}</code></h2>" in page or f"<code>GET {path}</code></h2>" in page
    for name in (*ChatBody.model_fields, *CompletionBody.model_fields):
        assert f"<code>{name}</code></th>" in page


def test_its_examples_are_answered(start_app: Callable[..., App], api: Api) -> None:
    page = unescape(httpx.get(f"{start_app().url}/page/api").text)
    said = {path: json.loads(body) for path, body in re.findall(r"/v1(/\S+) -H[^<]* -d '([^<]*)'</pre>", page)}
    assert set(said) == {"/chat/completions", "/completions", "/embeddings", "/translate", "/summarize"}
    with api.http() as http:
        for path, body in said.items():
            answer = http.post(f"/v1{path}", json=body)
            assert answer.status_code in (200, 404), (path, answer.text)  # No model here makes vectors.
