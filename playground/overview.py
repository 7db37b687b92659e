"""What the Models tab and `playground models list` show, as frozen values. Gathers nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from playground.engine.base import LoadOptions
from playground.engine.downloads import DownloadJob
from playground.engine.reading_choice import OTHER, plain
from playground.engine.states import ModelState
from playground.presets import ModelPreset, model_presets


@dataclass(frozen=True)
class DeviceUse:
    """A device's memory, in bytes."""

    name: str
    label: str
    total: int
    free: int
    budget: int
    """The most that models may take."""
    parts: tuple[tuple[str, int], ...]
    """What each model in memory takes, by its name."""

    @property
    def other(self) -> int:
        """What other programs use, and the app itself."""
        return max(0, self.total - self.free - sum(size for _, size in self.parts))


@dataclass(frozen=True)
class LocalModel:
    """A model on this machine."""

    name: str
    """What the manager takes."""
    title: str
    place: str
    size: int
    """Bytes on disk; 0: it has no files."""
    license: str = ""
    kind: str = ""
    """One of records.Kind; empty: nobody said."""
    languages: tuple[str, ...] = ()
    good_at: str = ""
    good_at_zh: str = ""
    pickle: bool = False
    """It must be converted before it can be loaded."""
    own: bool = False
    """A person added it by its path: it can be taken off the list, and its files are never deleted."""
    converting: bool = False
    error: str = ""
    """Why it cannot be used, or why converting it failed."""
    options: LoadOptions = field(default_factory=LoadOptions)
    """How it would be loaded."""

    @property
    def writes(self) -> bool:
        """Whether it can be chosen for replies, be it broken or not."""
        return self.kind != "embedding"


@dataclass(frozen=True)
class Offer:
    """A curated model, and what it would take on this machine with nothing else in memory."""

    preset: ModelPreset
    total: int
    """Bytes of memory."""
    precision: str
    fits: bool


@dataclass(frozen=True)
class Header:
    """The line about the chosen model. `used` and `total` are bytes of its device, by models and in all."""

    state: ModelState
    title: str
    adapter: str
    used: int
    total: int
    note: str


@dataclass(frozen=True)
class Overview:
    """All of it at one moment."""

    devices: tuple[DeviceUse, ...]
    states: tuple[ModelState, ...]
    chosen: str
    adapter: str
    local: tuple[LocalModel, ...]
    offers: tuple[Offer, ...]
    jobs: tuple[DownloadJob, ...]
    offline: bool
    titles: Mapping[str, str] = field(default_factory=dict)

    def title(self, name: str) -> str:
        """What a person calls the model of this name."""
        return self.titles.get(name) or title_of(name)

    def phase(self, name: str) -> str:
        """What the model is doing; "idle" when it is not in memory."""
        return next((state.phase for state in self.states if state.model == name), "idle")

    def is_here(self, name: str) -> bool:
        """True when it need not be downloaded."""
        return any(model.name == name for model in self.local)

    def is_coming(self, name: str) -> bool:
        """True while a download of it is under way or waits to go on."""
        return any(job.name == name and job.state not in ("done", "cancelled") for job in self.jobs)


def title_of(name: str) -> str:
    """What a person calls the model of this name: a preset's name; of a path or server, its last part."""
    if plain(name) != name:
        return f"{title_of(plain(name))} ({OTHER})"
    preset = model_presets().get(name)
    if preset is not None:
        return preset.name
    if name.startswith(("http://", "https://")):
        url, _, model = name.partition("#")
        return f"{model} @ {url.split('//', 1)[1].split('/')[0].rpartition('@')[2]}"
    if name.startswith(("/", "~", ".")) or ":\\" in name:
        return name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return name
