"""Stored values to HTML: messages, the conversation list, the model's state. Pure functions of their arguments."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from playground.engine.states import ModelState
from playground.overview import Header
from playground.records import Conversation, Message
from playground.replies import Live
from playground.store.history import INTERRUPTED
from playground.ui.markdown import render
from playground.ui.reasons import reason_words
from playground.ui.strings import t

_ICONS = {
    "copy": "M9 9h10v10H9zM5 15V5h10",
    "regenerate": "M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6",
    "continue": "M5 5l7 7-7 7M13 5l7 7-7 7",
    "previous": "M15 5l-7 7 7 7",
    "next": "M9 5l7 7-7 7",
    "rename": "M4 20h4L19 9l-4-4L4 16z",
    "delete": "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
    "restore": "M4 12a8 8 0 1 0 2.3-5.7M4 4v6h6",
}


def icon_button(action: str, label: str, *, argument: str = "", text: bool = False) -> str:
    """A small button that the page's script hands on as `action`; its accessible name is `label`."""
    name = html.escape(label)
    svg = f'<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{_ICONS[action]}"/></svg>'
    words = f"<span>{name}</span>" if text else ""
    return (
        f'<button type="button" class="icon" data-action="{action}" data-argument="{html.escape(argument)}" '
        f'aria-label="{name}" title="{name}">{svg}{words}</button>'
    )


def message_view(message: Message, language: str, *, last: bool, model: str = "") -> dict[str, str]:
    """One message as `{id, v, html}`; `v` changes whenever the HTML does, so that a page can keep what it has."""
    body = message_html(message, language, last=last, model=model)
    return {"id": message.id, "v": hashlib.sha1(body.encode(), usedforsecurity=False).hexdigest()[:12], "html": body}


def message_html(message: Message, language: str, *, last: bool, model: str) -> str:
    """What is inside a message's article. `model` names who writes a reply that has no record yet."""
    if message.role == "user":
        who = t(language, "you")
        body = f'<div class="body plain">{html.escape(message.content)}</div>'
    else:
        record = message.record or {}
        who = str(record.get("model") or model)
        body = '<div class="body">' + "".join(block_html(block) for block in render(message.content)) + "</div>"
    return (
        f'<div class="who">{html.escape(who)}</div>{body}{_note(message, language)}'
        f'<div class="foot">{_versions(message, language)}{_actions(message, language, last)}'
        f"{_figures(message, language)}</div>"
    )


def settings_version(conversation: Conversation) -> str:
    """Changes whenever the system prompt or the sampling does, to tell a page that its panel is out of date."""
    text = json.dumps([conversation.system_prompt, dict(conversation.sampling)], sort_keys=True)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:12]


def block_html(block: str) -> str:
    """One Markdown block in the wrapper that the page replaces as a whole while it grows."""
    return f'<div class="b">{block}</div>'


def live_text(live: Live, state: ModelState, language: str, ahead: int = 0) -> str:
    """What a reply in progress is doing, in words; `ahead` counts those that wait before it."""
    phase: str = live.phase
    if phase == "waiting" and ahead:
        phase = "in_line"
    elif phase == "waiting" and state.phase == "ready":
        phase = "queued"
    words = t(language, f"live.{phase}", done=live.prompt_done, total=live.prompt_tokens, n=ahead)
    if live.left_out:
        words += " · " + t(language, "left_out", n=live.left_out)
    return words


def rate_text(tokens_per_second: float | None, language: str) -> str:
    """The speed in words, or nothing."""
    if not tokens_per_second:
        return ""
    number = f"{tokens_per_second:.0f}" if tokens_per_second >= 10 else f"{tokens_per_second:.1f}"
    return t(language, "rate", rate=number)


