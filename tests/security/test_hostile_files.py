"""Hostile files at every door of the page that takes one, as the owner and as a guest: nothing of them runs, nothing
is written elsewhere, each ends at once in words, and the app goes on.
"""

from __future__ import annotations

import os
import pickle
import resource
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from fastapi.testclient import TestClient

from tests.door.houses import House, house, owners_page
from tests.security import hostile
from tests.security.watching import watched

pytestmark = pytest.mark.timeout(120)
DOORS = (
    *("/page/attach", "/page/import", "/page/memory/import", "/page/memory/glossary", "/page/summaries/attach"),
    *("/page/translate/attach", "/page/tune/attach"),
)
GUESTS = tuple(door for door in DOORS if "tune" not in door)
NAMES = (
    *("../../x.txt", "/etc/cron.d/x", "C:\\x.txt", "\\\\host\\share\\x.txt", "//host/x.txt", "a\0b.txt", "NUL", "."),
    *("CON.txt", "x" * 5000, "<img src=x onerror=x()>.txt", "\r\nSet-Cookie: a=b", "\u202efdp.txt", "", "..", "~/x"),
)
_MOST = 600_000
"""Kilobytes that memory may grow by."""


@dataclass
class Place:
    """The app, its two pages, and what must stay as it is."""

    outside: Path
    temporary: Path
    owner: httpx.Client
    guest: httpx.Client
    house: House
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def canary(self) -> Path:
        return self.outside / "canary"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    root = tmp_path_factory.mktemp("hostile")
    outside, temporary = root / "outside", root / "temporary"
    outside.mkdir()
    temporary.mkdir()
    (outside / "mine.txt").write_text("mine", encoding="utf-8")
    was = tempfile.tempdir
    with house(root / "data") as opened:
        page = owners_page(opened)
        # A test's client is at home at an address of this machine, as the page is.
        with TestClient(page, base_url="http://127.0.0.1:7860", raise_server_exceptions=False) as owner:
            made = Place(outside, temporary, owner, opened.guest(), opened)
            made.files |= hostile.documents(made.canary)
            tempfile.tempdir = str(temporary)
            try:
                yield made
            finally:
                tempfile.tempdir = was
                made.guest.close()


def give(client: httpx.Client, door: str, name: str, data: bytes) -> httpx.Response:
    url = f"{door}?name={quote(name, errors='replace')}&run=&f="
    return client.post(url, content=data, headers={"Origin": str(client.base_url).rstrip("/")})


def check(answer: httpx.Response, what: str) -> None:
    """Words, and no accident: what could be read says what it is, all else says why not."""
    assert answer.status_code in (200, 400, 404, 409, 413, 422), f"{what}: {answer.status_code} {answer.text[:300]}"
    said = answer.json()
    assert answer.status_code == 200 or len(str(said["error"])) > 20, what
    text = answer.text
    assert "Traceback" not in text, what
    assert "root:x:0" not in text, f"{what} tells what stands in /etc/passwd"
    assert "<img src=x" not in str(said.get("html", "")), what


def test_the_canary_can_die(tmp_path: Path) -> None:
    """Control: each of these programs does run where a pickle is believed, and the watch sees it."""
    import numpy

    canary = tmp_path / "canary"
    pickle.loads(hostile.program(canary))
    assert canary.is_dir()
    canary.rmdir()
    file = tmp_path / "a.npy"
    file.write_bytes(hostile.array(canary))
    numpy.load(file, allow_pickle=True)
    assert canary.is_dir()
    canary.rmdir()
    exec(hostile.script(canary))
    assert canary.is_file()
    with pytest.raises(AssertionError), watched(tmp_path):
        pickle.loads(hostile.program(tmp_path / "another"))


def test_the_checkpoint_can_kill_the_canary(tmp_path: Path) -> None:
    import torch

    canary, file = tmp_path / "canary", tmp_path / "a.pt"
    file.write_bytes(hostile.checkpoint(canary))
    torch.load(file, weights_only=False)
    assert canary.is_dir()


@pytest.mark.parametrize("door", DOORS)
def test_nothing_comes_of_a_hostile_file(place: Place, door: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with watched(place.outside):
        for name, data in place.files.items():
            check(give(place.owner, door, name, data), f"{name} at {door}")
            assert not place.canary.exists(), f"{name} at {door}"
    if sys.platform == "linux":
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < _MOST
    assert place.owner.get("/page/filters").status_code == 200


@pytest.mark.parametrize("door", GUESTS)
def test_nor_of_a_guests(place: Place, door: str) -> None:
    with watched(place.outside):
        for name in ("bomb.zip", "bomb.docx", "bomb.png", "pickle.pkl", "laughing.docx", "deep.json", "slip.epub"):
            check(give(place.guest, door, name, place.files[name]), f"{name} at {door}")
    assert not place.canary.exists()


def test_a_guest_trains_nothing(place: Place) -> None:
    assert give(place.guest, "/page/tune/attach", "a.jsonl", b"{}").status_code == 404


@pytest.mark.parametrize("door", DOORS)
def test_a_name_is_only_a_name(place: Place, door: str) -> None:
    table = b"Where is the harbour?,In the south of the town it lies."
    with watched(place.outside):
        for name in NAMES:
            check(give(place.owner, door, name, table), f"{name!r} at {door}")
    assert [one.name for one in place.outside.iterdir()] == ["mine.txt"]


def test_what_was_read_can_be_worked_with(place: Place) -> None:
    """A hostile file that holds a text is drawn, planned and written back without an accident."""
    asked = {"Origin": "http://127.0.0.1:7860"}
    for name in ("deep.jsonl", "pickle.txt", "halves.json", "digits.json", "wide.csv", "deep.html"):
        run = give(place.owner, "/page/tune/attach", name, place.files[name]).json().get("run", "")
        for command in ("samples", "lengths", "plan"):
            answer = place.owner.post(f"/page/tune/{command}", json={"run": run}, headers=asked)
            assert answer.status_code < 500, f"{name} {command}: {answer.text[:300]}"
    for name in ("deep.html", "laughing.html", "slip.docx", "halves.txt"):
        run = give(place.owner, "/page/translate/attach", name, place.files[name]).json().get("run", "")
        answer = place.owner.post("/page/translate/rows", json={"run": run}, headers=asked)
        assert answer.status_code < 500, f"{name}: {answer.text[:300]}"
        assert "root:x:0" not in answer.text


def test_an_import_that_is_refused_leaves_what_was_there(place: Place) -> None:
    own = b'[{"title": "Mine", "messages": [{"role": "user", "content": "Keep me."}]}]'
    check(give(place.owner, "/page/import", "own.json", own), "own")
    for name in ("bomb.zip", "overlapping.zip", "pickle.json", "deep.json", "nested.zip"):
        check(give(place.owner, "/page/import", name, place.files[name]), name)
    history = place.house.owner.chat.history
    assert "Mine" in [one.title for one in history.conversations(1000)]
    assert not list((place.house.root / "cache").rglob("upload-*")), "what was on its way is gone"
    assert not os.listdir(place.temporary)
