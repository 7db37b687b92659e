"""Whoever is shut out while they come in is out; guessing many at a time is no faster; no link takes all places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from playground.access import hashing
from playground.access.hashing import hashed_password
from playground.access.sharing import Sharing
from playground.access.throttle import Throttle
from playground.door import entering
from playground.door.entering import Entered, Entrance, WaitError
from playground.errors import BadValueError, BusyError, PlaygroundError
from playground.store.access_values import ROOMS, Limits

PASSWORD = "a long enough password"


@pytest.fixture
def sharing(tmp_path: Path) -> Iterator[Sharing]:
    made = Sharing(tmp_path)
    yield made
    made.close()
    made.access.close()


@pytest.fixture
def entrance(sharing: Sharing) -> Entrance:
    return Entrance(sharing, Throttle())


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let it happen while a password is looked at."""

    def looked_at(kept: str | None, password: str) -> bool:
        right = hashing.is_password(kept, password)
        happens()
        return right

    monkeypatch.setattr(entering, "is_password", looked_at)


def link(sharing: Sharing, password: str = "", **limits: int) -> tuple[str, str]:
    return sharing.invite("x", ROOMS, Limits(**limits), 3600, password)


@pytest.mark.parametrize("what", ["revoke", "stop all"])
def test_a_guest_who_is_shut_out_while_they_come_in(
    sharing: Sharing, entrance: Entrance, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    link_id, secret = link(sharing, PASSWORD)
    meanwhile(monkeypatch, sharing.close if what == "stop all" else lambda: sharing.revoke(link_id))
    with pytest.raises(BadValueError):
        entrance.enter("1.2.3.4", secret, "Ada", PASSWORD)
    assert not sharing.inside()


@pytest.mark.parametrize("what", ["disable", "password", "delete"])
def test_an_account_that_is_shut_out_while_it_comes_in(
    sharing: Sharing, entrance: Entrance, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    account = sharing.access.add_account("Ada", hashed_password(PASSWORD), Limits())
    book = sharing.access
    meanwhile(
        monkeypatch,
        {
            "disable": lambda: book.change_account(account, disabled=True),
            "password": lambda: book.change_account(account, password_hash=hashed_password("another long password")),
            "delete": lambda: book.delete_account(account),
        }[what],
    )
    with pytest.raises(PlaygroundError):
        entrance.enter("1.2.3.4", "", "Ada", PASSWORD)
    assert not sharing.inside()


def test_who_got_in_nevertheless_is_shown_out_soon(sharing: Sharing, entrance: Entrance) -> None:
    account = sharing.access.add_account("Ada", hashed_password(PASSWORD), Limits())
    link_id, secret = link(sharing)
    entrance.enter("1.2.3.4", "", "Ada", PASSWORD)
    entrance.enter("1.2.3.4", secret, "Bob", "")
    sharing.tidy()
    assert len(sharing.inside()) == 2
    sharing.access.change_account(account, disabled=True)
    sharing.access.revoke_link(link_id)
    sharing.tidy()
    assert not sharing.inside()


def test_many_wrong_ones_at_a_time(sharing: Sharing, entrance: Entrance, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Counter[str]()
    meanwhile(monkeypatch, lambda: looked.update(["one"]))
    sharing.access.add_account("Ada", hashed_password(PASSWORD), Limits())

    def guess(number: int) -> str:
        try:
            entrance.enter("1.2.3.4", "", "Ada", f"wrong password {number}")
        except WaitError:
            return "early"
        except BadValueError:
            return "wrong"
        return "in"

    with ThreadPoolExecutor(20) as pool:
        assert Counter(pool.map(guess, range(100))) == {"early": 95, "wrong": 5}
    assert looked["one"] == 5


def test_a_right_one_does_not_make_room_for_more_wrong_ones(sharing: Sharing, entrance: Entrance) -> None:
    _, secret = link(sharing)
    for number in range(4):
        with pytest.raises(BadValueError):
            entrance.enter("1.2.3.4", "", f"nobody {number}", "wrong")
    assert entrance.enter("1.2.3.4", secret, "Ada", "").cookie
    with pytest.raises(BadValueError):
        entrance.enter("1.2.3.4", "", "nobody 5", "wrong")
    with pytest.raises(WaitError):
        entrance.enter("1.2.3.4", "", "nobody 6", "wrong")


def test_one_customer_of_ipv6_is_one(entrance: Entrance) -> None:
    for number in range(5):
        with pytest.raises(BadValueError):
            entrance.enter(f"2001:db8::{number}", "", f"name {number}", "wrong")
    with pytest.raises(WaitError):
        entrance.enter("2001:db8::ffff", "", "name", "wrong")
    with pytest.raises(BadValueError):
        entrance.enter("2001:db8:0:1::1", "", "another name", "wrong")


def test_one_link_does_not_take_all_places(sharing: Sharing, entrance: Entrance) -> None:
    _, secret = link(sharing)
    others = [link(sharing)[1] for _ in range(3)]
    for number in range(100):
        entrance.enter("1.2.3.4", secret, f"guest {number}", "")
    with pytest.raises(BusyError, match="Too many people"):
        entrance.enter("1.2.3.4", secret, "one more", "")
    for number in range(80):
        entrance.enter("1.2.3.4", others[number % 3], "another", "")
    with pytest.raises(BusyError):
        entrance.enter("1.2.3.4", others[0], "one more", "")
    sharing.access.add_account("Ada", hashed_password(PASSWORD), Limits())
    assert entrance.enter("1.2.3.4", "", "Ada", PASSWORD).cookie


def test_coming_in_counts(sharing: Sharing, entrance: Entrance) -> None:
    _, secret = link(sharing, requests_per_hour=3)
    for _ in range(3):
        entrance.enter("1.2.3.4", secret, "Ada", "")
    with pytest.raises(BusyError, match="used up"):
        entrance.enter("1.2.3.4", secret, "Ada", "")


def test_what_is_kept_cannot_be_planted(sharing: Sharing, entrance: Entrance) -> None:
    """Whoever puts what they are known by into another's browser is shown out when the other comes in."""
    _, secret = link(sharing)

    def enter(kept: str) -> Entered:
        return entrance.enter("1.2.3.4", secret, "Ada", "", keep=True, kept=kept)

    mallory = enter("")
    victim = enter(mallory.kept)
    assert sharing.sessions.find(mallory.cookie) is None
    assert victim.kept != mallory.kept
    again = enter(mallory.kept)
    found, other = sharing.sessions.find(again.cookie), sharing.sessions.find(victim.cookie)
    assert found is not None
    assert other is not None
    assert found.person.id != other.person.id
    one, two = enter("x"), enter("x")
    people = [sharing.sessions.find(each.cookie) for each in (one, two)]
    assert people[0] is not None
    assert people[1] is not None
    assert people[0].person.id != people[1].person.id


def test_so_many_may_keep_something(sharing: Sharing, entrance: Entrance) -> None:
    _, secret = link(sharing)
    for _ in range(100):
        entered = entrance.enter("1.2.3.4", secret, "Ada", "", keep=True)
        sharing.sessions.end(lambda _: True)
    with pytest.raises(BusyError, match="Too many keep"):
        entrance.enter("1.2.3.4", secret, "Ada", "", keep=True)
    assert entrance.enter("1.2.3.4", secret, "Ada", "", keep=True, kept=entered.kept).kept
    assert entrance.enter("1.2.3.4", secret, "Ada", "").cookie
