"""What guests of links chose to keep: a folder for each, and the hash of what they are known by the next time."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from playground.access.hashing import hashed_secret
from playground.errors import BusyError
from playground.paths import storage_error

_KEEPERS = 100
"""Guests of a link who may keep something."""


class Kept:
    """Below `root`, in a folder for each link. Reading is safe from any thread; those who come in do so one by one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, link: str, person: str) -> Path:
        """Where what somebody keeps is, as long as their link is open."""
        return self._root / link / person

    def has(self, link: str, person: str) -> bool:
        """Whether somebody is known here."""
        return self._mark(link, person).exists()

    def known(self, link: str, secret: str) -> str:
        """Who is known by this; "" for nobody."""
        return self._marks(link).get(hashed_secret(secret), "") if secret else ""

    def mark(self, link: str, person: str, secret: str) -> None:
        """Know somebody by this from now on, whole or not at all. Raises BusyError and StorageError."""
        mark = self._mark(link, person)
        if not mark.exists() and len(self._marks(link)) >= _KEEPERS:
            raise BusyError("Too many keep what they wrote by this link. Come in without keeping it.")
        part = mark.with_suffix(".new")
        try:
            mark.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(hashed_secret(secret), "ascii")
            os.replace(part, mark)
        except OSError as error:
            raise storage_error(error, self._root) from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def forget(self, link: str, person: str) -> None:
        """Delete what somebody has here."""
        self._mark(link, person).unlink(missing_ok=True)
        shutil.rmtree(self.folder(link, person), ignore_errors=True)

    def links(self) -> list[str]:
        """By which something is kept."""
        return [folder.name for folder in self._root.iterdir()] if self._root.is_dir() else []

    def drop(self, links: Collection[str]) -> None:
        """Delete all that is kept by these."""
        for link in links:
            shutil.rmtree(self._root / link, ignore_errors=True)

    def _marks(self, link: str) -> dict[str, str]:
        found = {}
        for file in (self._root / link).glob("*.mark"):
            with contextlib.suppress(FileNotFoundError):  # Forgotten at this moment.
                found[file.read_text("ascii")] = file.stem
        return found

    def _mark(self, link: str, person: str) -> Path:
        return self._root / link / f"{person}.mark"
