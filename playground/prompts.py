"""Personas and prompt templates: those that come with the app, from TOML files, and how a template is filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from playground.errors import BadValueError
from playground.paths import PRESETS
from playground.records import Sampling
from playground.settings import read_toml

_VARIABLE = re.compile(r"\{\{\s*([^\W\d][\w-]{0,40})\s*\}\}")


@dataclass(frozen=True)
class PromptPreset:
    """A persona (its text is a system prompt) or a template (its text becomes a message), in English and Chinese."""

    id: str
    name: str
    name_zh: str
    text: str
    text_zh: str
    sampling: Mapping[str, Any]


@cache
def personas() -> dict[str, PromptPreset]:
    """The personas that come with the app, by id."""
    return _read("personas")


@cache
def templates() -> dict[str, PromptPreset]:
    """The templates that come with the app, by id."""
    return _read("prompts")


def variables(text: str) -> list[str]:
    """Names of what a template leaves open, each once, in their order: `{{name}}`."""
    return list(dict.fromkeys(_VARIABLE.findall(text)))


def fill(text: str, values: Mapping[str, str]) -> str:
    """A template with its variables filled in. Raises BadValueError naming those that are missing."""
    missing = [name for name in variables(text) if not values.get(name, "").strip()]
    if missing:
        raise BadValueError(f"The template needs a value for: {', '.join(missing)}. Fill it in, then insert.")
    # In one pass: a value that looks like a variable stays what it is.
    return _VARIABLE.sub(lambda found: values[found[1]], text)


def _read(folder: str) -> dict[str, PromptPreset]:
    return {file.stem: _preset(file) for file in sorted((PRESETS / folder).glob("*.toml"))}


def _preset(file: Path) -> PromptPreset:
    values = {"sampling": {}, **read_toml(file)}
    known = {field.name for field in fields(PromptPreset)} - {"id"}
    for key in values:
        if key not in known:
            raise BadValueError(f"{file}: unknown key {key!r}. Known are: {', '.join(sorted(known))}.")
    for key in sorted(known):
        if key not in values:
            raise BadValueError(f"{file}: the key {key!r} is missing.")
    Sampling.from_mapping(values["sampling"], f"{file} [sampling]")
    return PromptPreset(file.stem, **values)
