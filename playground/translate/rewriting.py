"""Segments through a model made for translation: sentence by sentence, the best of several ways, terms enforced.

A sentence is first translated as it is. Of the model's ways the first is taken in which nothing is missing that must
come through. Where all lack something, the demanded terms are put into the source, which such models mostly copy; what
is still missing is put where the words stand that the model made of it.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from playground.engine.lease import Lease, LeaseCancelled
from playground.engine.rewriting import Rewriting
from playground.languages import UNSPACED
from playground.records import Turn
from playground.sentences import between_characters, clause_ends, sentence_ends, word_ends
from playground.translate.demands import Demand, demands_on, exchanged, mended, missing, restored
from playground.translate.glossary import Glossary
from playground.translate.machine import Draft, Order, kept_spans
from playground.translate.placing import Pair, placed
from playground.translate.tags import marks, without

_WAYS = 4
"""Of a sentence that are looked at; as many as the beam is wide cost nothing."""
_LONG, _MOST_TOKENS = 500, 200
"""Characters from which on the tokens of a sentence are counted; tokens from which on it is cut: it may be longer than
the model can read, and what is longer than its examples were it reads badly."""
_SENTENCES = 32
"""Of one call: with 16 a batch of 16 paragraphs, which has some 30, leaves a half empty one."""
_MOST_MARKS = 600
_LINE = re.compile(r"\n+")
_LETTER = re.compile(r"[^\W\d_]")


@dataclass
class _Sentence:
    """Characters `start` to `end` of an order's text without tags: a sentence, or a piece of one that is too long."""

    text: str
    start: int
    end: int
    demands: list[Demand] = field(default_factory=list)
    best: Rewriting = field(default_factory=lambda: Rewriting("", 0.0, 0))
    others: tuple[str, ...] = ()
    lacking: list[Demand] = field(default_factory=list)


