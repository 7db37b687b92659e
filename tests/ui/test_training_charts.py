"""Charts: well-formed, told in words, short for long runs, and whole whatever the numbers are."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.tuning.journal import read_journal
from playground.tuning.progress import Progress
from playground.ui.strings import LANGUAGES
from playground.ui.training_charts import Chart, Point, Series, chart_html, nice_ticks, smoothed, thinned
from playground.ui.training_plots_view import plots_html
from playground.ui.training_proof_view import numbers_html
from tests.tuning.finished import write_events

numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)


def chart(*series: Series, **more: Any) -> Chart:
    return Chart(
        "c", "Loss", series, "step", lambda value, more: f"{value:.{3 + more}f}", lost_words="Step {x}: NaN", **more
    )


def drawn(made: str) -> ET.Element:
    """Parsed, which fails for what is not well-formed."""
    return ET.fromstring(made)


def points(values: Sequence[float]) -> list[Point]:
    return [(float(at + 1), value) for at, value in enumerate(values)]


def test_of_nothing_there_is_no_chart() -> None:
    assert chart_html(chart()) == ""
    assert chart_html(chart(Series("a", []))) == ""


def test_one_point_is_a_dot() -> None:
    found = drawn(chart_html(chart(Series("a", [(1, 2.5)]))))
    dots = [one for one in found.iter("path") if "pr-dots" in one.get("class", "")]
    assert len(dots) == 1
    assert "NaN" not in ET.tostring(found, "unicode")


def test_its_words_say_what_it_shows() -> None:
    made = chart(
        Series("training", points([3, 2, 1])), Series("base", [(0, 3.5)], "level"), best=(3, 1.0), best_words="best"
    )
    found = drawn(chart_html(made))
    svg = found.find("./div/svg")
    assert svg is not None
    assert svg.get("role") == "img"
    named = {one.get("id"): one.text or "" for one in svg.iter() if one.get("id")}
    title, about = (named[one] for one in str(svg.get("aria-labelledby")).split())
    assert title == "Loss"
    assert about == "step. training: 3.000 → 1.000; base: 3.500"
    assert [one.findtext("title") for one in svg.iter("path") if one.get("class") == "pr-best"] == ["best: 1.000"]


def test_what_is_no_number_leaves_a_gap_and_is_told() -> None:
    found = chart_html(chart(Series("a", points([3, 2, math.nan, 1, math.inf, 1]))))
    assert "Step 3: NaN" in found
    assert "Step 5: NaN" in found
    line = next(one for one in drawn(found).iter("path") if "pr-line" in one.get("class", ""))
    assert str(line.get("d")).count("M") == 3
    assert not re.search(r"\bd=\"[^\"]*(nan|inf)", found)


def test_only_no_numbers_is_a_chart_too() -> None:
    found = chart_html(chart(Series("a", points([math.nan] * 3)), Series("b", [(0, math.nan)], "level")))
    assert drawn(found).find("./div/svg") is not None


def test_names_are_escaped() -> None:
    found = chart_html(chart(Series('<b>"&', points([1, 2])), Series("b", points([1]))))
    assert '<b>"' not in found
    told = drawn(found).find("./div")
    assert told is not None
    assert json.loads(told.get("data-points", ""))[0][0] == '<b>"&'


def test_ten_thousand_steps_stay_short_and_keep_their_peaks() -> None:
    values = [math.sin(at / 50) for at in range(10_000)]
    values[7777] = 40.0
    kept = thinned(points(values))
    assert len(kept) <= 300
    assert (7778.0, 40.0) in kept
    assert kept == sorted(kept)
    assert (kept[0][0], kept[-1][0]) == (1, 10_000)
    assert len(chart_html(chart(Series("a", points(values)), Series("b", points(values), "faint")))) < 60_000


def test_smoothing_begins_at_the_first_value_and_follows() -> None:
    assert [(x, round(y, 9)) for x, y in smoothed([(1, 4.0), (2, math.nan), (3, 4.0)])] == [(1, 4.0), (3, 4.0)]
    found = smoothed(points([0.0] * 5 + [1.0] * 100))
    assert found[4][1] == 0
    assert 0.99 < found[-1][1] < 1


@given(st.lists(numbers, min_size=1, max_size=400), st.sampled_from(["line", "faint", "dots", "level"]))
def test_any_numbers_give_a_chart_inside_of_its_box(values: list[float], look: Any) -> None:
    found = drawn(chart_html(chart(Series("a", points(values), look), end=500)))
    for path in found.iter("path"):
        for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", str(path.get("d"))):
            assert -0.1 <= float(x) <= 1000.1
            assert -0.1 <= float(y) <= 400.1


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_round_and_between_both(low: float, width: float) -> None:
    high = low + width
    found = nice_ticks(low, high)
    if high > low and width > abs(low) * 1e-9:
        assert 1 <= len(found) <= 7
        assert all(low - width * 1e-6 <= one <= high + width * 1e-6 for one in found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_a_training_all_curves_and_a_table(language: str, tmp_path: Any) -> None:
    write_events(tmp_path / "journal.jsonl", 300, loss=math.nan)
    found = plots_html(Progress().add_all(read_journal(tmp_path / "journal.jsonl")), language)
    whole = drawn(f"<div>{found}</div>")
    assert [one.get("data-key") for one in whole.iter("figure")] == [
        *("chart-loss", "chart-rate", "chart-norm", "chart-speed", "chart-memory")
    ]
    assert len(list(whole.iter("table"))) == 2
    assert "NaN" in found
    assert "300" in found
    assert plots_html(Progress(), language) == ""


def ticks(made: str) -> list[str]:
    """What is written beside the chart."""
    return [one.text or "" for one in drawn(made).iter("span") if one.get("class") == "pr-y"]


def test_ticks_of_memory_that_hardly_changes_differ() -> None:
    steps = [{"kind": "step", "step": at, "of": 50, "memory": 1_795_000_000 + at * 600_000} for at in range(1, 51)]
    found = plots_html(Progress().add_all(steps), "en")
    memory = next(one for one in drawn(f"<div>{found}</div>").iter("figure") if one.get("data-key") == "chart-memory")
    told = ticks(ET.tostring(memory, "unicode"))
    assert len(set(told)) == len(told)
    assert len(told) >= 3
    assert all(one.endswith(" GB") for one in told)


@given(st.floats(0, 1e12), st.floats(1e-12, 1e6))
def test_no_two_ticks_say_the_same(low: float, width: float) -> None:
    told = ticks(chart_html(chart(Series("a", points([low, low + width])))))
    assert told
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_adapter_that_was_never_measured_is_told(language: str) -> None:
    base = {"step": 0, "eval_loss": 3.5, "top1": 0.35, "general_top1": 0.9, "general_loss": 1.0}
    found = numbers_html(base, {}, 4, "sft", language)
    assert ("was not measured" if language == "en" else "未经测量") in found
    assert "–" in found
    assert "was not measured" not in numbers_html(base, base, 4, "sft", language)
    assert "NaN" in numbers_html(base, {**base, "eval_loss": "nan"}, 4, "sft", language)
