"""One model's way into memory: found, fetched, planned, room made, opened, measured. The manager says when.

Whatever is decided here is decided before anything that works is taken down.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from playground.engine import catalog, download
from playground.engine.base import AdapterSource, Engine, LoadOptions, ModelSource
from playground.engine.catalog import Wanted
from playground.engine.convert import is_pickle
from playground.engine.echo_engine import echo_bytes
from playground.engine.hardware import Hardware, hardware
from playground.engine.measured import Measured, watch_peak
from playground.engine.plan import MemoryPlan, plan_model
from playground.engine.reading_choice import OTHER, READING_SLOTS, plain
from playground.engine.shape import preset_shape, read_shape
from playground.engine.template_check import check_template
from playground.errors import BadValueError, MissingError, ModelError, PlaygroundError
from playground.paths import DataFolder, typed_path
from playground.presets import ModelPreset
from playground.settings import Settings

log = logging.getLogger(__name__)
_SHARE = 0.9
"""Of each device's memory that models may take where the settings give no budget; the rest is the system's."""


@dataclass(frozen=True)
class Sizes:
    """What the models in memory take, by model and device: those in use, and those that would leave for another.

    `budget` is what all models together may take of each device.
    """

    used: Mapping[str, Mapping[str, int]]
    idle: Mapping[str, Mapping[str, int]]
    budget: Mapping[str, int]

    def hardware(self) -> Hardware:
        """The devices with what is free for one more model, were the idle ones gone."""
        here = hardware()
        devices = []
        for device in here.devices:
            idle = sum(sizes.get(device.name, 0) for sizes in self.idle.values())
            used = sum(sizes.get(device.name, 0) for sizes in self.used.values())
            allowed = self.budget.get(device.name, device.total) - used
            devices.append(replace(device, free=max(0, min(device.free + idle, allowed))))
        return replace(here, devices=tuple(devices))


Report = Callable[[str, int, int], None]
"""Called with what is being fetched, bytes done and bytes in all."""


@dataclass(frozen=True)
class Prepared:
    """A model that is on disk, understood and planned. `plan` is None where there is nothing to plan (echo, remote)."""

    wanted: Wanted
    source: ModelSource
    plan: MemoryPlan | None
    need: Mapping[str, int]
    """Bytes by device."""
    note: str = ""

    def too_big(self, missing: int) -> ModelError:
        """What to say when it does not fit even alone, with the settings that would."""
        size = self.plan.total if self.plan is not None else sum(self.need.values())
        wanted = f"{self.wanted.model} needs {size / 1e9:.1f} GB, {missing / 1e9:.1f} GB more than"
        ways = [proposal.text for proposal in self.plan.proposals] if self.plan is not None else []
        remedy = f"This would fit: {'; '.join(ways)}." if ways else "Choose a smaller model, or close other programs."
        return ModelError(f"{wanted} there is. {remedy}")


class Loader:
    """Knows the settings, the data folder and what was measured before; holds no model."""

    def __init__(self, settings: Settings, folder: DataFolder) -> None:
        self._settings = settings
        self._folder = folder
        self.measured = Measured(folder.cache / "measured.json")

    def resolve(self, name: str, options: LoadOptions) -> Wanted:
        """Which engine and which files a name means. Raises BadValueError, MissingError."""
        return catalog.resolve(name, options, self._settings, self._folder)

    def default_options(self, name: str) -> LoadOptions:
        """How to load a model that nothing was said about: by the settings, by their engine only if it can read it."""
        options = LoadOptions.of(self._settings)
        if plain(name) != name:
            return replace(options, engine=OTHER, precision="auto", slots=options.slots or READING_SLOTS)
        try:
            self.resolve(name, options)
        except BadValueError:
            return replace(options, engine="auto")
        except MissingError:
            pass  # Whoever uses the name is told.
        return options

    def is_here(self, wanted: Wanted) -> bool:
        """True unless it must be fetched first."""
        return wanted.preset is None or download.is_present(wanted.preset, self._folder)

    def fetch(self, preset: ModelPreset, report: Report) -> None:
        """Bring a preset's file here. Raises MissingError, StorageError, download.Cancelled (from `report`)."""
        if self._settings.offline:
            raise MissingError(
                f"{preset.name} is not on this machine and --offline forbids fetching it. "
                "Start once without --offline, or give a model with --model PATH."
            )
        last = 0.0

        def progress(what: str, done: int, total: int) -> None:
            nonlocal last
            if time.monotonic() - last > 0.2 or done == total:
                last = time.monotonic()
                report(what, done, total)

        download.fetch(preset, self._folder, progress)

    def plan(self, wanted: Wanted, options: LoadOptions, others: Sizes) -> MemoryPlan | None:
        """What the model would take, and whether it fits; None for echo and remote.

        Idle models count as free, because they leave when room is needed. A preset that is not here is planned from
        what its file says. Raises ModelError for what is no model, BadValueError for options that cannot be.
        """
        if wanted.path is None:
            return None
        if wanted.preset is not None and not self.is_here(wanted):
            shape = preset_shape(wanted.preset)
        else:
            shape = read_shape(wanted.path)
        there = others.hardware()
        return plan_model(shape, options, there, self.measured, engine=wanted.engine, residents=others.used)

    def prepare(
        self,
        name: str,
        options: LoadOptions,
        adapters: Mapping[str, str],
        others: Sizes,
    ) -> Prepared:
        """Everything short of taking memory. Raises PlaygroundError for what cannot become a loaded model.

        An adapter whose files are gone is left out, and the note says so.
        """
        wanted = self.resolve(name, options)
        plan = self.plan(wanted, options, others)
        if wanted.path is not None and is_pickle(wanted.path):
            raise ModelError(
                f"{name} has its weights in a pickle, a kind of file that may run programs, so it is not loaded. "
                f"Convert it once, in the Models tab or with `playground models convert {name}`."
            )
        if wanted.path is not None:
            check_template(wanted.path)
        source = catalog.source(wanted, options, self._settings, self._folder)
        here, notes = [], []
        for adapter_name, path in adapters.items():
            try:
                here.append(catalog.adapter_source(Path(path), adapter_name))
            except PlaygroundError as error:
                notes.append(str(error))
        source = replace(source, adapters=tuple(here))
        if plan is None:
            need = {"cpu": echo_bytes(wanted.model)} if wanted.engine == "echo" else {}
            return Prepared(wanted, source, None, need, " ".join(notes))
        source = replace(
            source,
            precision=plan.precision,
            device=plan.device,
            slots=plan.slots,
            context_length=plan.context_length,
        )
        need = {device: size for device, size in plan.need.items() if size}
        need[plan.device] = plan.total - plan.reclaimable
        note = " ".join([plan.reason, *notes]).strip() if plan.fits else " ".join(notes)
        return Prepared(wanted, source, plan, need, note)

    def open(self, prepared: Prepared, *, alone: Callable[[], bool]) -> Engine:
        """Load it. While `alone` says that nothing else is at work, what it takes is measured and remembered.

        Raises ModelError, also for a lack of memory.
        """
        try:
            if prepared.plan is None or not alone():
                return _open(prepared.wanted.engine, prepared.source)
            with watch_peak(prepared.plan.device) as peak:
                engine = _open(prepared.wanted.engine, prepared.source)
            if alone():
                self.measured.record_load(prepared.plan, peak)
            return engine
        except PlaygroundError:
            raise
        except MemoryError:
            raise ModelError(
                "There is not enough memory for this model. Close other programs or choose a smaller one."
            ) from None
        except Exception as problem:  # A bug of ours or a library's: it must not die unheard in a thread.
            log.exception("loading failed")
            raise ModelError(
                f"The model could not be loaded ({type(problem).__name__}: {problem}). See the log file."
            ) from None

    def adapter(self, path: str, taken: Collection[str], called: str = "") -> AdapterSource:
        """The adapter at `path`, as `called` or as its file, under a name that is not `taken`.

        Raises MissingError, ModelError.
        """
        place = typed_path(path)
        name = base = called or place.stem or "adapter"
        number = 2
        while name in taken:
            name, number = f"{base}-{number}", number + 1
        return catalog.adapter_source(place, name)

    def options_for(self, adapter: AdapterSource, name: str, options: LoadOptions) -> LoadOptions | None:
        """How to load the model so that it can use an adapter that its engine refused; None: no way."""
        wanted = self.resolve(name, options)
        if wanted.engine != "llamacpp" or not adapter.path.is_dir():
            return None
        return replace(options, engine="transformers")


def _open(engine: str, source: ModelSource) -> Engine:
    """Load with the engine of that name; its libraries are imported here, and not before."""
    if engine == "echo":
        from playground.engine.echo_engine import EchoEngine

        return EchoEngine(source)
    if engine == "llamacpp":
        from playground.engine.llamacpp_engine import LlamaCppEngine

        return LlamaCppEngine(source)
    if engine == "ctranslate2":
        from playground.engine.ctranslate2_engine import CTranslate2Engine

        return CTranslate2Engine(source)
    if engine == "remote":
        from playground.engine.remote_engine import RemoteEngine

        return RemoteEngine(source)
    from playground.engine.transformers_engine import TransformersEngine

    return TransformersEngine(source)


def memory_budget(settings: Settings) -> dict[str, int]:
    """Bytes that models may take, by device."""
    share = {device.name: int(device.total * _SHARE) for device in hardware().devices}
    return {name: int(settings.memory_budget_gb * 1e9) for name in share} if settings.memory_budget_gb else share
