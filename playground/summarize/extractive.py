"""A summary of sentences that stand in the documents, picked by how much of the rest they say. No language model.

LexRank: a sentence is central when it is like many that are central themselves. Long documents go in two steps, so that
time and memory grow with their length and not with its square: the best of each part, then the best among those.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from playground.languages import UNSPACED, count_words
from playground.sentences import sentence_ends
from playground.store.run_values import RunDocument
from playground.summarize.linking import Embed
from playground.summarize.stretches import Reach
from playground.summarize.terms import Index, terms_of

Numbers = NDArray[np.float32]
_AT_ONCE, _MEANT = 800, 400
"""Up to so many sentences are compared each with each; and by meaning, which takes seconds."""
_PART, _LEAST = 300, 100
"""Sentences of a part: not more; and at least so many, unless the document ends."""
_SENTENCE = 15
"""Words of an ordinary sentence, to know how many are wanted."""
_MOST = 2000
_LIKE = 0.1
"""Sentences that have less in common have nothing to do with each other."""
_DAMPING, _ROUNDS = 0.85, 60
_RELEVANCE = 0.7
"""What centrality counts against being unlike what was picked already; the rest is for the latter."""
_SAME = 0.75
"""Two sentences that are so much alike are not both picked."""
_SLACK = 1.1
"""So much longer than wanted it may become, for a sentence is picked whole."""
_SHORT, _LONG = (6, 60), (10, 150)
"""Fewest and most words of a sentence worth picking; and characters, where words are written without blanks."""
_LETTERS = 0.6
"""The share of a sentence's signs that are letters: less is a command, a path, a row of numbers."""
_BULLET = re.compile(r"\s*(?:[-*•–]|\d{1,3}[.)、])\s+")
_WHOLE = re.compile(r"[.!?。！？…][\"'”’」』）)\]]*$")
_CLOSED = re.compile(r"[.!?。！？…:：;；][\"'”’」』）)\]]*$")
_BEGINS = re.compile(r"[\"'“‘「『（(«]*(?:[^\W\d_a-z]|\d)")
_LEANS = re.compile(
    r"(?:(?:this|that|these|those|it|they|he|she|such|however|but|also|then|therefore|thus|for example|in this case|"
    r"otherwise|furthermore|additionally|and|so|here|see|note)\b|这|那|它|此|该|但|因此|所以|另外|此外|然而|例如|否则|同时|并且|请参)",
    re.IGNORECASE,
)
"""It leans on the sentence before, which may not be picked."""
_LEANING = 0.6


@dataclass(frozen=True)
class _Sentence:
    document: int
    start: int
    end: int
    text: str
    words: int
    place: int
    """How many of its section stand before it."""
    section: int


