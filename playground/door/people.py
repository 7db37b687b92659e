"""Those who are in: each has services and a page of their own, over a folder of their own.

Nothing that one person's page can ask for reaches another's: there is no id by which it could be named.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp

from playground.access.borrowed import BorrowedManager, ForbiddenError
from playground.access.quota import Quota
from playground.access.sharing import Sharing
from playground.errors import StorageError
from playground.paths import DataFolder, open_data_folder
from playground.services import Services, borrowed_services
from playground.settings import Settings
from playground.store.access_values import Person

log = logging.getLogger(__name__)
Build = Callable[[Services, asyncio.Event, Path, Person], ASGIApp]
"""Makes a page of services, what ends its streams, a folder for files on their way, and whoever it is for."""
_GRACE_SECONDS = 10.0
"""In which a page that was reloaded, or lost its connection, is there again."""


@dataclass
class _Inside:
    """A person who is in."""

    app: ASGIApp
    services: Services
    closing: asyncio.Event
    living: asyncio.Task[None]
    watching: int = 0
    """Pages that are open."""


class People:
    """Belongs to one event loop; `leave` may be called from any thread."""

    def __init__(self, sharing: Sharing, owner: Services, settings: Settings, root: Path, build: Build) -> None:
        """`root` is the owner's data folder. What guests of an earlier process left behind is deleted."""
        self._sharing = sharing
        self._owner = owner
        self._settings = settings
        self._root = root
        self._build = build
        self._inside: dict[str, _Inside] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._locks: dict[str, asyncio.Lock] = {}
        self._building = asyncio.Semaphore(1)
        """Pages are built one at a time anyhow: those that wait must not hold the threads that all others need."""
        self._loop = asyncio.get_running_loop()
        shutil.rmtree(self._guests, ignore_errors=True)

    @property
    def _guests(self) -> Path:
        return self._root / "cache" / "guests"

    def folder(self, person: Person) -> Path:
        """Where what belongs to a person is kept."""
        if person.kind != "guest":
            return self._root / "people" / person.id
        return self._sharing.folder(person) if person.kept else self._guests / person.id

    def quota(self, person: Person) -> Quota:
        """What a person has used; the guests of a link share its limits, so that coming in again gives nothing new."""
        return self._sharing.quotas.of(person.by or person.id, person.limits)

    async def app_of(self, person: Person) -> ASGIApp:
        """The person's page, made when it is first asked for. Raises StorageError and ForbiddenError."""
        async with self._locks.setdefault(person.id, asyncio.Lock()):
            if (found := self._inside.get(person.id)) is None:
                found = self._inside[person.id] = await self._come_in(person)
                if not self._sharing.is_in(person):  # They left meanwhile, and there was nothing to leave yet.
                    self._show_out(person)
                    raise ForbiddenError("You have left. Come in again.")
            return found.app

    @contextlib.contextmanager
    def watched(self, person: Person) -> Iterator[None]:
        """While a page of somebody is open; some seconds after a guest's last one nothing is written for them."""
        found = self._inside[person.id]
        found.watching += 1
        try:
            yield
        finally:
            found.watching -= 1
            if person.kind == "guest" and not found.watching:
                self._loop.call_later(_GRACE_SECONDS, _stop_unwatched, found)

    def leave(self, person: Person) -> None:
        """End all that is at work for somebody. What a guest had is deleted; what an account has is kept."""
        with contextlib.suppress(RuntimeError):  # The door is shut: everyone has left.
            self._loop.call_soon_threadsafe(self._show_out, person)

    async def close(self) -> None:
        """Everyone leaves; returns when they have."""
        living = [*self._leaving, *(one.living for one in self._inside.values())]
        for one in self._inside.values():
            one.closing.set()
        if living:
            await asyncio.wait(living, timeout=3.0)

    async def _come_in(self, person: Person) -> _Inside:
        quota, closing, began = self.quota(person), asyncio.Event(), self._loop.create_future()

        def make() -> tuple[DataFolder, Services, ASGIApp]:
            folder = open_data_folder(str(self.folder(person)))
            services = borrowed_services(self._owner, self._settings, folder, quota, person.id)
            try:
                services.chat.history.mark_interrupted()
                return folder, services, self._build(services, closing, folder.cache / "uploads", person)
            except BaseException:
                self._end(person, services, folder.root)
                raise

        async with self._building:
            folder, services, app = await asyncio.to_thread(make)

        async def live() -> None:
            try:
                async with app.router.lifespan_context(app):  # type: ignore[attr-defined]
                    began.set_result(None)
                    await closing.wait()
            finally:
                await asyncio.to_thread(self._end, person, services, folder.root)

        living = asyncio.create_task(live())
        await asyncio.wait([living, began], return_when=asyncio.FIRST_COMPLETED)
        if not began.done():
            await living  # Raises what kept it from beginning.
        return _Inside(app, services, closing, living)

    def _show_out(self, person: Person) -> None:
        # Gone from here at once: whoever comes in again meanwhile gets a page of their own.
        if found := self._inside.pop(person.id, None):
            self._leaving.add(found.living)
            found.living.add_done_callback(self._leaving.discard)
            found.closing.set()
        if person.kind == "guest" and not person.kept:  # Who may come again finds the same lock, held or not.
            self._locks.pop(person.id, None)

    def _end(self, person: Person, services: Services, folder: Path) -> None:
        """Close what somebody had, and delete it unless it is to be kept."""
        try:
            services.close(1.0)
        except Exception:  # One who leaves must not keep others from leaving.
            log.exception("what somebody had at work could not be ended")
        services.database.close()
        try:
            stays = self._sharing.keeps(person)
        except StorageError:
            stays = person.kept
        if not stays:
            shutil.rmtree(folder, ignore_errors=True)


def _stop_unwatched(inside: _Inside) -> None:
    if inside.watching:
        return
    services = inside.services
    for one in (services.chat, services.summaries, services.translations):
        one.stop_all()
    if isinstance(services.manager, BorrowedManager):  # What is no job of these, such as a replay.
        services.manager.stop_all()
