"""The rows of the editor as HTML: a source with its tags, its translation in a box, and what is said of it.

Which rows are wanted, and in which order, is decided here, too. Pure functions of their arguments.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from playground.store.translation_values import SourceFile, StoredSegment, Translation
from playground.translate.formats.base import Segment
from playground.translate.tags import Mark, Tag, pieces
from playground.ui.reasons import reason_words
from playground.ui.strings import t
from playground.ui.strings_translate import WORDS
from playground.ui.translation_doubts import doubts_html

FILTERS = ("all", "doubtful", "unconfirmed", "failed")
ORDERS = ("place", "doubtful", "worst")
PAGE = 100
"""Rows that are sent at once."""
Place = tuple[int, int]


@dataclass(frozen=True)
class Sheet:
    """What rows are drawn of."""

    run: Translation
    files: Sequence[SourceFile]
    parsed: Sequence[Sequence[Segment]]
    scores: Mapping[Place, float] = field(default_factory=dict)
    """chrF against a reference, of the segments that were compared with one."""

    @property
    def pair(self) -> tuple[str, str]:
        """Codes of source and target."""
        return self.run.way[0]["source"], self.run.way[-1]["target"]


def chosen(
    segments: Sequence[StoredSegment], shown: str, order: str, scores: Mapping[Place, float], have: Collection[str]
) -> tuple[list[StoredSegment], bool]:
    """The next page of rows that a page does not have yet, and whether there are more."""
    wanted = [one for one in segments if _fits(one, shown)]
    if order == "doubtful":
        wanted.sort(key=lambda one: not one.doubtful)
    elif order == "worst":
        wanted.sort(key=lambda one: scores.get((one.document, one.position), math.inf))
    left = [one for one in wanted if key_of(one) not in have]
    return left[:PAGE], len(left) > PAGE


def _fits(one: StoredSegment, shown: str) -> bool:
    if shown == "doubtful":
        return one.doubtful
    if shown == "unconfirmed":
        return not one.confirmed and one.origin != "copied"
    return one.status == "failed" if shown == "failed" else True


def counts(run: Translation) -> dict[str, int]:
    """How many rows each filter shows."""
    return {
        "all": run.segments,
        "doubtful": run.doubtful,
        "unconfirmed": run.segments - run.confirmed - run.copied,
        "failed": run.failed,
    }


def key_of(one: StoredSegment) -> str:
    """What a row is called on the page."""
    return f"{one.document}-{one.position}"


def row_html(sheet: Sheet, one: StoredSegment, language: str) -> str:
    """One row."""
    source, target = sheet.pair
    tags = sheet.parsed[one.document][one.position].tags
    number = one.position + 1
    file = sheet.files[one.document].name if len(sheet.files) > 1 else ""
    place = html.escape(" · ".join(filter(None, (file, _place(one.context, language)))))
    place = f"<small>{place}</small>" if place else ""
    text = "" if one.status == "waiting" else one.text
    label = html.escape(t(language, "t.target_of", n_=number, file=f" ({file})" if file else ""))
    state = "confirmed" if one.confirmed else one.status
    name = html.escape(t(language, f"t.state.{state}"))
    return (
        f'<article class="pt-row {state}" data-key="{key_of(one)}" data-row="{key_of(one)}" '
        f'data-doubtful="{int(one.doubtful)}">'
        f'<div class="pt-n"><b>{number}</b><i class="{state}" role="img" aria-label="{name}" title="{name}"></i></div>'
        f'<div class="pt-source" lang="{source}" dir="auto">{place}{source_html(one.source, tags)}</div>'
        f'<div class="pt-cell"><textarea rows="1" autocomplete="off" lang="{target}" dir="auto" spellcheck="true" '
        f'aria-label="{label}" data-stored="{html.escape(text)}">'
        f"{'&#10;' if text[:1] == chr(10) else ''}{html.escape(text)}</textarea>"
        f'<div class="pt-about">{_about(sheet, one, language)}</div>'
        '<p class="error" role="alert" data-own></p><div class="pt-help" data-own></div></div></article>'
    )


def _place(context: str, language: str) -> str:
    """Where a segment stands, for a reader: a name of HTML's in words, what else a format says as it is."""
    if context in ("p", "div", "body"):
        return ""
    heading = re.fullmatch(r"h([1-6])", context)
    name = "heading" if heading else context
    known = f"t.place.{name}" in WORDS
    return t(language, f"t.place.{name}", level=heading[1] if heading else "") if known else context


def _about(sheet: Sheet, one: StoredSegment, language: str) -> str:
    """Where it is from, how sure the model was, how near to a reference, what is doubted."""
    chips = []
    if one.status == "failed":
        return f'<p class="error">{html.escape(reason_words(language, one.error))}</p>'
    if one.status == "waiting":
        return f'<p class="pt-chips"><span>{t(language, "t.state.waiting")}</span></p>'
    if one.origin:
        chips.append(f'<span class="{one.origin}">{t(language, f"t.origin.{one.origin}")}</span>')
    if one.score is not None and one.origin == "model":
        percent = round(100 * math.exp(min(0.0, one.score)))
        words = html.escape(t(language, "t.sure_hint"))
        chips.append(f'<span title="{words}">{t(language, "t.sure", percent=percent)}</span>')
    found = sheet.scores.get((one.document, one.position))
    if found is not None:
        chips.append(f"<span>chrF {found:.1f}</span>")
    chips.append(f'<span class="pt-unsaved">{t(language, "t.state.unsaved")}</span>')
    if one.confirmed:
        chips.append(f'<span class="yes">{t(language, "t.state.confirmed")}</span>')
    return f'<p class="pt-chips">{"".join(chips)}</p>{doubts_html(one.doubts, language)}'


def source_html(text: str, tags: Sequence[Tag]) -> str:
    """A source: tags are chips that tell their markup, what is not to be translated stands as code."""
    known = {tag.number: tag for tag in tags}
    out = []
    for piece in pieces(text):
        if not isinstance(piece, Mark):
            out.append(html.escape(piece))
            continue
        tag = known.get(piece.number)
        raw = (tag.closing if piece.kind == "close" else tag.opening) if tag else ""
        chip = f'<span class="pt-tag" title="{html.escape(raw)}">{html.escape(text[piece.start : piece.end])}</span>'
        keep = tag is not None and tag.keep
        if keep and piece.kind == "open":
            chip += "<code>"
        elif keep and piece.kind == "close":
            chip = f"</code>{chip}"
        out.append(chip)
    return f"<span>{''.join(out)}</span>"
