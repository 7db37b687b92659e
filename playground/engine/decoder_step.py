"""One decode step of the usual decoder (Llama, Mistral, Qwen2, Qwen3) on a CPU, compiled by numba: for every thread one
call, for every layer five products, with packed weights (`packed`) and everything else in single precision.

torch needs a thousand calls for this, each with threads to wake. Here the threads meet at a counter in memory, and each
weight is read once for all rows. Compiled once for a machine, in some seconds, and kept in numba's cache.
Knows nothing of models, rows and prompts: it is given arrays. The maths are those of `cpu_decoder`.
"""

from __future__ import annotations

import numpy as np
from numba import carray, njit

from playground.engine.attention_step import CODE, attend, exp, turn_head
from playground.engine.compiled_step import FEW
from playground.engine.llvm_dots import TILE, dots, tile, widen_row
from playground.engine.llvm_words import arrive, arrived, call, floats_at

_PATIENCE = 2000
"""Looks at the counter before a thread lets others have its core."""


@njit(**CODE)
def _meet(place, goal, give_way):
    """Wait until the counter at `place` is at `goal`: until all threads have arrived."""
    arrive(place)
    looks = 0
    while arrived(place) < goal:
        looks += 1
        if looks > _PATIENCE:
            call(give_way)


@njit(**CODE)
def _norm(states, weight, eps, out):
    for row in range(states.shape[0]):
        total = np.float32(0.0)
        for at in range(states.shape[1]):
            total += states[row, at] * states[row, at]
        factor = np.float32(1.0) / np.sqrt(total / np.float32(states.shape[1]) + eps)
        for at in range(states.shape[1]):
            out[row, at] = states[row, at] * factor * weight[at]


@njit(**CODE)
def _multiply(codes, table, begin, end, given, tools, out):
    """`out[row, output]` for outputs from `begin` to `end`: rows of weights times each row of `given`."""
    wide, spot, scale_room = tools
    rows, inputs = given.shape[0], codes.shape[1]
    bytes_of, in_table = codes.itemsize * inputs, 4 * table.shape[1]
    weights, scales, result, room = codes.ctypes.data, table.ctypes.data, spot.ctypes.data, scale_room.ctypes.data
    if rows <= FEW:
        for output in range(begin, end, 4):
            # The last four reach back over some that are done already.
            first = max(min(output, codes.shape[0] - 4), 0)
            place, scale = weights + first * bytes_of, scales + first * in_table
            for token in range(rows):
                taken = given.ctypes.data + 4 * token * given.shape[1]
                dots(codes[0, 0], place, bytes_of, scale, in_table, taken, inputs, room, result)
                for at in range(output, min(output + 4, end)):
                    out[token, at] = spot[at - first]
        return
    # So many rows of weights are widened and stay in the nearest caches while all tokens pass by, four at a time.
    row, taken = 4 * wide.shape[1], 4 * given.shape[1]
    for low in range(begin, end, wide.shape[0]):
        count = min(wide.shape[0], end - low)
        for at in range(low, low + count):
            place = wide.ctypes.data + (at - low) * row
            widen_row(codes[0, 0], weights + at * bytes_of, scales + at * in_table, inputs, room, place)
        for first in range(0, rows, 4):
            one, two = given.ctypes.data + first * taken, given.ctypes.data + min(first + 1, rows - 1) * taken
            three = given.ctypes.data + min(first + 2, rows - 1) * taken
            four = given.ctypes.data + min(first + 3, rows - 1) * taken
            for at in range(0, count, TILE):
                tile(wide.ctypes.data + at * row, row, one, two, three, four, inputs, result)
                for output in range(min(TILE, count - at)):
                    for token in range(min(4, rows - first)):
                        out[first + token, low + at + output] = spot[4 * output + token]


@njit(**CODE)
def _low(down, given, small):
    """The first half of a LoRA: (rows, features) times (ranks, features)."""
    for row in range(given.shape[0]):
        for rank in range(down.shape[0]):
            total = np.float32(0.0)
            for at in range(down.shape[1]):
                total += down[rank, at] * given[row, at]
            small[row, rank] = total


