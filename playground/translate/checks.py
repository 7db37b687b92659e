"""What may be wrong with the translation of one segment, without a model: a doubt says "look here", not "wrong".

What a check looks at stands in a module of its own; here it is decided what of it is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from playground.translate import foreign, lengths, loops
from playground.translate.doubts import Doubt, Kind, base
from playground.translate.literals import Literal, literals
from playground.translate.numbers import compare
from playground.translate.plain import Plain, blanked, plain
from playground.translate.tags import Tag, emptied, faults, insides, marks

__all__ = ["Doubt", "Kind", "check"]

_LONGEST = 60
"""Characters of a detail."""
_SPACES = re.compile(r"\s+")
_COUNTED = ("placeholder", "markup")
"""Each of them has its own meaning where it stands; of others a translation may have fewer."""
_INVENTED = ("placeholder", "url", "email")
_TAG_NUMBER = re.compile(r"\d+")


def check(
    source: str, target: str, source_language: str, target_language: str, tags: Sequence[Tag] = ()
) -> list[Doubt]:
    """The doubts about `target` as a translation of `source`, in its order; both may have tags' marks."""
    mine, theirs = plain(target), plain(source)
    if not mine.text.strip():
        return [Doubt("empty", 0, 0, "")] if theirs.text.strip() else []
    found = _Pair(theirs, mine, base(source_language), base(target_language), tags).doubts()
    found += _tags(target, tags)
    found += _emptied(source, target)
    return sorted(found, key=lambda doubt: (doubt.start, doubt.end))


class _Pair:
    """A segment and its translation without marks, and what in them is no prose."""

    def __init__(
        self, source: Plain, target: Plain, source_language: str, target_language: str, tags: Sequence[Tag]
    ) -> None:
        self._source, self._target = source, target
        self._from, self._to = source_language, target_language
        self._kept, self._held = source.kept(tags), target.kept(tags)
        self._words = blanked(source.text, self._kept.values())
        self._said = blanked(target.text, self._held.values())
        self._literals, self._have = literals(self._words), literals(self._said)

    def doubts(self) -> list[Doubt]:
        """All but those about tags."""
        found = [*self._numbers(), *self._missing_literals(), *self._invented_literals(), *self._changed_code()]
        found += self._repeated()
        left = self._untranslated()
        found += left or self._languages()
        return found + self._lengths()

    def _doubt(self, kind: Kind, start: int, end: int, detail: str) -> Doubt:
        return Doubt(kind, *self._target.place(start, end), _SPACES.sub(" ", detail)[:_LONGEST])

    def _numbers(self) -> Iterator[Doubt]:
        texts = [
            blanked(text, ((one.start, one.end) for one in some if one.strict))
            for text, some in ((self._words, self._literals), (self._said, self._have))
        ]
        left = compare(texts[0], texts[1], self._from, self._to)
        for one in left.missing:
            yield Doubt("number", 0, 0, one.text[:_LONGEST])
        for one in left.extra:
            yield self._doubt("number", one.start, one.end, one.text)

    def _missing_literals(self) -> Iterator[Doubt]:
        for text, some in _by_text(self._literals).items():
            said = text.rstrip("/\\") or text
            have = sum(one.text == text for one in self._have) or len(_places(said, self._said))
            if some[0].strict and have < (len(some) if some[0].kind in _COUNTED else 1):
                yield Doubt("literal", 0, 0, text[:_LONGEST])

    def _invented_literals(self) -> Iterator[Doubt]:
        known = _by_text(self._literals)
        for one in self._have:
            if one.kind in _INVENTED and one.text not in known and one.text not in self._words:
                yield self._doubt("literal", one.start, one.end, one.text)

    def _changed_code(self) -> Iterator[Doubt]:
        """What stands in tags that keep their content."""
        for number, (start, end) in self._kept.items():
            said = self._source.text[start:end]
            place = self._held.get(number)
            if place and _SPACES.sub(" ", self._target.text[slice(*place)]).strip() != _SPACES.sub(" ", said).strip():
                yield self._doubt("literal", *place, said)

    def _repeated(self) -> list[Doubt]:
        return [self._doubt("loop", *one) for one in loops.find(self._source.text, self._target.text)]

    def _untranslated(self) -> list[Doubt]:
        copied = foreign.copied(_prose(self._words, self._literals), self._prose(), self._from, self._to)
        return [self._doubt("untranslated", *one) for one in copied]

    def _languages(self) -> list[Doubt]:
        strange = list(foreign.strange_letters(self._source.text, self._prose(), self._to))
        other = foreign.other_language(self._source.text, self._prose(), self._from, self._to)
        if other:
            return [self._doubt("language", 0, len(self._target.text), other)]
        return [self._doubt("language", *one) for one in strange]

    def _lengths(self) -> list[Doubt]:
        source, target = self._source, self._target
        if lost := lengths.missing_sentences(source, target, self._from, self._to):
            return [Doubt("missing_sentence", 0, 0, _first_words(source.text[slice(*one)])) for one in lost]
        if lengths.out_of_range(source.text, target.text, self._from, self._to):
            return [Doubt("length", 0, 0, f"{len(target.text.strip())}")]
        return []

    def _prose(self) -> str:
        return _prose(self._said, self._have)


def _prose(text: str, some: Sequence[Literal]) -> str:
    return blanked(text, ((one.start, one.end) for one in some))


def _tags(target: str, tags: Sequence[Tag]) -> Iterator[Doubt]:
    """One for each sentence that `tags.faults` has, at the tag's first mark."""
    found = marks(target)
    for said in faults(target, tags):
        number = _TAG_NUMBER.findall(said)[-1:] or [""]
        mark = next((mark for mark in found if str(mark.number) == number[0]), None)
        yield Doubt("tag", mark.start if mark else 0, mark.end if mark else 0, number[0])


def _emptied(source: str, target: str) -> Iterator[Doubt]:
    places = insides(target)
    for number in emptied(source, target):
        yield Doubt("tag", *places[number], str(number))


def _by_text(some: Sequence[Literal]) -> dict[str, list[Literal]]:
    found: dict[str, list[Literal]] = {}
    for one in some:
        found.setdefault(one.text, []).append(one)
    return found


def _places(text: str, within: str) -> list[int]:
    """Where `text` stands in `within`, not as a part of a longer word."""
    return [one.start() for one in re.finditer(rf"(?<![A-Za-z0-9_]){re.escape(text)}(?![A-Za-z0-9_])", within)]


def _first_words(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]
