"""The weights of the usual decoder, packed into half precision or into bytes, one block for each kind of layer.

A decode step reads every weight once, so half the bytes are nearly twice the speed. Rounding a weight to 11 bits does
not change what a model says; a byte for each, with a scale and a lowest value for every 32, holds whatever a quantised
GGUF holds (benchmarks/decode.py measures it). A prompt's products are computed in fp32, piece by piece from weights
that were widened into a few megabytes of cache, which is as fast as reading fp32 weights from memory.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from playground.engine.growing_cache import growing_cache, plain
from playground.engine.shape import ModelShape
from playground.engine.single import half_holds, rest_to_single

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
BLOCK = 32
"""Weights of a row that share a scale; rows are filled up with zeros to whole blocks."""
Packing = Literal["fp16", "int8"]
_PIECE = 1 << 21
"""Weights that are widened at a time: 8 MB."""
_CODED = 1 << 18
"""Weights that are turned into codes at a time."""
WIDENED = 4 * _PIECE
"""The bytes of that."""
_scratch = threading.local()
"""Where they are widened to; made anew each time, the system would have to clear it first."""


@dataclass(frozen=True)
class Packed:
    """Matrices (..., outputs, inputs): `codes` float16, or uint8 with a `table` (..., outputs, blocks, 2), float16, of
    scales and lowest values: weight = code * scale + lowest."""

    codes: torch.Tensor
    """(..., outputs, inputs and what fills the last block)."""
    table: torch.Tensor
    """Empty for float16."""
    inputs: int

    def at(self, place: Any) -> Packed:
        """Some of the matrices, or some rows of one."""
        return replace(self, codes=self.codes[place], table=self.table[place])

    def set(self, place: Any, weights: torch.Tensor) -> None:
        """Pack `weights` (outputs, inputs) into the rows at `place`."""
        import torch

        codes, table = self.codes[place], self.table[place]
        if codes.dtype == torch.float16:
            codes[:, : self.inputs] = weights
            codes[:, self.inputs :] = 0
            return
        step = max(1, _CODED // self.inputs)  # Piece by piece: it needs ten times the memory of a piece.
        for begin in range(0, len(weights), step):
            part = slice(begin, begin + step)
            filled = torch.nn.functional.pad(weights[part].float(), (0, codes.shape[1] - self.inputs))
            code, table[part] = _coded(filled.view(len(filled), -1, BLOCK))
            codes[part] = code.flatten(1)

    def widen(self, out: torch.Tensor) -> None:
        """The weights of one matrix in fp32 to `out` (outputs, inputs)."""
        if not self.table.numel():
            out.copy_(self.codes[:, : self.inputs])
            return
        wide = self.codes.float().view(len(self.codes), -1, BLOCK)
        out.copy_(wide.mul_(self.table[..., :1]).add_(self.table[..., 1:]).flatten(1)[:, : self.inputs])


def _coded(blocks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes (..., BLOCK), and scales and lowest values (..., 2), for weights (..., BLOCK)."""
    import torch

    low, high = (side[..., None] for side in blocks.aminmax(dim=-1))
    most = torch.maximum(-low, high)
    found = []
    # Between lowest and highest, as Q4_1 and Q4_K lie, or the same to both sides, as Q8_0 does: what is nearer.
    for scale, lowest in (((high - low) / 255, low), (most / 127, -128 * most / 127)):
        scale, lowest = scale.half().float(), lowest.half().float()
        code = ((blocks - lowest) / scale.clamp_min(1e-9)).round_().clamp_(0, 255)
        apart = (code * scale + lowest - blocks).square_().sum(-1, keepdim=True)
        found.append((code, torch.cat((scale, lowest), -1), apart))
    (code, table, apart), (other, second, more) = found
    nearer = apart <= more
    return torch.where(nearer, code, other), torch.where(nearer, table, second)


Widen = Callable[[Packed, "torch.Tensor"], None]


