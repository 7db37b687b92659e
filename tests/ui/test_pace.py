"""How often pages are told: one alone ten times a second, many together no more than the cores have time for."""

from __future__ import annotations

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
    assert pace.seconds("page") == 0.1


def test_many_share_what_the_cores_have_time_for() -> None:
    pace = Pace(2)
    grow(pace, *range(8))
    assert pace.seconds(3) == 0.4
    grow(pace, *range(100))
    assert pace.seconds(3) == 0.5


def test_who_waits_for_the_first_word_is_not_kept_waiting() -> None:
    pace = Pace(1)
    grow(pace, *range(9))
    assert pace.seconds("another") == 0.1


def test_who_has_ended_does_not_count() -> None:
    pace = Pace(1)
    grow(pace, *range(5))
    for page in range(1, 5):
        pace.ended(page)
    pace.ended("never began")
    assert pace.seconds(0) == 0.1


def test_who_was_left_while_it_was_told_does_not_count() -> None:
    pace = Pace(1)
    for page in range(5):
        pace.opened(page)
        pace.left(page)
        pace.grows(page)
    pace.opened("page")
    pace.grows("page")
    assert pace.seconds("page") == 0.1


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
    assert (pace.calm, pace.seconds(0)) == (0.0, 0.1)
