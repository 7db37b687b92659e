"""The state of a training by its journal: what a worker did again counts once, and what is no number breaks nothing."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.tuning.journal import Journal, read_journal
from playground.tuning.progress import Progress, result_of
from tests.tuning.finished import LATER, SAID, write_events


def step(number: int, of: int = 10) -> dict[str, Any]:
    return {"kind": "step", "step": number, "of": of, "loss": 3.0 - number / 10}


def evaluation(number: int, loss: Any) -> dict[str, Any]:
    return {"kind": "eval", "step": number, "eval_loss": loss}


def test_a_whole_run(tmp_path: Path) -> None:
    write_events(tmp_path / "journal.jsonl", 60)
    found = Progress().add_all(read_journal(tmp_path / "journal.jsonl"))
    assert (found.phase, found.step, found.total, found.checkpoint) == ("complete", 60, 60, 60)
    assert found.base_eval["eval_loss"] == 3.5
    assert (found.best_eval["step"], found.best_eval["eval_loss"]) == (60, 2.25)
    assert [tuple(one["texts"]) for one in found.samples] == [SAID, LATER, LATER]
    result = result_of(found)
    assert (result["steps"], result["kept_step"], result["adapter"]["general_top1"]) == (60, 60, 0.78)
    assert result["base"]["eval_loss"] == 3.5


def test_steps_behind_the_checkpoint_are_made_again() -> None:
    before: list[dict[str, Any]] = [
        {"kind": "loading"},
        {"kind": "start", "step": 0},
        evaluation(0, 3.5),
        *map(step, range(1, 8)),
    ]
    before += [evaluation(5, 2.0), {"kind": "warning", "step": 6, "what": "diverged"}]
    again: list[dict[str, Any]] = [
        {"kind": "loading"},
        {"kind": "start", "step": 4, "skipped": [["checkpoint-6", "torn"]]},
    ]
    found = Progress().add_all([*before, *again, step(5)])
    assert [one["step"] for one in found.steps] == [1, 2, 3, 4, 5]
    assert [one["step"] for one in found.evals] == [0]
    assert not found.warnings
    assert found.phase == "training"
    assert found.start["skipped"]


def test_from_the_beginning_the_base_is_measured_once() -> None:
    events = [{"kind": "start", "step": 0}, evaluation(0, 3.5), step(1), {"kind": "start", "step": 0}]
    found = Progress().add_all([*events, evaluation(0, 3.4)])
    assert [one["eval_loss"] for one in found.evals] == [3.4]
    assert not found.steps


def test_no_number_is_never_the_best(tmp_path: Path) -> None:
    note = Journal(tmp_path / "journal.jsonl")
    note.add("start", step=0)
    for number, loss in ((0, 3.0), (1, math.nan), (2, 2.5), (3, math.inf)):
        note.add("eval", step=number, eval_loss=loss)
    note.close()
    found = Progress().add_all(read_journal(tmp_path / "journal.jsonl"))
    assert [one["eval_loss"] for one in found.evals] == [3.0, "nan", 2.5, "inf"]
    assert found.best_eval["step"] == 2


def test_of_a_run_without_steps_there_is_a_result() -> None:
    found = result_of(Progress().add_all([{"kind": "loading"}, {"kind": "end", "status": "failed"}]))
    assert (found["steps"], found["curve"], found["memory"], found["base"]) == (0, [], 0, {})


@pytest.mark.parametrize("measured", [[], [0], [0, 5]])
def test_an_adapter_that_was_not_measured_has_no_figures(measured: list[int]) -> None:
    """Neither the base's own, nor those of another step."""
    events = [{"kind": "start", "step": 0}, *(evaluation(number, 3.5) for number in measured), *map(step, range(1, 10))]
    for kept in (0, 9):
        end = {"kind": "end", "status": "stopped", "step": 9, "kept_step": kept}
        found = result_of(Progress().add_all([*events, end]))
        assert found["adapter"] == {}
        assert found["base"] == ({"step": 0, "eval_loss": 3.5} if measured else {})


@given(st.integers(1, 5000))
def test_the_kept_curve_is_short_and_in_order(count: int) -> None:
    found = result_of(Progress().add_all([{"kind": "start", "step": 0}, *(step(at + 1, count) for at in range(count))]))
    steps = [one[0] for one in found["curve"]]
    assert steps == sorted(set(steps))
    assert len(steps) <= 400
    assert steps[0] == 1


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["start", "step", "eval", "samples", "warning"]))))
def test_after_a_start_nothing_lies_behind_it(events: list[tuple[int, str]]) -> None:
    found = Progress()
    for number, kind in events:
        found.add({"kind": kind, "step": number, "of": 20, "loss": 1.0})
        if kind == "start":
            lists = (found.steps, found.evals, found.samples, found.warnings)
            assert all(one["step"] <= number for each in lists for one in each)
            assert found.step <= number


def test_what_is_no_learning_is_counted_of_the_newest_worker() -> None:
    progress = Progress()
    for at, kind, more in (
        (100.0, "loading", {}),
        (110.0, "start", {"step": 0}),
        (130.0, "step", {"step": 1, "of": 3, "loss": 2.0, "tokens": 50, "tokens_per_second": 10.0}),
        (500.0, "loading", {}),
        (510.0, "start", {"step": 1}),
        (520.0, "step", {"step": 2, "of": 3, "loss": 2.0, "tokens": 50, "tokens_per_second": 10.0}),
        (525.0, "step", {"step": 3, "of": 3, "loss": 2.0, "tokens": 50, "tokens_per_second": 10.0}),
        (540.0, "end", {"status": "complete", "step": 3, "kept_step": 3}),
    ):
        progress.add({"at": at, "kind": kind, **more})
    assert result_of(progress)["seconds_beside"] == 40 - 10
    progress.add({"at": 541.0, "kind": "step", "step": 3, "of": 3, "loss": 2.0, "tokens_per_second": "nan"})
    assert result_of(progress)["seconds_beside"] == 0
