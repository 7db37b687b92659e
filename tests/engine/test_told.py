"""Scores of tokens come out with the text that was shown of them, whatever is held back, cut off or comes late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from playground.engine.base import StopText
from playground.engine.told import Told
from playground.records import TokenScore

PIECES = st.lists(st.text("ab天😀 ", max_size=3), max_size=12)


def score(text: str, number: int = 0) -> TokenScore:
    return TokenScore(text, number, -1.0, ())


@given(PIECES, st.lists(st.text("ab天", min_size=1, max_size=3), max_size=2), st.booleans())
def test_they_make_up_what_is_shown(pieces: list[str], stops: list[str], flushed: bool) -> None:
    told, cut = Told(), StopText(stops)
    text, tokens, pushed = "", list[TokenScore](), 0
    for number, piece in enumerate(pieces):
        told.push(score(piece, number))
        pushed += 1
        shown = cut.push(piece)
        text += shown
        given_now = told.shown(shown)
        tokens += given_now
        assert not given_now or given_now[-1].text, "those without text wait for one that has some"
        assert text.startswith("".join(token.text for token in tokens))
        if cut.found:
            break
    rest = cut.flush() if flushed else ""
    tokens += told.last(rest)
    assert "".join(token.text for token in tokens) == text + rest
    assert [token.id for token in tokens] == list(range(pushed)), "each once, in order"


def test_half_a_character_waits_for_the_other_half() -> None:
    told = Told()
    told.push(score("", 1))
    assert told.shown("") == ()
    told.push(score("天", 2))
    assert told.shown("天") == (score("", 1), score("天", 2))


def test_text_that_becomes_certain_at_the_end_is_the_last_tokens() -> None:
    told = Told()
    told.push(score("a", 1))
    assert told.shown("a") == (score("a", 1),)
    told.push(score("", 2))
    assert told.last("b") == (score("b", 2),)


def test_without_scores_there_is_nothing_to_tell() -> None:
    told = Told()
    assert told.shown("abc") == ()
    assert told.last("d") == ()
