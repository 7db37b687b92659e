"""Models that can be trained: where a name's files are, its tokenizer, and what a training of it would take.

Trains nothing and loads no weights.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from playground.engine import catalog
from playground.engine.base import LoadOptions, ModelSource
from playground.engine.convert import is_pickle
from playground.engine.hardware import hardware
from playground.engine.plan import MemoryPlan, plan_model
from playground.engine.reading_choice import plain
from playground.engine.shape import read_shape
from playground.engine.training_need import TrainingTask
from playground.errors import BadValueError, MissingError, ModelError, PlaygroundError
from playground.paths import DataFolder
from playground.settings import Settings

_KEPT = 2
"""Tokenizers in memory."""


class TrainingBases:
    """Safe to use from any thread."""

    def __init__(self, settings: Settings, folder: DataFolder) -> None:
        self._settings = settings
        self._folder = folder
        self._tokenizers: dict[str, Any] = {}
        self._lock = threading.Lock()

    def source(self, name: str) -> ModelSource:
        """The files of a model, hashed. Raises ModelError for one that cannot be trained, with the reason."""
        if name.startswith(("http://", "https://")):
            raise ModelError(f"{name} is on a server and cannot be trained here. Choose a model of this machine.")
        if name == "echo":
            raise ModelError("The echo model has nothing to learn with. Choose a model of this machine.")
        options = LoadOptions(engine="transformers")
        try:
            wanted = catalog.resolve(plain(name), options, self._settings, self._folder)
        except BadValueError as error:
            raise ModelError(f"{error} Only models that write text can be trained.") from None
        if wanted.path is None or not wanted.path.exists():
            raise _gone(name)
        if is_pickle(wanted.path):
            raise ModelError(f"{name} has its weights in a pickle, which is not loaded. Convert it in the Models tab.")
        return catalog.source(wanted, options, self._settings, self._folder)

    def check_here(self, name: str, options: LoadOptions) -> None:
        """Raise MissingError for a model whose files were deleted: it is not fetched again unasked."""
        wanted = catalog.resolve(name, options, self._settings, self._folder)
        if wanted.path is not None and not wanted.path.exists():
            raise _gone(name)

    def tokenizer(self, name: str) -> Any:
        """The tokenizer of a model, with its chat template. Raises ModelError, MissingError."""
        with self._lock:
            if name not in self._tokenizers:
                if len(self._tokenizers) >= _KEPT:
                    self._tokenizers.pop(next(iter(self._tokenizers)))
                self._tokenizers[name] = _read_tokenizer(self.source(name))
            return self._tokenizers[name]

    def plan(self, name: str, task: TrainingTask, precision: str, device: str, freed: int = 0) -> MemoryPlan:
        """What a training would take next to what is in memory now, were so many bytes of that `freed`."""
        shape, here = read_shape(self.source(name).path), hardware()
        devices = tuple(replace(one, free=min(one.total, one.free + freed)) for one in here.devices) if freed else ()
        options = LoadOptions(engine="transformers", precision=precision, device=device)
        there = replace(here, devices=devices) if freed else here
        return plan_model(shape, options, there, engine="transformers", task=task)


def _gone(name: str) -> MissingError:
    return MissingError(f"{name} is not on this machine (any more). Get it in the Models tab.")


def _read_tokenizer(source: ModelSource) -> Any:
    import transformers

    folder, which = source.path, {}
    if not folder.is_dir():
        converted = source.cache / source.sha256 if source.cache and source.sha256 else None
        if converted is not None and converted.is_dir():
            folder = converted
        else:
            folder, which = source.path.parent, {"gguf_file": source.path.name}
    try:
        found: Any = transformers.AutoTokenizer
        made = found.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False, **which)
    except PlaygroundError:
        raise
    except Exception as error:
        raise ModelError(
            f"The tokenizer of {source.id} cannot be read ({type(error).__name__}). Download the model again."
        ) from error
    if not made.is_fast:
        raise ModelError(f"The tokenizer of {source.id} is of an old kind that cannot be used. Choose another model.")
    return made
