"""The one place that loads, lends out and frees models. Everyone else holds a model through a lease.

Loading runs in the background; `state` says how far it is, and listeners hear every change. Knows nothing of chats.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from playground.engine import catalog, download
from playground.engine.base import Engine, ModelSource
from playground.errors import MissingError, ModelError, PlaygroundError
from playground.paths import DataFolder
from playground.presets import ModelPreset
from playground.settings import Settings

Phase = Literal["idle", "downloading", "loading", "ready", "failed"]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelState:
    """What the manager is doing with its model. `done` and `total` are bytes."""

    phase: Phase
    model: str
    engine: str
    detail: str = ""
    done: int = 0
    total: int = 0
    waiting: int = 0
    """Replies that wait in line for the model."""


class ModelManager:
    """Holds at most one model for now; loads it when asked, lends it to one reply at a time, in order of asking."""

    def __init__(self, settings: Settings, folder: DataFolder) -> None:
        """Decide on the model; load nothing yet. Raises for settings that name what does not exist."""
        self._settings = settings
        self._folder = folder
        self._wanted = catalog.resolve(settings, folder)
        self._engine: Engine | None = None
        self._error: PlaygroundError | None = None
        self._changed = threading.Condition()
        self._line: list[object] = []
        self._loading = False
        self._closing = False
        self._listeners: list[Callable[[], None]] = []
        self.state = ModelState("idle", self._wanted.model, self._wanted.engine)

    @property
    def preset(self) -> ModelPreset | None:
        """The curated preset of the model, if it is one: its recommended sampling and system prompt."""
        return self._wanted.preset

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` from whatever thread after each change of `state`; it must be quick."""
        self._listeners.append(listener)

    def load(self) -> None:
        """Begin to load in the background, unless it is loaded or under way; after a failure, try again."""
        with self._changed:
            if self._engine is not None or self._closing or self._loading:
                return
            self._error, self._loading = None, True
        threading.Thread(target=self._load, name="model-loader", daemon=True).start()

    @contextlib.contextmanager
    def lease(self, stop: threading.Event) -> Iterator[Engine]:
        """Wait for the model and for one's turn, then hold it. Raises what loading raised; ends early on `stop`.

        When `stop` is set while waiting, raises LeaseCancelled.
        """
        self.load()
        ticket = object()
        with self._changed:
            self._line.append(ticket)
        self._tell()
        try:
            yield self._wait(ticket, stop)
        finally:
            with self._changed:
                self._line.remove(ticket)
            self._tell()

    def _wait(self, ticket: object, stop: threading.Event) -> Engine:
        with self._changed:
            while True:
                if stop.is_set() or self._closing:
                    raise LeaseCancelled
                if self._error is not None:
                    raise self._error
                if self._engine is not None and self._line[0] is ticket:
                    return self._engine
                # A stop event cannot wake a condition; a look ten times a second is within what Stop promises.
                self._changed.wait(0.1)

    def peek(self) -> Engine | None:
        """The loaded model for work that needs no turn (counting tokens), or None."""
        return self._engine

    def unload(self) -> None:
        """Free the model once nobody holds it; loaded again at the next lease."""
        with self._changed:
            while self._line:
                self._changed.wait()
            engine, self._engine = self._engine, None
            if engine is not None:
                engine.close()
            if not self._loading:
                self._set(phase="idle", detail="")
        self._announce()

    def close(self) -> None:
        """End loading and waiting; free the model if nobody holds it. The process is about to end."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            engine, self._engine = self._engine, None
            if engine is not None and not self._line:
                engine.close()

    def _load(self) -> None:
        engine: Engine | None = None
        error: PlaygroundError | None = None
        try:
            if self._wanted.preset is not None and not download.is_present(self._wanted.preset, self._folder):
                self._fetch(self._wanted.preset)
            self._tell(phase="loading", detail="")
            engine = _open(self._wanted.engine, catalog.source(self._wanted, self._settings, self._folder))
        except download.Cancelled:
            return
        except PlaygroundError as problem:
            error = problem
        except MemoryError:
            error = ModelError(
                "There is not enough memory for this model. Close other programs or choose a smaller one."
            )
        except Exception as problem:  # A bug of ours or a library's: it must not die unheard in a thread.
            log.exception("loading failed")
            error = ModelError(
                f"The model could not be loaded ({type(problem).__name__}: {problem}). See the log file."
            )
        with self._changed:  # In one step, so that whoever asks next meets either the load under way or its outcome.
            self._loading = False
            if engine is not None and self._closing:
                engine.close()
                return
            self._engine, self._error = engine, error
            self._set(phase="failed" if error else "ready", detail=str(error or ""))
        self._announce()

    def _fetch(self, preset: ModelPreset) -> None:
        if self._settings.offline:
            raise MissingError(
                f"{preset.name} is not on this machine and --offline forbids fetching it. "
                "Start once without --offline, or give a model with --model PATH."
            )
        self._tell(phase="downloading", detail="")
        last = 0.0

        def progress(what: str, done: int, total: int) -> None:
            nonlocal last
            if self._closing:
                raise download.Cancelled
            if time.monotonic() - last > 0.2 or done == total:
                last = time.monotonic()
                self._tell(detail=what, done=done, total=total)

        download.fetch(preset, self._folder, progress)

    def _tell(self, **changes: object) -> None:
        self._set(**changes)
        self._announce()

    def _set(self, **changes: object) -> None:
        with self._changed:
            changes["waiting"] = max(0, len(self._line) - 1)
            self.state = replace(self.state, **changes)  # type: ignore[arg-type]  # field names, checked by replace
            self._changed.notify_all()

    def _announce(self) -> None:
        for listener in self._listeners:
            listener()


class LeaseCancelled(Exception):
    """The wait for a model was stopped before it could be held."""


def _open(engine: str, source: ModelSource) -> Engine:
    """Load with the engine of that name; its libraries are imported here, and not before."""
    if engine == "echo":
        from playground.engine.echo_engine import EchoEngine

        return EchoEngine(source)
    if engine == "llamacpp":
        from playground.engine.llamacpp_engine import LlamaCppEngine

        return LlamaCppEngine(source)
    from playground.engine.transformers_engine import TransformersEngine

    return TransformersEngine(source)
