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
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic as _intrinsic

intrinsic: Any = _intrinsic  # callers do not pass the typing context, which type checkers cannot know

BLOCK = 64
"""Words in a block."""
BLOCK_BYTES = BLOCK * 8
LANES = 8
"""Words in a vector; counters of `count_products` have this many lanes."""

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


def _splat(builder, value, vector):
    undefined = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None))


def _mux(builder, select, low, high):
    return builder.xor(low, builder.and_(builder.xor(low, high), select))


@intrinsic(prefer_literal=True)
def minterms(typingctx, inputs, n, out):
    """Row p of `out` = the AND of the `n` blocks, inputs whose bit in p is 0 inverted.

    inputs: intp address of n addresses of blocks; n: a literal int; out: intp address of 2**n blocks.
    """
    if not isinstance(n, types.IntegerLiteral):
        return None
    width = n.literal_value

    def codegen(context, builder, signature, arguments):
        table = builder.inttoptr(arguments[0], ir.PointerType(_I64))
        rows = [_pointer(builder, builder.load(builder.gep(table, [_I64(j)], source_etype=_I64), typ=_I64))
                for j in range(width)]
        out = _pointer(builder, arguments[2])
        with cgutils.for_range(builder, _I64(_VECTORS)) as loop:
            terms = [ir.Constant(_VECTOR, [-1] * LANES)]
            for row in rows:
                x = _load(builder, row, loop.index)
                terms = [builder.and_(t, builder.not_(x)) for t in terms] + [builder.and_(t, x) for t in terms]
            for p, term in enumerate(terms):
                _store(builder, term, out, builder.add(loop.index, _I64(p * _VECTORS)))
        return context.get_dummy_value()

    return types.void(types.intp, n, types.intp), codegen


@intrinsic
def count_products(typingctx, rows, factor, counters, n):
    """counters[p] += the ones of `row p AND factor`, for p below n.

    rows: intp address of n blocks; factor: of one block; counters: of uint64 (n, LANES), to be summed by lane.
    """
    def codegen(context, builder, signature, arguments):
        ones = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_VECTOR, [_VECTOR]),
                                              f"llvm.ctpop.v{LANES}i64")
        rows, factor, counters = (_pointer(builder, a) for a in arguments[:3])
        factors = [_load(builder, factor, _I64(v)) for v in range(_VECTORS)]
        with cgutils.for_range(builder, arguments[3]) as loop:
            first = builder.mul(loop.index, _I64(_VECTORS))
            sums = [builder.call(ones, [builder.and_(_load(builder, rows, builder.add(first, _I64(v))), factors[v])])
                    for v in range(_VECTORS)]
            while len(sums) > 1:
                sums = [builder.add(a, b) for a, b in zip(sums[::2], sums[1::2], strict=True)]
            _store(builder, builder.add(_load(builder, counters, loop.index), sums[0]), counters, loop.index)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp, types.intp), codegen


@intrinsic
def count_products_of(typingctx, rows, factor, counters, n, n_vectors):
    """`count_products` of the first `n_vectors` vectors of each block."""
    def codegen(context, builder, signature, arguments):
        ones = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_VECTOR, [_VECTOR]),
                                              f"llvm.ctpop.v{LANES}i64")
        rows, factor, counters = (_pointer(builder, a) for a in arguments[:3])
        with cgutils.for_range(builder, arguments[3]) as loop:
            first = builder.mul(loop.index, _I64(_VECTORS))
            total = cgutils.alloca_once(builder, _VECTOR)  # becomes a register
            builder.store(_load(builder, counters, loop.index), total)
            with cgutils.for_range(builder, arguments[4]) as inner:
                product = builder.and_(_load(builder, rows, builder.add(first, inner.index)),
                                       _load(builder, factor, inner.index))
                builder.store(builder.add(builder.load(total, typ=_VECTOR), builder.call(ones, [product])), total)
            _store(builder, builder.load(total, typ=_VECTOR), counters, loop.index)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 5), codegen


@intrinsic
def take_counter(typingctx, counters, p):
    """int64 sum of the lanes of counter p, which is set to zero."""
    def codegen(context, builder, signature, arguments):
        add = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_I64, [_VECTOR]),
                                             f"llvm.vector.reduce.add.v{LANES}i64")
        counters = _pointer(builder, arguments[0])
        total = builder.call(add, [_load(builder, counters, arguments[1])])
        _store(builder, ir.Constant(_VECTOR, None), counters, arguments[1])
        return total

    return types.int64(types.intp, types.intp), codegen


@intrinsic
def leaf(typingctx, entries, x0, x1, out):
    """Block `out` = the 2-input table in the four low bits of `entries` (int64) of blocks x0 and x1."""
    def codegen(context, builder, signature, arguments):
        masks = [_splat(builder, builder.neg(builder.and_(builder.lshr(arguments[0], _I64(p)), _I64(1))), _VECTOR)
                 for p in range(4)]
        x0, x1, out = (_pointer(builder, a) for a in arguments[1:])
        with cgutils.for_range(builder, _I64(_VECTORS)) as loop:
            x = _load(builder, x0, loop.index)
            value = _mux(builder, _load(builder, x1, loop.index), _mux(builder, x, masks[0], masks[1]),
                         _mux(builder, x, masks[2], masks[3]))
            _store(builder, value, out, loop.index)
        return context.get_dummy_value()

    return types.void(types.int64, types.intp, types.intp, types.intp), codegen


