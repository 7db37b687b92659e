"""A reply that is being written, for the batcher, and what its reader hears of it. Knows nothing of text and models."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from playground.engine.decoding import Chances, Sampler
from playground.engine.readings import Piece
from playground.records import Reading

_AHEAD = 2
"""Events that may wait for a reader before its reply pauses."""


@dataclass(frozen=True)
class Event:
    """What happened to a reply: `count` tokens of its prompt are there ("read"), or its `count`th token was drawn.

    Last comes "stop" (one of its ends was drawn, which counts too), "length", or "failed" with the reason in `words`.
    """

    what: Literal["read", "token", "stop", "length", "failed"]
    count: int = 0
    token: int = 0
    words: str = ""
    chances: Chances | None = None
    """The token's, where they were asked for."""
    reading: Reading = ()
    """With the last: how prompt and reply were computed."""


@dataclass(eq=False)
class Pending:
    """One reply, from when it was asked for; the batcher's thread alone changes it."""

    prompt: list[int]
    adapter: str
    limit: int
    ends: frozenset[int]
    make_sampler: Callable[[], Sampler]
    top: int = 0
    """Alternatives to tell of each token; 0: nothing."""
    pieces: list[Piece] = field(default_factory=list)
    """In which the prompt is to be read, from its beginning; empty: as is best."""
    widths: list[int] = field(default_factory=list)
    """Of how many rows the steps that write it are to be; the last for all that follow."""
    left: threading.Event = field(default_factory=threading.Event)
    """The reader wants no more."""
    events: queue.SimpleQueue[Event] = field(default_factory=queue.SimpleQueue)
    sampler: Sampler | None = None
    row: int = -1
    done: int = 0
    said: int = 0
    token: int = 0
    """The last one drawn, not read yet."""

    @property
    def width(self) -> int:
        """Of how many rows its next step is to be."""
        return self.widths[min(self.said - 1, len(self.widths) - 1)]

    @property
    def ready(self) -> bool:
        return self.events.qsize() < _AHEAD and not self.left.is_set()

    @property
    def reads(self) -> bool:
        return self.done < len(self.prompt)
