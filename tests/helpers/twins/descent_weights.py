"""Twins of the kernels that weigh effects."""

from __future__ import annotations

import numpy as np

from helpers.twins.descent import level


def _draw(i: int) -> int:
    """40 bits less than a multiplicative hash modulo 2**64."""
    most = (1 << 64) - 1
    h = (i + 1) * 0x9E3779B97F4A7C15 & most
    return ((h ^ h >> 29) * 0xBF58476D1CE4E5B9 & most) >> 40


def fit(
    index: np.ndarray, wide: np.ndarray, weight: np.ndarray, bound: int, limit: int
) -> tuple[int, int, bool, np.ndarray]:
    """Shift, largest, exactness and the effects."""
    weighed = [int(d) * (int(weight[i]) if len(weight) else 1) for i, d in zip(index, wide, strict=True)]
    largest, total = max(map(abs, weighed), default=0), sum(map(abs, weighed))
    shift = 0
    while (largest >> shift) + 1 >= bound or (total >> shift) + len(weighed) >= limit:
        shift += 1
    while any(weighed) and all(d % 2 ** (shift + 1) == 0 for d in weighed):
        shift += 1
    out = [d + (_draw(int(i)) & (1 << shift) - 1) >> shift for i, d in zip(index, weighed, strict=True)]
    return shift, (largest >> shift) + 1, all(d % 2**shift == 0 for d in weighed), np.array(out, np.int64)


def weighted_loss(u: np.ndarray, loss: np.ndarray, base: int, weight: np.ndarray) -> int:
    return int((level(u, loss, base) * weight[: len(u)]).sum())
