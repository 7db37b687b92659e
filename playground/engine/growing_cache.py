"""Keys and values of one sequence on a CPU, in memory that doubles when it is full. Knows nothing of models.

transformers' own layer copies everything it holds at each token, which at 1,500 tokens costs a quarter of the step.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_LEAST = 256
"""Tokens to make room for at first."""


@functools.cache
def _growing_layer() -> Any:
    """The class; made late because transformers is imported late."""
    from transformers.cache_utils import DynamicLayer

    class GrowingLayer(DynamicLayer):  # type: ignore[no-untyped-call]
        """`keys` and `values` are the used beginnings of larger tensors."""

        room: tuple[torch.Tensor, torch.Tensor] | None = None

        def update(
            self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
        ) -> tuple[torch.Tensor, torch.Tensor]:
            """Add (1, heads, new, width) to what is there; return all."""
            held = self.get_seq_length()
            total = held + key_states.shape[-2]
            if self.room is None or self.room[0].shape[-2] < total:
                self.reserve(max(2 * held, total, _LEAST), key_states, value_states)
            assert self.room is not None
            keys, values = self.room
            keys[:, :, held:total] = key_states
            values[:, :, held:total] = value_states
            self.keys, self.values = keys[:, :, :total], values[:, :, :total]
            return self.keys, self.values

        def reserve(self, tokens: int, keys: torch.Tensor, values: torch.Tensor) -> None:
            """Make room for so many tokens of the kind that `keys` and `values` are, and keep what is held."""
            held = self.get_seq_length()
            if not self.is_initialized:
                self.lazy_initialization(keys, values)
            room = (_like(keys, tokens), _like(values, tokens))
            if held:
                room[0][:, :, :held], room[1][:, :, :held] = self.keys, self.values  # type: ignore[assignment]
            self.room = room

        def begin_with(self, other: Any, length: int) -> None:
            """Hold a copy of the first `length` tokens of another layer."""
            self.update(other.keys[:, :, :length], other.values[:, :, :length])

    return GrowingLayer


def _like(states: torch.Tensor, tokens: int) -> torch.Tensor:
    return states.new_empty((states.shape[0], states.shape[1], tokens, states.shape[3]))


def growing_cache(config: Any) -> Any:
    """An empty cache for one sequence of a model; layers that keep all they read grow, others are transformers' own."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    cache: Any = DynamicCache(config=config)
    cache.layers = [_growing_layer()() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def plain(cache: Any) -> bool:
    """True when every layer keeps all it has read, so that its beginning can be copied."""
    return all(isinstance(layer, _growing_layer()) for layer in cache.layers)


def copy_beginning(source: Any, target: Any, length: int) -> None:
    """Let an empty cache begin with the first `length` tokens of another; both `plain`."""
    for layer, other in zip(target.layers, source.layers, strict=True):
        layer.begin_with(other, length)
