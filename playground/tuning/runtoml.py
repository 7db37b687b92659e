"""RUN.toml: what `playground tune run` trains. Says what is wrong with one, and which file it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playground.errors import BadValueError, MissingError
from playground.settings import read_toml
from playground.tuning.forms import FIELDS
from playground.tuning.options import TuningOptions
from playground.tuning.recipe import Recipe, recipe_presets

_KEYS = {"model": str, "data": list, "recipe": str, "title": str, "prompts": list, "device": str, "settings": dict}
_KEYS |= {"columns": dict, "note": str}


@dataclass(frozen=True)
class RunToml:
    """What a RUN.toml says."""

    options: TuningOptions
    data: tuple[Path, ...]
    title: str = ""
    columns: Mapping[str, str] | None = None
    note: str = ""


def read_run_toml(file: Path) -> RunToml:
    """Raises BadValueError for a key or value that cannot be, MissingError for files that are not there."""
    if not file.is_file():
        raise MissingError(f"There is no file {file}. Check the path.")
    values = read_toml(file)
    for key, value in values.items():
        if key not in _KEYS:
            raise BadValueError(f"{file}: unknown key {key!r}. Known are: {', '.join(sorted(_KEYS))}.")
        if not isinstance(value, _KEYS[key]):
            raise BadValueError(f"{file}: {key} is {value!r}, which is of the wrong kind.")
    for key in ("model", "data"):
        if not values.get(key):
            raise BadValueError(f"{file}: the key {key!r} is missing.")
    if wrong := next((one for one in values.get("columns", {}) if one not in FIELDS), None):
        raise BadValueError(f"{file}: [columns] names {wrong!r}. Fields are {', '.join(FIELDS)}.")
    data = tuple(file.parent / str(one) for one in values["data"])
    if missing := next((one for one in data if not one.is_file()), None):
        raise MissingError(f"There is no file {missing}. Check the path.")
    return RunToml(
        TuningOptions(
            str(values["model"]),
            _recipe(file, values),
            tuple(str(one) for one in values.get("prompts", [])),
            str(values.get("device", "auto")),
        ),
        data,
        str(values.get("title", "")),
        {str(key): str(value) for key, value in values.get("columns", {}).items()} or None,
        str(values.get("note", "")),
    )


def _recipe(file: Path, values: Mapping[str, Any]) -> Recipe:
    name = str(values.get("recipe", "balanced"))
    known = recipe_presets()
    if name not in known:
        raise BadValueError(f"{file}: there is no recipe {name!r}. Known are: {', '.join(known)}.")
    recipe, changes = known[name].recipe, values.get("settings", {})
    Recipe.from_mapping(changes, f"{file} [settings]")
    return replace(recipe, **changes)
