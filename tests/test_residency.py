"""The books of the model manager, for any set of models: who may leave, and that what is promised then fits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from playground.engine.base import LoadOptions
from playground.engine.residency import Residency, Resident
from playground.engine.turns import Ticket

NEED = st.dictionaries(st.sampled_from(["cpu", "cuda:0"]), st.integers(0, 60), min_size=1)


@st.composite
def books(draw: st.DrawFn) -> Residency:
    """Up to five models of any size, idle, used, waited for, or still on their way, within a budget."""
    made = Residency({"cpu": 0, "cuda:0": 0})
    for number in range(draw(st.integers(0, 5))):
        resident = Resident(f"model {number}", LoadOptions(), "echo", reserved=draw(NEED))
        resident.phase = draw(st.sampled_from(["ready", "ready", "ready", "loading", "failed"]))
        resident.held = [Ticket()] * draw(st.integers(0, 1))
        resident.guests = draw(st.integers(0, 1))
        resident.line = [Ticket()] * draw(st.integers(0, 1))
        resident.served = draw(st.booleans())
        resident.last_used = draw(st.floats(0, 100))
        made.residents[resident.name] = resident
    made.budget = {device: made.used(device) + draw(st.integers(0, 60)) for device in made.budget}
    return made


@given(books(), NEED, st.integers(0, 60))
def test_who_leaves_is_idle_and_enough(books: Residency, need: dict[str, int], free: int) -> None:
    available = {"cpu": free, "cuda:0": free}
    leaving = books.victims("new", need, available)
    able = [one for one in books.residents.values() if one.phase == "ready" and not one.in_use]
    able = [one for one in able if one.served or not one.line]
    if leaving is None:
        assert books.lacking(need, available, able) > 0, "nobody leaves although it would be enough"
        return
    assert all(one in able for one in leaving)
    assert books.lacking(need, available, leaving) == 0
    if leaving:
        assert books.lacking(need, available, leaving[:-1]) > 0, "one more than must"
    for one in leaving:
        books.residents.pop(one.name)
    assert all(books.used(device) + size <= books.budget[device] for device, size in need.items())


@given(books(), NEED, st.integers(0, 60))
def test_waiting_for_those_in_use_helps_or_nothing_does(books: Residency, need: dict[str, int], free: int) -> None:
    available = {"cpu": free, "cuda:0": free}
    now = books.victims("new", need, available)
    later = books.victims("new", need, available, even_in_use=True)
    if now is not None:
        assert later is not None
    if later is not None:
        assert all(one.phase == "ready" for one in later)


@given(books())
def test_the_idle_are_neither_used_nor_waited_for(books: Residency) -> None:
    for resident in books.idle_for(0.0):
        assert (resident.phase, resident.in_use, resident.line) == ("ready", False, [])
