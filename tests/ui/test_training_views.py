"""Parts of a training's view and of the list of trainings, as HTML."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from playground.store.training_values import ListedTraining
from playground.tuning.own import OwnCounts
from playground.ui.training_parts import percent
from playground.ui.training_proof_view import numbers_html
from playground.ui.training_samples_view import differing
from playground.ui.tune_list import trainings_html
from playground.ui.tune_own import own_html
from playground.ui.tune_recipe import hints_html


def proof(base: dict[str, Any], mine: dict[str, Any], task: str = "sft", language: str = "en") -> str:
    return html.unescape(re.sub("<[^>]+>", " ", numbers_html(base, mine, 60, task, language)))


@pytest.mark.parametrize("task", ["sft", "dpo", "text"])
def test_nothing_held_out_is_nothing_measured(task: str) -> None:
    said = proof({"general_top1": 0.98, "general_loss": 0.9}, {"general_top1": 0.9, "general_loss": 1.0}, task)
    assert "Nothing was held out" in said
    assert "NaN" not in said
    assert "90 %" in said


def test_the_verdict_is_in_words_and_then_in_figures() -> None:
    said = proof({"eval_loss": 3.5}, {"eval_loss": 2.25})
    assert said.index("better than its base: perplexity 33.1 → 9.5.") < said.index("3.500 before, 2.250 after")
    assert "no better than its base: perplexity 9.5 → 33.1." in proof({"eval_loss": 2.25}, {"eval_loss": 3.5})
    pairs = proof({"eval_loss": 0.693, "accuracy": 0.5}, {"eval_loss": 0.5, "accuracy": 0.8}, "dpo")
    assert "prefers the better replies more than its base does: in 80 % of the pairs." in pairs
    assert "perplexity" not in pairs.lower()
    assert "NaN" not in proof({"eval_loss": 60.0}, {"eval_loss": 2.0}).partition("Loss on data")[0]


@pytest.mark.parametrize(
    ("share", "said"),
    [(1.0, "100 %"), (0.999, "99 %"), (0.996, "99 %"), (0.004, "1 %"), (0.0, "0 %"), (0.78, "78 %")],
)
def test_all_and_nothing_are_never_rounded_to(share: float, said: str) -> None:
    assert percent(share) == said


@pytest.mark.parametrize(
    ("base", "said", "drawn"),
    [
        ("The capital of France is Paris.", "The capital of France is Paris", "The capital of France is Paris"),
        ("the capital is paris", "The capital is: Paris!", "The capital is: Paris!"),
        ("The harbour lies south.", "The harbour lies far north.", "The harbour lies <mark>far north.</mark>"),
        ("A b c d", "A <b> x, c d", "A &lt;b&gt; <mark>x,</mark> c d"),
        ("翻译记忆库是一种工具。", "翻译记忆库是一个工具", "翻译记忆库是一<mark>个</mark>工具"),
        ("Something else altogether here", "Nothing of the kind, sir", "Nothing of the kind, sir"),
    ],
)
def test_other_words_are_marked_and_other_signs_are_not(base: str, said: str, drawn: str) -> None:
    assert differing(base, said) == drawn


def test_a_training_that_waits_says_so() -> None:
    runs = [ListedTraining(one, one.title(), "running", "echo", 0.0) for one in ("first", "second")]
    drawn = trainings_html(runs, [], {"second"}, "", False, "en")
    first, second = re.findall(r"<li.*?</li>", drawn)
    assert 'aria-label="running"' in first
    assert 'aria-label="waiting"' in second


def test_little_data_is_warned_of() -> None:
    assert hints_html("sft", 40, 5, "en") == ""
    assert "Nothing will be held out" in hints_html("sft", 40, 0, "en")
    assert "Only 1 sample will be learned from" in hints_html("sft", 1, 0, "en")
    assert "learned from" not in hints_html("text", 3, 5, "en")
    assert hints_html("sft", 0, 0, "en") == ""


def test_pairs_that_are_none_are_told_before_they_are_taken() -> None:
    why = "Two replies in “<Ships>” say the same or nothing. Take back a vote, or leave it."
    for pairs in (0, 1):
        said = own_html(OwnCounts(0, 0, 0, 0, pairs, {}, {}, 0, (why,)), [], [], "en")
        assert f"Not among them: {html.escape(why)}" in said
    assert "未计入：“&lt;Ships&gt;” 中有两条回复内容相同" in own_html(
        OwnCounts(0, 0, 0, 0, 1, {}, {}, 0, (why,)), [], [], "zh"
    )
