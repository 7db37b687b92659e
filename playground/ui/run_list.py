"""What the lists of runs at the left have in common, as HTML: their frame, and what is in the trash. Pure functions."""

from __future__ import annotations

import html

from playground.ui.icons import icon_button
from playground.ui.strings import t


def frame_html(items: str, thrown: str, count: int, older: tuple[str, str] | None, language: str) -> str:
    """A way past it all by keyboard, the list, and the trash below it, in which there are `count`.

    `older`: word and action for more than these.
    """
    more = ""
    if older:
        words, action = older
        more = f'<button type="button" class="ps-button" data-action="{action}">{t(language, words)}</button>'
    if thrown:
        head = f"<summary>{t(language, 'trash')} <small>{count}</small></summary>"
        thrown = f'<details class="ps-trash" data-key="trash">{head}<ul>{thrown}</ul></details>'
    past = f'<button type="button" class="ps-past" data-past>{t(language, "past_list")}</button>'
    return f"{past}<ul>{items}</ul>{more}{thrown}"


def thrown_html(run_id: str, title: str, room: str, language: str, more: str = "") -> str:
    """One in the trash. `room` is what its actions begin with, `more` are attributes."""
    back, gone = t(language, "restore"), t(language, "s.delete_forever")
    restore, purge = t(language, "s.restore_of", title=title), t(language, "s.delete_of", title=title)
    return (
        f"<li{more}><span>{html.escape(title)}</span>"
        + icon_button(f"{room}_restore", back, argument=run_id, icon="restore", name=restore)
        + icon_button(f"{room}_purge", gone, argument=run_id, icon="delete", name=purge)
        + "</li>"
    )
