"""Puts the parts together and runs the server: lock, port, history, model, page; and takes them apart in order.

Order matters at both ends: the page is up before anything heavy is imported, and at the end the replies are saved
before the connections go.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import shutil
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import filelock

from playground import upkeep
from playground.access.sharing import NobodyError, Sharing
from playground.door.server import DoorServer
from playground.engine.manager import ModelManager
from playground.errors import BadValueError, BusyError, MissingError
from playground.logs import log_to
from playground.paths import DataFolder
from playground.ports import LOOPBACK, SERVER, bound
from playground.services import Services, open_services
from playground.settings import Settings
from playground.store.access_values import ROOMS, Limits
from playground.ui.tunnel import open_tunnel

_FIRST_PORT = 7860
_PORTS_TRIED = 100
_LOAD_ANYWAY_SECONDS = 3.0
_SHARED_SECONDS = 24 * 3600.0
_TIDY_SECONDS = 20.0
_CLOSE_SECONDS = 1.2
"""How long replies may take to stop at the end; with the server's own second it stays below three."""
_LAST_SECONDS = 2.9
"""After which the process ends, whatever does not let go."""


class ModelProgress:
    """Tells on stderr what the model manager is doing: a line a phase, one per tenth of a download."""

    def __init__(self, manager: ModelManager) -> None:
        self._manager = manager
        self._last = ""

    def __call__(self) -> None:
        """Print when there is something new; called after each change of the manager's state."""
        state = self._manager.state
        line = f"{state.model}: {state.phase}"
        if state.phase == "downloading" and state.total:
            line += (
                f" from the {state.detail}, {10 * state.done // state.total * 10} % of {state.total // 1_000_000} MB"
            )
        if line != self._last and state.phase in ("downloading", "loading"):
            self._last = line
            sys.stderr.write(line + "\n")  # One write: several threads report.


def serve(settings: Settings, folder: DataFolder, *, open_browser: bool, share: bool = False) -> int:
    """Run the app until Ctrl-C or SIGTERM; with `share` it makes a link for guests, and a tunnel to it.

    The owner's page is on loopback, always: another `settings.host` is where others may come in. Raises BusyError when
    the port or the data folder is taken, and BadValueError where nobody could be told from anybody.
    """
    set_environment(settings, folder)
    with _only_one(folder, open_browser=open_browser) as announce:
        _forget_guests(folder.cache)  # If the last process was killed, what they had is there still.
        services = open_services(settings, folder, alone=True)
        sharing = Sharing(folder.root)
        sharing.serve = DoorServer(sharing, services, settings, folder.root)
        with contextlib.closing(_listen(settings)) as listener:
            _let_in(sharing, settings, share=share)
            services.chat.history.mark_interrupted()
            url = f"http://{_here(settings.host)}:{listener.getsockname()[1]}"
            announce(url)
            services.manager.listen(ModelProgress(services.manager))
            _run(services, sharing, listener, url, folder.cache, open_browser=open_browser)
        _forget_guests(folder.cache)  # Whoever took too long to be shown out.
    return 0


def _forget_guests(cache: Path) -> None:
    shutil.rmtree(cache / "guests", ignore_errors=True)


def _tidy(sharing: Sharing, ending: threading.Event) -> None:
    """What guests kept goes with their link, also while the door is shut."""
    while not ending.wait(_TIDY_SECONDS):
        try:
            sharing.tidy()
        except Exception:  # The next time.
            logging.getLogger(__name__).exception("could not delete what was kept of links that are over")


def _here(host: str) -> str:
    """The owner's address: what was asked for if it is loopback."""
    return {"::1": "[::1]", "localhost": "localhost"}.get(host, "127.0.0.1")


def _let_in(sharing: Sharing, settings: Settings, *, share: bool) -> None:
    """Open the shared address where it was asked for, and say how others come in."""
    outside = settings.host not in LOOPBACK
    if not (share or outside):
        return
    secret = sharing.invite("--share", ROOMS, Limits(), _SHARED_SECONDS)[1] if share else ""
    try:
        url = sharing.open(settings.host if outside else "127.0.0.1")
    except NobodyError:
        raise BadValueError(
            "Nobody could come in yet. Start without --host, make a link or an account in the Share tab and open the "
            "address there; or add --share."
        ) from None
    if share and not outside:
        try:
            tunnel = open_tunnel(int(url.rpartition(":")[2]), offline=settings.offline)
            sharing.names.add(urlsplit(tunnel).hostname or "")
            url = tunnel
        except MissingError as error:
            print(f"playground: {error}", file=sys.stderr)
    print(f"Others come in at {url}/enter{f'#{secret}' if secret else ''}", flush=True)
    if share:
        print("That link is open for 24 hours; the Share tab closes it sooner.", flush=True)


