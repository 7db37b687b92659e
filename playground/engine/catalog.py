"""Finds a model by the name a person gave and says which engine reads it. Loads nothing."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from playground.engine.base import ModelSource
from playground.engine.download import model_file, sha256_of
from playground.errors import BadValueError, MissingError, ModelError
from playground.paths import DataFolder
from playground.presets import STARTER, ModelPreset, model_preset, model_presets
from playground.settings import Settings

_GGUF_MAGIC = b"GGUF"


@dataclass(frozen=True)
class Wanted:
    """What the settings ask for: an engine's name, a model's name, and the preset when it is a curated one."""

    engine: str
    model: str
    preset: ModelPreset | None
    path: Path | None


def resolve(settings: Settings, folder: DataFolder) -> Wanted:
    """Decide engine and model; the file need not be there yet when a preset names it. Raises for a bad choice."""
    if settings.engine == "echo":
        name = settings.model or "echo"
        if not name.startswith("echo"):
            raise BadValueError(f"The echo engine has no model {name!r}. Leave --model out, or write echo@40.")
        return Wanted("echo", name, None, None)
    name = settings.model or STARTER
    preset = model_presets().get(name)
    path = model_file(preset, folder) if preset else _local_path(name)
    engine = settings.engine
    if engine == "auto":
        engine = "transformers" if path.is_dir() or has_nvidia() else "llamacpp"
    if engine == "llamacpp" and path.is_dir():
        raise BadValueError(f"{path} is a folder; llama.cpp reads GGUF files. Use --engine transformers for it.")
    return Wanted(engine, preset.id if preset else path.stem, preset, path)


def source(wanted: Wanted, settings: Settings, folder: DataFolder) -> ModelSource:
    """The model as an engine takes it: checked from outside and hashed. Raises MissingError, ModelError."""
    threads = settings.threads or usable_cores()
    if wanted.path is None:
        return ModelSource(wanted.model, folder.root, context_length=settings.context_length, threads=threads)
    _check(wanted.path)
    sha256 = file_sha256(wanted.path, folder.cache / "hashes.json")
    if wanted.preset and sha256 != wanted.preset.sha256:
        raise ModelError(
            f"{wanted.path} is not the file it should be (wrong SHA-256). Delete it; it is fetched anew then."
        )
    return ModelSource(
        id=wanted.model,
        path=wanted.path,
        revision=wanted.preset.hub_revision if wanted.preset else "",
        sha256=sha256,
        context_length=settings.context_length,
        threads=threads,
        cache=folder.cache / "converted",
    )


def has_nvidia() -> bool:
    """True where an NVIDIA driver is at hand; asked without importing torch, which takes seconds."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def usable_cores() -> int:
    """The processors this process may use; a container's share, where the system tells it."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def file_sha256(path: Path, memory: Path) -> str:
    """SHA-256 of a model file, remembered in `memory` by path, size and time; a folder's of its weight files."""
    files = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    key = "|".join(f"{file}:{file.stat().st_size}:{file.stat().st_mtime_ns}" for file in files)
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    if key not in known:
        known[key] = sha256_of(*files)
        with contextlib.suppress(OSError):  # Only a memory: without it the file is hashed again the next time.
            memory.parent.mkdir(parents=True, exist_ok=True)
            part = memory.with_suffix(".part")
            part.write_text(json.dumps(known), encoding="utf-8")
            os.replace(part, memory)
    return str(known[key])


def _local_path(name: str) -> Path:
    path = Path(name).expanduser().absolute()
    if path.exists():
        return path
    if os.sep in name or "/" in name or name.endswith(".gguf"):
        raise MissingError(f"There is no file or folder {path}. Check the path given with --model.")
    model_preset(name)
    raise AssertionError("model_preset raises for a name that is not a preset")


def _check(path: Path) -> None:
    if not path.exists():
        raise MissingError(f"There is no file or folder {path}. Check the path given with --model.")
    if path.is_dir():
        if not (path / "config.json").exists() or not any(path.glob("*.safetensors")):
            raise ModelError(f"{path} holds no model: config.json and *.safetensors are needed. Choose another folder.")
        return
    with path.open("rb") as file:
        if file.read(4) != _GGUF_MAGIC:
            raise ModelError(f"{path} is not a GGUF model file. Give a .gguf file or a folder with safetensors.")