@dataclass
class PackedModel:
    """All weights of a model: for each of KINDS (layers, outputs, inputs), and their biases (layers, outputs)."""

    weights: list[Packed]
    biases: list[torch.Tensor | None]
    """None: the model has none there."""
    head: Packed
    """(vocabulary, features); the embeddings, too, where a model ties them."""

    def of(self, kind: int, layer: int) -> tuple[Packed, torch.Tensor | None]:
        """Weights (outputs, inputs) and biases (outputs,) of one of KINDS in one layer."""
        biases = self.biases[kind]
        return self.weights[kind].at(layer), None if biases is None else biases[layer]


def linears(layer: Any, names: Sequence[str]) -> list[Any]:
    """Those of one of KINDS in one of the model's layers."""
    return [getattr(_holder(layer, name), name) for name in names]


def _holder(layer: Any, name: str) -> Any:
    return layer.self_attn if hasattr(layer.self_attn, name) else layer.mlp


def packing_of(shape: ModelShape, precision: str) -> Packing | None:
    """How the weights of a model are packed for the CPU; None: not at all.

    With "auto" those of a quantised GGUF go into bytes, where they lose nothing that is worth a word.
    """
    gguf = shape.format == "gguf"
    if shape.model_type not in KNOWN or (shape.quantization and not gguf) or precision not in ("auto", "fp16", "int8"):
        return None
    return "int8" if precision == "int8" or (precision == "auto" and shape.quantization) else "fp16"


def fits(model: Any) -> bool:
    """True when `model` is of this shape, computes in the usual way, and half precision can hold its weights."""
    import torch

    if unusual(model):
        return False
    alike = all(
        type(one) is torch.nn.Linear
        and (one.weight.shape, one.bias is None) == (first.weight.shape, first.bias is None)
        for layer in model.model.layers
        for names in KINDS
        for one, first in zip(linears(layer, names), linears(model.model.layers[0], names), strict=True)
    )
    return alike and all(map(half_holds, model.parameters()))


def unusual(model: Any) -> str:
    """What of a model `cpu_decoder` does not compute, or ""."""
    if (name := type(model).__name__) not in KNOWN.values():
        return f"{name} is not one of {', '.join(KNOWN.values())}"
    rope = model.model.rotary_emb.rope_type
    if "dynamic" in rope or rope == "longrope":
        return f"its positions ({rope}) depend on the length of all that is read"
    if not plain(growing_cache(model.config)):
        return "its attention does not look at all tokens"
    if model.config._attn_implementation != "sdpa":
        return f"its attention is to be {model.config._attn_implementation}"
    return "" if model.config.hidden_act == "silu" else f"its activation is {model.config.hidden_act}"


def pack(model: Any, packing: Packing) -> PackedModel:
    """Pack the layers of a model that `fits`, one after the other; the rest becomes fp32."""
    import torch

    linear, embedding = _classes()
    layers = model.model.layers
    weights, biases = [], []
    for names in KINDS:
        first = linears(layers[0], names)
        sizes = [one.out_features for one in first]
        block = room(packing, first[0].in_features, len(layers), sum(sizes))
        added = torch.zeros(len(layers), sum(sizes))
        for at, layer in enumerate(layers):
            begin = 0
            for name, one in zip(names, linears(layer, names), strict=True):
                place = at, slice(begin, begin + one.out_features)
                begin += one.out_features
                block.set(place, one.weight.detach())
                if one.bias is not None:
                    added[place] = one.bias.detach()
                setattr(_holder(layer, name), name, linear(block.at(place), None if one.bias is None else added[place]))
        weights.append(block)
        biases.append(added if any(one.bias is not None for one in first) else None)
    words, last = model.model.embed_tokens, model.lm_head
    head = _packed(packing, last.weight)
    table = head if last.weight is words.weight else _packed(packing, words.weight)
    model.model.embed_tokens, model.lm_head = embedding(words, table), linear(head, last.bias)
    rest_to_single(model, embedding)
    packed = PackedModel(weights, biases, head)
    model.playground_packed = packed
    return packed


