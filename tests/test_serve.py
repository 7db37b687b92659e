"""The server as a process: its guard, its end, its neighbours, and that it talks to nobody outside."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
import pytest

from benchmarks.common import Client
from playground import __version__
from tests.conftest import App, wait_for
from tests.test_cli import assert_fault, run

HOSTS = ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "", "[", "[::1", "a b"]
StartApp = Callable[..., App]
POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One server for all tests that only look."""
    from tests.conftest import launch

    app = launch(tmp_path_factory.mktemp("serve") / "数据 folder", "--engine", "echo")
    yield app
    assert app.quit() == 0
    app.kill()


def request(app: App, method: str, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request with exactly these headers; http.client would add a Host of its own."""
    with closing(http.client.HTTPConnection(urlsplit(app.url).netloc, timeout=20)) as connection:
        connection.putrequest(method, path, skip_host=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()


def last_message(app: App, conversation: str) -> tuple[str, str]:
    """Text and status, straight from the file."""
    with closing(sqlite3.connect(app.data / "playground.db")) as other:
        rows = other.execute("SELECT content, status FROM messages WHERE conversation_id = ?", [conversation])
        content, status = list(rows)[-1]
        return str(content), str(status)


def test_health(shared: App) -> None:
    health = wait_for(lambda: (got := shared.get("/health"))["model"]["phase"] == "ready" and got)
    assert (health["status"], health["version"]) == ("ok", __version__)
    assert (health["model"]["name"], health["model"]["engine"]) == ("echo", "echo")
    assert not any(health["imported"].values()), "the echo engine needs no heavy library"


@pytest.mark.parametrize("host", HOSTS)
def test_a_foreign_host_name_is_refused(shared: App, host: str) -> None:
    for path in ("/", "/health", "/page/live", "/config"):
        assert request(shared, "GET", path, Host=host)[0] == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:1", "[::1]:80"])
def test_our_own_names_are_answered(shared: App, host: str) -> None:
    assert request(shared, "GET", "/health", Host=host)[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://[", "http://127.0.0.1:1", "file://"])
def test_a_foreign_page_is_refused(shared: App, origin: str) -> None:
    host = urlsplit(shared.url).netloc
    for method, path in (("POST", "/gradio_api/run/predict"), ("GET", "/health"), ("GET", "/page/live")):
        assert request(shared, method, path, Host=host, Origin=origin)[0] == 403


def test_a_blind_post_is_refused_and_our_own_page_is_not(shared: App) -> None:
    host = urlsplit(shared.url).netloc
    assert request(shared, "POST", "/gradio_api/run/predict", Host=host, Sec_Fetch_Site="cross-site")[0] == 403
    assert request(shared, "GET", "/health", Host=host, Origin=shared.url, Sec_Fetch_Site="same-origin")[0] == 200


def test_every_answer_carries_the_policy(shared: App) -> None:
    host = urlsplit(shared.url).netloc
    for path in ("/", "/health", "/no/such/page"):
        _, headers, body = request(shared, "GET", path, Host=host)
        policy = headers["content-security-policy"]
        for rule in ("default-src 'self'", "connect-src 'self'", "form-action 'self'", "frame-ancestors 'none'"):
            assert rule in policy
        assert "img-src 'self' data: blob:;" in policy
        assert headers["x-content-type-options"] == "nosniff"
        if path == "/":
            foreign = re.findall(rb'(?:src|href)="(?:https?:)?//[^"]*"', body)
            assert not [link for link in foreign if b"127.0.0.1" not in link], foreign


@pytest.mark.parametrize(
    "path",
    [
        *("/docs", "/redoc", "/openapi.json", "/monitoring/summary", "/monitoring", "/login", "/gradio_api/info"),
        *("/gradio_api/openapi.json", "/gradio_api/runs", "/gradio_api/upload", "/gradio_api/vibe-edit"),
        *("/gradio_api/proxy=http://127.0.0.1/", "/gradio_api/component_server", "/gradio_api/dev/reload"),
        *("/gradio_api/api/predict", "/gradio_api/call/act", "/gradio_api/queue/join", "/gradio_api/deep_link"),
    ],
)
def test_what_gradio_has_besides_our_page_is_shut(shared: App, path: str) -> None:
    for method in ("GET", "POST"):
        assert request(shared, method, path, Host="127.0.0.1")[0] == 404


@pytest.mark.parametrize("path", ["/etc/passwd", "playground/serve.py", "../../../etc/passwd", "HISTORY"])
def test_no_file_is_given_out(shared: App, path: str) -> None:
    path = path.replace("HISTORY", quote(str(shared.data / "playground.db")))
    status, _, body = request(shared, "GET", f"/gradio_api/file={path}", Host="127.0.0.1")
    assert status in (403, 404)
    assert b"root:" not in body


def test_it_listens_on_loopback_only(shared: App) -> None:
    listening = [c for c in psutil.Process(shared.process.pid).net_connections("inet") if c.status == "LISTEN"]
    assert [c.laddr.ip for c in listening] == ["127.0.0.1"]


def test_a_second_copy_names_the_first(shared: App) -> None:
    assert_fault(run(shared.data, "serve", "--engine", "echo", "--no-browser"), 3, "already running", shared.url)
    assert shared.get("/health")["status"] == "ok"


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = run(tmp_path / "data", "serve", "--engine", "echo", "--no-browser", "--port", port)
    assert_fault(done, 3, f"Port {port}", "--port")


def test_a_damaged_history_does_not_stop_the_start(start_app: StartApp, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "playground.db").write_bytes(b"no database " * 1000)
    app = start_app(data=data)
    (aside,) = data.glob("*.damaged-*.db")
    assert aside.name.encode() in request(app, "GET", "/", Host="127.0.0.1")[2]


@POSIX_ONLY
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signal_in_mid_reply_ends_it_and_keeps_the_text(start_app: StartApp, name: str) -> None:
    app = start_app("--model", "echo@40")
    client = Client(app.url)
    conversation = client.send(None, None, "/tokens 2000")
    client.close()

    wait_for(lambda: len(last_message(app, conversation)[0]) > 100, what="some text in the file")
    with closing(http.client.HTTPConnection(urlsplit(app.url).netloc, timeout=20)) as page:
        page.request("GET", f"/page/live?c={conversation}")
        page.getresponse().read(100)  # An open page must not hold up the end.
        before, began = last_message(app, conversation)[0], time.monotonic()
        app.process.send_signal(getattr(signal, name))
        assert app.process.wait(10) == 0
        assert time.monotonic() - began < 3
    content, status = last_message(app, conversation)
    assert content.startswith(before)
    assert status == "stopped"
    assert not (app.data / "playground.json").exists()
    assert app.process.stdout is not None
    assert "Traceback" not in app.process.stdout.read()


def outside(trace: str) -> list[str]:
    """The connections in strace's output that leave this machine."""
    inet = [line for line in trace.splitlines() if "sa_family=AF_INET" in line]
    return [line for line in inet if not re.search(r'inet_addr\("127\.|"::1"|"::ffff:127\.', line)]


def test_what_counts_as_outside() -> None:
    ours = 'connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0\n'
    theirs = ours.replace("127.0.0.1", "10.0.0.1") + "connect(3, {sa_family=AF_INET6, inet_pton(2001::1)})\n"
    assert len(outside(ours + theirs)) == 2


@pytest.mark.real_model
@pytest.mark.parametrize("arguments", [[], ["--offline"]], ids=["plain", "offline"])
def test_no_connection_leaves_this_machine(
    tmp_path: Path, starter_gguf: Path, arguments: list[str], start_app: StartApp
) -> None:
    """With the starter model here, a start, a page and a reply need nobody; the model listens on no port of its own."""
    strace, trace = shutil.which("strace"), tmp_path / "trace"
    under = [strace, "-D", "-f", "-q", "--seccomp-bpf", "-e", "trace=connect", "-o", str(trace)] if strace else []
    app = start_app(*arguments, "--engine", "llamacpp", model_from=starter_gguf, under=under)
    process, seen = psutil.Process(app.process.pid), set()

    def look() -> bool:
        for one in process.net_connections("inet"):
            seen.add((one.status, one.laddr.ip, one.raddr.ip if one.raddr else "", one.laddr.port))
        return bool(app.get("/health")["model"]["phase"] == "ready")

    wait_for(look, 60, "the model")
    client = Client(app.url)
    conversation = client.send(None, None, "What is the capital of France?")
    client.close()
    wait_for(lambda: look() and last_message(app, conversation)[1] == "complete", 60, "a reply")
    assert "Paris" in last_message(app, conversation)[0]
    assert app.quit() == 0
    if strace:
        wait_for(
            lambda: re.search(rf"^{process.pid} +\+\+\+ exited", trace.read_text(), re.MULTILINE),
            what="the end of the trace",
        )
        assert outside(trace.read_text()) == []
    assert {(local, remote) for _, local, remote, _ in seen} <= {("127.0.0.1", ""), ("127.0.0.1", "127.0.0.1")}
    assert len({port for status, _, _, port in seen if status == "LISTEN"}) == 1
