"""What a model is taught with, and what is wrong with the rows it was read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from playground.records import Turn

SampleKind = Literal["chat", "preference", "text"]


@dataclass(frozen=True)
class Sample:
    """One example: a conversation, a question with a better and a worse reply, or a text to go on with."""

    kind: SampleKind
    row: int
    """Where it stands in its file, from 1."""
    messages: tuple[Turn, ...] = ()
    """Of a chat all that was said, of a preference what was said up to the question."""
    learned: tuple[bool, ...] = ()
    """Which of `messages` the model learns to write; others are only read."""
    chosen: str = ""
    rejected: str = ""
    text: str = ""
    goes_on: bool = False
    """Of a text: it is a part of a longer one, and not the last."""
    group: str = ""
    """Samples of the same group never stand on both sides of a split: they would give the answers away."""

    @property
    def texts(self) -> tuple[str, ...]:
        """All its words; some are empty, as its kind is."""
        return (*(one.content for one in self.messages), self.chosen, self.rejected, self.text)

    @property
    def said(self) -> tuple[object, ...]:
        """What two samples that teach the same have in common, wherever they are from."""
        return self.kind, self.messages, self.learned, self.chosen, self.rejected, self.text

    @property
    def characters(self) -> int:
        """How long it is."""
        return sum(map(len, self.texts))


@dataclass(frozen=True)
class Problem:
    """What is wrong with a row, and what to do."""

    row: int
    """From 1; 0 for the file as a whole."""
    words: str
    lost: bool = True
    """The row is not learned from; else it is, changed or not as `words` say."""


@dataclass(frozen=True)
class Dataset:
    """All that was read of a file."""

    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...]
    rows: int
    """Rows of the file: each is a sample, or has a problem by which it was lost."""

    @property
    def lost(self) -> int:
        """Rows that are not learned from."""
        return len({one.row for one in self.problems if one.lost and one.row})
