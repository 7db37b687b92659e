"""Thoughts are told from answers, also where they only look like some."""

from __future__ import annotations

import pytest

from playground.thoughts import open_thought, split_thought


@pytest.mark.parametrize(
    ("text", "thought", "said"),
    [
        ("<think>hm\nhm</think>\n\nParis", "hm\nhm", "Paris"),
        ("  <thinking>x</thinking> y", "x", "y"),
        ("<think></think>\n\nParis", "", "Paris"),
        ("hm, the template began it\n</think>\n\nParis", "hm, the template began it", "Paris"),
        ("Use `<think>` and `</think>` around it.", "", "Use `<think>` and `</think>` around it."),
        ("<think>not over", "", "<think>not over"),
        ("plain", "", "plain"),
        ("", "", ""),
    ],
)
def test_thought_and_answer(text: str, thought: str, said: str) -> None:
    assert split_thought(text) == (thought, said)


def test_a_thought_that_is_not_over() -> None:
    assert open_thought("<think>hm ") == "hm"
    assert open_thought("<think>hm</think> x") is None
    assert open_thought("<thin") is None
