"""A person's own work as data: a small form for each kind of it, and what the forms mean."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from playground.errors import BadValueError
from playground.languages import NAMES
from playground.tuning.own import Choice, OwnCounts, OwnKind
from playground.ui.models_parts import button
from playground.ui.reasons import reason_words
from playground.ui.strings import t

_MOST_UNFIT = 10
_KINDS: tuple[OwnKind, ...] = ("chats", "votes", "translations", "summaries")


def own_html(found: OwnCounts, models: Sequence[str], tags: Sequence[str], language: str) -> str:
    """What there is of each kind, each with its filters; kinds of which there is nothing say how to get some."""
    segments, changed = sum(found.segments.values()), sum(found.changed.values())
    counts = {"chats": found.chats, "votes": found.pairs, "translations": segments, "summaries": found.summaries}
    more = {"pinned": found.pinned, "starred": found.starred, "up": found.voted_up, "changed": changed}
    body = {
        "chats": _ticks(found, language) + _replies(models, tags, language),
        "votes": _replies(models, tags, language),
        "translations": _pairs(found, language) + _tick("pairs", changed, language),
        "summaries": _select("model", "any_model", [(one, one) for one in models], language) + _words(language),
    }
    out = ""
    for kind in _KINDS:
        said = html.escape(t(language, f"tune.own.{kind}", n=counts[kind], **more))
        unfit = _unfit(found, language) if kind == "votes" else ""
        if not counts[kind]:
            none = f"<small>{t(language, f'tune.own.{kind}_none')}</small>"
            out += f'<div class="pn-own"><b>{said}</b>{none}{unfit}</div>'
            continue
        add = button("add_own", t(language, "tune.own.add"), kind, submit=True, kind="ps-button")
        out += (
            f'<details class="pn-own" data-key="{kind}"><summary><b>{said}</b></summary>'
            f'<form data-own-kind="{kind}"><small>{t(language, f"tune.own.{kind}_hint")}</small>{unfit}'
            f'<div class="pn-fields">{body[kind]}{_dates(language)}</div>'
            f'<p class="error" role="alert"></p>{add}</form></details>'
        )
    return out


def _unfit(found: OwnCounts, language: str) -> str:
    """Pairs that cannot be learned from, each reason once."""
    said = [t(language, "tune.own.unfit", why=reason_words(language, one)) for one in found.unfit[:_MOST_UNFIT]]
    return "".join(f'<p class="pn-warn">{html.escape(one)}</p>' for one in said)


def choice_of(asked: Mapping[str, Any]) -> Choice:
    """What a form says. Raises BadValueError."""
    kind = str(asked.get("kind") or "")
    source, _, target = str(asked.get("pair") or "").partition(">")
    return Choice(
        kind,  # type: ignore[arg-type]  # Choice refuses what is none.
        pinned=asked.get("pinned") == "on",
        starred=asked.get("starred") == "on",
        voted_up=asked.get("voted_up") == "on",
        tag=str(asked.get("tag") or ""),
        model=str(asked.get("model") or ""),
        words=str(asked.get("words") or "")[:500],
        since=_day(str(asked.get("since") or "")),
        until=_day(str(asked.get("until") or ""), ends=True),
        source=source,
        target=target,
        pairs=asked.get("pairs") == "on",
    )


def name_of(choice: Choice, language: str) -> str:
    """What the data is called in the draft."""
    facts = [t(language, f"tune.own.tick.{name}") for name in ("pinned", "starred", "voted_up") if vars(choice)[name]]
    facts += [one for one in (choice.tag, choice.model, choice.words) if one]
    if choice.source or choice.target:
        facts.append(f"{choice.source} → {choice.target}")
    name = t(language, f"tune.own.{'corrections' if choice.pairs else choice.kind}_name")
    return f"{name} ({', '.join(facts)})" if facts else name


def _ticks(found: OwnCounts, language: str) -> str:
    numbers = {"pinned": found.pinned, "starred": found.starred, "voted_up": found.voted_up}
    return "".join(_tick(name, count, language) for name, count in numbers.items())


def _tick(name: str, count: int, language: str) -> str:
    off = "" if count else " disabled"
    return (
        f'<label class="pn-check"><input type="checkbox" name="{name}"{off}>{t(language, f"tune.own.tick.{name}")} '
        f"({count})</label>"
    )


def _replies(models: Sequence[str], tags: Sequence[str], language: str) -> str:
    return (
        _select("model", "any_model", [(one, one) for one in models], language)
        + _select("tag", "any_tag", [(one, one) for one in tags], language)
        + _words(language)
    )


def _pairs(found: OwnCounts, language: str) -> str:
    def own(code: str) -> str:
        return NAMES[code][language == "zh"] if code in NAMES else code or "?"

    options = [
        (f"{source}>{target}", f"{own(source)} → {own(target)} ({count})")
        for (source, target), count in found.segments.items()
    ]
    return _select("pair", "tune.own.any_pair", options, language)


def _select(name: str, first: str, options: Sequence[tuple[str, str]], language: str) -> str:
    rest = "".join(f'<option value="{html.escape(value)}">{html.escape(text)}</option>' for value, text in options)
    label = t(language, first)
    return (
        f'<label>{t(language, f"tune.own.by.{name}")}<select name="{name}"><option value="">{label}</option>{rest}'
        "</select></label>"
    )


def _words(language: str) -> str:
    return f'<label>{t(language, "tune.own.by.words")}<input name="words" autocomplete="off"></label>'


def _dates(language: str) -> str:
    return "".join(
        f'<label>{t(language, name)}<input type="date" name="{name}"></label>' for name in ("since", "until")
    )


def _day(text: str, *, ends: bool = False) -> float | None:
    """The beginning of a day (YYYY-MM-DD) in seconds since the epoch, or the beginning of the next one."""
    if not text:
        return None
    try:
        return (datetime.fromisoformat(text) + timedelta(days=ends)).timestamp()
    except (ValueError, OverflowError, OSError):
        raise BadValueError(f"The date {text!r} is none. Write it as 2026-01-31.") from None
