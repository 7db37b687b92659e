"""Who is let in: streams beside each other, a change when nobody is there, a replay in a quiet moment that it finds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest

from playground.engine.llamacpp_gate import Gate


class Guest:
    """Enters in a thread of its own, and stays until told to leave."""

    def __init__(self, way: AbstractContextManager[object]) -> None:
        self.inside, self.leave, self.got = threading.Event(), threading.Event(), list[object]()
        self.thread = threading.Thread(target=self._visit, args=(way,))
        self.thread.start()

    def _visit(self, way: AbstractContextManager[object]) -> None:
        with way as got:
            self.got.append(got)
            self.inside.set()
            self.leave.wait(20)

    def gone(self) -> None:
        self.leave.set()
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_streams_go_beside_each_other(gate: Gate) -> None:
    guests = [Guest(gate.open(threading.Event())) for _ in range(3)]
    assert all(guest.inside.wait(5) for guest in guests)
    for guest in guests:
        guest.gone()


def test_a_change_waits_for_all_and_holds_up_all(gate: Gate) -> None:
    stream, look = Guest(gate.open(threading.Event())), Guest(gate.look())
    assert stream.inside.wait(5)
    assert look.inside.wait(5)
    change = Guest(gate.alone())
    late = Guest(gate.open(threading.Event()))
    stream.gone()
    assert not change.inside.wait(0.2)
    look.gone()
    assert change.inside.wait(5)
    assert not late.inside.is_set()
    change.gone()
    assert late.inside.wait(5)
    late.gone()


def test_a_replay_waits_for_a_quiet_moment_and_holds_up_nobody_until_then(gate: Gate) -> None:
    stream = Guest(gate.open(threading.Event()))
    assert stream.inside.wait(5)
    replay = Guest(gate.quiet(threading.Event()))
    other = Guest(gate.open(threading.Event()))
    assert other.inside.wait(5), "one that comes later is not held up"
    stream.gone()
    assert not replay.inside.wait(0.2)
    other.gone()
    assert replay.inside.wait(5)
    late, look = Guest(gate.open(threading.Event())), Guest(gate.look())
    assert look.inside.wait(5), "what needs no computing goes on"
    assert not late.inside.wait(0.2)
    (let_in,) = replay.got
    assert callable(let_in)
    let_in()
    assert late.inside.wait(5)
    for guest in (replay, late, look):
        guest.gone()
    with gate.alone():
        pass


def test_stop_ends_the_wait_and_leaves_nothing_behind(gate: Gate) -> None:
    stop = threading.Event()
    stream = Guest(gate.open(threading.Event()))
    assert stream.inside.wait(5)
    replay = Guest(gate.quiet(stop))
    assert not replay.inside.wait(0.3)
    stop.set()
    assert replay.inside.wait(5)
    assert replay.got == [None]
    replay.gone()
    late = Guest(gate.open(threading.Event()))
    assert late.inside.wait(5)
    late.gone()
    stream.gone()


def test_prompts_are_read_one_after_the_other(gate: Gate) -> None:
    first = Guest(gate.reads(threading.Event()))
    assert first.inside.wait(5)
    stop = threading.Event()
    second, stopped = Guest(gate.reads(threading.Event())), Guest(gate.reads(stop))
    assert not second.inside.wait(0.2)
    stop.set()
    assert stopped.inside.wait(5), "one that is to stop does not wait"
    stopped.gone()
    assert not second.inside.is_set()
    (done,) = first.got
    assert callable(done)
    done()
    assert second.inside.wait(5)
    first.gone()
    second.gone()
