"""Keys and values of one sequence on a CPU. Knows nothing of models.

Where the system gives memory only to what is written, room is reserved for the whole context at once: nothing is copied
when a sequence grows, and it takes what its tokens take. On Windows, which counts what is reserved, room doubles when
it is full. All of it goes back when the row is dropped.
"""

from __future__ import annotations

import contextlib
import mmap
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray


_AT_ONCE = sys.platform != "win32"
_LEAST = 256
"""Tokens to make room for at first where it grows."""


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

    def __init__(self, layers: int, groups: int, most: int, width: int) -> None:
        """For so many tokens at most. Raises MemoryError when room cannot be had."""
        self.length, self._most = 0, most
        self._held = _reserved((layers, 2, groups, most if _AT_ONCE else min(_LEAST, most), width))

    def make_room(self, new: int) -> None:
        """Have room for `new` more tokens. Raises ValueError for more than there may be, or MemoryError."""
        total = self.length + new
        layers, two, groups, room, width = self._held.shape
        if total > self._most:
            raise ValueError(f"{total} tokens in a row for {self._most}")
        if total > room:
            held = _reserved((layers, two, groups, min(max(2 * room, total), self._most), width))
            held[:, :, :, : self.length] = self._held[:, :, :, : self.length]
            self._held = held

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
        layers, _, groups, _, width = self._held.shape
        copy = Row(layers, groups, self._most, width)
        copy.make_room(length)
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
            # Without MAP_NORESERVE Linux refuses more than it has, though most of it is never written.
            flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
            block = mmap.mmap(-1, size, flags=flags)
    except OSError as error:
        raise MemoryError(f"{size:,} bytes for keys and values cannot be had") from error
    if hasattr(mmap, "MADV_NOHUGEPAGE"):
        with contextlib.suppress(OSError):  # A system without large pages need not be told.
            block.madvise(mmap.MADV_NOHUGEPAGE)  # They would give memory to much that is not written.
    return torch.frombuffer(block, dtype=torch.float32).view(shape)
