"""Checkpoints that can be trusted: a list of hashes is written last, and only a checkpoint that agrees is gone on from.

Knows nothing of what is in them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from playground.engine.small_file import write_json

_MANIFEST = "manifest.json"
_NAME = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True)
class Newest:
    """The newest checkpoint that verifies, if there is one, and why newer ones do not."""

    path: Path | None
    step: int
    skipped: tuple[tuple[str, str], ...] = ()
    """Name of a checkpoint, and what is wrong with it."""


def seal(folder: Path) -> None:
    """Write the hashes of all files of a finished checkpoint, after these are on the disk. Raises OSError."""
    sums = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != _MANIFEST:
            # Windows lets only those who may write ask for what is on the disk.
            with file.open("r+b") as content:
                sums[file.relative_to(folder).as_posix()] = hashlib.file_digest(content, "sha256").hexdigest()
                os.fsync(content.fileno())
    write_json(folder / _MANIFEST, sums)


def fault(folder: Path) -> str:
    """What is wrong with a checkpoint, in words; "" for one that is as it was sealed."""
    try:
        sums = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "it was not written to its end"
    if not isinstance(sums, dict) or not sums:
        return f"{_MANIFEST} was changed or torn"
    for name, known in sums.items():
        try:
            with (folder / name).open("rb") as content:
                if hashlib.file_digest(content, "sha256").hexdigest() != known:
                    return f"{name} was changed or torn"
        except OSError:
            return f"{name} is missing"
    return ""


def newest(place: Path) -> Newest:
    """Look for the newest checkpoint that verifies."""
    skipped: list[tuple[str, str]] = []
    for step, folder in sorted(_all(place), reverse=True):
        if not (wrong := fault(folder)):
            return Newest(folder, step, tuple(skipped))
        skipped.append((folder.name, wrong))
    return Newest(None, 0, tuple(skipped))


def drop(place: Path, names: tuple[tuple[str, str], ...]) -> None:
    """Delete checkpoints that do not verify: the steps behind the newest good one are made again."""
    for name, _ in names:
        shutil.rmtree(place / name, ignore_errors=True)


def rotate(place: Path, keep: int = 2) -> None:
    """Delete all that are older than the newest `keep` that are sealed."""
    found = [folder for _, folder in sorted(_all(place))]
    kept = [folder for folder in found if (folder / _MANIFEST).is_file()][-keep:]
    for folder in found[: found.index(kept[0])] if kept else ():
        # The manifest goes first, so that a kill in the middle leaves no half checkpoint that looks whole.
        (folder / _MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _all(place: Path) -> list[tuple[int, Path]]:
    if not place.is_dir():
        return []
    return [(int(found[1]), one) for one in place.iterdir() if (found := _NAME.fullmatch(one.name)) and one.is_dir()]
