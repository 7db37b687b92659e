"""What a model is told: at each step, for each style, in English or Chinese, before the text that it is to read.

The words before the text are the same for all parts of a step, so that an engine reads them once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from playground.errors import BadValueError
from playground.languages import NAMES, UNSPACED
from playground.paths import PRESETS
from playground.records import Kind, Turn
from playground.settings import read_toml
from playground.store.run_values import Step
from playground.summarize.options import OWN, SummaryOptions

_OPEN = re.compile(r"\{\{(\w+)\}\}")
_FOLDER = PRESETS / "prompts" / "summarize"
_SHARE, _FEWEST, _MOST = 0.1, 60, 400
"""Of a document's words, where nobody says how long the summary is to be."""
_SENTENCE = 64
"""Tokens that a text may be longer than was asked for."""
_NOTE, _DENSER = 100, 1.5
"""Words of a part's notes at least; all notes together are so much longer than the summary at least."""


@dataclass(frozen=True)
class Style:
    """A kind of summary: its name and what a model is told, in English and Chinese."""

    id: str
    order: int
    name: str
    name_zh: str
    text: str
    text_zh: str
    words: int = 0
    """About how long, where nobody says it; 0: as long as any."""


@cache
def styles() -> dict[str, Style]:
    """Those that come with the app, in their order."""
    known = {field.name for field in fields(Style)} - {"id"}
    found = []
    for file in sorted((_FOLDER / "styles").glob("*.toml")):
        values = read_toml(file)
        for key in values:
            if key not in known:
                raise BadValueError(f"{file}: unknown key {key!r}. Known are: {', '.join(sorted(known))}.")
        for key in sorted(known - {"words"} - values.keys()):
            raise BadValueError(f"{file}: the key {key!r} is missing.")
        found.append(Style(file.stem, **values))
    return {style.id: style for style in sorted(found, key=lambda one: one.order)}


def check_style(options: SummaryOptions) -> None:
    """Raise BadValueError for a style that there is not."""
    if options.style != OWN and options.style not in styles():
        raise BadValueError(f"style is {options.style!r}. Choose one of: {', '.join(styles())}, {OWN}.")


def wanted_words(options: SummaryOptions, words: int) -> int:
    """How long the summary of a document of so many `words` is to be."""
    if options.words is not None:
        return options.words
    if options.share is not None:
        return max(5, round(options.share * words))
    style = styles().get(options.style)
    usual = round(min(_MOST, max(_FEWEST, _SHARE * words)))
    return min(style.words, usual) if style and style.words else usual


def note_words(wanted: int, parts: int) -> int:
    """How long the notes of one part are to be: in steps, so that a little more or less reuses what is there."""
    needed = _DENSER * wanted / max(1, parts)
    return _NOTE if needed <= _NOTE else _NOTE * 2 ** math.ceil(math.log2(needed / _NOTE))


def instruction(step: Step, options: SummaryOptions, words: int, language: str) -> str:
    """What a model is told before the text. `language` is the summary's."""
    chinese = language == "zh"
    texts = _steps()[step]
    style = styles().get(options.style)
    whole = step in ("whole", "final")
    if style is not None:
        wording = (style.text_zh if chinese else style.text) if whole else ""
    else:  # The user's own words count at every step: what notes leave out nobody finds again.
        wording = options.instruction.strip()
    extra = _audience(options.audience, chinese) if whole else ""
    if wording and not whole:
        extra = f"{wording}{extra}" if chinese else f" {wording}{extra}"
    english, own = (NAMES[language][0], NAMES[language][2]) if language in NAMES else ("its own language", "原文的语言")
    values = {"words": str(words), "style": wording, "extra": extra, "language": own if chinese else english}
    told: str = _OPEN.sub(lambda found: values[found[1]], texts["text_zh" if chinese else "text"])
    return told if chinese else " ".join(told.split())


def turns(kind: Kind, told: str, text: str) -> Sequence[Turn]:
    """The prompt. A model that rewrites texts (seq2seq) is given the text alone: summarizing is all it can."""
    return [Turn("user", text.strip() if kind == "seq2seq" else f"{told}\n\n{text.strip()}")]


def tokens_for(words: int, language: str) -> int:
    """The most tokens that so many words may take, with room for a sentence more."""
    return math.ceil(words * (2.5 if language in UNSPACED else 2.0)) + _SENTENCE


def words_in(tokens: int, language: str) -> int:
    """How many words may be asked for where there is room for so many tokens; ten at least."""
    return max(10, math.floor((tokens - _SENTENCE) / (2.5 if language in UNSPACED else 2.0)))


def _audience(audience: str, chinese: bool) -> str:
    if not audience.strip():
        return ""
    return f"读者是{audience.strip()}。" if chinese else f" Write it for {audience.strip()}."


@cache
def _steps() -> Mapping[str, Mapping[str, Any]]:
    return read_toml(_FOLDER / "steps.toml")
