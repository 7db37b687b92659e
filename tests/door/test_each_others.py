"""Two people, and everything one of them can ask for with ids of the other: as if those did not exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from playground.store.access_values import ROOMS
from playground.store.rows import new_id
from playground.ui.chat_actions import Actions
from tests.door.belongings import BODIES, COMMANDS, ROUTES, Ids, Person, chat_pages, commands, without_ids
from tests.door.test_routes import SECURITY
from tests.door.walking import Town, town

_LIVE = re.compile(r"^GET .*/live$")
CHAT = {name.removeprefix("_do_") for name in dir(Actions) if name.startswith("_do_")} | {"open", "persona"}
PAIRS = [
    *(("Ada", "Bob"), ("Bob", "Ada"), ("Grace", "Hedy"), ("Hedy", "Bob"), ("Ada", "Grace")),
    *(("Ada", "owner"), ("owner", "Ada"), ("Grace", "owner"), ("owner", "Grace")),
]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town")) as made:
        yield made


@pytest.fixture(scope="module")
def people(here: Town) -> Iterator[dict[str, Person]]:
    """Two guests, two accounts, the owner, each with something of everything."""
    found: dict[str, Person] = {}
    folders = {"guest": here.house.root / "cache" / "guests", "account": here.house.root / "people"}
    for number, name in enumerate(("Ada", "Bob", "Grace", "Hedy", "owner"), 1):
        if name == "owner":
            client, folder = here.owner(), here.house.root
        else:
            client = here.guest(name=name) if name in ("Ada", "Bob") else here.account(name)
            (person,) = [one.person for one in here.house.sharing.inside() if one.person.name == name]
            folder = folders[person.kind] / person.id
        one = found[name] = Person(name, client, folder / "playground.db", f"kanarie{name.lower()}")
        one.settle(number, tunes=name == "owner")
        one.ids["canary"] = one.canary
        if name != "owner":
            one.ids["session"] = here.house.sharing.inside()[0].id
    access = here.house.sharing.access
    here.key()
    found["owner"].ids["link"], found["owner"].ids["account"] = access.links()[0].id, access.accounts()[0].id
    found["owner"].ids["key"] = access.all_keys()[0].id
    yield found
    for one in found.values():
        one.client.close()


def whole(ids: Ids) -> dict[str, str]:
    """Also of what only the owner has: such ids as nobody has."""
    kinds = ("training", "link", "account", "key", "session")
    return {**{kind: new_id() for kind in kinds}, **ids}


def fake(ids: Ids) -> dict[str, str]:
    """Ids of the same kinds that nobody has."""
    return {kind: str(10**6) if kind == "unit" else "nowhere" if kind == "canary" else new_id() for kind in whole(ids)}


def said(client: httpx.Client, method: str, path: str, **more: Any) -> tuple[int, str]:
    """An answer; of a stream what it says at first."""
    if not _LIVE.match(f"{method} {path}"):
        answer = client.request(method, path, **more)
        return answer.status_code, answer.text
    with client.stream(method, path, **more) as stream:
        text, events = "", ("event: gone", "event: view", "event: draft", "event: run", "event: tune")
        if stream.status_code == 200:
            for piece in stream.iter_text():
                text += piece
                if any(one in text for one in events) and text.endswith("\n\n"):
                    break
        return stream.status_code, "gone" if "event: gone" in text else text


def asked(route: str, mine: Ids, theirs: Ids) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every way of asking for what is theirs at a route of the table."""
    path = route.split()[1]
    if route in BODIES:
        known = COMMANDS[path.removeprefix("/page/").removesuffix("/act")]
        for body in BODIES[route](mine, theirs):
            for action in commands(known):
                sent = dict(body)
                if action not in sent.pop("only", (action,)):
                    continue
                yield re.sub(r"\{[^}]*\}", str(sent.pop("path", "")), path), {"json": {**sent, "action": action}}
    else:
        for place, given in ROUTES[route](mine, theirs):
            yield re.sub(r"\{[^}]*\}", place, path), given


