"""The one place that loads, lends out and frees models. Everyone else holds a model through a lease.

Loading runs in the background, one model after the other; states say how far it is, and listeners hear every change.
Several models stay in memory under a budget; the least recently used leaves first, and never one that is in use.
Knows nothing of chats.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, replace

from playground.engine.base import Engine, LoadOptions
from playground.engine.choices import Choices, Kept
from playground.engine.lease import Lease, LeaseCancelled
from playground.engine.loader import Loader, memory_budget
from playground.engine.loading import Loading
from playground.engine.plan import MemoryPlan
from playground.engine.residency import Resident
from playground.engine.residents import Residents
from playground.engine.states import ModelState, state_of
from playground.engine.turns import Ticket, Wait
from playground.errors import BadValueError, MissingError, ModelError, PlaygroundError, StorageError
from playground.paths import DataFolder
from playground.presets import STARTER, ModelPreset
from playground.settings import Settings

log = logging.getLogger(__name__)
__all__ = ["Lease", "LeaseCancelled", "ModelManager", "ModelState"]


class ModelManager:
    """Models by name: a preset's, a path, `org/name` of a downloaded one, `http://server/v1#model`."""

    def __init__(self, settings: Settings, folder: DataFolder, budget: Mapping[str, int] | None = None) -> None:
        """Decide on the model of new replies; load nothing yet. Raises for settings that name what does not exist.

        `budget` is in bytes by device; None: what the machine has less a reserve, or settings.memory_budget_gb.
        """
        self._settings = settings
        self._loader = Loader(settings, folder)
        self._choices = Choices.read(folder.root / "models.json")
        self._residents = Residents(budget or memory_budget(settings))
        self._loading = Loading(self._loader, self._residents, self._adapter_paths, self._failed)
        self._changed = self._residents.changed
        self._previous, self._note = "", ""
        self.resting = False
        """The chosen model was unloaded by someone's wish: it comes back when it is used, not when a page opens."""
        self._first_choice()
        if settings.idle_unload_minutes:
            seconds = 60.0 * settings.idle_unload_minutes
            threading.Thread(target=self._residents.keep_out_idle, args=(seconds,), name="idle", daemon=True).start()

    @property
    def chosen(self) -> str:
        """The model of new replies."""
        return self._choices.model

    @property
    def adapter(self) -> str:
        """The adapter of new replies, "" for none."""
        return self._choices.adapter

    @property
    def state(self) -> ModelState:
        """The state of the chosen model."""
        return self.state_of(self.chosen)

    def state_of(self, name: str) -> ModelState:
        """The state of a model; "idle" when it is not in memory."""
        attached = self.adapters(name)
        with self._changed:
            resident = self._residents.get(name)
            if resident is not None:
                return state_of(resident, attached, time.monotonic())
        options = self.options_of(name)
        try:
            wanted = self._loader.resolve(name, options)
        except PlaygroundError as error:  # Its files were taken away.
            return ModelState("failed", name, options.engine, detail=str(error), options=options, adapters=attached)
        return ModelState("idle", name, wanted.engine, options=options, adapters=attached)

    def states(self) -> tuple[ModelState, ...]:
        """All models in memory, on their way there, or failed on the way."""
        with self._changed:
            return tuple(self.state_of(name) for name in self._residents.books.residents)

    @property
    def note(self) -> str:
        """Why the chosen model is not the one that was asked for, in words; empty when all is as asked."""
        return self._note

    @property
    def budget(self) -> Mapping[str, int]:
        """Bytes that models may take, by device."""
        return dict(self._residents.books.budget)

    @property
    def preset(self) -> ModelPreset | None:
        """The curated preset of the chosen model, if it is one: its recommended sampling and system prompt."""
        return self._loader.resolve(self.chosen, self.options_of(self.chosen)).preset

    def adapters(self, name: str) -> tuple[str, ...]:
        """Names of the adapters that were attached to a model."""
        return tuple(self._choices.adapters.get(name, {}))

    def options_of(self, name: str) -> LoadOptions:
        """How a model was last asked to be loaded, else as the settings say."""
        return self._choices.options.get(name) or self._loader.default_options(name)

    def plan(self, name: str, options: LoadOptions | None = None) -> MemoryPlan | None:
        """What a model would take; None where there is nothing to plan (echo, remote). Raises as loading would."""
        options = options or self.options_of(name)
        return self._loader.plan(self._loader.resolve(name, options), options, self._loading.sizes(name))

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` from whatever thread after each change of a state; it must be quick. Returns what ends it."""
        self._residents.listeners.append(listener)
        return lambda: self._residents.listeners.remove(listener)

    def choose(self, name: str, adapter: str = "", options: LoadOptions | None = None) -> None:
        """Use this model, with this adapter, for new replies, and begin to load it.

        When it cannot be loaded, the model before it is chosen again. Raises for a name that means nothing.
        """
        self._loader.resolve(name, options or self.options_of(name))
        if adapter and adapter not in self.adapters(name):
            raise BadValueError(f"{name} has no adapter {adapter!r}. Attach it first.")
        with self._changed:
            if name != self.chosen:
                self._previous, self._note = self.chosen, ""
            self._choices.model, self._choices.adapter = name, adapter
        self._choices.save()
        self.load(name, options)
        self._residents.announce()

    def load(self, name: str = "", options: LoadOptions | None = None) -> None:
        """Begin to load in the background, unless it is there or under way; after a failure, try again.

        Other `options` than those it was loaded with load it anew, once nobody uses it.
        """
        name = name or self.chosen
        if name == self.chosen:
            self.resting = False
        if options is not None:
            self._loader.resolve(name, options)
            if options != self.options_of(name):
                self._choices.options[name] = options
                self._choices.save()
        self._loading.start(name, self.options_of(name))

    def unload(self, name: str = "") -> None:
        """Free a model once nobody holds it; returns when that is done. Loaded again at the next lease, not before."""
        with self._changed:
            self.resting = self.resting or name in ("", self.chosen)
            resident = self._residents.get(name or self.chosen)
        if resident is not None and resident.phase == "failed":
            self._residents.forget(resident)
        elif resident is not None and resident.phase == "ready" and self._residents.drain(resident):
            self._residents.evict(resident)

    @contextlib.contextmanager
    def lease(
        self, stop: threading.Event, name: str = "", adapter: str | None = None, ticket: Ticket | None = None
    ) -> Iterator[Lease]:
        """Wait for the model and for one's turn, then hold it. Raises what loading raised; ends early on `stop`.

        Without a name: the chosen model with the chosen adapter. When `stop` is set while waiting, raises
        LeaseCancelled. Whoever holds a lease must not wait for another one. `ticket` says whose turn it is.
        """
        with self._changed:
            name = name or self.chosen
            if adapter is None:
                adapter = self.adapter if name == self.chosen else ""
        ticket = ticket or Ticket()
        with self._residents.hold(name, ticket, stop, self.load) as (_, engine):
            kept = self._choices.adapters.get(name, {}).get(adapter)
            lease = Lease(engine, adapter, kept.sha256 if kept else "", keep=ticket.keeps)
            try:
                yield lease
            finally:
                lease.end()

    def wait(self, name: str, ticket: Ticket) -> Wait | None:
        """What lies before a ticket in the line for a model; None when it does not wait for others."""
        return self._residents.wait(name or self.chosen, ticket)

    def peek(self, name: str = "") -> AbstractContextManager[Engine | None]:
        """The model if it is loaded, for work that needs no turn (counting tokens); it stays for so long."""
        return self._residents.visit(name or self.chosen)

    def attach(self, name: str, path: str, *, called: str = "") -> str:
        """Give a model a LoRA adapter (a PEFT folder or a GGUF file), `called` like this; returns the adapter's name.

        A loaded model takes it at once (llama.cpp maps its file anew), another when it is loaded. When its engine
        cannot read this kind, the one that can is used, and a note says so. Raises MissingError and ModelError.
        """
        adapter = self._loader.adapter(path, self.adapters(name), called)
        kept = self._choices.adapters.setdefault(name, {})
        # Entered first, so that a load which begins meanwhile takes it along.
        kept[adapter.name] = Kept(str(adapter.path), adapter.sha256)
        refused: ModelError | None = None
        other: LoadOptions | None = None
        try:
            with self._alone(name) as engine:
                if engine is not None and adapter.name not in engine.adapters:
                    try:
                        engine.attach(adapter)
                    except ModelError as error:
                        refused, other = error, self._loader.options_for(adapter, name, self.options_of(name))
                        if other is None:
                            raise
        except BaseException:
            del kept[adapter.name]
            raise
        if other is not None:
            self.load(name, other)
            self._residents.say(name, f"{refused} The {other.engine} engine is used instead.")
        self._choices.save()
        self._residents.announce()
        return adapter.name

    def detach(self, name: str, adapter: str) -> None:
        """Take an adapter away from a model; its files stay."""
        if adapter not in self.adapters(name):
            raise BadValueError(f"{name} has no adapter {adapter!r}.")
        with self._changed:
            if name == self.chosen and adapter == self.adapter:
                self._choices.adapter = ""
            del self._choices.adapters[name][adapter]
        self._choices.save()
        with self._alone(name) as engine:
            if engine is not None:
                engine.detach(adapter)
        self._residents.announce()

    def close(self) -> None:
        """End loading and waiting; free what nobody holds. The process is about to end."""
        with self._changed:
            self._residents.closing.set()
            self._changed.notify_all()
            residents = list(self._residents.books.residents.values())
        for resident in residents:
            self._residents.evict(resident)

    def _adapter_paths(self, name: str) -> dict[str, str]:
        return {key: kept.path for key, kept in self._choices.adapters.get(name, {}).items()}

    def _alone(self, name: str) -> AbstractContextManager[Engine | None]:
        return self._residents.alone(name, self.load)

    def _failed(
        self, resident: Resident, error: PlaygroundError, before: LoadOptions | None, victims: list[str]
    ) -> None:
        """A load failed: what worked before works again, the model before it writes new replies."""
        again = victims[-1:]
        with self._changed:
            if before is not None:
                self._choices.options[resident.name] = before
                again = [resident.name] if resident.engine is None else []
            elif resident.name == self.chosen and self._previous:
                self._note = f"{resident.name} could not be loaded: {error}"
                self._choices.model, self._choices.adapter, self._previous = self._previous, "", ""
                again = [self.chosen]
        with contextlib.suppress(StorageError):  # The disk may be what failed; the choice holds until the end.
            self._choices.save()
        for name in again:
            try:
                self.load(name)
            except PlaygroundError as problem:
                self._note = f"{self._note} {problem}".strip()
            self._residents.say(name, str(error))
        self._residents.announce()

    def _first_choice(self) -> None:
        """The model of the command line or the settings; else what was chosen last; else the starter."""
        settings = self._settings
        if settings.model or settings.engine != "auto" or not self._choices.model:
            name = settings.model or ("echo" if settings.engine == "echo" else STARTER)
            asked = LoadOptions.of(settings)
            self._loader.resolve(name, asked)
            if kept := self._choices.options.get(name):
                # What was said at this start counts more than what was applied in an earlier one.
                said = {key: value for key, value in asdict(asked).items() if value != getattr(LoadOptions(), key)}
                self._choices.options[name] = replace(kept, **said)
            if name != self._choices.model:
                self._choices.model, self._choices.adapter = name, ""
            return
        try:
            self._loader.resolve(self._choices.model, self.options_of(self._choices.model))
        except (BadValueError, MissingError) as error:
            self._note = f"{error} The starter model is used instead."
            self._choices.model, self._choices.adapter = STARTER, ""