class RewritingMachine:
    """See machine.Machine. For one lease, pair of languages and width of the beam."""

    at_once = 16

    def __init__(self, lease: Lease, languages: tuple[str, str], beam_size: int = 4) -> None:
        self._lease = lease
        self._languages = languages
        self._beam_size = beam_size

    def translate(self, orders: Sequence[Order], glossary: Glossary, stop: threading.Event) -> list[Draft | str]:
        """See Machine.translate."""
        rows = [self._sentences(order, glossary) for order in orders]
        todo = [one for row in rows for one in row]
        self._first(todo, glossary, stop)
        self._with_terms([one for one in todo if any(lack.term for lack in one.lacking)], glossary, stop)
        for one in todo:
            if one.lacking:
                one.best = mended(one.best, one.demands, one.lacking)
        return [self._draft(order, row) for order, row in zip(orders, rows, strict=True)]

    def _first(self, todo: Sequence[_Sentence], glossary: Glossary, stop: threading.Event) -> None:
        """Translate each as it is, and choose among its ways."""
        for one, ways in zip(todo, self._rewrite([one.text for one in todo], stop), strict=True):
            lacks = [missing(one.text, one.demands, way.text, glossary) for way in ways]
            at = min(range(len(ways)), key=lambda n: len(lacks[n]))  # The first of equals: the model's own order.
            one.best, one.lacking = ways[at], lacks[at]
            one.others = tuple(way.text for n, way in enumerate(ways) if n != at)

    def _with_terms(self, todo: Sequence[_Sentence], glossary: Glossary, stop: threading.Event) -> None:
        """Translate again with the terms in the source, and take what lacks less."""
        sources = [exchanged(one.text, [lack for lack in one.lacking if lack.term]) for one in todo]
        for one, (_, edits), ways in zip(todo, sources, self._rewrite([s for s, _ in sources], stop), strict=True):
            for way in ways:
                lacks = missing(one.text, one.demands, way.text, glossary)
                if len(lacks) < len(one.lacking):
                    one.best, one.lacking = restored(way, edits), lacks

    def _rewrite(self, texts: Sequence[str], stop: threading.Event) -> list[list[Rewriting]]:
        """The ways of each text; what has no letters stays as it is. Texts that are the same are written once."""
        words = sorted({text for text in texts if _LETTER.search(text)}, key=len, reverse=True)
        known: dict[str, list[Rewriting]] = {}
        for start in range(0, len(words), _SENTENCES):
            if stop.is_set():
                raise LeaseCancelled
            batch = words[start : start + _SENTENCES]
            known |= zip(batch, self._batch(batch), strict=True)
        return [known.get(text) or [Rewriting(text, 0.0, 0)] for text in texts]

    def _batch(self, texts: Sequence[str]) -> list[list[Rewriting]]:
        ways = min(_WAYS, self._beam_size)
        return self._lease.rewrite(texts, self._languages, beam_size=self._beam_size, num_hypotheses=ways, align=True)

    def _sentences(self, order: Order, glossary: Glossary) -> list[_Sentence]:
        plain, kept = without(order.text), kept_spans(order)
        found = []
        for first, last in self._stretches(plain):
            text = plain[first:last]
            start = first + len(text) - len(text.lstrip())
            text = text.strip()
            if text:
                end = start + len(text)
                inside = [(max(a, start) - start, min(b, end) - start) for a, b in kept if a < end and b > start]
                found.append(_Sentence(text, start, end, demands_on(text, glossary, inside)))
        return found

    def _stretches(self, plain: str) -> Iterator[tuple[int, int]]:
        """Sentences, and pieces of those that are too long; none goes over the end of a line."""
        at = 0
        for line_end in [*(found.end() for found in _LINE.finditer(plain)), len(plain)]:
            line = plain[at:line_end]
            for start, end in pairwise([0, *sentence_ends(line, self._languages[0])]):
                for first, last in self._fitting(line[start:end]):
                    yield at + start + first, at + start + last
            at = line_end

    def _fitting(self, sentence: str) -> Iterator[tuple[int, int]]:
        if len(sentence) < _LONG:
            yield 0, len(sentence)
            return
        pair = " > ".join(self._languages)
        tokens = self._lease.count_tokens([Turn("system", pair), Turn("user", sentence)])
        most = min(_MOST_TOKENS, self._lease.info.context_length * 3 // 4)
        pieces = math.ceil(tokens / most)
        length, at = math.ceil(len(sentence) / pieces), 0
        clauses, words = clause_ends(sentence), word_ends(sentence)
        while at < len(sentence):
            end = at + length
            if end < len(sentence):
                inside = [one for one in clauses if at + length // 2 < one <= end]
                inside = inside or [one for one in words if at < one <= end]
                end = inside[-1] if inside else between_characters(sentence, end)
            yield at, min(end, len(sentence))
            at = end

    def _draft(self, order: Order, row: Sequence[_Sentence]) -> Draft | str:
        plain = without(order.text)
        text, pairs, at = "", list[Pair](), 0
        for one in row:
            text += self._gap(plain[at : one.start], bool(text))
            for link in one.best.links:
                pairs.append(
                    Pair(
                        len(text) + link.start,
                        len(text) + link.end,
                        one.start + link.source_start,
                        one.start + link.source_end,
                    )
                )
            text += one.best.text
            at = one.end
        text += plain[at:]
        if len(marks(order.text)) > _MOST_MARKS:  # The time to place them grows faster than their number.
            return "It has too many tags to be translated. Divide it into several paragraphs."
        tokens = sum(one.best.tokens for one in row)
        score = sum(one.best.score * one.best.tokens for one in row) / tokens if tokens else None
        if not text.strip():
            return "The model wrote nothing for it."
        others = row[0].others if len(row) == 1 and not marks(order.text) else ()
        return Draft(placed(order.text, text, pairs), score, others)

    def _gap(self, blanks: str, inside: bool) -> str:
        """What stands between two sentences, in the way of the target language."""
        if not inside or "\n" in blanks:
            return blanks
        return "" if self._languages[1] in UNSPACED else blanks or " "
