"""Compiled kernels of `memorize`: sorting by class, filling tables.

Counting is the only work that grows with the data. Examples are sorted by class, so that a run of words has one
label. Up to `MAX_PRODUCT_K` inputs the ones of the product of every subset of the inputs are counted, 512 examples an
instruction where the machine has a vector popcount; subtraction then gives the examples of each pattern (Moebius
inversion). Wider patterns are put together, 64 examples at a time, and counted in a histogram. A LUT is counted,
decided and evaluated in one go, while its inputs are in the cache.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lut2hw.bits import Packed
from lut2hw.kernels.compiled import njit
from lut2hw.kernels.evaluate import lut_row, make_space
from lut2hw.kernels.simd import (
    BLOCK,
    BLOCK_BYTES,
    LANES,
    count_subsets,
    fast_popcount,
    load_word,
    make_blocks,
    prefetch_far,
    spread_bits,
    subtract,
    take,
    take_counters,
    test_bits,
)
from lut2hw.kernels.threads import in_parts, in_turn

MAX_PRODUCT_K = 9 if fast_popcount() else 7
_SUBSET_K = 4  # inputs whose subsets have their counters in registers
_CHUNK_BLOCKS = 4
_CHUNK = _CHUNK_BLOCKS * BLOCK  # words counted at a time: inputs and products stay in the first-level cache
_AHEAD_BYTES = 1 << 18  # inputs of one LUT up to which those of the next are fetched in time
_HISTOGRAMS = 2  # interleaved, so that equal patterns in a row do not wait for each other
_MAX_INTERLEAVED_K = 12  # beyond, histograms no longer fit in the first-level cache twice
_AT_A_TIME = 8  # LUTs that a thread takes
_ROWS = 8  # signals sorted at a time, one for each bit of a byte


@njit(nogil=True)
def _gather_bits(packed, source, out, part, n_parts):
    n_rows, n_words = packed.shape
    n_groups = (n_rows + _ROWS - 1) // _ROWS
    line = np.empty((n_words + 1) * 64, np.uint8)  # a byte for each example
    some = np.empty(64, np.uint8)
    for group in range(part * n_groups // n_parts, (part + 1) * n_groups // n_parts):
        first = group * _ROWS
        end = min(first + _ROWS, n_rows)
        for i in range(len(line)):
            line[i] = 0
        for word in range(n_words):
            for row in range(first, end):
                spread_bits(packed[row, word], 1 << (row - first), line, word * 64)
        for word in range(out.shape[1]):
            for i in range(64):
                some[i] = line[source[word * 64 + i]]
            for row in range(first, end):
                out[row, word] = test_bits(some, 0, 1 << (row - first))


def gather_bits(packed: Packed, source: NDArray[np.uint32], out: Packed) -> None:
    """Bit i of row r of `out` = bit source[i] of row r of `packed`, 0 where source[i] = 64 * n_words.

    Parameters
    ----------
    packed : Packed
        uint64 (n_rows, n_words).
    source : NDArray[np.uint32]
        uint32 (64 * words of out,).
    out : Packed
        uint64 (n_rows, n_words_out).
    """
    in_parts(_gather_bits, -(-len(packed) // _ROWS), packed, source, out)


@njit()
def _count_subsets(parent, factor, inputs, n, n_vectors, base, counters):
    if n == 1:
        count_subsets(parent, factor, inputs, 1, n_vectors, base, counters)
    elif n == 2:
        count_subsets(parent, factor, inputs, 2, n_vectors, base, counters)
    elif n == 3:
        count_subsets(parent, factor, inputs, 3, n_vectors, base, counters)
    else:
        count_subsets(parent, factor, inputs, 4, n_vectors, base, counters)


@njit()
def _count_products(k, rows, ahead, first, last, inputs, products, counters):
    """counters[s] += examples of words `first` to `last` that have ones at all inputs in s, for all subsets s.

    Parameters
    ----------
    rows : object
        int64 (k,), addresses of signals.
    ahead : object
        int64 (k,), those that will be read next.
    inputs : object
        int64 (k,) and products: (at least k - _SUBSET_K + 1, _CHUNK), the first all ones, to work with.
    counters : object
        Address of uint64 (2**k, LANES).
    """
    inner = min(k, _SUBSET_K)
    n_ahead = k * _CHUNK_BLOCKS
    ones = products.ctypes.data
    for at in range(first, last, _CHUNK):
        n_vectors = min(_CHUNK, last - at) // LANES
        for j in range(k):
            inputs[j] = rows[j] + at * 8
        # Subsets of the other inputs in binary order: without its lowest input, each was the last with that one.
        n_outer = 1 << (k - inner)
        for outer in range(n_outer):
            for i in range(outer * n_ahead // n_outer, (outer + 1) * n_ahead // n_outer):
                prefetch_far(ahead[i // _CHUNK_BLOCKS] + at * 8 + i % _CHUNK_BLOCKS * BLOCK_BYTES)
            parent = factor = base = ones
            if outer:
                rest = outer & (outer - 1)
                j = 0
                while not outer >> j & 1:
                    j += 1
                factor = inputs[inner + j]
                base = ones + (j + 1) * _CHUNK * 8
                if rest:
                    j = 0
                    while not rest >> j & 1:
                        j += 1
                    parent = ones + (j + 1) * _CHUNK * 8
            _count_subsets(
                parent, factor, inputs.ctypes.data, inner, n_vectors, base, counters + (outer << inner) * LANES * 8
            )


@njit()
def _patterns_of_subsets(k, counters, out):
    """out[p] = examples that show pattern p, from counters of subsets, which become zero."""
    take_counters(counters, len(out), out.ctypes.data)
    at = out.ctypes.data
    step = LANES
    while step < 1 << k:
        for p in range(0, 1 << k, LANES):
            if not p & step:
                subtract(at + p * 8, at + (p + step) * 8)
        step *= 2


@njit()
def _count_patterns(k, rows, first, last, patterns, histograms, out):
    """out[p] += examples of words `first` to `last` that show pattern p, example by example."""
    chunk = len(patterns) // 64
    for at in range(first, last, chunk):
        n = min(chunk, last - at)
        for i in range(n * 64):
            patterns[i] = 0
        for j in range(k):
            for word in range(n):
                spread_bits(load_word(rows[j], at + word), 1 << j, patterns, word * 64)
        if len(histograms) == 0:
            for i in range(n * 64):
                out[patterns[i]] += 1
        else:
            for i in range(0, n * 64, 2):
                histograms[0, patterns[i]] += np.uint32(1)
                histograms[1, patterns[i + 1]] += np.uint32(1)
    if len(histograms):
        for p in range(1 << k):
            out[p] += np.int64(histograms[0, p]) + np.int64(histograms[1, p])
            histograms[0, p] = histograms[1, p] = 0


@njit()
def _decide(counts, n_examples, balance, table, care):
    """Fill a table by (prior-corrected) majority; bits of ties stay as they are.

    Parameters
    ----------
    counts : object
        int64 (2, at least 2**k) and n_examples: (2,), by label.
    table, care : object
        uint8 (2**k / 8,).
    """
    n1 = np.uint64(n_examples[1] if balance else 1)
    n0 = np.uint64(n_examples[0] if balance else 1)
    n_entries = min(8, counts.shape[1])
    for byte in range(len(table)):
        ones, zeros, seen = np.uint8(0), np.uint8(0), np.uint8(0)
        for i in range(n_entries):  # without branches, which nobody can predict
            # Below 2**32 examples the products fit in 64 bits without a sign.
            c0, c1 = np.uint64(counts[0, byte * 8 + i]), np.uint64(counts[1, byte * 8 + i])
            zero, one = c0 * n1, c1 * n0
            ones |= np.uint8(one > zero) << i
            zeros |= np.uint8(one < zero) << i
            seen |= np.uint8((c0 | c1) > np.uint64(0)) << i  # n0 or n1 may be 0
        table[byte] = (table[byte] | ones) & ~zeros
        care[byte] = seen


@njit(nogil=True)
def _fill_layer(signals, wiring, question, start, count, balance, by_products, tables, care, kept, out, taken):
    n_luts, k = wiring.shape
    n_words = signals.shape[1]
    entries = 1 << k
    rows = np.empty(k, np.int64)
    ahead = np.empty(k, np.int64)
    inputs = np.empty(k, np.int64)
    products = make_blocks((k + 1) * _CHUNK // BLOCK if by_products else 0)
    for i in range(_CHUNK if by_products else 0):
        products[i // BLOCK, i % BLOCK] = ~np.uint64(0)
    counters = make_blocks(max(entries, LANES) * LANES // BLOCK if by_products else 0)
    narrow = np.empty(0 if by_products or k > 16 else 16 * 64, np.uint16)
    wide = np.empty(0 if by_products or k <= 16 else 16 * 64, np.uint32)
    histograms = np.zeros((_HISTOGRAMS if not by_products and k <= _MAX_INTERLEAVED_K else 0, entries), np.uint32)
    counts = np.empty((2, max(entries, LANES)), np.int64)
    n_examples = np.empty(2, np.int64)
    space = make_space(k)
    total = 0
    for n in count:
        total += n
    lut = end = 0
    while True:
        lut += 1
        if lut >= end:
            lut = take(taken, _AT_A_TIME)
            end = min(lut + _AT_A_TIME, n_luts)
            if lut >= n_luts:
                break
        for j in range(k):
            rows[j] = signals.ctypes.data + wiring[lut, j] * n_words * 8
            ahead[j] = rows[j] + _CHUNK * 8
            if lut + 1 < n_luts and k * n_words * 8 <= _AHEAD_BYTES:
                ahead[j] = signals.ctypes.data + wiring[lut + 1, j] * n_words * 8
        yes = question[lut]
        n_examples[0], n_examples[1] = total - count[yes], count[yes]
        for p in range(counts.shape[1]):
            counts[0, p] = counts[1, p] = 0
        # Words of the class; then those before it and those after it.
        for run in range(3):
            label = 1 if run == 0 else 0
            first = start[yes] if run == 0 else (0 if run == 1 else start[yes + 1])
            last = start[yes + 1] if run == 0 else (start[yes] if run == 1 else n_words)
            if by_products:
                _count_products(k, rows, ahead, first, last, inputs, products, counters.ctypes.data)
                if run != 1:
                    _patterns_of_subsets(k, counters.ctypes.data, counts[label])
            elif k <= 16:
                _count_patterns(k, rows, first, last, narrow, histograms, counts[label])
            else:
                _count_patterns(k, rows, first, last, wide, histograms, counts[label])
        # The zeros that fill up the words of each class are no examples.
        for c in range(len(count)):
            counts[1 if c == yes else 0, 0] -= (start[c + 1] - start[c]) * 64 - count[c]
        if len(kept):
            for p in range(entries):
                kept[lut, p, 0] = counts[0, p]
                kept[lut, p, 1] = counts[1, p]
        _decide(counts[:, :entries], n_examples, balance, tables[lut], care[lut])
        if len(out):
            lut_row(
                k,
                tables.ctypes.data + lut * tables.shape[1],
                rows,
                n_words,
                out.ctypes.data + lut * n_words * 8,
                space,
            )


def fill_layer(
    signals: Packed,
    wiring: NDArray[np.int32],
    question: NDArray[np.int64],
    start: NDArray[np.int64],
    count: NDArray[np.int64],
    balance: bool,
    tables: NDArray[np.uint8],
    care: NDArray[np.uint8],
    kept: NDArray[np.uint32],
    out: Packed,
) -> None:
    """Count patterns by label, decide tables by majority and evaluate them.

    Parameters
    ----------
    signals : Packed
        uint64 (n_signals, n_words), sorted by class (see `Examples`).
    wiring : NDArray[np.int32]
        int32 (n_luts, k), rows of `signals`.
    question : NDArray[np.int64]
        int64 (n_luts,), the class with label 1.
    start : NDArray[np.int64]
        int64 (n_classes + 1,) words.
    count : NDArray[np.int64]
        int64 (n_classes,) examples.
    balance : bool
        Correct the vote for the class prior.
    tables : NDArray[np.uint8]
        uint8 (n_luts, 2**k / 8), whose bits stay where there is a tie.
    care : NDArray[np.uint8]
        The same shape, for the patterns seen.
    kept : NDArray[np.uint32]
        uint32 (n_luts, 2**k, 2), the counts, or with no rows if they are not wanted.
    out : Packed
        uint64 (n_luts, n_words), the outputs, or with no rows if they are not wanted.
    """
    in_turn(
        _fill_layer,
        len(wiring),
        signals,
        wiring,
        question,
        start,
        count,
        balance,
        wiring.shape[1] <= MAX_PRODUCT_K,
        tables,
        care,
        kept,
        out,
    )
