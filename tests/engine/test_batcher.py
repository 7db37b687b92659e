"""Replies at the same time through one model: they share it, fail apart, stop at once and leave nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from playground.engine.batcher import Batcher, Event
from playground.engine.runner import GivenUpError, never
from playground.errors import BadValueError, ModelError
from playground.records import Reading

STOP = 99


class Counting:
    """A runner whose next token is the number of tokens read so far; it notes what it is asked."""

    def __init__(self, rows: int = 4) -> None:
        self.rows, self.context_length, self.batch, self.alone = rows, 1000, 10, 10
        self.held: list[list[int]] = [[] for _ in range(rows)]
        self.adapter = ""
        self.log: list[tuple[str, Any]] = []
        self.widths: list[tuple[int, int]] = []
        self.fail: Callable[[str, Any], None] = lambda what, about: None

    def length(self, row: int) -> int:
        return len(self.held[row])

    def extend(self, row: int, tokens: Sequence[int], given_up: Callable[[], bool] = never) -> Any:
        self.log.append(("extend", len(tokens)))
        self.fail("extend", tokens)
        self.held[row].extend(tokens)
        return self._scores(row)

    def step(self, tokens: Mapping[int, int], width: int = 0) -> Any:
        self.log.append(("step", len(tokens)))
        self.widths.append((len(tokens), width))
        self.fail("step", tokens)
        for row, token in tokens.items():
            self.held[row].append(token)
        return {row: self._scores(row) for row in tokens}

    def width(self, rows: int) -> int:
        return rows

    def truncate(self, row: int, length: int) -> int:
        del self.held[row][length:]
        return len(self.held[row])

    def copy(self, source: int, target: int, length: int) -> int:
        self.held[target] = self.held[source][:length]
        return length

    def use_adapter(self, name: str) -> None:
        self.log.append(("adapter", name))
        self.adapter = name

    def _scores(self, row: int) -> Any:
        import torch

        return torch.tensor([len(self.held[row]) + (1000 if self.adapter else 0)])


class Next:
    """The score itself is the token."""

    def draw(self, scores: Any) -> int:
        return int(scores[0, 0])


@pytest.fixture
def runner() -> Counting:
    return Counting()


@pytest.fixture
def batcher(runner: Counting) -> Iterator[Batcher]:
    made = Batcher(runner, 3, 10_000, lambda error: (f"It failed: {error}. Try again.", isinstance(error, MemoryError)))
    yield made
    made.close()


def ask(
    batcher: Batcher,
    size: int,
    limit: int = 5,
    stop: threading.Event | None = None,
    adapter: str = "",
    reading: Reading = (),
) -> Any:
    prompt = list(range(2000, 2000 + size))
    ends = frozenset({STOP})
    stop = stop or threading.Event()
    return batcher.reply(prompt, limit, ends, lambda: Next(), stop, adapter, reading=reading)  # type: ignore[arg-type, return-value]


def tokens(events: Sequence[Event]) -> list[int]:
    return [event.token for event in events if event.what == "token"]


def test_a_prompt_is_read_in_pieces_and_answered(batcher: Batcher) -> None:
    events = list(ask(batcher, 25))
    assert [event.count for event in events if event.what == "read"] == [0, 10, 20, 25]
    assert tokens(events) == [25, 26, 27, 28, 29]
    assert (events[-1].what, events[-1].count) == ("length", 5)


def test_an_end_token_ends_it_untold(batcher: Batcher) -> None:
    events = list(ask(batcher, 97, limit=50))
    assert tokens(events) == [97, 98]
    assert (events[-1].what, events[-1].count) == ("stop", 3)


def test_replies_are_written_together(batcher: Batcher, runner: Counting) -> None:
    streams = [ask(batcher, size, limit=30) for size in (11, 12, 13)]
    texts: list[list[int]] = [[], [], []]
    for _ in range(40):
        for text, stream in zip(texts, streams, strict=True):
            event = next(stream, None)
            text += [event.token] if event and event.what == "token" else []
    assert texts == [list(range(size, size + 30)) for size in (11, 12, 13)]
    assert max(count for what, count in runner.log if what == "step") > 1


def test_a_fourth_waits_its_turn(batcher: Batcher) -> None:
    streams = [ask(batcher, size, limit=4) for size in (5, 6, 7)]
    for stream in streams:
        next(stream)
    got: list[Event] = []
    late = threading.Thread(target=lambda: got.extend(ask(batcher, 8, limit=2)))
    late.start()
    assert all(tokens(list(stream)) for stream in streams)
    late.join(10)
    assert tokens(got) == [8, 9]


def test_a_reader_that_does_not_read_holds_its_reply_alone(batcher: Batcher, runner: Counting) -> None:
    idle = ask(batcher, 5, limit=500)
    next(idle)
    assert len(tokens(list(ask(batcher, 6, limit=50)))) == 50
    assert max(map(len, runner.held)) < 100, "nothing is written for nobody"
    idle.close()


def test_stop_ends_it_at_once_and_frees_the_row(batcher: Batcher) -> None:
    for _ in range(10):
        stop = threading.Event()
        events = []
        for event in ask(batcher, 20, limit=500, stop=stop):
            events.append(event)
            if event.what == "token":
                stop.set()
        assert len(tokens(events)) == 1
    assert len(tokens(list(ask(batcher, 9)))) == 5


def test_stop_while_a_long_piece_is_read(batcher: Batcher, runner: Counting) -> None:
    reading, other = threading.Event(), threading.Event()
    usual = runner.extend

    def slow(row: int, tokens: Sequence[int], given_up: Callable[[], bool] = never) -> Any:
        reading.set()
        while not given_up():
            other.wait(0.01)
        raise GivenUpError

    runner.extend = slow  # type: ignore[method-assign]
    stop, got = threading.Event(), []
    thread = threading.Thread(target=lambda: got.extend(ask(batcher, 9, stop=stop)))
    thread.start()
    assert reading.wait(5)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert [event.what for event in got] == ["read"]
    runner.extend = usual  # type: ignore[method-assign]
    assert len(tokens(list(ask(batcher, 9)))) == 5


def test_stop_while_waiting_in_line(batcher: Batcher) -> None:
    streams = [ask(batcher, size, limit=400) for size in (5, 6, 7)]
    for stream in streams:
        next(stream)
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    assert list(ask(batcher, 8, stop=stop)) == []
    for stream in streams:
        stream.close()


def test_a_failed_prompt_ends_its_reply_alone(batcher: Batcher, runner: Counting) -> None:
    other = ask(batcher, 5, limit=20)
    assert [next(other).what for _ in range(3)] == ["read", "read", "token"]

    def fail(what: str, about: Any) -> None:
        if what == "extend":
            raise MemoryError("too much")

    runner.fail = fail
    with pytest.raises(ModelError, match=r"It failed: too much\. Try again\."):
        list(ask(batcher, 7))
    assert tokens(list(other)) == list(range(6, 25))
    runner.fail = lambda what, about: None
    assert tokens(list(ask(batcher, 7))) == [7, 8, 9, 10, 11]


def test_a_failed_step_leaves_the_batcher_working(batcher: Batcher, runner: Counting) -> None:
    def fail(what: str, about: Any) -> None:
        if what == "step":
            raise RuntimeError("broken")

    runner.fail = fail
    with pytest.raises(ModelError, match="broken"):
        list(ask(batcher, 5))
    runner.fail = lambda what, about: None
    events = list(ask(batcher, 5))
    assert tokens(events) == [5, 6, 7, 8, 9]
    assert events[0].count == 0, "what a failed step left is not trusted"


def test_adapters_are_kept_apart(batcher: Batcher, runner: Counting) -> None:
    streams = [ask(batcher, 5, limit=6, adapter=name) for name in ("", "a", "")]
    texts: list[list[int]] = [[], [], []]
    for _ in range(12):
        for text, stream in zip(texts, streams, strict=True):
            event = next(stream, None)
            text += [event.token] if event and event.what == "token" else []
    assert texts == [list(range(5, 11)), list(range(1005, 1011)), list(range(5, 11))]


def test_work_between_steps(batcher: Batcher) -> None:
    names: list[str] = []
    batcher.between(lambda: names.append(threading.current_thread().name))
    assert names == ["batcher"]

    def fail() -> None:
        raise ModelError("No. Do it differently.")

    with pytest.raises(ModelError, match=r"No\. Do it differently\."):
        batcher.between(fail)
    assert tokens(list(ask(batcher, 3, limit=1))) == [3]


def test_closing_ends_what_is_under_way(runner: Counting) -> None:
    before = set(threading.enumerate())  # Engines of other tests may be there still.
    made = Batcher(runner, 3, 10_000, lambda error: (str(error), False))
    stream = ask(made, 5, limit=500)
    next(stream)
    made.close()
    with pytest.raises(ModelError, match="unloaded"):
        list(stream)
    with pytest.raises(ModelError, match="unloaded"):
        list(ask(made, 5))
    assert not any(thread.name == "batcher" for thread in set(threading.enumerate()) - before)


def test_a_reply_is_computed_again_in_the_same_pieces(batcher: Batcher, runner: Counting) -> None:
    assert list(ask(batcher, 25))[-1].reading == ((10, 10, 2), (5, 5, 1), (1, 1, 4))
    reading = list(ask(batcher, 23))[-1].reading
    assert reading == ((10, 10, 2), (5, 2, 1), (1, 1, 5)), "of the last piece two tokens were kept, and one read anew"
    runner.log.clear()
    again = list(ask(batcher, 23, reading=reading))
    assert [count for what, count in runner.log if what == "extend"] == [10, 10, 5, 1]
    assert (tokens(again), again[-1].reading) == ([23, 24, 25, 26, 27], reading)
    with pytest.raises(BadValueError):
        list(ask(batcher, 22, reading=reading))


def test_a_reply_that_was_written_beside_others_is_computed_again_as_that(batcher: Batcher, runner: Counting) -> None:
    reading = ((5, 5, 1), (3, 1, 2), (1, 1, 1))
    others = [ask(batcher, 9, limit=400), ask(batcher, 8, limit=400)]
    for other in others:
        next(other)
    runner.widths.clear()
    events = list(ask(batcher, 5, limit=6, reading=reading))
    assert tokens(events) == [5, 6, 7, 8, 9, 10]
    assert events[-1].reading == ((5, 5, 1), (3, 1, 2), (1, 1, 3)), "what the record does not know of, as the last"
    assert [width for rows, width in runner.widths if rows == 1][:2] == [3, 3], "alone, with the numbers of three"
    for other in others:
        other.close()
