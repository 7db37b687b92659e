"""The folder of a training: what is to be done, written once before its worker starts, and where everything lies."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from playground.engine.base import ModelSource
from playground.engine.small_file import write_json
from playground.errors import MissingError
from playground.paths import storage_error
from playground.records import Turn
from playground.tuning.recipe import Recipe
from playground.tuning.samples import Sample

VERSION = 1


@dataclass(frozen=True)
class RunPlaces:
    """Where things are in the folder of a training."""

    root: Path

    @property
    def run(self) -> Path:
        """What is to be done."""
        return self.root / "run.json"

    @property
    def train(self) -> Path:
        """Samples that are learned from, one a line."""
        return self.root / "train.jsonl"

    @property
    def heldout(self) -> Path:
        """Samples that only measure."""
        return self.root / "heldout.jsonl"

    @property
    def journal(self) -> Path:
        """What happened, one event a line; see `journal`."""
        return self.root / "journal.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def best(self) -> Path:
        """The adapter with the lowest loss on what was held out."""
        return self.root / "best"

    @property
    def adapter(self) -> Path:
        """What came out."""
        return self.root / "adapter"

    @property
    def lock(self) -> Path:
        """Held by the worker as long as it lives."""
        return self.root / "worker.lock"

    @property
    def wish(self) -> Path:
        """Written by the app: "pause" or "stop"; taken away by whoever starts a worker."""
        return self.root / "wish"

    @property
    def reserve(self) -> Path:
        """Given back on a full disk, so that the journal can still say that it is full."""
        return self.root / "reserve"

    @property
    def output(self) -> Path:
        """What the worker and its libraries print."""
        return self.root / "worker.log"


@dataclass(frozen=True)
class BaseModel:
    """The model under the adapter. `path` is a folder of safetensors, or a GGUF with its converted copy in `cache`."""

    name: str
    path: str
    revision: str = ""
    sha256: str = ""
    cache: str = ""

    def source(self) -> ModelSource:
        """As what loads models takes it."""
        cache = Path(self.cache) if self.cache else None
        return ModelSource(self.name, Path(self.path), revision=self.revision, sha256=self.sha256, cache=cache)


@dataclass(frozen=True)
class RunFile:
    """All that a worker needs to know."""

    id: str
    title: str
    base: BaseModel
    recipe: Recipe
    prompts: tuple[str, ...] = ()
    """Asked at each evaluation, of the base and of the adapter."""
    device: str = "auto"
    """"auto", "cpu" or "cuda:N"."""
    threads: int = 0
    """Of the processor; 0: all."""
    checkpoint_seconds: float = 30.0
    """How much work a kill may cost: a checkpoint is written when the last one is older."""
    data: dict[str, Any] = field(default_factory=dict)
    """About the data, for the card of the adapter: names, hashes, licence, counts."""
    version: int = VERSION


def write_run(places: RunPlaces, run: RunFile, train: Iterable[Sample], heldout: Iterable[Sample]) -> None:
    """Write the folder of a training; run.json last, so that a folder with one is whole. Raises StorageError."""
    try:
        places.root.mkdir(parents=True, exist_ok=True)
        for file, samples in ((places.train, train), (places.heldout, heldout)):
            with file.open("w", encoding="utf-8") as out:
                out.writelines(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in samples)
                out.flush()
                os.fsync(out.fileno())
        write_json(places.run, asdict(run))
    except OSError as error:
        raise storage_error(error, places.root) from error


def read_run(places: RunPlaces) -> RunFile:
    """Raises MissingError for a folder without one, BadValueError for a recipe that cannot be."""
    try:
        values = json.loads(places.run.read_text(encoding="utf-8"))
        values["recipe"] = Recipe.from_mapping(values["recipe"], str(places.run))
        return RunFile(**{**values, "base": BaseModel(**values["base"]), "prompts": tuple(values["prompts"])})
    except (OSError, ValueError, KeyError, TypeError):
        raise MissingError(f"{places.run} is no run file, or is damaged. Begin the training anew.") from None


def read_samples(file: Path) -> Iterator[Sample]:
    """What `write_run` wrote."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield sample_from(json.loads(line))


def sample_from(values: dict[str, Any]) -> Sample:
    """A sample of its plain dictionary."""
    messages = tuple(Turn(one["role"], one["content"]) for one in values["messages"])
    return Sample(**{**values, "messages": messages, "learned": tuple(values["learned"])})
