"""That the tests would notice a call to another machine, in their own process and in those they start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ELSEWHERE = "192.0.2.1"  # RFC 5737: nobody's
UDP = "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one: one"
CALLS = (
    f"socket.create_connection(('{ELSEWHERE}', 80), 1)",
    f"{UDP}.connect_ex(('{ELSEWHERE}', 9))",
    f"{UDP}.sendto(b'x', ('{ELSEWHERE}', 9))",
    f"{UDP}.sendmsg([b'x'], [], 0, ('{ELSEWHERE}', 9))",
    "socket.getaddrinfo('example.test', 80)",
    "socket.getaddrinfo(b'example.test', 80)",
    "socket.gethostbyname('example.test')",
    "socket.gethostbyname_ex('example.test')",
    f"socket.gethostbyaddr('{ELSEWHERE}')",
    f"socket.getnameinfo(('{ELSEWHERE}', 80), 0)",
    "socket.getaddrinfo('localhost.example.test', 80)",
    "socket.getaddrinfo('127.example.test', 80)",
    "socket.getaddrinfo('cafe.de', 80)",  # Letters that numbers have, too.
)
OURS = (
    "socket.getaddrinfo('localhost', 80)",
    "socket.gethostbyname('localhost')",
    "socket.gethostbyname('127.0.0.2')",
    "socket.getaddrinfo('::1', 80)",
    f"{UDP}.sendto(b'x', ('127.0.0.1', 9))",
    "one, other = socket.socketpair()\nwith one, other: one.sendmsg([b'x'])",
)


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where calls are noted in this test: here they are meant."""
    made = tmp_path / "notes"
    made.touch()
    monkeypatch.setenv("PLAYGROUND_TEST_CALLS", str(made))
    return made


@pytest.mark.parametrize("call", CALLS)
def test_a_call_is_refused_and_noted(call: str, notes: Path) -> None:
    with pytest.raises(OSError, match="stay on this machine"):
        exec(f"import socket\n{call}")
    assert "test_a_call_is_refused_and_noted" in notes.read_text("utf-8")


@pytest.mark.parametrize("call", [CALLS[0], CALLS[4]])
def test_a_process_that_is_started_is_watched_too(call: str, notes: Path) -> None:
    done = subprocess.run([sys.executable, "-c", f"import socket\n{call}"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "stay on this machine" in done.stderr
    assert notes.read_text("utf-8")


def test_this_machine_may_be_called(notes: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    assert not notes.read_text("utf-8")
    for call in OURS:
        exec(f"import socket\n{call}")
    assert not notes.read_text("utf-8")
    assert os.environ["PYTHONPATH"].split(os.pathsep)[0].endswith("offline")


@pytest.mark.parametrize("look_up", ["getaddrinfo('no-such-machine.invalid', 80)", "gethostbyname(b'x.invalid')"])
def test_a_name_that_cannot_exist_is_not_asked_for(look_up: str, notes: Path) -> None:
    with pytest.raises(socket.gaierror, match="not known"):
        exec(f"import socket\nsocket.{look_up}")
    assert not notes.read_text("utf-8")
