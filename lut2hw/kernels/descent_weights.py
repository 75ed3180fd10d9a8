"""Compiled kernels that weigh effects, and bring them into 16 bits."""

from __future__ import annotations

import numpy as np
from numba import prange

from lut2hw.kernels.compiled import njit
from lut2hw.kernels.descent import level
from lut2hw.kernels.threads import parallel


@njit(nogil=True)
def _dither(i, mask):
    """A number from 0 to `mask` that looks random and depends on the example alone."""
    h = (np.uint64(i) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    h ^= h >> np.uint64(29)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    return np.int64(h >> np.uint64(40)) & mask


@parallel
def extent(n, index, wide, weight, parts):
    """The largest of the first n effects times weights, the bits that any of them has, and their sum; without signs.

    Parameters
    ----------
    weight : object
        Of each example; length 0 is without weights.
    """
    most, seen, sums = np.zeros(parts, np.int64), np.zeros(parts, np.int64), np.zeros(parts, np.int64)
    for part in prange(parts):
        for e in range(part * n // parts, (part + 1) * n // parts):
            d = abs(np.int64(wide[e]) * (np.int64(weight[index[e]]) if len(weight) else 1))
            most[part] = max(most[part], d)
            seen[part] |= d
            sums[part] += d
    ones = np.int64(0)
    for part in range(parts):
        ones |= seen[part]
    return most.max(), ones, sums.sum()


@parallel
def scale(n, first, index, wide, weight, shift, effect, parts):
    """Effects times weights, shifted right; effect int16.

    What a shift cuts off counts as one more with that probability, drawn by the example's number: sums stay right on
    average, and the same on any number of threads.

    Parameters
    ----------
    first : object
        Number of example 0.
    weight : object
        As of `extent`.
    """
    mask = (np.int64(1) << shift) - 1
    for part in prange(parts):
        for e in range(part * n // parts, (part + 1) * n // parts):
            d = np.int64(wide[e]) * (np.int64(weight[index[e]]) if len(weight) else 1)
            effect[e] = (d + _dither(first + index[e], mask)) >> shift


@parallel
def weighted_loss(u, loss, base, weight):
    """As `lut2hw.kernels.descent.total_loss`, each example times its weight."""
    total = np.int64(0)
    for i in prange(len(u)):
        total += np.int64(level(u[i], loss, base)) * weight[i]
    return total
