"""Puts encoded samples of like length together, so that hardly a token that goes through the model is padding.

Measured on a processor, this is faster than rows of several samples one behind the other (trl's packing): no sample
looks at another one, so attention costs what the samples' own lengths cost, and needs no mask. Knows no tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

IGNORED = -100
"""The label of a token that is only read."""


@dataclass(frozen=True)
class Row:
    """Samples that go through the model together, one behind the other here."""

    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    """IGNORED, or the token itself."""
    seq_lengths: tuple[int, ...]
    """Tokens of each sample in it."""


def row_of(input_ids: Sequence[int], learned: Sequence[bool], max_length: int) -> Row | None:
    """A row of one sample, cut at its end where it is too long; None when nothing is left to learn.

    The first token of a sample is never learned: nothing stands before it.
    """
    ids = tuple(input_ids[:max_length])
    labels = tuple(
        token if taught and at else IGNORED
        for at, (token, taught) in enumerate(zip(ids, learned[:max_length], strict=True))
    )
    if all(label == IGNORED for label in labels):
        return None
    return Row(ids, labels, (len(ids),))


def rows_of(input_ids: Sequence[int], learned: Sequence[bool], max_length: int) -> list[Row]:
    """Rows of one piece each that nothing is cut off from: where one ends, the next begins with its last token.

    So every token is learned behind another one, and none twice.
    """
    starts = range(0, max(1, len(input_ids) - 1), max_length - 1)
    pieces = (row_of(input_ids[at : at + max_length], learned[at : at + max_length], max_length) for at in starts)
    return [one for one in pieces if one is not None]


def together(rows: Sequence[Row]) -> Row:
    """All of them as one."""
    return Row(
        tuple(token for row in rows for token in row.input_ids),
        tuple(label for row in rows for label in row.labels),
        tuple(length for row in rows for length in row.seq_lengths),
    )


def groups(rows: Sequence[Row], tokens: int) -> list[list[Row]]:
    """Rows of one sample each by like length: a group, filled up to its longest, has at most `tokens`.

    A sample that is longer alone is a group of its own.
    """
    found: list[list[Row]] = []
    for row in sorted(rows, key=lambda one: len(one.input_ids), reverse=True):
        if found and (len(found[-1]) + 1) * len(found[-1][0].input_ids) <= tokens:
            found[-1].append(row)
        else:
            found.append([row])
    return found


def pack(rows: Sequence[Row], tokens: int) -> list[Row]:
    """`groups`, each as one row."""
    return [together(one) for one in groups(rows, tokens)]
