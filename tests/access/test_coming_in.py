"""Attempts, sessions and quotas, by a clock of the test's own."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.access.quota import Quota, QuotaError
from playground.access.sessions import Sessions
from playground.access.throttle import Throttle
from playground.store.access_values import Limits, Person


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def guest(name: str = "Ada", by: str = "link") -> Person:
    return Person("guest", name, name, ("chat",), Limits(), by)


def test_of_a_hundred_wrong_attempts_few_are_looked_at() -> None:
    clock, looked = Clock(), 0
    throttle = Throttle(5, 900.0, clock)
    for _ in range(100):
        if not throttle.wait("1.2.3.4", "Ada"):
            looked += 1
            throttle.failed("1.2.3.4", "Ada")
        clock.now += 1
    assert looked == 5
    assert throttle.wait("1.2.3.4") > 0
    assert throttle.wait("Ada") > 0, "from elsewhere, too"
    assert throttle.wait("5.6.7.8", "Bob") == 0.0
    clock.now += 900
    assert throttle.wait("1.2.3.4", "Ada") == 0.0


def test_who_comes_in_begins_anew() -> None:
    throttle = Throttle(5, 900.0, Clock())
    for _ in range(4):
        throttle.failed("a")
    throttle.right("a")
    throttle.failed("a")
    assert throttle.wait("a") == 0.0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 400)), max_size=60))
def test_no_window_holds_more_failures_than_allowed(attempts: list[tuple[str, float]]) -> None:
    clock, seen = Clock(), []
    throttle = Throttle(5, 900.0, clock)
    for key, pause in attempts:
        clock.now += pause
        if not throttle.wait(key):
            throttle.failed(key)
            seen.append((key, clock.now))
    for key, at in seen:
        assert sum(one == key and at <= then < at + 900 for one, then in seen) <= 5


def test_a_session_ends_with_its_time_by_idleness_or_when_it_is_shown_out() -> None:
    clock, left = Clock(), []
    sessions = Sessions(clock, lambda person: left.append(person.name))
    short, long, out = (
        sessions.begin(guest(name), clock.now + seconds) for name, seconds in (("Ada", 60), ("Bob", 1e9), ("Eve", 1e9))
    )
    assert len({short, long, out}) == 3
    found = sessions.find(short)
    assert found is not None
    assert found.person.name == "Ada"
    assert sessions.find("x" + short) is None
    assert short not in repr(sessions.all()), "only its hash is known"
    clock.now += 60
    assert sessions.find(short) is None
    assert sessions.end(lambda one: one.person.name == "Eve") == 1
    assert sessions.find(out) is None
    assert [one.person.name for one in sessions.all()] == ["Bob"]
    clock.now += 13 * 3600
    assert sessions.find(long) is None
    sessions.sweep()
    assert sorted(left) == ["Ada", "Bob", "Eve"]


def test_so_much_an_hour_and_so_much_at_once() -> None:
    clock = Clock()
    quota = Quota(Limits(requests_per_hour=3, tokens_per_hour=100, concurrent=2), clock)
    with quota.work(), quota.work():
        with pytest.raises(QuotaError, match="at work already"), quota.work():
            pass
        assert quota.used() == (2, 0, 2)
    with quota.work():
        quota.spend(10)
    with pytest.raises(QuotaError, match="3 requests an hour") as refused, quota.work():
        pass
    assert refused.value.seconds == pytest.approx(3600)
    clock.now += 3601
    with quota.work():
        quota.spend(100)
    clock.now += 600
    with pytest.raises(QuotaError, match=r"100 tokens an hour are used up\. Try again in 50 minutes"), quota.work():
        pass
    assert quota.used() == (1, 100, 0)


def test_nothing_at_all_is_no_division_by_zero() -> None:
    quota = Quota(Limits(requests_per_hour=0, tokens_per_hour=0, concurrent=1), Clock())
    with pytest.raises(QuotaError), quota.work():
        pass


def test_places_come_back_from_many_threads() -> None:
    quota, refused = Quota(Limits(requests_per_hour=10_000, concurrent=3)), []

    def work() -> None:
        for _ in range(50):
            try:
                with quota.work():
                    pass
            except QuotaError as error:
                refused.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert quota.used()[2] == 0
    assert quota.used()[0] + len(refused) == 400
