"""Vector instructions for the compiled kernels, as numba intrinsics.

A block is 64 words (512 bytes) of one packed signal, handled as eight vectors of eight words, which LLVM splits
into whatever the machine has (AVX-512, AVX2, NEON). Blocks are given by address; the caller keeps the arrays alive.
"""

from __future__ import annotations

import platform
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic as _intrinsic

from lut2hw.kernels.compiled import njit

intrinsic: Any = _intrinsic  # callers do not pass the typing context, which type checkers cannot know

BLOCK = 64
"""Words in a block."""
BLOCK_BYTES = BLOCK * 8
LANES = 8
"""Words in a vector; counters of `count_products` have this many lanes."""

FUNCTION_BYTES = 16 * LANES * 8
"""Work space of `wide_table`."""

_I64 = ir.IntType(64)
_VECTOR = ir.VectorType(_I64, LANES)
_VECTORS = BLOCK // LANES


def fast_popcount() -> bool:
    """The processor counts the ones of a whole vector in one instruction."""
    features = llvm.get_host_cpu_features()
    return bool(features.get("avx512vpopcntdq")) or platform.machine() in ("aarch64", "arm64")


def _pointer(builder, address):
    return builder.inttoptr(address, ir.PointerType(_VECTOR))


def _load(builder, pointer, index):
    return builder.load(builder.gep(pointer, [index], source_etype=_VECTOR), align=8, typ=_VECTOR)


def _store(builder, value, pointer, index):
    builder.store(value, builder.gep(pointer, [index], source_etype=_VECTOR), align=8)


def _blocks(builder, addresses, n):
    """The n blocks whose addresses are at `addresses`."""
    words = builder.inttoptr(addresses, ir.PointerType(_I64))
    return [
        _pointer(builder, builder.load(builder.gep(words, [_I64(i)], source_etype=_I64), typ=_I64)) for i in range(n)
    ]


def _splat(builder, value, vector):
    undefined = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None))


def _mux(builder, select, low, high):
    return builder.or_(builder.and_(select, high), builder.and_(builder.not_(select), low))


@intrinsic(prefer_literal=True)
def count_subsets(typingctx, parent, factor, inputs, n, n_vectors, base, counters):
    """counters[s] += the ones of `base` AND every input in s, for each subset s of n inputs.

    `base` becomes `parent` AND `factor`. All three, and the inputs, are addresses of n_vectors vectors.

    Parameters
    ----------
    inputs : object
        Intp address of n addresses.
    n : object
        A literal int.
    counters : object
        Intp address of uint64 (2**n, LANES), to be summed by lane.
    """
    if not isinstance(n, types.IntegerLiteral):
        return None
    n_inputs = n.literal_value

    def codegen(context, builder, signature, arguments):
        ones = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_VECTOR, [_VECTOR]), f"llvm.ctpop.v{LANES}i64"
        )
        parent, factor = _pointer(builder, arguments[0]), _pointer(builder, arguments[1])
        blocks = _blocks(builder, arguments[2], n_inputs)
        base, counters = _pointer(builder, arguments[5]), _pointer(builder, arguments[6])
        totals = [cgutils.alloca_once(builder, _VECTOR) for _ in range(1 << n_inputs)]  # become registers
        for subset, total in enumerate(totals):
            builder.store(_load(builder, counters, _I64(subset)), total)
        with cgutils.for_range(builder, arguments[4]) as loop:
            x = [_load(builder, block, loop.index) for block in blocks]

            def count(product, subset, first):  # depth first: one product for each input waits in a register
                sum_ = builder.add(builder.load(totals[subset], typ=_VECTOR), builder.call(ones, [product]))
                builder.store(sum_, totals[subset])
                for j in range(first, n_inputs):
                    count(builder.and_(product, x[j]), subset | 1 << j, j + 1)

            product = builder.and_(_load(builder, parent, loop.index), _load(builder, factor, loop.index))
            _store(builder, product, base, loop.index)
            count(product, 0, 0)
        for subset, total in enumerate(totals):
            _store(builder, builder.load(total, typ=_VECTOR), counters, _I64(subset))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp, n, types.intp, types.intp, types.intp), codegen


