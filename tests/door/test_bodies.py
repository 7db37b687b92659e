"""What is sent at the shared address: too large, too deep, too slow, too much in all; and too many connections."""

from __future__ import annotations

import asyncio
import json
import math
import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.common import Client
from playground import connections, json_body
from playground.access.quota import QuotaError
from playground.door import bodies
from playground.json_body import NoJsonError, parsed
from playground.store.access_values import ROOMS, Limits
from playground.ui.narrow import COMMAND
from tests.door.houses import House, eventually, house
from tests.door.test_routes import commands

MEGABYTE = 1_000_000
BAD = (
    *(b"[" * 9900, b"[" * 100_000, b"[" * 900 + b"]" * 900, b'{"a":' * 500 + b"1" + b"}" * 500, b"9" * 10_000),
    *(
        b'{"text": "\\ud800"}',
        b'{"\\uDFFF": 1}',
        b'{"text": 1e999}',
        b"NaN",
        b"\xff",
        b"",
        b'{"n": 9223372036854775808}',
    ),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as made:
        yield made


def line(shared: House, sent: bytes = b"") -> socket.socket:
    """A connection to the door on which something was sent."""
    address = httpx.URL(shared.sharing.url)
    one = socket.create_connection((address.host, address.port or 80), timeout=20)
    one.sendall(sent)
    return one


def head(shared: House, method: str, path: str, *more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {httpx.URL(shared.sharing.url).netloc.decode()}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def is_over(one: socket.socket) -> bool:
    """Whether the other end closes; what it answers before that is read away."""
    try:
        while one.recv(65536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("body", BAD, ids=lambda body: body[:12])
def test_what_is_no_json_is_refused(shared: House, body: bytes) -> None:
    with pytest.raises(NoJsonError):
        parsed(body)
    for key in ("from 127.0.0.1", "as "):
        shared.sharing.serve._throttle.right(key)  # type: ignore[union-attr]
    with shared.nobody() as nobody:
        assert nobody.post("/enter", content=body).status_code in (403, 413, 429)
    with shared.guest() as client:
        for path in ("/page/context", "/page/fill"):
            assert client.post(path, content=body).status_code == 400
        number = next(iter(commands(client)))
        for command in (body, b'{"fn_index": %d, "data": [%s]}' % (number, body)):
            assert client.post(COMMAND, content=command).status_code in (404, 422)


def test_what_is_json_is_read_as_it_is() -> None:
    for value in ("\U0001f600 é 你", {"a": [1, -2.5, None, True, {"": -(2**63)}]}, [2**63 - 1], "\\ud800"):
        for ascii_only in (True, False):
            assert parsed(json.dumps(value, ensure_ascii=ascii_only).encode()) == value
    assert parsed(b"[" * json_body.DEEPEST + b"]" * json_body.DEEPEST) is not None


def test_a_long_text_passes_and_a_book_does_not(shared: House) -> None:
    with shared.guest() as client:
        ours = Client(str(client.base_url), client)
        ours.send(None, None, "读" * 190_000)
        eventually(lambda: client.get("/page/search", params={"q": "读读读"}).json()["found"])
        assert client.post("/page/context", json={"text": "x" * 900_000}).status_code == 200
        for path in ("/page/context", "/page/translate/act", COMMAND):
            for content in (b"[]," * 700_000, (b"[]," * 1000 for _ in range(700))):
                answer = client.post(path, content=content, headers={"accept-language": "zh"})
                assert answer.status_code == 413, path
                assert "1 MB" in answer.json()["error"]


def test_only_to_where_files_go_more_is_sent_than_is_typed(shared: House) -> None:
    """All of them are known, and nothing else is taken for one."""
    from tests.door.walking import filled, owners_app

    app = owners_app(shared)
    posts: set[str] = set()

    def walk(router: Any, base: str = "") -> None:
        for one in router.routes:
            if (inner := getattr(one, "original_router", None)) is not None:
                walk(inner, base + one.include_context.prefix)
            elif "POST" in (getattr(one, "methods", None) or ()):
                posts.add(base + one.path)

    walk(app)
    mine = {one for one in posts if one.startswith("/page/") and not one.startswith(("/page/share/", "/page/t"))}
    mine |= {one for one in posts if one.startswith("/page/translate/")}
    assert mine >= bodies.FILES
    with shared.guest(upload_megabytes=2) as client:
        for path in mine:
            query = {"name": "a.txt", "t": "x", "document": "0"}
            codes = [
                client.post(filled(path), params=query, content=b"\x00" * size).status_code
                for size in (1_500_000, 2_500_000)
            ]
            assert (codes[0] != 413) == (path in bodies.FILES), path
            assert codes[1] == 413


def test_the_limit_in_all_holds_for_what_is_typed_and_small_commands_still_pass(shared: House) -> None:
    with shared.guest("Typing", upload_megabytes=1, requests_per_hour=10**6) as client:
        words = {"action": "open", "text": "harbours and mills. " * 9500, "target": "de"}
        runs = []
        while (answer := client.post("/page/translate/act", json=words)).status_code == 200:
            runs.append(answer.json()["run"])
            assert len(runs) < 60
        assert answer.status_code == 413
        assert "10 MB" in answer.json()["error"]
        (person,) = [one.person for one in shared.sharing.inside() if one.person.name == "Typing"]
        assert bodies.size_of({shared.root / "cache" / "guests" / person.id}) < 16 * MEGABYTE
        assert client.post("/page/context", json={"text": "small"}).status_code == 200
        for run in runs:
            for action in ("delete", "purge"):
                assert client.post("/page/translate/act", json={"action": action, "run": run}).status_code == 200
        eventually(lambda: client.post("/page/translate/act", json=words).status_code == 200)


def test_what_is_sent_at_the_same_time_is_counted_together(shared: House) -> None:
    """By all guests of a link."""
    _, secret = shared.sharing.invite("Together", ROOMS, Limits(upload_megabytes=1, requests_per_hour=10**6), 3600)
    clients = [shared.enter(link=secret, name=name) for name in ("a", "b")]
    for client in clients:
        client.get("/page/choices")
    cookie = [f"Cookie: playground_in={one.cookies['playground_in']}" for one in clients]
    path = "/page/attach?name=a.txt"
    lines = [
        line(shared, head(shared, "POST", path, cookie[number % 2], "Content-Length: 900000") + b"x" * 100_000)
        for number in range(14)
    ]
    answered = eventually(lambda: len(found := select.select(lines, [], [], 0.1)[0]) >= 3 and found)
    assert len(answered) < 10
    assert all(b" 413 " in one.recv(65536).split(b"\r\n")[0] for one in answered)
    for one in lines:
        one.close()
    eventually(lambda: clients[1].post("/page/attach?name=a.txt", content=b"x y z " * 100_000).status_code == 200)
    for client in clients:
        client.close()


def test_where_no_files_are_taken_people_still_write(shared: House) -> None:
    with shared.guest(upload_megabytes=0) as client:
        Client(str(client.base_url), client).send(None, None, "still here")
        answer = client.post("/page/attach", params={"name": "a.txt"}, content=b"x")
        assert answer.status_code == 413
        assert "No files" in answer.json()["error"]


def test_room_that_was_given_is_given_back() -> None:
    async def walk() -> None:
        now = [0.0]
        places, known = bodies.Places(lambda: now[0]), [0]
        with places.of("a") as kept:
            looked = []

            def folders() -> set[Path]:
                looked.append(1)
                kept.came += known[0]  # It comes while it is looked for.
                return set()

            await places.look(kept, folders)
            await places.look(kept, folders)
            assert len(looked) == 1
            with places.room(kept, 100_000, 60_000) as first, places.room(kept, 100_000, 60_000) as second:
                assert first is not None
                assert second is None
                with places.room(kept, 100_000, None) as third:
                    assert third is not None
                    assert third.grows(40_000)
                    assert not third.grows(1)
            with places.room(kept, 100_000, 1000) as last:
                assert last is not None, "there is more for what is small"
            with places.room(kept, 40_000, 1000) as none:
                assert none is None, "but not without end"
            with places.room(kept, 100_000, 20_000) as more:
                assert more is None, "what came is counted until it is looked up"
            now[0], known[0] = 10.0, 500
            await places.look(kept, folders)
            assert kept.size == 500
        now[0] = 20.0
        with places.of("b"):
            pass
        assert "a" not in places._kept

    with ThreadPoolExecutor(1) as pool:  # There may be a loop in this thread: a browser's.
        pool.submit(asyncio.run, walk()).result()


@pytest.mark.parametrize("path", ["/page/export", "/", "/a/b/c", "/x/" * 20, "/page/%2f"])
def test_who_asks_for_any_page_is_led_to_the_entrance(shared: House, path: str) -> None:
    with shared.nobody() as client:
        answer = client.get(path, headers={"accept": "text/html"}, follow_redirects=True)
        assert answer.status_code == 200
        assert answer.url.path == "/enter"
        assert len(answer.history) <= 6


def test_it_says_to_wait_as_long_as_is_needed(shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from playground.access import quota

    def ask(_: object) -> None:
        raise QuotaError("7 requests an hour are used up. Try again in 1 minutes.", 7.2)

    with shared.guest() as client:
        monkeypatch.setattr(quota.Quota, "ask", ask)
        answer = client.post("/page/context", json={})
        assert answer.headers["retry-after"] == str(math.ceil(7.2))


def test_half_requests_end(shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_HEAD_SECONDS", 0.4)
    monkeypatch.setattr(connections, "_REST_SECONDS", 0.4)
    monkeypatch.setattr("playground.door.door._FORM_SECONDS", 0.4)
    whole = head(shared, "GET", "/enter")
    halves = {
        "nothing": b"",
        "half a head": whole[:-2],
        "a second half": whole + whole[:-2],
        "no body": head(shared, "POST", "/enter", "Content-Length: 100"),
        "half a body, which nobody wants": head(shared, "POST", "/x", "Content-Length: 100000") + b"x",
    }
    for name, sent in halves.items():
        with line(shared, sent) as one:
            if name.endswith(("wants", "second half")):
                one.recv(100)  # Answered; what comes after it is no request.
                time.sleep(0.1)
                one.sendall(b"x" if name.endswith("wants") else b"X-More: 1\r\n")
            elif name == "no body":
                assert b" 408 " in one.recv(100)
                one.sendall(b"x")
            assert is_over(one), name
    with line(shared, head(shared, "GET", "/enter", "Connection: keep-alive")) as one:
        one.recv(65536)
        time.sleep(1.0)
        one.sendall(head(shared, "GET", "/enter", "Connection: close"))
        assert is_over(one), "between requests one may take longer"


def test_a_body_that_stalls_is_given_up(shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_STALLED_SECONDS", 0.3)
    with shared.guest() as client:
        client.get("/page/choices")
        cookie = f"Cookie: playground_in={client.cookies['playground_in']}"
        for path in ("/page/context", "/page/attach?name=a.txt", COMMAND):
            with line(shared, head(shared, "POST", path, cookie, "Content-Length: 5000") + b"[") as one:
                assert b" 408 " in one.recv(65536).split(b"\r\n")[0], path
        # A page's stream, which has no body, goes on.
        with client.stream("GET", "/page/live") as stream:
            pieces = stream.iter_text()
            next(pieces)
            time.sleep(0.6)
            client.post("/page/fill", json={"text": "x"})
            Client(str(client.base_url), client).send(None, None, "for the stream")
            assert next(pieces)


def test_a_body_that_drips_is_given_up(shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_STALLED_SECONDS", 0.5)
    with shared.guest() as client:
        client.get("/page/choices")
        cookie = f"Cookie: playground_in={client.cookies['playground_in']}"
        with line(shared, head(shared, "POST", "/page/attach?name=a.txt", cookie, "Content-Length: 50000")) as one:
            one.settimeout(0.05)
            for _ in range(100):
                one.sendall(b"x")
                try:
                    answer = one.recv(65536)
                    break
                except TimeoutError:
                    continue
        assert b" 408 " in answer.split(b"\r\n")[0]


def test_more_connections_than_places(shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks nothing gives way to whoever asks; whoever is served stays."""
    with shared.guest() as client:
        monkeypatch.setattr(connections, "most_connections", lambda: 12)
        with client.stream("GET", "/page/live") as stream:
            pieces = stream.iter_text()
            next(pieces)
            idle = [line(shared, b"GET / HTTP/1.1\r\n") for _ in range(40)]
            for _ in range(3):
                with line(shared, head(shared, "GET", "/enter", "Connection: close")) as one:
                    assert b" 200 " in one.recv(100)
            assert sum(is_over(one) for one in idle[:20]) == 20
            Client(str(client.base_url), client).send(None, None, "for the stream")
            assert next(pieces)
            for one in idle:
                one.close()
            monkeypatch.setattr(connections, "most_connections", lambda: 0)

            def answer() -> bytes:
                with line(shared, head(shared, "GET", "/enter")) as one:
                    try:
                        return one.recv(100)
                    except ConnectionError:
                        return b""

            # First those give way that are kept for a next request.
            eventually(lambda: answer().startswith(b"HTTP/1.1 503 "))


def test_one_person_does_not_take_all_places(shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.door.door._OPEN", 2)
    with shared.guest("Greedy") as client, shared.guest("Other") as other:
        with client.stream("GET", "/page/live") as one, client.stream("GET", "/page/live") as two:
            assert (one.status_code, two.status_code) == (200, 200)
            answer = client.get("/page/choices")
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "30"
            assert other.get("/page/choices").status_code == 200
        eventually(lambda: client.get("/page/choices").status_code == 200)


def test_one_link_does_not_take_all_places(shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.door.door._OPEN_BY_ONE_LINK", 2)
    link, secret = shared.sharing.invite("Many", ROOMS, Limits(), 3600)
    with shared.enter(link=secret, name="A") as one, shared.enter(link=secret, name="B") as two:
        assert {client.get("/page/choices").status_code for client in (one, two)} == {200}
        with one.stream("GET", "/page/live"), two.stream("GET", "/page/live"):
            assert {client.get("/page/choices").status_code for client in (one, two)} == {503}
            with shared.guest("Other") as other:
                assert other.get("/page/choices").status_code == 200
    shared.sharing.revoke(link)
