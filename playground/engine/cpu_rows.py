"""Keys and values of one sequence on a CPU. Knows nothing of models.

Room is reserved for the whole context at once, but the system gives memory only to what is written. So nothing is
copied when a sequence grows, it takes what its tokens take, and all of it goes back when the row is dropped.
"""

from __future__ import annotations

import mmap
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray


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


class Row:
    """One sequence: for each layer keys and values (groups, room, width), of which `length` tokens are used."""

    def __init__(self, layers: int, groups: int, room: int, width: int) -> None:
        """Reserve room for so many tokens. Raises MemoryError when not even that can be had."""
        self.length = 0
        self._held = _reserved((layers, 2, groups, room, width))

    def part(self, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of one layer."""
        keys, values = self._held[layer]
        return keys, values

    def place(self, new: int) -> Place:
        """Where `new` tokens go."""
        layers, two, _, room, _ = self._held.shape
        strides = np.array(self._held.stride()[:2]) * self._held.element_size()
        offsets = np.arange(layers)[:, None] * strides[0] + np.arange(two) * strides[1]
        return Place(new, self.length, room, self._held.data_ptr() + offsets)

    def beginning(self, length: int) -> Row:
        """A copy of the first `length` tokens."""
        layers, _, groups, room, width = self._held.shape
        copy = Row(layers, groups, room, width)
        copy._held[:, :, :, :length] = self._held[:, :, :, :length]
        copy.length = length
        return copy


def _reserved(shape: tuple[int, ...]) -> torch.Tensor:
    """A float32 tensor whose memory is the system's until it is written to."""
    import torch

    size = 4 * int(np.prod(shape))
    try:
        if sys.platform == "win32":
            block = mmap.mmap(-1, size)
        else:
            block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            if hasattr(mmap, "MADV_NOHUGEPAGE"):  # Large pages would give memory to much that is not written.
                block.madvise(mmap.MADV_NOHUGEPAGE)
    except OSError as error:
        raise MemoryError(f"{size:,} bytes for keys and values cannot be had") from error
    return torch.frombuffer(block, dtype=torch.float32).view(shape)