@intrinsic
def take_counters(typingctx, counters, n, out):
    """Turn ones of subsets into ones of patterns, within `LANES` subsets: out[p] = sums of lanes, by inclusion.

    Parameters
    ----------
    counters : object
        Intp address of uint64 (n, LANES), which are set to zero.
    n : object
        A multiple of LANES.
    out : object
        Intp address of int64 (n,). The ones of all inputs in p, less those that have further inputs: of the three
        lowest, here.
    """

    def codegen(context, builder, signature, arguments):
        counters, out = _pointer(builder, arguments[0]), _pointer(builder, arguments[2])
        zero = ir.Constant(_VECTOR, None)

        def lanes(a, b, order):
            return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), LANES), order))

        with cgutils.for_range(builder, builder.udiv(arguments[1], _I64(LANES))) as loop:
            first = builder.mul(loop.index, _I64(LANES))
            rows = []
            for lane in range(LANES):
                at = builder.add(first, _I64(lane))
                rows.append(_load(builder, counters, at))
                _store(builder, zero, counters, at)
            step = 1
            while step < LANES:  # a transposition that adds: half the vectors, each with lanes of twice as many rows
                low = [i + (LANES - step if i & step else 0) for i in range(LANES)]
                high = [i + (LANES if i & step else step) for i in range(LANES)]
                rows = [
                    builder.add(lanes(a, b, low), lanes(a, b, high))
                    for a, b in zip(rows[::2], rows[1::2], strict=True)
                ]
                step *= 2
            total = rows[0]
            step = 1
            while step < LANES:
                more = lanes(total, zero, [LANES if i & step else i + step for i in range(LANES)])
                total = builder.sub(total, more)
                step *= 2
            _store(builder, total, out, loop.index)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), codegen


@intrinsic
def subtract(typingctx, a, b):
    """The int64 vector at address a -= that at address b."""

    def codegen(context, builder, signature, arguments):
        a, b = (_pointer(builder, x) for x in arguments)
        _store(builder, builder.sub(_load(builder, a, _I64(0)), _load(builder, b, _I64(0))), a, _I64(0))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), codegen


def _mux_tree(builder, leaf, selects):
    """Leaf p of 2**len(selects), bit by bit, where bit j of p is the bit of select j; all are vectors.

    Parameters
    ----------
    leaf : object
        Function from p. Depth first, so that only one row for each level waits in a register.
    """

    def tree(level, first):
        if not level:
            return leaf(first)
        low, high = tree(level - 1, first), tree(level - 1, first + (1 << (level - 1)))
        return _mux(builder, selects[level - 1], low, high)

    return tree(len(selects), 0)


@intrinsic(prefer_literal=True)
def small_table(typingctx, table, k, inputs, out):
    """Block `out` = a table of k inputs, at most 4.

    Parameters
    ----------
    table : object
        int64, entry p in bit p.
    k : object
        A literal int.
    inputs : object
        Intp address of k addresses of blocks.
    """
    if not isinstance(k, types.IntegerLiteral):
        return None
    n_inputs = k.literal_value

    def codegen(context, builder, signature, arguments):
        entries = [
            _splat(builder, builder.neg(builder.and_(builder.lshr(arguments[0], _I64(p)), _I64(1))), _VECTOR)
            for p in range(1 << n_inputs)
        ]
        blocks = _blocks(builder, arguments[2], n_inputs)
        out = _pointer(builder, arguments[3])
        with cgutils.for_range(builder, _I64(_VECTORS)) as loop:
            x = [_load(builder, block, loop.index) for block in blocks]
            _store(builder, _mux_tree(builder, entries.__getitem__, x), out, loop.index)
        return context.get_dummy_value()

    return types.void(types.int64, k, types.intp, types.intp), codegen


