"""Attention on a CPU for a piece of a prompt that follows what was read before. Knows nothing of models and rows.

transformers copies keys and values for every query head and makes a mask for that; here the piece looks at what came
before without a mask, at itself causally, and the two results are joined by their weights. Same numbers, less work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_NAME = "playground_cpu"


def use_in(model: Any) -> None:
    """Let `model` attend like this where its attention is of the plain kind; all else stays transformers' "sdpa"."""
    from transformers import AttentionInterface, AttentionMaskInterface

    if model.config._attn_implementation == "sdpa" and model._supports_attention_backend:
        AttentionInterface.register(_NAME, _attend)
        AttentionMaskInterface.register(_NAME, _mask)
        model.set_attn_implementation(_NAME)


def _mask(*, mask_function: Any, attention_mask: Any = None, **kwargs: Any) -> Any:
    """None where every token looks at all before it, which `_attend` knows; else what "sdpa" would get."""
    from transformers.masking_utils import causal_mask_function, sdpa_mask

    if mask_function is causal_mask_function and attention_mask is None and kwargs.get("allow_is_causal_skip", True):
        return None
    return sdpa_mask(mask_function=mask_function, attention_mask=attention_mask, **kwargs)


def _attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **kwargs: Any,
) -> tuple[torch.Tensor, Any]:
    """As transformers' attention functions: `query` (1, heads, new, width), `key`, `value` (1, groups, all, width)."""
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    before = key.shape[2] - query.shape[2]
    if attention_mask is not None or before == 0 or query.shape[2] == 1 or query.shape[0] != 1:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    if key.shape[-1] != value.shape[-1] or query.dtype != torch.float32 or kwargs.get("position_bias") is not None:
        mask = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool, device=query.device).tril(before)[None, None]
        return sdpa_attention_forward(module, query, key, value, mask, **kwargs)
    return _after(query, key, value, kwargs.get("scaling")).transpose(1, 2).contiguous(), None


def attend_after(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    """Let the last tokens of a sequence look at all before them: `query` (heads, new, width), `key` and `value`
    (groups, all, width), all float32; returns (new, heads * width)."""
    import torch

    heads, new, width = query.shape
    if new == 1:
        # The heads of a group look at the same keys: they are given as so many queries of one head.
        packed = query.reshape(1, key.shape[0], -1, width)
        seen: torch.Tensor = torch.nn.functional.scaled_dot_product_attention(
            packed, key[None], value[None], scale=scale
        )
        return seen.reshape(1, heads * width)
    if new == key.shape[1]:
        groups = heads // key.shape[0]
        keys, values = (part.repeat_interleave(groups, 0)[None] for part in (key, value))
        seen = torch.nn.functional.scaled_dot_product_attention(query[None], keys, values, is_causal=True, scale=scale)
    else:
        seen = _after(query[None], key[None], value[None], scale)
    return seen[0].transpose(0, 1).reshape(new, heads * width)


def _after(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None) -> torch.Tensor:
    """Causal attention of (1, heads, new, width) where something was before; shaped as `query`."""
    import torch
    from transformers.integrations.sdpa_attention import repeat_kv

    before = key.shape[2] - query.shape[2]
    _, heads, new, width = query.shape
    groups = heads // key.shape[1]
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    packed = query.reshape(1, key.shape[1], groups * new, width)
    far, far_weight = flash(packed, key[:, :, :before], value[:, :, :before], scale=scale)
    keys, values = repeat_kv(key[:, :, before:], groups), repeat_kv(value[:, :, before:], groups)
    near, near_weight = flash(query, keys, values, is_causal=True, scale=scale)
    # The weights are the logarithms of what each softmax was divided by.
    share = torch.sigmoid(far_weight.reshape(1, heads, new, 1) - near_weight.reshape(1, heads, new, 1))
    return torch.lerp(near, far.reshape(1, heads, new, width), share)
