"""Several people come in at the same moment, and what is left of those who went: nothing."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio as gr
import pytest

from benchmarks.common import Client
from playground.chat import ChatService
from playground.door import people
from playground.door.freeing import free
from playground.ui import live
from playground.ui.pace import Pace
from tests.door.houses import House, eventually, house


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path / "house") as made:
        yield made


def test_pages_that_are_made_at_the_same_moment_are_each_whole(shared: House) -> None:
    guests = [shared.guest(f"guest {number}") for number in range(5)]
    with ThreadPoolExecutor(5) as pool:
        configs = [answer.json() for answer in pool.map(lambda one: one.get("/config"), guests)]
    for config in configs:
        names = [one["props"].get("elem_id") for one in config["components"]]
        assert names.count("pg-send") == 1
        assert len(names) == len(configs[0]["components"])
        assert len(config["dependencies"]) == len(configs[0]["dependencies"])
    for number, guest in enumerate(guests):
        Client(str(guest.base_url), guest).send(None, None, f"only of {number}")
    for number, guest in enumerate(guests):
        for other in range(len(guests)):
            found = guest.get("/page/search", params={"q": f"only of {other}"}).json()["found"]
            assert bool(found) == (other == number)
        guest.close()


def test_whoever_leaves_frees_their_page_services_and_files(shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_GRACE_SECONDS", 0.1)
    owners = len(shared.owner.manager._residents.listeners)
    for number in range(3):
        with shared.guest(f"guest {number}") as guest:
            conversation = Client(str(guest.base_url), guest).send(None, None, "hello there")
            with guest.stream("GET", "/page/live", params={"c": conversation}) as lines:
                next(lines.iter_text())
            guest.get("/page/search", params={"q": "hello"})
            assert guests_services(shared.root)
            guest.post("/leave")
    eventually(lambda: not list((shared.root / "cache" / "guests").glob("*")))

    def gone() -> bool:
        free()
        return not guests_services(shared.root) and not deleted_files(shared.root)

    eventually(gone, 30)
    assert len(shared.owner.manager._residents.listeners) == owners


def test_commands_and_reloads_leave_nothing_in_gradio(shared: House) -> None:
    with shared.guest() as guest:
        page = Client(str(guest.base_url), guest)
        conversation = page.send(None, None, "hello there")
        page.stop(conversation)
        before = components()
        for _ in range(5):
            page.stop(conversation)
            Client(str(guest.base_url), guest).stop(conversation)  # A page that was opened anew.
        assert components() == before


def test_where_many_watch_everyone_is_still_told_of_the_model(shared: House, monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace(1)
    for page in range(9):
        pace.opened(page)
    monkeypatch.setattr(live, "PACE", pace)
    manager = shared.owner.manager
    with shared.guest() as guest, guest.stream("GET", "/page/live") as stream:
        lines = stream.iter_lines()
        while next(lines) != "event: model":
            pass
        first = next(lines)
        manager.unload()
        while next(lines) != "event: model":
            pass
        assert next(lines) != first


def components() -> int:
    """Of Gradio, in this process."""
    gc.collect()
    return sum(issubclass(type(one), gr.blocks.Block) for one in gc.get_objects())


def guests_services(root: Path) -> int:
    """Chats of guests of this house that are in this process."""
    # isinstance() asks each object for its class, and one of torch warns of that.
    chats = [one for one in gc.get_objects() if issubclass(type(one), ChatService)]
    return sum(root / "cache" / "guests" in one.history.database.file.parents for one in chats)


def deleted_files(folder: Path) -> list[str]:
    """Files below it that are open here and not on the disk any more."""
    if not sys.platform.startswith("linux"):
        return []
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            continue
    return [one for one in found if str(folder) in one and one.endswith(" (deleted)")]
