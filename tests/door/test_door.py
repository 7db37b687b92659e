"""The shared address: who comes in, what answers to whom, and what is left when they have gone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from benchmarks.common import Client
from playground.door import people
from playground.errors import BadValueError
from playground.store.access_values import ROOMS, Limits
from tests.door.houses import PASSWORD, House, eventually, house


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made


def say(client: httpx.Client, text: str) -> str:
    """A message and its reply; returns the conversation's id."""
    commands = Client(str(client.base_url), client)
    conversation = commands.send(None, None, text)
    eventually(lambda: text in client.get("/page/search", params={"q": text}).text)
    return conversation


def test_who_does_not_say_who_they_are_is_led_to_the_entrance(shared: House) -> None:
    with shared.nobody() as client:
        assert client.get("/", headers={"accept": "text/html"}).headers["location"] == "enter"


def test_a_guest_sees_no_rooms_but_those_of_the_link(shared: House) -> None:
    with shared.guest(rooms=["translate"]) as client:
        assert client.get("/page/summaries/live").status_code == 404
        assert client.get("/page/tune/live").status_code == 404
        assert client.get("/page/translate/ways").status_code != 404
        config = client.get("/config").json()
        names = {one["props"].get("elem_id") for one in config["components"]}
        assert "pg-send" in names
        assert not {"pm-act", "pm-root"} & names


def test_two_people_reach_nothing_of_each_other_and_nothing_of_the_owner(shared: House) -> None:
    mine = shared.owner.chat.send(None, "the owner's secret").conversation_id
    with shared.guest("Ada") as ada, shared.account("Grace") as grace:
        hers = say(ada, "a secret of Ada")
        for client, others in ((grace, (hers, mine)), (ada, (mine,))):
            for other in others:
                for path in ("/page/tree", "/page/earlier", "/page/export", "/page/live"):
                    with client.stream("GET", path, params={"c": other, "before": other, "format": "json"}) as answer:
                        text = next(answer.iter_text(), "")
                    assert "secret" not in text, (path, answer.status_code)
            assert "secret" not in client.get("/page/search", params={"q": "the owner"}).text
        assert "Ada" not in grace.get("/page/search", params={"q": "secret"}).text


def test_a_revoked_link_answers_nothing_and_leaves_nothing(shared: House) -> None:
    link, secret = shared.sharing.invite("Friends", ROOMS, Limits(), 3600)
    with shared.enter(link=secret, name="Ada") as client, shared.guest("Bob") as other:
        say(client, "canary of Ada")
        assert other.get("/page/choices").status_code == 200
        (person,) = [one.person for one in shared.sharing.inside() if one.person.by == link]
        folder = shared.root / "cache" / "guests" / person.id
        assert folder.exists()
        shared.sharing.revoke(link)
        for method, path in (("GET", "/"), ("GET", "/page/choices"), ("POST", "/gradio_api/run/predict")):
            assert client.request(method, path).status_code == 401
        assert client.post("/enter", json={"link": secret, "name": "Ada"}).status_code == 403
        eventually(lambda: not folder.exists())
        assert other.get("/page/choices").status_code == 200
    held = [one for one in shared.root.rglob("*") if one.is_file() and b"canary of Ada" in one.read_bytes()]
    assert held == []


def test_a_link_that_is_over_and_an_account_that_is_disabled(shared: House) -> None:
    _, secret = shared.sharing.invite("Short", ROOMS, Limits(), 4.0)
    with shared.enter(link=secret) as client:
        assert client.get("/page/choices").status_code == 200
        time.sleep(4.1)
        assert client.get("/page/choices").status_code == 401
        assert client.post("/enter", json={"link": secret}).status_code == 403


def test_of_a_hundred_wrong_logins_more_than_ninety_are_not_looked_at(shared: House) -> None:
    with shared.nobody() as client:
        codes = [
            client.post("/enter", json={"name": "root", "password": f"wrong {n} wrong"}).status_code for n in range(100)
        ]
    assert set(codes) == {403, 429}
    assert codes.count(429) >= 90


def test_a_password_that_goes_with_a_link(shared: House) -> None:
    shared.sharing.access.add_account("Wait", "x", Limits())
    link, secret = shared.sharing.invite("Locked", ROOMS, Limits(), 3600, PASSWORD)
    house_throttle = shared.sharing.serve._throttle  # type: ignore[union-attr]
    house_throttle.right("from 127.0.0.1")
    with shared.nobody() as client:
        assert client.post("/enter", json={"link": secret}).status_code == 403
        assert client.post("/enter", json={"link": secret, "password": PASSWORD + "x"}).status_code == 403
        answer = client.post("/enter", json={"link": secret, "password": PASSWORD})
        assert answer.status_code == 200
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
    assert [one.person.by for one in shared.sharing.inside()].count(link) == 1
    with pytest.raises(BadValueError, match="at least 12"):
        shared.sharing.invite("Weak", ROOMS, Limits(), 3600, "short")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "localhost.evil.example:80"])
