"""Dot products of packed weights, written in the processor's vectors: what numba cannot be brought to compile well.

Weights are half precision numbers (uint16, their bits), or codes (uint8) in blocks of BLOCK, each with a scale and a
lowest value in half precision: `weight = code * scale + lowest`. Inputs and sums are float32; everything is addressed
by numbers, because numba's arrays cost more than the product of a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import binding, ir
from numba import config, types
from numba.extending import intrinsic

from playground.engine.packed import BLOCK

_FEATURES = config.CPU_FEATURES or binding.get_host_cpu_features().flatten()
LANES = 16 if "+avx512f" in _FEATURES else 8
"""Numbers in a vector. Where the processor's are shorter, LLVM takes several."""
TILE = 4 if LANES == 16 else 2
"""Rows of weights that are multiplied with four inputs at a time: as many as there are registers for."""
_AHEAD = 8
"""Rows that are fetched ahead; from 4 to 16 it is the same, without it half the speed."""
_FAST = ("contract", "nsz", "reassoc")
_float, _half, _byte, _int, _long = ir.FloatType(), ir.HalfType(), ir.IntType(8), ir.IntType(32), ir.IntType(64)
_vector = ir.VectorType(_float, LANES)
_zero = ir.Constant(_vector, [0.0] * LANES)


