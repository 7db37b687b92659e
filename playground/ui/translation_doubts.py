"""What is doubted about a translation, in words, and marked in its text. Pure functions."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from playground.languages import NAMES
from playground.ui.strings import t
from playground.ui.translation_list import language_name

_PLACED = frozenset({"number", "literal"})
"""Kinds that say something else where they have a place: what is there that should not be."""


def doubt_words(doubt: Mapping[str, Any], language: str) -> str:
    """One doubt as a sentence."""
    kind, detail = str(doubt["kind"]), str(doubt["detail"])
    if kind == "language" and detail in NAMES:
        return t(language, "t.doubt.in_language", detail=language_name(detail, language))
    key = f"{kind}_here" if kind in _PLACED and doubt["end"] > doubt["start"] else kind
    return t(language, f"t.doubt.{key}", detail=detail)


def doubts_html(doubts: Sequence[Mapping[str, Any]], language: str) -> str:
    """A list; what has a place in the text is a button that leads there."""
    out = []
    for one in doubts:
        words = html.escape(doubt_words(one, language))
        if one["end"] > one["start"]:
            place = f'data-start="{one["start"]}" data-end="{one["end"]}"'
            words = f'<button type="button" class="pt-doubt" {place}>{words}</button>'
        out.append(f"<li>{words}</li>")
    return f'<ul class="pt-doubts" aria-label="{t(language, "t.doubts")}">{"".join(out)}</ul>' if out else ""


def marked_text(text: str, doubts: Sequence[Mapping[str, Any]], language: str) -> str:
    """The text with its doubtful places marked; of those that overlap, the first."""
    out, at = [], 0
    for one in sorted(doubts, key=lambda doubt: (doubt["start"], -doubt["end"])):
        if one["end"] > one["start"] >= at:
            words = html.escape(doubt_words(one, language))
            inside = html.escape(text[one["start"] : one["end"]])
            out += [html.escape(text[at : one["start"]]), f'<mark title="{words}">{inside}</mark>']
            at = one["end"]
    return "".join([*out, html.escape(text[at:])])
