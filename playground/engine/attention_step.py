"""Attention of one head, and what it needs, compiled by numba for `decoder_step`. Knows nothing of models."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from playground.engine.llvm_dots import LANES, key_dots, mix_four, mix_one
from playground.engine.llvm_words import float_of

CODE: Any = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz", "arcp"}}
"""How everything is compiled."""


@njit(inline="always", **CODE)
def exp(value):
    """e to the power of `value`, right to 2e-7; unlike the library's, many are computed at once."""
    value = min(max(value, np.float32(-87.0)), np.float32(88.0))
    whole = np.floor(value * np.float32(1.44269504) + np.float32(0.5))
    rest = value - whole * np.float32(0.693359375) + whole * np.float32(2.12194440e-4)
    power = np.float32(1.9875691500e-4)
    power = power * rest + np.float32(1.3981999507e-3)
    power = power * rest + np.float32(8.3334519073e-3)
    power = power * rest + np.float32(4.1665795894e-2)
    power = power * rest + np.float32(1.6666665459e-1)
    power = power * rest + np.float32(5.0000001201e-1)
    power = power * rest * rest + rest + np.float32(1.0)
    return power * float_of((np.int32(whole) + np.int32(127)) << np.int32(23))


@njit(**CODE)
def attend(query, keys, values, length, scale, scores, out):
    """One head of one row: `query` (width,) over `keys` and `values` (room, width) up to `length`."""
    width = query.shape[0]
    even, done = width % LANES == 0, 0
    if even:
        while done + LANES <= length:
            place = keys.ctypes.data + 4 * done * width
            key_dots(query.ctypes.data, place, width, scores.ctypes.data + 4 * done)
            done += LANES
    for at in range(done, length):
        total = np.float32(0.0)
        for place in range(width):
            total += query[place] * keys[at, place]
        scores[at] = total
    highest = np.float32(-3e38)
    for at in range(length):
        highest = max(highest, scores[at] * scale)
    whole = np.float32(0.0)
    for at in range(length):
        scores[at] = exp(scores[at] * scale - highest)
        whole += scores[at]
    share = np.float32(1.0) / whole
    for at in range(length):
        scores[at] *= share
    if even:
        place = 0
        while place < width:
            given, result = values.ctypes.data + 4 * place, out.ctypes.data + 4 * place
            if place + 4 * LANES <= width:
                mix_four(scores.ctypes.data, given, length, width, result)
                place += 4 * LANES
            else:
                mix_one(scores.ctypes.data, given, length, width, result)
                place += LANES
        return
    out[:width] = np.float32(0.0)
    for at in range(length):
        for place in range(width):
            out[place] += scores[at] * values[at, place]


@njit(**CODE)
def turn_head(head, cosine, sine, norm, eps, out):
    """Norm a head where the model does (Qwen3), and rotate it; `sine` has the first half's sign turned."""
    width = head.shape[0]
    half = width // 2
    factor = np.float32(1.0)
    if norm.shape[0]:
        total = np.float32(0.0)
        for at in range(width):
            total += head[at] * head[at]
        factor = np.float32(1.0) / np.sqrt(total / np.float32(width) + eps)
    for at in range(width):
        other = at + half if at < half else at - half
        mine, partner = head[at] * factor, head[other] * factor
        if norm.shape[0]:
            mine, partner = mine * norm[at], partner * norm[other]
        out[at] = mine * cosine[at] + partner * sine[at]
