"""The list of summaries as HTML: those there are, the trash, and what a draft has collected. Pure functions."""

from __future__ import annotations

import html
from collections.abc import Sequence

from playground.languages import NAMES, count_words
from playground.overview import title_of
from playground.store.run_values import Run, RunDocument
from playground.summarize.instructions import styles
from playground.summarize.options import OWN
from playground.ui.icons import icon_button
from playground.ui.reasons import reason_words
from playground.ui.run_list import frame_html, thrown_html
from playground.ui.strings import t


def runs_html(
    runs: Sequence[Run], trashed: Sequence[Run], shown: str, writing: Sequence[str], older: bool, language: str
) -> str:
    """The list at the left, and the trash below it. `older`: there are more than these."""
    if not runs and not trashed:
        return f'<p class="hint">{t(language, "s.none")}</p>'
    items = "".join(_item(run, shown, run.id in writing, language) for run in runs)
    thrown = "".join(thrown_html(run.id, run.title, "s", language) for run in trashed)
    more = ("s.older", "s_older") if older else None
    return frame_html(items, thrown, len(trashed), more, language)


def _item(run: Run, shown: str, writing: bool, language: str) -> str:
    draft = run.status == "draft"
    title = html.escape(run.title)
    words = html.escape(t(language, "s.draft", title=run.title)) if draft else title
    facts = "" if draft else html.escape(facts_of(run, language))
    current = ' aria-current="page"' if run.id == shown else ""
    busy = f'<i role="img" aria-label="{t(language, "s.state.writing")}"></i>' if writing else ""
    small = f"<small>{facts}</small>" if facts else ""
    about = f'data-status="{run.status}" data-title="{title}" data-facts="{facts}"'
    more = icon_button(
        "s_menu", t(language, "more"), argument=run.id, icon="more", name=t(language, "more_of", title=run.title)
    )
    link = f'<a href="?s={run.id}" data-run="{run.id}" {about}{current} title="{words}">{busy}{words}{small}</a>'
    return f"<li>{link}{more}</li>"


def facts_of(run: Run, language: str) -> str:
    """What was asked for, in a few words: style, how, length, language, for whom."""
    options = run.options
    known = styles().get(str(options.get("style", "")))
    if options.get("mode") == "extractive":
        facts = [t(language, "s.picked")]
    elif options.get("style") == OWN:
        facts = [str(options.get("instruction", ""))]
    else:
        facts = [(known.name_zh if language == "zh" else known.name) if known else ""]
    if options.get("words"):
        facts.append(t(language, "s.words", n=f"{options['words']:,}"))
    if options.get("share"):
        facts.append(f"{100 * options['share']:g} %")
    if options.get("pages"):
        facts.append(t(language, "s.page", n=options["pages"]))
    if options.get("language") in NAMES:
        facts.append(NAMES[options["language"]][2])
    facts.append(str(options.get("audience", "")))
    return " · ".join(filter(None, facts))


def made_by(run: Run, language: str) -> str:
    """What was asked for, and of which model."""
    return " · ".join(filter(None, [facts_of(run, language), title_of(run.model) if run.model else ""]))


def draft_html(documents: Sequence[RunDocument], language: str) -> str:
    """What was collected so far."""
    out = []
    for position, one in enumerate(documents):
        facts = [amount(one, language), *(reason_words(language, note) for note in one.notes)]
        off = t(language, "s.remove", name=one.name)
        out.append(
            f"<li><b>{html.escape(one.name)}</b><small>{html.escape(' · '.join(facts))}</small>"
            + icon_button("s_remove", off, argument=str(position), icon="close", name=off)
            + "</li>"
        )
    return f'<ul aria-label="{t(language, "s.source")}">{"".join(out)}</ul>' if out else ""


def amount(document: RunDocument, language: str) -> str:
    """How much a document is: pages and words."""
    facts = [t(language, "s.pages", n=document.pages)] if document.pages else []
    facts.append(t(language, "s.words", n=f"{count_words(document.text, document.language):,}"))
    return ", ".join(facts)
