"""What the user chose about models and wants to find again after a restart: the model for new replies, its adapter, how
each model is loaded, which adapters it has. One small file, written whole; knows nothing of engines.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from playground.engine.base import LoadOptions
from playground.engine.small_file import write_json
from playground.errors import BadValueError
from playground.paths import storage_error


@dataclass(frozen=True)
class Kept:
    """An adapter that belongs to a model: where it lies, and what it was when it was attached."""

    path: str
    sha256: str


@dataclass
class Choices:
    """The choices, and `file` where they are kept."""

    file: Path
    model: str = ""
    """Empty: none was made yet."""
    adapter: str = ""
    options: dict[str, LoadOptions] = field(default_factory=dict)
    """By model."""
    adapters: dict[str, dict[str, Kept]] = field(default_factory=dict)
    """By model and name."""

    @classmethod
    def read(cls, file: Path) -> Choices:
        """What was kept. A file that cannot be understood counts as none: only convenience is lost with it."""
        try:
            kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            options = {name: LoadOptions(**values) for name, values in kept["options"].items()}
            adapters = {
                name: {str(key): Kept(**one) for key, one in found.items()} for name, found in kept["adapters"].items()
            }
            return cls(file, str(kept["model"]), str(kept["adapter"]), options, adapters)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, BadValueError):
            return cls(file)

    def __post_init__(self) -> None:
        self._saving = threading.Lock()

    def save(self) -> None:
        """Keep them. Raises StorageError."""
        with self._saving:
            self._save()

    def _save(self) -> None:
        kept = {
            "model": self.model,
            "adapter": self.adapter,
            "options": {name: asdict(options) for name, options in list(self.options.items())},
            "adapters": {
                name: {key: asdict(one) for key, one in list(found.items())}
                for name, found in list(self.adapters.items())
            },
        }
        try:
            write_json(self.file, kept)
        except OSError as error:
            raise storage_error(error, self.file) from error