def pick(
    documents: Sequence[RunDocument], wanted_words: int, embed: Embed | None, reach: Reach | None = None
) -> list[tuple[int, int, int]]:
    """Sentences of about `wanted_words` together, in reading order: number of the document, start and end in its text.

    Only those in `reach`, where it is given. Whole sentences of paragraphs and lists, no two alike; empty where there
    are none (tables, code, headings alone). With `embed` the best are compared by meaning too. Raises what `embed`
    raises.
    """
    sentences = [one for one in _sentences(documents) if reach is None or reach.has(one.document, one.start)]
    if not sentences:
        return []
    index = Index([one.text for one in sentences])
    few = max(_AT_ONCE if embed is None else _MEANT, min(_MOST, 3 * wanted_words // _SENTENCE))
    if len(sentences) > few:
        sentences = [one for part in _parts(sentences) for one in _best(part, index, few / len(sentences))]
    near = _likeness(sentences, index)
    if embed is not None:
        near = np.float32(0.5) * (near + _meaning(embed([one.text for one in sentences])))
    chosen = _unlike(sentences, _central(near, sentences), near, wanted_words)
    return sorted((one.document, one.start, one.end) for one in chosen)


def _sentences(documents: Sequence[RunDocument]) -> Iterator[_Sentence]:
    """The sentences that may be picked."""
    section = 0
    for number, document in enumerate(documents):
        section, place, torn = section + 1, 0, False
        blocks = document.blocks or (("paragraph", 0, None, 0),)
        for at, (kind, _, _, start) in enumerate(blocks):
            if kind == "heading":
                section, place, torn = section + 1, 0, False
            if kind not in ("paragraph", "list"):
                continue
            end = blocks[at + 1][3] if at + 1 < len(blocks) else len(document.text)
            text, first = document.text[start:end], 0
            for last in sentence_ends(text, document.language):
                begin, first = first, last
                bullet = _BULLET.match(text, begin, last)
                begin = bullet.end() if bullet else begin
                said = text[begin:last].strip()
                half, torn = torn and not bullet, _torn(text[begin:last], text[last : last + 1])
                if half or torn or not _worth(said, document.language):
                    continue
                begin += len(text[begin:last]) - len(text[begin:last].lstrip())
                words = count_words(said, document.language)
                yield _Sentence(number, start + begin, start + begin + len(said), said, words, place, section)
                place += 1


def _torn(piece: str, following: str) -> bool:
    """Whether its sentence goes on behind it: in a name such as README.txt, or on the next page."""
    said = piece.rstrip()
    inside = piece.endswith(".") and following.isalnum()
    return bool(said) and (inside or not _CLOSED.search(said))


def _worth(said: str, language: str) -> bool:
    """Whether it is a whole sentence of prose."""
    if not _WHOLE.search(said) or not _BEGINS.match(said) or "\n|" in said:
        return False
    fewest, most = _LONG if language in UNSPACED else _SHORT
    if not fewest <= count_words(said, language) <= most:
        return False
    signs = sum(not sign.isspace() for sign in said)
    return sum(sign.isalpha() for sign in said) >= _LETTERS * signs


def _parts(sentences: Sequence[_Sentence]) -> Iterator[Sequence[_Sentence]]:
    """Sections put together to parts."""
    start = 0
    for at in range(1, len(sentences) + 1):
        new = at == len(sentences) or sentences[at].section != sentences[at - 1].section
        if at - start >= _PART or (new and at - start >= _LEAST) or at == len(sentences):
            yield sentences[start:at]
            start = at


def _best(part: Sequence[_Sentence], index: Index, share: float) -> list[_Sentence]:
    """The most central of a part, as many as its share, in their order."""
    scores = _central(_likeness(part, index), part)
    count = max(1, round(share * len(part)))
    return [part[int(at)] for at in np.sort(np.argsort(-scores, kind="stable")[:count])]


def _likeness(sentences: Sequence[_Sentence], index: Index) -> Numbers:
    """How much each has in common with each, by words weighed by their rarity: 0 to 1, shape (n, n)."""
    columns: dict[str, int] = {}
    counts = [Counter(terms_of(one.text)) for one in sentences]
    for term in (term for count in counts for term in count):
        columns.setdefault(term, len(columns))
    weights = np.array([index.weight(term) for term in columns], dtype=np.float32)
    table = np.zeros((len(sentences), len(columns)), dtype=np.float32)
    for row, count in enumerate(counts):
        for term, times in count.items():
            table[row, columns[term]] = min(times, 2)
    table *= weights
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-6)
    return np.asarray(np.clip(table @ table.T, 0.0, 1.0), dtype=np.float32)


def _meaning(vectors: Numbers) -> Numbers:
    """The same by meaning: what is more than usual between two of them."""
    near = vectors @ vectors.T
    usual = float(np.median(near))
    return np.asarray(np.clip((near - usual) / max(1e-3, 1 - usual), 0.0, 1.0), dtype=np.float32)


def _central(near: Numbers, sentences: Sequence[_Sentence]) -> Numbers:
    """How central each is, 1 for the most central. Those that open a section are where a reader begins, too."""
    links = np.where(near < _LIKE, np.float32(0), near)
    np.fill_diagonal(links, 0.0)
    begins = np.array([1 / (1 + one.place) for one in sentences], dtype=np.float32)
    begins /= begins.sum()
    out = links.sum(1, keepdims=True)
    # One that is like no other hands on what it has to where readers begin.
    links = np.where(out > 0, links / np.maximum(out, 1e-6), begins[None, :])
    scores = np.full(len(sentences), 1 / len(sentences), dtype=np.float32)
    for _ in range(_ROUNDS):
        scores = (1 - _DAMPING) * begins + _DAMPING * (scores @ links)
    scores *= np.array([_LEANING if _LEANS.match(one.text) else 1.0 for one in sentences], dtype=np.float32)
    return np.asarray(scores / scores.max(), dtype=np.float32)


def _unlike(sentences: Sequence[_Sentence], scores: Numbers, near: Numbers, wanted: int) -> list[_Sentence]:
    """The most central ones that say something else than those before them, until there are words enough."""
    chosen: list[_Sentence] = []
    closest = np.zeros(len(sentences), dtype=np.float32)
    left = np.ones(len(sentences), dtype=bool)
    words = 0
    while left.any() and words < wanted:
        worth = np.where(left, _RELEVANCE * scores - (1 - _RELEVANCE) * closest, -np.inf)
        at = int(worth.argmax())
        left[at] = False
        one = sentences[at]
        if closest[at] >= _SAME or (chosen and words + one.words > _SLACK * wanted):
            continue
        chosen.append(one)
        words += one.words
        closest = np.maximum(closest, near[at])
    return chosen
