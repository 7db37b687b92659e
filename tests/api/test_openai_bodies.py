"""Whatever is sent, as JSON or not: an answer, or a refusal in OpenAI's shape, and never a fault of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.serving import Api

TEXT = st.text(max_size=30) | st.sampled_from(["", "echo", "fr", "en", "/fail a b c", "10 %", "\ud800", "auto", "text"])
NUMBER = st.integers() | st.floats() | st.sampled_from([0, 1, -1, 10**400, 1e308, 2**63, float("nan")])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
FIELDS = {
    "/v1/chat/completions": (
        "model messages stream stream_options n seed stop max_tokens max_completion_tokens temperature top_p top_k "
        "min_p repetition_penalty frequency_penalty presence_penalty logit_bias user logprobs top_logprobs "
        "response_format modalities metadata store service_tier parallel_tool_calls tools tool_choice functions audio"
    ),
    "/v1/completions": "model prompt stream n seed stop max_tokens logprobs echo best_of suffix temperature",
    "/v1/embeddings": "model input encoding_format dimensions user",
    "/v1/translate": "text source target model",
    "/v1/summarize": "text length language style",
}
RIGHT: dict[str, Any] = {
    "model": st.sampled_from(["", "echo", "default"]),
    "messages": st.lists(
        st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system", "developer"]), "content": TEXT}),
        min_size=1,
        max_size=4,
    ),
    "prompt": TEXT,
    "input": TEXT,
    "text": TEXT,
    "target": st.just("fr"),
    "stream": st.booleans(),
    "stream_options": st.just({"include_usage": True}),
    "n": st.integers(1, 3),
    "seed": st.integers(-(2**63), 2**63 - 1),
    "logprobs": st.booleans() | st.integers(0, 5),
    "stop": TEXT | st.lists(TEXT, max_size=5),
    "temperature": st.floats(0, 5),
    "max_tokens": st.integers(1, 9),
}


@st.composite
def bodies(draw: st.DrawFn, names: str) -> dict[str, Any]:
    """Some of a route's fields, most of them right."""
    chosen = draw(st.lists(st.sampled_from(names.split()), unique=True, max_size=6))
    needed = [name for name in ("messages", "prompt", "input", "text", "target") if name in names.split()]
    made = {name: draw(JSON | RIGHT.get(name, JSON)) for name in chosen}
    return made | {name: draw(RIGHT[name]) for name in needed if draw(st.integers(0, 3))}


@pytest.fixture(scope="module")
def http(api: Api) -> Iterator[httpx.Client]:
    with api.http() as made:
        yield made


def check(answer: httpx.Response) -> None:
    assert answer.status_code < 500 or answer.json()["error"]["code"] == "model_failed", answer.text
    if answer.status_code >= 400:
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
        assert answer.status_code != 422
    elif answer.headers["content-type"].startswith("text/event-stream"):
        assert "data: [DONE]" in answer.text or '"code":"model_failed"' in answer.text


@pytest.mark.parametrize("path", FIELDS)
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_json(http: httpx.Client, path: str, data: st.DataObject) -> None:
    sent = data.draw(JSON | bodies(FIELDS[path]))
    check(http.post(path, content=json.dumps(sent).encode()))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sent=st.binary(max_size=200), path=st.sampled_from(list(FIELDS)))
def test_any_bytes(http: httpx.Client, path: str, sent: bytes) -> None:
    check(http.post(path, content=sent))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.text(min_size=1, max_size=30).filter(lambda text: text.isprintable()))
def test_any_name(http: httpx.Client, name: str) -> None:
    for path in ("/v1/models/", "/v1/"):
        check(
            http.get(httpx.URL(http.base_url, raw_path=(path + "".join(f"%{b:02X}" for b in name.encode())).encode()))
        )
