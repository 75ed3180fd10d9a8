"""Encoders: raw integers to bits.

Every bit is one comparison `x[feature] >= threshold`. Several thresholds on one feature make a thermometer
code. Thresholds are constants in hardware: one comparator for each distinct (feature, threshold).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.errors import UsageError
from lut2hw.model.features import Features


@dataclass(frozen=True, eq=False)
class Encoder:
    """Bit b of the code is `x[feature[b]] >= threshold[b]`."""

    features: Features
    """The raw inputs."""
    feature: NDArray[np.int32]
    """int32 (n_bits,), the feature that each bit compares."""
    threshold: NDArray[np.int64]
    """int64 (n_bits,), with low < threshold <= high of its feature."""

    def __len__(self) -> int:
        return len(self.feature)

    def __call__(self, x: NDArray[np.integer]) -> bits.Packed:
        """Integers (n, n_features) to packed bits, uint64 (n_bits, n_words)."""
        if not len(self) or not len(x):
            return np.zeros((len(self), bits.n_words(len(x))), np.uint64)
        if x.dtype.kind not in "iu":
            raise UsageError(f"the encoder reads integers, not {x.dtype}")
        from lut2hw.kernels import evaluate as kernels  # compiled code, loaded when there is something to evaluate

        limits = np.iinfo(x.dtype)
        if self.threshold.min() < limits.min or self.threshold.max() > limits.max:
            x = x.astype(np.int64)
        out = np.empty((len(self), bits.n_words(len(x))), np.uint64)
        kernels.compare(np.ascontiguousarray(x), self.feature, self.threshold.astype(x.dtype), out)
        return out


FEWEST, MOST, SIGNALS = 3, 16, 4096


def usual_bits(features: Features) -> int:
    """Thresholds per feature that descent takes of tables by default: 16, or fewer where that makes 4,096 bits.

    At least 3, which is what images have. `benchmarks/tables.py` compares 8, 16 and 32.

    Parameters
    ----------
    features : Features
        The raw inputs.
    """
    if features.image_shape is not None:
        return FEWEST
    return max(FEWEST, min(MOST, SIGNALS // max(1, len(features))))


def few_bits(features: Features) -> int:
    """Thresholds per feature where comparators are dear or wiring is random: 3, and 8 of tables of up to 32 columns.

    Five-fold cross-validation of 100 LUTs with 3, 5, 8 and 16 thresholds: a made-up task of 5 features .80, .92, .95,
    .94; 13 features (wine) .92, .97, .96, .96; 30 (breast cancer) .965, .968, .965, .970; 64 pixels (digits) .930,
    .925, .923, .923.

    Parameters
    ----------
    features : Features
        The raw inputs.
    """
    return 8 if features.image_shape is None and len(features) <= 32 else FEWEST


def fixed(features: Features, threshold: float) -> Encoder:
    """One bit per feature: x >= threshold, both before scaling.

    A threshold outside a feature's range makes no bit of it. A feature whose values may be missing has another bit,
    which says whether the value is there.

    Parameters
    ----------
    features : Features
        The raw inputs.
    threshold : float
        A real number, before scaling.
    """
    if not np.isfinite(threshold):
        raise UsageError(f"the threshold must be a number, not {threshold}")
    scaled = (threshold - features.offset) * features.scale
    nearest = np.rint(scaled)  # a decimal that only floating point moved off an integer is that integer
    scaled = np.where(np.abs(scaled - nearest) < 1e-6, nearest, np.ceil(scaled))
    least = features.low + features.missing
    keep = np.flatnonzero((least < scaled) & (scaled <= features.high)).astype(np.int32)
    if not len(keep):
        low = (least / features.scale + features.offset).min()
        high = (features.high / features.scale + features.offset).max()
        raise UsageError(
            f"threshold {threshold:g} is outside the range of every feature; choose one above {low:g} "
            f"and up to {high:g}"
        )
    there = np.flatnonzero(features.missing).astype(np.int32)
    feature = np.concatenate([there, keep])
    least = np.concatenate([features.low[there] + 1, scaled[keep].astype(np.int64)])
    order = np.argsort(feature, kind="stable")
    return Encoder(features, feature[order], least[order])


NEAR = 0.3
"""Of a step between two quantiles, how far a threshold may move to a rounder number."""


def thermometer(
    features: Features,
    x: NDArray[np.integer],
    bits_per_feature: int,
    *,
    weight: NDArray[np.integer] | None = None,
    rounded: bool = False,
) -> Encoder:
    """Thermometer code with quantile thresholds.

    Parameters
    ----------
    features : Features
        The raw inputs.
    x : NDArray[np.integer]
        Integers (n, n_features) whose quantiles i / (bits_per_feature + 1) become the thresholds. Where the values of
        a feature concentrate on few points, quantiles fall together: quantiles of its distinct values replace those
        that do. A constant feature makes no bit. Of a feature whose values may be missing the quantiles are those of
        the values that are there, and the first threshold, `low` + 1, says whether one is.
    bits_per_feature : int
        Thresholds of each feature, at most.
    weight : NDArray[np.integer], optional
        How often each example counts in the quantiles, int64 (n,).
    rounded : bool, default=False
        Move each threshold to the number with most zero bits at its end among those that at most `NEAR` of a step
        between quantiles lies between: a comparator does not look at these bits.
    """
    if bits_per_feature < 1:
        raise UsageError(f"bits per feature must be at least 1, not {bits_per_feature}")
    feature, threshold = [], []
    at = np.arange(1, bits_per_feature + 1) / (bits_per_feature + 1)
    for index in range(len(features)):
        values, counts, weights = counted(x[:, index], weight)
        if features.missing[index]:
            there = int(features.low[index]) + 1
            first = int(np.searchsorted(values, there))
            if 0 < counts[:first].sum() < len(x):
                feature.append(index)
                threshold.append(there)
            values, weights = values[first:], weights[first:]
        if len(values) < 2:  # x >= smallest value is always true
            continue
        summed = np.cumsum(weights)
        if len(values) - 1 <= bits_per_feature:
            chosen = values[1:]
        else:
            passed = np.searchsorted(summed, at * summed[-1], "right")
            chosen = np.unique(values[np.minimum(passed, len(values) - 1)])
            chosen = chosen[chosen > values[0]]
            if len(chosen) < bits_per_feature:
                rest = np.setdiff1d(values[1:], chosen)
                spread = (
                    (np.arange(bits_per_feature - len(chosen)) + 0.5) * len(rest) / (bits_per_feature - len(chosen))
                ).astype(np.int64)
                chosen = np.union1d(chosen, rest[spread])
        if rounded:
            chosen = _rounded(chosen, values, summed, NEAR / (bits_per_feature + 1))
        # The training set decides the thresholds, the declared range decides the port.
        chosen = chosen[(chosen > features.low[index]) & (chosen <= features.high[index])]
        feature += [index] * len(chosen)
        threshold += [int(t) for t in chosen]
    if not feature:
        raise UsageError("every feature is constant in the training data; there is nothing to learn from")
    return Encoder(features, np.array(feature, np.int32), np.array(threshold, np.int64))


_SPAN = 1 << 22  # of values that are counted without sorting them
_PIECE = 1 << 18  # examples counted at a time


def counted(
    column: NDArray[np.integer], weight: NDArray[np.integer] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Count the examples of every value of a column, piece by piece where its range is small.

    Parameters
    ----------
    column : NDArray[np.integer]
        Integers (n,), which may be mapped from a file.
    weight : NDArray[np.integer], optional
        How often each example counts, int64 (n,); None: once.

    Returns
    -------
    values, counts, weights : NDArray[np.int64]
        The different values in order, the examples of each and how often these count all together.
    """
    column = np.asarray(column)
    if not len(column):
        none = np.zeros(0, np.int64)
        return none, none, none
    low, high = int(column.min()), int(column.max())
    if high - low < min(_SPAN, 4 * len(column)):
        often = np.zeros(high - low + 1, np.int64)
        weighed = often if weight is None else np.zeros(high - low + 1, np.int64)
        for first in range(0, len(column), _PIECE):
            part = column[first : first + _PIECE].astype(np.int64) - low
            often += np.bincount(part, minlength=len(often))
            if weight is not None:  # float64 sums of whole numbers below 2**53 are exact
                part_weight = weight[first : first + _PIECE]
                weighed += np.bincount(part, part_weight, len(often)).astype(np.int64)
        there = np.flatnonzero(often)
        return there + low, often[there], weighed[there]
    if weight is None:
        values, counts = np.unique(column, return_counts=True)
        return values.astype(np.int64), counts, counts
    order = np.argsort(column, kind="stable")
    values, begin, counts = np.unique(column[order], return_index=True, return_counts=True)
    return values.astype(np.int64), counts, np.add.reduceat(np.asarray(weight, np.int64)[order], begin)


