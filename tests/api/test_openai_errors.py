"""Refusals: the status, the shape, and the class that OpenAI's client makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from playground.store.access_values import Limits
from tests.api.serving import MANY, Api, served

ASK: list[Any] = [{"role": "user", "content": "one two three"}]
BODY = {"messages": ASK}
CHAT = "/v1/chat/completions"
ROUTES = {
    CHAT: ("chat", BODY),
    "/v1/completions": ("chat", {"prompt": "x"}),
    "/v1/embeddings": ("embeddings", {"model": "echo", "input": "x"}),
    "/v1/summarize": ("summaries", {"text": "x"}),
    "/v1/translate": ("translate", {"text": "x", "target": "fr"}),
}
TEXT = [{"type": "text", "text": "x"}]
PICTURE = [{"type": "image_url", "image_url": {"url": "data:,"}}]
MESSAGE: dict[str, Any] = {"role": "user", "content": "x"}
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"tools": [{"type": "function"}]}, "tools", "unsupported_value"),
    ({"tool_choice": "auto"}, "tool_choice", "unsupported_value"),
    ({"functions": []}, "functions", "unsupported_value"),
    ({"audio": {"voice": "x"}}, "audio", "unsupported_value"),
    ({"modalities": ["audio"]}, "modalities.0", "invalid_value"),
    ({"response_format": {"type": "json_object"}}, "response_format", "unsupported_value"),
    ({"messages": [{"role": "user", "content": PICTURE}]}, "messages.0.content.0.type", "unsupported_value"),
    ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]}, "messages.0", "unsupported_value"),
    ({"messages": [{**MESSAGE, "role": "king"}]}, "messages.0.role", "invalid_value"),
    ({"messages": [{"role": "assistant", "content": None}]}, "messages.0.content", "invalid_value"),
    ({"messages": []}, "messages", "invalid_value"),
    ({"messages": None}, "messages", "invalid_value"),
    ({"messages": "x"}, "messages", "invalid_value"),
    ({"frequency_penalty": 0.5}, "frequency_penalty", "unsupported_value"),
    ({"presence_penalty": -1}, "presence_penalty", "unsupported_value"),
    ({"logit_bias": {"5": 1}}, "logit_bias", "invalid_value"),
    ({"best": 1}, "best", "unknown_parameter"),
    ({"n": 9}, "n", "invalid_value"),
    ({"n": "2"}, "n", "invalid_value"),
    ({"n": True}, "n", "invalid_value"),
    ({"temperature": 6}, "temperature", "invalid_value"),
    ({"top_p": -0.1}, "top_p", "invalid_value"),
    ({"max_tokens": 0}, "max_tokens", "invalid_value"),
    ({"max_tokens": 10**30}, "max_tokens", "invalid_value"),
    ({"seed": 2**63}, "seed", "invalid_value"),
    ({"stop": ["a"] * 5}, "stop", "invalid_value"),
    ({"stop": ""}, "stop", "invalid_value"),
    ({"top_logprobs": 3}, None, "invalid_value"),  # type: ignore[list-item]
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "invalid_value"),
    ({"model": 7}, "model", "invalid_value"),
    ({"messages": [{**MESSAGE, "content": "word " * 9000}]}, None, "context_length_exceeded"),  # type: ignore[list-item]
    ({"messages": [{**MESSAGE, "content": "w" * 1_900_000}]}, None, "context_length_exceeded"),  # type: ignore[list-item]
]
MALFORMED = [
    b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff\xfe", b'{"messages": NaN}', b'{"temperature": 1e999}',
    b'{"n": ' + b"9" * 5000 + b"}", b'{"messages": ' + b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000,
    b'{"messages":[{"role":"user","content":"\\ud800"}]}', b'{"\\udfff": 1}', b'{"temperature": -Infinity}',
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b"\xef\xbb\xbf{}", b'{"n": 1e400}', b"messages=x",
]  # fmt: skip


@pytest.fixture(scope="module")
def http(api: Api) -> Iterator[httpx.Client]:
    with api.http() as made:
        yield made


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The one thing in the body; its shape is checked."""
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"]
    return dict(body["error"])


def test_without_a_key_nothing_is_told(api: Api) -> None:
    with httpx.Client(base_url=api.url) as nobody:
        for path in (*ROUTES, "/v1/models", "/v1/models/echo", "/v1/nothing"):
            for header in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}):
                answer = nobody.post(path, content=b"{", headers=header)
                assert (answer.status_code, error_of(answer)["code"]) == (401, "missing_api_key")
                assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("key", ["wrong", "ключ", "k" * 5000])
