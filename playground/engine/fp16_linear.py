"""Half precision weights with single precision arithmetic, on x86 processors, through fbgemm.

A decode step reads every weight once, so half the bytes are nearly twice the speed, and rounding a weight to 11 bits
does not change what a model says (benchmarks/decode.py). Prompts are read as fast as in fp32. Knows nothing of engines.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_LARGEST = 65504.0
"""Of what half precision can hold; a matrix with larger values stays as it is."""


def supported() -> bool:
    """True where fbgemm has code for this processor."""
    import torch

    return "fbgemm" in torch.backends.quantized.supported_engines and torch.backends.cpu.get_cpu_capability() in (
        "AVX2",
        "AVX512",
    )


def pack(model: Any) -> None:
    """Turn the linear layers and embeddings of `model` into half precision ones, the rest into fp32, one by one.

    At no time is more than one layer there twice. Raises MemoryError or RuntimeError when memory runs out.
    """
    import torch

    linear, embedding = _classes()
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is torch.nn.Linear and _fits(child.weight):
                setattr(module, name, linear(child))
            elif type(child) is torch.nn.Embedding and _fits(child.weight):
                setattr(module, name, embedding(child))
    for module in model.modules():
        for name, weight in module.named_parameters(recurse=False):
            if weight.is_floating_point() and not (isinstance(module, embedding) and name == "weight"):
                weight.data = weight.data.float()
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_floating_point():
                setattr(module, name, buffer.float())


def _fits(weight: torch.Tensor) -> bool:
    return bool(weight.abs().max() <= _LARGEST)


@functools.cache
def _classes() -> tuple[Any, Any]:
    """The two classes; made late because torch is imported late."""
    import torch

    prepack = torch.ops.quantized.linear_prepack_fp16.default
    linear = torch.ops.quantized.linear_dynamic_fp16.default

    class Fp16Linear(torch.nn.Linear):
        """A linear layer whose weights lie in fbgemm's order. A torch.nn.Linear, so that PEFT knows what it is."""

        def __init__(self, other: torch.nn.Linear) -> None:
            torch.nn.Module.__init__(self)
            self.in_features, self.out_features = other.in_features, other.out_features
            # PEFT looks here for type and device; the numbers themselves are in `packed`.
            self.weight = torch.nn.Parameter(torch.empty(0), requires_grad=False)
            self.register_parameter("bias", None)
            bias = None if other.bias is None else other.bias.detach().float()
            self.packed = prepack(other.weight.detach().float(), bias)

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            """As torch.nn.Linear's, for fp32."""
            result: torch.Tensor = linear(input, self.packed)
            return result

    class Fp16Embedding(torch.nn.Embedding):
        """Embeddings kept in half precision and handed out in fp32."""

        def __init__(self, other: torch.nn.Embedding) -> None:
            torch.nn.Module.__init__(self)
            self.__dict__.update({name: value for name, value in vars(other).items() if not name.startswith("_")})
            self.weight = torch.nn.Parameter(other.weight.detach().half(), requires_grad=False)

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            """As torch.nn.Embedding's."""
            return super().forward(input).float()

    return Fp16Linear, Fp16Embedding
