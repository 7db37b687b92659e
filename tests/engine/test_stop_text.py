"""StopText gives what a search through the whole text would give, however the text comes in pieces."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from playground.engine.base import StopText

# Two letters and short stops, so that near misses and overlaps are the rule.
TEXT = st.text("ab", max_size=30)
STOP = st.text("ab", min_size=1, max_size=5)


def cut_up(text: str, places: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[start:end] for start, end in pairwise(edges)]


def run(pieces: list[str], stops: list[str]) -> tuple[str, bool]:
    cut = StopText(stops)
    shown = "".join(cut.push(piece) for piece in pieces)
    return shown + cut.flush(), cut.found


def up_to_first(text: str, stops: list[str]) -> tuple[str, bool]:
    found = [at for at in (text.find(stop) for stop in stops) if at >= 0]
    return (text[: min(found)], True) if found else (text, False)


@given(TEXT, STOP, st.lists(st.integers(0, 30)))
def test_one_stop_string(text: str, stop: str, places: list[int]) -> None:
    assert run(cut_up(text, places), [stop]) == up_to_first(text, [stop])


@given(
    TEXT,
    # Where one stop lies inside another, "the first" has two meanings; see the test below.
    st.lists(STOP, max_size=4).filter(lambda stops: not any(a is not b and a in b for a in stops for b in stops)),
    st.lists(st.integers(0, 30)),
)
def test_several_stop_strings(text: str, stops: list[str], places: list[int]) -> None:
    assert run(cut_up(text, places), stops) == up_to_first(text, stops)


def test_stops_inside_one_another_do_not_depend_on_the_pieces() -> None:
    assert run(["abcd"], ["abcd", "bc"]) == run(list("abcd"), ["abcd", "bc"])


@given(TEXT, STOP, st.lists(st.integers(0, 30)))
def test_nothing_is_shown_that_could_begin_a_stop(text: str, stop: str, places: list[int]) -> None:
    cut = StopText([stop])
    shown = ""
    for piece in cut_up(text, places):
        shown += cut.push(piece)
        assert stop not in shown
        assert text.startswith(shown)


def test_nothing_comes_after_a_stop() -> None:
    cut = StopText(["END"])
    assert [cut.push(piece) for piece in ("one E", "ND two", "three")] == ["one ", "", ""]
    assert cut.flush() == ""


def test_what_was_held_back_comes_at_the_end() -> None:
    cut = StopText(["END"])
    assert cut.push("the EN") == "the "
    assert cut.flush() == "EN"
    assert not cut.found


def test_without_stops_everything_passes() -> None:
    assert run(["a", "", "b"], []) == ("ab", False)
