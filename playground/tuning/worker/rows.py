"""Samples as rows of tokens, and rows as the batches that go through the model."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

from playground.errors import BadValueError
from playground.tuning.masking import encode, encode_pair
from playground.tuning.packing import IGNORED, Row, pack, row_of, together
from playground.tuning.recipe import Recipe
from playground.tuning.samples import Sample

_NOTHING = "Nothing is left to learn: every sample is longer than max_length before its reply begins. Raise max_length."


def sample_rows(samples: Iterable[Sample], tokenizer: Any, recipe: Recipe) -> list[Row]:
    """A row for each sample of which something is left to learn."""
    found = []
    for sample in samples:
        encoded = encode(sample, tokenizer)
        row = row_of(encoded.input_ids, encoded.learned, recipe.max_length)
        if row is not None:
            found.append(row)
    return found


def training_rows(samples: Iterable[Sample], tokenizer: Any, recipe: Recipe) -> list[Row]:
    """What is learned from: a row is a batch of one process. Raises BadValueError when there is nothing."""
    rows = sample_rows(samples, tokenizer, recipe)
    if not rows:
        raise BadValueError(_NOTHING)
    if recipe.packing:
        return pack(rows, recipe.max_length * recipe.per_device_train_batch_size)
    size = recipe.per_device_train_batch_size
    # Put together in a random order that the seed decides; the trainer shuffles the batches anew in each epoch.
    random.Random(recipe.seed).shuffle(rows)
    return [together(rows[at : at + size]) for at in range(0, len(rows), size)]


def pair_rows(samples: Iterable[Sample], tokenizer: Any, recipe: Recipe) -> list[dict[str, list[int]]]:
    """Pairs as trl's DPOTrainer takes them when they are tokens already. Those too long for a reply are left out."""
    found = []
    for sample in samples:
        chosen, rejected = encode_pair(sample, tokenizer)
        start = min(one.learned.index(True) for one in (chosen, rejected))
        if start < recipe.max_length:
            made = {"prompt_ids": chosen.input_ids[:start]}
            made |= {"chosen_ids": chosen.input_ids[start:], "rejected_ids": rejected.input_ids[start:]}
            found.append({key: list(value) for key, value in made.items()})
    return found


def training_pairs(samples: Iterable[Sample], tokenizer: Any, recipe: Recipe) -> list[dict[str, list[int]]]:
    """What is learned from. Raises BadValueError when there is nothing."""
    found = pair_rows(samples, tokenizer, recipe)
    if not found:
        raise BadValueError(_NOTHING)
    return found


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
