"""Half precision weights with single precision arithmetic, on x86 processors, through fbgemm.

A decode step reads every weight once, so half the bytes are nearly twice the speed, and rounding a weight to 11 bits
does not change what a model says (benchmarks/decode.py). Prompts are read as fast as in fp32. Knows nothing of engines.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from playground.engine.single import half_holds, rest_to_single

if TYPE_CHECKING:
    import torch

_TOGETHER = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))
"""Layers that read the same: computed in one go, for each call of fbgemm costs as much as a small matrix."""


def supported() -> bool:
    """True where fbgemm has code for this processor."""
    import torch

    return "fbgemm" in torch.backends.quantized.supported_engines and torch.backends.cpu.get_cpu_capability() in (
        "AVX2",
        "AVX512",
    )


def pack(model: Any) -> None:
    """Turn the linear layers and embeddings of `model` into half precision ones, the rest into fp32, one by one.

    A matrix with values that are too large for it becomes fp32, too. At no time is more than one layer there twice.
    Raises MemoryError or RuntimeError when memory runs out.
    """
    import torch

    linear, embedding, together = _classes()
    for module in list(model.modules()):
        for names in _TOGETHER:
            layers: list[Any] = [getattr(module, name, None) for name in names]
            alike = all(type(layer) is torch.nn.Linear and half_holds(layer.weight) for layer in layers)
            if alike and len({(layer.in_features, layer.bias is None) for layer in layers}) == 1:
                for name, packed in zip(names, together(layers), strict=True):
                    setattr(module, name, packed)
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is torch.nn.Linear and half_holds(child.weight):
                setattr(module, name, linear(child))
            elif type(child) is torch.nn.Embedding and half_holds(child.weight):
                setattr(module, name, embedding(child))
    rest_to_single(model, embedding)


@functools.cache
def _classes() -> tuple[Any, Any, Any]:
    """The two classes, and what makes several linear layers at once; made late because torch is imported late."""
    import torch

    prepack = torch.ops.quantized.linear_prepack_fp16.default
    linear = torch.ops.quantized.linear_dynamic_fp16.default

    class Fp16Linear(torch.nn.Linear):
        """A linear layer whose weights lie in fbgemm's order. A torch.nn.Linear, so that PEFT knows what it is."""

        def __init__(self, other: torch.nn.Linear, shared: _Shared | None = None, at: int = 0) -> None:
            torch.nn.Module.__init__(self)
            self.in_features, self.out_features = other.in_features, other.out_features
            self.shared, self.at = shared, at
            # PEFT looks here for type and device; the numbers themselves are in `packed`.
            self.weight = torch.nn.Parameter(torch.empty(0), requires_grad=False)
            self.register_parameter("bias", None)
            if shared is None:
                self.packed = packed([other])

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            """As torch.nn.Linear's, for fp32."""
            if self.shared is not None:
                return self.shared.take(self.at, input)
            result: torch.Tensor = linear(input, self.packed)
            return result

    def packed(layers: Sequence[torch.nn.Linear]) -> Any:
        bias = None if layers[0].bias is None else torch.cat([layer.bias.detach().float() for layer in layers])
        return prepack(torch.cat([layer.weight.detach().float() for layer in layers]), bias)

    def together(layers: Sequence[torch.nn.Linear]) -> list[Fp16Linear]:
        weights = packed(layers)
        shared = _Shared(lambda given: linear(given, weights), [layer.out_features for layer in layers])
        return [Fp16Linear(layer, shared, at) for at, layer in enumerate(layers)]

    class Fp16Embedding(torch.nn.Embedding):
        """Embeddings kept in half precision and handed out in fp32."""

        def __init__(self, other: torch.nn.Embedding) -> None:
            torch.nn.Module.__init__(self)
            self.__dict__.update({name: value for name, value in vars(other).items() if not name.startswith("_")})
            self.weight = torch.nn.Parameter(other.weight.detach().half(), requires_grad=False)

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            """As torch.nn.Embedding's."""
            return super().forward(input).float()

    return Fp16Linear, Fp16Embedding, together


class _Shared:
    """One product for several layers: the first that is asked computes it, the others take their part of it."""

    def __init__(self, compute: Callable[[torch.Tensor], torch.Tensor], sizes: list[int]) -> None:
        self._compute, self._sizes = compute, sizes
        self._given: torch.Tensor | None = None
        self._parts: dict[int, torch.Tensor] = {}

    def take(self, at: int, given: torch.Tensor) -> torch.Tensor:
        """The part of layer `at` for this input; each is handed out once."""
        if given is not self._given or at not in self._parts:
            self._given = given
            whole: Any = self._compute(given)
            self._parts = dict(enumerate(whole.split(self._sizes, -1)))
        part = self._parts.pop(at)
        if not self._parts:
            self._given = None
        return part
