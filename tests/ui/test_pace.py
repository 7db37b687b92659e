"""How often pages are told: one alone ten times a second, many together no more than the cores have time for."""

from __future__ import annotations

import asyncio
import time

from anyio.from_thread import start_blocking_portal

from playground.errors import StorageError
from playground.ui.pace import Pace


def grow(pace: Pace, *pages: object) -> None:
    """So many pages see a reply grow."""
    for page in pages:
        pace.opened(page)
        pace.grows(page)
        pace.grows(page)


def test_one_page_is_told_ten_times_a_second() -> None:
    pace = Pace(1)
    grow(pace, "page")
    assert pace.seconds == 0.1


def test_many_share_what_the_cores_have_time_for() -> None:
    pace = Pace(2)
    grow(pace, *range(8))
    assert pace.seconds == 0.4
    grow(pace, *range(100))
    assert pace.seconds == 0.5


def test_who_waits_for_the_first_word_does_not_wait_for_the_others() -> None:
    pace = Pace(1)
    grow(pace, *range(9))
    pace.opened("another")
    assert pace.is_growing(8)
    assert not pace.is_growing("another")


def test_pages_whose_replies_grow_are_drawn_one_after_the_other_in_one_go() -> None:
    pace, order = Pace(1), list[tuple[str, int]]()
    grow(pace, *range(4))

    def look(page: int) -> int:
        order.append(("began", page))
        time.sleep(0.02)  # Another thread would begin meanwhile.
        order.append(("ended", page))
        if page == 2:
            raise StorageError("It is closed.")
        return page

    async def rounds() -> tuple[list[object], float]:
        found: list[object] = []
        first = time.monotonic()
        for _ in range(3):
            looks = [pace.together(lambda page=page: look(page)) for page in range(4)]
            found = await asyncio.wait_for(asyncio.gather(*looks, return_exceptions=True), 30)
        return found, time.monotonic() - first

    with start_blocking_portal() as portal:
        found, seconds = portal.call(rounds)
    assert (found[:2], found[3], type(found[2])) == ([0, 1], 3, StorageError)
    assert order == [(what, page) for page in range(4) for what in ("began", "ended")] * 3
    assert seconds >= 2 * pace.seconds


def test_a_page_that_is_left_keeps_no_other_waiting() -> None:
    pace, looked = Pace(1), list[str]()
    grow(pace, *range(4))

    async def leave() -> None:
        left = asyncio.ensure_future(pace.together(lambda: looked.append("left")))
        others = [asyncio.ensure_future(pace.together(lambda: looked.append("told"))) for _ in range(3)]
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.wait_for(asyncio.gather(*others), 30)

    with start_blocking_portal() as portal:
        portal.call(leave)
    assert looked == ["told"] * 3


def test_who_has_ended_does_not_count() -> None:
    pace = Pace(1)
    grow(pace, *range(5))
    for page in range(1, 5):
        pace.ended(page)
    pace.ended("never began")
    assert pace.seconds == 0.1


def test_who_was_left_while_it_was_told_does_not_count() -> None:
    pace = Pace(1)
    for page in range(5):
        pace.opened(page)
        pace.left(page)
        pace.grows(page)
    pace.opened("page")
    pace.grows("page")
    assert pace.seconds == 0.1


def test_few_pages_are_told_of_the_model_at_once_and_many_together() -> None:
    pace = Pace(2)
    pace.opened(0)
    pace.opened(1)
    assert pace.calm == 0.0
    for page in range(8):
        pace.opened(page)
        pace.grows(page)
    assert pace.calm == 0.4
    for page in range(8):
        pace.left(page)
    assert (pace.calm, pace.seconds) == (0.0, 0.1)
