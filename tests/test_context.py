"""What is fitted into a context: as much as goes in, from the newest backwards, and never silently less."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.context import Prompt, as_turns, check_message, fit, prompt_limit
from playground.engine.base import ModelSource
from playground.engine.echo_engine import EchoEngine
from playground.errors import ContextError
from playground.records import Message, Role, Sampling, Turn

CONTEXT = 100
LIMIT = 75
"""A reply may have a quarter of the context."""


@pytest.fixture(scope="module")
def engine() -> EchoEngine:
    return EchoEngine(ModelSource("echo", Path(), context_length=CONTEXT))


def words(count: int) -> str:
    return " ".join("w" * count)


def message(role: Role, content: str) -> Message:
    return Message("id", "c", None, role, content, "complete", "", 0.0, 0.0)


def talk(*sizes: int) -> list[Message]:
    """Messages of so many words, the user's first."""
    return [message("assistant" if at % 2 else "user", words(size)) for at, size in enumerate(sizes)]


def fitted(engine: EchoEngine, messages: list[Message], system: str = "") -> Prompt:
    return fit(engine, system, messages, Sampling())


def test_room_for_the_reply(engine: EchoEngine) -> None:
    assert prompt_limit(engine, Sampling(max_new_tokens=10)) == 90
    assert prompt_limit(engine, Sampling(max_new_tokens=100_000)) == LIMIT


def test_all_fits(engine: EchoEngine) -> None:
    prompt = fitted(engine, talk(10, 10, 10), "Be brief.")
    assert (prompt.left_out, len(prompt.turns)) == (0, 4)
    assert prompt.turns[0] == Turn("system", "Be brief.")


@pytest.mark.parametrize(("last", "left_out"), [(37, 0), (38, 2)])
def test_exactly_at_the_edge(engine: EchoEngine, last: int, left_out: int) -> None:
    assert fitted(engine, talk(9, 20, last)).left_out == left_out


def test_the_last_message_alone_at_the_edge(engine: EchoEngine) -> None:
    assert fitted(engine, talk(5, 5, LIMIT - 3)).left_out == 2
    check_message(engine, "", words(LIMIT - 3), Sampling())
    for call in (
        lambda: fitted(engine, talk(5, 5, LIMIT - 2)),
        lambda: check_message(engine, "", words(LIMIT - 2), Sampling()),
        lambda: check_message(engine, "x", words(LIMIT - 3), Sampling()),
    ):
        with pytest.raises(ContextError):
            call()


def test_a_half_reply_may_eat_into_the_room(engine: EchoEngine) -> None:
    prompt = fitted(engine, talk(5, 5, 10, 80))
    assert (prompt.left_out, prompt.turns[-1].role) == (2, "assistant")
    with pytest.raises(ContextError) as caught:
        fitted(engine, talk(5, 5, 10, 84))
    assert (caught.value.tokens, caught.value.limit) == (100, 99)


def test_empty_replies_vanish_and_their_questions_are_joined(engine: EchoEngine) -> None:
    messages = [message("user", "one"), message("assistant", ""), message("user", "two")]
    assert fitted(engine, messages).turns == (Turn("user", "one\n\ntwo"),)
    assert as_turns("  \n", []) == ()


HISTORIES = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), max_size=6)


@given(HISTORIES, st.integers(1, 72), st.integers(0, 20))
def test_as_little_as_possible_is_left_out(
    engine: EchoEngine, pairs: list[tuple[int, int]], last: int, system: int
) -> None:
    messages = talk(*[size for pair in pairs for size in pair], last)
    history = [Turn(m.role, m.content) for m in messages]
    prompts = [as_turns(words(system), history[start:]) for start in range(0, len(history), 2)]
    fitting = [at for at, turns in enumerate(prompts) if engine.count_tokens(turns) <= LIMIT]
    if not fitting:
        with pytest.raises(ContextError):
            fitted(engine, messages, words(system))
        return
    prompt = fitted(engine, messages, words(system))
    assert (prompt.turns, prompt.left_out) == (prompts[fitting[0]], 2 * fitting[0])
    assert prompt.tokens == engine.count_tokens(prompt.turns)
    assert [turn.role for turn in prompt.turns if turn.role != "system"][0::2] == ["user"] * (
        (len(prompt.turns) - bool(system) + 1) // 2
    )
