"""Models of the user's own, by the path they were added under. A list in a small file; their files are not touched."""

from __future__ import annotations

import json
from pathlib import Path

from playground.engine.small_file import write_json
from playground.paths import storage_error


class Places:
    """The list, kept in `file`."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> list[str]:
        """The names. A file that cannot be read counts as none: it holds only places, which can be added again."""
        try:
            return [str(name) for name in json.loads(self._file.read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError):
            return []

    def add(self, name: str) -> None:
        """Put a name on the list. Raises StorageError."""
        self._keep([*(one for one in self.all() if one != name), name])

    def remove(self, name: str) -> None:
        """Take a name off the list. Raises StorageError."""
        self._keep([one for one in self.all() if one != name])

    def _keep(self, names: list[str]) -> None:
        try:
            write_json(self._file, names)
        except OSError as error:
            raise storage_error(error, self._file) from error
