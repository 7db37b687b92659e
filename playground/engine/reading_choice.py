"""Which engine reads long texts fastest: what was seen on this machine, else what is usual for such a model.

Reading many tokens is other work than writing them one by one. On a processor llama.cpp keeps a GGUF's weights as they
are, which is little memory and a quick start; transformers widens them once, and then reads two to four times as fast
(see `benchmarks/summarize.py`). That pays for small models only: a large one would not fit.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from playground.engine.hardware import hardware
from playground.engine.small_file import write_json
from playground.errors import PlaygroundError

if TYPE_CHECKING:
    from playground.engine.manager import ModelManager

OTHER = "transformers"
READING_SLOTS = 8
"""Parts at a time: each step then reads the weights once for eight (two cores: a tenth faster than four)."""
_LARGEST = 4_000_000_000
"""Bytes up to which it pays to hold a model a second time."""


def with_engine(name: str) -> str:
    """The name of a model that is to be run by the other engine: a model of its own for the manager."""
    return f"{OTHER}:{name}"


def plain(name: str) -> str:
    """A model's name without its engine."""
    return name.removeprefix(f"{OTHER}:")


class Speeds:
    """Tokens per second at long texts by model and engine, in a small file. Any thread may use it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def record(self, model: str, engine: str, tokens_per_second: float) -> None:
        """Keep what was seen; 0 for an engine that cannot read this model."""
        with self._lock:
            kept = self._read()
            kept.setdefault(_key(model), {})[engine] = round(tokens_per_second, 1)
            with contextlib.suppress(PlaygroundError, OSError):  # Only a memory: it is seen again the next time.
                self._file.parent.mkdir(parents=True, exist_ok=True)
                write_json(self._file, kept)

    def reader(self, manager: ModelManager, name: str, adapter: str) -> str:
        """The name under which a model is to be leased for long texts: its own, or that with the engine that reads
        fastest. That one is held beside the one that chats, and leaves when room is needed."""
        if adapter or manager.options_of(name).engine != "auto":
            return name
        try:
            mine, other = manager.plan(name), manager.plan(with_engine(name))
        except PlaygroundError:  # The other engine does not know such models.
            return name
        if mine is None or other is None or mine.key.engine != "llamacpp":
            return name
        return with_engine(name) if other.fits and other.total <= _LARGEST and self._prefers_other(name) else name

    def _prefers_other(self, model: str) -> bool:
        seen = self._read().get(_key(model), {})
        if OTHER in seen and ("llamacpp" in seen or not seen[OTHER]):
            return seen[OTHER] > seen.get("llamacpp", 0.0)
        # Without a compiler for its decoding it would write too slowly to make up for it.
        return importlib.util.find_spec("numba") is not None

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            return {str(key): {str(of): float(rate) for of, rate in rates.items()} for key, rates in found.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}


def _key(model: str) -> str:
    return f"{hardware().devices[0].label}, {os.cpu_count()}: {model}"
