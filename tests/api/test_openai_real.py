"""OpenAI's own client against the starter model: streaming, probabilities, seeds, stops, errors and leaving."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.api.serving import Api

pytestmark = pytest.mark.real_model
STARTER = "smollm2-135m-instruct"
FRANCE: list[Any] = [{"role": "user", "content": "What is the capital of France? Answer in one short sentence."}]
STORY: list[Any] = [{"role": "user", "content": "Tell me a long story about a dog that lives by the sea."}]


@pytest.fixture(scope="module")
def client(real: Api) -> Iterator[openai.OpenAI]:
    with real.client() as made:
        yield made


def said(client: openai.OpenAI, **more: Any) -> Any:
    asked = {"model": STARTER, "messages": STORY, "max_tokens": 24, "temperature": 1.0, "seed": 7}
    return client.chat.completions.create(**{**asked, **more})


def text_of(client: openai.OpenAI, **more: Any) -> str:
    return str(said(client, **more).choices[0].message.content)


def test_a_stream(client: openai.OpenAI) -> None:
    chunks = list(said(client, messages=FRANCE, temperature=0, stream=True, stream_options={"include_usage": True}))
    *pieces, last = chunks
    text = "".join(chunk.choices[0].delta.content or "" for chunk in pieces)
    assert "Paris" in text
    assert pieces[-1].choices[0].finish_reason in ("stop", "length")
    assert last.usage.completion_tokens > 3
    whole = said(client, messages=FRANCE, temperature=0)
    assert whole.choices[0].message.content == text
    assert whole.usage.prompt_tokens == last.usage.prompt_tokens


def test_probabilities(client: openai.OpenAI) -> None:
    choice = said(client, messages=FRANCE, temperature=0, logprobs=True, top_logprobs=20).choices[0]
    content = choice.logprobs.content
    assert "".join(one.token for one in content) == choice.message.content
    sums = [sum(math.exp(each.logprob) for each in one.top_logprobs) for one in content]
    assert all(0.5 < one <= 1.0001 for one in sums)
    assert max(sums) == pytest.approx(1, abs=0.02)
    assert all(one.top_logprobs[0].logprob == pytest.approx(one.logprob) for one in content), "the likeliest is taken"


def test_seeds(client: openai.OpenAI) -> None:
    assert text_of(client) == text_of(client)
    assert len({text_of(client, seed=seed) for seed in range(4)}) > 1
    several = [one.message.content for one in said(client, n=3).choices]
    assert several[0] == text_of(client)
    assert len(set(several)) > 1


def test_stops(client: openai.OpenAI) -> None:
    text = text_of(client, temperature=0)
    word = text.split()[4]
    (choice,) = said(client, temperature=0, stop=[word]).choices
    assert choice.message.content == text[: text.index(word)]
    assert choice.finish_reason == "stop"
    (choice,) = said(client, temperature=0, max_tokens=3).choices
    assert choice.finish_reason == "length"


def test_a_text_goes_on(client: openai.OpenAI) -> None:
    made = client.completions.create(model=STARTER, prompt="The capital of France is", temperature=0, max_tokens=4)
    assert "Paris" in made.choices[0].text
    assert made.choices[0].finish_reason == "length"


def test_errors(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="tokens") as refused:
        said(client, messages=[{"role": "user", "content": "one two three " * 2000}])
    assert refused.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError, match="tools"):
        said(client, tools=[{"type": "function", "function": {"name": "x"}}])
    with pytest.raises(openai.NotFoundError):
        said(client, model="gpt-4o")


def test_who_leaves(real: Api, client: openai.OpenAI) -> None:
    stream = said(client, max_tokens=1500, stream=True)
    for _, _chunk in zip(range(5), stream, strict=False):
        pass
    stream.close()
    real.idle()
    long = [{"role": "user", "content": "The dog swims. " * 350}]
    with pytest.raises(openai.APITimeoutError):
        said(client, messages=long, max_tokens=1000, timeout=0.5)
    real.idle()
    assert "Paris" in text_of(client, messages=FRANCE, temperature=0)
