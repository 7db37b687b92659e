"""Who asks from where, and what stands above every answer: at both addresses, on every route."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import pytest

from playground.api.guard import Guard
from tests.door.houses import PASSWORD
from tests.door.walking import Line, Town, filled, town

R = TypeVar("R")
EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
RULES = (
    *("default-src 'self'", "connect-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "object-src 'none'"),
    *("base-uri 'self'", "img-src 'self' data: blob:;"),
)
KEPT = ("/assets/", "/static/", "/theme.css", "/favicon.ico", "/robots.txt")
"""What is the same for everybody, and may lie in a browser."""
HOSTS = (
    *("evil.example", "evil.example:{port}", "localhost.evil.example", "127.0.0.1.nip.io", "127.0.0.1.evil.example:80"),
    *("10.1.2.3", "10.1.2.3:{port}", "[2001:db8::1]", "", "[", "[::1", "a b", "localhost.", "127.1", "2130706433"),
    *("0x7f.0.0.1", "localhost@evil.example", "127.0.0.1:{port}@evil.example", "evil.example#127.0.0.1", "xn--evil"),
)
ORIGINS = (
    *("http://evil.example", "http://evil.example:{port}", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"),
    *("file://", "http://127.0.0.1:{port}.evil.example", "http://[", "http://localhost:{port}", "http://127.0.0.1"),
    *(
        "chrome-extension://127.0.0.1:{port}",
        "ftp://127.0.0.1:{port}",
        "127.0.0.1:{port}",
        "http://127.0.0.1:{port}/",
        "*",
    ),
    "http://a@127.0.0.1:{port}",
)


def in_a_thread(work: Coroutine[Any, Any, R]) -> R:
    """What it gives; there may be a loop in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town")) as made:
        yield made


@pytest.fixture(scope="module")
def clients(here: Town) -> Iterator[dict[str, httpx.Client]]:
    """At both addresses, who may most there, and nobody."""
    key = here.key()
    found = {"owner": here.owner(authorization=f"Bearer {key}"), "guest": here.guest(), "nobody": here.house.nobody()}
    yield found
    for client in found.values():
        client.close()


def test_foreign_names_and_origins_on_every_route(here: Town, clients: dict[str, httpx.Client]) -> None:
    asked = 0
    for client in (clients["owner"], clients["guest"]):
        port, line = urlsplit(str(client.base_url)).port, Line(client)
        routes = sorted(here.routes())
        for number, (method, path) in enumerate(routes):
            target, body = filled(path), b"{}" if method == "POST" else None
            # Every route with each third of them, each third with every route's neighbours.
            for host in HOSTS[number % 3 :: 3]:
                host = host.format(port=port)
                assert line.ask(method, target, body, ("host", host)).status == 400, (method, path, host)
                rebound = line.ask(method, target, body, ("host", host), ("origin", f"http://{host}"))
                assert rebound.status == 400, "a name that was bound anew says that the page is its own"
                asked += 2
            for origin in ORIGINS[number % 3 :: 3]:
                answer = line.ask(method, target, body, ("origin", origin.format(port=port)))
                assert answer.status == 403, (method, path, origin)
                assert answer.body == (b"" if method == "HEAD" else b"Requests from other pages are refused.")
                assert "access-control-allow-origin" not in answer.headers
                asked += 1
            for site in ("cross-site", "same-site"):
                for mode in ("no-cors", "cors", "navigate", ""):
                    followed = mode == "navigate" and method in ("GET", "HEAD")
                    if not followed:
                        answer = line.ask(method, target, body, ("sec-fetch-site", site), ("sec-fetch-mode", mode))
                        assert answer.status == 403, (method, path, site, mode)
                        asked += 1
        line.close()
    print(asked, "foreign requests refused")
    assert asked > 3000


def test_our_own_page_and_a_link_to_us_are_not_foreign(clients: dict[str, httpx.Client]) -> None:
    for name in ("owner", "guest"):
        line, place = Line(clients[name]), str(clients[name].base_url)
        for site in ("same-origin", "none"):
            own = (("origin", place), ("sec-fetch-site", site), ("sec-fetch-mode", "cors"))
            assert line.ask("POST", "/page/fill", b'{"text": "x"}', *own).status == 200
            assert line.ask("GET", "/page/choices", None, *own[1:]).status == 200
        link = (("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"))
        assert line.ask("GET", "/", None, *link).status == 200
        assert line.ask("POST", "/page/fill", b'{"text": "x"}', *link).status == 403
        line.close()


@pytest.mark.parametrize("doubled", ["host", "origin"])
def test_a_header_that_stands_twice(clients: dict[str, httpx.Client], doubled: str) -> None:
    for name in ("owner", "guest"):
        line, place = Line(clients[name]), str(clients[name].base_url)
        ours = place if doubled == "origin" else urlsplit(place).netloc
        for pair in ((ours, "http://evil.example"), ("evil.example", ours), (ours, ours)):
            answer = line.ask("POST", "/page/fill", b"{}", *((doubled, one) for one in pair))
            assert answer.status in (400, 403)
        line.close()


def test_without_any_host(clients: dict[str, httpx.Client]) -> None:
    for name in ("owner", "guest"):
        place = urlsplit(str(clients[name].base_url))
        for version in ("1.0", "1.1"):
            with closing(socket.create_connection((place.hostname, place.port), 20)) as line:
                line.sendall(f"GET /health HTTP/{version}\r\nConnection: close\r\n\r\n".encode())
                assert line.recv(100).split()[1] == b"400"