def list_html(conversations: Sequence[Conversation], trashed: Sequence[Conversation], limit: int, language: str) -> str:
    """The list of conversations as links, newest first, `limit` at most, and the trash below it."""
    if not conversations and not trashed:
        return f'<p class="hint">{t(language, "no_conversations")}</p>'
    items = "".join(
        f'<li><a href="?c={c.id}" data-open="{c.id}" title="{html.escape(c.title)}">{html.escape(c.title)}</a>'
        f"{icon_button('rename', t(language, 'rename'), argument=c.id)}"
        f"{icon_button('delete', t(language, 'delete'), argument=c.id)}</li>"
        for c in conversations[:limit]
    )
    bin_items = "".join(
        f"<li><span>{html.escape(c.title)}</span>{icon_button('restore', t(language, 'restore'), argument=c.id)}</li>"
        for c in trashed
    )
    listed = f"<ul>{items}</ul>"
    if len(conversations) > limit:
        listed += f'<button type="button" class="icon" data-action="older">{t(language, "older")}</button>'
    if not trashed:
        return listed
    summary = f"<summary>{t(language, 'trash')} ({len(trashed)})</summary>"
    return f'{listed}<details class="trash">{summary}<ul>{bin_items}</ul></details>'


def model_view(header: Header, language: str) -> dict[str, str]:
    """The line about the chosen model: its phase for the colour, the words, and what went wrong if anything did."""
    state = header.state
    percent = f"{100 * state.done // state.total} %" if state.total else state.detail
    words = t(language, f"phase.{state.phase}", percent=percent)
    if header.total:
        # Two figures in one unit, short enough for the header: 1.2/24 GB.
        words += f" · {header.used / 1e9:.1f}/{header.total / 1e9:.0f} GB"
    return {
        "phase": state.phase,
        "name": f"{header.title} + {header.adapter}" if header.adapter else header.title,
        "text": words,
        "error": reason_words(language, state.detail) if state.phase == "failed" else "",
        "note": reason_words(language, header.note),
    }


def _note(message: Message, language: str) -> str:
    notes = []
    record: Mapping[str, Any] = message.record or {}
    if record.get("left_out"):
        notes.append(t(language, "left_out", n=record["left_out"]))
    if message.status == "failed":
        notes.append(reason_words(language, message.error))
    elif message.status == "stopped":
        notes.append(t(language, "status.stopped"))
    elif message.status == "complete" and record.get("finish_reason") == "length":
        notes.append(t(language, "status.length"))
    kind = "error" if message.status == "failed" and message.error != INTERRUPTED else "note"
    return "".join(f'<p class="{kind}">{html.escape(note)}</p>' for note in notes)


def _versions(message: Message, language: str) -> str:
    if len(message.alternatives) < 2:
        return ""
    at = message.alternatives.index(message.id)
    before = message.alternatives[at - 1] if at > 0 else ""
    after = message.alternatives[at + 1] if at + 1 < len(message.alternatives) else ""
    return (
        '<span class="versions">'
        + icon_button("previous", t(language, "previous"), argument=before)
        + f"<span>{at + 1}/{len(message.alternatives)}</span>"
        + icon_button("next", t(language, "next"), argument=after)
        + "</span>"
    )


def _actions(message: Message, language: str, last: bool) -> str:
    if message.role != "assistant" or message.status == "streaming":
        return ""
    buttons = icon_button("copy", t(language, "copy"), argument=message.id) if message.content else ""
    if last:
        buttons += icon_button("regenerate", t(language, "regenerate"), text=True)
        cut_short = message.status != "complete" or (message.record or {}).get("finish_reason") == "length"
        if cut_short and message.content:
            buttons += icon_button("continue", t(language, "continue"), text=True)
    return buttons


def _figures(message: Message, language: str) -> str:
    record = message.record
    when = datetime.fromtimestamp(message.created_at, UTC).isoformat()
    if not record:
        return f'<time datetime="{when}"></time>'
    figures = [t(language, "tokens", n=record["completion_tokens"])]
    if rate := rate_text(record["tokens_per_second"], language):
        figures.append(rate)
    if record["time_to_first_token"] is not None:
        figures.append(t(language, "first", seconds=f"{record['time_to_first_token']:.1f}"))
    return f'<span class="figures">{" · ".join(figures)}</span><time datetime="{when}"></time>'
