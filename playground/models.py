"""What one can do with models besides talking to them: see, get, plan, convert, add, delete. Knows no page.

The Models tab and the command line stand on it. Loading itself is the manager's, downloading the downloads'.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from playground.engine import catalog
from playground.engine.base import LoadOptions
from playground.engine.converted import convert_installed
from playground.engine.downloads import Downloads
from playground.engine.hardware import Hardware, hardware
from playground.engine.hub import HubModel, list_repository, search_hub
from playground.engine.hub_files import Repository
from playground.engine.keys import key_for, remember_key
from playground.engine.library import Installed, find, installed, remove
from playground.engine.manager import ModelManager
from playground.engine.parts import target_of
from playground.engine.places import Places
from playground.engine.plan import plan_model
from playground.engine.shape import preset_shape
from playground.engine.states import ModelState
from playground.errors import BadValueError, BusyError, MissingError, PlaygroundError
from playground.listeners import Listeners
from playground.overview import DeviceUse, Header, LocalModel, Offer, Overview, title_of
from playground.paths import DataFolder, typed_path
from playground.presets import model_presets
from playground.settings import Settings

log = logging.getLogger(__name__)
_LOOK_SECONDS = 5.0
"""How long the list of what is on disk is used again: a person may put files there by hand."""


class ModelsService:
    """Everything about models for a front end. May be used from any thread."""

    def __init__(self, manager: ModelManager, downloads: Downloads, settings: Settings, folder: DataFolder) -> None:
        """Ask nobody and start nothing."""
        self.manager = manager
        self.downloads = downloads
        self._settings = settings
        self._folder = folder
        self._places = Places(folder.root / "added-models.json")
        self._lock = threading.Lock()
        self._listeners: Listeners[[]] = Listeners()
        self._converting: set[str] = set()
        self._agreed: set[str] = set()
        """Pickles that are to be converted when they have come."""
        self._failed: dict[str, str] = {}
        """Why converting a model failed, by its name."""
        self._disk: tuple[float, tuple[Installed, ...]] = (0.0, ())
        self._offers: tuple[Offer, ...] | None = None
        self._finished = 0
        self.is_trained: Callable[[str], bool] = lambda _: False
        """Whether a training needs a model's files now; set by whoever knows of trainings."""
        self._ready: set[str] = set()
        downloads.listen(self._downloaded)
        manager.listen(self._loaded)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` from whatever thread after a change that is not the manager's; returns what ends it."""
        return self._listeners.listen(listener)

    def overview(self) -> Overview:
        """What there is now. Raises StorageError when the models' folder cannot be read."""
        manager, states = self.manager, self.manager.states()
        local = self._local()
        return Overview(
            devices=self._devices(states),
            states=states,
            chosen=manager.chosen,
            adapter=manager.adapter,
            local=local,
            offers=self._all_offers(),
            jobs=self.downloads.jobs(),
            offline=self._settings.offline,
            titles={model.name: model.title for model in local},
        )

    def header(self) -> Header:
        """The line about the chosen model."""
        state, states = self.manager.state, self.manager.states()
        devices = {device.name: device for device in self._devices(states)}
        device = devices.get(next(iter(state.memory), "cpu")) or next(iter(devices.values()))
        used = sum(size for _, size in device.parts)
        name = self.manager.chosen
        return Header(state, title_of(name), self.manager.adapter, used, device.total, self.manager.note)

    def search(self, query: str) -> tuple[HubModel, ...]:
        """Ask the Hub. Raises MissingError offline or when it does not answer, BadValueError for an empty query."""
        if not query.strip():
            raise BadValueError("There is nothing to search for. Write a name, or a part of one.")
        return search_hub(query.strip(), offline=self._settings.offline)

    def files(self, repository: str) -> Repository:
        """What a repository on the Hub holds. Raises MissingError and BadValueError."""
        return list_repository(repository, offline=self._settings.offline)

    def server_models(self, url: str, key: str) -> tuple[str, list[str]]:
        """The address as it is used, and the names of the server's models. The key is kept in memory for it.

        Raises BadValueError and ModelError.
        """
        from playground.engine.remote_engine import list_models

        url = url.strip().rstrip("/")
        found = list_models(url, key or key_for(url, self._settings))
        if key:
            remember_key(url, key)
        return url, found

    def unload(self, name: str) -> None:
        """Free a model as soon as nobody uses it; returns at once, its state says when that is done."""
        threading.Thread(target=self.manager.unload, args=[name], name="unload", daemon=True).start()

    def download(self, name: str, *, allow_pickle: bool = False) -> None:
        """Begin to download; with the consent to a pickle it is converted as well, as soon as it is here.

        Raises as Downloads.start does.
        """
        if allow_pickle:
            self._agreed.add(target_of(name).name)
        self.downloads.start(name, allow_pickle=allow_pickle)

    def convert(self, name: str) -> None:
        """Begin to turn a pickle into safetensors; whoever calls has the user's consent.

        `overview` says that it is under way, and how it failed. Raises MissingError, BusyError.
        """
        model = self._find(name)
        with self._lock:
            if name in self._converting:
                raise BusyError(f"{name} is being converted already. Wait until that is done.")
            self._converting.add(name)
            self._failed.pop(name, None)
        threading.Thread(target=self._convert, args=[model], name="convert", daemon=True).start()
        self._listeners.tell()

    def remove(self, name: str) -> int:
        """Delete a downloaded model's files and return the bytes freed.

        Raises BusyError when it is in memory, chosen, being converted or trained; MissingError; StorageError.
        """
        self._find(name)
        if name in self._converting:
            raise BusyError(f"{name} is being converted. Wait until that is done.")
        if any(state.model == name and state.phase != "failed" for state in self.manager.states()):
            raise BusyError(f"{name} is in memory. Unload it first.")
        if name == self.manager.chosen:
            raise BusyError(f"{name} is used for chat. Choose another model first.")
        if self.is_trained(name):
            raise BusyError(f"{name} is being trained. Stop the training first.")
        freed = remove(name, self._folder)
        self._failed.pop(name, None)
        self.refresh()
        return freed

    def add(self, path: str) -> str:
        """Put a model of the user's own on the list, by its path; returns its name. Its files stay where they are.

        Raises MissingError and ModelError for what is no model.
        """
        name = path.strip()
        if not name:
            raise BadValueError("The path is empty. Write where the file or folder lies.")
        if name.startswith("~"):
            name = str(typed_path(name))
        self.manager.plan(name)  # Reads its header: what is no model is refused here, with the reason.
        if not any(model.name == name for model in self._installed()):
            self._places.add(name)
            self._listeners.tell()
        return title_of(name)

    def forget(self, name: str) -> None:
        """Take a model of the user's own off the list; it stays in memory if it is."""
        self._places.remove(name)
        self._listeners.tell()

    def refresh(self) -> None:
        """The disk has changed: look again."""
        self._disk = (0.0, ())
        self._listeners.tell()

    def _devices(self, states: tuple[ModelState, ...]) -> tuple[DeviceUse, ...]:
        budget = self.manager.budget
        return tuple(
            DeviceUse(
                device.name,
                device.label,
                device.total,
                device.free,
                budget.get(device.name, device.total),
                tuple((state.model, state.memory[device.name]) for state in states if state.memory.get(device.name)),
            )
            for device in hardware().devices
        )

    def _local(self) -> tuple[LocalModel, ...]:
        presets = model_presets()
        found = []
        for model in self._installed():
            preset = presets.get(model.name)
            one = LocalModel(
                model.name,
                title_of(model.name),
                str(model.path),
                model.bytes,
                model.license,
                pickle=model.kind == "pickle",
                converting=model.name in self._converting,
                error=self._failed.get(model.name) or model.problem,
                options=self.manager.options_of(model.name),
            )
            if preset is not None:
                one = replace(
                    one,
                    license=model.license or preset.license,
                    kind=preset.kind,
                    languages=preset.languages,
                    good_at=preset.good_at,
                    good_at_zh=preset.good_at_zh,
                )
            found.append(one)
        for name in self._places.all():
            file, options = Path(name), self.manager.options_of(name)
            size = sum(one.stat().st_size for one in ([file] if file.is_file() else file.glob("*.safetensors")))
            error = "" if file.exists() or options.engine == "echo" else f"There is no file or folder {name} any more."
            found.append(LocalModel(name, title_of(name), name, size, own=True, error=error, options=options))
        return tuple(found)

    def _installed(self) -> tuple[Installed, ...]:
        when, found = self._disk
        if time.monotonic() - when > _LOOK_SECONDS or not when:
            found = installed(self._folder)
            self._disk = (time.monotonic(), found)
        return found

    def _all_offers(self) -> tuple[Offer, ...]:
        """Planned once: neither the presets nor the machine change while the app runs. What fits comes first."""
        if self._offers is None:
            empty, offers = _empty(self.manager.budget), []
            for preset in model_presets().values():
                engine = "transformers"
                if preset.kind != "embedding":
                    engine = catalog.resolve(preset.id, LoadOptions(), self._settings, self._folder).engine
                plan = plan_model(preset_shape(preset), LoadOptions(), empty, engine=engine)
                offers.append(Offer(preset, plan.total - plan.reclaimable, plan.precision, plan.fits))
            late = ("seq2seq", "embedding")
            offers.sort(key=lambda offer: (not offer.fits, offer.preset.kind in late, offer.total))
            self._offers = tuple(offers)
        return self._offers

    def _find(self, name: str) -> Installed:
        model = find(name, self._folder)
        if model is None:
            raise MissingError(f"There is no model {name!r} on this machine. Look at the list again.")
        return model

    def _convert(self, model: Installed) -> None:
        try:
            convert_installed(model, self._folder)
        except PlaygroundError as error:
            self._failed[model.name] = str(error)
        except Exception as error:  # A bug of ours: it must not die unheard in a thread.
            log.exception("converting failed")
            self._failed[model.name] = f"It could not be converted ({type(error).__name__}: {error}). See the log file."
        finally:
            self._converting.discard(model.name)
            self.refresh()

    def _loaded(self) -> None:
        before, self._ready = self._ready, {one.model for one in self.manager.states() if one.phase == "ready"}
        if before != self._ready:  # The first one may have been fetched for it.
            self.refresh()

    def _downloaded(self) -> None:
        done = {job.name for job in self.downloads.jobs() if job.state == "done"}
        if len(done) != self._finished:
            self._finished, self._disk = len(done), (0.0, ())
        with self._lock:
            come = self._agreed & done
            self._agreed -= come
        for name in come:
            if (model := find(name, self._folder)) is not None and model.kind == "pickle":
                self.convert(name)
        self._listeners.tell()


def _empty(budget: Mapping[str, int]) -> Hardware:
    """This machine with nothing but the system in memory."""
    now = hardware()
    return replace(now, devices=tuple(replace(one, free=budget.get(one.name, one.total)) for one in now.devices))
