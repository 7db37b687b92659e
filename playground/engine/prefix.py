"""Decides which row a prompt goes into, so that what was read before is not read again. Knows no model and no text.

A row holds the keys and values of one sequence. The prompt gets the row that shares the longest beginning with it;
where that row goes on differently for more than a few tokens, the shared part is copied into another one, so that going
back to an edited message, a regenerated reply or another branch is cheap too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from playground.engine import readings
from playground.engine.runner import Runner
from playground.records import Reading

_WORTH_KEEPING = 16
"""A row whose end differs by more tokens than this is kept for whoever comes back to it; copying is cheap."""


@dataclass
class _Row:
    tokens: list[int] = field(default_factory=list)
    adapter: str = ""
    used: int = 0
    busy: bool = False
    reading: list[tuple[int, int, int]] = field(default_factory=list)
    """How they were computed (`readings`)."""


class Prefixes:
    """What each row of a runner holds, and who has it. For one thread."""

    def __init__(self, runner: Runner, most: int) -> None:
        """`most` is how many tokens all rows together may hold; idle rows are emptied to stay below it."""
        self._runner = runner
        self._most = most
        self._rows = [_Row() for _ in range(runner.rows)]
        self._clock = count(1)

    def take(self, prompt: Sequence[int], adapter: str, room: int, *, fresh: bool = False) -> tuple[int, int]:
        """Give a free row to `prompt`; return it and how many tokens of the prompt it holds already.

        The last token is always left to be read, for its scores were not kept. `room` is how long the sequence may
        get. Some row must be free. `fresh`: an empty row, whatever others hold.
        """
        shared = [self._shared(row, prompt) if row.adapter == adapter and not fresh else 0 for row in self._rows]
        source = max(range(len(shared)), key=lambda at: (shared[at], not self._rows[at].busy))
        length, holder = shared[source], self._rows[source]
        known = list(readings.cut(tuple(holder.reading), length))
        others = [at for at, row in enumerate(self._rows) if not row.busy and (at != source or not length)]
        target = min(others, key=lambda at: self._rows[at].used, default=source)
        if length and not holder.busy and (target == source or len(holder.tokens) - length <= _WORTH_KEEPING):
            target = source
        self._make_room(room, {source, target} if length else {target})
        try:
            if target == source:
                kept = self._runner.truncate(target, length) if holder.tokens else 0
            else:
                self.forget(target)
                kept = self._runner.copy(source, target, length) if length else 0
        except Exception:  # Out of memory: the row is nobody's then, and empty.
            self.forget(target)
            raise
        if kept != length:  # The model cannot go back: what is left is not what was asked for.
            self.forget(target)
            kept, known = 0, []
        self._rows[target] = _Row(list(prompt[:kept]), adapter, next(self._clock), True, known)
        return target, kept

    def add(self, row: int, tokens: Sequence[int], read: int) -> None:
        """Note that these tokens were read into `row`, the first of so many that were computed at one go."""
        self._rows[row].tokens.extend(tokens)
        readings.note(self._rows[row].reading, read, len(tokens))

    def reading(self, row: int) -> Reading:
        """How what `row` holds was computed."""
        return tuple(self._rows[row].reading)

    def give_back(self, row: int) -> None:
        """The sequence is done for now; what it read stays."""
        self._rows[row].busy = False

    def forget(self, row: int) -> None:
        """Empty a row, for what it holds is not known or not wanted."""
        self._rows[row].tokens, self._rows[row].reading, self._rows[row].used = [], [], 0
        self._runner.truncate(row, 0)

    def forget_adapter(self, adapter: str) -> None:
        """Empty the rows that were read under an adapter."""
        for at, row in enumerate(self._rows):
            if row.adapter == adapter and not row.busy:
                self.forget(at)

    def forget_idle(self) -> None:
        """Empty all rows that nobody has."""
        for at, row in enumerate(self._rows):
            if not row.busy and row.tokens:
                self.forget(at)

    def _shared(self, row: _Row, prompt: Sequence[int]) -> int:
        most = min(len(row.tokens), len(prompt) - 1)
        if row.tokens[:most] == list(prompt[:most]):
            return most
        return next(at for at in range(most) if row.tokens[at] != prompt[at])

    def _make_room(self, room: int, spared: set[int]) -> None:
        """Empty idle rows, the one not used for longest first, until a sequence of length `room` fits in."""
        idle = [at for at, row in enumerate(self._rows) if not row.busy and at not in spared and row.tokens]
        for at in sorted(idle, key=lambda at: self._rows[at].used):
            if room + sum(len(row.tokens) for row in self._rows) <= self._most:
                return
            self.forget(at)
