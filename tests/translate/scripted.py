"""A lease whose model says what a test wrote down for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

from playground.engine.lease import Lease
from playground.engine.rewriting import Link, Rewriting
from playground.records import Capabilities, Chunk, ModelInfo, Sampling, Turn


class ScriptedLease:
    """Rewrites by a table of texts and their ways, word for word aligned; answers prompts by a function."""

    def __init__(
        self,
        ways: Mapping[str, Sequence[str]] | None = None,
        answer: Callable[[str, Sampling], str] = lambda prompt, sampling: "",
    ) -> None:
        self._ways = ways or {}
        self._answer = answer
        self.asked: list[str] = []
        self.info = ModelInfo("scripted", "test", context_length=512, capabilities=Capabilities(slots=1))

    def count_tokens(self, turns: Sequence[Turn]) -> int:
        """Words."""
        return sum(len(turn.content.split()) for turn in turns)

    def rewrite(
        self, texts: Sequence[str], languages: tuple[str, str], *, num_hypotheses: int = 1, **how: Any
    ) -> list[list[Rewriting]]:
        """See Rewriter.rewrite."""
        self.asked += texts
        return [[_aligned(text, way) for way in self._ways.get(text, [text])[:num_hypotheses]] for text in texts]

    def stream(self, turns: Sequence[Turn], sampling: Sampling, stop: threading.Event, **how: Any) -> Iterator[Chunk]:
        """See Engine.stream."""
        self.asked.append(turns[-1].content)
        yield Chunk(self._answer(turns[-1].content, sampling), 1, 1, 0, 1, "cancelled" if stop.is_set() else "stop")


def lease(*arguments: Any) -> tuple[Lease, ScriptedLease]:
    """It as what machines take, and itself."""
    made = ScriptedLease(*arguments)
    return cast(Lease, made), made


def _aligned(source: str, target: str) -> Rewriting:
    links, at, source_at = [], 0, 0
    for mine, theirs in zip(target.split(), source.split(), strict=False):
        at, source_at = target.index(mine, at), source.index(theirs, source_at)
        links.append(Link(at, at + len(mine), source_at, source_at + len(theirs)))
        at, source_at = at + len(mine), source_at + len(theirs)
    return Rewriting(target, -0.5, len(target.split()), tuple(links))
