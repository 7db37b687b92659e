"""Pieces of HTML that the view of a training is made of. Knows nothing of trainings."""

from __future__ import annotations

import html
import math
from typing import Any

from playground.tuning.asides import Aside
from playground.ui.reasons import reason_words
from playground.ui.strings import t


def words(language: str, key: str, **values: object) -> str:
    """Of this view, safe to stand in HTML."""
    return html.escape(t(language, f"pr.{key}", **values))


def number(value: Any) -> float:
    """Of a journal, which has words for what is no number."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def plain(value: float, digits: int = 3) -> str:
    """A measured number for a person."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "NaN"


def percent(share: float) -> str:
    """A share for a person; what is not all of it is never told as 100 %, and what is something never as 0 %."""
    if not math.isfinite(share):
        return "NaN"
    whole = round(100 * share)
    return f"{min(whole, 99) if share < 1 and whole > 99 else 1 if whole == 0 and share > 0 else whole} %"


def button(do: str, said: str, *, more: str = "", kind: str = "", off: bool = False) -> str:
    """A button that the script hands on as a command; `said` and `more` are HTML."""
    state = " disabled" if off else ""
    return f'<button type="button" class="ps-button {kind}" data-do="{do}"{state}{more}>{said}</button>'


def section(key: str, title: str, body: str) -> str:
    """A part of the view, with a place for what goes wrong in it."""
    return (
        f'<section data-key="{key}" class="pr-section" aria-labelledby="pr-h-{key}"><h3 id="pr-h-{key}">{title}</h3>'
        f'{body}<p class="error pr-said" role="alert" data-own></p></section>'
    )


def fold(key: str, name: str, body: str) -> str:
    """Something folded."""
    return f'<details class="pr-fold" data-fold="{key}" data-key="{key}"><summary>{name}</summary>{body}</details>'


def bar(done: int, total: int, said: str) -> str:
    """How far something is; of unknown length for a total of 0. `said` is HTML."""
    values = f' max="{total}" value="{min(done, total)}"' if total else ""
    return f'<progress class="pr-bar" aria-label="{said}"{values}></progress>'


def aside_html(aside: Aside | None, stop: str, said: str, language: str) -> str:
    """What is being done, with a way to end it, or what went wrong; `stop` is the command, `said` HTML."""
    if aside is None or aside.phase == "done":
        return ""
    if aside.phase == "working":
        end = button(stop, words(language, "stop"), off=aside.stop.is_set())
        drawn = bar(aside.done, aside.total, said)
        return f'<div class="pr-working"><p role="status">{said}</p>{end}{drawn}</div>'
    if aside.phase == "failed":
        return f'<p class="error">{html.escape(reason_words(language, aside.error))}</p>'
    return f'<p class="hint">{words(language, "stopped")}</p>'
