"""Real comparisons of other libraries as exact comparisons of integers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw.errors import UsageError
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features


def boundaries(
    features: Features, feature: ArrayLike, threshold: ArrayLike, *, strict: bool, single: bool
) -> NDArray[np.int64]:
    """The least integers whose real values pass a comparison.

    Parameters
    ----------
    feature : ArrayLike
        (n,) columns.
    threshold : ArrayLike
        Float (n,), real values. The comparison is `x > threshold` if `strict`, else `x >= threshold`, on real x,
        rounded to 32-bit floats first if `single`.

    Returns
    -------
    NDArray[np.int64]
        int64 (n,), from low to high + 1 of the feature: it is passed by exactly the integers from there on, as long
        as every x is one of the real values that `features` give to integers.
    """
    feature = np.asarray(feature, np.int64)
    threshold = np.asarray(threshold, np.float64)
    scale, offset = features.scale[feature], features.offset[feature]
    # Bisection, since rounding to floats may move a value to the other side of what a division says.
    least: NDArray[np.int64] = features.low[feature]
    past: NDArray[np.int64] = features.high[feature] + 1
    while (least < past).any():
        middle = (least >> 1) + (past >> 1) + (least & past & 1)
        real = middle / scale + offset
        if single:
            real = real.astype(np.float32).astype(np.float64)
        passes = real > threshold if strict else real >= threshold
        least, past = np.where(passes, least, np.minimum(middle + 1, past)), np.where(passes, middle, past)
    return past


MAX_WIDTH = 48
"""Bits of a feature at most where its steps are made finer."""


def resolved(
    features: Features,
    feature: ArrayLike,
    threshold: ArrayLike,
    examples: ArrayLike,
    *,
    strict: bool,
    single: bool,
    also: float = math.nan,
) -> Features:
    """The features with steps fine enough for the comparisons of a model.

    Columns that are rounded to integers keep the span of the data in equal steps. Where the values spread over
    many orders of magnitude a step may hold a threshold and examples on both sides of it. The steps of such a column
    are halved until every example is on its own side of every threshold, and what lies beyond the thresholds
    saturates. Columns of which that is so already stay as they are, and so do those that `MAX_WIDTH` bits would not
    help.

    Parameters
    ----------
    features : Features
    feature, threshold : arrays (n_thresholds,)
        As for `boundaries`, and so are `strict` and `single`.
    examples : array (n, n_features)
        Real values.
    also : float
        A value of its own: what is below it, equal to it and above it is kept apart. NaN for none.
    """
    feature, threshold = np.asarray(feature, np.int64), np.asarray(threshold, np.float64)
    examples = np.asarray(examples)
    low, high, scale = features.low.copy(), features.high.copy(), features.scale.copy()
    whole = examples.dtype.kind in "iu"
    for index in np.unique(feature).tolist():
        column = examples[:, index]
        inside = whole and low[index] <= column.min() and column.max() <= high[index]
        if inside and scale[index] == 1 and features.offset[index] == 0:
            continue  # the integers are the values
        limits = np.unique(threshold[feature == index])
        values = np.unique(column.astype(np.float64))
        values = values[np.isfinite(values)]
        seen = values.astype(np.float32).astype(np.float64) if single else values
        wanted: list[tuple[NDArray[np.float64], bool, NDArray[np.intp | np.bool_]]] = [
            (limits, strict, np.searchsorted(limits, seen, "left" if strict else "right"))
        ]
        if not math.isnan(also):
            exact = float(np.float32(also)) if single else also
            wanted += [(np.array([exact]), False, seen >= exact), (np.array([exact]), True, seen > exact)]

        def tried(one: Features) -> tuple[bool, NDArray[np.int64], NDArray[np.int64]]:
            """Whether one column tells all apart, its integers, and the least ones that pass."""
            number = one.clip(one.integers_of(values[:, None]))[:, 0]  # noqa: B023
            right, found = True, []
            for each, after, passed in wanted:  # noqa: B023
                least = boundaries(one, np.zeros(len(each), np.int64), each, strict=after, single=single)
                right &= bool((np.searchsorted(least, number, "right") == passed).all())
                found.append(least)
            return right, number, np.concatenate(found)

        own = Features(
            (features.names[index],), low[[index]], high[[index]], scale[[index]], features.offset[[index]]
        )
        if not len(values) or tried(own)[0]:
            continue
        own = replace(own, low=np.array([-(1 << 61)]), high=np.array([1 << 61]))
        for finer in range(MAX_WIDTH):
            fine = replace(own, scale=np.ldexp(own.scale, finer))
            right, number, least = tried(fine)
            if int(number.max()) - int(number.min()) >= 1 << MAX_WIDTH:
                break
            if right:
                scale[index] = fine.scale[0]
                low[index] = max(int(least.min()) - 1, int(number.min()))
                high[index] = max(low[index], min(int(least.max()), int(number.max())))
                break
    return replace(features, low=low, high=high, scale=scale)


def encoder_of(features: Features, conditions: Mapping[tuple[int, int], int] | Sequence[tuple[int, int]]) -> Encoder:
    """One bit for each (feature, least integer), in the order given."""
    feature = np.array([each[0] for each in conditions], np.int32)
    threshold = np.array([each[1] for each in conditions], np.int64)
    return Encoder(features, feature, threshold)


def features_of(n: int, feature: ArrayLike, threshold: ArrayLike, names: tuple[str, ...] | None = None) -> Features:
    """Features for a model that comes without its data: ranges that hold every threshold (other values saturate).

    Parameters
    ----------
    feature, threshold : ArrayLike
        (n_thresholds,). Columns whose thresholds are all multiples of one half are taken for whole numbers; others
        become fixed point of about 16 bits that reaches beyond their least and greatest threshold, with more bits, 40
        at most, where two thresholds that differ by a thousandth would fall into one step.
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
            limits = np.unique(own)
            apart = np.diff(limits)
            apart = apart[apart > 1e-3 * np.minimum(np.abs(limits[1:]), np.abs(limits[:-1]))]
            if len(apart) and apart.min() * scale[index] < 1:
                scale[index] *= 2.0 ** min(np.ceil(-np.log2(apart.min() * scale[index])) + 4, 24)
            offset[index] = np.floor((own.min() - margin) * scale[index]) / scale[index]
            low[index], high[index] = 0, int(np.ceil((own.max() + margin - offset[index]) * scale[index]))
    return Features(names or tuple(f"x{i}" for i in range(n)), low, high, scale, offset)
