"""The threads that bring models into memory, one model at a time. What is decided on the way is in `loader`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from playground.engine import download
from playground.engine.base import LoadOptions
from playground.engine.hardware import hardware
from playground.engine.heap import release_memory
from playground.engine.lease import LeaseCancelled
from playground.engine.loader import Loader, Prepared, Sizes
from playground.engine.residency import Resident
from playground.engine.residents import Residents
from playground.errors import ModelError, PlaygroundError

log = logging.getLogger(__name__)
Failed = Callable[[Resident, PlaygroundError, LoadOptions | None, list[str]], None]
"""Called when a load failed: with the resident, the reason, the options it was loaded with before (None: it was not),
and the names of those who left for it."""


class Loading:
    """Starts loads and ends them well: loaded, or failed with a reason, and everything else as it was."""

    def __init__(
        self, loader: Loader, residents: Residents, adapters: Callable[[str], Mapping[str, str]], failed: Failed
    ) -> None:
        """`adapters` gives names and paths of those that a model is to have."""
        self._loader = loader
        self._residents = residents
        self._adapters = adapters
        self._failed = failed
        self._one = threading.Lock()
        """Two at once would measure each other, and fight for the same room."""

    def sizes(self, name: str) -> Sizes:
        """What the others in memory take."""
        with self._residents.changed:
            books = self._residents.books
            others = [one for one in books.residents.values() if one.name != name and one.reserved]
            used = {one.name: dict(one.reserved) for one in others if one.in_use or one.phase != "ready"}
            idle = {one.name: dict(one.reserved) for one in others if one.name not in used}
            return Sizes(used, idle, dict(books.budget))

    def start(self, name: str, options: LoadOptions) -> None:
        """Begin to load, unless it is loaded like this, or on its way."""
        wanted = self._loader.resolve(name, options)
        with self._residents.changed:
            if self._residents.closing.is_set():
                return
            resident = self._residents.get(name)
            if resident is None:
                resident = self._residents.books.residents[name] = Resident(name, options, wanted.engine)
            loaded = resident.phase == "ready"
            if resident.phase not in ("idle", "failed") and not (loaded and options != resident.options):
                return
            before = resident.options if loaded else None
            resident.error, resident.note, resident.draining = None, "", loaded
            if not loaded:
                resident.phase = "waiting"
        self._residents.announce()
        work = [resident, options, before]
        threading.Thread(target=self._run, args=work, name="model-loader", daemon=True).start()

    def _run(self, resident: Resident, options: LoadOptions, before: LoadOptions | None) -> None:
        victims: list[str] = []
        error: PlaygroundError | None = None
        mine = before is None
        """What is in memory of it, and its state, are this thread's to change."""
        try:
            self._fetch(resident, options, quietly=not mine)
            with self._one:
                adapters = self._adapters(resident.name)
                prepared = self._loader.prepare(resident.name, options, adapters, self.sizes(resident.name))
                # Up to here nothing was taken down: what cannot be loaded leaves the old one where it is.
                if not mine:
                    self._residents.drain(resident)
                    if not self._residents.evict(resident, coming_back=True):
                        return  # It was unloaded meanwhile, or all ends; who wants it next gets it with these options.
                    mine = True
                self._residents.tell(resident, phase="waiting", options=options, engine_name=prepared.wanted.engine)
                victims += self._residents.make_room(resident, prepared.need, _free, prepared.too_big)
                self._open(resident, prepared)
        except (download.Cancelled, LeaseCancelled):
            if mine:
                self._residents.forget(resident)
            return
        except PlaygroundError as problem:
            error = problem
            # They hold on to the frames of the load, and with those to all that it had in memory.
            error.__traceback__ = error.__cause__ = error.__context__ = None
        except Exception as problem:  # A bug of ours or a library's: it must not die unheard in a thread.
            log.exception("loading failed")
            error = ModelError(
                f"The model could not be loaded ({type(problem).__name__}: {problem}). See the log file."
            )
        if error is not None:
            release_memory(whole=True)
            self._fail(resident, error, mine)
            self._failed(resident, error, before, victims)

    def _open(self, resident: Resident, prepared: Prepared) -> None:
        self._residents.tell(resident, phase="loading", detail="", note=prepared.note)
        engine = self._loader.open(prepared, alone=lambda: not self._residents.busy(resident))
        with self._residents.changed:
            # In one step, so that whoever asks next meets either the load under way or its outcome.
            closing = self._residents.closing.is_set()
            if not closing:
                resident.engine, resident.phase, resident.draining = engine, "ready", False
                self._residents.changed.notify_all()
        if closing:
            engine.close()
            raise LeaseCancelled
        self._residents.announce()

    def _fetch(self, resident: Resident, options: LoadOptions, *, quietly: bool) -> None:
        wanted = self._loader.resolve(resident.name, options)
        if wanted.preset is None or self._loader.is_here(wanted):
            return
        if not quietly:  # One that is in memory goes on meanwhile.
            self._residents.tell(resident, phase="downloading", detail="", done=0, total=0)

        def report(what: str, done: int, total: int) -> None:
            if self._residents.closing.is_set():
                raise download.Cancelled
            self._residents.tell(resident, detail=what, done=done, total=total)

        self._loader.fetch(wanted.preset, report)

    def _fail(self, resident: Resident, error: PlaygroundError, mine: bool) -> None:
        with self._residents.changed:
            resident.draining = False
            if mine:
                resident.phase, resident.error, resident.reserved = "failed", error, {}
            else:  # The old one was not touched, and goes on.
                resident.note = str(error)
            self._residents.changed.notify_all()
        self._residents.announce()


def _free() -> dict[str, int]:
    return {device.name: device.free for device in hardware(fresh=True).devices}
