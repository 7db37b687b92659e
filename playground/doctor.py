"""Looks at the machine and the installation: what is there, what is missing, and how to get it. Changes nothing."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import psutil

from playground import __version__
from playground.engine.catalog import has_nvidia
from playground.engine.download import is_present, model_file
from playground.engine.hardware import usable_cores
from playground.errors import PlaygroundError
from playground.paths import DataFolder
from playground.presets import STARTER, model_preset
from playground.store import Database

_LIBRARIES = (
    "gradio", "torch", "transformers", "peft", "bitsandbytes", "ctranslate2", "sqlite-utils", "xllamacpp",
    "huggingface-hub", "uvicorn",
)  # fmt: skip
_ENGINES = {
    "llamacpp": ("xllamacpp",),
    "transformers": ("torch", "transformers"),
    "ctranslate2": ("ctranslate2",),
    "echo": (),
}


def examine(folder: DataFolder) -> dict[str, Any]:
    """Everything the report shows, as plain data; `missing` lists what to do, most important first."""
    starter = model_preset(STARTER)
    memory = psutil.virtual_memory()
    engines = {name: all(find_spec(module) for module in modules) for name, modules in _ENGINES.items()}
    if sys.platform == "win32" and platform.machine() != "AMD64":
        del engines["ctranslate2"]  # It is not made for this machine, so it is not missing.
    history = _history(folder)
    missing = [f"Engine {name} cannot run. Start launch.py with --reinstall." for name, ok in engines.items() if not ok]
    if not is_present(starter, folder):
        missing.append(
            "The starter model is not here. Run `playground models pull`, or use --model PATH with a GGUF file."
        )
    if history["problems"]:
        missing.append("The history file has problems. Run `playground history check`.")
    return {
        "playground": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": {"usable_cores": usable_cores(), "memory_bytes": memory.total, "free_bytes": memory.available},
        "devices": _devices(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "data_folder": {"path": str(folder.root), "free_bytes": shutil.disk_usage(folder.root).free},
        "history": history,
        "engines": engines,
        "starter_model": {"path": str(model_file(starter, folder)), "present": is_present(starter, folder)},
        "missing": missing,
    }


def report(facts: dict[str, Any]) -> str:
    """The facts as text for a person."""
    lines = [
        f"Playground {facts['playground']}, Python {facts['python']}, {facts['system']}",
        f"Processor    {facts['processor']['usable_cores']} usable cores, "
        f"{_gb(facts['processor']['memory_bytes'])} memory, {_gb(facts['processor']['free_bytes'])} free",
        f"Devices      {', '.join(facts['devices']) or 'no NVIDIA GPU; the processor is used'}",
        f"Data folder  {facts['data_folder']['path']}, {_gb(facts['data_folder']['free_bytes'])} free",
        f"History      {facts['history']['conversations']} conversations, {facts['history']['messages']} messages"
        + ("" if not facts["history"]["problems"] else f"; PROBLEMS: {'; '.join(facts['history']['problems'])}"),
        "Engines      " + ", ".join(f"{name} {'ready' if ok else 'MISSING'}" for name, ok in facts["engines"].items()),
        f"Starter      {'' if facts['starter_model']['present'] else 'MISSING: '}{facts['starter_model']['path']}",
        "Libraries    " + ", ".join(f"{name} {number or 'MISSING'}" for name, number in facts["libraries"].items()),
    ]
    lines += [f"To do        {line}" for line in facts["missing"]] or ["All is well."]
    return "\n".join(lines)


def _devices() -> list[str]:
    if not has_nvidia():
        return ["Apple GPU (Metal)"] if sys.platform == "darwin" and platform.machine() == "arm64" else []
    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=15, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ["NVIDIA driver present, but nvidia-smi does not answer"]
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _history(folder: DataFolder) -> dict[str, Any]:
    if not folder.database.exists():
        return {"path": str(folder.database), "problems": [], "conversations": 0, "messages": 0}
    try:
        found = Database.inspect(folder.database)
    except PlaygroundError as error:
        return {"path": str(folder.database), "problems": [str(error)], "conversations": 0, "messages": 0}
    return {
        "path": str(folder.database),
        "problems": list(found.problems),
        "conversations": found.conversations,
        "messages": found.messages,
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
