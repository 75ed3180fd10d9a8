"""Vector instructions against their twins in NumPy."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
import pytest
from helpers.twins import simd as twins
from hypothesis import given
from hypothesis import strategies as st

from lut2hw.kernels import simd
from lut2hw.kernels.simd import BLOCK, FUNCTION_BYTES, LANES

seeds = st.integers(0, 2**32)
LANE_TYPES = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.int64]


@cache
def call(name: str, count: int, literal: int | None = None, at: int = 0) -> Callable[..., Any]:
    """An instruction as a function of `count` arguments; number `at` of them is a literal, if there is one."""
    names = [f"a{i}" for i in range(count)]
    given_ = [f"{literal}" if literal is not None and i == at else each for i, each in enumerate(names)]
    scope = {"f": getattr(simd, name)}
    exec(f"def g({', '.join(n for n in names if n in given_)}):\n    return f({', '.join(given_)})", scope)
    return numba.njit(nogil=True)(scope["g"])


def words(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Random words, some of them all zeros or all ones."""
    out = rng.integers(0, 1 << 64, shape, np.uint64)
    return np.where(rng.random(shape) < 0.2, rng.choice([np.uint64(0), ~np.uint64(0)], shape), out)


def addresses(rows: np.ndarray) -> np.ndarray:
    return np.array([row.ctypes.data for row in rows], np.int64)


@given(seeds, st.integers(1, 4), st.integers(0, 12))
def test_count_subsets(seed: int, n: int, n_vectors: int):
    rng = np.random.default_rng(seed)
    parent, factor, *inputs = words(rng, 2 + n, n_vectors * LANES)
    base, counters = np.zeros_like(parent), rng.integers(0, 1 << 40, (1 << n, LANES), np.uint64)
    wanted = twins.count_subsets(parent, factor, np.array(inputs), counters)
    at = addresses(inputs)
    call("count_subsets", 7, n, 3)(
        parent.ctypes.data, factor.ctypes.data, at.ctypes.data, n_vectors, base.ctypes.data, counters.ctypes.data
    )
    assert (base == wanted[0]).all() and (counters == wanted[1]).all()


@given(seeds, st.integers(0, 6))
def test_take_counters(seed: int, groups: int):
    rng = np.random.default_rng(seed)
    counters = rng.integers(0, 1 << 40, (groups * LANES, LANES), np.uint64)
    out = rng.integers(0, 9, groups * LANES)
    left, wanted = twins.take_counters(counters)
    call("take_counters", 3)(counters.ctypes.data, len(out), out.ctypes.data)
    assert (out == wanted).all() and (counters == left).all()


@given(seeds)
def test_subtract(seed: int):
    a, b = np.random.default_rng(seed).integers(-(1 << 62), 1 << 62, (2, LANES))
    wanted = twins.subtract(a, b)
    call("subtract", 2)(a.ctypes.data, b.ctypes.data)
    assert (a == wanted).all()


@given(seeds, st.integers(0, 4))
def test_small_table(seed: int, k: int):
    rng = np.random.default_rng(seed)
    inputs, out, table = words(rng, k, BLOCK), words(rng, BLOCK), int(rng.integers(1 << (1 << k)))
    at = addresses(inputs)
    call("small_table", 4, k, 1)(table, at.ctypes.data, out.ctypes.data)
    assert (out == twins.small_table(table, inputs)).all()


@given(seeds, st.integers(5, 8))
def test_wide_table(seed: int, k: int):
    rng = np.random.default_rng(seed)
    inputs, out, table = words(rng, k, BLOCK), words(rng, BLOCK), rng.integers(0, 256, (1 << k) // 8, np.uint8)
    at, space = addresses(inputs), np.empty(FUNCTION_BYTES, np.uint8)
    call("wide_table", 5, k, 1)(table.ctypes.data, at.ctypes.data, space.ctypes.data, out.ctypes.data)
    assert (out == twins.wide_table(table, inputs)).all()


@given(seeds, st.integers(1, 4))
def test_mux_tree(seed: int, levels: int):
    rng = np.random.default_rng(seed)
    rows, selects, out = words(rng, 1 << levels, BLOCK), words(rng, levels, BLOCK), words(rng, BLOCK)
    at = addresses(selects)
    call("mux_tree", 4, levels, 1)(rows.ctypes.data, at.ctypes.data, out.ctypes.data)
    assert (out == twins.mux_tree(rows, selects)).all()


@given(seeds, st.booleans())
def test_add_bits(seed: int, in_place: bool):
    inputs = words(np.random.default_rng(seed), 3, BLOCK)
    total, carry = (inputs[0], inputs[2]) if in_place else np.zeros((2, BLOCK), np.uint64)
    wanted = twins.add_bits(*inputs.copy())
    call("add_bits", 5)(*addresses(inputs), total.ctypes.data, carry.ctypes.data)
    assert (total == wanted[0]).all() and (carry == wanted[1]).all()


def some_lanes(rng: np.random.Generator, dtype: type) -> tuple[np.ndarray, int]:
    """Lanes and the first of 64 of them."""
    first, after = rng.integers(0, 9, 2)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, 64 + first + after, dtype, endpoint=True), int(first)


