"""What must stand in a translated sentence: words that come through letter for letter, and terms of glossaries.

Finds what is missing, puts demanded terms into a source, and mends a translation that still lacks something.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from playground.engine.rewriting import Link, Rewriting
from playground.translate.finding import places
from playground.translate.glossary import Glossary, Term
from playground.translate.literals import literals

_PLURAL_S = frozenset({"en", "fr", "es", "pt", "ca"})
_FIRST = frozenset({"fr", "es", "pt"})
"""Where the head of a term is its first word, and a plural ends in -s."""
_WORDLIKE = re.compile(r"\w")
_PREPOSITIONS = frozenset(("de", "du", "des", "do", "da", "à", "a", "en", "au", "con", "sin", "para", "por", "pour"))


@dataclass(frozen=True)
class Demand:
    """Characters of the source for which `wanted` must stand in the translation."""

    start: int
    end: int
    wanted: str
    term: Term | None = None
    """None: it comes through as it is."""


@dataclass(frozen=True)
class Edit:
    """`before` characters from `at` on became `after` characters."""

    at: int
    before: int
    after: int


def demands_on(text: str, glossary: Glossary, kept: Sequence[tuple[int, int]] = ()) -> list[Demand]:
    """What the translation of `text` must hold, in its order, no two over the same words.

    `kept` are stretches that are code or the like.
    """
    spans = [_bare(text, *span) for span in kept]
    found = [Demand(start, end, text[start:end]) for start, end in spans if start < end]
    found += [Demand(one.start, one.end, one.text) for one in literals(text) if one.strict]
    for use in glossary.found(text):
        wanted = inflected(use.term, text[use.start : use.end], glossary.source, glossary.target)
        found.append(Demand(use.start, use.end, wanted, use.term))
    chosen: list[Demand] = []
    for one in found:  # Code before literals before terms.
        if all(one.end <= other.start or other.end <= one.start for other in chosen):
            chosen.append(one)
    return sorted(chosen, key=lambda one: one.start)


def missing(source: str, demands: Sequence[Demand], target: str, glossary: Glossary) -> list[Demand]:
    """Those that `target` does not fulfil."""
    lost = {(use.start, use.end) for use in glossary.missed(source, target)} if any(d.term for d in demands) else set()
    short = _short([one.wanted for one in demands if one.term is None], target)
    found = []
    for one in demands:
        if one.term is not None:
            if (one.start, one.end) in lost:
                found.append(one)
        elif short[one.wanted] > 0:
            short[one.wanted] -= 1
            found.append(one)
    return found


def _short(wanted: Sequence[str], target: str) -> dict[str, int]:
    """How often each is there too rarely; what stands within a longer one that is wanted is not there for itself."""
    times = Counter(wanted)
    short = {}
    for word, needed in times.items():
        within = sum(len(places(word, other)) * many for other, many in times.items() if other != word)
        short[word] = min(needed, needed + within - len(places(word, target)))
    return short


def _bare(text: str, start: int, end: int) -> tuple[int, int]:
    """The stretch without blanks at its ends."""
    inside = text[start:end]
    return start + len(inside) - len(inside.lstrip()), end - (len(inside) - len(inside.rstrip()))


def exchanged(text: str, demands: Sequence[Demand]) -> tuple[str, list[Edit]]:
    """`text` with the demanded words in the place of the source's, and what was changed, in its order."""
    out, edits, at, grown = [], [], 0, 0
    for one in demands:
        words = _cased(one.wanted, text[one.start : one.end])
        out += [text[at : one.start], words]
        edits.append(Edit(one.start + grown, one.end - one.start, len(words)))
        grown += len(words) - (one.end - one.start)
        at = one.end
    return "".join([*out, text[at:]]), edits


def restored(way: Rewriting, edits: Sequence[Edit]) -> Rewriting:
    """A translation of an exchanged source, its links told in places of the source as it was."""
    links = tuple(Link(one.start, one.end, *_back(one.source_start, one.source_end, edits)) for one in way.links)
    return replace(way, links=links)


def mended(way: Rewriting, demands: Sequence[Demand], lacking: Sequence[Demand]) -> Rewriting:
    """A translation in which what is missing stands where the words are that were made of it."""
    for one in _really(way, demands, lacking):
        start, end = _place(way, one)
        old = way.text[start:end]
        words = _cased(one.wanted, old) if one.term is not None and old else one.wanted
        left = " " if start and way.text[start - 1].isalnum() and words[0].isalnum() and words[0].isascii() else ""
        right = " " if way.text[end : end + 1].isalnum() and words[-1].isalnum() and words[-1].isascii() else ""
        text = f"{way.text[:start]}{left}{words}{right}{way.text[end:]}"
        more = len(left) + len(words) + len(right) - (end - start)
        links = [link for link in way.links if link.end <= start]
        links.append(Link(start + len(left), start + len(left) + len(words), one.start, one.end))
        links += [replace(k, start=k.start + more, end=k.end + more) for k in way.links if k.start >= end]
        way = replace(way, text=text, links=tuple(links))
    return way


