"""Compiled kernels of `memorize`: sorting by class, counting patterns, deciding tables.

Counting is the only work that grows with the data. Examples are sorted by class, so that a run of words has one
label. Up to `MAX_PRODUCT_K` inputs the ones of all 2**k products of the (inverted) inputs are counted, 512 examples
an instruction where the machine has a vector popcount; wider patterns are put together, 64 examples at a time, and
counted in a histogram.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lut2hw.simd import (
    BLOCK,
    BLOCK_BYTES,
    LANES,
    at_least,
    count_products,
    count_products_of,
    fast_popcount,
    load_word,
    make_blocks,
    minterms,
    spread_bits,
    take_counter,
)
from lut2hw.threads import in_parts

MAX_PRODUCT_K = 8 if fast_popcount() else 7
_HISTOGRAMS = 2  # interleaved, so that equal patterns in a row do not wait for each other
_MAX_INTERLEAVED_K = 12  # beyond, histograms no longer fit in the first-level cache twice


@njit(cache=True, nogil=True)
def _gather_bits(packed, source, out, part, n_parts):
    n_rows, n_words = packed.shape
    line = np.empty((n_words + 1) * 64, np.uint8)  # a row, one byte for each bit
    some = np.empty(64, np.uint8)
    for row in range(part * n_rows // n_parts, (part + 1) * n_rows // n_parts):
        for i in range(len(line)):
            line[i] = 0
        for word in range(n_words):
            spread_bits(packed[row, word], 1, line, word * 64)
        for word in range(out.shape[1]):
            for i in range(64):
                some[i] = line[source[word * 64 + i]]
            out[row, word] = at_least(some, 0, np.uint8(1))


def gather_bits(packed, source, out):
    """Bit i of row r of `out` = bit source[i] of row r of `packed`, 0 where source[i] = 64 * n_words.

    packed: uint64 (n_rows, n_words); source: uint32 (64 * words of out,); out: uint64 (n_rows, n_words_out), which
    may be `packed`.
    """
    in_parts(_gather_bits, len(packed), packed, source, out)


@njit(cache=True)
def _minterms(n, inputs, out):
    if n == 0:
        minterms(inputs, 0, out)
    elif n == 1:
        minterms(inputs, 1, out)
    elif n == 2:
        minterms(inputs, 2, out)
    elif n == 3:
        minterms(inputs, 3, out)
    else:
        minterms(inputs, 4, out)


@njit(cache=True)
def _count_products(k, base, n_words, wires, first, last, inputs, padded, rows, factors, counters, out):
    """out[p] += examples of words `first` to `last` that show pattern p; zero padding shows pattern 0."""
    half = k // 2
    vectors = BLOCK // LANES
    for at in range(first, last, BLOCK):
        n = last - at
        for j in range(k):
            inputs[j] = base + (wires[j] * n_words + at) * 8
            if n < BLOCK:
                for word in range(n):
                    padded[j, word] = load_word(inputs[j], word)
                for word in range(n, BLOCK):
                    padded[j, word] = np.uint64(0)
                inputs[j] = padded.ctypes.data + j * BLOCK_BYTES
        if n < BLOCK:
            vectors = (n + LANES - 1) // LANES
            out[0] -= np.int64((vectors * LANES - n) * 64)
        _minterms(half, inputs.ctypes.data, rows.ctypes.data)
        _minterms(k - half, inputs.ctypes.data + half * 8, factors.ctypes.data)
        for q in range(1 << (k - half)):
            to = counters.ctypes.data + (q << half) * LANES * 8
            if n >= BLOCK:
                count_products(rows.ctypes.data, factors.ctypes.data + q * BLOCK_BYTES, to, 1 << half)
            else:
                count_products_of(rows.ctypes.data, factors.ctypes.data + q * BLOCK_BYTES, to, 1 << half, vectors)
    for p in range(1 << k):
        out[p] += take_counter(counters.ctypes.data, p)


@njit(cache=True)
def _count_patterns(k, base, n_words, wires, first, last, patterns, histograms, out):
    """As `_count_products`, example by example."""
    chunk = len(patterns) // 64
    for at in range(first, last, chunk):
        n = min(chunk, last - at)
        for i in range(n * 64):
            patterns[i] = 0
        for j in range(k):
            row = base + (wires[j] * n_words + at) * 8
            for word in range(n):
                spread_bits(load_word(row, word), 1 << j, patterns, word * 64)
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


@njit(cache=True, nogil=True)
def _count_layer(signals, wiring, question, start, count, out, products, part, n_parts):
    n_luts, k = wiring.shape
    n_words = signals.shape[1]
    base = signals.ctypes.data
    entries = 1 << k
    inputs = np.empty(max(k, 1), np.int64)
    padded = make_blocks(k if products else 0)
    rows = make_blocks(16 if products else 0)
    factors = make_blocks(16 if products else 0)
    counters = make_blocks(entries * LANES // BLOCK + 1 if products else 0)
    narrow = np.empty(0 if products or k > 16 else 16 * 64, np.uint16)
    wide = np.empty(0 if products or k <= 16 else 16 * 64, np.uint32)
    histograms = np.zeros((_HISTOGRAMS if not products and k <= _MAX_INTERLEAVED_K else 0, entries), np.uint32)
    counts = np.empty((2, entries), np.int64)
    for lut in range(part * n_luts // n_parts, (part + 1) * n_luts // n_parts):
        yes = question[lut]
        for p in range(entries):
            counts[0, p] = counts[1, p] = 0
        # Words of the class, then those before it and those after it.
        for run in range(3):
            label = 1 if run == 0 else 0
            first = start[yes] if run == 0 else (0 if run == 1 else start[yes + 1])
            last = start[yes + 1] if run == 0 else (start[yes] if run == 1 else n_words)
            if first == last:
                continue
            if products:
                _count_products(k, base, n_words, wiring[lut], first, last, inputs, padded, rows, factors,
                                counters, counts[label])
            elif k <= 16:
                _count_patterns(k, base, n_words, wiring[lut], first, last, narrow, histograms, counts[label])
            else:
                _count_patterns(k, base, n_words, wiring[lut], first, last, wide, histograms, counts[label])
        # The zeros that fill up the last word of each class are no examples.
        for c in range(len(count)):
            counts[1 if c == yes else 0, 0] -= (start[c + 1] - start[c]) * 64 - count[c]
        for p in range(entries):
            out[lut, p, 0] = counts[0, p]
            out[lut, p, 1] = counts[1, p]


def count_layer(signals, wiring, question, start, count, out):
    """Count patterns by label.

    signals: uint64 (n_signals, n_words), sorted by class (see `Examples`); wiring: int32 (n_luts, k), rows of
    `signals`; question: int64 (n_luts,), the class with label 1; start: int64 (n_classes + 1,) words; count: int64
    (n_classes,) examples; out: uint32 (n_luts, 2**k, 2).
    """
    in_parts(_count_layer, len(wiring), signals, wiring, question, start, count, out,
             wiring.shape[1] <= MAX_PRODUCT_K)


@njit(cache=True, nogil=True)
def decide(count, question, n_examples, balance, tables, care):
    """Fill tables by (prior-corrected) majority; bits of ties stay as they are.

    count: uint32 (n_luts, 2**k, 2); n_examples: int64 (n_classes,); tables, care: uint8 (n_luts, 2**k / 8).
    """
    n_luts, n_entries, _ = count.shape
    total = 0
    for n in n_examples:
        total += n
    for lut in range(n_luts):
        n1 = np.uint64(n_examples[question[lut]] if balance else 1)
        n0 = np.uint64(total - n_examples[question[lut]] if balance else 1)
        for byte in range(tables.shape[1]):
            table, seen = tables[lut, byte], np.uint8(0)
            for i in range(min(8, n_entries)):
                # Below 2**32 examples the products fit in 64 bits without a sign.
                zero = np.uint64(count[lut, byte * 8 + i, 0]) * n1
                one = np.uint64(count[lut, byte * 8 + i, 1]) * n0
                bit = np.uint8(1 << i)
                if zero != one or zero != np.uint64(0):
                    seen |= bit
                if one > zero:
                    table |= bit
                elif one < zero:
                    table &= np.uint8(255 - bit)
            tables[lut, byte] = table
            care[lut, byte] = seen