def _rounded(
    chosen: NDArray[np.integer], values: NDArray[np.integer], summed: NDArray[np.int64], near: float
) -> NDArray[np.int64]:
    """Thresholds moved to rounder numbers that no other one of them is moved to.

    chosen: some of the different `values` of a column, all in order. summed: how often examples of each value and of
    those below it count. near: the share of all that which may lie between a threshold and where it goes.
    """
    below = np.concatenate([[0], summed[:-1]])  # what counts as less than each value
    at = np.searchsorted(values, chosen)
    middle = (at[1:] + at[:-1]) // 2
    low = np.maximum(np.searchsorted(below, below[at] - near * summed[-1]), np.concatenate([[0], middle]) + 1)
    high = np.minimum(
        np.searchsorted(below, below[at] + near * summed[-1], "right") - 1,
        np.concatenate([middle, [len(values) - 1]]),
    )
    ends = zip((values[low - 1] + 1).tolist(), values[high].tolist(), strict=True)
    return np.array([roundest(least, most) for least, most in ends], np.int64)


def roundest(least: int, most: int) -> int:
    """The number from `least` to `most` with most zero bits at its end; there is one.

    Parameters
    ----------
    least, most : int
        Inclusive bounds, of any sign.

    Returns
    -------
    int
    """
    if least <= 0 <= most:
        return 0
    differ = ((least - 1) ^ most).bit_length() - 1  # the highest bit; above it, both are the same
    return most >> differ << differ
