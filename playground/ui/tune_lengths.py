"""How long samples are, as a drawn histogram with a table for those who cannot see it. Pure functions."""

from __future__ import annotations

import html

from playground.tuning.looking import Lengths
from playground.ui.reasons import reason_words
from playground.ui.strings import t

_WIDTH, _HEIGHT, _FOOT = 640, 140, 24


def lengths_html(found: Lengths, max_length: int, language: str) -> str:
    """The sums in words, the drawing, and the table below it."""
    facts = [t(language, "tune.len.tokens", n=f"{found.tokens:,}", learned=f"{found.learned:,}")]
    facts.append(t(language, "tune.len.longest", n=f"{found.longest:,}"))
    if found.counted < found.of:
        facts.append(t(language, "tune.len.some", counted=found.counted, of=found.of))
    warn = ""
    for name, count in (("cut", found.cut), ("lost", found.lost)):
        if count:
            warn += f'<p class="pn-warn">{t(language, f"tune.len.{name}", n=count, max=max_length)}</p>'
    for reason, count in found.faults:
        said = t(language, "tune.len.fault", n=count, reason=reason_words(language, reason))
        warn += f'<p class="error">{html.escape(said)}</p>'
    drawn = _drawn(found, max_length, language) + _table(found, language) if found.bins else ""
    return f'<p class="hint">{html.escape(" · ".join(facts))}</p>{warn}{drawn}'


def _drawn(found: Lengths, max_length: int, language: str) -> str:
    most = max(count for _, count in found.bins) or 1
    longest = max(found.bins[-1][0], max_length if max_length <= 2 * found.longest else 0)
    scale = _WIDTH / longest
    bars, start = [], 0
    for end, count in found.bins:
        height = round(_HEIGHT * count / most, 1)
        if count:
            kind = ' class="cut"' if start >= max_length else ""
            said = t(language, "tune.len.bin", low=start + 1, high=end, n=count)
            bars.append(
                f'<rect{kind} x="{start * scale:.1f}" y="{_HEIGHT - max(height, 2):.1f}" '
                f'width="{max(1.0, (end - start) * scale - 1):.1f}" height="{max(height, 2):.1f}">'
                f"<title>{html.escape(said)}</title></rect>"
            )
        start = end
    line = ""
    if max_length <= longest:
        at = max_length * scale
        anchor = "end" if at > _WIDTH * 0.6 else "start"
        near = at - 6 if anchor == "end" else at + 6
        line = (
            f'<line class="max" x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{_HEIGHT}"/>'
            f'<text x="{near:.1f}" y="12" text-anchor="{anchor}">max_length {max_length}</text>'
        )
    said = html.escape(t(language, "tune.len.drawn", longest=found.longest, max=max_length))
    foot = (
        f'<line class="base" x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>'
        f'<text x="0" y="{_HEIGHT + 16}">0</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 16}" text-anchor="end">{t(language, "tune.tokens", n=longest)}</text>'
    )
    return (
        f'<svg class="pn-drawn" viewBox="0 0 {_WIDTH} {_HEIGHT + _FOOT}" role="img" aria-label="{said}">'
        f"{''.join(bars)}{foot}{line}</svg>"
    )


def _table(found: Lengths, language: str) -> str:
    rows, start = "", 0
    for end, count in found.bins:
        rows += f"<tr><td>{start + 1}–{end}</td><td>{count}</td></tr>"
        start = end
    heads = "".join(f'<th scope="col">{t(language, f"tune.len.{name}")}</th>' for name in ("column", "count"))
    return (
        f'<details data-key="length-table"><summary>{t(language, "tune.len.table")}</summary>'
        f'<div class="pn-scroll" tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
        "</details>"
    )
