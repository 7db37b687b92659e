"""What half precision can hold, and single precision for what of a model is not packed into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_LARGEST = 65504.0


def half_holds(weight: torch.Tensor) -> bool:
    """True when no value is too large for half precision; what is no number counts as too large."""
    low, high = map(float, weight.detach().aminmax())
    return low >= -_LARGEST and high <= _LARGEST


def rest_to_single(model: Any, packed: type) -> None:
    """Turn all weights and buffers of `model` into fp32 copies, but for the weight of modules that are `packed`."""
    import torch

    for module in model.modules():
        for name, weight in module.named_parameters(recurse=False):
            if weight.is_floating_point() and not (isinstance(module, packed) and name == "weight"):
                weight.data = weight.data.to(torch.float32, copy=True)  # A view would hold the whole file it is in.
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_floating_point():
                setattr(module, name, buffer.float())
