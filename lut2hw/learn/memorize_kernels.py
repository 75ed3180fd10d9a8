"""Compiled kernels of `memorize`: sorting by class, counting patterns, deciding tables."""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(cache=True, parallel=True)
def gather_bits(packed, source, out):
    """Bit i of row r of `out` = bit source[i] of row r of `packed`, zero where source[i] < 0; may be in place.

    packed: uint64 (n_rows, n_words); source: int64 (64 * words of out,); out: uint64 (n_rows, n_words_out).
    """
    n_words = out.shape[1]
    for row in prange(packed.shape[0]):
        line = packed[row].copy()
        for word in range(n_words):
            value = np.uint64(0)
            for i in range(64):
                at = source[word * 64 + i]
                if at >= 0:
                    value |= ((line[at >> 6] >> np.uint64(at & 63)) & np.uint64(1)) << np.uint64(i)
            out[row, word] = value


@njit(cache=True, parallel=True)
def count_layer(signals, wiring, question, start, count, out):
    """Count patterns by label.

    signals: uint64 (n_signals, n_words), sorted by class (see `Examples`); wiring: int32 (n_luts, k), rows of
    `signals`; question: int64 (n_luts,), the class with label 1; start: int64 (n_classes + 1,) words; count: int64
    (n_classes,) examples; out: uint32 (n_luts, 2**k, 2).
    """
    n_luts, k = wiring.shape
    n_classes = len(count)
    for lut in prange(n_luts):
        out[lut] = 0
        for c in range(n_classes):
            label = 1 if c == question[lut] else 0
            for i in range(count[c]):
                p = np.uint64(0)
                for j in range(k):
                    word = signals[wiring[lut, j], start[c] + (i >> 6)]
                    p |= ((word >> np.uint64(i & 63)) & np.uint64(1)) << np.uint64(j)
                out[lut, p, label] += np.uint32(1)


@njit(cache=True, parallel=True)
def decide(count, question, n_examples, balance, tables, care):
    """Fill tables by (prior-corrected) majority; bits of ties stay as they are.

    count: uint32 (n_luts, 2**k, 2); n_examples: int64 (n_classes,); tables, care: uint8 (n_luts, 2**k / 8).
    """
    n_luts, n_entries, _ = count.shape
    total = n_examples.sum()
    for lut in prange(n_luts):
        n1 = n_examples[question[lut]] if balance else 1
        n0 = total - n1 if balance else 1
        care[lut] = 0
        for p in range(n_entries):
            c0 = np.int64(count[lut, p, 0])
            c1 = np.int64(count[lut, p, 1])
            bit = np.uint8(1 << (p & 7))
            if c0 + c1 > 0:
                care[lut, p >> 3] |= bit
            # Below 2**32 examples the products fit in 64 bits without a sign.
            one, zero = np.uint64(c1) * np.uint64(n0), np.uint64(c0) * np.uint64(n1)
            if one > zero:
                tables[lut, p >> 3] |= bit
            elif one < zero:
                tables[lut, p >> 3] &= ~bit
