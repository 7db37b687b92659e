"""The one protocol behind which every engine stands, and what engines share. Knows no library and no model."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Protocol

from playground.errors import BadValueError, ModelError
from playground.records import Chunk, ModelInfo, Reading, Sampling, Turn
from playground.settings import ENGINES, Settings

PRECISIONS = ("auto", "bf16", "fp16", "fp32", "int8", "nf4", "fp4")
TOP_LOGPROBS = 20
"""The most alternatives to each token that can be asked for."""
ATTENTION = ("auto", "sdpa", "eager", "flash_attention_2")
_DEVICE = re.compile(r"auto|cpu|cuda:\d+")


@dataclass(frozen=True)
class LoadOptions:
    """How a model is to be loaded; "auto" and 0 leave the choice to the plan. Raises BadValueError naming the field."""

    engine: str = "auto"
    precision: str = "auto"
    """One of PRECISIONS; int8, nf4 and fp4 are bitsandbytes'. A GGUF file has its own, which "auto" keeps."""
    device: str = "auto"
    """"auto", "cpu" or "cuda:N"."""
    context_length: int = 8192
    """The most tokens to ask for; cut to what the model was trained for."""
    attn_implementation: str = "auto"
    slots: int = 0
    """Replies written at the same time."""

    def __post_init__(self) -> None:
        for name, known in (("engine", ENGINES), ("precision", PRECISIONS), ("attn_implementation", ATTENTION)):
            if getattr(self, name) not in known:
                raise BadValueError(f"{name} is {getattr(self, name)!r}. Choose one of: {', '.join(known)}.")
        if not _DEVICE.fullmatch(self.device):
            raise BadValueError(f"device is {self.device!r}. Write auto, cpu or cuda:0 (or another number).")
        for name, (low, high) in {"context_length": (256, 1_000_000), "slots": (0, 64)}.items():
            if not low <= getattr(self, name) <= high:
                raise BadValueError(f"{name} is {getattr(self, name)!r}. Give a whole number from {low} to {high}.")

    @classmethod
    def of(cls, settings: Settings) -> LoadOptions:
        """What the settings say about loading; their fields have these names."""
        return cls(**{field.name: getattr(settings, field.name) for field in fields(cls)})


@dataclass(frozen=True)
class AdapterSource:
    """A LoRA adapter on disk: a PEFT folder (adapter_config.json, adapter_model.safetensors) or a GGUF LoRA file."""

    name: str
    path: Path
    sha256: str = ""


@dataclass(frozen=True)
class ModelSource:
    """A model found and named by the catalog, with everything decided: what an engine loads."""

    id: str
    path: Path
    """A GGUF file, or a folder with safetensors; not used by the remote engine."""
    revision: str = ""
    sha256: str = ""
    context_length: int = 8192
    """The most tokens to ask for; an engine cuts it to what the model was trained for."""
    threads: int = 1
    cache: Path | None = None
    """Where an engine may keep converted copies and compiled code."""
    precision: str = "auto"
    device: str = "auto"
    attn_implementation: str = "auto"
    slots: int = 0
    """Replies at the same time; 0: the engine's own choice."""
    adapters: tuple[AdapterSource, ...] = ()
    """Attached from the start."""
    state: Path | None = None
    """Where an engine may keep what it has read of conversations, for the next start; None: nowhere."""
    url: str = ""
    """The remote engine's server, ending in /v1."""
    api_key: str = field(default="", repr=False)


class Engine(Protocol):
    """One loaded model. Methods may be called from any thread; `stream` by `info.capabilities.slots` at once."""

    @property
    def info(self) -> ModelInfo:
        """What is loaded."""

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the attached adapters."""

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """Length of the prompt that `turns` become under the model's own chat template."""

    def stream(
        self,
        turns: Sequence[Turn],
        sampling: Sampling,
        stop: threading.Event,
        *,
        adapter: str = "",
        top_logprobs: int = 0,
        reading: Reading = (),
        keep: bool = True,
    ) -> Iterator[Chunk]:
        """Answer the last turn, one Chunk a step, the last with a finish_reason; `sampling.seed` must be set.

        When the last turn is the assistant's, the reply goes on where it ends. A base model goes on with the texts of
        the turns, joined by empty lines; a seq2seq model rewrites the last turn of the user. `adapter` is the name of
        an attached adapter, "" the bare model, to the bit. Setting `stop` ends the work within one token, or within one
        batch while the prompt is read, with the finish_reason "cancelled".

        With `top_logprobs` (at most TOP_LOGPROBS) Chunks carry `tokens`, each with so many alternatives, as far as the
        engine can tell; the words stay the same.
        `reading` is what the Chunks of an earlier reply said. With the same turns, sampling and model the prompt is
        then computed as it was for that one, more slowly where need be, and the same words come. One that is for
        another prompt is refused. Empty: as fast as can be. An engine that says nothing in its Chunks ignores it.
        Without `keep` nothing of it comes onto the disk.
        Raises ModelError when the model fails and ContextError when the prompt does not fit; the next call works.
        """

    def attach(self, adapter: AdapterSource) -> None:
        """Hold `adapter` ready under its name, beside others. Raises ModelError saying why it does not fit."""

    def detach(self, name: str) -> None:
        """Forget an adapter; nothing may be using it."""

    def close(self) -> None:
        """Free the model, all of its memory. Nothing may be streaming."""


class NoAdapters:
    """The adapter half of Engine for engines that have none."""

    adapters: tuple[str, ...] = ()

    def attach(self, adapter: AdapterSource) -> None:
        """Refuse."""
        raise ModelError(f"This engine cannot use adapters, so {adapter.name} was not attached. Choose another engine.")

    def detach(self, name: str) -> None:
        """Nothing is attached."""


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
