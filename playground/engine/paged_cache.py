"""Keys and values of several sequences in memory that never moves, and the attention that reads them in place.

A CUDA graph needs both: nothing may be allocated, grow or change its address from one token to the next. transformers'
own static cache holds one length for all sequences and is read to its end each step; here each sequence ("row") has its
own length, and only its pages in use are read. Knows nothing of models but how they call attention.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    import torch

PAGE = 256
"""Tokens on one page: flash attention asks for a multiple of this."""
_NAME = "playground"
"""This attention's name among those of transformers."""


class Pages:
    """The memory: one pool of pages a layer, made when the layer first writes; row r owns the same pages always."""

    def __init__(self, rows: int, context_length: int, device: torch.device) -> None:
        """Room for `rows` sequences of `context_length` tokens, and one page that fills up a batch with nothing."""
        import torch

        self.per_row = -(-context_length // PAGE)
        self.idle = rows
        """The number of the row that is nobody's: a batch is filled up with it."""
        self.table = torch.full((rows + 1, self.per_row), rows * self.per_row, dtype=torch.int32, device=device)
        self.table[:rows] = torch.arange(rows * self.per_row, dtype=torch.int32, device=device).view(rows, -1)
        self._count = rows * self.per_row + 1
        self._layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        """Keys and values, each shaped (pages, PAGE, heads, features of a head)."""

    def write(
        self, layer: int, keys: torch.Tensor, values: torch.Tensor, slots: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Put keys and values, shaped (sequences, heads, tokens, features), into `slots`; return the layer's pools."""
        if layer not in self._layers:
            # Zeros, since memory not yet written is multiplied by a weight of 0, and 0 times "not a number" is not 0.
            self._layers[layer] = (
                keys.new_zeros(self._count, PAGE, keys.shape[1], keys.shape[3]),
                values.new_zeros(self._count, PAGE, values.shape[1], values.shape[3]),
            )
        pools = self._layers[layer]
        for pool, new in zip(pools, (keys, values), strict=True):
            pool.flatten(0, 1).index_copy_(0, slots, new.transpose(1, 2).flatten(0, 1))
        return pools

    def copy(self, source: int, target: int, length: int) -> None:
        """Let row `target` hold what the first `length` tokens of row `source` are."""
        used, first, other = -(-length // PAGE), source * self.per_row, target * self.per_row
        for pools in self._layers.values():
            for pool in pools:
                pool[other : other + used] = pool[first : first + used]


class Reading(NamedTuple):
    """One forward pass over several sequences with equally many new tokens each, all already on the device."""

    pages: Pages
    slots: torch.Tensor
    """(sequences * new,) int64: where each new token is written, counted in tokens from the first page."""
    positions: torch.Tensor
    """(sequences, new) int64: each new token's place in its sequence."""
    table: torch.Tensor
    """(sequences, n) int32: the pages to read; they must hold all of each sequence, the new tokens too."""
    used: torch.Tensor
    """(sequences,) int32: each sequence's length, the new tokens counted."""
    starts: torch.Tensor
    """(sequences + 1,) int32: where each sequence's new tokens begin among all."""
    ends: torch.Tensor
    """(sequences + 1,) int32: the same for `used`."""
    flash: bool
    """Read by flash attention, exactly as far as each sequence goes; else all of `table`, under a mask."""


def reading(pages: Pages, rows: torch.Tensor, positions: torch.Tensor, depth: int, flash: bool) -> Reading:
    """`rows` is shaped (sequences,), `positions` (sequences, new), both int64; `depth` pages of each row are read."""
    import torch

    # Once for all layers: each of these lines is a kernel.
    count, new = positions.shape
    slots = (rows[:, None] * (pages.per_row * PAGE) + positions).flatten()
    table = pages.table[:, :depth].index_select(0, rows)
    used = (positions[:, -1] + 1).int()
    starts = torch.arange(0, (count + 1) * new, new, dtype=torch.int32, device=rows.device)
    ends = torch.nn.functional.pad(used.cumsum(0, dtype=torch.int32), (1, 0))
    return Reading(pages, slots, positions, table, used, starts, ends, flash)


@contextlib.contextmanager
def attending(config: Any) -> Iterator[None]:
    """Let the model of this config call `attend` meanwhile; no mask is made for it."""
    from transformers import AttentionInterface

    AttentionInterface.register(_NAME, attend)
    own = config._attn_implementation
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = own


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    reading: Reading,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    position_bias: torch.Tensor | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers calls it, over the pages, which it writes first.

    `query` is shaped (sequences, heads, new, features), the result (sequences, new, heads, features); `softcap` and
    `s_aux` (a sink for each head) are what some models add. Raises NotImplementedError for what else they may.
    """
    special = softcap is not None or s_aux is not None
    if position_bias is not None or (special and reading.flash):
        raise NotImplementedError("attention with a position bias, a softcap or sinks")
    pools = reading.pages.write(module.layer_idx, key, value, reading.slots)
    if reading.flash:
        return _by_flash(query, *pools, reading, scaling, sliding_window), None
    keys, values, seen = _read(query, *pools, reading, sliding_window)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if special:
        return _by_hand(query, keys, values, seen, scale, softcap, s_aux), None
    return _by_mask(query, keys, values, seen, scale), None


def _by_flash(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    reading: Reading,
    scaling: float | None,
    window: int | None,
) -> torch.Tensor:
    from torch.nn.attention.varlen import varlen_attn

    count, heads, new, features = query.shape
    # For one new token "all that is used" is what causal means, and said so the kernel splits the keys over the chip.
    right = 0 if new > 1 or window else -1
    done = varlen_attn(
        query.transpose(1, 2).reshape(count * new, heads, features),
        keys,
        values,
        reading.starts,
        reading.ends,
        new,
        reading.table.shape[1] * PAGE,
        scale=scaling,
        window_size=(window - 1 if window else -1, right),
        enable_gqa=True,
        seqused_k=reading.used,
        block_table=reading.table,
    )
    return cast("torch.Tensor", done).reshape(count, new, heads, features)


def _read(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, reading: Reading, window: int | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Keys and values out of their pages, (sequences, heads, tokens, features), and who sees which of them."""
    import torch

    count, pages = len(query), reading.table.flatten()
    keys, values = (
        pool.index_select(0, pages).view(count, -1, *pool.shape[2:]).transpose(1, 2) for pool in (keys, values)
    )
    places, now = torch.arange(keys.shape[2], device=query.device), reading.positions[:, None, :, None]
    seen = places <= now
    return keys, values, seen & (places > now - window) if window else seen


def _by_mask(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, seen: torch.Tensor, scale: float
) -> torch.Tensor:
    import torch

    count, heads, new, features = query.shape
    groups = heads // keys.shape[1]
    if new == 1:
        # The query heads that share keys become queries of one head, so that no keys need be repeated.
        query = query.reshape(count, heads // groups, groups, features)
    else:
        keys, values = keys.repeat_interleave(groups, 1), values.repeat_interleave(groups, 1)
    done = torch.nn.functional.scaled_dot_product_attention(query, keys, values, attn_mask=seen, scale=scale)
    return done.reshape(count, heads, new, -1).transpose(1, 2)


def _by_hand(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    seen: torch.Tensor,
    scale: float,
    softcap: float | None,
    sinks: torch.Tensor | None,
) -> torch.Tensor:
    import torch

    count, heads, new, features = query.shape
    # (sequences, key heads, query heads that share them, new, features)
    query = query.view(count, keys.shape[1], -1, new, features)
    scores = (query @ keys[:, :, None].transpose(-1, -2)).float() * scale
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    scores = scores.masked_fill(~seen[:, :, None], float("-inf"))
    if sinks is not None:
        # A sink takes part in the softmax and is then left out: a place to look at when nothing fits.
        sink = sinks.float().view(1, keys.shape[1], -1, 1, 1).expand(*scores.shape[:-1], 1)
        scores = torch.cat([scores, sink], -1).softmax(-1)[..., :-1]
    else:
        scores = scores.softmax(-1)
    return (scores.to(values.dtype) @ values[:, :, None]).reshape(count, heads, new, -1).transpose(1, 2)


@functools.cache
def flash_reads(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether flash attention exists for this device and these keys."""
    import torch

    known = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
    return known and dtype in (torch.bfloat16, torch.float16)
