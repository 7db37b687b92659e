"""How much others use at the moment, as HTML: people, links and keys, the line for each model, memory."""

from __future__ import annotations

import html
import statistics
from collections.abc import Mapping, Sequence

import psutil

from playground.access.quota import Quota
from playground.engine.states import ModelState
from playground.ui.models_parts import count_text, size_text
from playground.ui.strings import t

_STEP = 10_000_000
"""Bytes to which memory is rounded, so that it does not change with every look."""


def numbers_html(quotas: Sequence[Quota], names: Mapping[str, str], states: Sequence[ModelState], language: str) -> str:
    """`names` are what people, links and keys are called, by what their quotas are known."""
    return _memory(states, language) + _lines(states, language) + _uses(quotas, names, language)


def _memory(states: Sequence[ModelState], language: str) -> str:
    taken = round(psutil.Process().memory_info().rss / _STEP) * _STEP
    models = sum(sum(one.memory.values()) for one in states)
    whole = psutil.virtual_memory().total
    said = t(language, "share.memory", app=size_text(taken), whole=size_text(whole), models=size_text(models))
    return f"<p>{html.escape(said)}</p>"


def _lines(states: Sequence[ModelState], language: str) -> str:
    """A table of the models that are loaded."""
    rows = []
    for one in states:
        if one.phase != "ready":
            continue
        mean, longest = (statistics.fmean(one.waits), max(one.waits)) if one.waits else (None, None)
        times = [_time(seconds, language) for seconds in (one.turn_seconds or None, mean, longest)]
        rows.append([one.model, count_text(one.writing), count_text(one.waiting), *times])
    heads = ("model", "writing", "waiting", "turn", "mean_wait", "longest_wait")
    return _table("share.line", heads, rows, "share.no_model", language)


def _uses(quotas: Sequence[Quota], names: Mapping[str, str], language: str) -> str:
    """A table of those who used anything within the hour."""
    rows = []
    for quota in quotas:
        requests, tokens, at_work = quota.used()
        if quota.who in names and (requests or tokens or at_work):
            of = quota.limits
            rows.append(
                [
                    names[quota.who],
                    f"{count_text(requests)} / {count_text(of.requests_per_hour)}",
                    f"{count_text(tokens)} / {count_text(of.tokens_per_hour)}",
                    count_text(at_work),
                ]
            )
    return _table("share.use", ("who", "requests", "tokens", "at_work"), rows, "share.no_use", language)


def _time(seconds: float | None, language: str) -> str:
    return "–" if seconds is None else t(language, "share.n.seconds", n=f"{seconds:.1f}")


def _table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], none: str, language: str) -> str:
    title = t(language, caption)
    if not rows:
        return f'<p class="hint">{t(language, none)}</p>'
    head = "".join(f'<th scope="col">{t(language, f"share.n.{one}")}</th>' for one in heads)
    body = "".join(
        f'<tr><th scope="row">{html.escape(first)}</th>{"".join(f"<td>{html.escape(one)}</td>" for one in others)}</tr>'
        for first, *others in rows
    )
    return (
        f'<div class="px-table" tabindex="0" role="region" aria-label="{title}"><table><caption>{title}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