@intrinsic(prefer_literal=True)
def wide_table(typingctx, table, k, inputs, functions, out):
    """Block `out` = a table of k inputs, 5 or more: a tree of multiplexers over the 16 functions of inputs 0 and 1.

    Parameters
    ----------
    table : object
        Intp address of 2**k / 8 bytes.
    k : object
        A literal int.
    inputs : object
        Intp address of k addresses of blocks.
    functions : object
        Intp address of `FUNCTION_BYTES` to work with.
    """
    if not isinstance(k, types.IntegerLiteral):
        return None
    n_inputs = k.literal_value
    byte = ir.IntType(8)

    def codegen(context, builder, signature, arguments):
        table = builder.inttoptr(arguments[0], ir.PointerType(byte))
        blocks = _blocks(builder, arguments[2], n_inputs)
        functions, out = _pointer(builder, arguments[3]), _pointer(builder, arguments[4])

        def leaf(p):
            address = builder.gep(table, [_I64(p >> 1)], source_etype=byte)
            entries = builder.zext(builder.load(address, typ=byte), _I64)
            return _load(
                builder, functions, builder.lshr(entries, _I64(4)) if p & 1 else builder.and_(entries, _I64(15))
            )

        with cgutils.for_range(builder, _I64(_VECTORS)) as loop:
            x = [_load(builder, block, loop.index) for block in blocks]
            terms = [
                builder.not_(builder.or_(x[0], x[1])),
                builder.and_(x[0], builder.not_(x[1])),
                builder.and_(x[1], builder.not_(x[0])),
                builder.and_(x[0], x[1]),
            ]
            rows = [ir.Constant(_VECTOR, None)]
            for term in terms:
                rows += [builder.or_(row, term) for row in rows]
            for f, row in enumerate(rows):  # function f has table f
                _store(builder, row, functions, _I64(f))
            _store(builder, _mux_tree(builder, leaf, x[2:]), out, loop.index)
        return context.get_dummy_value()

    return types.void(types.intp, k, types.intp, types.intp, types.intp), codegen


@intrinsic(prefer_literal=True)
def mux_tree(typingctx, rows, levels, selects, out):
    """Block `out` = block p of 2**levels blocks at `rows`, bit by bit, where bit j of p is the bit of select j.

    Parameters
    ----------
    levels : object
        A literal int.
    selects : object
        Intp address of as many addresses of blocks.
    """
    if not isinstance(levels, types.IntegerLiteral):
        return None
    depth = levels.literal_value

    def codegen(context, builder, signature, arguments):
        rows, out = _pointer(builder, arguments[0]), _pointer(builder, arguments[3])
        blocks = _blocks(builder, arguments[2], depth)
        with cgutils.for_range(builder, _I64(_VECTORS)) as loop:
            x = [_load(builder, block, loop.index) for block in blocks]
            value = _mux_tree(builder, lambda p: _load(builder, rows, builder.add(loop.index, _I64(p * _VECTORS))), x)
            _store(builder, value, out, loop.index)
        return context.get_dummy_value()

    return types.void(types.intp, levels, types.intp, types.intp), codegen


@intrinsic
def add_bits(typingctx, a, b, c, total, carry):
    """Blocks `total` and `carry` = the sum, bit by bit, of blocks a, b and c; outputs may be inputs."""

    def codegen(context, builder, signature, arguments):
        a, b, c, total, carry = (_pointer(builder, x) for x in arguments)
        with cgutils.for_range(builder, _I64(_VECTORS)) as loop:
            x, y, z = (_load(builder, p, loop.index) for p in (a, b, c))
            either = builder.xor(x, y)
            _store(builder, builder.xor(either, z), total, loop.index)
            _store(builder, builder.or_(builder.and_(x, y), builder.and_(either, z)), carry, loop.index)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 5), codegen


