"""What is on the disk: lists, measures and deletes the models in the data folder. Asks no server, loads nothing."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from playground.engine.hub_files import is_hub_name, is_plain, parse_name
from playground.engine.small_file import read_json, write_json
from playground.errors import BadValueError, MissingError
from playground.paths import DataFolder, storage_error
from playground.presets import ModelPreset, model_presets

MANIFEST = "playground.json"
"""Lies in every downloaded model's folder and says what it is; written last."""
_WEIGHTS = {".gguf": "gguf", ".safetensors": "safetensors", ".bin": "pickle"}


@dataclass(frozen=True)
class KeptFile:
    """A downloaded file: its path in the model's folder, its length, its hash."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Installed:
    """A model on the disk. `problem` says why it cannot be used; empty: it is whole."""

    name: str
    """What --model takes: a preset's id, a name on the Hub, or a path."""
    path: Path
    """What an engine loads: a GGUF file or a folder."""
    place: Path
    """What `remove` deletes: the model's own folder, or the one file that a person put beside others."""
    kind: str
    """gguf, safetensors, pickle (to be converted before it is loaded), or unknown."""
    bytes: int
    license: str = ""
    source: str = ""
    """Where it came from: `org/name@commit`, a package of the registry, or empty for what a person put there."""
    revision: str = ""
    problem: str = ""

    @property
    def complete(self) -> bool:
        """Whether all of it is here."""
        return not self.problem


def model_file(preset: ModelPreset, folder: DataFolder) -> Path:
    """Where the preset's file or folder lies, or would lie."""
    return folder.models / preset.id / preset.file if preset.file else folder.models / preset.id


def is_present(preset: ModelPreset, folder: DataFolder) -> bool:
    """True when the model is there in full length; its hashes were checked when it was put there."""
    place = model_file(preset, folder)
    if preset.sha256:
        return place.is_file() and place.stat().st_size == preset.size
    return (folder.models / preset.id / MANIFEST).is_file() and not _from_manifest(folder.models / preset.id).problem


def write_manifest(folder: Path, name: str, origin: Mapping[str, str], files: Iterable[KeptFile]) -> None:
    """Say in `folder` what it holds; `origin` has source, revision and license."""
    when = datetime.now(UTC).isoformat(timespec="seconds")
    facts = {"name": name, **origin, "downloaded": when, "files": [asdict(file) for file in files]}
    write_json(folder / MANIFEST, facts)


def installed(folder: DataFolder) -> tuple[Installed, ...]:
    """All models in the data folder, by name; also broken ones, with the reason. Unfinished downloads are not here."""
    try:
        entries = sorted(folder.models.iterdir()) if folder.models.is_dir() else []
        found: list[Installed] = []
        for entry in entries:
            # What is gone by now was being deleted, or replaced by what it was converted to.
            with contextlib.suppress(FileNotFoundError):
                found += [] if entry.name.startswith(".") else _models_in(entry)
    except OSError as error:
        raise storage_error(error, folder.models) from error
    return tuple(sorted(found, key=lambda model: model.name.lower()))


def find(name: str, folder: DataFolder) -> Installed | None:
    """The model of that name (`org/name` and `org/name@main` are one), or None."""
    wanted = _canonical(name)
    return next((model for model in installed(folder) if _canonical(model.name) == wanted), None)


def remove(name: str, folder: DataFolder) -> int:
    """Delete a model with what engines made of it, and return the bytes freed; a name of `installed`.

    Raises MissingError when there is none, BadValueError for what is a link or lies elsewhere, StorageError.
    """
    model = find(name, folder)
    if model is None:
        here = ", ".join(known.name for known in installed(folder)) or "none"
        raise MissingError(f"There is no model {name!r} in {folder.models} to be removed. There are: {here}.")
    target = model.place
    steps = [target, *target.parents]
    if folder.models not in steps[1:] or any(step.is_symlink() for step in steps[: steps.index(folder.models)]):
        raise BadValueError(f"{target} is a link, or lies outside of {folder.models}. Delete it yourself.")
    try:
        size = _size(target)
        for copy in _converted_from(target, folder):
            size += _size(copy)
            shutil.rmtree(copy)
        # Out of sight first, in one step: what is half deleted never looks like a model.
        doomed = folder.models / f".removed-{os.getpid()}-{target.name}"
        os.replace(target, doomed)
        for left in folder.models.glob(".removed-*"):  # Also of a process that was killed before it had done this.
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()
    except OSError as error:
        raise storage_error(error, target) from error
    return size