@intrinsic
def dots(_, kind, weights, row, table, table_row, given, inputs, room, out):
    """Four rows of weights, `row` bytes apart, times one input of `inputs` numbers; four sums go to `out`.

    `kind` is any number of the type that weights are of. Rows of the table are `table_row` bytes apart; `room` is for
    4 * inputs / BLOCK * 2 numbers and LANES more. `inputs` is a multiple of BLOCK.
    """
    codes = kind == types.uint8

    def code(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        _, weights, row, table, table_row, given, inputs, room, out = args
        rows = [builder.add(weights, builder.mul(row, _long(number))) for number in range(4)]
        tables, ahead = [], builder.mul(row, _long(_AHEAD))
        if codes:
            # Scales in float32 can be spread over a vector while they are read; from halves that is more work than all
            # the rest. The last vector of a row ends in the next row's place, which is written after it.
            for number in range(4):
                tables.append(builder.add(room, builder.mul(table_row, _long(2 * number))))
                _widen_table(builder, builder.add(table, builder.mul(table_row, _long(number))), table_row, tables[-1])

        def body(at: Any, sums: Sequence[Any]) -> list[Any]:
            begin = builder.mul(at, _long(BLOCK))
            numbers = [
                _load(builder, _vector, given, builder.add(begin, _long(part)), 4) for part in range(0, BLOCK, LANES)
            ]
            whole = numbers[0]
            for more in numbers[1:]:
                whole = builder.fadd(whole, more, flags=_FAST)
            found = []
            for place in rows:
                _prefetch(builder, builder.add(place, builder.mul(at, _long(BLOCK if codes else 2 * BLOCK))), ahead)
            for which, (place, total) in enumerate(zip(rows, sums, strict=True)):
                part = None if codes else total
                for number, values in zip(range(0, BLOCK, LANES), numbers, strict=True):
                    wide = _wide(builder, codes, place, builder.add(begin, _long(number)))
                    product = builder.fmul(wide, values, flags=_FAST)
                    part = product if part is None else builder.fadd(part, product, flags=_FAST)
                if codes:
                    scale, lowest = _scales(builder, tables[which], at)
                    part = builder.fadd(total, builder.fmul(part, scale, flags=_FAST), flags=_FAST)
                    part = builder.fadd(part, builder.fmul(whole, lowest, flags=_FAST), flags=_FAST)
                found.append(part)
            return found

        sums = _loop(builder, builder.udiv(inputs, _long(BLOCK)), [_zero] * 4, body)
        for number, total in enumerate(sums):
            builder.store(_sum(builder, total), _place(builder, _float, out, _long(number), 4))
        return context.get_dummy_value()

    return types.void(kind, *[types.int64] * 8), code


@intrinsic
def widen_row(_, kind, weights, table, inputs, room, out):
    """One row of weights in float32 to `out`; `room` and `inputs` as for `dots`."""
    codes = kind == types.uint8

    def code(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        _, weights, table, inputs, room, out = args
        if codes:
            _widen_table(builder, table, builder.udiv(inputs, _long(BLOCK // 4)), room)

        def body(at: Any, _: Sequence[Any]) -> list[Any]:
            begin = builder.mul(at, _long(BLOCK))
            size = BLOCK if codes else 2 * BLOCK
            ahead = builder.mul(inputs, _long(_AHEAD * size // BLOCK))
            _prefetch(builder, builder.add(weights, builder.mul(at, _long(size))), ahead)
            if codes:
                scale, lowest = _scales(builder, room, at)
            for part in range(0, BLOCK, LANES):
                place = builder.add(begin, _long(part))
                wide = _wide(builder, codes, weights, place)
                if codes:
                    wide = builder.fadd(builder.fmul(wide, scale, flags=_FAST), lowest, flags=_FAST)
                builder.store(wide, _place(builder, _vector, out, place, 4), align=4)
            return []

        _loop(builder, builder.udiv(inputs, _long(BLOCK)), [], body)
        return context.get_dummy_value()

    return types.void(kind, *[types.int64] * 5), code


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

        sums = _loop(builder, builder.udiv(inputs, _long(LANES)), [_zero] * (4 * TILE), body)
        for number, total in enumerate(sums):
            builder.store(_sum(builder, total), _place(builder, _float, out, _long(number), 4))
        return context.get_dummy_value()

    return types.void(*[types.int64] * 8), code


@intrinsic
def key_dots(_, query, keys, width, out):
    """One query times the LANES keys (LANES, width) at an address; sums go to `out`. `width` is a multiple of LANES."""

    def code(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
        query, keys, width, out = args
        rows = [builder.add(keys, builder.mul(width, _long(4 * number))) for number in range(LANES)]

        def body(at: Any, sums: Sequence[Any]) -> list[Any]:
            begin = builder.mul(at, _long(LANES))
            values = _load(builder, _vector, query, begin, 4)
            return [
                builder.fadd(
                    total, builder.fmul(_load(builder, _vector, row, begin, 4), values, flags=_FAST), flags=_FAST
                )
                for row, total in zip(rows, sums, strict=True)
            ]

        sums = _loop(builder, builder.udiv(width, _long(LANES)), [_zero] * LANES, body)
        # Neighbours are added, of two vectors at a time, until one vector is left that holds the sum of each.
        pick = [ir.Constant(ir.VectorType(_int, LANES), list(range(first, 2 * LANES, 2))) for first in (0, 1)]
        while len(sums) > 1:
            pairs = zip(sums[::2], sums[1::2], strict=True)
            sums = [
                builder.fadd(*(builder.shuffle_vector(one, other, every) for every in pick), flags=_FAST)
                for one, other in pairs
            ]
        builder.store(sums[0], _place(builder, _vector, out, _long(0), 4), align=4)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), code


def _mix(vectors: int) -> Any:
    @intrinsic
    def mix(_, shares, values, count, width, out):
        """Sum `count` rows of values, `width` numbers apart, each times its share; `vectors` * LANES go to `out`."""

        def code(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> Any:
            shares, values, count, width, out = args

            def body(at: Any, sums: Sequence[Any]) -> list[Any]:
                share, begin = _spread(builder, shares, at), builder.mul(at, width)
                found = []
                for number, total in enumerate(sums):
                    value = _load(builder, _vector, values, builder.add(begin, _long(number * LANES)), 4)
                    found.append(builder.fadd(total, builder.fmul(value, share, flags=_FAST), flags=_FAST))
                return found

            for number, total in enumerate(_loop(builder, count, [_zero] * vectors, body)):
                builder.store(total, _place(builder, _vector, out, _long(number * LANES), 4), align=4)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 5), code

    return mix


mix_one, mix_four = _mix(1), _mix(4)


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


def _widen_table(builder: ir.IRBuilder, table: Any, size: Any, out: Any) -> None:
    """`size` bytes of halves in float32 to `out`, LANES at a time."""

    def body(at: Any, _: Sequence[Any]) -> list[Any]:
        begin = builder.mul(at, _long(LANES))
        wide = builder.fpext(_load(builder, ir.VectorType(_half, LANES), table, begin, 2), _vector)
        builder.store(wide, _place(builder, _vector, out, begin, 4), align=4)
        return []

    count = builder.udiv(builder.add(size, _long(2 * LANES - 1)), _long(2 * LANES))
    _loop(builder, count, [], body)


def _scales(builder: ir.IRBuilder, table: Any, block: Any) -> tuple[Any, Any]:
    """Scale and lowest value of a block, each in all of a vector."""
    first = builder.mul(block, _long(2))
    return _spread(builder, table, first), _spread(builder, table, builder.add(first, _long(1)))


def _spread(builder: ir.IRBuilder, numbers: Any, at: Any) -> Any:
    """One of the numbers at an address, in all of a vector."""
    value = _load(builder, _float, numbers, at, 4)
    nothing, first = ir.Constant(_vector, ir.Undefined), ir.Constant(ir.VectorType(_int, LANES), [0] * LANES)
    return builder.shuffle_vector(builder.insert_element(nothing, value, _int(0)), nothing, first)


def _prefetch(builder: ir.IRBuilder, place: Any, ahead: Any) -> None:
    """Let the processor fetch what lies `ahead` bytes after `place`; it does not see by itself how rows follow."""
    pointer = _byte.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer, _int, _int, _int])
    name = "llvm.prefetch.p0i8"
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    builder.call(function, [builder.inttoptr(builder.add(place, ahead), pointer), _int(0), _int(3), _int(1)])


def _sum(builder: ir.IRBuilder, vector: Any) -> Any:
    """All of a vector together."""
    name = f"llvm.vector.reduce.fadd.v{LANES}f32"
    kind = ir.FunctionType(_float, [_float, _vector])
    module = builder.module
    function = module.globals.get(name) or ir.Function(module, kind, name)
    return builder.call(function, [_float(0.0), vector], fastmath=("reassoc",))
