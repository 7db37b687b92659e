"""A model in somebody's hands for a while, and the words for how that can end early. Knows no engine by name."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from playground.engine.base import Engine
from playground.engine.rewriting import Rewriter, Rewriting
from playground.errors import ModelError
from playground.records import Chunk, ModelInfo, Reading, Sampling, Turn


class LeaseCancelled(Exception):
    """The wait for a model was stopped before it could be held."""


class Lease:
    """A model that cannot be unloaded while this is held, with the adapter that was asked for."""

    def __init__(self, engine: Engine, adapter: str, adapter_sha256: str, *, keep: bool = False) -> None:
        """`keep`: see Engine.stream; not unless it is said."""
        self._engine: Engine | None = engine
        self._keep = keep
        # These stay readable afterwards.
        self._info = engine.info
        self.adapter = adapter
        self.adapter_sha256 = adapter_sha256

    @property
    def info(self) -> ModelInfo:
        """What is held."""
        return self._info

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """See Engine.count_tokens."""
        return self._held().count_tokens(turns)

    def stream(
        self,
        turns: Sequence[Turn],
        sampling: Sampling,
        stop: threading.Event,
        *,
        top_logprobs: int = 0,
        reading: Reading = (),
    ) -> Iterator[Chunk]:
        """See Engine.stream; the adapter is the lease's."""
        engine = self._held()
        if self.adapter and self.adapter not in engine.adapters:
            raise ModelError(f"The adapter {self.adapter} is not attached to this model. Attach it, or choose none.")
        return engine.stream(
            *(turns, sampling, stop),
            adapter=self.adapter,
            top_logprobs=top_logprobs,
            reading=reading,
            keep=self._keep,
        )

    @property
    def rewrites(self) -> bool:
        """Whether `rewrite` can be used."""
        return isinstance(self._held(), Rewriter)

    def rewrite(
        self,
        texts: Sequence[str],
        languages: tuple[str, str],
        *,
        beam_size: int = 4,
        num_hypotheses: int = 1,
        align: bool = False,
    ) -> list[list[Rewriting]]:
        """See Rewriter.rewrite."""
        engine = self._held()
        if not isinstance(engine, Rewriter):
            raise ModelError(f"{self.info.model} does not rewrite texts in batches. Choose a translation model.")
        return engine.rewrite(texts, languages, beam_size=beam_size, num_hypotheses=num_hypotheses, align=align)

    def end(self) -> None:
        """Let go; the manager calls it."""
        self._engine = None

    def _held(self) -> Engine:
        if self._engine is None:
            raise RuntimeError("this lease has ended; a model is used inside of its `with` block only")
        return self._engine
