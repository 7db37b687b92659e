"""Terms that are to be translated in one way only: where they stand in a source, and whether a target has them.

Knows nothing of files, see `glossary_files`; a term whose target is its source is one that stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from playground.languages import UNSPACED
from playground.translate.doubts import base
from playground.translate.glossary_files import Term, read_glossary
from playground.translate.inflection import key, same_word
from playground.translate.literals import literals
from playground.translate.plain import Plain, plain

__all__ = ["Glossary", "Term", "Use", "read_glossary"]

_TOKEN = re.compile(r"[^\W_]+|[^\w\s]|_")
_JOINERS = re.compile(r"[-‐‑]")
_GLUED = frozenset({"ko"})
"""Written with blanks, but small words stand at the end of others without."""
_LONGEST_GLUE = 3
_ASCII_WORD = re.compile(r"[A-Za-z0-9]")


@dataclass(frozen=True)
class Use:
    """A term at `start` to `end` of a text."""

    term: Term
    start: int
    end: int


@dataclass(frozen=True)
class _Word:
    text: str
    start: int
    end: int


class Glossary:
    """The terms for one pair of languages."""

    def __init__(self, terms: Iterable[Term], source_language: str, target_language: str) -> None:
        """Terms for other pairs are left out; those for the opposite pair are turned round."""
        self._from, self._to = base(source_language), base(target_language)
        self.terms: Sequence[Term] = tuple(_fitting(terms, self._from, self._to))
        self._finder = _Finder([(term.source, term.case_sensitive) for term in self.terms], self._from)

    @property
    def source(self) -> str:
        """The language that is translated from."""
        return self._from

    @property
    def target(self) -> str:
        """The language that is translated into."""
        return self._to

    def found(self, source: str) -> list[Use]:
        """Where terms stand in `source`, which may have tags' marks; of terms that overlap, the longest.

        What stands in a path, an address or the like is no use of a term: that comes through letter for letter.
        """
        if not self.terms:
            return []
        text = plain(source)
        closed = [text.place(one.start, one.end) for one in literals(text.text) if one.strict]
        return [
            Use(self.terms[which], start, end)
            for which, start, end in self._finder.places(text)
            if all(end <= first or last <= start for first, last in closed)
        ]

    def missed(self, source: str, target: str) -> list[Use]:
        """The uses in `source` whose translations are not in `target` so often; the last ones of a term."""
        uses = self.found(source)
        wanted = sorted({use.term.target for use in uses})
        exact = {use.term.target for use in uses if use.term.case_sensitive}
        finder = _Finder([(said, said in exact) for said in wanted], self._to)
        have = dict.fromkeys(wanted, 0)
        for which, _, _ in finder.places(plain(target)):
            have[wanted[which]] += 1
        missed = []
        for use in uses:
            have[use.term.target] -= 1
            if have[use.term.target] < 0:
                missed.append(use)
        return missed


def _fitting(terms: Iterable[Term], source_language: str, target_language: str) -> Iterator[Term]:
    """The terms of this pair, the first one for each source."""
    seen: set[tuple[str, bool]] = set()
    turned = []
    for term in terms:
        pair = base(term.source_language), base(term.target_language)
        if pair[0] in ("", source_language) and pair[1] in ("", target_language):
            yield from _once(term, seen)
        elif pair == (target_language, source_language):
            turned.append(term)
    for term in turned:
        back = replace(
            term, source=term.target, target=term.source,
            source_language=term.target_language, target_language=term.source_language,
        )  # fmt: skip
        yield from _once(back, seen)


def _once(term: Term, seen: set[tuple[str, bool]]) -> Iterator[Term]:
    said = (term.source if term.case_sensitive else term.source.casefold(), term.case_sensitive)
    if said not in seen and term.source.strip():
        seen.add(said)
        yield term


class _Finder:
    """Phrases of one language, kept by what their first words share."""

    def __init__(self, phrases: Sequence[tuple[str, bool]], language: str) -> None:
        self._language = language
        self._spaced = language not in UNSPACED
        self._phrases = phrases
        self._words = [tuple(word.text for word in _words(phrase)) for phrase, _ in phrases]
        self._by_key: dict[str, list[int]] = {}
        for which, (phrase, _) in enumerate(phrases):
            words = self._words[which]
            start = (key(words[0]) if words else "") if self._spaced else phrase[:1].casefold()
            if start:
                self._by_key.setdefault(start, []).append(which)

    def places(self, text: Plain) -> list[tuple[int, int, int]]:
        """Which phrase stands where in the text with marks, in order."""
        found = list(self._in_words(text.text) if self._spaced else self._in_signs(text.text))
        taken = bytearray(len(text.text))
        kept = []
        for which, start, end in sorted(found, key=lambda one: (one[1] - one[2], one[1], one[0])):
            if taken.find(1, start, end) < 0:
                taken[start:end] = b"\1" * (end - start)
                kept.append((which, *text.place(start, end)))
        return sorted(kept, key=lambda one: one[1])

    def _in_words(self, text: str) -> Iterator[tuple[int, int, int]]:
        words = list(_words(text))
        for at, word in enumerate(words):
            starts = {key(word.text)}
            if self._language in _GLUED:
                starts |= {word.text[:size].casefold() for size in range(1, 4)}
            for which in {which for start in starts for which in self._by_key.get(start, ())}:
                wanted = self._words[which]
                here = words[at : at + len(wanted)]
                if len(here) == len(wanted) and self._all_same(which, [one.text for one in here], wanted):
                    yield which, word.start, here[-1].end

    def _all_same(self, which: int, words: Sequence[str], wanted: Sequence[str]) -> bool:
        phrase, exact = self._phrases[which]
        if exact:
            return tuple(words) == tuple(wanted)
        if len(phrase) < 4:
            return [one.casefold() for one in words] == [one.casefold() for one in wanted] or self._glued(words, wanted)
        return all(map(self._same, words, wanted)) or self._glued(words, wanted)

    def _same(self, word: str, wanted: str) -> bool:
        return same_word(word, wanted, self._language)

    def _glued(self, words: Sequence[str], wanted: Sequence[str]) -> bool:
        if self._language not in _GLUED:
            return False
        *before, last = (one.casefold() for one in words)
        *other, end = (one.casefold() for one in wanted)
        return before == other and last.startswith(end) and len(last) - len(end) <= _LONGEST_GLUE

    def _in_signs(self, text: str) -> Iterator[tuple[int, int, int]]:
        low = text.casefold() if len(text.casefold()) == len(text) else text
        for at, sign in enumerate(low):
            for which in self._by_key.get(sign.casefold(), ()):
                phrase, exact = self._phrases[which]
                end = at + len(phrase)
                if (text if exact else low).startswith(phrase if exact else phrase.casefold(), at) and _apart(
                    text, at, end
                ):
                    yield which, at, end


def _words(text: str) -> Iterator[_Word]:
    """Words and signs; a hyphen between them is like a blank."""
    for found in _TOKEN.finditer(text):
        if not _JOINERS.fullmatch(found[0]):
            yield _Word(found[0], found.start(), found.end())


def _apart(text: str, start: int, end: int) -> bool:
    """A word in Latin letters among signs is not a part of a longer one."""
    return not any(
        0 < at < len(text) and _ASCII_WORD.match(text[at - 1]) and _ASCII_WORD.match(text[at]) for at in (start, end)
    )
