"""The one protocol behind which every engine stands, and what engines share. Knows no library and no model."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from playground.records import Chunk, ModelInfo, Sampling, Turn


@dataclass(frozen=True)
class ModelSource:
    """A model on disk, found and named by the catalog; what an engine loads."""

    id: str
    path: Path
    """A GGUF file, or a folder with safetensors."""
    revision: str = ""
    sha256: str = ""
    context_length: int = 8192
    """The most tokens to ask for; an engine cuts it to what the model was trained for."""
    threads: int = 1
    cache: Path | None = None
    """Where an engine may keep a converted copy."""


class Engine(Protocol):
    """One loaded model. Methods may be called from any thread; `stream` serves one caller at a time."""

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """Length of the prompt that `turns` become under the model's own chat template."""

    def stream(self, turns: Sequence[Turn], sampling: Sampling, stop: threading.Event) -> Iterator[Chunk]:
        """Answer the last turn, one Chunk a step, the last with a finish_reason; `sampling.seed` must be set.

        When the last turn is the assistant's, the reply goes on where it ends. Setting `stop` ends the work within
        one token, or within one batch while the prompt is read, with the finish_reason "cancelled".
        Raises ModelError when the model fails and ContextError when the prompt does not fit.
        """

    def close(self) -> None:
        """Free the model. Nothing may be streaming."""


class StopText:
    """Cuts a stream of text at the first of several stop strings, also where one spans two pieces."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.found = False

    def push(self, piece: str) -> str:
        """Take the next piece; return what is safe to show. After `found` nothing more comes."""
        if self.found:
            return ""
        text = self._held + piece
        # The first stop to be complete counts, so that the result does not depend on how the text was cut into pieces.
        ends = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if ends:
            self.found, self._held = True, ""
            return text[: min(ends)[1]]
        hold = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - hold :]
        return text[: len(text) - hold]

    def flush(self) -> str:
        """What was held back, at the end of a stream that met no stop string."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that `stop` begins with."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