@intrinsic
def spread_bits(typingctx, word, weight, lanes, first):
    """lanes[first + i] += weight where bit i of `word` is one, for i below 64.

    Parameters
    ----------
    word : object
        uint64.
    weight : object
        int64.
    lanes : object
        C-contiguous integer array of one dimension.
    first : object
        intp.
    """
    lane = ir.IntType(lanes.dtype.bitwidth)
    vector = ir.VectorType(lane, 64)

    def codegen(context, builder, signature, arguments):
        word, weight, lanes, first = arguments
        data = context.make_array(signature.args[2])(context, builder, lanes).data
        pointer = builder.bitcast(builder.gep(data, [first]), ir.PointerType(vector))
        mask = builder.bitcast(word, ir.VectorType(ir.IntType(1), 64))
        weight = weight if lane.width == 64 else builder.trunc(weight, lane)
        addend = builder.select(mask, _splat(builder, weight, vector), ir.Constant(vector, None))
        old = builder.load(pointer, align=lane.width // 8, typ=vector)
        builder.store(builder.add(old, addend), pointer, align=lane.width // 8)
        return context.get_dummy_value()

    return types.void(types.uint64, types.int64, lanes, types.intp), codegen


@intrinsic
def load_word(typingctx, address, index):
    """uint64 number `index` of those at `address`."""

    def codegen(context, builder, signature, arguments):
        pointer = builder.inttoptr(arguments[0], ir.PointerType(_I64))
        return builder.load(builder.gep(pointer, [arguments[1]], source_etype=_I64), typ=_I64)

    return types.uint64(types.intp, types.intp), codegen


@intrinsic
def load_byte(typingctx, address):
    """The byte at `address`, as int64."""

    def codegen(context, builder, signature, arguments):
        byte = ir.IntType(8)
        return builder.zext(builder.load(builder.inttoptr(arguments[0], ir.PointerType(byte)), typ=byte), _I64)

    return types.int64(types.intp), codegen


@intrinsic
def store_word(typingctx, address, index, value):
    """Set uint64 number `index` of those at `address`."""

    def codegen(context, builder, signature, arguments):
        pointer = builder.inttoptr(arguments[0], ir.PointerType(_I64))
        builder.store(arguments[2], builder.gep(pointer, [arguments[1]], source_etype=_I64))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.uint64), codegen


@intrinsic
def copy_block(typingctx, source, flip, out):
    """Block `out` = block `source` XOR `flip` (uint64)."""

    def codegen(context, builder, signature, arguments):
        source, out = _pointer(builder, arguments[0]), _pointer(builder, arguments[2])
        flip = _splat(builder, arguments[1], _VECTOR)
        with cgutils.for_range(builder, _I64(_VECTORS)) as loop:
            _store(builder, builder.xor(_load(builder, source, loop.index), flip), out, loop.index)
        return context.get_dummy_value()

    return types.void(types.intp, types.uint64, types.intp), codegen


@intrinsic
def compare_bits(typingctx, a, b, greater):
    """Block `greater` becomes one where a > b, stays where a = b, and becomes zero where a < b, bit by bit.

    From the least to the most significant bit, this compares bit-sliced numbers.
    """

    def codegen(context, builder, signature, arguments):
        a, b, greater = (_pointer(builder, x) for x in arguments)
        with cgutils.for_range(builder, _I64(_VECTORS)) as loop:
            x, y, before = (_load(builder, p, loop.index) for p in (a, b, greater))
            _store(builder, _mux(builder, builder.xor(x, y), before, x), greater, loop.index)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 3), codegen


@intrinsic
def choose(typingctx, select, zero, one, out):
    """Block `out` = block `one` where block `select` is one, else block `zero`."""

    def codegen(context, builder, signature, arguments):
        select, zero, one, out = (_pointer(builder, x) for x in arguments)
        with cgutils.for_range(builder, _I64(_VECTORS)) as loop:
            _store(
                builder, _mux(builder, *(_load(builder, p, loop.index) for p in (select, zero, one))), out, loop.index
            )
        return context.get_dummy_value()

    return types.void(*[types.intp] * 4), codegen