def test_it_is_known_how_to_call_every_route() -> None:
    table = set(re.findall(r"^((?:GET|HEAD|POST|PUT|PATCH|DELETE) /\S*) ", SECURITY.read_text("utf-8"), re.M))
    table.discard("POST /gradio_api/run/predict")
    unknown = table - {*ROUTES, *BODIES}
    assert not unknown, f"Tell in tests/door/belongings.py how these are called with somebody else's ids: {unknown}"
    assert not {*ROUTES, *BODIES} - table, "these are gone"
    assert {path for path in table if path.endswith("/act")} == {*BODIES}
    assert {name: len(commands(module)) for name, module in COMMANDS.items()} == {
        **{"summaries": 9, "translate": 10, "memory": 4, "tune": 17, "training/{run_id}": 15, "share": 13},
    }, "A command came or went: see that its arguments are in tests/door/belongings.py"
    assert len(CHAT) == 35, "A command came or went: see that its arguments are in chat_pages"


def test_ones_own_is_reached(people: dict[str, Person]) -> None:
    """By the same calls: else those below would show nothing."""
    me, shown = people["Bob"], set()
    mine = whole(me.ids)
    for route in ROUTES:
        for path, given in asked(route, mine, mine):
            if route.startswith("GET") and me.canary in said(me.client, "GET", path, **given)[1]:
                shown.add(route)
    assert shown >= {
        *(f"GET /page/{one}/{{message_id}}" for one in ("text", "view")),
        *(f"GET /page/{one}" for one in ("earlier", "export", "image/{attachment_id}", "live", "search", "tree")),
        *(f"GET /page/memory/{one}" for one in ("terms", "units")),
        *(f"GET /page/summaries/{one}" for one in ("export", "live", "source", "text")),
        *(f"GET /page/translate/{one}" for one in ("export", "live")),
    }


@pytest.mark.parametrize(("who", "whose"), PAIRS)
def test_nothing_of_another_is_reached(
    here: Town, people: dict[str, Person], who: str, whose: str, record_property: Any
) -> None:
    me, other = people[who], people[whose]
    mine, theirs, nobodys = whole(me.ids), whole(other.ids), fake(other.ids)
    if int(theirs["unit"]) <= int(mine["unit"]):
        theirs["unit"] = nobodys["unit"]  # That number is one of my own.
    if whose != "owner":
        theirs["session"] = nobodys["session"]  # Whom the owner may show out.
    before, held = other.contents(), (here.house.root / "access.db").read_bytes()
    calls = 0

    def compare(what: str, real: tuple[int, str], none: tuple[int, str]) -> None:
        nonlocal calls
        calls += 1
        assert other.canary not in real[1].replace(f"q={other.canary}", ""), (what, real)
        assert (real[0], without_ids(real[1])) == (none[0], without_ids(none[1])), what
        assert real[0] < 500, what

    for route in {**ROUTES, **BODIES}:
        pairs = zip(asked(route, mine, theirs), asked(route, mine, nobodys), strict=True)
        for (path, given), (path_of_none, given_none) in pairs:
            method = route.split()[0]
            real = said(me.client, method, path, **given)
            none = said(me.client, method, path_of_none, **given_none)
            compare(f"{route} {given}", real, none)
    for action in sorted(CHAT):
        for page, page_of_none in zip(chat_pages(mine, theirs), chat_pages(mine, nobodys), strict=True):
            if action not in page.get("only", (action,)):
                continue
            answers = []
            for one in (page, page_of_none):
                answer = me.press("act", {**one, "action": action})
                answers.append((answer.status_code, json.dumps(answer.json().get("data"), sort_keys=True)))
            echoed = (answers[0][0], answers[0][1].replace(theirs["canary"], nobodys["canary"]))
            compare(f"{action} {page}", echoed, answers[1])
    for files in (("sent",), ("pending",), ("picture",), ("sent", "pending")):
        pages = [{"conversation": None, "panel": "", "files": [ids[one] for one in files]} for ids in (theirs, nobodys)]
        real, none = (me.press("send", page, "with files") for page in pages)
        compare(f"send {files}", *((one.status_code, str(one.json()["data"])) for one in (real, none)))
    for ids in (theirs, nobodys):
        page = {"conversation": ids["conversation"], "leaf": ids["reply"], "panel": ids["conversation"]}
        assert "error" in me.press("send", page, "into it").json()["data"][0]
    me.idle()
    assert other.contents() == before
    assert (here.house.root / "access.db").read_bytes() == held
    record_property("calls", calls)
    print(who, "with ids of", whose, calls, "calls, each twice")


def test_all_rooms_are_guests_rooms() -> None:
    """What is above is asked by people of all of them."""
    assert ROOMS == ("chat", "summaries", "translate")
