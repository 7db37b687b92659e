"""A shared address over the echo model, and people who come in at it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from playground.access.hashing import hashed_password
from playground.access.sharing import Sharing
from playground.door.rooms import build_page
from playground.door.server import DoorServer
from playground.paths import open_data_folder
from playground.serve import set_environment
from playground.services import Services, open_services
from playground.settings import load_settings
from playground.store.access_values import ROOMS, Limits, Person

PASSWORD = "a long enough password"


@dataclass
class House:
    """All of it, with the door open."""

    root: Path
    owner: Services
    sharing: Sharing

    def nobody(self) -> httpx.Client:
        """A browser that has not come in."""
        return httpx.Client(base_url=self.sharing.url, timeout=60)

    def enter(self, **said: object) -> httpx.Client:
        """A browser in which somebody has."""
        with self.nobody() as client:
            answer = client.post("/enter", json=said)
            assert answer.status_code == 200, answer.text
            return httpx.Client(base_url=self.sharing.url, timeout=60, cookies=client.cookies)

    def guest(self, name: str = "Ada", rooms: Sequence[str] = ROOMS, **limits: int) -> httpx.Client:
        """With a link of their own."""
        return self.enter(link=self.sharing.invite(name, rooms, Limits(**limits), 3600)[1], name=name)

    def account(self, name: str) -> httpx.Client:
        """With an account that is made for it."""
        self.sharing.access.add_account(name, hashed_password(PASSWORD), Limits())
        return self.enter(name=name, password=PASSWORD)


@contextmanager
def house(root: Path) -> Iterator[House]:
    """Open, with the echo model loaded."""
    folder = open_data_folder(str(root))
    settings = load_settings(folder.settings, {"model": "echo", "engine": "echo"})
    set_environment(settings, folder)
    owner = open_services(settings, folder, alone=True)
    owner.manager.load()
    sharing = Sharing(folder.root)
    sharing.serve = DoorServer(sharing, owner, settings, folder.root)
    sharing.invite("first", ROOMS, Limits(), 3600)
    sharing.open()
    try:
        yield House(folder.root, owner, sharing)
    finally:
        sharing.close()
        owner.close()


def owners_page(house: House) -> Any:
    """The app of a person with all rooms; made in a thread, as there may be a loop in this one."""
    owner = Person("owner", "", "", (*ROOMS, "tune", "models"), Limits())
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(build_page, house.owner, asyncio.Event(), house.root / "x", owner).result()


def eventually(found: Any, seconds: float = 20.0) -> Any:
    """What `found` returns, once it is true."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "it never was"
        time.sleep(0.05)
    return value
