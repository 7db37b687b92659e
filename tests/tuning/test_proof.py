"""Proof: questions that were held out, duels whose order is hidden, an honest interval of the votes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.engine.lease import LeaseCancelled
from playground.errors import BadValueError, MissingError
from playground.records import Turn
from playground.services import Services
from playground.store.training_values import Duel, Vote
from playground.tuning.proof import duel, examples, lens, prompts, replies, tally, unasked, vote
from playground.tuning.samples import Sample
from tests.tuning.finished import lay, services_in
from tests.tuning.tiny import chats, preferences, texts


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with services_in(tmp_path / "data") as made:
        yield made


def duels(*votes: Vote) -> list[Duel]:
    return [Duel(number, "p", "b", "a", "base", one) for number, one in enumerate(votes)]


def test_the_interval_is_wilsons() -> None:
    won, lost = duels("adapter") * 7, duels("base") * 3
    found = tally([*won, *lost])
    assert found is not None
    assert (found.wins, found.losses, found.ties) == (7, 3, 0)
    # Newcombe 1998, method 3: 7 of 10.
    assert (round(found.rate, 3), round(found.low, 3), round(found.high, 3)) == (0.7, 0.397, 0.892)
    assert tally(duels("", "")) is None


@given(st.lists(st.sampled_from(["", "base", "adapter", "tie"]), min_size=1, max_size=60))
def test_it_holds_the_rate_and_is_the_same_from_either_side(votes: list[Vote]) -> None:
    found = tally(duels(*votes))
    if found is None:
        assert not any(votes)
        return
    assert 0 <= found.low <= found.rate <= found.high <= 1
    turned: dict[Vote, Vote] = {"base": "adapter", "adapter": "base", "tie": "tie", "": ""}
    other = tally(duels(*(turned[one] for one in votes)))
    assert other is not None
    assert other.low == pytest.approx(1 - found.high)


def test_questions_are_those_held_out_with_their_replies(services: Services) -> None:
    run = lay(services, heldout=[*chats(2, 100), *preferences(1, 300), *texts(1, 5)])
    found = dict(examples(services.trainings, run))
    assert found["Say 100."] == chats(1, 100)[0].messages[1].content
    assert found["Say 300."] == preferences(1, 300)[0].chosen
    assert len(found) == 4
    assert prompts(services.trainings, run, 2) == prompts(services.trainings, run, 2)
    assert len(prompts(services.trainings, run, 2)) == 2


def test_a_conversation_without_a_question_is_passed_over(services: Services) -> None:
    said = Sample("chat", 1, (Turn("system", "Be short."), Turn("assistant", "Yes.")), (False, True))
    run = lay(services, heldout=[said, *chats(1, 100)])
    assert prompts(services.trainings, run) == ["Say 100."]


def test_both_answer_the_same(services: Services) -> None:
    run = lay(services)
    told: list[int] = []
    base, mine = replies(services.trainings, run, "Hello there", threading.Event(), told.append)
    assert (base, mine) == ("You said: Hello there", "You said (Harbour): Hello there")
    assert told == [0, 1]
    with pytest.raises(BadValueError, match="prompt is empty"):
        replies(services.trainings, run, " \n", threading.Event())


def test_a_stop_ends_it(services: Services) -> None:
    run, stop = lay(services), threading.Event()
    stop.set()
    with pytest.raises(LeaseCancelled):
        duel(services.trainings, run, "Hello", stop)
    assert not services.trainings.store.duels(run)


def test_votes_count_for_what_was_shown_there(services: Services) -> None:
    service, run = services.trainings, lay(services)
    for prompt in list(unasked(service, run)):
        number = duel(service, run, prompt, threading.Event())
        vote(service, run, number, "first")
    found = service.store.duels(run)
    assert [one.vote for one in found] == [one.first for one in found]
    assert not unasked(service, run)
    last = duel(service, run, "Own", threading.Event())
    vote(service, run, last, "second")
    assert {service.store.duels(run)[-1].vote, service.store.duels(run)[-1].first} == {"base", "adapter"}
    with pytest.raises(BadValueError, match="Choose first, second or tie"):
        vote(service, run, last, "third")
    with pytest.raises(MissingError, match="do not exist"):
        vote(service, run, last + 1, "first")


def test_the_order_is_neither_always_the_same_nor_chance(services: Services) -> None:
    service, run = services.trainings, lay(services)
    for number in range(16):
        duel(service, run, f"Question {number}", threading.Event())
    assert {one.first for one in service.store.duels(run)} == {"base", "adapter"}
    assert service.store.duels(run) == service.store.duels(run)


def test_an_adapter_that_was_taken_away_is_given_back(services: Services) -> None:
    service, run = services.trainings, lay(services)
    services.manager.detach("echo", "Harbour")
    with pytest.raises(MissingError, match="not attached"):
        replies(service, run, "Hello", threading.Event())
    assert service.adapter(run) == ("echo", "Harbour")
    assert replies(service, run, "Hello", threading.Event())[1].startswith("You said (Harbour)")


def test_without_an_adapter_it_says_so(services: Services) -> None:
    run = lay(services, status="failed")
    for work in (
        lambda: services.trainings.adapter(run),
        lambda: lens(services.trainings, run, "Hello", "there"),
    ):
        with pytest.raises(MissingError, match="no adapter yet"):
            work()
