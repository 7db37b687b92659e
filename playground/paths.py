"""The only owner of locations: where data, models, presets and the lock live. Knows nothing of their contents."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from playground.errors import MissingError, StorageError

_SHOWN = 200
"""Characters of a path that is none, in an error."""
PRESETS = Path(__file__).resolve().parent.parent / "presets"


@dataclass(frozen=True)
class DataFolder:
    """The user's data folder and the places inside it."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "playground.db"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def settings(self) -> Path:
        return self.root / "settings.toml"

    @property
    def lock(self) -> Path:
        return self.root / "playground.lock"

    @property
    def log(self) -> Path:
        return self.root / "playground.log"


def open_data_folder(asked: str | None = None) -> DataFolder:
    """Make the data folder if need be: `asked`, else $PLAYGROUND_DATA_DIR, else the platform's place for user data.

    Raises StorageError when it cannot be made or written to.
    """
    chosen = asked or os.environ.get("PLAYGROUND_DATA_DIR") or platformdirs.user_data_dir("playground", appauthor=False)
    folder = DataFolder(Path(chosen).expanduser().absolute())
    try:
        folder.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder.root / f".write-test-{os.getpid()}"
        try:
            probe.write_bytes(b"x")
        finally:
            probe.unlink(missing_ok=True)
        folder.models.mkdir(exist_ok=True)
    except OSError as error:
        raise storage_error(error, folder.root) from error
    return folder


def typed_path(text: str) -> Path:
    """The absolute path that somebody wrote. Raises MissingError for what the system takes for none."""
    try:
        path = Path(text).expanduser().absolute()
        path.exists()
    except (OSError, RuntimeError, ValueError):  # Too long, of nobody's home folder, or with signs no path has.
        raise MissingError(f"There is no file or folder {text[:_SHOWN]}. Check the path.") from None
    return path


def storage_error(error: OSError, place: Path) -> StorageError:
    """Say what an operating-system error on `place` means and what to do."""
    if error.errno == errno.ENOSPC:
        return StorageError(f"The disk that holds {place} is full. Free some space and try again.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageError(f"{place} cannot be written to. Make it writable, or choose another with --data-dir.")
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return StorageError(f"{place} is not a folder. Choose another place with --data-dir.")
    return StorageError(f"{place} cannot be used: {error.strerror or error}. Choose another place with --data-dir.")
