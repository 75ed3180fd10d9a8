"""Twins of the kernels that weigh effects."""

from __future__ import annotations

import functools
import operator

import numpy as np

from helpers.twins.descent import level


def _draw(i: int) -> int:
    """40 bits less than a multiplicative hash modulo 2**64."""
    most = (1 << 64) - 1
    h = (i + 1) * 0x9E3779B97F4A7C15 & most
    return ((h ^ h >> 29) * 0xBF58476D1CE4E5B9 & most) >> 40


def weighed(index: np.ndarray, wide: np.ndarray, weight: np.ndarray) -> list[int]:
    return [int(d) * (int(weight[i]) if len(weight) else 1) for i, d in zip(index, wide, strict=True)]


def extent(index: np.ndarray, wide: np.ndarray, weight: np.ndarray) -> tuple[int, int, int]:
    size = [abs(d) for d in weighed(index, wide, weight)]
    return max(size, default=0), functools.reduce(operator.or_, size, 0), sum(size)


def scale(first: int, index: np.ndarray, wide: np.ndarray, weight: np.ndarray, shift: int) -> np.ndarray:
    listed = zip(index, weighed(index, wide, weight), strict=True)
    return np.array([d + (_draw(first + int(i)) & (1 << shift) - 1) >> shift for i, d in listed], np.int64)


def fit(listed: list[int], bound: int, limit: int) -> tuple[int, int, bool]:
    """Shift, largest and exactness."""
    largest, total = max(map(abs, listed), default=0), sum(map(abs, listed))
    shift = 0
    while (largest >> shift) + 1 >= bound or (total >> shift) + len(listed) >= limit:
        shift += 1
    while any(listed) and all(d % 2 ** (shift + 1) == 0 for d in listed):
        shift += 1
    return shift, (largest >> shift) + 1, all(d % 2**shift == 0 for d in listed)


def weighted_loss(u: np.ndarray, loss: np.ndarray, base: int, weight: np.ndarray) -> int:
    return int((level(u, loss, base) * weight[: len(u)]).sum())
