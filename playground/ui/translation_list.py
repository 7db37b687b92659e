"""The list of translations as HTML: those there are, the trash, and what a draft has collected. Pure functions."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from playground.languages import NAMES
from playground.overview import title_of
from playground.store.translation_values import SourceFile, Translation
from playground.ui.icons import icon_button
from playground.ui.run_list import frame_html, thrown_html
from playground.ui.strings import t

_WITH_COLUMNS = ("csv", "json")


def translations_html(
    runs: Sequence[Translation],
    trashed: Sequence[Translation],
    shown: str,
    writing: Sequence[str],
    older: bool,
    language: str,
) -> str:
    """The list at the left, and the trash below it. `older`: there are more than these."""
    if not runs and not trashed:
        return f'<p class="hint">{t(language, "t.none")}</p>'
    items = "".join(_item(run, shown, run.id in writing, language) for run in runs)
    thrown = "".join(thrown_html(run.id, run.title, "t", language) for run in trashed)
    more = ("t.older", "t_older") if older else None
    return frame_html(items, thrown, len(trashed), more, language)


def _item(run: Translation, shown: str, writing: bool, language: str) -> str:
    draft = run.status == "draft"
    title = html.escape(run.title)
    words = html.escape(t(language, "s.draft", title=run.title)) if draft else title
    facts = []
    if run.status in ("stopped", "failed"):
        facts.append(t(language, f"t.short.{run.status}", percent=100 * run.done // max(1, run.segments)))
    elif run.doubtful:
        facts.append(t(language, "t.doubtful", n=run.doubtful))
    facts.append(_pair(run))
    current = ' aria-current="page"' if run.id == shown else ""
    busy = f'<i role="img" aria-label="{t(language, "t.being_made")}"></i>' if writing else ""
    said = html.escape(" · ".join(filter(None, facts)))
    small = f"<small>{said}</small>" if said else ""
    name = t(language, "more_of", title=run.title)
    more = icon_button("t_menu", t(language, "more"), argument=run.id, icon="more", name=name)
    about = f'data-translation="{run.id}" data-title="{title}"'
    return f'<li><a href="?t={run.id}" {about}{current} title="{words}">{busy}{words}{small}</a>{more}</li>'


def _pair(run: Translation) -> str:
    codes = [run.way[0]["source"], run.way[-1]["target"]] if run.way else []
    return " → ".join(NAMES[code][2] if code in NAMES else code for code in codes)


def language_name(code: str, language: str) -> str:
    """What a language is called on a page in `language`."""
    return NAMES[code][language == "zh"] if code in NAMES else t(language, "t.no_language")


def way_words(steps: Sequence[Mapping[str, str]], language: str) -> str:
    """Which models translate, and over which language."""
    models = [title_of(step["model"]) for step in steps]
    if len(models) < 2:
        return "".join(models)
    bridge = language_name(steps[0]["target"], language)
    return t(language, "t.way_over", first=models[0], second=models[1], bridge=bridge)


def draft_html(files: Sequence[SourceFile], counts: Sequence[int], language: str) -> str:
    """What was collected so far; `counts` are the numbers of segments."""
    out = []
    for position, (one, count) in enumerate(zip(files, counts, strict=True)):
        facts = [t(language, f"t.kind.{one.kind}"), language_name(one.language, language)]
        facts.append(t(language, "t.segments", n=count))
        if one.columns:
            facts.append(t(language, "t.only_columns", names=", ".join(one.columns)))
        columns = ""
        if one.kind in _WITH_COLUMNS:
            names = html.escape(", ".join(one.columns))
            columns = (
                f'<button type="button" class="ps-button" data-action="t_columns" data-argument="{position}" '
                f'data-names="{names}">{t(language, f"t.columns_{one.kind}")}</button>'
            )
        off = t(language, "s.remove", name=one.name)
        out.append(
            f"<li><b>{html.escape(one.name)}</b><small>{html.escape(' · '.join(facts))}</small><span>{columns}"
            + icon_button("t_remove", off, argument=str(position), icon="close", name=off)
            + "</span></li>"
        )
    return f'<ul aria-label="{t(language, "t.files")}">{"".join(out)}</ul>' if out else ""
