"""Dot products of packed weights, written in the processor's vectors: what numba cannot be brought to compile well.

Weights are half precision numbers (uint16, their bits), or codes (uint8) in blocks of BLOCK, each with a scale and a
lowest value in half precision: `weight = code * scale + lowest`. Inputs and sums are float32; everything is addressed
by numbers, because numba's arrays cost more than the product of a row.

numba does not notice that code it keeps for `decoder_step` came from an older version of this file; change a name there
with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic

BLOCK = 32
"""Codes that share a scale."""
_HOST = binding.get_host_cpu_features()
LANES = 16 if _HOST.get("avx512f") else 8
"""Numbers in a vector. Where the processor's are shorter, LLVM takes several."""
TILE = 2 if _HOST.get("avx2") and not _HOST.get("avx512f") else 4
"""Rows of weights that are multiplied with four inputs at a time: as many as there are registers for."""
_FAST = ("contract", "nsz", "reassoc")
_float, _half, _byte, _int, _long = ir.FloatType(), ir.HalfType(), ir.IntType(8), ir.IntType(32), ir.IntType(64)
_vector = ir.VectorType(_float, LANES)


@intrinsic
def dots(_, kind, weights, row, table, table_row, given, inputs, out):
    """Four rows of weights, `row` bytes apart, times one input of `inputs` numbers; four sums go to `out`.

    `kind` is any number of the type that weights are of. Rows of the table are `table_row` bytes apart. `inputs` is a
    multiple of BLOCK.
    """
    codes = kind == types.uint8

    def code(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        _, weights, row, table, table_row, given, inputs, out = args
        rows = [builder.add(weights, builder.mul(row, _long(number))) for number in range(4)]
        tables = [builder.add(table, builder.mul(table_row, _long(number))) for number in range(4)]

        def body(at: Any, sums: Sequence[Any]) -> list[Any]:
            begin = builder.mul(at, _long(BLOCK))
            numbers = [
                _load(builder, _vector, given, builder.add(begin, _long(part)), 4) for part in range(0, BLOCK, LANES)
            ]
            whole = numbers[0]
            for more in numbers[1:]:
                whole = builder.fadd(whole, more, flags=_FAST)
            found = []
            for place, scales, total in zip(rows, tables, sums, strict=True):
                part = None if codes else total
                for number, values in zip(range(0, BLOCK, LANES), numbers, strict=True):
                    wide = _wide(builder, codes, place, builder.add(begin, _long(number)))
                    product = builder.fmul(wide, values, flags=_FAST)
                    part = product if part is None else builder.fadd(part, product, flags=_FAST)
                if codes:
                    scale, lowest = (_scale(builder, scales, at, number) for number in (0, 1))
                    part = builder.fadd(total, builder.fmul(part, scale, flags=_FAST), flags=_FAST)
                    part = builder.fadd(part, builder.fmul(whole, lowest, flags=_FAST), flags=_FAST)
                found.append(part)
            return found

        zero = ir.Constant(_vector, [0.0] * LANES)
        sums = _loop(builder, builder.udiv(inputs, _long(BLOCK)), [zero] * 4, body)
        for number, total in enumerate(sums):
            builder.store(_sum(builder, total), _place(builder, _float, out, _long(number), 4))
        return context.get_dummy_value()

    return types.void(kind, *[types.int64] * 7), code


@intrinsic
def widen_row(_, kind, weights, table, inputs, out):
    """One row of weights in float32 to `out`. `inputs` is a multiple of BLOCK."""
    codes = kind == types.uint8

    def code(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        _, weights, table, inputs, out = args

        def body(at: Any, _: Sequence[Any]) -> list[Any]:
            begin = builder.mul(at, _long(BLOCK))
            if codes:
                scale, lowest = (_scale(builder, table, at, number) for number in (0, 1))
            for part in range(0, BLOCK, LANES):
                place = builder.add(begin, _long(part))
                wide = _wide(builder, codes, weights, place)
                if codes:
                    wide = builder.fadd(builder.fmul(wide, scale, flags=_FAST), lowest, flags=_FAST)
                builder.store(wide, _place(builder, _vector, out, place, 4), align=4)
            return []

        _loop(builder, builder.udiv(inputs, _long(BLOCK)), [], body)
        return context.get_dummy_value()

    return types.void(kind, *[types.int64] * 4), code


@intrinsic
def tile(_, weights, row, first, second, third, fourth, inputs, out):
    """TILE rows of float32 weights, `row` bytes apart, times four inputs; sums (TILE, 4) go to `out`.

    `inputs` is a multiple of LANES.
    """

    def code(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        weights, row, *given, inputs, out = args
        rows = [builder.add(weights, builder.mul(row, _long(number))) for number in range(TILE)]

        def body(at: Any, sums: Sequence[Any]) -> list[Any]:
            begin = builder.mul(at, _long(LANES))
            numbers = [_load(builder, _vector, place, begin, 4) for place in given]
            found = []
            for number, place in enumerate(rows):
                wide = _load(builder, _vector, place, begin, 4)
                for other, values in enumerate(numbers):
                    product = builder.fmul(wide, values, flags=_FAST)
                    found.append(builder.fadd(sums[number * 4 + other], product, flags=_FAST))
            return found

        zero = ir.Constant(_vector, [0.0] * LANES)
        sums = _loop(builder, builder.udiv(inputs, _long(LANES)), [zero] * (4 * TILE), body)
        for number, total in enumerate(sums):
            builder.store(_sum(builder, total), _place(builder, _float, out, _long(number), 4))
        return context.get_dummy_value()

    return types.void(*[types.int64] * 8), code


def _loop(
    builder: ir.IRBuilder, count: Any, values: Sequence[Any], body: Callable[[Any, Sequence[Any]], Sequence[Any]]
) -> list[Any]:
    """Call `body(number, values)` for numbers below `count`, each with what it returned before; the last of it."""
    before = builder.block
    head, inside, after = (builder.append_basic_block(name) for name in ("dots.head", "dots.body", "dots.end"))
    builder.branch(head)
    builder.position_at_end(head)
    at = builder.phi(_long)
    at.add_incoming(_long(0), before)
    held = []
    for value in values:
        held.append(builder.phi(value.type))
        held[-1].add_incoming(value, before)
    builder.cbranch(builder.icmp_unsigned("<", at, count), inside, after)
    builder.position_at_end(inside)
    found = body(at, held)
    at.add_incoming(builder.add(at, _long(1)), builder.block)
    for phi, value in zip(held, found, strict=True):
        phi.add_incoming(value, builder.block)
    builder.branch(head)
    builder.position_at_end(after)
    return held


def _place(builder: ir.IRBuilder, kind: Any, base: Any, number: Any, size: int) -> Any:
    """A pointer to a `kind`, `number` elements of `size` bytes after `base`."""
    return builder.inttoptr(builder.add(base, builder.mul(number, _long(size))), kind.as_pointer())


def _load(builder: ir.IRBuilder, kind: Any, base: Any, number: Any, size: int) -> Any:
    return builder.load(_place(builder, kind, base, number, size), align=size)


def _wide(builder: ir.IRBuilder, codes: bool, base: Any, number: Any) -> Any:
    """A vector of weights, or of codes, as float32."""
    if codes:
        found = _load(builder, ir.VectorType(_byte, LANES), base, number, 1)
        return builder.sitofp(builder.zext(found, ir.VectorType(_int, LANES)), _vector)
    return builder.fpext(_load(builder, ir.VectorType(_half, LANES), base, number, 2), _vector)


def _scale(builder: ir.IRBuilder, table: Any, block: Any, which: int) -> Any:
    """Scale (0) or lowest value (1) of a block, in all of a vector."""
    number = builder.add(builder.mul(block, _long(2)), _long(which))
    value = builder.fpext(_load(builder, _half, table, number, 2), _float)
    nothing, first = ir.Constant(_vector, ir.Undefined), ir.Constant(ir.VectorType(_int, LANES), [0] * LANES)
    return builder.shuffle_vector(builder.insert_element(nothing, value, _int(0)), nothing, first)


def _sum(builder: ir.IRBuilder, vector: Any) -> Any:
    """All of a vector together."""
    name = f"llvm.vector.reduce.fadd.v{LANES}f32"
    kind = ir.FunctionType(_float, [_float, _vector])
    module = builder.module
    function = module.globals.get(name) or ir.Function(module, kind, name)
    return builder.call(function, [_float(0.0), vector], fastmath=("reassoc",))
