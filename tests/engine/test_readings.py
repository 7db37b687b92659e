"""How prompts were computed: what is noted adds up, and is cut where a prompt goes another way; what it cannot be."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.engine.readings import cut, filled, joined, pieces_of, split
from playground.errors import BadValueError
from playground.records import Reading

PIECE = st.integers(1, 130).flatmap(lambda read: st.tuples(st.just(read), st.integers(1, read)))
PIECES = st.lists(st.one_of(PIECE, st.just((1, 1)), st.just((128, 128))), max_size=30)


def length(reading: Reading) -> int:
    return sum(kept for _, kept in pieces_of(reading))


@given(PIECES)
def test_what_is_joined_comes_apart_again(pieces: list[tuple[int, int]]) -> None:
    reading = joined((), pieces)
    assert list(pieces_of(reading)) == pieces
    assert all(one[:2] != other[:2] for one, other in pairwise(reading)), "as short as can be"


@given(PIECES, st.integers(0, 3000))
def test_a_cut_keeps_the_beginning(pieces: list[tuple[int, int]], tokens: int) -> None:
    reading = joined((), pieces)
    part = cut(reading, tokens)
    assert length(part) == tokens
    total = length(reading)
    if tokens >= total:
        assert list(pieces_of(part)) == [*pieces, *[(1, 1)] * (tokens - total)], "what comes after was written"
    else:
        found = list(pieces_of(part))
        assert found[:-1] == pieces[: max(len(found) - 1, 0)]
        if found:
            assert found[-1][0] == pieces[len(found) - 1][0], "it was computed with all that was read with it"
    assert cut(part, tokens) == part


@given(PIECES, st.integers(1, 130), PIECES)
def test_prompt_and_reply_come_apart(before: list[tuple[int, int]], last: int, after: list[tuple[int, int]]) -> None:
    prompt = [*before, (last, last)]
    whole = joined(joined((), prompt), after)
    assert split(whole, sum(kept for _, kept in prompt)) == (prompt, after)


@pytest.mark.parametrize(
    ("reading", "prompt"),
    [
        (((5, 5, 1),), 4),
        (((5, 5, 1),), 6),
        (((5, 4, 1),), 4),
        (((2, 2, 3),), 5),
        (((0, 0, 5),), 5),
        (((5, 6, 1),), 6),
        (((5, 5, 0),), 5),
        (((5, -5, -1),), 5),
        (((5, 5),), 5),
        (((1, 1, 10**9),), 5),
    ],
)
def test_what_is_not_of_this_prompt_is_refused(reading: Reading, prompt: int) -> None:
    with pytest.raises(BadValueError, match="record"):
        split(reading, prompt)


def test_a_piece_is_filled_with_others_than_come_next() -> None:
    for after in (0, 1, 7):
        piece = filled([3, 4], 5, after)
        assert (piece[:2], len(piece)) == ([3, 4], 5)
        assert piece[2] not in (after, -1)
    assert filled([3, 4], 2, 9) == [3, 4]