def test_foreign_names_and_origins(shared: House, host: str) -> None:
    with shared.guest() as client:
        for method, path in (("GET", "/"), ("POST", "/enter"), ("POST", "/gradio_api/run/predict"), ("GET", "/enter")):
            assert client.request(method, path, headers={"host": host}).status_code == 400
            if method == "POST":
                foreign = {"origin": f"http://{host or 'x'}"}
                assert client.request(method, path, headers=foreign).status_code == 403


def test_too_large_and_too_much(shared: House) -> None:
    with shared.guest("Big", upload_megabytes=1, requests_per_hour=8) as client:
        answer = client.post("/page/attach", params={"name": "a.txt"}, content=b"x" * 1_500_000)
        assert answer.status_code == 413
        assert "1 MB" in answer.json()["error"]
        pieces = (b"x" * 100_000 for _ in range(15))
        answer = client.post("/page/attach", params={"name": "a.txt"}, content=pieces)
        assert answer.status_code == 413, "without a length, too"
        assert client.post("/enter", content=b"x" * 20_000).status_code == 413
        codes = [client.post("/page/context", json={}).status_code for _ in range(10)]
        assert codes[-1] == 429
        last = client.post("/page/context", json={})
        assert int(last.headers["retry-after"]) > 0
        assert client.get("/page/choices").status_code == 200


def test_it_does_not_open_where_nobody_could_come_in(tmp_path: Path) -> None:
    from playground.access.sharing import Sharing

    sharing = Sharing(tmp_path)
    sharing.serve = lambda listener, host, names: listener.close
    with pytest.raises(BadValueError, match="Nobody could come in"):
        sharing.open()
    sharing.invite("over", ROOMS, Limits(), 0.01)
    time.sleep(0.05)
    with pytest.raises(BadValueError, match="Nobody could come in"):
        sharing.open()


def test_an_account_finds_what_it_left_and_the_guests_of_a_link_share_its_limits(shared: House) -> None:
    shared.sharing.serve._throttle.right("from 127.0.0.1")  # type: ignore[union-attr]
    with shared.account("Hedy") as client:
        say(client, "to be found again")
        assert client.post("/leave").status_code == 303
        assert client.get("/page/choices").status_code == 401
    with shared.enter(name="hedy", password=PASSWORD) as client:
        assert "to be found again" in client.get("/page/search", params={"q": "found again"}).text
    _, secret = shared.sharing.invite("Few", ROOMS, Limits(requests_per_hour=7), 3600)
    codes = []
    for name in ("a", "b", "c"):
        with shared.enter(link=secret, name=name) as client:
            codes += [client.post("/page/context", json={}).status_code for _ in range(2)]
    assert codes[-1] == 429
    assert codes.count(429) == 2


def test_a_translation_goes_on_while_its_guest_looks_at_another_tab(
    shared: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "_GRACE_SECONDS", 0.2)
    manager = shared.owner.manager
    manager.choose("echo@20")
    eventually(lambda: manager.state.phase == "ready")
    text = {"text": "The mill stands at the harbour. " * 5, "source": "en", "target": "de", "page": "p"}
    with shared.guest() as client, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.post, "/page/translate/quick", json=text)
        eventually(lambda: manager.state.writing == 1)
        with client.stream("GET", "/page/live") as stream:
            pieces = stream.iter_text()
            next(pieces)
        assert '"final"' in answer.result(20).text.splitlines()[-1]
    manager.choose("echo")


def test_a_reply_ends_soon_after_its_guest_has_left(shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_GRACE_SECONDS", 0.7)
    manager = shared.owner.manager
    manager.choose("echo@20")
    eventually(lambda: manager.state.phase == "ready")
    with shared.guest() as client:
        conversation = Client(str(client.base_url), client).send(None, None, "/tokens 2000")
        # A page that is opened again within the time loses nothing.
        for _ in range(2):
            with client.stream("GET", "/page/live", params={"c": conversation}) as stream:
                pieces = stream.iter_text()  # Held: without it the stream would be closed.
                next(pieces)
                time.sleep(1.0)
                assert manager.state.writing == 1
        eventually(lambda: manager.state.writing == 0, 5.0)
    manager.choose("echo")
