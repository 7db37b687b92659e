"""What is held out is never learned in another guise, and the same samples are always parted in the same way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import BadValueError
from playground.records import Turn
from playground.tuning.samples import Sample
from playground.tuning.splitting import split


def asks(question: str, reply: str = "Yes.", group: str = "", row: int = 1) -> Sample:
    return Sample("chat", row, (Turn("user", question), Turn("assistant", reply)), (False, True), group=group)


def first(sample: Sample) -> str:
    return " ".join(sample.messages[0].content.split()).casefold()


SAMPLES = st.lists(
    st.builds(asks, st.sampled_from("abcdefgh"), st.sampled_from("xyz"), st.sampled_from(["", "", "g", "h", "i"])),
    max_size=30,
).map(lambda found: [replace(sample, row=row) for row, sample in enumerate(found, 1)])
SHARES = st.floats(0, 0.99)


def parts_of(samples: list[Sample]) -> int:
    """How many parts there are that have neither a group nor a question in common; found by joining until it rests."""
    sets = [{first(one), f"group {one.group}" if one.group else first(one)} for one in samples]
    while True:
        pair = next(((a, b) for a in sets for b in sets if a is not b and a & b), None)
        if pair is None:
            return len(sets)
        sets = [one for one in sets if one is not pair[0] and one is not pair[1]] + [pair[0] | pair[1]]


@given(SAMPLES, SHARES, st.integers(0, 9))
def test_every_sample_is_on_one_side_and_what_belongs_together_is_on_the_same(
    samples: list[Sample], share: float, seed: int
) -> None:
    learned, held = split(samples, share, seed)
    rows = [one.row for one in learned], [one.row for one in held]
    assert sorted(rows[0] + rows[1]) == [one.row for one in samples]
    assert rows == (sorted(rows[0]), sorted(rows[1]))
    assert {first(one) for one in learned}.isdisjoint(first(one) for one in held)
    assert {one.group for one in learned if one.group}.isdisjoint(one.group for one in held if one.group)
    assert bool(held) == (share > 0 and parts_of(samples) > 1)
    assert bool(learned) == bool(samples)


@given(SAMPLES, SHARES, st.integers(0, 9), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(samples: list[Sample], share: float, seed: int, random: object) -> None:
    shuffled = list(samples)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    held = {one.row for one in split(samples, share, seed)[1]}
    assert {one.row for one in split(shuffled, share, seed)[1]} == held


def test_the_share_is_kept_and_the_seed_chooses() -> None:
    samples = [asks(f"Question {n}", row=n) for n in range(1000)]
    held = [{one.row for one in split(samples, 0.1, seed)[1]} for seed in range(3)]
    assert [len(one) for one in held] == [100, 100, 100]
    assert len(held[0] & held[1]) < 40
    # More of the same data leaves most of what was held out where it was.
    more = [*samples, *(asks(f"More {n}", row=1000 + n) for n in range(50))]
    assert len({one.row for one in split(more, 0.1, 0)[1]} & held[0]) > 85


def test_a_group_that_is_larger_than_the_share_is_learned() -> None:
    samples = [asks(f"Long {n}", group="book", row=n) for n in range(90)]
    samples += [asks(f"Short {n}", row=90 + n) for n in range(10)]
    for seed in range(20):
        held = split(samples, 0.05, seed)[1]
        assert len(held) == 5
        assert all(not one.group for one in held)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (asks("What is  a lemma?"), asks("what is a lemma", "A word's first form.")),
        (asks("Ｈｅｌｌｏ！"), asks("hello")),
        (asks("Which?", group="a"), Sample("preference", 2, (Turn("user", "Which?"),), chosen="x", rejected="y")),
        (Sample("text", 1, text="Once upon a time."), Sample("text", 2, text="once upon a time")),
    ],
    ids=["blanks and case", "wide signs", "a pair and a chat", "texts"],
)
def test_the_same_question_is_on_one_side(one: Sample, other: Sample) -> None:
    samples = [one, other, *(asks(f"Other {n}") for n in range(6))]
    for seed in range(20):
        learned, _ = split(samples, 0.5, seed)
        assert (one in learned) == (other in learned)


def test_two_groups_with_one_question_in_common_stay_together() -> None:
    samples = [asks("1", group="a"), asks("2", group="a"), asks("2", group="b"), asks("3", group="b"), asks("4")]
    for seed in range(20):
        assert len(split(samples, 0.4, seed)[1]) == 1


def test_nothing_is_held_out_where_all_belong_together() -> None:
    samples = [asks(str(n), group="one") for n in range(5)]
    assert split(samples, 0.5, 0) == (tuple(samples), ())
    assert split([], 0.5, 0) == ((), ())


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(BadValueError, match="Give a number from 0"):
        split([asks("a")], share, 0)