def set_environment(settings: Settings, folder: DataFolder) -> None:
    """Tell the libraries, before they are imported: no telemetry, no look-ups, temporary files in our own folder.

    A crash of theirs leaves no copy of the memory on the disk, in which the texts of all people are.
    """
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # Not on Windows, which writes none by itself.

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("GRADIO_TEMP_DIR", str(folder.cache / "uploads"))
    if settings.offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
    log_to(folder.log)


def _run(
    services: Services,
    sharing: Sharing,
    listener: socket.socket,
    url: str,
    cache: Path,
    *,
    open_browser: bool,
) -> None:
    # Imported here, after every check that can fail, because it takes seconds.
    import uvicorn
    from fastapi import FastAPI

    from playground.api.guard import Guard
    from playground.api.health import build_health
    from playground.api.openai_routes import build_openai_router
    from playground.api.reference import build_reference
    from playground.ui.app import mount_ui

    chat, uploads = services.chat, cache / "uploads"
    closing = asyncio.Event()
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(build_health(chat))
    router = build_openai_router(
        services.models,
        services.embedders,
        services.translations,
        sharing.access,
        lambda key: sharing.quotas.of(key.id, key.limits),
        cache / "api",
        closing,
    )
    app.include_router(router, prefix="/v1")
    app.include_router(build_reference(router))
    mount_ui(app, services, closing, uploads, sharing=sharing)
    app.add_middleware(Guard, host=urlsplit(url).hostname or "")  # The last one is the first.

    def give_up() -> None:
        _forget_guests(cache)
        os._exit(0)

    class Server(uvicorn.Server):
        """uvicorn with our own end: it re-raises signals, which would end the process before replies are saved."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            def end() -> None:
                chat.announce("")  # Wakes the pages' streams, which see that all is closing and end.
                for job_service in (services.summaries, services.translations, services.trainings):
                    job_service.close(0.0)  # Only told so; what they have written is saved already.
                chat.close()

            def leave(*_: Any) -> None:
                self.should_exit = True
                closing.set()
                # A model that does not let go must not hold up the person who pressed Ctrl-C.
                watchdog = threading.Timer(_LAST_SECONDS, give_up)
                watchdog.daemon = True
                watchdog.start()
                # In a thread of its own: a signal handler must not wait for a lock that its own thread may hold.
                threading.Thread(target=end, name="closing").start()

            for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
                if hasattr(signal, name):
                    signal.signal(getattr(signal, name), leave)
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            gc.freeze()  # What is there now stays, mostly: no search need look at it again (engine/heap.settle).
            print(f"Playground is ready: {url}  (Ctrl-C ends it)", flush=True)
            if open_browser:
                threading.Thread(target=webbrowser.open, args=[url], daemon=True).start()

    def begin() -> None:
        services.manager.load()
        services.summaries.resume_all()
        services.translations.resume_all()
        services.trainings.resume_all()

    # The first page that opens has the model loaded; without one it is loaded all the same, a little later.
    loader = threading.Timer(_LOAD_ANYWAY_SECONDS, begin)
    loader.daemon = True
    loader.start()
    ending = threading.Event()
    upkeep.begin(chat, ending)
    threading.Thread(target=_tidy, args=[sharing, ending], name="tidy", daemon=True).start()
    server = Server(
        uvicorn.Config(app, timeout_graceful_shutdown=1, **SERVER),
    )
    server.run(sockets=[listener])
    loader.cancel()
    ending.set()
    sharing.close()
    services.models.downloads.close()
    services.close(_CLOSE_SECONDS)


def _listen(settings: Settings) -> socket.socket:
    """A bound socket on the asked port, or on the first free one from 7860 on."""
    return bound(_here(settings.host).strip("[]"), settings.port, _FIRST_PORT, _PORTS_TRIED, " with --port")


@contextlib.contextmanager
def _only_one(folder: DataFolder, *, open_browser: bool) -> Iterator[Any]:
    """Hold the data folder's lock; yields a function that notes our address for whoever comes second."""
    address = folder.lock.with_suffix(".json")
    lock = filelock.FileLock(folder.lock, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        url = _address(address)
        if open_browser and url:
            webbrowser.open(url)  # Whoever double-clicks a second time wants the app, not a sentence.
        where = f" at {url}" if url else ""
        raise BusyError(
            f"Playground is already running on {folder.root}{where}. Use that one, or choose another --data-dir."
        ) from None
    try:
        yield lambda url: address.write_text(json.dumps({"url": url, "pid": os.getpid()}), encoding="utf-8")
    finally:
        address.unlink(missing_ok=True)
        lock.release()


def _address(file: Path) -> str:
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["url"])
    except (OSError, ValueError, KeyError):
        return ""