def test_a_wrong_key(api: Api, key: str) -> None:
    header = {"Authorization": f"Bearer {key}".encode()}
    answer = httpx.post(f"{api.url}{CHAT}", json=BODY, headers=header)
    assert (answer.status_code, error_of(answer)["code"]) == (401, "invalid_api_key")
    api.throttle.right("127.0.0.1")


def test_wrong_keys_are_refused_early(api: Api) -> None:
    answers = [httpx.get(f"{api.url}/v1/models", headers={"Authorization": f"Bearer {n}"}) for n in range(100)]
    assert [one.status_code for one in answers] == [401] * 10 + [429] * 90
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    with api.client() as client:
        assert client.models.list().data, "nobody's wrong keys shut out a right one"
    assert httpx.get(f"{api.url}/v1/models", headers={"Authorization": "Bearer wrong"}).status_code == 429
    api.throttle.right("127.0.0.1")


def test_a_key_that_was_revoked(api: Api) -> None:
    with api.client() as client:
        assert client.models.list().data
        key = api.kept(client)
        assert key.used_at is not None
        api.access.revoke_key(key.id)
        with pytest.raises(openai.AuthenticationError, match="revoked"):
            client.models.list()
    api.throttle.right("127.0.0.1")


@pytest.mark.parametrize("path", ROUTES)
def test_a_key_opens_what_it_is_for_and_nothing_else(api: Api, path: str) -> None:
    scope, body = ROUTES[path]
    others = [one for one in ("chat", "embeddings", "summaries", "translate") if one != scope]
    with api.http(api.key(*others)) as http:
        answer = http.post(path, json=body)
        assert (answer.status_code, error_of(answer)["code"]) == (403, "missing_scope")
        assert http.get("/v1/models").status_code == 200
    with api.http(api.key(scope)) as http:
        assert http.post(path, json=body).status_code in (200, 400, 404)
    with api.client("embeddings") as client, pytest.raises(openai.PermissionDeniedError):
        client.chat.completions.create(model="echo", messages=ASK)


@pytest.mark.parametrize(("more", "param", "code"), WRONG, ids=str)
def test_a_wrong_field_is_named(http: httpx.Client, more: dict[str, Any], param: str | None, code: str) -> None:
    answer = http.post(CHAT, json={**BODY, **more})
    error = error_of(answer)
    assert (answer.status_code, error["type"], error["code"]) == (400, "invalid_request_error", code)
    assert param is None or error["param"].startswith(param)
    assert param is None or param in error["message"]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/v1/completions", {"prompt": [1, 2, 3]}),
        ("/v1/completions", {"prompt": [[1], [2]]}),
        ("/v1/completions", {"prompt": ["x"] * 21}),
        ("/v1/completions", {"prompt": ""}),
        ("/v1/completions", {"suffix": "x"}),
        ("/v1/completions", {"best_of": 2}),
        ("/v1/completions", {"echo": True, "logprobs": 1}),
        ("/v1/embeddings", {"input": [1, 2]}),
        ("/v1/embeddings", {"input": []}),
        ("/v1/embeddings", {"input": ["x", ""]}),
        ("/v1/embeddings", {"dimensions": 8}),
        ("/v1/embeddings", {"encoding_format": "int8"}),
        ("/v1/summarize", {"text": " "}),
        ("/v1/summarize", {"length": "long"}),
        ("/v1/summarize", {"length": -3}),
        ("/v1/summarize", {"length": 10**30}),
        ("/v1/summarize", {"length": 14376}),
        ("/v1/summarize", {"style": "own"}),
        ("/v1/summarize", {"style": "haiku"}),
        ("/v1/summarize", {"language": "tlh"}),
        ("/v1/translate", {"text": "42"}),
        ("/v1/translate", {"target": "tlh"}),
        ("/v1/translate", {"source": "fr"}),
        ("/v1/translate", {"title": "x"}),
    ],
    ids=str,
)
def test_other_routes_refuse_what_they_cannot_do(http: httpx.Client, path: str, more: dict[str, Any]) -> None:
    answer = http.post(path, json={**ROUTES[path][1], **more})
    assert answer.status_code == 400
    assert error_of(answer)["type"] == "invalid_request_error"


@pytest.mark.parametrize("body", MALFORMED, ids=lambda body: repr(body[:24]))
@pytest.mark.parametrize("path", ROUTES)
def test_a_malformed_body(http: httpx.Client, path: str, body: bytes) -> None:
    answer = http.post(path, content=body)
    assert answer.status_code == 400
    error_of(answer)


