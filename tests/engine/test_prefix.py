"""Which row a prompt goes into: nothing is read twice that a row still holds, and what is worth keeping is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from playground.engine.prefix import Prefixes
from playground.engine.runner import never

CHAT = list(range(100))
OTHER = list(range(500, 560))


class Rows:
    """A runner that keeps tokens alone; with `rigid`, one that cannot go back or copy, as recurrent models."""

    def __init__(self, rows: int, rigid: bool = False) -> None:
        self.rows, self.context_length, self.batch, self.alone, self.rigid = rows, 1000, 16, 16, rigid
        self.held: list[list[int]] = [[] for _ in range(rows)]

    def length(self, row: int) -> int:
        return len(self.held[row])

    def extend(self, row: int, tokens: Sequence[int], given_up: Callable[[], bool] = never) -> Any:
        self.held[row].extend(tokens)

    def step(self, tokens: Mapping[int, int]) -> Any:
        raise NotImplementedError("not needed here")

    def truncate(self, row: int, length: int) -> int:
        if self.rigid and length < len(self.held[row]):
            length = 0
        del self.held[row][length:]
        return len(self.held[row])

    def copy(self, source: int, target: int, length: int) -> int:
        self.held[target] = [] if self.rigid else self.held[source][:length]
        return len(self.held[target])

    def use_adapter(self, name: str) -> None:
        raise NotImplementedError("not needed here")


def read(prefixes: Prefixes, runner: Rows, prompt: list[int], adapter: str = "", keep: bool = False) -> tuple[int, int]:
    """As the batcher does it: take a row, read the rest, give the row back."""
    row, kept = prefixes.take(prompt, adapter, len(prompt) + 10)
    assert runner.held[row] == prompt[:kept], "the row holds what was promised"
    runner.extend(row, prompt[kept:])
    prefixes.add(row, prompt[kept:], len(prompt) - kept)
    if not keep:
        prefixes.give_back(row)
    return row, kept


def made(rows: int, most: int = 10_000, rigid: bool = False) -> tuple[Prefixes, Rows]:
    runner = Rows(rows, rigid)
    return Prefixes(runner, most), runner


def test_the_next_turn_pays_only_for_itself() -> None:
    prefixes, runner = made(2)
    row, kept = read(prefixes, runner, CHAT)
    assert kept == 0
    assert read(prefixes, runner, [*CHAT, 7, 8, 9]) == (row, 100)


def test_the_last_token_is_always_read() -> None:
    prefixes, runner = made(2)
    row, _ = read(prefixes, runner, CHAT)
    assert read(prefixes, runner, CHAT) == (row, 99)


def test_several_conversations_side_by_side() -> None:
    prefixes, runner = made(2)
    first, second = read(prefixes, runner, CHAT)[0], read(prefixes, runner, OTHER)[0]
    assert first != second
    assert read(prefixes, runner, [*CHAT, 1]) == (first, 100)
    assert read(prefixes, runner, [*OTHER, 1]) == (second, 60)


def test_both_branches_stay_cheap() -> None:
    prefixes, runner = made(3)
    one, other = [*CHAT[:40], *range(200, 300)], [*CHAT[:40], *range(300, 400)]
    first = read(prefixes, runner, one)[0]
    second, kept = read(prefixes, runner, other)
    assert (kept, second != first) == (40, True)
    assert read(prefixes, runner, [*one, 1]) == (first, 140)
    assert read(prefixes, runner, [*other, 1]) == (second, 140)


def test_a_few_other_tokens_at_the_end_are_no_branch() -> None:
    prefixes, runner = made(3)
    first = read(prefixes, runner, CHAT)[0]
    assert read(prefixes, runner, [*CHAT[:95], 1, 2]) == (first, 95)


def test_a_branch_with_one_row_alone_cuts_it() -> None:
    prefixes, runner = made(1)
    read(prefixes, runner, CHAT)
    assert read(prefixes, runner, [*CHAT[:40], *OTHER]) == (0, 40)


def test_a_row_in_use_is_copied_and_not_touched() -> None:
    prefixes, runner = made(2)
    busy, _ = read(prefixes, runner, CHAT, keep=True)
    row, kept = read(prefixes, runner, [*CHAT[:80], 1, 2, 3])
    assert (kept, row != busy) == (80, True)
    assert runner.held[busy] == CHAT


def test_the_row_not_used_for_longest_goes_first() -> None:
    prefixes, runner = made(2)
    first, second = read(prefixes, runner, CHAT)[0], read(prefixes, runner, OTHER)[0]
    read(prefixes, runner, CHAT)
    assert read(prefixes, runner, [900, 901, 902]) == (second, 0)
    assert read(prefixes, runner, CHAT) == (first, 99)


def test_what_was_read_under_an_adapter_serves_no_other() -> None:
    prefixes, runner = made(3)
    read(prefixes, runner, CHAT, adapter="a")
    assert read(prefixes, runner, CHAT)[1] == 0
    assert read(prefixes, runner, CHAT, adapter="b")[1] == 0
    assert read(prefixes, runner, CHAT, adapter="a")[1] == 99
    prefixes.forget_adapter("a")
    assert read(prefixes, runner, CHAT, adapter="a")[1] == 0


def test_idle_rows_make_room() -> None:
    prefixes, runner = made(4, most=250)
    read(prefixes, runner, CHAT)
    read(prefixes, runner, OTHER)
    read(prefixes, runner, list(range(1000, 1100)))
    assert sum(map(len, runner.held)) <= 250
    assert read(prefixes, runner, OTHER)[1] == 59, "the oldest went, and no more than needed"


def test_a_model_that_cannot_go_back_reads_again() -> None:
    prefixes, runner = made(2, rigid=True)
    read(prefixes, runner, CHAT)
    assert read(prefixes, runner, [*CHAT, 1])[1] == 100
    assert read(prefixes, runner, [*CHAT[:40], 5, 6])[1] == 0


def test_a_failed_copy_leaves_a_usable_row() -> None:
    prefixes, runner = made(2)
    read(prefixes, runner, CHAT, keep=True)

    def full(source: int, target: int, length: int) -> int:
        raise MemoryError

    runner.copy = full  # type: ignore[method-assign]
    with pytest.raises(MemoryError):
        read(prefixes, runner, [*CHAT[:50], 1])
    assert read(prefixes, runner, OTHER)[1] == 0
