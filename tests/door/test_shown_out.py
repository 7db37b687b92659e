"""Who guesses is not looked at, who is shown out gets nothing any more: no route, no stream, no word of a reply."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.common import Client
from playground.access import hashing
from playground.access.throttle import Throttle
from playground.api import openai_routes
from playground.store.access_values import ROOMS
from tests.door.houses import PASSWORD, eventually
from tests.door.walking import AT_THE_DOOR, MANY, Town, answering, town

LEFT = {("GET", "/enter"), ("POST", "/enter")}
STREAMS = ("/page/live", "/page/summaries/live", "/page/translate/live")
TEXT = "The harbour has three ships and a mill. " * 500


@dataclass
class Clock:
    """Of those who count wrong attempts."""

    now: float = 10_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Counting:
    """Argon2, and how often it was asked."""

    inner: Any
    asked: int = 0

    def verify(self, *given: str) -> bool:
        self.asked += 1
        return bool(self.inner.verify(*given))

    def hash(self, password: str) -> str:
        return str(self.inner.hash(password))


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Town]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(openai_routes, "Throttle", lambda **how: Throttle(**how, now=clock))
        with town(tmp_path_factory.mktemp("town")) as made:
            made.house.sharing.serve._throttle._now = clock  # type: ignore[union-attr]
            yield made


@pytest.fixture(autouse=True)
def _later(clock: Clock) -> None:
    """What earlier tests did wrong is forgotten."""
    clock.now += 10_000


@pytest.fixture
def argon2(monkeypatch: pytest.MonkeyPatch) -> Counting:
    made = Counting(hashing._HASHER)
    monkeypatch.setattr(hashing, "_HASHER", made)
    return made


def account(here: Town, name: str) -> str:
    """A new one's id."""
    return here.house.sharing.access.add_account(name, hashing.hashed_password(PASSWORD), MANY)


WRONG: dict[str, Callable[[str, int], dict[str, str]]] = {
    "one link": lambda secret, n: {"link": "a wrong secret"},
    "many links": lambda secret, n: {"link": f"wrong secret {n}"},
    "an account": lambda secret, n: {"name": "Grace", "password": f"wrong {n} wrong"},
    "no account": lambda secret, n: {"name": "root", "password": f"wrong {n} wrong"},
    "many names": lambda secret, n: {"name": f"root {n}", "password": PASSWORD},
    "a link's password": lambda secret, n: {"link": secret, "password": f"wrong {n} wrong"},
}


@pytest.fixture(scope="module")
def secret(here: Town) -> str:
    """Of a link with a password; there is an account, too."""
    account(here, "Grace")
    return here.house.sharing.invite("Locked", ROOMS, MANY, 3600, PASSWORD)[1]


@pytest.mark.parametrize("kind", WRONG)
def test_of_a_hundred_wrong_logins_ninety_five_are_not_looked_at(
    here: Town, clock: Clock, argon2: Counting, secret: str, kind: str
) -> None:
    right = {"link": secret, "password": PASSWORD} if "link" in kind else {"name": "grace", "password": PASSWORD}
    with here.guest() as inside, here.house.nobody() as client:
        argon2.asked = 0
        answers = [client.post("/enter", json=WRONG[kind](secret, n)) for n in range(100)]
        early = [one for one in answers if one.status_code == 429]
        print(f"{kind}: {len(early)} of 100 refused early, {argon2.asked} times Argon2")
        assert len(early) == 95
        assert {one.status_code for one in answers if one not in early} == {403}
        assert all(0 < int(one.headers["retry-after"]) <= 900 for one in early)
        assert argon2.asked == (0 if kind.endswith(("one link", "many links")) else 5)
        assert client.post("/enter", json=right).status_code == 429, "not even the right one is looked at"
        assert inside.get("/page/choices").status_code == 200, "who is in stays in"
        clock.now += 899
        assert client.post("/enter", json=right).status_code == 429
        clock.now += 1
        assert client.post("/enter", json=right).status_code == 200


@pytest.mark.skipif(not Path("/proc").exists(), reason="other systems have one loopback address")
def test_a_hundred_wrong_logins_from_twenty_addresses(here: Town, argon2: Counting, secret: str) -> None:
    """Of which the fifth is the last one that is looked at for this name."""
    codes = []
    for number in range(20):
        way = httpx.HTTPTransport(local_address=f"127.0.0.{number + 2}")
        with httpx.Client(base_url=here.house.sharing.url, transport=way) as client:
            said = [{"name": "Grace", "password": f"wrong {number} {n} wrong"} for n in range(5)]
            codes += [client.post("/enter", json=one).status_code for one in said]
    assert (codes.count(403), codes.count(429), argon2.asked) == (5, 95, 5)


