"""Rows of like length: each token of each sample goes through the model exactly once, in groups that fit."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.records import Turn
from playground.tuning.looking import lengths, see
from playground.tuning.packing import IGNORED, Row, groups, pack, row_of, rows_of, together
from playground.tuning.recipe import Recipe
from playground.tuning.samples import Sample
from playground.tuning.worker.rows import RowCollator, told, training_pairs, training_rows

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


@given(st.lists(st.integers(0, 300), max_size=200), st.integers(16, 40))
def test_pieces_of_a_text_learn_each_token_once(ids: list[int], most: int) -> None:
    rows = rows_of(ids, [True] * len(ids), most)
    assert all(len(row.input_ids) <= most for row in rows)
    assert [label for row in rows for label in row.labels if label != IGNORED] == ids[1:]
    behind = 0
    for row in rows:
        assert list(row.input_ids) == ids[behind : behind + len(row.input_ids)]
        behind += len(row.input_ids) - 1


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


class Templated(Letters):
    """The same with a chat template, as ChatML, but that it takes no system message."""

    eos_token, eos_token_id, all_special_tokens = "]", 93, ("]",)
    chat_template = "{% for message in messages %}"

    def get_added_vocab(self) -> dict[str, int]:
        return {"]": 93}

    def apply_chat_template(self, messages: list[dict[str, str]], add_generation_prompt: bool, **_: Any) -> str:
        if messages[0]["role"] == "system":
            raise ValueError("no system messages")
        text = "".join(f"{one['role'][0]}:{one['content']}]" for one in messages)
        return text + "a:" * add_generation_prompt


REFUSED = Sample("chat", 2, (Turn("system", "Be."), Turn("user", "Hi"), Turn("assistant", "Ho")), (False, False, True))


@given(st.lists(st.integers(2, 60), min_size=1, max_size=20), st.booleans(), st.integers(1, 4), st.integers(0, 9))
def test_rows_to_learn_from(sizes: list[int], packing: bool, batch: int, seed: int) -> None:
    """With packing by tokens, without by samples; all of them, in pieces where they are too long."""
    samples = [Sample("text", at + 1, text=chr(97 + at) * length) for at, length in enumerate(sizes)]
    recipe = Recipe(
        task="text", packing=packing, per_device_train_batch_size=batch, max_length=24, seed=seed, heldout=0
    )
    rows, unusable = training_rows(samples, Letters(), recipe)
    assert not unusable
    learned = Counter(part.input_ids for row in rows for part in parts(row))
    wanted: Counter[tuple[int, ...]] = Counter()
    for at, length in enumerate(sizes):
        wanted.update((97 + at,) * len(piece) for piece in cut(length, 24))
    assert learned == wanted
    for row in rows:
        if packing:
            assert len(row.seq_lengths) * max(row.seq_lengths) <= batch * 24
        else:
            assert len(row.seq_lengths) == batch or row is rows[-1]
    assert rows == training_rows(samples, Letters(), recipe)[0]


def cut(length: int, most: int) -> list[range]:
    """Places of the tokens of a text in each of its pieces, which have one in common."""
    found, at = [], 0
    while at == 0 or at < length - 1:
        found.append(range(at, min(at + most, length)))
        at += most - 1
    return found


def test_nothing_to_learn_is_told() -> None:
    with pytest.raises(BadValueError, match="The text has a single token"):
        training_rows([Sample("text", 1, text="a")], Letters(), Recipe(task="text"))
    long = Sample("chat", 1, (Turn("user", "x" * 40), Turn("assistant", "y")), (False, True))
    with pytest.raises(BadValueError, match="Nothing is left to learn: every sample is longer than max_length"):
        training_rows([long, replace(long, row=2)], Templated(), Recipe(max_length=16))
    with pytest.raises(BadValueError, match=r"None of the 3 samples can be learned from\. The sample is longer"):
        training_rows([long, replace(long, row=2), replace(REFUSED, row=3)], Templated(), Recipe(max_length=16))
    pair = Sample("preference", 1, (Turn("user", "x" * 40),), chosen="a", rejected="b")
    with pytest.raises(BadValueError, match="Nothing is left to learn"):
        training_pairs([pair], Templated(), Recipe(task="dpo", max_length=16, heldout=0))


def test_what_cannot_be_learned_from_is_left_out_and_told() -> None:
    good = Sample("chat", 1, (Turn("user", "Hi"), Turn("assistant", "Ho")), (False, True))
    long = replace(good, row=3, messages=(Turn("user", "x" * 40), Turn("assistant", "y")))
    rows, unusable = training_rows([good, REFUSED, long], Templated(), Recipe(max_length=16, packing=False))
    assert sum(len(row.seq_lengths) for row in rows) == 1
    assert [row for row, _ in unusable] == [2, 3]
    assert "refuses a conversation: no system messages" in unusable[0][1]
    assert "longer than max_length before its reply begins" in unusable[1][1]
    pairs = [Sample("preference", 1, (Turn("user", "Hi"),), chosen="a", rejected="b")]
    pairs.append(replace(pairs[0], row=2, messages=(Turn("system", "Be."), *pairs[0].messages)))
    pairs.append(replace(pairs[0], row=3, messages=(Turn("user", "x" * 40),)))
    found, unusable = training_pairs(pairs, Templated(), Recipe(task="dpo", max_length=16, heldout=0))
    assert (len(found), [row for row, _ in unusable]) == (1, [2, 3])
    many = told([(row, "Why.") for row in range(80, 0, -1)])
    assert (many["unusable"], many["unusable_rows"][:2], len(many["unusable_rows"])) == (
        80,
        [[1, "Why."], [2, "Why."]],
        50,
    )


def test_of_a_long_text_nothing_is_said_to_be_cut_off() -> None:
    recipe = Recipe(task="text", max_length=16)
    text = Sample("text", 1, text="x" * 100)
    seen = see(text, Letters(), recipe)
    assert (seen.tokens, seen.learned, seen.cut, [one.cut for one in seen.pieces]) == (100, 100, 0, [False])
    found = lengths([text], Letters(), recipe)
    assert (found.cut, found.lost, found.longest, found.learned) == (0, 0, 16, 100)
    assert sum(count for _, count in found.bins) == len(cut(100, 16))
