"""What servers send of tokens' probabilities, in their several ways, and what is none of it."""

from __future__ import annotations

from typing import Any

import pytest

from playground.engine.remote_scores import token_scores
from playground.records import TokenScore


def event(*content: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": "?"}, "logprobs": {"content": list(content), **more}}]}


def token(text: str, log: float = -0.5, **more: Any) -> dict[str, Any]:
    return {"token": text, "logprob": log, "top_logprobs": [], **more}


def test_openais_shape() -> None:
    top = [token(" Paris", -0.25, bytes=list(b" Paris")), token(" Rome", -2.0, bytes=None)]
    (found,) = token_scores(event(token(" Paris", -0.25, bytes=list(b" Paris"), top_logprobs=top)), " Paris")
    assert found == TokenScore(" Paris", None, -0.25, ((None, " Paris", -0.25), (None, " Rome", -2.0)))


def test_numbers_where_they_are_sent() -> None:
    (found,) = token_scores(event(token("a", id=7, top_logprobs=[token("a", id=7), token("b", -3, id=8)])), "a")
    assert (found.id, found.top) == (7, ((7, "a", -0.5), (8, "b", -3.0)))


@pytest.mark.parametrize("cut", [1, 2])
def test_halves_of_a_character_in_one_event(cut: int) -> None:
    raw = "天".encode()
    halves = [token("\\xe5", bytes=list(raw[:cut])), token("", -1.0, bytes=list(raw[cut:])), token("!", bytes=[33])]
    assert [one.text for one in token_scores(event(*halves), "天!")] == ["", "天", "!"]


def test_text_that_the_server_put_before_is_the_tokens() -> None:
    assert [one.text for one in token_scores(event(token("Well")), "<think>\nWell")] == ["<think>\nWell"]


def test_what_is_too_unlikely_to_tell_is_a_number() -> None:
    for log in (-9999.0, float("-inf"), float("nan")):
        assert token_scores(event(token("a", log)), "a")[0].logprob == -9999.0


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"choices": []},
        {"choices": [{"delta": {}}]},
        {"choices": [{"delta": {}, "logprobs": None}]},
        {"choices": [{"delta": {}, "logprobs": {"content": None}}]},
        {"choices": [{"delta": {}, "logprobs": {"tokens": ["a"], "token_logprobs": [-1.0]}}]},
        {"choices": [{"delta": {}, "logprobs": [1, 2]}]},
        {"choices": ["no choice"]},
        event({"token": "a"}),
        event({"logprob": -1.0}),
        event("a"),
        event(token("a", top_logprobs=[3])),
        event({**token("a"), "logprob": "likely"}),
        event(token("a", bytes=[256])),
    ],
)
def test_a_server_that_sends_nothing_of_the_kind(sent: dict[str, Any]) -> None:
    assert token_scores(sent, "a") == []
