"""What the user set: the command line first, then `settings.toml` in the data folder, then defaults. Checked once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from playground.errors import BadValueError

ENGINES = ("auto", "llamacpp", "transformers", "ctranslate2", "remote", "echo")
_RANGES = {
    "port": (1, 65535),
    "context_length": (256, 1_000_000),
    "threads": (0, 1024),
    "slots": (0, 64),
    "memory_budget_gb": (0, 100_000),
    "idle_unload_minutes": (0, 100_000),
}


@dataclass(frozen=True)
class Settings:
    """Every setting there is, validated. Raises BadValueError naming the key."""

    host: str = "127.0.0.1"
    port: int | None = None
    """None: 7860, or the next free one."""
    engine: str = "auto"
    model: str | None = None
    """A preset's name, or the path of a GGUF file or of a folder with safetensors. None: the starter model."""
    offline: bool = False
    context_length: int = 8192
    """Tokens; cut to what the model was trained for."""
    threads: int = 0
    """CPU threads of an engine; 0: as many as there are cores."""
    precision: str = "auto"
    device: str = "auto"
    attn_implementation: str = "auto"
    slots: int = 0
    """Replies that a model writes at the same time; 0: as many as its plan finds room for."""
    memory_budget_gb: float = 0.0
    """What all models together may take of each device; 0: nine tenths of it."""
    idle_unload_minutes: float = 30.0
    """A model that nobody used for so long is freed; 0: never."""
    remote_url: str = ""
    """An OpenAI-compatible server, ending in /v1, for --engine remote."""

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise BadValueError(f"engine is {self.engine!r}. Choose one of: {', '.join(ENGINES)}.")
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                kind = "number" if isinstance(value, float) else "whole number"
                raise BadValueError(f"{name} is {value!r}. Give a {kind} from {low} to {high}.")


def load_settings(file: Path, overrides: Mapping[str, Any]) -> Settings:
    """Read `file` if it is there and lay `overrides` (None means: not given) over it."""
    values = read_toml(file) if file.exists() else {}
    hints = get_type_hints(Settings)
    known = {field.name for field in fields(Settings)}
    for key, value in values.items():
        if hints.get(key) is float and type(value) is int:
            values[key] = value = float(value)
        if key not in known:
            raise BadValueError(f"{file}: unknown key {key!r}. Known are: {', '.join(sorted(known))}.")
        if not isinstance(value, hints[key]) or (isinstance(value, bool) and hints[key] is not bool):
            raise BadValueError(f"{file}: {key} is {value!r}, which is of the wrong kind. Correct it.")
    try:
        base = Settings(**values)
    except BadValueError as error:
        raise BadValueError(f"{file}: {error}") from None
    return replace(base, **{key: value for key, value in overrides.items() if value is not None})


def read_toml(file: Path) -> dict[str, Any]:
    """Parse a TOML file; raises BadValueError with the file's name and the line."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except RecursionError:
        raise BadValueError(f"{file}: not valid TOML: nested too deeply. Correct the file.") from None
    except ValueError as error:  # Also a number of too many digits.
        raise BadValueError(f"{file}: not valid TOML: {error}. Correct the file.") from None
    except OSError as error:
        raise BadValueError(f"{file}: cannot be read: {error.strerror}.") from None
