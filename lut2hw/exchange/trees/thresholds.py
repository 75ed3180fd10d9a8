"""Real comparisons of other libraries as exact comparisons of integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw.errors import UsageError
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features


def boundaries(
    features: Features, feature: ArrayLike, threshold: ArrayLike, *, strict: bool, single: bool
) -> NDArray[np.int64]:
    """The least integers whose real values pass a comparison.

    feature: (n,) columns; threshold: float (n,), real values. The comparison is `x > threshold` if `strict`, else
    `x >= threshold`, on real x, rounded to 32-bit floats first if `single`. Returns int64 (n,), from low to high + 1
    of the feature: it is passed by exactly the integers from there on, as long as every x is one of the real values
    that `features` give to integers.
    """
    feature = np.asarray(feature, np.int64)
    threshold = np.asarray(threshold, np.float64)
    scale, offset = features.scale[feature], features.offset[feature]
    # Bisection, since rounding to floats may move a value to the other side of what a division says.
    least, past = features.low[feature], features.high[feature] + 1
    while (least < past).any():
        middle = (least >> 1) + (past >> 1) + (least & past & 1)
        real = middle / scale + offset
        if single:
            real = real.astype(np.float32).astype(np.float64)
        passes = real > threshold if strict else real >= threshold
        least, past = np.where(passes, least, np.minimum(middle + 1, past)), np.where(passes, middle, past)
    return past


def encoder_of(features: Features, conditions: Mapping[tuple[int, int], int] | Sequence[tuple[int, int]]) -> Encoder:
    """One bit for each (feature, least integer), in the order given."""
    feature = np.array([each[0] for each in conditions], np.int32)
    threshold = np.array([each[1] for each in conditions], np.int64)
    return Encoder(features, feature, threshold)


def features_of(n: int, feature: ArrayLike, threshold: ArrayLike, names: tuple[str, ...] | None = None) -> Features:
    """Features for a model that comes without its data: ranges that hold every threshold (other values saturate).

    feature, threshold: (n_thresholds,). Columns whose thresholds are all multiples of one half are taken for whole
    numbers; others become fixed point of about 16 bits that reaches beyond their least and greatest threshold.
    """
    feature, threshold = np.asarray(feature, np.int64), np.asarray(threshold, np.float64)
    if not np.isfinite(threshold).all() or (np.abs(threshold) > 1e30).any():
        raise UsageError("a threshold is not a number of sensible size")
    low, high = np.zeros(n, np.int64), np.ones(n, np.int64)
    scale, offset = np.ones(n), np.zeros(n)
    for index in np.unique(feature):
        own = threshold[feature == index]
        if (own * 2 == np.rint(own * 2)).all() and np.abs(own).max() < 1 << 40:
            low[index] = min(0, int(np.floor(own.min())) - 1)
            high[index] = int(np.ceil(own.max())) + 1
        else:
            # A margin that 32-bit floats resolve, so that values on either side stay apart.
            margin = max(own.max() - own.min(), np.abs(own).max() * 2.0**-10, 1e-30)
            scale[index] = 2.0 ** np.floor(np.log2(65535 / (own.max() - own.min() + 2 * margin)))
            offset[index] = np.floor((own.min() - margin) * scale[index]) / scale[index]
            low[index], high[index] = 0, int(np.ceil((own.max() + margin - offset[index]) * scale[index]))
    return Features(names or tuple(f"x{i}" for i in range(n)), low, high, scale, offset)
