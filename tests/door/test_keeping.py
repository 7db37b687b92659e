"""What guests choose to keep: found again in the same browser by the same link, and gone with the link."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from benchmarks.common import Client
from playground.access import sessions
from playground.door.door import COOKIE, KEPT
from playground.store.access_values import ROOMS, Limits
from tests.door.houses import House, eventually, house

BROWSERS: list[httpx.Client] = []
"""Those of the test that runs."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made


def invited(shared: House) -> tuple[str, str]:
    return shared.sharing.invite("keepers", ROOMS, Limits(), 3600)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while BROWSERS:
        BROWSERS.pop().close()


def comes(shared: House, link: str, jar: httpx.Cookies | None = None, *, keep: bool = True) -> httpx.Client:
    """A browser that has these cookies of before."""
    client = httpx.Client(base_url=shared.sharing.url, timeout=60, cookies=jar)
    BROWSERS.append(client)
    answer = client.post("/enter", json={"link": link, "name": "Ada", "keep": keep})
    assert answer.status_code == 200, answer.text
    return client


def says(client: httpx.Client, text: str) -> None:
    Client(str(client.base_url), client).send(None, None, text)
    eventually(lambda: finds(client, text))


def finds(client: httpx.Client, text: str) -> bool:
    return text in client.get("/page/search", params={"q": text}).text.replace("<mark>", "").replace("</mark>", "")


def leaves(client: httpx.Client) -> httpx.Cookies:
    """What the browser still has afterwards."""
    client.post("/leave")
    assert COOKIE not in client.cookies
    return client.cookies


def files(shared: House, text: str) -> list[Path]:
    folder = shared.root
    return [one for one in folder.rglob("*") if one.is_file() and text.encode() in one.read_bytes()]


def test_is_found_again_by_the_same_link(shared: House) -> None:
    _, link = invited(shared)
    first = comes(shared, link)
    says(first, "zebrafinch")
    jar = leaves(first)
    assert jar.get(KEPT)
    again = comes(shared, link, jar)
    assert finds(again, "zebrafinch")


def test_is_not_found_by_another_link_or_browser(shared: House) -> None:
    _, link = invited(shared)
    first = comes(shared, link)
    says(first, "waxwing")
    assert not finds(comes(shared, link), "waxwing"), "another browser"
    assert not finds(comes(shared, invited(shared)[1], first.cookies), "waxwing"), "another link"
    forged = httpx.Cookies({KEPT: "guess"})
    assert not finds(comes(shared, link, forged), "waxwing")


def test_is_deleted_when_it_is_not_wanted_any_more(shared: House) -> None:
    _, link = invited(shared)
    first = comes(shared, link)
    says(first, "hawfinch")
    jar = leaves(first)
    assert files(shared, "hawfinch")
    again = comes(shared, link, jar, keep=False)
    assert not finds(again, "hawfinch")
    assert KEPT not in again.cookies
    eventually(lambda: not files(shared, "hawfinch"))


def test_is_deleted_with_the_link(shared: House) -> None:
    link_id, link = invited(shared)
    inside, gone = comes(shared, link), comes(shared, link)
    says(inside, "bullfinch")
    says(gone, "goldfinch")
    leaves(gone)
    assert files(shared, "goldfinch")
    shared.sharing.revoke(link_id)
    assert inside.get("/page/choices").status_code == 401
    eventually(lambda: not files(shared, "goldfinch") and not files(shared, "bullfinch"))
    assert not (shared.root / "kept" / link_id).exists()


def test_is_deleted_when_the_link_runs_out(shared: House) -> None:
    link_id, link = shared.sharing.invite("short", ROOMS, Limits(), 4)
    inside = comes(shared, link)
    says(inside, "chaffinch")
    eventually(lambda: not (shared.root / "kept" / link_id).exists())
    assert inside.get("/page/choices").status_code == 401
    assert not files(shared, "chaffinch")


def test_who_does_not_ask_for_it_leaves_nothing(shared: House) -> None:
    client = comes(shared, invited(shared)[1], keep=False)
    says(client, "greenfinch")
    assert KEPT not in client.cookies
    leaves(client)
    eventually(lambda: not files(shared, "greenfinch"))


def test_files_have_a_limit_in_all(shared: House) -> None:
    _, link = shared.sharing.invite("small", ROOMS, Limits(upload_megabytes=1), 3600)
    client = comes(shared, link, keep=False)
    answers = []
    for number in range(30):
        body = f"{number} harbours and mills. ".encode() * 30_000
        answers.append(client.post("/page/summaries/attach", params={"name": f"{number}.txt"}, content=body))
        if answers[-1].status_code == 413:
            break
    assert answers[0].status_code == 200, answers[0].text
    assert answers[-1].status_code == 413
    assert "10 MB" in answers[-1].text


def test_two_at_once_by_the_same_secret_are_two_people(shared: House) -> None:
    link, secret = invited(shared)
    first = comes(shared, secret)
    says(first, "the oldest lighthouse")
    jar = leaves(first)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: comes(shared, secret, httpx.Cookies(jar)), range(4)))
    inside = [one.person.id for one in shared.sharing.inside() if one.person.by == link]
    assert len(inside) == len(set(inside)) == 4
    assert sum(finds(one, "lighthouse") for one in BROWSERS[1:]) == 1


def test_who_finds_no_room_keeps_what_they_had(shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = invited(shared)
    first = comes(shared, secret)
    says(first, "the second lighthouse")
    jar = leaves(first)
    with monkeypatch.context() as full:
        full.setattr(sessions, "_OF_A_LINK", 0)
        with httpx.Client(base_url=shared.sharing.url, timeout=60, cookies=httpx.Cookies(jar)) as client:
            answer = client.post("/enter", json={"link": secret, "name": "Ada", "keep": True})
            assert answer.status_code == 503
    assert finds(comes(shared, secret, jar), "the second lighthouse")


def test_a_mark_that_cannot_be_written_lets_nobody_in(shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
    link, secret = invited(shared)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as without:
        without.setattr(os, "replace", full)
        with httpx.Client(base_url=shared.sharing.url, timeout=60) as client:
            answer = client.post("/enter", json={"link": secret, "name": "Ada", "keep": True})
    assert answer.status_code == 503
    assert str(shared.root) not in answer.text
    assert [one for one in shared.sharing.inside() if one.person.by == link] == []
    assert nothing_is_kept(shared, link)


def nothing_is_kept(shared: House, link: str) -> bool:
    """Neither a mark nor the beginning of one."""
    return not [one for one in (shared.root / "kept" / link).rglob("*") if one.is_file()]
