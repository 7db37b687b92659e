"""The list of trainings as HTML: those there are, and the trash. Pure functions."""

from __future__ import annotations

import html
import time
from collections.abc import Collection, Sequence

from playground.store.training_values import ListedTraining
from playground.ui.icons import icon_button
from playground.ui.run_list import frame_html, thrown_html
from playground.ui.strings import t


def trainings_html(
    runs: Sequence[ListedTraining],
    trashed: Sequence[ListedTraining],
    waiting: Collection[str],
    shown: str,
    older: bool,
    language: str,
) -> str:
    """The list at the left, and the trash below it. `older`: there are more than these.

    `waiting`: ids of those that wait for another training to end.
    """
    if not runs and not trashed:
        return f'<p class="hint">{t(language, "tune.none")}</p>'
    items = "".join(_item(run, run.id in waiting, shown, language) for run in runs)
    thrown = "".join(thrown_html(run.id, run.title, "n", language, f' data-key="{run.id}"') for run in trashed)
    more = ("tune.older", "n_older") if older else None
    return frame_html(items, thrown, len(trashed), more, language)


def when_words(at: float) -> str:
    """A moment: today its time, else its day."""
    then, now = time.localtime(at), time.localtime()
    return time.strftime("%H:%M" if then[:3] == now[:3] else "%Y-%m-%d", then)


def _item(run: ListedTraining, waits: bool, shown: str, language: str) -> str:
    title = html.escape(run.title)
    words = html.escape(t(language, "s.draft", title=run.title)) if run.status == "draft" else title
    current = ' aria-current="page"' if run.id == shown else ""
    status = "waiting" if waits else run.status
    state = t(language, f"tune.status.{status}")
    dot = f'<i class="{status}" role="img" aria-label="{state}" title="{state}"></i>'
    small = f"<small>{when_words(run.created_at)} · {state}</small>"
    name = t(language, "more_of", title=run.title)
    more = icon_button("n_menu", t(language, "more"), argument=run.id, icon="more", name=name)
    about = f'data-training="{run.id}" data-title="{title}"'
    link = f'<a href="?f={run.id}" {about}{current} title="{words}">{dot}{title}{small}</a>'
    return f'<li data-key="{run.id}">{link}{more}</li>'
