"""Stored messages to HTML: what was said, what was thought, files, versions, buttons, figures. Pure functions."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from playground.records import Attachment, Message
from playground.store.history import INTERRUPTED
from playground.thoughts import open_thought, split_thought
from playground.ui.icons import icon_button, svg
from playground.ui.markdown import GrowingText, render
from playground.ui.reasons import reason_words
from playground.ui.strings import t


def message_view(message: Message, language: str, *, last: bool, model: str = "") -> dict[str, str]:
    """One message as `{id, v, html}`; `v` changes whenever the HTML does, so that a page can keep what it has."""
    body = message_html(message, language, last=last, model=model)
    return {"id": message.id, "v": hashlib.sha1(body.encode(), usedforsecurity=False).hexdigest()[:12], "html": body}


def message_html(message: Message, language: str, *, last: bool, model: str) -> str:
    """What is inside a message's article. `model` names who writes a reply that has no record yet."""
    if message.role == "assistant":
        who = t(language, "by_hand") if message.edited_from else str((message.record or {}).get("model") or model)
        blocks = "".join(block_html(block) for block in reply_blocks(message.content, language))
        body = f'<div class="body">{blocks}</div>'
    else:
        who = t(language, "you" if message.role == "user" else "system")
        text = f'<div class="body plain">{html.escape(message.content)}</div>' if message.content else ""
        files = "".join(_file(one, language) for one in message.attachments)
        body = (f'<div class="files">{files}</div>' if files else "") + text
    return (
        f'<div class="who" data-role="{message.role}">{html.escape(who)}{_flags(message, language)}</div>{body}'
        f"{_note(message, language)}"
        f'<div class="foot">{_versions(message, language)}{_actions(message, language, last)}'
        f"{_figures(message, language)}</div>"
    )


def reply_blocks(text: str, language: str) -> list[str]:
    """A reply's blocks; what was thought before it is folded into the first."""
    if (thinking := open_thought(text)) is not None:
        return [_thought(thinking, language, True)]
    thought, said = split_thought(text)
    return [*([_thought(thought, language, False)] if thought else []), *render(said)]


def without_thought(text: str) -> str:
    """A reply, or its beginning, without what was thought before it."""
    return split_thought(text)[1] if open_thought(text) is None else ""


