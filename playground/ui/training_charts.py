"""Line charts as SVG, made on the server. Knows nothing of trainings.

The drawing is stretched to its box, so nothing in it has a size of its own: what is written stands beside it as HTML,
and stays readable at every width.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]
"""Where it is and how much; NaN and infinity are told at the upper edge."""
Look = Literal["line", "faint", "dots", "level"]
Written = Callable[[float, int], str]
"""A value for a person, with so many digits more than usual."""
_WIDE, _HIGH = 1000, 400
_MOST = 300
"""Points of a line that can be told apart."""
_TICKS = 5
_MORE = 6
"""Digits that are added at most so that no two ticks say the same."""


@dataclass(frozen=True)
class Series:
    """One curve. A level is drawn through the whole chart at the height of its first point."""

    name: str
    points: Sequence[Point]
    look: Look = "line"
    colour: int = 0


@dataclass(frozen=True)
class Chart:
    """What stands in one pair of axes."""

    key: str
    """For ids: letters and dashes."""
    title: str
    series: Sequence[Series]
    across: str
    """What the points are counted by."""
    written: Written
    best: Point | None = None
    best_words: str = ""
    lost_words: str = ""
    """Of a value that is no number, with {x}."""
    end: float = 0.0
    """How far the axis goes at least."""


def chart_html(chart: Chart) -> str:
    """The chart with its title, legend and ticks; empty when there is no point at all."""
    series = [one for one in chart.series if one.points]
    if not series:
        return ""
    axes = _Axes.of(chart, series)
    drawn = "".join(_drawn(one, axes) for one in series)
    lost = sorted({x for one in series for x, y in one.points if not math.isfinite(y)})
    drawn += "".join(_lost(chart, x, axes) for x in _spread(lost, 20))
    if chart.best is not None and math.isfinite(chart.best[1]):
        drawn += _dot(chart.best, axes, "pr-best", f"{chart.best_words}: {chart.written(chart.best[1], 0)}")
    grid = "".join(f'<path class="pr-grid" d="M0 {axes.y(value):.1f}H{_WIDE}"/>' for value in axes.ticks_y)
    title = f'<title id="pr-t-{chart.key}">{html.escape(chart.title)}</title>'
    about = f'<desc id="pr-d-{chart.key}">{html.escape(_described(chart, series))}</desc>'
    svg = (
        f'<svg viewBox="0 0 {_WIDE} {_HIGH}" preserveAspectRatio="none" role="img" focusable="false" '
        f'aria-labelledby="pr-t-{chart.key} pr-d-{chart.key}">{title}{about}{grid}{drawn}</svg>'
    )
    ticks = "".join(
        f'<span class="pr-y" style="top:{100 * axes.y(value) / _HIGH:.2f}%">{html.escape(text)}</span>'
        for text, value in _tick_words(chart, axes.ticks_y).items()
    )
    ticks += "".join(
        f'<span class="pr-x" style="left:{100 * axes.x(value) / _WIDE:.2f}%">{value:.12g}</span>'
        for value in axes.ticks_x
    )
    return (
        f'<figure class="pr-chart" data-key="chart-{chart.key}"><figcaption><b>{html.escape(chart.title)}</b>'
        f'{_legend(chart, series)}</figcaption><div class="pr-plot" data-points="{_told(chart, series)}" '
        f'data-low="{axes.low_x:.12g}" data-high="{axes.high_x:.12g}">{svg}<div class="pr-ticks" aria-hidden="true">'
        f'{ticks}</div></div><span class="pr-across" aria-hidden="true">{html.escape(chart.across)}</span></figure>'
    )


def smoothed(values: Sequence[Point], weight: float = 0.9) -> list[Point]:
    """Each point with the mean of those before it, the nearer ones counting more. What is no number is passed over."""
    found, mean, share = [], 0.0, 0.0
    for x, y in values:
        if math.isfinite(y):
            mean, share = weight * mean + (1 - weight) * y, weight * share + 1 - weight
            found.append((x, mean / share))
    return found


def thinned(points: Sequence[Point], most: int = _MOST) -> list[Point]:
    """At most so many of them; the highest and the lowest of each stretch stay, and so do the first and the last."""
    if len(points) <= most:
        return list(points)
    inner, kept = points[1:-1], [points[0]]
    stretches = max(1, (most - 2) // 2)
    for number in range(stretches):
        part = inner[len(inner) * number // stretches : len(inner) * (number + 1) // stretches]
        finite = [one for one in part if math.isfinite(one[1])]
        if finite:
            ends = {min(finite, key=lambda one: one[1]), max(finite, key=lambda one: one[1])}
            kept += sorted(ends)
        elif part:
            kept.append(part[0])
    return [*kept, points[-1]]


def nice_ticks(low: float, high: float, count: int = _TICKS) -> list[float]:
    """Round numbers between both."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class _Axes:
    low_x: float
    high_x: float
    low_y: float
    high_y: float
    ticks_x: Sequence[float]
    ticks_y: Sequence[float]

    @classmethod
    def of(cls, chart: Chart, series: Sequence[Series]) -> _Axes:
        across = [x for one in series if one.look != "level" for x, _ in one.points] or [0.0]
        heights = [y for one in series for _, y in one.points if math.isfinite(y)] or [0.0]
        low_x, high_x = min(across), max(*across, chart.end, min(across) + 1)
        low, high = min(heights), max(heights)
        room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
        low_y = 0.0 if 0 <= low < room else low - room
        ticks_x = [one for one in nice_ticks(low_x, high_x) if one == round(one)]
        return cls(low_x, high_x, low_y, high + room, ticks_x, nice_ticks(low_y, high + room))

    def x(self, value: float) -> float:
        return _WIDE * (value - self.low_x) / (self.high_x - self.low_x)

    def y(self, value: float) -> float:
        return _HIGH * (1 - (value - self.low_y) / (self.high_y - self.low_y))

    def at(self, point: Point) -> str:
        return f"{self.x(point[0]):.1f} {self.y(point[1]):.1f}"