def test_of_a_hundred_wrong_keys_ninety_five_are_refused_early(here: Town, clock: Clock, argon2: Counting) -> None:
    """One hash of some microseconds says whether a key is right: those that are come in all the while."""
    writes = {"messages": [{"role": "user", "content": "/tokens 20"}], "stream": True}
    with here.owner(authorization=f"Bearer {here.key()}") as right, here.owner() as client:
        with right.stream("POST", "/v1/chat/completions", json=writes) as stream:
            lines = stream.iter_lines()
            assert next(lines)
            keys = [{"authorization": f"Bearer pg-wrong{n}"} for n in range(100)]
            answers = [client.get("/v1/models", headers=one) for one in keys]
            assert right.get("/v1/models").status_code == 200
            assert list(lines)[-2:] == ["data: [DONE]", ""], "what is at work goes on"
        early = [one for one in answers if one.status_code == 429]
        assert (len(early), argon2.asked) == (95, 0)
        assert {one.status_code for one in answers if one not in early} == {401}
        assert all(0 < int(one.headers["retry-after"]) <= 61 for one in early)
        clock.now += 61
        assert client.get("/v1/models", headers=keys[0]).status_code == 401, "looked at anew"


# ---- shown out -------------------------------------------------------------------------------------------------------
@dataclass
class Person:
    """Somebody who is in: how they come in again, what they came in by, their session's id, their folder."""

    client: httpx.Client
    said: dict[str, str]
    by: str
    session: str
    folder: Path


def guest(here: Town, seconds: float = 3600) -> Person:
    link, secret = here.house.sharing.invite("Friends", ROOMS, MANY, seconds)
    return _inside(here, {"link": secret}, link)


def member(here: Town) -> Person:
    name = f"Hedy {time.monotonic_ns()}"
    return _inside(here, {"name": name, "password": PASSWORD}, account(here, name))


def _inside(here: Town, said: dict[str, str], by: str) -> Person:
    client = here.house.enter(**said)
    (session,) = [one for one in here.house.sharing.inside() if by in (one.person.by, one.person.id)]
    return Person(client, said, by, session.id, here.house.root / "cache" / "guests" / session.person.id)


def act(here: Town, action: str, argument: str, **values: str) -> None:
    """A command of the owner's page."""
    with here.owner() as owner:
        answer = owner.post("/page/share/act", json={"action": action, "argument": argument, "values": values})
        assert answer.json() == {}, answer.text


Ends = tuple[Callable[[Town], Person], Callable[[Town, Person], object], bool]
ENDS: dict[str, Ends] = {
    "link revoked": (guest, lambda here, one: act(here, "revoke_link", one.by), False),
    "link over": (lambda here: guest(here, 4.0), lambda here, one: None, False),
    "account disabled": (member, lambda here, one: act(here, "disable", one.by), False),
    "account deleted": (member, lambda here, one: act(here, "delete", one.by), False),
    "new password": (member, lambda here, one: act(here, "password", one.by, password=PASSWORD + " 2"), False),
    "guest shown out": (guest, lambda here, one: act(here, "show_out", one.session), True),
    "guest left": (guest, lambda here, one: one.client.post("/leave"), True),
}
"""Who, what ends it, and whether they may come in anew."""


@pytest.mark.parametrize("end", ENDS)
def test_whoever_is_shown_out_gets_nothing_any_more(here: Town, end: str) -> None:
    """Nobody asks anything meanwhile: what ends, ends by itself."""
    make, show_out, again = ENDS[end]
    manager = here.house.owner.manager
    manager.choose("echo@20")  # The reply and the translation below would take minutes.
    eventually(lambda: manager.state.phase == "ready")
    person, ended = make(here), threading.Barrier(len(STREAMS) + 2)
    asked = here.routes()

    def read(method: str, path: str, **sent: Any) -> None:
        with here.house.nobody() as client:
            client.cookies = person.client.cookies
            try:
                with client.stream(method, path, **sent) as answer:
                    assert answer.status_code == 200
                    begun.release()
                    for _ in answer.iter_raw():
                        pass
            except httpx.RemoteProtocolError:  # Cut off, which is an end, too.
                pass
            ended.wait(60)

    begun = threading.Semaphore(0)
    quick = {"text": TEXT, "source": "en", "target": "de", "page": "p"}
    watching = [threading.Thread(target=read, args=("GET", path), daemon=True) for path in STREAMS]
    work = ("POST", "/page/translate/quick")
    watching.append(threading.Thread(target=read, args=work, kwargs={"json": quick}, daemon=True))
    with ExitStack() as stack:
        stack.enter_context(person.client)
        Client(str(person.client.base_url), person.client).send(None, None, "/tokens 4000")
        for one in watching:
            one.start()
        assert all(begun.acquire(timeout=20) for _ in watching)
        eventually(lambda: manager.state.writing + manager.state.waiting == 2)
        show_out(here, person)
        ended.wait(20)
        eventually(lambda: (manager.state.writing, manager.state.waiting) == (0, 0))
        assert answering(person.client, asked) == LEFT == AT_THE_DOOR - {("POST", "/leave")}
        code = person.client.post("/enter", json=person.said).status_code
        assert code == (200 if again else 403)
        eventually(lambda: not person.folder.exists())
    manager.choose("echo")
