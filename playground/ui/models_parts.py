"""Pieces of HTML that the Models tab is made of: bars, cards, folds, buttons, sizes. Knows nothing of models."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from playground.ui.strings import t


def size_text(size: float, more: int = 0) -> str:
    """Bytes for a person: "98 MB", "4.9 GB", "41 GB"; `more`: with so many digits more."""
    if size < 999_500:
        return f"{max(size, 0) / 1e3:.{more}f} kB" if size > 0 else "0 GB"
    if size < 999_500_000:
        return f"{size / 1e6:.{more}f} MB"
    return f"{size / 1e9:.{1 + more}f} GB" if size < 99.95e9 else f"{size / 1e9:.{more}f} GB"


def count_text(number: float) -> str:
    """A large count for a person: "135M", "8.2B"."""
    for unit, name in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= unit:
            value = number / unit
            return f"{value:.0f}{name}" if value >= 20 else f"{value:.1f}{name}"
    return f"{number:.0f}"


def button(
    action: str,
    words: str,
    argument: str = "",
    *,
    submit: bool = False,
    kind: str = "",
    title: str = "",
    off: bool = False,
) -> str:
    """A button that the page's script hands on as `action`; of a form (`submit`), with the form's values."""
    shown = f' title="{html.escape(title)}"' if title else ""
    return (
        f'<button type="{"submit" if submit else "button"}" class="pm-button {kind}" data-do="{action}" '
        f'data-argument="{html.escape(argument)}"{shown}{" disabled" if off else ""}>{html.escape(words)}</button>'
    )


def bar(parts: Iterable[tuple[str, int, str]], total: int, *, words: str, mark: int = 0, mark_words: str = "") -> str:
    """A drawn bar of named parts (name, bytes, kind) against `total`, with a mark; `words` say all of it.

    A part that is too narrow for its name shows it in the legend below only, which lists every part.
    """
    total = max(total, 1)
    drawn, legend = [], []
    for number, (name, size, kind) in enumerate(part for part in parts if part[1] > 0):
        share = min(100.0, 100.0 * size / total)
        colour = f"pm-{kind} pm-c{number % 6}"
        label = html.escape(name) if share >= 14 else ""
        drawn.append(f'<span class="{colour}" style="width:{share:.2f}%"><em>{label}</em></span>')
        legend.append(f'<li><i class="{colour}"></i>{html.escape(name)} {size_text(size)}</li>')
    at = f'<u style="left:{min(100.0, 100.0 * mark / total):.2f}%"></u>' if mark else ""
    if mark_words:
        legend.append(f'<li><i class="pm-mark"></i>{html.escape(mark_words)}</li>')
    return (
        f'<div class="pm-bar" role="img" aria-label="{html.escape(words)}">{"".join(drawn)}{at}</div>'
        f'<ul class="pm-legend">{"".join(legend)}</ul>'
    )


def fact_line(facts: Sequence[str]) -> str:
    """Short facts in one line."""
    return " · ".join(html.escape(fact) for fact in facts if fact)


def fold(key: str, name: str, now: str, body: str) -> str:
    """Something folded, whose present value can be read without unfolding."""
    return (
        f'<details class="pm-fold" data-key="{html.escape(key)}"><summary><b>{html.escape(name)}</b> '
        f"<span>{html.escape(now)}</span></summary>{body}</details>"
    )


def card(
    key: str,
    title: str,
    state: str,
    facts: str,
    notes: str,
    buttons: str,
    folds: str = "",
    *,
    phase: str = "idle",
    chosen: bool = False,
) -> str:
    """One model. `facts`, `notes`, `buttons` and `folds` are HTML; what goes wrong with it is said inside of it."""
    words = f"<span>{html.escape(state)}</span>" if state else ""
    return (
        f'<article class="pm-card{" chosen" if chosen else ""}" data-key="{html.escape(key)}" data-phase="{phase}">'
        f'<div class="pm-head"><h3><i aria-hidden="true"></i>{html.escape(title)}</h3>{words}'
        f'<div class="pm-buttons">{buttons}</div></div>'
        f'<p class="pm-facts">{facts}</p>{notes}{said()}{folds}</article>'
    )


def said() -> str:
    """Where the script puts what went wrong with the last command."""
    return '<p class="pm-said error" role="alert" data-own></p>'


def time_text(seconds: float, language: str) -> str:
    """A length of time for a person, rounded so that it does not flicker."""
    if seconds < 60:
        return t(language, "m.seconds", n=max(1, round(seconds / 5) * 5))
    if seconds < 3600:
        return t(language, "m.minutes", n=round(seconds / 60))
    return t(language, "m.hours", h=int(seconds // 3600), m=int(seconds % 3600 // 60))
