"""Keys and values of one sequence on a CPU, in memory that doubles when it is full. Knows nothing of models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

_LEAST = 256
"""Tokens to make room for at first."""


@dataclass(frozen=True)
class Place:
    """Where tokens go, for compiled code."""

    new: int
    """Tokens to be read."""
    length: int
    """Tokens before them."""
    room: int
    addresses: NDArray[np.int64]
    """(layers, 2): of the keys and of the values, each (groups, room, width)."""


@dataclass
class Row:
    """One sequence: for each layer keys and values (groups, room, width), of which `length` tokens are used."""

    length: int = 0
    held: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)

    def place(self, new: int) -> Place:
        """Where `new` tokens go."""
        addresses = np.array([[keys.data_ptr(), values.data_ptr()] for keys, values in self.held], np.int64)
        return Place(new, self.length, self.held[0][0].shape[1], addresses)

    def make_room(self, new: int, most: int, layers: int, groups: int, width: int) -> None:
        """Make room for `new` more tokens, in anticipation of `most` in all."""
        import torch

        if not self.held:
            empty = torch.empty(groups, 0, width)
            self.held = [(empty, empty) for _ in range(layers)]
        total = self.length + new
        if self.held[0][0].shape[1] < total:
            room = min(max(2 * self.length, total, _LEAST), max(total, most))
            for at, (keys, values) in enumerate(self.held):
                # One layer after the other, so that hardly anything is there twice.
                self.held[at] = (_grown(keys, self.length, room), _grown(values, self.length, room))

    def beginning(self, length: int) -> Row:
        """A copy of the first `length` tokens."""
        return Row(
            length, [(_grown(keys, length, length), _grown(values, length, length)) for keys, values in self.held]
        )


def _grown(part: torch.Tensor, used: int, room: int) -> torch.Tensor:
    fresh = part.new_empty(part.shape[0], room, part.shape[2])
    fresh[:, :used] = part[:, :used]
    return fresh