def room(packing: Packing, inputs: int, *outputs: int) -> Packed:
    """Matrices (*outputs, inputs) that are not set yet."""
    import numpy as np
    import torch

    blocks = -(-inputs // BLOCK)
    # numpy asks the system for large pages, which are read a sixth faster.
    codes = np.empty((*outputs, blocks * BLOCK), np.float16 if packing == "fp16" else np.uint8)
    shape = (*outputs, 0 if packing == "fp16" else blocks, 2)
    # Compiled code reads whole vectors of it, and so a little more than there is.
    table = np.empty(math.prod(shape) + BLOCK, np.float16)[: math.prod(shape)].reshape(shape)
    return Packed(torch.from_numpy(codes), torch.from_numpy(table), inputs)


def _packed(packing: Packing, weights: torch.Tensor) -> Packed:
    outputs, inputs = weights.shape
    found = room(packing, inputs, outputs)
    found.set(slice(None), weights.detach())
    return found


def widened_product(
    states: torch.Tensor,
    weights: Packed,
    bias: torch.Tensor | None,
    out: torch.Tensor | None = None,
    widen: Widen = Packed.widen,
) -> torch.Tensor:
    """`states` (tokens, inputs) in fp32 times packed `weights` (outputs, inputs), computed in fp32.

    Memory that is asked for anew for each product has to be cleared by the system, which takes a quarter of the time;
    `out` (tokens, outputs) saves that.
    """
    import torch

    outputs, inputs = len(weights.codes), weights.inputs
    rows = min(outputs, max(1, _PIECE // inputs))
    if getattr(_scratch, "size", 0) < rows * inputs:
        _scratch.size, _scratch.wide = rows * inputs, torch.empty(rows * inputs)
    wide = _scratch.wide[: rows * inputs].view(rows, inputs)
    result = states.new_empty(len(states), outputs) if out is None else out
    for begin in range(0, outputs, rows):
        part = wide[: min(rows, outputs - begin)]
        widen(weights.at(slice(begin, begin + rows)), part)
        torch.mm(states, part.t(), out=result[:, begin : begin + rows])
    return result if bias is None else result.add_(bias)


@functools.cache
def _classes() -> tuple[Any, Any]:
    """The two classes; made late because torch is imported late."""
    import torch

    class PackedLinear(torch.nn.Linear):
        """A linear layer with packed weights. A torch.nn.Linear, so that PEFT knows what it is."""

        def __init__(self, packed: Packed, bias: torch.Tensor | None) -> None:
            torch.nn.Module.__init__(self)
            self.out_features, self.in_features = len(packed.codes), packed.inputs
            # A real one, because DoRA takes it from the result.
            self.register_parameter("bias", None if bias is None else torch.nn.Parameter(bias, requires_grad=False))
            self.packed = packed

        @property
        def weight(self) -> torch.Tensor:  # type: ignore[override]
            """A copy in fp32, for PEFT, which looks at type and device, and for DoRA computes with it."""
            wide = torch.empty(self.out_features, self.in_features)
            self.packed.widen(wide)
            return wide

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            """As torch.nn.Linear's, for fp32."""
            out = widened_product(input.flatten(0, -2), self.packed, self.bias)
            return out.view(*input.shape[:-1], -1)

    class PackedEmbedding(torch.nn.Embedding):
        """Packed embeddings, handed out in fp32."""

        def __init__(self, other: torch.nn.Embedding, packed: Packed) -> None:
            torch.nn.Module.__init__(self)
            self.__dict__.update({name: value for name, value in vars(other).items() if not name.startswith("_")})
            self.weight = torch.nn.Parameter(torch.empty(0), requires_grad=False)
            self.packed = packed

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            """As torch.nn.Embedding's."""
            found = torch.empty(input.numel(), self.packed.inputs)
            self.packed.at(input.flatten()).widen(found)
            return found.view(*input.shape, -1)

    return PackedLinear, PackedEmbedding