def test_a_key_from_a_foreign_page(clients: dict[str, httpx.Client]) -> None:
    """Neither what it asks nor whether it may ask is answered; a program without a page says no origin."""
    line = Line(clients["owner"])
    body = b'{"model": "echo", "messages": [{"role": "user", "content": "x"}]}'
    foreign = ("origin", "http://evil.example")
    assert line.ask("POST", "/v1/chat/completions", body).status == 200
    assert line.ask("POST", "/v1/chat/completions", body, foreign).status == 403
    asks = (foreign, ("access-control-request-method", "POST"), ("access-control-request-headers", "authorization"))
    before = line.ask("OPTIONS", "/v1/chat/completions", None, *asks)
    assert before.status == 403
    assert not [name for name in before.headers if name.startswith("access-control-")]
    line.close()


def test_what_stands_above_every_answer(here: Town, clients: dict[str, httpx.Client]) -> None:
    seen = 0
    for client in clients.values():
        line = Line(client)
        for method, path in sorted(here.routes() - {("POST", "/leave")}):
            body = b"{}" if method == "POST" else None
            for more in ((), (("host", "evil.example"),), (("origin", "null"),)):
                check(path, line.ask(method, filled(path), body, *more))
                seen += 1
        line.close()
    here.forgive()
    print(seen, "answers")


def check(path: str, answer: Any) -> None:
    """Refused or not."""
    assert answer.status < 500
    assert EVERYWHERE.items() <= answer.headers.items(), (path, answer.headers)
    assert all(rule in answer.headers["content-security-policy"] for rule in RULES)
    assert all(f"{one}=()" in answer.headers["permissions-policy"] for one in ("camera", "microphone", "geolocation"))
    if answer.status >= 400 or not path.startswith(KEPT):
        assert answer.headers["cache-control"] == "no-store", path


def test_errors_carry_it_too(here: Town) -> None:
    """401, 403, 404, 405, 413, 422, 429 and a 500 that should not be."""
    codes = set()

    def seen(answer: httpx.Response) -> None:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        assert EVERYWHERE.items() <= headers.items()
        assert headers["cache-control"] == "no-store"
        assert "content-security-policy" in headers
        codes.add(answer.status_code)

    with here.house.nobody() as nobody, here.house.guest(upload_megabytes=1, requests_per_hour=4) as guest:
        seen(nobody.get("/page/tree"))
        seen(nobody.post("/enter", json={"name": "nobody", "password": PASSWORD}))
        seen(nobody.post("/enter", content=b"x" * 20_000))
        here.forgive()
        seen(guest.get("/nowhere"))
        seen(guest.get("/page/tree"))
        seen(guest.post("/page/attach", params={"name": "a.txt"}, content=b"x" * 1_500_000))
        for _ in range(6):
            seen(guest.post("/page/context", json={}))
    with here.owner(authorization=f"Bearer {here.key('chat')}") as owner:
        seen(owner.put("/v1/models"))
        seen(owner.post("/v1/embeddings", json={}))
        seen(owner.post("/v1/chat/completions", json={}))
    assert codes >= {400, 401, 403, 404, 405, 413, 422, 429}


def test_an_error_of_ours_and_a_socket_of_theirs() -> None:
    """What the inner app does not catch is an answer, too; of WebSockets there is none."""
    reached = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["type"])
        raise RuntimeError("a secret")

    async def ask(scope: dict[str, Any]) -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        await Guard(inner, "127.0.0.1")({"method": "GET", "path": "/", "scheme": "http", **scope}, receive, send)
        return sent

    headers = [(b"host", b"127.0.0.1")]
    start, body = in_a_thread(ask({"type": "http", "headers": headers}))
    assert start["status"] == 500
    assert b"secret" not in body["body"]
    assert (b"cache-control", b"no-store") in start["headers"]
    assert in_a_thread(ask({"type": "websocket", "headers": headers})) == [{"type": "websocket.close", "code": 1008}]
    assert reached == ["http"]


@pytest.mark.parametrize(
    ("origin", "said", "status"),
    [
        *(("https://x.gradio.live", "", 200), ("http://x.gradio.live", "", 200), ("https://y.gradio.live", "", 403)),
        *(("https://my.example", "https", 200), ("https://my.example", "", 403), ("http://my.example", "https", 403)),
        *(("https://evil.example", "https", 403), ("null", "https", 403)),
    ],
)
def test_tls_in_front_of_it(origin: str, said: str, status: int) -> None:
    """A tunnel's name is known; a proxy says that it speaks TLS, which no foreign page can."""

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask() -> int:
        host = "x.gradio.live" if "gradio" in origin else "my.example"
        headers = [(b"host", host.encode()), (b"origin", origin.encode())]
        headers += [(b"x-forwarded-proto", said.encode())] if said else []
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/", "scheme": "http", "headers": headers}
        await Guard(inner, "my.example", {"x.gradio.live"})(scope, None, send)  # type: ignore[arg-type]
        return int(sent[0]["status"])

    assert in_a_thread(ask()) == status


def test_whoever_guesses_cannot_say_another_address_each_time(here: Town) -> None:
    here.forgive()
    with here.house.nobody() as client:
        codes = []
        for number in range(12):
            claims = {"x-forwarded-for": f"203.0.113.{number}", "x-real-ip": f"203.0.113.{number}"}
            form = {"name": f"somebody {number}", "password": PASSWORD}
            codes.append(client.post("/enter", json=form, headers=claims).status_code)
    here.forgive()
    assert codes == [403] * 5 + [429] * 7
