"""The list of trainings as HTML: those there are, and the trash. Pure functions."""

from __future__ import annotations

import html
import time
from collections.abc import Sequence

from playground.store.training_values import StoredTraining
from playground.ui.icons import icon_button
from playground.ui.strings import t


def trainings_html(
    runs: Sequence[StoredTraining], trashed: Sequence[StoredTraining], shown: str, older: bool, language: str
) -> str:
    """The list at the left, and the trash below it. `older`: there are more than these."""
    if not runs and not trashed:
        return f'<p class="hint">{t(language, "tune.none")}</p>'
    items = "".join(_item(run, shown, language) for run in runs)
    more = ""
    if older:
        words = t(language, "tune.older")
        more = f'<button type="button" class="ps-button" data-action="n_older">{words}</button>'
    thrown = "".join(_thrown(run, language) for run in trashed)
    if thrown:
        head = f"<summary>{t(language, 'trash')} <small>{len(trashed)}</small></summary>"
        thrown = f'<details class="ps-trash" data-key="trash">{head}<ul>{thrown}</ul></details>'
    return f"<ul>{items}</ul>{more}{thrown}"


def when_words(at: float) -> str:
    """A moment: today its time, else its day."""
    then, now = time.localtime(at), time.localtime()
    return time.strftime("%H:%M" if then[:3] == now[:3] else "%Y-%m-%d", then)


def _item(run: StoredTraining, shown: str, language: str) -> str:
    title = html.escape(run.title)
    words = html.escape(t(language, "s.draft", title=run.title)) if run.status == "draft" else title
    current = ' aria-current="page"' if run.id == shown else ""
    state = t(language, f"tune.status.{run.status}")
    dot = f'<i class="{run.status}" role="img" aria-label="{state}" title="{state}"></i>'
    small = f"<small>{when_words(run.created_at)} · {state}</small>"
    name = t(language, "more_of", title=run.title)
    more = icon_button("n_menu", t(language, "more"), argument=run.id, icon="more", name=name)
    about = f'data-training="{run.id}" data-title="{title}"'
    link = f'<a href="?f={run.id}" {about}{current} title="{words}">{dot}{title}{small}</a>'
    return f'<li data-key="{run.id}">{link}{more}</li>'


def _thrown(run: StoredTraining, language: str) -> str:
    back, gone = t(language, "restore"), t(language, "s.delete_forever")
    restore, purge = t(language, "s.restore_of", title=run.title), t(language, "s.delete_of", title=run.title)
    return (
        f'<li data-key="{run.id}"><span>{html.escape(run.title)}</span>'
        + icon_button("n_restore", back, argument=run.id, icon="restore", name=restore)
        + icon_button("n_purge", gone, argument=run.id, icon="delete", name=purge)
        + "</li>"
    )