def test_a_body_that_is_too_large(api: Api, http: httpx.Client) -> None:
    body = {"messages": [{**MESSAGE, "content": "x" * (2 << 20)}]}
    assert http.post(CHAT, json=body).status_code == 413
    answer = http.post(CHAT, content=iter([json.dumps(body).encode()]))  # In chunks, its length not told before.
    assert error_of(answer)["code"] == "too_large"
    api.idle()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_addresses_and_methods_that_do_not_exist(http: httpx.Client, method: str) -> None:
    assert error_of(http.request(method, CHAT))["code"] == "method_not_allowed"
    assert error_of(http.request(method, "/v1/files"))["code"] == "unknown_url"
    assert error_of(http.request(method, "/v1/a%0Ab"))["code"] == "unknown_url"
    assert error_of(http.post("/v1/models"))["code"] == "method_not_allowed"


def test_what_is_used_up_says_when_it_comes_back(api: Api) -> None:
    for limits in (Limits(requests_per_hour=1), Limits(tokens_per_hour=5)):
        with api.client(limits=limits) as client:
            client.chat.completions.create(model="echo", messages=ASK)
            with pytest.raises(openai.RateLimitError, match="used up") as refused:
                client.chat.completions.create(model="echo", messages=ASK, stream=True)
            assert refused.value.code == "rate_limit_exceeded"
            assert 3000 < int(refused.value.response.headers["retry-after"]) <= 3600


def test_tokens_are_looked_at_before_each_choice(api: Api) -> None:
    for more in ({"prompt": ["one two three"] * 20, "n": 8}, {"prompt": "one", "n": 8, "stream": True}):
        with api.client(limits=Limits(tokens_per_hour=10)) as client:
            with pytest.raises(openai.APIError, match="used up"):
                list(client.completions.create(model="echo", max_tokens=8, **more))  # type: ignore[call-overload]
            assert 10 <= api.quota(api.kept(client)).used()[1] <= 30


def test_tokens_are_counted(api: Api) -> None:
    with api.client() as client:
        client.chat.completions.create(model="echo", messages=ASK, n=2)
        key = api.kept(client)
        assert api.quota(key).used()[:2] == (1, 2 * (6 + 5))


def test_a_model_that_fails_in_mid_reply(api: Api) -> None:
    failing: list[Any] = [{"role": "user", "content": "/fail one two three"}]
    with api.client() as client:
        with pytest.raises(openai.InternalServerError, match="because it was told to") as refused:
            client.chat.completions.create(model="echo", messages=failing)
        assert refused.value.status_code == 503
        with pytest.raises(openai.APIError, match="because it was told to"):
            list(client.chat.completions.create(model="echo", messages=failing, stream=True))
        assert client.chat.completions.create(model="echo", messages=ASK).choices[0].finish_reason == "stop"


def test_a_model_for_which_there_is_no_memory(tmp_path: Path) -> None:
    with served(tmp_path / "data", "echo+9000", load=False, memory_budget_gb=1.0) as api, api.client() as client:
        for stream in (False, True):
            with pytest.raises(openai.InternalServerError, match="could not be loaded") as refused:
                client.chat.completions.create(model="", messages=ASK, stream=stream)
            assert refused.value.status_code == 503
            assert int(refused.value.response.headers["retry-after"]) > 0
        with api.http() as http:
            assert http.post("/v1/summarize", json={"text": "The harbour is large."}).status_code == 503
        assert api.client(limits=MANY).models.list().data[0].id == "echo+9000"


def test_a_model_that_would_have_to_be_fetched_is_not(tmp_path: Path) -> None:
    with served(tmp_path / "data", "smollm2-135m-instruct", load=False) as api, api.client() as client:
        assert client.models.list().data == []
        for name in ("", "default", "smollm2-135m-instruct"):
            with pytest.raises(openai.NotFoundError, match="not on this machine"):
                client.chat.completions.create(model=name, messages=ASK)
        assert api.services.manager.state.phase == "idle"


def test_nothing_that_was_sent_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    canary = "Zanzibarquux"
    text = f"The harbour {canary} lies in the south of the town. It has three ships."
    with served(tmp_path / "data") as api, api.http() as http:
        for path, body in (
            (CHAT, {"messages": [{**MESSAGE, "content": text}]}),
            (CHAT, {"messages": [{**MESSAGE, "content": f"/fail {canary}"}]}),
            (CHAT, {"messages": [{**MESSAGE, "content": canary * 50_000}]}),
            (CHAT, {"messages": ASK, canary: 1}),
            ("/v1/completions", {"prompt": text}),
            ("/v1/summarize", {"text": text}),
            ("/v1/summarize", {"text": f"/fail {text}"}),
            ("/v1/translate", {"text": text, "target": "fr"}),
        ):
            assert http.post(path, json=body).status_code in (200, 400, 503)
        api.idle()
        assert api.services.summaries.runs.runs() == []
    found = [file for file in (tmp_path / "data").rglob("*") if file.is_file() and canary.encode() in file.read_bytes()]
    assert found == []
    assert canary not in caplog.text