def _drawn(series: Series, axes: _Axes) -> str:
    kind = f"pr-{series.look} pr-c{series.colour}"
    finite = [one for one in series.points if math.isfinite(one[1])]
    if series.look == "level":
        return f'<path class="{kind}" d="M0 {axes.y(finite[0][1]):.1f}H{_WIDE}"/>' if finite else ""
    if series.look == "dots" or len(finite) == 1:
        line = f'<path class="pr-between pr-c{series.colour}" d="{_path(series.points, axes)}"/>'
        return line + "".join(_dot(one, axes, f"pr-dots pr-c{series.colour}", "") for one in thinned(finite))
    return f'<path class="{kind}" d="{_path(thinned(series.points), axes)}"/>'


def _path(points: Sequence[Point], axes: _Axes) -> str:
    """A line with a gap where a value is no number."""
    pieces, pen = [], "M"
    for one in points:
        if not math.isfinite(one[1]):
            pen = "M"
            continue
        pieces.append(f"{pen}{axes.at(one)}")
        pen = "L"
    return "".join(pieces)


def _dot(point: Point, axes: _Axes, kind: str, words: str) -> str:
    """Round at every width: a line of no length with round ends."""
    title = f"<title>{html.escape(words)}</title>" if words else ""
    return f'<path class="{kind}" d="M{axes.at(point)}h.01">{title}</path>'


def _lost(chart: Chart, x: float, axes: _Axes) -> str:
    words = html.escape(chart.lost_words.format(x=f"{x:.12g}"))
    return f'<path class="pr-lost" d="M{axes.x(x):.1f} 0V{_HIGH}"><title>{words}</title></path>'


def _tick_words(chart: Chart, values: Sequence[float]) -> dict[str, float]:
    """Round numbers without the zeros at their ends, with as many digits as tell them apart, or fewer of them."""
    found: dict[str, float] = {}
    for more in range(_MORE + 1):
        found = {chart.written(value, more): value for value in reversed(values)}
        if len(found) == len(values):
            break
    return {
        text.rstrip("0").rstrip(".") if re.fullmatch(r"-?\d+\.\d+", text) else text: value
        for text, value in found.items()
    }


def _spread(values: Sequence[float], most: int) -> Sequence[float]:
    return values[:: -(-len(values) // most) or 1]


def _legend(chart: Chart, series: Sequence[Series]) -> str:
    named = "".join(
        f'<li><i class="pr-{one.look} pr-c{one.colour}"></i>{html.escape(one.name)}</li>' for one in series if one.name
    )
    if chart.best is not None:
        named += f'<li><i class="pr-best"></i>{html.escape(chart.best_words)} {chart.written(chart.best[1], 0)}</li>'
    return f"<ul>{named}</ul>" if len(series) > 1 or chart.best is not None else ""


def _described(chart: Chart, series: Sequence[Series]) -> str:
    """Each curve by its first and last value."""
    told = []
    for one in series:
        finite = [y for _, y in one.points if math.isfinite(y)]
        if finite and one.look != "faint":
            ends = [chart.written(y, 0) for y in ([finite[0], finite[-1]] if len(finite) > 1 else finite)]
            told.append(f"{one.name or chart.title}: {' → '.join(ends)}")
    return f"{chart.across}. {'; '.join(told)}"


def _told(chart: Chart, series: Sequence[Series]) -> str:
    """What the script shows of the point that is pointed at."""
    rows = [
        [
            one.name or chart.title,
            [[x, chart.written(y, 0) if math.isfinite(y) else "NaN"] for x, y in thinned(one.points)],
        ]
        for one in series
        if one.look != "level"
    ]
    return html.escape(json.dumps(rows, ensure_ascii=False, separators=(",", ":")))