@pytest.mark.parametrize("dtype", LANE_TYPES)
@given(seed=seeds)
def test_spread_bits(dtype: type, seed: int):
    rng = np.random.default_rng(seed)
    lanes, first = some_lanes(rng, dtype)
    lanes //= 2  # and no sum overflows
    word, weight = int(words(rng, 1)[0]), int(rng.integers(0, 64))
    wanted = twins.spread_bits(word, weight, lanes, first)
    call("spread_bits", 4)(np.uint64(word), weight, lanes, first)
    assert (lanes == wanted).all()


@pytest.mark.parametrize("dtype", LANE_TYPES)
@given(seed=seeds)
def test_at_least_and_test_bits(dtype: type, seed: int):
    rng = np.random.default_rng(seed)
    lanes, first = some_lanes(rng, dtype)
    threshold, mask = rng.choice(lanes), int(rng.integers(1, np.iinfo(dtype).max, endpoint=True))
    assert call("at_least", 3)(lanes, first, threshold) == twins.at_least(lanes, first, int(threshold))
    mask &= int(rng.integers(1, np.iinfo(dtype).max, endpoint=True))  # fewer bits: lanes without any
    assert call("test_bits", 3)(lanes, first, mask) == twins.test_bits(lanes, first, mask)


@given(seeds, st.integers(1, 70))
def test_single_words(seed: int, n: int):
    rng = np.random.default_rng(seed)
    line, index, value = words(rng, n), int(rng.integers(n)), words(rng, 1)[0]
    at = line.ctypes.data
    assert int(np.uint64(call("load_word", 2)(at, index))) == twins.load_word(line, index)
    byte = int(rng.integers(8 * n))
    assert call("load_byte", 1)(at + byte) == twins.load_byte(line, byte)
    wanted = twins.store_word(line, index, value)
    call("store_word", 3)(at, index, value)
    assert (line == wanted).all()


@given(seeds)
def test_copy_block(seed: int):
    rng = np.random.default_rng(seed)
    source, out, flip = words(rng, BLOCK), words(rng, BLOCK), words(rng, 1)[0]
    call("copy_block", 3)(source.ctypes.data, flip, out.ctypes.data)
    assert (out == twins.copy_block(source, flip)).all()


@given(seeds)
def test_compare_bits(seed: int):
    a, b, greater = words(np.random.default_rng(seed), 3, BLOCK)
    wanted = twins.compare_bits(a, b, greater)
    call("compare_bits", 3)(*addresses([a, b, greater]))
    assert (greater == wanted).all()


@given(seeds, st.booleans())
def test_choose(seed: int, in_place: bool):
    select, zero, one, out = words(np.random.default_rng(seed), 4, BLOCK)
    wanted = twins.choose(select, zero, one)
    out = zero if in_place else out
    call("choose", 4)(*addresses([select, zero, one, out]))
    assert (out == wanted).all()


@given(seeds)
def test_prefetch(seed: int):
    """What is fetched stays as it is, and need not exist."""
    block = words(np.random.default_rng(seed), BLOCK)
    for name, wanted in (("prefetch", twins.prefetch(block)), ("prefetch_far", twins.prefetch_far(block))):
        for address in (block.ctypes.data, 0, 1 << 62):
            call(name, 1)(address)
        assert (block == wanted).all()


@given(st.integers(0, 1 << 60), st.integers(0, 1 << 20))
def test_take(before: int, n: int):
    taken = np.array([before])
    result, wanted = twins.take(taken, n)
    assert call("take", 2)(taken, n) == result and (taken == wanted).all()


def test_take_is_one_step():
    """Four threads that take at the same time take every number once."""
    instruction, taken, got = simd.take, np.zeros(1, np.int64), np.zeros((4, 50_000), np.int64)

    @numba.njit(nogil=True)
    def work(taken, mine):
        for i in range(len(mine)):
            mine[i] = instruction(taken, 1)

    work(np.zeros(1, np.int64), got[0])
    threads = [threading.Thread(target=work, args=(taken, mine)) for mine in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (np.sort(got, axis=None) == np.arange(got.size)).all() and taken[0] == got.size


@given(st.integers(0, 20))
def test_make_blocks(n: int):
    blocks, wanted = simd.make_blocks(n), twins.make_blocks(n)
    assert (blocks == wanted).all() and blocks.shape == wanted.shape and blocks.dtype == wanted.dtype
    assert blocks.flags.c_contiguous and (n == 0 or blocks.ctypes.data % 64 == 0)
