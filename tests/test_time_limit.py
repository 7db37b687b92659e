"""A limit of time for what runs somebody else's code."""

from __future__ import annotations

import threading
import time

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from playground.time_limit import time_limit

LOOPS = "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}"
ENDLESS = ImmutableSandboxedEnvironment().from_string(LOOPS + "{% endfor %}")


def test_a_template_that_does_not_end_is_ended() -> None:
    with pytest.raises(TimeoutError, match=r"more than 0\.2 seconds"), time_limit(0.2):
        ENDLESS.render()


def test_what_is_done_in_time_is_left_alone() -> None:
    before = set(threading.enumerate())
    with time_limit(60):
        said = ImmutableSandboxedEnvironment().from_string("{{ 1 + 1 }}").render()
    assert said == "2"
    left = set(threading.enumerate()) - before
    assert not any(isinstance(one, threading.Timer) and not one.finished.is_set() for one in left)


def test_a_limit_that_is_met_in_the_last_moment_does_not_strike_later() -> None:
    for _ in range(200):
        try:
            with time_limit(0.003):
                time.sleep(0.0028)
        except TimeoutError:
            pass
        assert sum(range(1000)) == 499500


def test_other_errors_come_through() -> None:
    with pytest.raises(ValueError, match="mine"), time_limit(60):
        raise ValueError("mine")