class GrowingReply:
    """`GrowingText` for replies that may begin with a thought: while it lasts, the thought is the only block."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._text = GrowingText()
        self._thought = ""
        self._said = 0

    def update(self, text: str) -> tuple[int, list[str]]:
        """Return the index of the first block that changed, and the HTML of all blocks from there on."""
        if not self._said:
            if (thinking := open_thought(text)) is not None:
                return 0, [_thought(thinking, self._language, True)]
            thought, said = split_thought(text)
            if said == text:
                return self._text.update(text)
            self._said, self._text = len(text) - len(said), GrowingText()
            self._thought = _thought(thought, self._language, False)
            return 0, [self._thought, *self._text.update(said)[1]]
        first, blocks = self._text.update(text[self._said :])
        return first + 1, blocks


def block_html(block: str) -> str:
    """One Markdown block in the wrapper that the page replaces as a whole while it grows."""
    return f'<div class="b">{block}</div>'


def _thought(text: str, language: str, growing: bool) -> str:
    """Plain text while it grows, for a thought may be long; what it says is Markdown once it is folded."""
    inner = f'<div class="plain">{html.escape(text.strip())}</div>' if growing else "".join(render(text.strip()))
    title = t(language, "thinking" if growing else "thought")
    return f'<details class="thought"{" open" if growing else ""}><summary>{title}</summary>{inner}</details>'


def _file(file: Attachment, language: str) -> str:
    if file.width:
        return _image(file, language)
    pages = f" · {t(language, 'pages', n=file.pages)}" if file.pages else ""
    notes = "".join(f" · {reason_words(language, note)}" for note in file.notes)
    name = html.escape(file.name)
    return f'<span class="file" title="{name}">{svg("attach")}<b>{name}</b>{html.escape(pages + notes)}</span>'


def _image(file: Attachment, language: str) -> str:
    name = html.escape(file.name)
    notes = "".join(f"<small>{html.escape(reason_words(language, note))}</small>" for note in file.notes)
    return (
        f'<button type="button" class="image" data-do="image" data-argument="{file.id}" data-name="{name}" '
        f'title="{html.escape(t(language, "show_image", name=file.name))}">'
        f'<img src="page/image/{file.id}" alt="{name}" width="{file.width}" height="{file.height}" loading="lazy">'
        f"{notes}</button>"
    )


def _flags(message: Message, language: str) -> str:
    flags = f'<span class="flag" title="{t(language, "starred")}">{svg("star")}</span>' if message.starred_at else ""
    return flags + (f'<span class="flag">{t(language, "not_in_context")}</span>' if message.left_out else "")


def _note(message: Message, language: str) -> str:
    notes = []
    record: Mapping[str, Any] = message.record or {}
    if record.get("left_out"):
        key = "summarized" if (record.get("prompt") or {}).get("summary") else "left_out"
        notes.append(t(language, key, n=record["left_out"]))
    if unseen := (record.get("prompt") or {}).get("unseen"):
        notes.append(t(language, "unseen", n=unseen))
    if message.status == "failed":
        notes.append(reason_words(language, message.error))
    elif message.status == "stopped":
        notes.append(t(language, "status.stopped"))
    elif message.status == "complete" and record.get("finish_reason") == "length":
        notes.append(t(language, "status.length"))
    kind = "error" if message.status == "failed" and message.error != INTERRUPTED else "note"
    return "".join(f'<p class="{kind}">{html.escape(note)}</p>' for note in notes)


def _versions(message: Message, language: str) -> str:
    if len(message.alternatives) < 2 or message.id not in message.alternatives:
        return ""
    at = message.alternatives.index(message.id)
    before = message.alternatives[at - 1] if at > 0 else ""
    after = message.alternatives[at + 1] if at + 1 < len(message.alternatives) else ""
    return (
        '<span class="versions">'
        + icon_button("previous", t(language, "previous"), argument=before, off=not before)
        + f"<span>{at + 1}/{len(message.alternatives)}</span>"
        + icon_button("next", t(language, "next"), argument=after, off=not after)
        + "</span>"
    )


def _actions(message: Message, language: str, last: bool) -> str:
    if message.status == "streaming":
        return ""

    def button(action: str, **more: Any) -> str:
        return icon_button(action, t(language, action), argument=message.id, **more)

    buttons = button("copy") if message.content else ""
    if message.role == "user":
        buttons += button("edit")
        if last:  # Its reply was deleted.
            buttons += button("regenerate", text=True)
    if message.role == "assistant":
        buttons += button("regenerate", text=last)
        cut_short = message.status != "complete" or (message.record or {}).get("finish_reason") == "length"
        if last and cut_short and message.content:
            buttons += button("continue", text=True)
        buttons += button("vote_up", pressed=message.vote > 0) + button("vote_down", pressed=message.vote < 0)
        if message.record:
            buttons += button("details")
    star = "1" if message.starred_at else ""
    more = icon_button("more", t(language, "more"), argument=message.id)
    return (
        buttons
        + f'<span data-star="{star}" data-out="{int(message.left_out) or ""}" data-reason="'
        + f'{html.escape(message.vote_reason)}">{more}</span>'
    )


def _figures(message: Message, language: str) -> str:
    record = message.record
    when = f'<time datetime="{datetime.fromtimestamp(message.created_at, UTC).isoformat()}"></time>'
    if not record or not record["engine"]:  # What was imported says no more than who spoke.
        return when
    count = sum(part["completion_tokens"] for part in message.parts)
    figures = [t(language, "tokens", n=count)] if count else []
    if rate := rate_text(record["tokens_per_second"], language):
        figures.append(rate)
    if record["time_to_first_token"] is not None:
        figures.append(t(language, "first", seconds=f"{record['time_to_first_token']:.1f}"))
    return f'<span class="figures">{" · ".join(figures)}</span>{when}'


def rate_text(tokens_per_second: float | None, language: str) -> str:
    """The speed in words, or nothing."""
    if not tokens_per_second:
        return ""
    number = f"{tokens_per_second:.0f}" if tokens_per_second >= 10 else f"{tokens_per_second:.1f}"
    return t(language, "rate", rate=number)