@njit(**CODE)
def _finish(begin, end, bias, up, small, first, out):
    """Add to outputs from `begin` to `end` their bias, and the second half of a LoRA, whose ranks begin at `first`."""
    for row in range(out.shape[0]):
        for output in range(begin, end):
            out[row, output] += bias[output]
        if up.shape[1]:
            for output in range(begin, end):
                for rank in range(up.shape[1]):
                    out[row, output] += up[output, rank] * small[row, first + rank]


@njit(**CODE)
def product(part, parts, codes, table, given, tools, out):
    """The share of thread `part` in `out` (B, outputs): `given` (B, inputs) times weights (outputs, inputs)."""
    outputs = codes.shape[0]
    _multiply(codes, table, outputs * part // parts, outputs * (part + 1) // parts, given, tools, out)


@njit(**CODE)
def widen(part, parts, codes, table, tools, out):
    """The share of thread `part` in `out` (outputs, inputs): weights in float32."""
    line, room = tools[0][0], tools[2].ctypes.data
    outputs, inputs = codes.shape
    for output in range(outputs * part // parts, outputs * (part + 1) // parts):
        weights, scales = codes.ctypes.data + output * codes.strides[0], table.ctypes.data + output * 4 * table.shape[1]
        if out.shape[1] == inputs:
            widen_row(codes[0, 0], weights, scales, inputs, room, out.ctypes.data + 4 * output * inputs)
        else:
            widen_row(codes[0, 0], weights, scales, inputs, room, line.ctypes.data)
            out[output] = line[: out.shape[1]]


@njit(**CODE)
def step(crew, tokens, model, room, scores, eps, scale):
    """One thread's share in reading B tokens, of one sequence or several, with L layers.

    Everything is float32 but for weights (`packed`: uint16 or uint8, tables uint16), addresses and places (int64).
    crew: (part, parts, counter, way): which thread of how many; address of an int64 that is 0; address of a C function
    to call while waiting. tokens: (states, last, places, turn, caches): embeddings (B, features), changed in place;
    those whose scores are wanted; each token's place in its sequence, and for how many there is room (2, B); cosines
    and sines (2, B, width); addresses (B, L, 2) of keys and values (groups, room, width).
    model: (norms, head_norms, weights, tables, biases, low, high): before attention and MLP (L, features), last
    (features,); (L, H + G, width) or (L, H + G, 0); qkv, out, gate and up, down (L, outputs, inputs), head
    (vocabulary, features), and tables of all five; biases of the first four (L, outputs); their LoRA
    (L, n * ranks, inputs) and (L, outputs, ranks).
    room: (shared, own, tools): of all threads qkv, seen, gate and up, active, new (B, outputs); of this one normed
    (B, features), small (B, n * ranks), attention's scores (longest,), a head (width,); rows of weights widened,
    16 numbers, and room for `dots`. What is multiplied with weights is as wide as they are and has zeros at the end.
    scores: (last, vocabulary).
    """
    part, parts, counter, way = crew
    states, last, places, turn, caches = tokens
    norms, head_norms, weights, tables, biases, low, high = model
    shared, own, tools = room
    w_qkv, w_out, w_both, w_down, w_head = weights
    t_qkv, t_out, t_both, t_down, t_head = tables
    b_qkv, b_out, b_both, b_down = biases
    qkv, seen, both, active, new = shared
    normed, small, spread, turned = own
    rows, layers, width = states.shape[0], w_qkv.shape[0], turn.shape[2]
    groups = w_qkv.shape[1] // width - head_norms.shape[1]
    heads = head_norms.shape[1] - groups
    ranks, inner, features, outputs = high[0].shape[2], w_both.shape[1] // 2, states.shape[1], w_qkv.shape[1]
    # Where this thread's share of each kind of output begins and ends.
    qkv_from, qkv_to = outputs * part // parts, outputs * (part + 1) // parts
    from_, to = features * part // parts, features * (part + 1) // parts
    gate_from, gate_to = inner * part // parts, inner * (part + 1) // parts
    goal = 0
    for layer in range(layers):
        _norm(states, norms[0][layer], eps, normed)
        _low(low[0][layer], normed, small)
        _multiply(w_qkv[layer], t_qkv[layer], qkv_from, qkv_to, normed, tools, qkv)
        begin = qkv_from
        for kind in range(3):
            end = min(qkv_to, (heads + kind * groups) * width)
            if begin < end:
                _finish(begin, end, b_qkv[layer], high[0][layer], small, kind * ranks, qkv)
                begin = end
        goal += parts
        _meet(counter, goal, way)

        for unit in range(rows * groups * part // parts, rows * groups * (part + 1) // parts):
            row, group = unit // groups, unit % groups
            length, room = places[0, row], places[1, row]
            keys = carray(floats_at(caches[row, layer, 0]), (groups, room, width))[group]
            values = carray(floats_at(caches[row, layer, 1]), (groups, room, width))[group]
            begin, norm = (heads + group) * width, head_norms[layer, heads + group]
            turn_head(qkv[row, begin : begin + width], turn[0, row], turn[1, row], norm, eps, keys[length])
            begin += groups * width
            for at in range(width):
                values[length, at] = qkv[row, begin + at]
        goal += parts
        _meet(counter, goal, way)

        for unit in range(rows * heads * part // parts, rows * heads * (part + 1) // parts):
            # Neighbours look at the same keys.
            row, head = unit // heads, unit % heads
            group = head * groups // heads
            length, room = places[0, row], places[1, row]
            keys = carray(floats_at(caches[row, layer, 0]), (groups, room, width))[group]
            values = carray(floats_at(caches[row, layer, 1]), (groups, room, width))[group]
            begin, norm = head * width, head_norms[layer, head]
            turn_head(qkv[row, begin : begin + width], turn[0, row], turn[1, row], norm, eps, turned)
            attend(turned, keys, values, length + 1, scale, spread, seen[row, begin : begin + width])
        goal += parts
        _meet(counter, goal, way)

        _low(low[1][layer], seen, small)
        _multiply(w_out[layer], t_out[layer], from_, to, seen, tools, new)
        _finish(from_, to, b_out[layer], high[1][layer], small, 0, new)
        for row in range(rows):
            for output in range(from_, to):
                states[row, output] += new[row, output]
        goal += parts
        _meet(counter, goal, way)

        _norm(states, norms[1][layer], eps, normed)
        _low(low[2][layer], normed, small)
        _multiply(w_both[layer], t_both[layer], gate_from, gate_to, normed, tools, both)
        _multiply(w_both[layer], t_both[layer], inner + gate_from, inner + gate_to, normed, tools, both)
        _finish(gate_from, gate_to, b_both[layer], high[2][layer], small, 0, both)
        _finish(inner + gate_from, inner + gate_to, b_both[layer], high[2][layer], small, ranks, both)
        for row in range(rows):
            for output in range(gate_from, gate_to):
                gate = both[row, output]
                active[row, output] = gate / (np.float32(1.0) + exp(-gate)) * both[row, inner + output]
        goal += parts
        _meet(counter, goal, way)

        _low(low[3][layer], active, small)
        _multiply(w_down[layer], t_down[layer], from_, to, active, tools, new)
        _finish(from_, to, b_down[layer], high[3][layer], small, 0, new)
        for row in range(rows):
            for output in range(from_, to):
                states[row, output] += new[row, output]
        goal += parts
        _meet(counter, goal, way)

    for row in range(last.shape[0]):
        _norm(states[last[row] : last[row] + 1], norms[2], eps, normed[row : row + 1])
    product(part, parts, w_head, t_head, normed[: last.shape[0]], tools, scores)
