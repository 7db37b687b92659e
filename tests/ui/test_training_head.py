"""The head of a training says which rows of the data could not be learned from, and why."""

from __future__ import annotations

import html
from typing import Any

import pytest

from playground.store.training_values import StoredTraining
from playground.tuning.progress import Progress
from playground.ui.training_head_view import head_html, state_html

LONG = "The sample is longer than max_length before its reply begins. Raise max_length."
REFUSED = (
    "The model's chat template refuses a conversation: <no>. "
    "Take its system message out, let user and assistant take turns, or choose another model."
)


def shown(language: str, **start: Any) -> str:
    run = StoredTraining("a", "A", "complete", "", {}, {}, {}, 0.0, 0.0, 0.0, None)
    progress = Progress().add_all([{"kind": "start", "step": 0, **start}])
    return html.unescape(state_html(run, None, progress, language))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["3 rows of the data were left out", "Row 7, 31: The model's chat template refuses", f"Row 8: {LONG}"]),
        ("zh", ["数据中有 3 行无法学习", "第 7, 31 行：", "第 8 行：该样本在回复开始之前就超过了 max_length。"]),
    ],
)
def test_rows_that_could_not_be_learned_from_are_told(language: str, words: list[str]) -> None:
    said = shown(language, unusable=3, unusable_rows=[[7, REFUSED], [8, LONG], [31, REFUSED]])
    for one in words:
        assert one in said


def test_of_one_row_and_of_none() -> None:
    assert "1 row of the data was left out" in shown("en", unusable=1, unusable_rows=[[7, LONG]])
    assert "left out" not in shown("en", unusable=0, unusable_rows=[])
    assert "left out" not in shown("en")


@pytest.mark.parametrize(
    ("language", "start", "words"),
    [
        (
            "en",
            {"samples": 1, "heldout": 0, "tokens": 40},
            "1 sample to learn from, nothing held out · 40 tokens · cpu",
        ),
        ("en", {"samples": 1200, "heldout": 1, "tokens": 90_000}, "1,200 samples to learn from, 1 held out · 90,000"),
        ("zh", {"samples": 8, "heldout": 4, "tokens": 900}, "8 个训练样本，4 个留出 · 900 个词元 · cpu"),
    ],
)
def test_how_much_is_learned_from(language: str, start: dict[str, int], words: str) -> None:
    run = StoredTraining("a", "A", "complete", "", {}, {}, {}, 0.0, 0.0, 0.0, None)
    progress = Progress().add_all([{"kind": "start", "step": 0, "device": "cpu", **start}])
    assert words in html.unescape(head_html(run, None, progress, language))
