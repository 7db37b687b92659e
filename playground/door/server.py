"""Serves the shared address: a server of its own in a thread, beside the owner's, which never leaves loopback."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from playground.access.sharing import Sharing
from playground.access.throttle import Throttle
from playground.door.entering import Entrance
from playground.errors import BusyError
from playground.ports import SERVER
from playground.services import Services
from playground.settings import Settings

log = logging.getLogger(__name__)
_START_SECONDS = 30.0
_TIDY_SECONDS = 2.0
"""How long somebody may still be in when their time is over."""


class DoorServer:
    """What `Sharing.serve` is set to."""

    def __init__(self, sharing: Sharing, services: Services, settings: Settings, root: Path) -> None:
        """`root` is the owner's data folder."""
        self._sharing = sharing
        self._services = services
        self._settings = settings
        self._root = root
        self._throttle = Throttle()

    def __call__(self, listener: socket.socket, host: str, names: Collection[str]) -> Callable[[], None]:
        """See `sharing.Serve`."""
        began = threading.Event()
        ends: list[Callable[[], None]] = []
        work = (listener, host, names, began, ends)
        threading.Thread(target=self._run, args=work, name="door", daemon=True).start()
        if not began.wait(_START_SECONDS) or not ends:
            raise BusyError("The shared address could not be opened in time. Try again.")
        return ends[0]

    def _run(
        self,
        listener: socket.socket,
        host: str,
        names: Collection[str],
        began: threading.Event,
        ends: list[Callable[[], None]],
    ) -> None:
        # Imported here, because it takes seconds.
        import uvicorn

        from playground.api.guard import Guard
        from playground.door.door import Door
        from playground.door.people import People
        from playground.door.rooms import build_page

        async def run() -> None:
            people = People(self._sharing, self._services, self._settings, self._root, build_page)
            self._sharing.left = people.leave
            entrance = Entrance(self._sharing, self._throttle)
            app = Guard(Door(entrance, self._sharing.sessions, people), host, names)
            server = uvicorn.Server(uvicorn.Config(app, timeout_graceful_shutdown=2, lifespan="off", **SERVER))
            # Signals are the owner's server's.
            server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]

            def end() -> None:
                server.should_exit = True

            ends.append(end)
            began.set()
            tidying = asyncio.create_task(_tidy(self._sharing))
            try:
                await server.serve(sockets=[listener])
            finally:
                if not server.should_exit:  # It broke down: nobody is to be told that it listens.
                    threading.Thread(target=self._sharing.close, name="door-closing", daemon=True).start()
                tidying.cancel()
                await people.close()

        try:
            asyncio.run(run())
        finally:
            began.set()  # Whatever kept it from beginning: nobody is to wait for it.


async def _tidy(sharing: Sharing) -> None:
    while True:
        await asyncio.sleep(_TIDY_SECONDS)
        try:
            await asyncio.to_thread(sharing.tidy)
        except Exception:  # Whatever it is: those whose time is over must be shown out the next time.
            log.exception("could not look whose time is over")
