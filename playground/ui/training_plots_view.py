"""The curves of a training as charts, and as a table for whoever wants the numbers."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from playground.tuning.progress import Event, Progress
from playground.ui.models_parts import size_text
from playground.ui.strings import t
from playground.ui.training_charts import Chart, Point, Series, Written, chart_html, smoothed
from playground.ui.training_parts import fold, number, plain, words

_ROWS = 60
"""Of the table."""
_SMALL = (
    ("rate", "learning_rate", lambda value, more: f"{value:.{3 + more}g}"),
    ("norm", "grad_norm", lambda value, more: f"{value:.{3 + more}g}"),
    ("speed", "tokens_per_second", lambda value, more: f"{value:,.{more}f}"),
    ("memory", "memory", lambda value, more: size_text(value, more)),
)


def plots_html(progress: Progress, language: str) -> str:
    """All charts; empty before anything was measured."""
    steps, evals = list(progress.steps), list(progress.evals)
    large = chart_html(_loss(progress, steps, evals, language))
    small = chart_html(_preferences(progress, steps, evals, language))
    for key, name, written in _SMALL:
        points = _points(steps, name)
        small += chart_html(_chart(progress, key, name, [Series("", points)], written, language))
    if not large and not small:
        return ""
    table = fold("numbers", words(language, "numbers"), _table(steps, evals, language))
    return f'<div class="pr-large">{large}</div><div class="pr-small">{small}</div>{table}'


def _loss(progress: Progress, steps: Sequence[Event], evals: Sequence[Event], language: str) -> Chart:
    raw = _points(steps, "loss")
    measured = [one for one in _points(evals, "eval_loss") if one[0]]
    base, best = progress.base_eval, progress.best_eval
    series = [Series(t(language, "pr.chart.raw"), raw, "faint", 0)] if len(raw) > 1 else []
    series.append(Series(t(language, "pr.chart.smoothed"), smoothed(raw), "line", 0))
    series.append(Series(t(language, "pr.chart.heldout"), measured, "dots", 1))
    if "eval_loss" in base:
        series.append(Series(t(language, "pr.chart.base"), [(0, number(base["eval_loss"]))], "level", 2))
    marked = (number(best["step"]), number(best["eval_loss"])) if best else None
    name = "dpo_loss" if any("accuracies" in one for one in steps[:1]) else "loss"
    return _chart(progress, "loss", name, series, lambda value, more: plain(value, 3 + more), language, best=marked)


def _preferences(progress: Progress, steps: Sequence[Event], evals: Sequence[Event], language: str) -> Chart:
    """Of DPO: how often the better reply is the likelier one."""
    raw, measured = _points(steps, "accuracies"), _points(evals, "accuracy")
    series = [
        Series(t(language, "pr.chart.train"), smoothed(raw), "line", 0),
        Series(t(language, "pr.chart.heldout"), measured, "dots", 1),
    ]
    return _chart(progress, "accuracy", "accuracy", series, _share, language)


def _chart(
    progress: Progress,
    key: str,
    name: str,
    series: Sequence[Series],
    written: Written,
    language: str,
    best: Point | None = None,
) -> Chart:
    return Chart(
        key,
        t(language, f"pr.chart.{name}"),
        series,
        t(language, "pr.chart.step"),
        written,
        best,
        t(language, "pr.chart.best"),
        t(language, "pr.chart.lost"),
        progress.total,
    )


def _share(value: float, more: int) -> str:
    return f"{100 * value:.{more}f} %"


def _points(events: Sequence[Event], name: str) -> list[Point]:
    return [(number(one["step"]), number(one[name])) for one in events if name in one]


def _table(steps: Sequence[Event], evals: Sequence[Event], language: str) -> str:
    names = ["loss", "learning_rate", "grad_norm", "tokens_per_second", "memory"]
    gap = -(-len(steps) // _ROWS) or 1
    rows = [[_cell(one, name) for name in ("step", *names)] for one in steps[::gap]]
    drawn = _rows(["step", *names], rows, t(language, "pr.chart.train"), language)
    measured = ["eval_loss", "top1", "accuracy", "margin", "general_loss", "general_top1"]
    measured = [name for name in measured if any(name in one for one in evals)]
    found = [[_cell(one, name) for name in ("step", *measured)] for one in evals]
    return _rows(["step", *measured], found, t(language, "pr.chart.heldout"), language) + drawn


def _rows(names: Sequence[str], rows: Sequence[Sequence[str]], caption: str, language: str) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{html.escape(t(language, f"pr.chart.{name}"))}</th>' for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(one)}</td>' for one in row)}</tr>" for row in rows)
    return (
        f'<div class="pr-scroll" tabindex="0" role="region" aria-label="{html.escape(caption)}"><table>'
        f"<caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(one: Event, name: str) -> str:
    if name not in one:
        return "–"
    value: Any = number(one[name])
    if name == "step":
        return f"{value:.0f}"
    return size_text(value) if name == "memory" else f"{value:.4g}"
