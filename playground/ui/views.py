"""Stored values to HTML: the conversation list, the model's state, a reply in progress. Pure functions."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from playground.engine.states import ModelState
from playground.engine.turns import Wait
from playground.overview import Header
from playground.records import Conversation
from playground.replies import Live
from playground.store.shelf import Counts
from playground.ui.icons import icon_button, svg
from playground.ui.models_parts import time_text
from playground.ui.reasons import reason_words
from playground.ui.strings import t


@dataclass(frozen=True)
class Listed:
    """What the list shows. One more in a group than `limit` says that there are more."""

    pinned: Sequence[Conversation]
    folders: Mapping[str, Sequence[Conversation]]
    others: Sequence[Conversation]
    archived: Sequence[Conversation]
    trashed: Sequence[Conversation]
    counts: Counts
    limit: int


def settings_version(conversation: Conversation) -> str:
    """Changes whenever what the panel shows does, to tell a page that its panel is out of date."""
    shown = [conversation.system_prompt, dict(conversation.sampling), conversation.persona]
    return hashlib.sha1(json.dumps(shown, sort_keys=True).encode(), usedforsecurity=False).hexdigest()[:12]


def live_text(live: Live, state: ModelState, language: str, wait: Wait | None = None) -> str:
    """What a reply in progress is doing, in words; `wait` is what lies before it in the line for its model."""
    phase: str = live.phase
    if phase == "waiting" and wait is not None and wait.before:
        phase = "in_line"
    elif phase == "waiting" and (wait is not None or state.phase == "ready"):
        phase = "queued"
    before = wait.before if wait is not None else 0
    words = t(language, f"live.{phase}", done=live.prompt_done, total=live.prompt_tokens, n=before)
    if wait is not None and wait.seconds is not None:
        words += " · " + t(language, "live.about", time=time_text(wait.seconds, language))
    if live.left_out:
        words += " · " + t(language, "left_out", n=live.left_out)
    return words


def list_html(listed: Listed, language: str) -> str:
    """The list of conversations as links, newest first, in its groups."""
    if not any((listed.pinned, listed.folders, listed.others, listed.archived, listed.trashed)):
        return f'<p class="hint">{t(language, "no_conversations")}</p>'

    def older(group: Sequence[Conversation], key: str) -> str:
        """Makes the list longer, where a group has more than is shown of it."""
        if len(group) <= listed.limit:
            return ""
        place, words = html.escape(key), t(language, "older")
        return f'<button type="button" class="icon" data-action="older" data-argument="{place}">{words}</button>'

    html_ = ""
    if listed.pinned:
        pinned = _items(listed.pinned, listed.limit, language)
        html_ += f"<h2>{svg('pin')}{t(language, 'pinned')}</h2>{pinned}{older(listed.pinned, 'pinned')}"
    for name, inside in listed.folders.items():
        of = t(language, "more_of", title=name)
        more = icon_button("folder_menu", t(language, "more"), argument=name, icon="more", name=of)
        # Without the pinned ones, which stand above.
        count = f"{listed.limit}+" if len(inside) > listed.limit else len(inside)
        title = f"{svg('folder')}<span>{html.escape(name)}</span> <small>{count}</small>"
        key = f"folder:{name}"
        group = _group(key, title, _items(inside, listed.limit, language) + older(inside, key))
        # Beside what folds it, not in it: a button inside of another cannot be reached by everyone.
        html_ += f'<div class="folder">{more}{group}</div>'
    html_ += _items(listed.others, listed.limit, language) + older(listed.others, "")
    if listed.archived:
        title = f"{svg('archive')}<span>{t(language, 'archived')}</span> <small>{listed.counts.archived}</small>"
        archived = _items(listed.archived, listed.limit, language)
        html_ += _group("archive", title, archived + older(listed.archived, "archive"))
    if listed.trashed:
        title = f"{svg('delete')}<span>{t(language, 'trash')}</span> <small>{listed.counts.trashed}</small>"
        bin_items = "".join(
            f"<li><span>{html.escape(c.title)}</span>"
            + icon_button(
                "restore", t(language, "restore"), argument=c.id, name=t(language, "restore_of", title=c.title)
            )
            + "</li>"
            for c in listed.trashed[: listed.limit]
        )
        html_ += _group("trash", title, f"<ul>{bin_items}</ul>{older(listed.trashed, 'trash')}")
    return html_


def _group(key: str, title: str, inside: str) -> str:
    """A folding part; the page's script remembers by its key whether it is open."""
    return f'<details class="group" data-key="{html.escape(key)}"><summary>{title}</summary>{inside}</details>'


def _items(conversations: Sequence[Conversation], limit: int, language: str) -> str:
    return f"<ul>{''.join(_item(one, language) for one in conversations[:limit])}</ul>"


def _item(one: Conversation, language: str) -> str:
    title, of = html.escape(one.title), t(language, "more_of", title=one.title)
    tags = "".join(f"<small>{html.escape(tag)}</small>" for tag in one.tags)
    # What the menu of this item needs to know.
    facts = json.dumps(
        {"folder": one.folder, "tags": one.tags, "pinned": bool(one.pinned_at), "archived": bool(one.archived_at)},
        ensure_ascii=False,
    )
    return (
        f'<li data-facts="{html.escape(facts)}"><a href="?c={one.id}" data-open="{one.id}" title="{title}">'
        f"<span>{title}</span>{tags}</a>"
        f"{icon_button('conversation_menu', t(language, 'more'), argument=one.id, icon='more', name=of)}</li>"
    )


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