def _converted_from(target: Path, folder: DataFolder) -> list[Path]:
    """The copies that engines made of a model for themselves: named by its hash, which is known since it was loaded."""
    try:
        known: dict[str, str] = json.loads((folder.cache / "hashes.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    mine = {sha256 for files, sha256 in known.items() if files.startswith((f"{target}:", f"{target}{os.sep}"))}
    return [copy for sha256 in mine for copy in (folder.cache / "converted").glob(f"{sha256[:40]}*") if copy.is_dir()]


def _canonical(name: str) -> str:
    return str(parse_name(name)) if is_hub_name(name) else name


def _models_in(entry: Path) -> list[Installed]:
    if not entry.is_dir():
        return [_bare_file(entry)] if entry.suffix.lower() == ".gguf" else []
    if (entry / MANIFEST).is_file():
        return [_from_manifest(entry)]
    preset = model_presets().get(entry.name)
    if preset is not None and preset.file:
        return [_from_preset(preset, entry)]
    if (entry / "config.json").is_file():
        kind = next((kind for end, kind in list(_WEIGHTS.items())[1:] if any(entry.glob(f"*{end}"))), "unknown")
        problem = "" if kind != "unknown" else "its weights are missing (no *.safetensors)"
        return [Installed(str(entry), entry, entry, kind, _size(entry), problem=problem)]
    files = sorted(entry.glob("*.gguf"))
    if files:
        return [_bare_file(file) for file in files]
    return [Installed(str(entry), entry, entry, "unknown", _size(entry), problem="it holds no model")]


def _bare_file(file: Path) -> Installed:
    return Installed(str(file), file, file, "gguf", _size(file))


def _from_preset(preset: ModelPreset, entry: Path) -> Installed:
    """A curated file without a manifest: put there by hand, or by an older version."""
    file, problem = entry / preset.file, ""
    if not file.is_file():
        problem = f"{preset.file} is missing; fetch the model again"
    elif preset.sha256 and file.stat().st_size != preset.size:
        problem = f"{preset.file} has {file.stat().st_size} bytes instead of {preset.size}; fetch the model again"
    return Installed(preset.id, file, entry, preset.format, _size(entry), preset.license, problem=problem)


def _from_manifest(entry: Path) -> Installed:
    try:
        facts = read_json(entry / MANIFEST)
        files = [KeptFile(str(file["path"]), int(file["size"]), str(file["sha256"])) for file in facts["files"]]
        texts = {key: str(facts[key]) for key in ("name", "license", "source", "revision")}
        if not all(is_plain(file.path) for file in files):
            raise ValueError("a path that leads elsewhere")
    except (OSError, ValueError, KeyError, TypeError):
        problem = f"its {MANIFEST} cannot be read; remove it and fetch it again"
        return Installed(str(entry), entry, entry, "unknown", _size(entry), problem=problem)
    kinds = {_WEIGHTS.get(Path(file.path).suffix.lower(), "") for file in files}
    kind = next((kind for kind in _WEIGHTS.values() if kind in kinds), "unknown")
    path = entry
    if kind == "gguf":
        path = entry / min(file.path for file in files if file.path.lower().endswith(".gguf"))
    return Installed(path=path, place=entry, kind=kind, bytes=_size(entry), problem=_fault(entry, files), **texts)


def _fault(entry: Path, files: list[KeptFile]) -> str:
    for kept in files:
        file = entry / kept.path
        if not file.is_file():
            return f"{kept.path} is missing; fetch the model again"
        if file.stat().st_size != kept.size:
            return f"{kept.path} has {file.stat().st_size} bytes instead of {kept.size}; fetch the model again"
    return ""


def _size(place: Path) -> int:
    """Bytes in a file or folder; links are not followed."""
    if not place.is_dir() or place.is_symlink():
        return place.lstat().st_size
    total = 0
    for parent, _, files in os.walk(place):
        for file in files:
            with contextlib.suppress(FileNotFoundError):  # Deleted while we look; then it takes no space.
                total += os.lstat(os.path.join(parent, file)).st_size
    return total
