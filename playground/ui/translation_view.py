"""A translation as HTML: its head, progress, what failed, the numbers of its rows. Pure functions of arguments."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from playground.engine.states import ModelState
from playground.overview import title_of
from playground.store.translation_values import SourceFile, StoredSegment, Translation
from playground.translate.live import LiveTranslation
from playground.ui.reasons import reason_words
from playground.ui.strings import t
from playground.ui.summary_view import time_words
from playground.ui.translation_list import language_name, way_words

_NAMED = 20
"""Failed segments that are told one by one."""


@dataclass(frozen=True)
class ShownTranslation:
    """A translation as a page shows it. `live` is None when nobody makes it."""

    run: Translation
    files: Sequence[SourceFile]
    failed: Sequence[StoredSegment]
    live: LiveTranslation | None
    model: ModelState
    """Of the model that makes it."""


def sections(shown: ShownTranslation, language: str) -> dict[str, str]:
    """Every section of the page about one translation but its rows, by the id of its box."""
    return {"pt-head": _head(shown, language), "pt-progress": _progress(shown, language)}


def _head(shown: ShownTranslation, language: str) -> str:
    run, names = shown.run, [one.name for one in shown.files]
    facts = [] if run.title == ", ".join(names) else [", ".join(names)]
    if run.way:
        codes = (run.way[0]["source"], run.way[-1]["target"])
        facts.append(" → ".join(language_name(code, language) for code in codes))
        facts.append(way_words(run.way, language))
    facts.append(t(language, "t.segments", n=run.segments))
    if run.seconds >= 1 and run.status == "complete":
        facts.append(time_words(run.seconds, language))
    return f'<h2>{html.escape(run.title)}</h2><p class="hint">{html.escape(" · ".join(facts))}</p>'


def _progress(shown: ShownTranslation, language: str) -> str:
    if shown.live is not None:
        return _working(shown, shown.live, language)
    run, failed = shown.run, _failed(shown, language)
    if run.status == "complete":
        return failed
    words = t(language, f"s.status.{run.status}", error=reason_words(language, run.error)) if run.status in (
        "stopped", "failed",
    ) else t(language, "t.broke_off")  # fmt: skip
    go = f'<button type="button" class="ps-button" data-do="resume">{t(language, "s.resume")}</button>'
    kind = "error" if run.status == "failed" else "hint"
    bar = _bar(run.done + run.failed, run.segments, language)
    return f'{go}<p class="{kind}" role="status">{html.escape(words)}</p>{bar}{failed}'


def _working(shown: ShownTranslation, live: LiveTranslation, language: str) -> str:
    run = shown.run
    facts = []
    if len(run.way) > 1:
        facts.append(t(language, "t.step", step=live.step + 1, of=len(run.way)))
    if live.phase == "waiting":
        facts.append(t(language, "s.phase.waiting"))
        state = shown.model
        if state.phase in ("downloading", "loading"):
            percent = f"{100 * state.done // state.total} %" if state.total else ""
            name = title_of(run.way[live.step]["model"])
            facts.append(f"{name}: {t(language, f'phase.{state.phase}', percent=percent)}")
    else:
        facts.append(t(language, "t.done", done=live.done, total=live.total))
        if live.fresh and live.seconds > 1:
            rate = live.fresh / live.seconds
            facts.append(t(language, "t.rate", rate=f"{rate:.1f}"))
            if live.done < live.total:
                facts.append(t(language, "s.left", time=time_words((live.total - live.done) / rate, language)))
    notice = t(language, "s.notice", notice=reason_words(language, live.notice)) if live.notice else ""
    error = f'<p class="error">{html.escape(notice)}</p>' if notice else ""
    stop = f'<button type="button" class="ps-button" data-do="stop">{t(language, "s.stop")}</button>'
    bar = _bar(live.done, live.total, language)
    return f'{stop}<p role="status">{html.escape(" · ".join(facts))}</p>{error}{bar}'


def _bar(done: int, total: int, language: str) -> str:
    share = 100 * done // max(1, total)
    words = html.escape(t(language, "t.done", done=done, total=total))
    return (
        f'<div class="pt-bar" role="progressbar" aria-label="{words}" aria-valuenow="{share}" aria-valuemin="0" '
        f'aria-valuemax="100"><i style="width:{share}%"></i></div>'
    )


def _failed(shown: ShownTranslation, language: str) -> str:
    """Which segments are missing, and a way to get them."""
    if not shown.failed:
        return ""
    lines = "".join(
        f"<li>{html.escape(f'{_place(shown, one, language)}: {reason_words(language, one.error)}')}</li>"
        for one in shown.failed[:_NAMED]
    )
    if len(shown.failed) > _NAMED:
        lines += f"<li>{t(language, 't.and_more', n=len(shown.failed) - _NAMED)}</li>"
    again = ""
    if shown.run.status == "complete":
        again = f'<button type="button" class="ps-button" data-do="resume">{t(language, "t.retry")}</button>'
    said = html.escape(t(language, "t.not_whole", n=len(shown.failed)))
    return f'<p class="error">{said}</p>{again}<ul>{lines}</ul>'


def _place(shown: ShownTranslation, one: StoredSegment, language: str) -> str:
    """Segment 3 of which file."""
    file = f" · {shown.files[one.document].name}" if len(shown.files) > 1 else ""
    return f"{t(language, 't.segment', n_=one.position + 1)}{file}"
