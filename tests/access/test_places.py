"""Guests of one link: so much at a time for each, so much for all of them, and one place in the line for a model."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.access.borrowed import BorrowedManager
from playground.access.places import CROWD, Places
from playground.access.quota import _MANY, Quota, QuotaError, Quotas
from playground.engine.lease import LeaseCancelled
from playground.services import Services
from playground.store.access_values import Limits
from tests.access.owning import owning
from tests.conftest import wait_for


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with owning(tmp_path / "data", "echo@40") as made:
        yield made


class Crowd:
    """Threads that hold something until they are let go, one after the other."""

    def __init__(self) -> None:
        self.held: list[str] = []
        self.order: list[str] = []
        self.stops: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []
        self._go: dict[str, threading.Event] = {}

    def add(self, name: str, hold: contextlib.AbstractContextManager[object], stop: threading.Event) -> None:
        self.stops[name], self._go[name] = stop, threading.Event()

        def work() -> None:
            with contextlib.suppress(LeaseCancelled), hold as held:
                if held is False:
                    return
                self.held.append(name)
                self.order.append(name)
                self._go[name].wait(30)
                self.held.remove(name)

        self._threads.append(threading.Thread(target=work))
        self._threads[-1].start()

    def has_had(self, turns: int) -> bool:
        return len(self.order) >= turns

    def let_go(self, name: str) -> None:
        self._go[name].set()

    def end(self) -> None:
        for one in (*self.stops.values(), *self._go.values()):
            one.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    made = Crowd()
    yield made
    made.end()


def test_of_a_link_four_times_as_many_are_at_work_as_of_one_person(services: Services, crowd: Crowd) -> None:
    quota = Quota(Limits(concurrent=1), who="link")
    guests = [BorrowedManager(services.manager, quota, f"guest {number}") for number in range(6)]
    for number, guest in enumerate(guests):
        for time in range(2):
            stop = threading.Event()
            crowd.add(f"{number}.{time}", guest.lease(stop), stop)
    wait_for(lambda: quota.used()[2] == CROWD, what="a full link")
    state = services.manager.state
    assert state.writing + state.waiting == CROWD
    other = BorrowedManager(services.manager, Quota(Limits(concurrent=1), who="account"), "account")
    stop = threading.Event()
    crowd.add("account", other.lease(stop), stop)
    wait_for(lambda: services.manager.state.waiting == CROWD, what="the account in line")
    crowd.let_go(crowd.order[0])
    wait_for(lambda: len(crowd.order) == 2, what="the next turn")
    assert crowd.order[1] == "account", "a link has one place in the line, however many came in by it"
    for turn in range(2, 6):
        crowd.let_go(crowd.order[-1])
        wait_for(partial(crowd.has_had, turn + 1), what="the next turn")
    served = [one.partition(".")[0] for one in crowd.order if one != "account"]
    assert len(set(served)) == len(served) == 5, "and take turns at it"


def test_a_place_is_waited_for_until_a_stop_and_given_back(crowd: Crowd) -> None:
    places, one, two = Places(), threading.Event(), threading.Event()
    crowd.add("first", places.hold("ada", one, lambda: 1), one)
    wait_for(lambda: places.taken() == 1)
    crowd.add("second", places.hold("ada", two, lambda: 1), two)
    wait_for(lambda: len(places._line) == 1)
    two.set()
    wait_for(lambda: not places._line, what="an empty line")
    crowd.let_go("first")
    wait_for(lambda: places.taken() == 0)
    assert crowd.order == ["first"]
    with places.hold("ada", threading.Event(), lambda: 1) as held:
        assert held
    assert not places._turns.last


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=24), st.integers(1, 3))
def test_everybody_gets_a_place_and_nobody_too_many(people: list[str], each: int) -> None:
    places, lock, now, most = Places(), threading.Lock(), Counter[str](), Counter[str]()

    def work(who: str) -> None:
        with places.hold(who, threading.Event(), lambda: each) as held:
            assert held
            with lock:
                now[who] += 1
                most[who] = max(most[who], now[who])
                most["all"] = max(most["all"], now.total())
            with lock:
                now[who] -= 1
            done.append(who)

    done: list[str] = []
    threads = [threading.Thread(target=work, args=[who]) for who in people]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert Counter(done) == Counter(people)
    assert most.pop("all") <= CROWD * each
    assert all(count <= each for count in most.values())
    assert places.taken() == 0


def test_where_nothing_is_allowed_nobody_waits() -> None:
    quota = Quota(Limits(concurrent=0))
    with pytest.raises(QuotaError, match="at work already"):
        quota.place("ada", threading.Event())
    with pytest.raises(QuotaError, match="waits already"):
        quota.begin("ada")


def test_what_is_begun_is_counted_for_each_and_for_all() -> None:
    quota = Quota(Limits(concurrent=2))
    ends = [quota.begin("ada") for _ in range(CROWD * 2)]
    with pytest.raises(QuotaError, match="waits already") as refused:
        quota.begin("ada")
    assert refused.value.seconds > 0
    quota.begin("bo")
    ends[0]()
    ends[0]()
    quota.begin("ada")
    with pytest.raises(QuotaError):
        quota.begin("ada")
    for number in range(200):
        with contextlib.suppress(QuotaError):
            quota.begin(f"guest {number}")
    assert len(quota._begun) == 100


def test_a_quota_that_is_held_is_the_same_for_ever() -> None:
    quotas = Quotas()
    page = quotas.of("link", Limits())
    for number in range(3 * _MANY):
        quotas.of(f"other {number}", Limits())
    again = quotas.of("link", Limits(concurrent=7))
    assert again is page
    assert page.limits.concurrent == 7
    gc.collect()
    assert len(quotas.all()) <= _MANY + 1, "those whom nobody holds are forgotten"
    quotas.of("busy", Limits()).spend(5)
    for number in range(3 * _MANY):
        quotas.of(f"another {number}", Limits())
    assert quotas.of("busy", Limits()).used()[1] == 5
    quotas.end("link")
    assert page.ended.is_set()
    assert quotas.of("link", Limits()) is not page