def _prefetch(builder, address, locality):
    i32 = ir.IntType(32)
    pointer = ir.PointerType(ir.IntType(8))
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), [pointer, i32, i32, i32]), "llvm.prefetch.p0"
    )
    for line in range(BLOCK_BYTES // 64):
        at = builder.inttoptr(builder.add(address, _I64(line * 64)), pointer)
        builder.call(function, [at, i32(0), i32(locality), i32(1)])


@intrinsic
def prefetch(typingctx, address):
    """Ask for the block at `address`, which need not exist."""

    def codegen(context, builder, signature, arguments):
        _prefetch(builder, arguments[0], 3)
        return context.get_dummy_value()

    return types.void(types.intp), codegen


@intrinsic
def prefetch_far(typingctx, address):
    """As `prefetch`, into the second-level cache only."""

    def codegen(context, builder, signature, arguments):
        _prefetch(builder, arguments[0], 2)
        return context.get_dummy_value()

    return types.void(types.intp), codegen


@intrinsic
def at_least(typingctx, lanes, first, threshold):
    """uint64 with bit i one where lanes[first + i] >= threshold, for i below 64.

    Parameters
    ----------
    lanes : object
        C-contiguous integer array of one dimension.
    first : object
        Intp.
    threshold : object
        Of the array's type.
    """
    lane = ir.IntType(lanes.dtype.bitwidth)
    vector = ir.VectorType(lane, 64)

    def codegen(context, builder, signature, arguments):
        lanes_, first, threshold = arguments
        data = context.make_array(signature.args[0])(context, builder, lanes_).data
        pointer = builder.bitcast(builder.gep(data, [first]), ir.PointerType(vector))
        values = builder.load(pointer, align=lane.width // 8, typ=vector)
        compare = builder.icmp_signed if lanes.dtype.signed else builder.icmp_unsigned
        return builder.bitcast(compare(">=", values, _splat(builder, threshold, vector)), _I64)

    return types.uint64(lanes, types.intp, lanes.dtype), codegen


@intrinsic
def test_bits(typingctx, lanes, first, mask):
    """uint64 with bit i one where lanes[first + i] has a bit of `mask`, for i below 64; lanes as in `at_least`."""
    lane = ir.IntType(lanes.dtype.bitwidth)
    vector = ir.VectorType(lane, 64)

    def codegen(context, builder, signature, arguments):
        lanes_, first, mask = arguments
        data = context.make_array(signature.args[0])(context, builder, lanes_).data
        pointer = builder.bitcast(builder.gep(data, [first]), ir.PointerType(vector))
        values = builder.load(pointer, align=lane.width // 8, typ=vector)
        mask = mask if lane.width == 64 else builder.trunc(mask, lane)
        found = builder.icmp_unsigned(
            "!=", builder.and_(values, _splat(builder, mask, vector)), ir.Constant(vector, None)
        )
        return builder.bitcast(found, _I64)

    return types.uint64(lanes, types.intp, types.int64), codegen


@intrinsic
def take(typingctx, taken, n):
    """taken[0] += n, as one step whatever other threads do; returns what it was.

    Parameters
    ----------
    taken : object
        int64 (1,).
    """

    def codegen(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.atomic_rmw("add", data, arguments[1], "monotonic")

    return types.int64(taken, types.int64), codegen


@njit()
def make_blocks(n):
    """uint64 (n, BLOCK) of zeros that begins at a cache line: a vector that crosses two costs twice."""
    words = np.zeros((n + 1) * BLOCK, np.uint64)
    skip = (64 - words.ctypes.data % 64) % 64 // 8
    return words[skip : skip + n * BLOCK].reshape(n, BLOCK)
