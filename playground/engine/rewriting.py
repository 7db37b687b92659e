"""Many texts rewritten at once by a sequence-to-sequence model, by beam search. Knows no library and no prompt.

`CTranslate2Engine.rewrite` does it; `words_of` tells where in a text the tokens stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

_FAR = 12
"""Characters behind the last token in which the next one is looked for: more would be another place of that word."""


@dataclass(frozen=True)
class Link:
    """Characters of a rewritten text, and those of the source that the model looked at for them."""

    start: int
    end: int
    source_start: int
    source_end: int


@dataclass(frozen=True)
class Rewriting:
    """One way to rewrite a text."""

    text: str
    score: float
    """Mean logarithm of its tokens' probabilities: 0 is certain."""
    tokens: int
    links: tuple[Link, ...] = ()
    """In the text's order; empty unless asked for."""


@runtime_checkable
class Rewriter(Protocol):
    """An engine that rewrites texts in batches, beside what every engine does."""

    def rewrite(
        self,
        texts: Sequence[str],
        languages: tuple[str, str],
        *,
        beam_size: int = 4,
        num_hypotheses: int = 1,
        align: bool = False,
    ) -> list[list[Rewriting]]:
        """For each text, which is a sentence or a short paragraph, its `num_hypotheses` best ways, the best first.

        `languages` are the codes of source and target. May be called from as many threads as there are slots; one call
        is one batch, so texts of like lengths are best. With `align` they carry links. Raises ModelError, and
        ContextError when a text is longer than the model can read.
        """


def words_of(tokens: Sequence[str], text: str) -> list[tuple[int, int]]:
    """Start and end of each SentencePiece token in `text`; where one cannot be found, an empty place."""
    at, found = 0, []
    for token in tokens:
        surface = token.replace("\u2581", " ").strip()
        start = text.find(surface, at, at + len(surface) + _FAR) if surface else -1
        if start < 0:
            found.append((at, at))
            continue
        at = start + len(surface)
        found.append((start, at))
    return found


def links_of(
    source: Sequence[tuple[int, int]], target: Sequence[tuple[int, int]], attention: Sequence[Sequence[float]]
) -> tuple[Link, ...]:
    """Each token of the target with the one of the source that it looked at most; `attention` is (target, source).

    Tokens without a place, on either side, are left out.
    """
    placed = [at for at, (start, end) in enumerate(source) if end > start]
    links = []
    for (start, end), looks in zip(target, attention, strict=False):
        if end > start and placed:
            best = max((at for at in placed if at < len(looks)), key=lambda at: looks[at], default=None)
            if best is not None:
                links.append(Link(start, end, *source[best]))
    return tuple(links)
