"""Samples as rows of tokens, and rows as the batches that go through the model."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from playground.errors import BadValueError
from playground.tuning.masking import encode, encode_pair
from playground.tuning.packing import IGNORED, Row, pack, row_of, rows_of, together
from playground.tuning.recipe import Recipe
from playground.tuning.samples import Sample

_NOTHING = "Nothing is left to learn: every sample is longer than max_length before its reply begins. Raise max_length."
_CUT = "The sample is longer than max_length before its reply begins. Raise max_length."
_SHORT = "The text has a single token, so there is nothing to go on with. Write more, or leave it out."
_ROWS = 50
"""Of those that cannot be learned from, that are named."""
Unusable = list[tuple[int, str]]
"""Rows of the data of which nothing is learned, and why."""


def sample_rows(samples: Iterable[Sample], tokenizer: Any, recipe: Recipe) -> tuple[list[Row], Unusable]:
    """A row for each sample, of a text one for each piece of max_length; and what none can be made of."""
    found: list[Row] = []
    unusable: Unusable = []
    for sample in samples:
        try:
            encoded = encode(sample, tokenizer)
        except BadValueError as problem:
            unusable.append((sample.row, str(problem)))
            continue
        if sample.kind == "text":
            rows = rows_of(encoded.input_ids, encoded.learned, recipe.max_length)
        else:
            row = row_of(encoded.input_ids, encoded.learned, recipe.max_length)
            rows = [] if row is None else [row]
        if not rows:
            unusable.append((sample.row, _SHORT if sample.kind == "text" else _CUT))
        found += rows
    return found, unusable


def training_rows(samples: Iterable[Sample], tokenizer: Any, recipe: Recipe) -> tuple[list[Row], Unusable]:
    """What is learned from: a row is a batch of one process. Raises BadValueError when there is nothing."""
    rows, unusable = sample_rows(samples, tokenizer, recipe)
    if not rows:
        raise _nothing(unusable)
    if recipe.packing:
        return pack(rows, recipe.max_length * recipe.per_device_train_batch_size), unusable
    size = recipe.per_device_train_batch_size
    # Put together in a random order that the seed decides; the trainer shuffles the batches anew in each epoch.
    random.Random(recipe.seed).shuffle(rows)
    return [together(rows[at : at + size]) for at in range(0, len(rows), size)], unusable


Pair = dict[str, list[int]]


def pair_rows(samples: Iterable[Sample], tokenizer: Any, recipe: Recipe) -> tuple[list[Pair], Unusable]:
    """Pairs as trl's DPOTrainer takes them when they are tokens already; and what none can be made of."""
    found: list[Pair] = []
    unusable: Unusable = []
    for sample in samples:
        try:
            chosen, rejected = encode_pair(sample, tokenizer)
        except BadValueError as problem:
            unusable.append((sample.row, str(problem)))
            continue
        start = min(one.learned.index(True) for one in (chosen, rejected))
        if start >= recipe.max_length:
            unusable.append((sample.row, _CUT))
            continue
        made = {"prompt_ids": chosen.input_ids[:start]}
        made |= {"chosen_ids": chosen.input_ids[start:], "rejected_ids": rejected.input_ids[start:]}
        found.append({key: list(value) for key, value in made.items()})
    return found, unusable


def training_pairs(samples: Iterable[Sample], tokenizer: Any, recipe: Recipe) -> tuple[list[Pair], Unusable]:
    """What is learned from. Raises BadValueError when there is nothing."""
    found, unusable = pair_rows(samples, tokenizer, recipe)
    if not found:
        raise _nothing(unusable)
    return found, unusable


def told(unusable: Unusable) -> dict[str, Any]:
    """How many they are, and the first of them, for the journal."""
    return {"unusable": len(unusable), "unusable_rows": [list(one) for one in sorted(unusable)[:_ROWS]]}


def _nothing(unusable: Unusable) -> BadValueError:
    """Why, in one sentence where all have the same fault, else with the most frequent one."""
    faults = Counter(why for _, why in unusable)
    if faults.keys() <= {_CUT}:
        return BadValueError(_NOTHING)
    why, _ = faults.most_common(1)[0]
    return BadValueError(why if len(faults) == 1 else f"None of the {len(unusable)} samples can be learned from. {why}")


class RowCollator:
    """Samples one above the other, filled up at their ends, at which nothing that is learned looks: without a mask."""

    def __init__(self, pad_token_id: int, multiple: int) -> None:
        """Rows are filled up to a multiple of so many tokens, which tensor cores like."""
        self._pad = pad_token_id
        self._multiple = multiple

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """input_ids and labels of shape (samples, longest), and how many of the tokens are real."""
        import torch

        lengths = [length for row in rows for length in row["seq_lengths"]]
        longest = -(-max(lengths) // self._multiple) * self._multiple
        input_ids = torch.full((len(lengths), longest), self._pad)
        labels = torch.full((len(lengths), longest), IGNORED)
        line = 0
        for row in rows:
            start = 0
            for length in row["seq_lengths"]:
                input_ids[line, :length] = torch.tensor(row["input_ids"][start : start + length])
                labels[line, :length] = torch.tensor(row["labels"][start : start + length])
                start, line = start + length, line + 1
        return {"input_ids": input_ids, "labels": labels, "real_tokens": torch.tensor(sum(lengths))}
