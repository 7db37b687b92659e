"""What OpenAI's own client gets from /v1: models, replies, streams, continuations."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.api.serving import Api, served

ASK: list[Any] = [{"role": "user", "content": "one two three"}]
SAID = "You said: one two three"


@pytest.fixture(scope="module")
def client(api: Api) -> Iterator[openai.OpenAI]:
    with api.client() as made:
        yield made


def said(client: openai.OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(**{"model": "echo", "messages": ASK, **more})


def test_models_are_those_of_this_machine(client: openai.OpenAI) -> None:
    (one,) = client.models.list()
    assert (one.id, one.object, one.owned_by) == ("echo", "model", "playground")
    assert client.models.retrieve("echo") == one
    with pytest.raises(openai.NotFoundError, match="Qwen3 8B is not on this machine"):
        client.models.retrieve("qwen3-8b")


def test_a_reply(client: openai.OpenAI) -> None:
    reply = said(client)
    assert re.fullmatch(r"chatcmpl-\w{32}", reply.id)
    assert (reply.object, reply.model) == ("chat.completion", "echo")
    (choice,) = reply.choices
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", SAID, "stop")
    assert choice.logprobs is None
    usage = reply.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (6, 5, 11)
    assert said(client).system_fingerprint == reply.system_fingerprint


@pytest.mark.parametrize("model", ["", "default"])
def test_the_chosen_model_needs_no_name(client: openai.OpenAI, model: str) -> None:
    assert said(client, model=model).model == "echo"


def test_turns_of_all_roles_with_parts(client: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": "four "}, {"type": "text", "text": "five"}]
    messages = [
        {"role": "system", "content": "a b"},
        {"role": "developer", "content": "c d"},
        {"role": "user", "content": "x", "name": "Ada"},
        {"role": "assistant", "content": [{"type": "text", "text": "y"}]},
        {"role": "user", "content": parts},
    ]
    reply = said(client, messages=messages)
    assert reply.choices[0].message.content == "You said: four five"
    assert reply.usage.prompt_tokens == 4 + 1 + 1 + 2 + 4 * 3, "both words to the system are one turn"


def test_a_reply_that_was_begun_goes_on(client: openai.OpenAI) -> None:
    begun = {"role": "assistant", "content": "You said: one"}
    assert said(client, messages=[*ASK, begun]).choices[0].message.content == " two three"


def test_a_stream_says_the_same(client: openai.OpenAI) -> None:
    chunks = list(said(client, stream=True))
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert deltas[0].role == "assistant"
    assert [one.content for one in deltas if one.content] == ["You", " said:", " one", " two", " three"]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert {chunk.usage for chunk in chunks} == {None}


def test_a_stream_tells_its_usage_when_asked(client: openai.OpenAI) -> None:
    *_, last = said(client, stream=True, n=2, stream_options={"include_usage": True})
    assert last.choices == []
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (6, 10)


def test_a_stream_ends_as_openai_ends_it(api: Api) -> None:
    with api.http() as http, http.stream("POST", "/v1/chat/completions", json={"messages": ASK, "stream": True}) as got:
        assert got.headers["content-type"].startswith("text/event-stream")
        assert "".join(got.iter_text()).endswith("data: [DONE]\n\n")


def test_several_choices(client: openai.OpenAI) -> None:
    reply = said(client, n=3)
    assert [(one.index, one.message.content) for one in reply.choices] == [(at, SAID) for at in range(3)]
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (6, 15), "the prompt counts once"
    texts = ["", "", ""]
    for chunk in said(client, n=3, stream=True):
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert texts == [SAID] * 3


@pytest.mark.parametrize(
    ("more", "text", "reason"),
    [
        ({"stop": " two"}, "You said: one", "stop"),
        ({"stop": ["no", "three", "o th"]}, "You said: one tw", "stop"),
        ({"max_tokens": 2}, "You said:", "length"),
        ({"max_completion_tokens": 3, "max_tokens": 1}, "You said: one", "length"),
    ],
)
def test_where_a_reply_ends(client: openai.OpenAI, more: dict[str, Any], text: str, reason: str) -> None:
    (choice,) = said(client, **more).choices
    assert (choice.message.content, choice.finish_reason) == (text, reason)


@pytest.mark.parametrize("stop", [None, " two"])
def test_probabilities_of_each_token(client: openai.OpenAI, stop: str | None) -> None:
    reply = said(client, logprobs=True, top_logprobs=3, **({"stop": stop} if stop else {}))
    content = reply.choices[0].logprobs.content
    text = reply.choices[0].message.content
    assert "".join(one.token for one in content) == text
    assert b"".join(bytes(one.bytes) for one in content) == text.encode()
    for one in content:
        if one.token:
            assert sum(math.exp(each.logprob) for each in one.top_logprobs) == pytest.approx(1, abs=0.2)
            assert max(each.logprob for each in one.top_logprobs) == one.top_logprobs[0].logprob
    streamed = [
        token
        for chunk in said(client, logprobs=True, top_logprobs=3, stream=True, **({"stop": stop} if stop else {}))
        if chunk.choices[0].logprobs
        for token in chunk.choices[0].logprobs.content
    ]
    assert streamed == content
    assert said(client, logprobs=True).choices[0].logprobs.content[0].top_logprobs == []


def test_fields_that_change_nothing_are_accepted(client: openai.OpenAI) -> None:
    more = dict(
        user="me", store=False, service_tier="auto", parallel_tool_calls=True, metadata={"a": "b"}, logit_bias={},
        frequency_penalty=0, presence_penalty=0.0, response_format={"type": "text"}, modalities=["text"], seed=-5,
        extra_body={"top_k": 3, "min_p": 0.1, "repetition_penalty": 1.1, "tools": None},
    )  # fmt: skip
    assert said(client, **more).choices[0].message.content == SAID


def test_texts_go_on(client: openai.OpenAI) -> None:
    reply = client.completions.create(model="echo", prompt=["You said:", "You"], n=2, max_tokens=1, logprobs=2)
    assert (reply.object, [one.index for one in reply.choices]) == ("text_completion", [0, 1, 2, 3])
    assert reply.choices[2].text == " said:"
    scored = reply.choices[2].logprobs
    assert scored is not None
    assert (scored.tokens, scored.text_offset) == ([" said:"], [0])
    assert scored.top_logprobs is not None
    assert len(scored.top_logprobs[0]) == 2
    echoed = client.completions.create(model="echo", prompt="You", echo=True, stream=True)
    assert "".join(one.choices[0].text for one in echoed).startswith("You said:")


def test_adapters_are_models_of_their_own(tmp_path: Path) -> None:
    adapter = tmp_path / "shout.bin"
    adapter.write_bytes(b"GGUF")
    with served(tmp_path / "data") as api, api.client() as client:
        api.services.manager.attach("echo", str(adapter), called="shout")
        assert [one.id for one in client.models.list()] == ["echo", "echo+shout"]
        assert said(client, model="echo+shout").choices[0].message.content == "You said (shout): one two three"
        assert said(client).choices[0].message.content == SAID
        api.services.manager.choose("echo", "shout")
        assert said(client, model="").model == "echo+shout"


def test_no_place_on_the_disk_is_told(tmp_path: Path) -> None:
    with served(tmp_path / "data") as api, api.client() as client:
        folder = tmp_path / "data" / "models" / "own"
        folder.mkdir(parents=True)
        (folder / "mine.gguf").write_bytes(b"GGUF")
        api.services.models.refresh()
        assert [one.id for one in client.models.list()] == ["echo", "mine"]
        with pytest.raises(openai.NotFoundError, match="mine is not loaded") as refused:
            said(client, model="mine")
        assert refused.value.code == "model_not_loaded"
        with pytest.raises(openai.NotFoundError):
            said(client, model=str(folder / "mine.gguf"))
