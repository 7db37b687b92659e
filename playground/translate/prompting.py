"""Segments through a chat model, one a prompt. Knows no document.

The words before the text are the same for all segments but for their terms, so that an engine reads them once.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

from playground.engine.lease import Lease, LeaseCancelled
from playground.errors import ContextError, PlaygroundError
from playground.halves import Halves
from playground.languages import NAMES
from playground.paths import PRESETS
from playground.records import Sampling, Turn
from playground.settings import read_toml
from playground.thoughts import open_thought, split_thought
from playground.translate.demands import Demand, demands_on, missing
from playground.translate.glossary import Glossary
from playground.translate.machine import Draft, Order, kept_spans
from playground.translate.options import Formality
from playground.translate.placing import placed
from playground.translate.tags import Tag, emptied, faults, marks, without

_TRIES = 3
_WARMER = 0.4
"""Temperature of a further try: at 0 the same would come."""
_MORE, _LEAST = 3, 64
"""Tokens that a translation may have: so many times those of its source, and these."""
_LABEL = re.compile(r"\s*(?:translation|translated text|译文|翻译|traduction)\s*[:：]\s*", re.IGNORECASE)
_MARKUP = ("`", "**")
_QUOTES = {'"': '"', "“": "”", "「": "」", "«": "»"}
_GAP = "\n\n"
_CUT = "The model was cut off before the end of it. Choose another model, or divide the text."


class PromptingMachine:
    """See machine.Machine. For one lease, pair of languages and way to address the reader."""

    at_once = 1

    def __init__(self, lease: Lease, languages: tuple[str, str], formality: Formality = "", seed: int = 0) -> None:
        self._lease = lease
        self._languages = languages
        self._formality = formality
        self._seed = seed

    def translate(self, orders: Sequence[Order], glossary: Glossary, stop: threading.Event) -> list[Draft | str]:
        """See Machine.translate."""
        return [self._one(order, glossary, stop) for order in orders]

    def _one(self, order: Order, glossary: Glossary, stop: threading.Event) -> Draft | str:
        plain = without(order.text)
        opened = [mark for mark in marks(order.text) if mark.kind != "close"]
        tags = [Tag(mark.number, "", single=mark.kind == "single") for mark in opened]
        demands = demands_on(plain, glossary, kept_spans(order))
        best: tuple[int, str] | None = None
        why = "The model wrote nothing for it."
        for tries in range(_TRIES):
            # Marks confuse small models: the last try goes without them, and they are put back afterwards.
            asked = order.text if tags and tries < _TRIES - 1 else plain
            try:
                said = self._ask(order, asked, glossary, tries, stop)
            except ContextError as problem:
                return str(problem)
            except PlaygroundError as problem:
                why = str(problem)
                continue
            if not said:
                why = _CUT if said is None else why
                continue
            if not tags:
                said = without(said)  # A mark that it took from somewhere else would keep the file from being written.
            text = said if not tags or not faults(said, tags) else placed(order.text, without(said), ())
            lost = len(missing(plain, demands, without(text), glossary)) + (text != said)
            lost += len(emptied(order.text, text))
            if best is None or lost < best[0]:
                best = lost, text
            if not lost:
                break
        return Draft(best[1]) if best else why

    def _ask(self, order: Order, text: str, glossary: Glossary, tries: int, stop: threading.Event) -> str | None:
        """What the model says; None when it was cut off."""
        turns = prompt(text, self._languages, self._formality, demands_on(without(text), glossary), order.hint)
        most = _MORE * self._lease.count_tokens([Turn("user", text)]) + _LEAST
        sampling = Sampling(temperature=_WARMER if tries else 0.0, max_new_tokens=most, seed=self._seed + tries)
        said, reason, halves = "", None, Halves()
        for chunk in self._lease.stream(turns, sampling, stop):
            said, reason = said + halves.push(chunk.text), chunk.finish_reason
        if reason == "cancelled":
            raise LeaseCancelled
        if reason == "length":
            return None
        return cleaned(said, text)


def prompt(
    text: str, languages: tuple[str, str], formality: Formality, demands: Sequence[Demand], hint: str = ""
) -> list[Turn]:
    """What the model is given; in Chinese where one of the languages is."""
    zh = "zh" in languages
    words, key = _words(), "text_zh" if zh else "text"
    source, target = (NAMES[code][zh] if code in NAMES else code for code in languages)
    told = [words[key].replace("{{source}}", source).replace("{{target}}", target)]
    if formality:
        told.append(words[formality][key])
    plain = without(text)
    terms = dict.fromkeys(f"{plain[one.start : one.end]} = {one.wanted}" for one in demands if one.term)
    if marks(text):
        told.append(words["tags"][key])
    if terms:
        told.append(words["terms"][key].replace("{{terms}}", "; ".join(terms)))
    if hint:
        told.append(words["like"][key].replace("{{hint}}", without(hint)))
    return [Turn("user", ("" if zh else " ").join(told) + _GAP + text)]


def cleaned(said: str, source: str) -> str:
    """A translation without thoughts, labels and quotation marks that its source does not have."""
    text = "" if open_thought(said) is not None else split_thought(said)[1].strip()
    if (label := _LABEL.match(text)) and not _LABEL.match(source):
        text = text[label.end() :].strip()
    closing = _QUOTES.get(text[:1])
    if closing and text.endswith(closing) and len(text) > 1 and source[:1] not in _QUOTES:
        text = text[1:-1].strip()
    for sign in _MARKUP:  # Chat models like to write Markdown, which here is markup as tags already.
        text = text if sign in source else text.replace(sign, "")
    if "\n" not in source:
        text = " ".join(text.split("\n")).strip()
    return text


@cache
def _words() -> dict[str, Any]:
    return read_toml(PRESETS / "prompts" / "translate" / "instruction.toml")
