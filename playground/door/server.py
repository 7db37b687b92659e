"""Serves the shared address: a server of its own in a thread, beside the owner's, which never leaves loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from playground.access.sharing import Sharing
from playground.access.throttle import Throttle
from playground.door.entering import Entrance
from playground.errors import BusyError
from playground.services import Services
from playground.settings import Settings

_START_SECONDS = 30.0


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
            people = People(self._services, self._settings, self._root, build_page)
            self._sharing.left = people.leave
            entrance = Entrance(self._sharing.access, self._sharing.sessions, self._throttle)
            app = Guard(Door(entrance, self._sharing.sessions, people), host, names)
            server = uvicorn.Server(
                uvicorn.Config(
                    app,
                    log_level="warning",
                    access_log=False,
                    timeout_graceful_shutdown=2,
                    log_config=None,
                    lifespan="off",
                )
            )
            # Signals are the owner's server's.
            server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]

            def end() -> None:
                server.should_exit = True

            ends.append(end)
            began.set()
            try:
                await server.serve(sockets=[listener])
            finally:
                await people.close()

        asyncio.run(run())
