"""Looks at samples as the model will see them: tokens, what is learned, what is cut off, what is private."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playground.errors import BadValueError
from playground.tuning.masking import Encoded, encode, encode_pair
from playground.tuning.packing import rows_of
from playground.tuning.private import Finding, findings
from playground.tuning.recipe import Recipe
from playground.tuning.samples import Sample

MOST_LOOKED_AT = 3000
"""Samples whose tokens are counted; of more, that many evenly chosen ones."""
_BINS = 24


@dataclass(frozen=True)
class Piece:
    """A stretch of rendered text that is one thing."""

    text: str
    learned: bool
    cut: bool
    """Behind max_length: the model never sees it."""


@dataclass(frozen=True)
class Seen:
    """One sample as the model will see it; of a pair both replies."""

    pieces: tuple[Piece, ...]
    rejected: tuple[Piece, ...]
    tokens: int
    learned: int
    cut: int
    """Tokens behind max_length."""
    private: tuple[Finding, ...]
    first_tokens: tuple[tuple[int, str, bool], ...]
    """Number, text and whether learned, of the first tokens."""
    fault: str = ""


@dataclass(frozen=True)
class Lengths:
    """Over all samples that were looked at."""

    counted: int
    of: int
    tokens: int
    learned: int
    longest: int
    cut: int
    """Samples longer than max_length."""
    lost: int
    """Samples of which nothing is left to learn."""
    bins: tuple[tuple[int, int], ...]
    """Upper end in tokens, and how many samples."""
    private: tuple[tuple[str, int], ...]
    """Kinds of private data, and in how many samples."""
    faults: tuple[tuple[str, int], ...]
    """Why samples cannot be rendered, and how many."""


def see(sample: Sample, tokenizer: Any, recipe: Recipe) -> Seen:
    """A fault of the template is told, not raised."""
    private = tuple(findings(sample))
    try:
        both = _encoded(sample, tokenizer)
    except BadValueError as error:
        return Seen((), (), 0, 0, 0, private, (), str(error))
    main = both[0]
    shown = tuple(
        (token, main.text[start:end], taught)
        for token, (start, end), taught in list(zip(main.input_ids, main.offsets, main.learned, strict=True))[:64]
    )
    length = max(len(one.input_ids) for one in both)
    most = length if sample.kind == "text" else recipe.max_length  # A text is learned in pieces, all of it.
    return Seen(
        _pieces(main, most),
        _pieces(both[1], most) if len(both) > 1 else (),
        length,
        sum(main.learned),
        max(0, length - most),
        private,
        shown,
    )


def lengths(samples: Sequence[Sample], tokenizer: Any, recipe: Recipe) -> Lengths:
    """What a page shows of all samples."""
    step = -(-len(samples) // MOST_LOOKED_AT) or 1
    chosen = samples[::step]
    sizes: list[int] = []
    learned = cut = lost = 0
    kinds: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for sample in chosen:
        kinds.update({one.kind for one in findings(sample)})
        try:
            both = _encoded(sample, tokenizer)
        except BadValueError as error:
            faults[str(error)] += 1
            continue
        if sample.kind == "text":
            rows = rows_of(both[0].input_ids, both[0].learned, recipe.max_length)
            sizes += [len(row.input_ids) for row in rows]
            learned += sum(both[0].learned)
            continue
        size = max(len(one.input_ids) for one in both)
        sizes.append(size)
        learned += sum(sum(one.learned[: recipe.max_length]) for one in both)
        cut += size > recipe.max_length
        lost += not all(any(one.learned[: recipe.max_length]) for one in both)
    longest = max(sizes, default=0)
    width = max(1, -(-longest // _BINS))
    counts = Counter((size - 1) // width for size in sizes)
    bins = tuple(((at + 1) * width, counts.get(at, 0)) for at in range(-(-longest // width)))
    return Lengths(
        len(chosen), len(samples), sum(sizes) * step, learned * step, longest, cut * step, lost * step, bins,
        tuple(kinds.most_common()), tuple(faults.most_common()),
    )  # fmt: skip


def _encoded(sample: Sample, tokenizer: Any) -> tuple[Encoded, ...]:
    return encode_pair(sample, tokenizer) if sample.kind == "preference" else (encode(sample, tokenizer),)


def _pieces(encoded: Encoded, max_length: int) -> tuple[Piece, ...]:
    found: list[Piece] = []
    at = 0
    for number, ((_, end), taught) in enumerate(zip(encoded.offsets, encoded.learned, strict=True)):
        if end <= at:
            continue
        text, cut = encoded.text[at:end], number >= max_length
        at = end
        if found and found[-1].learned == taught and found[-1].cut == cut:
            found[-1] = Piece(found[-1].text + text, taught, cut)
        else:
            found.append(Piece(text, taught, cut))
    if at < len(encoded.text):
        found.append(Piece(encoded.text[at:], learned=False, cut=len(encoded.input_ids) > max_length))
    return tuple(found)
