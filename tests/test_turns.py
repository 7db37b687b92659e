"""The line for a model: whose turn it is, and what is said to those who wait."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from playground.engine.turns import Ticket, Turns
from playground.paths import open_data_folder
from playground.records import Sampling, Turn
from playground.services import open_services
from playground.settings import Settings
from tests.conftest import wait_for

PEOPLE = st.lists(st.sampled_from(["", "ada", "bo", "cy"]), min_size=1, max_size=40)


def served(tickets: list[Ticket], slots: int) -> list[Ticket]:
    """All of them in the order in which they get the model, each turn as long as the others."""
    turns, line, held, order = Turns(), list(tickets), list[Ticket](), list[Ticket]()
    while line:
        if len(held) == slots:
            turns.end(gone := held.pop(0), line, held)
            assert gone in order
        following = turns.order(line, held)[0]
        line.remove(following)
        held.append(following)
        turns.begin(following)
        order.append(following)
    return order


@given(PEOPLE, st.integers(1, 4))
def test_nobody_waits_for_more_than_one_turn_of_each_other(people: list[str], slots: int) -> None:
    tickets = [Ticket(who=who) for who in people]
    order = served(tickets, slots)
    assert sorted(map(id, order)) == sorted(map(id, tickets))
    for who in set(people):
        mine = [one for one in order if one.who == who]
        assert mine == [one for one in tickets if one.who == who], "one's own are served as they were asked"
        before = Counter(one.who for one in order[: order.index(mine[0])])
        assert all(count <= slots for count in before.values()), (who, before)


GUESTS = st.lists(
    st.tuples(st.sampled_from(["", "link", "other"]), st.sampled_from(["", "ada", "bo", "cy"])), min_size=1, max_size=40
)


@given(GUESTS, st.integers(1, 4))
def test_many_who_share_a_link_have_one_place_and_take_turns_at_it(people: list[tuple[str, str]], slots: int) -> None:
    tickets = [Ticket(who=who, person=person) for who, person in people]
    order = served(tickets, slots)
    assert sorted(map(id, order)) == sorted(map(id, tickets))
    for who in {who for who, _ in people}:
        first = next(at for at, one in enumerate(order) if one.who == who)
        assert all(count <= slots for count in Counter(one.who for one in order[:first]).values())
        theirs = [one.person for one in order if one.who == who]
        for person in set(theirs):
            before = Counter(theirs[: theirs.index(person)])
            assert all(count <= slots for count in before.values()), (who, person, before)
    for pair in set(people):
        mine = [one for one in order if (one.who, one.person) == pair]
        assert mine == [one for one in tickets if (one.who, one.person) == pair]


@given(st.lists(st.sampled_from(["ada", "bo", "cy"]), min_size=1, max_size=4), st.booleans())
def test_who_asks_again_and_again_does_not_come_before_who_waits(again: list[str], shared: bool) -> None:
    def ticket(name: str) -> Ticket:
        return Ticket(who="link", person=name) if shared else Ticket(who=name)

    turns, line, before = Turns(), [ticket("patient"), ticket("patient"), *map(ticket, again)], 0
    patient = line[0]
    while patient in line:  # Its second: the first has had its turn.
        following = turns.order(line, [])[0]
        line.remove(following)
        turns.begin(following)
        patient = next((one for one in line if "patient" in (one.who, one.person)), following)
        turns.end(following, line, [])
        if "patient" not in (following.who, following.person):
            line.append(ticket(following.person or following.who))
            before += 1
        assert before <= 2 * len(again), "it never gets its turn"


@given(PEOPLE, st.integers(0, 39))
def test_nobody_passes_who_wants_it_alone(people: list[str], place: int) -> None:
    line = [Ticket(who=who) for who in people]
    alone = Ticket(exclusive=True)
    line.insert(place % len(people), alone)
    order = Turns().order(line, [])
    assert order.index(alone) == line.index(alone)
    assert set(order[: order.index(alone)]) == set(line[: line.index(alone)])


def test_who_waits_is_told_how_many_come_first_and_how_long_that_takes() -> None:
    turns, held = Turns(), Ticket(who="ada")
    line = [Ticket(who="ada"), Ticket(who="ada"), Ticket(who="bo")]
    turns.begin(held)
    first = turns.wait(line[2], line, [held], 1)
    assert first is not None
    assert (first.before, first.seconds) == (0, None)
    held.began -= 8
    turns.end(held, line, [])
    told = turns.wait(line[1], line, [Ticket()], 2)
    assert told is not None
    assert told.before == 2
    assert told.seconds is not None
    assert 12 <= told.seconds < 13
    assert turns.wait(held, line, [], 1) is None
    assert turns.wait(line[0], line, [], 1) is None, "it waits for the model, not for others"


def test_people_who_have_gone_are_forgotten() -> None:
    turns = Turns()
    for number in range(1000):
        ticket = Ticket(who=f"guest {number}")
        turns.begin(ticket)
        turns.end(ticket, [], [])
    assert not turns.last


def test_a_guest_comes_before_the_tenth_of_the_owners(tmp_path: Path) -> None:
    services = open_services(Settings(engine="echo", model="echo@20"), open_data_folder(str(tmp_path)))
    services.manager.load()
    order, stop = list[str](), threading.Event()

    def ask(who: str, words: str) -> None:
        with services.manager.lease(stop, ticket=Ticket(who=who)) as lease:
            order.append(who)
            for _ in lease.stream([Turn("user", words)], Sampling(), stop):
                pass

    threads = [threading.Thread(target=ask, args=["", "/tokens 4"]) for _ in range(8)]
    try:
        for thread in threads:
            thread.start()
        wait_for(lambda: services.manager.state.waiting == 7, what="the line")
        guest = threading.Thread(target=ask, args=["ada", "hello"])
        guest.start()
        threads.append(guest)
        for thread in threads:
            thread.join()
    finally:
        services.close()
    assert order.index("ada") <= 2, order


@given(PEOPLE, PEOPLE)
def test_what_nobody_waits_for_comes_last(people: list[str], others: list[str]) -> None:
    line = [Ticket(who=who, spare=spare) for spare, group in ((True, others), (False, people)) for who in group]
    order = Turns().order(line, [])
    assert [one.spare for one in order] == [False] * len(people) + [True] * len(others)
