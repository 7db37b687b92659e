"""The weights of the usual decoder in half precision, in one block for each kind of layer, on any processor.

A decode step reads every weight once, so half the bytes are nearly twice the speed, and rounding a weight to 11 bits
does not change what a model says (benchmarks/decode.py). A prompt's products are computed in fp32, piece by piece from
weights that were widened into a few megabytes of cache, which is as fast as reading fp32 weights from memory.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

KNOWN = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
}
"""Models of this one shape: transformers' `model_type` and class."""
KINDS = (("q_proj", "k_proj", "v_proj"), ("o_proj",), ("gate_proj", "up_proj"), ("down_proj",))
"""The linear layers of a decoder's layer; those in one bracket read the same and are one product."""
_LARGEST = 65504.0
"""Of what half precision can hold."""
_PIECE = 1 << 21
"""Weights that are widened at a time: 8 MB."""
WIDENED = 4 * _PIECE
"""The bytes of that."""
_scratch = threading.local()
"""Where they are widened to; made anew each time, the system would have to clear it first."""


@dataclass
class Halves:
    """All weights of a model: (layers, outputs, inputs) for each of KINDS, and their biases (layers, outputs)."""

    weights: list[torch.Tensor]
    biases: list[torch.Tensor | None]
    """None: the model has none there."""
    head: torch.Tensor
    """(vocabulary, features); the embeddings, too, where a model ties them."""

    def of(self, kind: int, layer: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Weights (outputs, inputs) and biases (outputs,) of one of KINDS in one layer."""
        biases = self.biases[kind]
        return self.weights[kind][layer], None if biases is None else biases[layer]


def linears(layer: Any, names: Sequence[str]) -> list[Any]:
    """Those of one of KINDS in one of the model's layers."""
    return [getattr(layer.self_attn if hasattr(layer.self_attn, name) else layer.mlp, name) for name in names]


def fits(model: Any) -> bool:
    """True when `model` is of this shape, and half precision can hold its weights."""
    import torch

    if type(model).__name__ not in KNOWN.values():
        return False
    alike = all(
        type(one) is torch.nn.Linear
        and (one.weight.shape, one.bias is None) == (first.weight.shape, first.bias is None)
        for layer in model.model.layers
        for names in KINDS
        for one, first in zip(linears(layer, names), linears(model.model.layers[0], names), strict=True)
    )
    return alike and all(
        max(map(abs, map(float, weight.detach().aminmax()))) <= _LARGEST for weight in model.parameters()
    )


def pack(model: Any) -> Halves:
    """Turn the layers of a model that `fits` into half precision ones, the rest into fp32; nothing is there twice."""
    import numpy as np
    import torch

    linear, embedding = _classes()
    layers = model.model.layers
    weights, biases = [], []
    for names in KINDS:
        first = linears(layers[0], names)
        sizes = [one.out_features for one in first]
        # numpy asks the system for large pages, which are read a sixth faster.
        block = torch.from_numpy(np.empty((len(layers), sum(sizes), first[0].in_features), np.float16))
        added = torch.zeros(len(layers), sum(sizes))
        for at, layer in enumerate(layers):
            begin = 0
            for name, one in zip(names, linears(layer, names), strict=True):
                place = slice(begin, begin + one.out_features)
                begin += one.out_features
                block[at, place] = one.weight.detach()
                if one.bias is not None:
                    added[at, place] = one.bias.detach()
                held = layer.self_attn if hasattr(layer.self_attn, name) else layer.mlp
                setattr(held, name, linear(block[at, place], None if one.bias is None else added[at, place]))
        weights.append(block)
        biases.append(added if any(one.bias is not None for one in first) else None)
    words = model.model.embed_tokens
    table = words.weight.detach().half()
    tied = model.lm_head.weight is words.weight
    head = table if tied else model.lm_head.weight.detach().half()
    model.model.embed_tokens, model.lm_head = embedding(words, table), linear(head, None)
    for module in model.modules():
        for weight in module.parameters(recurse=False):
            weight.data = weight.data.to(torch.float32, copy=True)  # A view would hold the whole file it is in.
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_floating_point():
                setattr(module, name, buffer.float())
    halves = Halves(weights, biases, head)
    model.playground_halves = halves
    return halves


def widened_product(
    states: torch.Tensor, weights: torch.Tensor, bias: torch.Tensor | None, out: torch.Tensor | None = None
) -> torch.Tensor:
    """`states` (tokens, inputs) in fp32 times half precision `weights` (outputs, inputs), computed in fp32.

    Memory that is asked for anew for each product has to be cleared by the system, which takes a quarter of the time;
    `out` (tokens, outputs) saves that.
    """
    import torch

    outputs, inputs = weights.shape
    rows = min(outputs, max(1, _PIECE // inputs))
    if getattr(_scratch, "size", 0) < rows * inputs:
        _scratch.size, _scratch.wide = rows * inputs, torch.empty(rows * inputs)
    wide = _scratch.wide[: rows * inputs].view(rows, inputs)
    result = states.new_empty(len(states), outputs) if out is None else out
    for begin in range(0, outputs, rows):
        part = weights[begin : begin + rows]
        torch.mm(states, wide[: len(part)].copy_(part).t(), out=result[:, begin : begin + rows])
    return result if bias is None else result.add_(bias)


@functools.cache
def _classes() -> tuple[Any, Any]:
    """The two classes; made late because torch is imported late."""
    import torch

    class HalfLinear(torch.nn.Linear):
        """A linear layer with half precision weights. A torch.nn.Linear, so that PEFT knows what it is."""

        def __init__(self, halves: torch.Tensor, bias: torch.Tensor | None) -> None:
            torch.nn.Module.__init__(self)
            self.out_features, self.in_features = halves.shape
            # A real one, because DoRA takes it from the result.
            self.register_parameter("bias", None if bias is None else torch.nn.Parameter(bias, requires_grad=False))
            self.halves = halves

        @property
        def weight(self) -> torch.Tensor:  # type: ignore[override]
            """A copy in fp32, for PEFT, which looks at type and device, and for DoRA computes with it."""
            return self.halves.float()

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            """As torch.nn.Linear's, for fp32."""
            out = widened_product(input.flatten(0, -2), self.halves, self.bias)
            return out.view(*input.shape[:-1], -1)

    class HalfEmbedding(torch.nn.Embedding):
        """Embeddings kept in half precision and handed out in fp32."""

        def __init__(self, other: torch.nn.Embedding, table: torch.Tensor) -> None:
            torch.nn.Module.__init__(self)
            self.__dict__.update({name: value for name, value in vars(other).items() if not name.startswith("_")})
            self.weight = torch.nn.Parameter(torch.empty(0), requires_grad=False)
            self.halves = table

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            """As torch.nn.Embedding's."""
            return self.halves[input].float()

    return HalfLinear, HalfEmbedding
