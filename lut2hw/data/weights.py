"""Weights of examples as small whole numbers, so that all sums over examples stay exact."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw.errors import UsageError

MAX_WEIGHT = 255
_DENOMINATORS = range(1, 17)


def integer_weights(w: ArrayLike) -> NDArray[np.int64]:
    """Weights as whole numbers from 1 to 255, and 0 where a weight is 0.

    They are exact where all are multiples of the least one, or of a part of it down to a sixteenth; equal weights are
    all 1. Otherwise the greatest becomes 255, the others are rounded, and what is less than that becomes 1.

    Parameters
    ----------
    w : ArrayLike
        Real numbers (n,), none below 0.

    Returns
    -------
    NDArray[np.int64]
        int64 (n,).

    Raises
    ------
    UsageError
        For NaN, infinity, a number below 0, and where all are 0.
    """
    weights = np.asarray(w, np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any():
        wrong = weights[~(np.isfinite(weights) & (weights >= 0))][0]
        raise UsageError(f"weights must be numbers from 0, not {wrong:g}")
    if not (weights > 0).any():
        raise UsageError("all weights are 0; at least one example must count")
    ratio = weights / weights[weights > 0].min()
    for denominator in _DENOMINATORS:
        exact = ratio * denominator
        if exact.max() > MAX_WEIGHT:
            break
        whole = np.rint(exact)
        if (np.abs(exact - whole) <= 1e-6).all():
            return np.asarray(whole, np.int64)
    whole = np.rint(weights / weights.max() * MAX_WEIGHT)
    numbers: NDArray[np.int64] = np.where(weights > 0, np.maximum(whole, 1), 0).astype(np.int64)
    return numbers
