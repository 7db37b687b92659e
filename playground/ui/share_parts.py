"""Pieces of HTML that the Share tab is made of: times, rows of its lists, what is shown once. Changes nothing."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence

import segno

from playground.ui.models_parts import button
from playground.ui.share_address import is_elsewhere
from playground.ui.strings import t

SAID = '<p class="px-said error" role="alert" data-own></p>'
"""Where the script puts what went wrong with the last command."""


def when_text(seconds: float) -> str:
    """A time for a person: of today the hour, else the day too."""
    then, now = time.localtime(seconds), time.localtime()
    return time.strftime("%H:%M" if then[:3] == now[:3] else "%Y-%m-%d %H:%M", then)


def row(key: str, name: str, facts: Sequence[str], buttons: str, more: str = "") -> str:
    """One of a list; `buttons` and `more` are HTML."""
    told = " · ".join(html.escape(fact) for fact in facts if fact)
    return (
        f'<li data-key="{html.escape(key)}"><div class="px-head"><h4>{html.escape(name)}</h4>'
        f'<div class="px-buttons">{buttons}</div></div><p class="px-facts">{told}</p>{SAID}{more}</li>'
    )


def rows(name: str, drawn: Sequence[str], none: str) -> str:
    """A list with a name, or words for an empty one."""
    if not drawn:
        return f'<p class="hint">{html.escape(none)}</p>'
    return f'<ul class="px-list" aria-label="{html.escape(name)}">{"".join(drawn)}</ul>'


def over(key: str, words: str, lines: Sequence[str]) -> str:
    """Folded away: those that are over."""
    if not lines:
        return ""
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return (
        f'<details class="pm-fold" data-key="{key}"><summary><b>{html.escape(words)}</b></summary>'
        f'<ul class="px-over">{items}</ul></details>'
    )


def ask(key: str, words: str, title: str, body: str) -> str:
    """A button that unfolds what must be answered first; `body` is HTML, `title` says which one is meant."""
    return (
        f'<details class="px-ask" data-key="{html.escape(key)}"><summary aria-label="{html.escape(title)}">'
        f"{html.escape(words)}</summary><div>{body}</div></details>"
    )


def link_once(whole: str, language: str) -> str:
    """A new link: its address with the secret in it, or how it gets one ("": nothing is open)."""
    head = f'<h4 tabindex="-1">{t(language, "share.link_made")}</h4>'
    if not whole:
        return (
            f"{head}<p>{t(language, 'share.link_waits')}</p>"
            f'<div class="px-row">{button("open_now", t(language, "share.open"), kind="primary")}</div>'
        )
    picture = ""
    if is_elsewhere(whole):
        code = segno.make(whole, error="m", micro=False).svg_data_uri(scale=4, border=3, dark="#000", light="#fff")
        picture = f'<img src="{html.escape(code)}" alt="{html.escape(t(language, "share.qr"))}">'
    else:
        picture = f'<p class="hint">{t(language, "share.link_here")}</p>'
    return f"{head}{_secret(whole, t(language, 'share.link_address'), language)}{picture}"


def key_once(secret: str, language: str) -> str:
    """A new key."""
    head = f'<h4 tabindex="-1">{t(language, "share.key_made")}</h4>'
    return f"{head}{_secret(secret, t(language, 'share.key'), language)}"


def _secret(text: str, name: str, language: str) -> str:
    buttons = button("copy", t(language, "copy"), kind="primary") + button("seen", t(language, "share.seen"))
    return (
        f'<p class="px-secret"><code tabindex="0" role="group" aria-label="{html.escape(name)}">'
        f'{html.escape(text)}</code></p><div class="px-row">{buttons}<span role="status"></span></div>'
        f'<p class="px-once">{t(language, "share.once")}</p>'
    )