def inflected(term: Term, said: str, source: str, target: str) -> str:
    """The target of a term; in the plural where the source has it in the plural, in languages where that is regular.

    Where it is not, the term stays as it is written: a form that does not exist would be worse.
    """
    word, of = said.lower(), term.source.lower()
    if term.target == term.source or source not in _PLURAL_S or target not in (*_FIRST, "en"):
        return term.target
    if word == of or of.endswith("s") or not word.endswith("s"):
        return term.target
    words = term.target.split(" ")
    if target == "en":
        return " ".join([*words[:-1], _plural(words[-1], target) or words[-1]])
    # The head and its adjectives, up to a preposition: "lignes de commande", "liens symboliques".
    few = next((at for at, one in enumerate(words) if _is_preposition(one.lower())), len(words))
    plural = [_plural(one, target) for one in words[:few]]
    return " ".join([*map(str, plural), *words[few:]]) if all(plural) else term.target


def _plural(word: str, language: str) -> str:
    """A word in the plural; "" where that is not regular."""
    low = word.lower()
    if language == "fr":
        return word if low[-1:] in "sxz" else "" if low.endswith(("au", "eu", "al", "ail", "ou")) else f"{word}s"
    if language == "en":
        if re.search(r"[^aeiou]y$", low):
            return f"{word[:-1]}ies"
        return f"{word}es" if low.endswith(("s", "x", "z", "ch", "sh")) else f"{word}s"
    return f"{word}s" if low[-1:] in "aeo" else ""


def _really(way: Rewriting, demands: Sequence[Demand], lacking: Sequence[Demand]) -> list[Demand]:
    """Of several demands for the same words, some of which are fulfilled, those that seem not to be."""
    chosen: list[Demand] = []
    for wanted, times in Counter(one.wanted for one in lacking).items():
        alike = [one for one in demands if one.wanted == wanted]
        # False sorts before True; the last ones first among equals.
        alike.sort(key=lambda one: (_is_in(wanted, _said(way, one), one), -one.start))
        chosen += alike[:times]
    return sorted(chosen, key=lambda one: one.start)


def _is_in(wanted: str, said: str, one: Demand) -> bool:
    """Whether a place has the words already; a term may have a capital there."""
    return wanted in said if one.term is None else wanted.casefold() in said.casefold()


def _said(way: Rewriting, one: Demand) -> str:
    start, end = _place(way, one)
    return way.text[start:end]


def _is_preposition(word: str) -> bool:
    return word in _PREPOSITIONS or word.startswith(("d'", "d’"))


def _place(way: Rewriting, one: Demand) -> tuple[int, int]:
    """Where the words stand that were made of the demand's; an empty place where there are none."""
    made = [link for link in way.links if link.source_start < one.end and link.source_end > one.start]
    if _WORDLIKE.search(one.wanted):  # A quotation mark or a comma may have looked at the word beside it.
        made = [link for link in made if _WORDLIKE.search(way.text, link.start, link.end)]
    if made:
        rows: list[list[Link]] = []
        for link in made:  # Words side by side belong together; what stands between others was not made of the term.
            if rows and not way.text[rows[-1][-1].end : link.start].strip(" -'’"):
                rows[-1].append(link)
            else:
                rows.append([link])
        best = max(rows, key=lambda row: (len(row), row[-1].end - row[0].start))
        return _words(way.text, best[0].start, best[-1].end)
    before = [link for link in way.links if link.source_end <= one.start]
    at = max((link.end for link in before if link.source_end == max(k.source_end for k in before)), default=0)
    return _words(way.text, at, at) if at else (0, 0)


def _words(text: str, start: int, end: int) -> tuple[int, int]:
    """Not into the middle of a word."""
    if start == end:
        while end < len(text) and text[end - 1 : end].isalnum() and text[end].isalnum() and text[end].isascii():
            end += 1
        return end, end
    while start and text[start - 1].isalnum() and text[start].isalnum() and text[start].isascii():
        start -= 1
    while end < len(text) and text[end].isalnum() and text[end - 1].isalnum() and text[end].isascii():
        end += 1
    return start, end


def _cased(words: str, like: str) -> str:
    """`words` with a capital where what they stand for begins with one that its own spelling does not ask for."""
    if like[:1].isupper() and words[:1].islower() and not like.isupper():
        return words[:1].upper() + words[1:]
    return words


def _back(start: int, end: int, edits: Sequence[Edit]) -> tuple[int, int]:
    """A stretch of the exchanged source as one of the source."""
    behind = bisect_right(edits, start, key=lambda one: one.at)
    grown = sum(one.after - one.before for one in edits[: max(0, behind - 1)])
    if not behind:
        return start, end
    last = edits[behind - 1]
    if start < last.at + last.after:
        at = last.at - grown
        return at, at + last.before
    grown += last.after - last.before
    return start - grown, max(start, end) - grown
