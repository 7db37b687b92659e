"""Rows of like length: each token of each sample goes through the model exactly once, in groups that fit."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.tuning.packing import IGNORED, Row, groups, pack, row_of, together
from playground.tuning.recipe import Recipe
from playground.tuning.samples import Sample
from playground.tuning.worker.rows import RowCollator, training_rows

TOKENS = st.lists(st.integers(0, 300), min_size=2, max_size=40)


@st.composite
def made(draw: st.DrawFn) -> Row:
    ids = draw(TOKENS)
    learned = draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
    row = row_of(ids, [*learned[:-1], True], len(ids))
    assert row is not None
    return row


ROWS = st.lists(made(), max_size=20)


def parts(row: Row) -> list[Row]:
    """The samples of a row, taken apart again."""
    found, start = [], 0
    for length in row.seq_lengths:
        end = start + length
        found.append(Row(row.input_ids[start:end], row.labels[start:end], (length,)))
        start = end
    assert start == len(row.input_ids) == len(row.labels)
    return found


@given(ROWS, st.integers(1, 200))
def test_every_sample_is_in_exactly_one_group(rows: list[Row], tokens: int) -> None:
    assert Counter(part for row in pack(rows, tokens) for part in parts(row)) == Counter(rows)


@given(ROWS, st.integers(1, 200))
def test_a_group_fits_filled_up(rows: list[Row], tokens: int) -> None:
    for group in groups(rows, tokens):
        assert len(group) * max(len(row.input_ids) for row in group) <= tokens or len(group) == 1


@given(ROWS, st.integers(1, 200))
def test_no_group_is_closed_too_soon(rows: list[Row], tokens: int) -> None:
    found = groups(rows, tokens)
    for group, following in itertools.pairwise(found):
        longest = max(len(row.input_ids) for row in group)
        assert max(len(row.input_ids) for row in following) <= min(len(row.input_ids) for row in group)
        assert (len(group) + 1) * longest > tokens


@given(ROWS, st.integers(1, 200), st.randoms(use_true_random=False))
def test_the_order_of_the_samples_is_of_no_weight(rows: list[Row], tokens: int, draw: random.Random) -> None:
    mixed = draw.sample(rows, len(rows))
    shapes = [[[len(row.input_ids) for row in group] for group in groups(one, tokens)] for one in (rows, mixed)]
    assert shapes[0] == shapes[1]


@given(TOKENS, st.data(), st.integers(1, 50))
def test_a_row_is_cut_at_its_end(ids: list[int], data: st.DataObject, most: int) -> None:
    learned = data.draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids)))
    row = row_of(ids, learned, most)
    wanted = [at for at, one in enumerate(learned) if one and 0 < at < most]
    if row is None:
        assert not wanted
        return
    assert list(row.input_ids) == ids[:most]
    assert row.seq_lengths == (min(len(ids), most),)
    assert [at for at, label in enumerate(row.labels) if label != IGNORED] == wanted
    assert [row.labels[at] for at in wanted] == [ids[at] for at in wanted]


@pytest.mark.parametrize(
    ("ids", "learned", "most"),
    [
        ([], [], 8),
        ([1], [True], 8),
        ([1, 2, 3], [True, False, False], 8),
        ([1, 2, 3], [False] * 3, 8),
        ([1, 2, 3], [False, False, True], 2),
    ],
)
def test_a_row_with_nothing_to_learn_is_none(ids: list[int], learned: list[bool], most: int) -> None:
    assert row_of(ids, learned, most) is None


@given(st.lists(made(), min_size=1, max_size=8), st.sampled_from([1, 8, 64]))
@settings(deadline=None)  # The first one imports torch.
def test_a_batch_has_each_sample_on_a_line_of_its_own(rows: list[Row], multiple: int) -> None:
    batch = RowCollator(999, multiple)([vars(together(rows[:3])), *(vars(row) for row in rows[3:])])
    assert int(batch["real_tokens"]) == sum(len(row.input_ids) for row in rows)
    assert batch["input_ids"].shape == batch["labels"].shape
    assert batch["input_ids"].shape[1] % multiple == 0
    for row, ids, labels in zip(rows, batch["input_ids"].tolist(), batch["labels"].tolist(), strict=True):
        length = len(row.input_ids)
        assert (tuple(ids[:length]), tuple(labels[:length])) == (row.input_ids, row.labels)
        assert set(ids[length:]) <= {999}
        assert set(labels[length:]) <= {IGNORED}


class Letters:
    """A tokenizer of one token for each letter, of which a text needs no more."""

    is_fast, eos_token, eos_token_id = True, "", None

    def __call__(self, text: str, **_: Any) -> dict[str, Any]:
        return {"input_ids": [ord(one) for one in text], "offset_mapping": [(at, at + 1) for at in range(len(text))]}


@given(st.lists(st.integers(2, 40), min_size=1, max_size=20), st.booleans(), st.integers(1, 4), st.integers(0, 9))
def test_rows_to_learn_from(lengths: list[int], packing: bool, batch: int, seed: int) -> None:
    """With packing by tokens, without by samples; all of them, cut where they are too long."""
    samples = [Sample("text", at + 1, text=chr(97 + at) * length) for at, length in enumerate(lengths)]
    recipe = Recipe(
        task="text", packing=packing, per_device_train_batch_size=batch, max_length=24, seed=seed, heldout=0
    )
    rows = training_rows(samples, Letters(), recipe)
    learned = Counter(part.input_ids for row in rows for part in parts(row))
    assert learned == Counter((97 + at,) * min(length, 24) for at, length in enumerate(lengths))
    for row in rows:
        if packing:
            assert len(row.seq_lengths) * max(row.seq_lengths) <= batch * 24
        else:
            assert len(row.seq_lengths) == batch or row is rows[-1]
    assert rows == training_rows(samples, Letters(), recipe)


def test_nothing_to_learn_is_told() -> None:
    with pytest.raises(BadValueError, match="Nothing is left to learn"):
        training_rows([Sample("text", 1, text="a")], Letters(), Recipe(task="text"))
