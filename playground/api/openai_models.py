"""Models by the names that programs use: those on this machine, each adapter as `model+adapter`. Loads none.

A program may have loaded what was chosen; all other models are for their owner to load.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playground.api.openai_errors import ApiError
from playground.engine.embedding import Embedders
from playground.engine.reading_choice import plain
from playground.engine.states import ModelState
from playground.models import ModelsService
from playground.overview import LocalModel, Overview
from playground.presets import model_presets

_COMING = ("waiting", "loading", "ready")
DEFAULT = ("", "default")
"""Names of the chosen model with the chosen adapter."""


@dataclass(frozen=True)
class Listed:
    """A model, or one of its adapters."""

    id: str
    name: str
    """What the manager takes; of a model that compares texts, its preset's id."""
    adapter: str = ""
    kind: str = ""
    """One of records.Kind; empty: nobody said."""
    loaded: bool = False
    created: int = 0

    def shown(self) -> dict[str, Any]:
        """As OpenAI shows it."""
        return {"id": self.id, "object": "model", "created": self.created, "owned_by": "playground"}


class Shelf:
    """The models of this machine. May be used from any thread; looks at the disk."""

    def __init__(self, models: ModelsService, embedders: Embedders) -> None:
        self.models = models
        self.manager = models.manager
        self.embedders = embedders

    def all(self) -> list[Listed]:
        """Those that answer at once first, then the chosen one, then the others."""
        seen = self.models.overview()
        found = {one.id: one for one in self._all(seen)}
        order = {True: 0, False: 2}
        return sorted(found.values(), key=lambda one: min(order[one.loaded], 1 if one.name == seen.chosen else 2))

    def find(self, wanted: str) -> Listed:
        """The model of that id, loaded or not. Raises ApiError."""
        found = {one.id: one for one in self._all(self.models.overview())}
        if wanted in DEFAULT:
            name, adapter = self.manager.chosen, self.manager.adapter
            chosen = next((one for one in found.values() if (one.name, one.adapter) == (name, adapter)), None)
            if chosen is None and self.manager.state.phase == "downloading":
                raise ApiError(503, "The chosen model is being fetched. Try again later.", code="loading", wait=10.0)
            if chosen is None:
                raise _missing("The chosen model is not on this machine. Choose another in the Models tab.")
            return chosen
        if wanted not in found:
            preset = model_presets().get(wanted)
            what = f"{preset.name} is not on this machine" if preset else "There is no such model on this machine"
            raise _missing(f"{what}. GET /v1/models lists those that are; others are got in the Models tab.")
        return found[wanted]

    def writer(self, wanted: str) -> Listed:
        """A model that may write now. Raises ApiError."""
        found = self.find(wanted)
        if found.kind == "embedding":
            raise ApiError(400, f"{found.id} compares texts. Use /v1/embeddings.", code="wrong_model", param="model")
        if found.kind == "seq2seq":
            raise ApiError(400, f"{found.id} translates. Use /v1/translate.", code="wrong_model", param="model")
        if not self.may_write(found.name):
            raise _missing(f"{found.id} is not loaded. Load it, or choose it, in the Models tab.", "model_not_loaded")
        return found

    def may_write(self, name: str) -> bool:
        """Whether a program may use it: it is the chosen one, or in memory, or on its way there."""
        return name == self.manager.chosen or self.manager.state_of(name).phase in _COMING

    def embedder(self, wanted: str) -> Listed:
        """A model that compares texts. Raises ApiError."""
        found = self.find(wanted)
        if found.kind != "embedding":
            known = [one.id for one in self.all() if one.kind == "embedding"]
            said = f"Use {' or '.join(known)}." if known else "None is on this machine: get one in the Models tab."
            raise ApiError(404, f"{found.id} does not compare texts. {said}", code="wrong_model", param="model")
        return found

    def _all(self, seen: Overview) -> Iterator[Listed]:
        states = {state.model: state for state in seen.states}
        local = {one.name: one for one in seen.local}
        names = [name for name in dict.fromkeys([*states, seen.chosen, *local]) if self._is_here(name, local, states)]
        taken: set[str] = set()
        for name in names:
            one, state = local.get(name), states.get(name)
            kind = one.kind if one else ""
            if kind == "embedding" and not self._compares(name):
                continue
            base = _free(_id_of(name), taken)
            loaded = state.phase == "ready" if state else kind == "embedding" and name in self.embedders.held
            for adapter in ("", *self.manager.adapters(name)):
                full = _free(f"{base}+{adapter}", taken) if adapter else base
                yield Listed(full, name, adapter, kind, loaded, _created(one))

    def _is_here(self, name: str, local: dict[str, LocalModel], states: dict[str, ModelState]) -> bool:
        if plain(name) != name:
            return False  # One that is here, run by another engine: the summaries' own.
        state = states.get(name)
        if state is not None and state.phase == "ready" and state.engine != "remote":
            return True
        if (one := local.get(name)) is not None:
            return not one.error and not one.pickle and not one.converting
        if state is None and (state := self.manager.state_of(name)).phase == "failed":
            return False  # Its files were taken away.
        return state.engine != "remote" and name not in model_presets()

    def _compares(self, name: str) -> bool:
        preset = model_presets().get(name)
        return preset is not None and self.embedders.name_for(*preset.languages) == preset.name


def _missing(said: str, code: str = "model_not_found") -> ApiError:
    return ApiError(404, said, code=code, param="model")


def _id_of(name: str) -> str:
    """Without the folders that a model of the owner's own lies in: they are nobody's business."""
    if Path(name).is_absolute() or name.startswith(("~", ".")):
        return Path(name).name.removesuffix(".gguf")
    return name


def _free(wanted: str, taken: set[str]) -> str:
    number, name = 2, wanted
    while name in taken:
        name, number = f"{wanted}-{number}", number + 1
    taken.add(name)
    return name


def _created(one: LocalModel | None) -> int:
    with contextlib.suppress(OSError):
        return int(Path(one.place).stat().st_mtime) if one and one.place else 0
    return 0
