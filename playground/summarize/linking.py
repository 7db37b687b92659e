"""Which passages of the documents each sentence of a summary rests on: by shared terms, and by meaning where a model of
sentences is there. Knows nothing of how the summary was made but the notes of its parts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.sentences import sentence_ends
from playground.store.run_values import Node, RunDocument
from playground.summarize.stretches import Reach
from playground.summarize.terms import Index, terms_of

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to vectors of length 1, one row each."""
_CANDIDATES = 200
"""So many passages, the best by words, are compared by meaning; of fewer the right one is often not among them."""
_MEANING = 0.5
"""What meaning counts against words: of 30 paraphrases 16 find their source first, 10 by meaning alone, 9 by words."""
_SAMPLE = 64
"""Passages that say how near any two are, which differs between models: only what is more than that counts."""
_PASSAGES = 3
_NEAR = 0.7
"""A further passage is shown when it is at least so good, compared with the best."""
_NOTES = 0.25
"""What notes of a part count, against its sentences: they find the part when the words are others (a translation)."""
_STRONG, _STRONG_WORDS = 0.5, 0.45
"""From here on a passage is taken to say what the sentence says; below, it is only the nearest. By meaning, the best
passage of a false sentence about what the text speaks of had 0.35 to 0.48, on another subject at most 0.25; by words
alone 0.42. (The sets are in benchmarks/links.py.)"""
_LONGER = 1 / 6
"""How much less a passage counts for each time that it is longer than the sentence: it has many words by chance."""
_SAME = 0.999
_LONGEST = 600
"""Characters of one passage that are compared; a table may be a single sentence."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence of a document: where it stands."""

    document: int
    start: int
    end: int


@dataclass(frozen=True)
class Link:
    """A passage that a sentence of a summary rests on; `score` from 0 to 1."""

    passage: Passage
    score: float
    strong: bool
    """Whether it is taken to say the same."""


def passages_of(documents: Sequence[RunDocument]) -> list[Passage]:
    """All sentences of the documents; headings, lines of lists, tables and code count as such."""
    found: list[Passage] = []
    for number, document in enumerate(documents):
        for start, end in document.extents():
            block, first = document.text[start:end], 0
            for last in sentence_ends(block, document.language):
                if block[first:last].strip():
                    found.append(Passage(number, start + first, start + last))
                first = last
    return found


class Linker:
    """Finds passages for sentences. `embed` is optional: without it, words alone decide."""

    def __init__(
        self,
        documents: Sequence[RunDocument],
        parts: Sequence[Node],
        embed: Embed | None,
        reach: Reach | None = None,
    ) -> None:
        """`reach` is where passages may stand; None: anywhere."""
        found = passages_of(documents)
        self._passages = [one for one in found if reach is None or reach.has(one.document, one.start)]
        texts = [documents[one.document].text[one.start : one.end][:_LONGEST] for one in self._passages]
        self._texts = texts
        self._index = Index(texts)
        self._lengths = np.array([_length(text) for text in texts], dtype=np.float32)
        told = [node for node in parts if node.text and node.document is not None and len(parts) > 1]
        self._notes = Index([node.text for node in told])
        self._part_of = _parts_of(self._passages, told)
        self._embed = embed
        self._vectors: dict[int, NDArray[np.float32]] = {}
        self._usual: float | None = None

    def links(self, sentence: str, *, most: int = _PASSAGES) -> list[Link]:
        """The passages that `sentence` rests on, the best first; never none where there is any text."""
        if not self._passages:
            return []
        times = self._lengths / _length(sentence)
        scores = self._index.scores(sentence) / (1 + _LONGER * np.maximum(0, times - 1))
        if self._notes.size:
            noted = np.append(self._notes.scores(sentence), 0.0)
            scores = ((1 - _NOTES) * scores + _NOTES * noted[self._part_of]).astype(np.float32)
        best = np.argsort(-scores, kind="stable")[:_CANDIDATES]
        ranked, strong = scores[best], _STRONG_WORDS
        if self._embed is not None:
            ranked = (1 - _MEANING) * ranked + _MEANING * self._meant(self._embed, sentence, best.tolist())
            strong = _STRONG
        order = np.argsort(-ranked, kind="stable")[:most]
        top = float(ranked[order[0]])
        return [
            Link(self._passages[int(best[at])], round(float(ranked[at]), 3), float(ranked[at]) >= strong)
            for at in order
            if float(ranked[at]) >= _NEAR * top
        ]

    def _meant(self, embed: Embed, sentence: str, passages: Sequence[int]) -> NDArray[np.float32]:
        """How near each of these passages is to `sentence`, from 0 (as any two are) to 1."""
        if self._usual is None:
            some = embed([self._texts[len(self._texts) * at // _SAMPLE] for at in range(_SAMPLE)])
            apart = ~np.eye(_SAMPLE, dtype=bool) & (some @ some.T < _SAME)
            self._usual = float((some @ some.T)[apart].mean()) if apart.any() else 0.0
        new = [at for at in passages if at not in self._vectors]
        found = embed([sentence, *(self._texts[at] for at in new)])
        self._vectors.update(zip(new, found[1:], strict=True))
        near = np.stack([self._vectors[at] for at in passages]) @ found[0]
        meant: NDArray[np.float32] = np.clip((near - self._usual) / (1.001 - self._usual), 0.0, 1.0)
        return meant


def _length(text: str) -> int:
    """Different terms, one at least."""
    return max(1, len(set(terms_of(text))))


def _parts_of(passages: Sequence[Passage], parts: Sequence[Node]) -> NDArray[np.int32]:
    """For each passage the number of the part that it begins in, else one more than there are."""
    found = np.full(len(passages), len(parts), dtype=np.int32)
    order = sorted(range(len(parts)), key=lambda number: (parts[number].document, parts[number].first))
    starts = [(parts[number].document, parts[number].first) for number in order]
    for at, one in enumerate(passages):
        behind = bisect_right(starts, (one.document, one.start)) - 1
        if behind >= 0 and (part := parts[order[behind]]).document == one.document and one.start < part.last:
            found[at] = order[behind]
    return found
