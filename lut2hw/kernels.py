"""Compiled kernels of the golden model: bit-parallel evaluation and scoring of packed signals."""

from __future__ import annotations

import numpy as np
from numba import njit, prange

_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)


@njit(cache=True, parallel=True)
def evaluate(signals, wiring, tables, out):
    """Evaluate LUTs.

    signals: uint64 (n_signals, n_words); wiring: int32 (n_luts, k), rows of `signals`; tables: uint8 (n_luts,
    ceil(2**k / 8)); out: uint64 (n_luts, n_words), which may be rows of `signals` that no LUT reads.
    """
    n_luts, k = wiring.shape
    n_words = signals.shape[1]
    for lut in prange(n_luts):
        row = np.empty(1 << max(k - 1, 0), np.uint64)
        table = tables[lut]
        for word in range(n_words):
            if k == 0:
                out[lut, word] = _ONES if table[0] & 1 else np.uint64(0)
                continue
            # Input 0 picks between neighbouring entries, then each further input halves the row (Shannon).
            x = signals[wiring[lut, 0], word]
            half = 1 << (k - 1)
            for p in range(half):
                pair = (table[p >> 2] >> ((p & 3) * 2)) & 3
                if pair == 0:
                    row[p] = np.uint64(0)
                elif pair == 1:
                    row[p] = ~x
                elif pair == 2:
                    row[p] = x
                else:
                    row[p] = _ONES
            for j in range(1, k):
                x = signals[wiring[lut, j], word]
                half >>= 1
                for p in range(half):
                    low = row[2 * p]
                    row[p] = low ^ ((low ^ row[2 * p + 1]) & x)
            out[lut, word] = row[0]


def evaluate_layer(signals, wiring, tables, first):
    """Evaluate one layer in place: LUT i writes row first + i of `signals`; arrays as in `evaluate`."""
    evaluate(signals, wiring, tables, signals[first:first + len(wiring)])


@njit(cache=True, parallel=True)
def add_votes(signals, vote_signal, vote_class, vote_weight, scores):
    """scores int64 (n_examples, n_classes) += weight of every vote whose signal is one."""
    n_examples = scores.shape[0]
    n_words = (n_examples + 63) // 64
    for word in prange(n_words):
        base = word * 64
        last = min(64, n_examples - base)
        for vote in range(len(vote_signal)):
            value = signals[vote_signal[vote], word]
            column = vote_class[vote]
            weight = vote_weight[vote]
            for i in range(last):
                if (value >> np.uint64(i)) & np.uint64(1):
                    scores[base + i, column] += weight
