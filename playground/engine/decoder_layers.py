"""The layers of the usual decoder as plain functions and weights, with whatever adapters are around them now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from playground.engine.packed import KINDS, Packed, PackedModel, Widen, linears, widened_product
from playground.engine.peft_adapters import bare

if TYPE_CHECKING:
    import torch

Space = Callable[[int, int, int], "torch.Tensor"]
"""Gives memory (count, size) for one of KINDS, the same for all layers."""


@dataclass(frozen=True)
class Layer:
    """The weights of one layer; each function is one linear product of (tokens, features)."""

    before_attention: torch.Tensor
    before_mlp: torch.Tensor
    of_heads: torch.Tensor | None
    """Qwen3 norms each head: (heads + groups, width)."""
    qkv: Callable[[torch.Tensor], torch.Tensor]
    out: Callable[[torch.Tensor], torch.Tensor]
    gate_up: Callable[[torch.Tensor], torch.Tensor]
    down: Callable[[torch.Tensor], torch.Tensor]


def layers(model: Any, packed: PackedModel | None, space: Space, widen: Widen) -> list[Layer]:
    """All of `model`; `packed` are its weights where they are packed, and `widen` unpacks some."""
    made = []
    for at, layer in enumerate(model.model.layers):
        products = [
            _product(
                linears(layer, names),
                None if packed is None else packed.of(kind, at),
                lambda count, size, kind=kind: space(kind, count, size),  # type: ignore[misc]
                widen,
            )
            for kind, names in enumerate(KINDS)
        ]
        before = layer.input_layernorm.weight, layer.post_attention_layernorm.weight
        made.append(Layer(*before, head_norms(model, layer), *products))
    return made


def head_norms(model: Any, layer: Any) -> torch.Tensor | None:
    """Norms (heads + groups, width) of the queries and keys of a layer, where the model has them."""
    import torch

    attention, counts = layer.self_attn, (model.config.num_attention_heads, model.config.num_key_value_heads)
    if not hasattr(attention, "q_norm"):
        return None
    norms = zip((attention.q_norm, attention.k_norm), counts, strict=True)
    return torch.cat([norm.weight.expand(count, -1) for norm, count in norms])


def _product(
    layers: Sequence[Any],
    whole: tuple[Packed, torch.Tensor | None] | None,
    room: Callable[[int, int], torch.Tensor],
    widen: Widen,
) -> Callable[[torch.Tensor], torch.Tensor]:
    """One function for several linear layers that read the same; `whole` are their weights and biases in one block.

    What it returns may lie in `room` (tokens, outputs): it is to be used before the next call.
    """
    import torch

    if whole is not None and all(bare(layer) is not None for layer in layers):
        weights, biases = whole
        size = len(weights.codes)
        return lambda states: widened_product(states, weights, biases, room(len(states), size), widen)
    if len(layers) == 1:
        one: Callable[[torch.Tensor], torch.Tensor] = layers[0]
        return one
    return lambda states: torch.cat([layer(states) for layer in layers], -1)
