"""Both addresses of one app, the owner's as `serve` puts it together, and everybody who can ask something of them."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn

from playground import serve
from playground.access.hashing import hashed_secret, new_secret
from playground.store.access_values import SCOPES, Limits
from tests.door.houses import House, eventually, house

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
AT_THE_DOOR = {("GET", "/enter"), ("POST", "/enter"), ("POST", "/leave")}
MANY = Limits(requests_per_hour=10**6, tokens_per_hour=10**9, concurrent=8)
_LIMITS = {"requests_per_hour": 10**6, "tokens_per_hour": 10**9, "concurrent": 8}
_FRONT = Path(next(iter(__import__("gradio").__path__))) / "templates" / "frontend"
FILLED = {
    "/assets/{path:path}": f"/assets/{next(_FRONT.glob('assets/index-*.js')).name}",
    "/static/{path:path}": "/static/img/logo.svg",
    "/v1/models/{model_id:whole}": "/v1/models/echo",
}
"""Where an "x" would name nothing that is there."""


class _Made(Exception):
    """Instead of serving it."""

    def __init__(self, app: Any) -> None:
        self.app = app


@dataclass
class Town:
    """A house, and the owner's own address beside its door."""

    house: House
    app: Any
    url: str

    def owner(self, **headers: str) -> httpx.Client:
        """A browser of the owner's."""
        return httpx.Client(base_url=self.url, timeout=60, headers=headers)

    def guest(self, *rooms: str, name: str = "Ada") -> httpx.Client:
        """By a link of their own that allows much."""
        return self.house.guest(name, rooms or ("chat", "summaries", "translate"), **_LIMITS)

    def account(self, name: str) -> httpx.Client:
        """With an account that allows much."""
        with self.house.account(name) as client:
            client.post("/leave")
        access = self.house.sharing.access
        (mine,) = [one for one in access.accounts() if one.name == name]
        access.change_account(mine.id, limits=MANY)
        return self.house.enter(name=name, password="a long enough password")

    def key(self, *scopes: str) -> str:
        """Of a program."""
        secret = new_secret("pg-")
        self.house.sharing.access.add_key("a program", secret[:6], hashed_secret(secret), scopes or SCOPES, MANY)
        return secret

    def forgive(self) -> None:
        """Wrong attempts at the entrance are forgotten."""
        for key in ("from 127.0.0.1", "as "):
            self.house.sharing.serve._throttle.right(key)  # type: ignore[union-attr]

    def routes(self) -> set[tuple[str, str]]:
        """Methods and paths of all there is, those of Gradio inside of it too."""
        return {*_routes(self.app), *AT_THE_DOOR}


@contextmanager
def town(root: Path) -> Iterator[Town]:
    """Open, with the echo model loaded."""
    with house(root) as made:
        app = owners_app(made)
        # With its protocol named asyncio lets small answers go at once.
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(128)
            server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
            thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), name="owner")
            thread.start()
            try:
                eventually(lambda: server.started)
                yield Town(made, app, f"http://127.0.0.1:{listener.getsockname()[1]}")
            finally:
                server.should_exit = True
                thread.join(30)
        assert not thread.is_alive()


def owners_app(house: House) -> Any:
    """What `serve` would serve, taken at the last moment."""

    def run(server: uvicorn.Server, **_: Any) -> None:
        raise _Made(server.config.app)

    async def make() -> Any:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            try:
                serve._run(
                    house.owner, house.sharing, listener, "http://127.0.0.1:1", house.root / "x", open_browser=False
                )
            except _Made as made:
                return made.app
        raise AssertionError("serve did not come to serving")

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(1) as pool:
        patch.setattr(uvicorn.Server, "run", run)
        patch.setattr(serve, "_LOAD_ANYWAY_SECONDS", 10**6)
        patch.setattr(serve.upkeep, "begin", lambda *_: None)
        return pool.submit(asyncio.run, make()).result()


def _routes(router: Any, base: str = "") -> Iterator[tuple[str, str]]:
    for one in router.routes:
        if (inner := getattr(one, "original_router", None)) is not None:
            yield from _routes(inner, base + one.include_context.prefix)
        elif hasattr(one, "app") and not hasattr(one, "endpoint"):
            if hasattr(one.app, "routes"):
                yield from _routes(one.app, base + one.path.rstrip("/"))
        else:
            for method in getattr(one, "methods", None) or ():
                yield method, base + one.path


def filled(path: str) -> str:
    """A route's path with something in its holes."""
    return FILLED.get(path) or re.sub(r"\{[^}]*\}", "x", path)


@dataclass(frozen=True)
class Answer:
    """Status, headers and the beginning of what came; a stream is not waited for."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_nothing(self) -> bool:
        """Whether it is as where there is no such route, or as to nobody."""
        if self.status in (401, 405) or self.body == b"Invalid HTTP request received.":
            return True
        if self.status == 404:
            return self.body in (b"", b"Not found.", b'{"detail":"Not Found"}') or b'"unknown_url"' in self.body
        return self.status == 303 and self.headers.get("location") == "enter"


class Line:
    """Requests exactly as written, over one connection where the other side lets it."""

    def __init__(self, client: httpx.Client, **headers: str) -> None:
        """Where, and as whom, a client asks."""
        self._place = urlsplit(str(client.base_url)).netloc
        said = {"host": self._place, "cookie": "; ".join(f"{k}={v}" for k, v in client.cookies.items())}
        if authorization := client.headers.get("authorization"):
            said["authorization"] = authorization
        self._headers = {name: value for name, value in {**said, **headers}.items() if value}
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, target: str, body: bytes | None = None, *more: tuple[str, str]) -> Answer:
        """One request; `more` headers take the place of those of the same name, and may be doubled."""
        for again in (True, False):
            try:
                return self._ask(method, target, body, more)
            except (http.client.HTTPException, ConnectionError):
                self.close()
                if not again:
                    raise
        raise AssertionError

    def _ask(self, method: str, target: str, body: bytes | None, more: tuple[tuple[str, str], ...]) -> Answer:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._place, timeout=60)
        line = self._connection
        line.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        names = {name.lower() for name, _ in more}
        for name, value in [*((k, v) for k, v in self._headers.items() if k not in names), *more]:
            line.putheader(name, value)
        if body is not None:
            line.putheader("content-length", str(len(body)))
            line.putheader("content-type", "application/json")
        line.endheaders(body)
        answer = line.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        streams = headers.get("content-type", "").startswith("text/event-stream")
        got = answer.read1(200) if streams else answer.read()
        if streams or answer.will_close:
            answer.close()
            self.close()
        return Answer(answer.status, headers, got)

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def answering(client: httpx.Client, asked: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Of methods and paths those that answer. Nobody leaves by it."""
    line, found = Line(client), set()
    for method, path in sorted(asked - {("POST", "/leave")}):
        answer = line.ask(method, filled(path), b"{}" if method in ("POST", "PUT", "PATCH") else None)
        assert answer.status < 500, (method, path, answer)
        if not answer.is_nothing and not (path.startswith("/v1/") and b'"missing_scope"' in answer.body):
            found.add((method, path))
    line.close()
    return found