@intrinsic
def functions(typingctx, x0, x1, out):
    """The sixteen functions of blocks x0 and x1: row f of `out` is that with table f (entry p in bit p)."""
    def codegen(context, builder, signature, arguments):
        x0, x1, out = (_pointer(builder, a) for a in arguments)
        with cgutils.for_range(builder, _I64(_VECTORS)) as loop:
            a, b = _load(builder, x0, loop.index), _load(builder, x1, loop.index)
            terms = [builder.not_(builder.or_(a, b)), builder.and_(a, builder.not_(b)),
                     builder.and_(b, builder.not_(a)), builder.and_(a, b)]
            rows = [ir.Constant(_VECTOR, None)]
            for term in terms:
                rows += [builder.or_(row, term) for row in rows]
            for f, row in enumerate(rows):
                _store(builder, row, out, builder.add(loop.index, _I64(f * _VECTORS)))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), codegen


def _mux_rows(context, builder, arguments, levels):
    """Rows of `out` by `levels` levels of multiplexers; see `mux_pairs`."""
    rows, n, *selects, out = arguments
    rows = builder.inttoptr(rows, ir.PointerType(_I64))
    out = _pointer(builder, out)
    selects = [_pointer(builder, a) for a in selects]
    with cgutils.for_range(builder, n) as loop:
        first = builder.shl(loop.index, _I64(levels))
        inputs = [_pointer(builder, builder.load(builder.gep(rows, [builder.add(first, _I64(i))], source_etype=_I64),
                                                 typ=_I64)) for i in range(1 << levels)]
        for v in range(_VECTORS):
            values = [_load(builder, p, _I64(v)) for p in inputs]
            for select in selects:
                x = _load(builder, select, _I64(v))
                values = [_mux(builder, x, low, high) for low, high in zip(values[::2], values[1::2], strict=True)]
            _store(builder, values[0], out, builder.add(builder.mul(loop.index, _I64(_VECTORS)), _I64(v)))
    return context.get_dummy_value()


@intrinsic
def mux_pairs(typingctx, rows, n, x, out):
    """Row p of `out` = block rows[2p + x], bit by bit, for p below n; in place if rows[i] is row i of `out`.

    rows: intp address of 2n addresses of blocks; x: of a block; out: of n blocks.
    """
    def codegen(context, builder, signature, arguments):
        return _mux_rows(context, builder, arguments, 1)

    return types.void(types.intp, types.intp, types.intp, types.intp), codegen


@intrinsic
def mux_fours(typingctx, rows, n, x0, x1, out):
    """Row p of `out` = block rows[4p + 2 x1 + x0], bit by bit, for p below n; in place as `mux_pairs`."""
    def codegen(context, builder, signature, arguments):
        return _mux_rows(context, builder, arguments, 2)

    return types.void(types.intp, types.intp, types.intp, types.intp, types.intp), codegen


@intrinsic
def mux_eights(typingctx, rows, n, x0, x1, x2, out):
    """Row p of `out` = block rows[8p + 4 x2 + 2 x1 + x0], bit by bit, for p below n; in place as `mux_pairs`."""
    def codegen(context, builder, signature, arguments):
        return _mux_rows(context, builder, arguments, 3)

    return types.void(*[types.intp] * 6), codegen


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

    word: uint64; weight: int64; lanes: C-contiguous integer array of one dimension; first: intp.
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
            _store(builder, _mux(builder, *(_load(builder, p, loop.index) for p in (select, zero, one))), out,
                   loop.index)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 4), codegen


@intrinsic
def prefetch(typingctx, address):
    """Ask for the block at `address`, which need not exist."""
    def codegen(context, builder, signature, arguments):
        byte, i32 = ir.IntType(8), ir.IntType(32)
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [ir.PointerType(byte), i32, i32, i32]), "llvm.prefetch.p0")
        for line in range(BLOCK_BYTES // 64):
            pointer = builder.inttoptr(builder.add(arguments[0], _I64(line * 64)), ir.PointerType(byte))
            builder.call(function, [pointer, i32(0), i32(3), i32(1)])
        return context.get_dummy_value()

    return types.void(types.intp), codegen


@intrinsic
def at_least(typingctx, lanes, first, threshold):
    """uint64 with bit i one where lanes[first + i] >= threshold, for i below 64.

    lanes: C-contiguous integer array of one dimension; first: intp; threshold: of the array's type.
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


@njit(cache=True)
def make_blocks(n):
    """uint64 (n, BLOCK) of zeros that begins at a cache line: a vector that crosses two costs twice."""
    words = np.zeros((n + 1) * BLOCK, np.uint64)
    skip = (64 - words.ctypes.data % 64) % 64 // 8
    return words[skip:skip + n * BLOCK].reshape(n, BLOCK)
