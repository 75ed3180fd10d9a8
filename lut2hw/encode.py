"""Features and encoders: raw integers to bits.

Every bit is one comparison `x[feature] >= threshold`. Several thresholds on one feature make a thermometer
code. Thresholds are constants in hardware: one comparator for each distinct (feature, threshold).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw import bits
from lut2hw.errors import UsageError


@dataclass(frozen=True, eq=False)
class Features:
    """What the raw inputs are: names, ranges, and how real numbers become integers.

    names: one per feature. low, high: int64 (n_features,), the inclusive range the hardware port must carry.
    scale, offset: float64 (n_features,); a real value r is the integer rint((r - offset) * scale).
    image_shape: (height, width) or (height, width, channels) if the features are pixels in C order.
    """

    names: tuple[str, ...]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    image_shape: tuple[int, ...] | None = None

    @classmethod
    def integers(cls, low: ArrayLike, high: ArrayLike, names: tuple[str, ...] | None = None,
                 image_shape: tuple[int, ...] | None = None) -> Features:
        """Features that are integers already, in the inclusive ranges `low` to `high`, each (n_features,)."""
        low = np.asarray(low, np.int64)
        n = len(low)
        return cls(names or tuple(f"x{i}" for i in range(n)), low, np.asarray(high, np.int64),
                   np.ones(n), np.zeros(n), image_shape)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def signed(self) -> NDArray[np.bool_]:
        """bool (n_features,): the port is two's complement, since the range goes below zero."""
        return self.low < 0

    @property
    def widths(self) -> NDArray[np.int64]:
        """int64 (n_features,): bits of the port, two's complement where `signed`; at least 1."""
        def width(low: int, high: int) -> int:
            if low < 0:
                return max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1
            return max(high.bit_length(), 1)
        return np.array([width(int(a), int(b)) for a, b in zip(self.low, self.high, strict=True)], np.int64)

    def integers_of(self, x: ArrayLike) -> NDArray[np.int64]:
        """Real `x` (n, n_features) to the integers the model reads. Errors: wrong shape, NaN or infinity."""
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != len(self):
            raise UsageError(f"expected data of shape (examples, {len(self)}) but got {x.shape}; "
                             "give one column per feature")
        if x.dtype.kind == "b":
            x = x.astype(np.int64)
        if x.dtype.kind == "O" or x.dtype.kind not in "iuf":
            raise UsageError(f"features must be numbers, not {x.dtype}")
        if x.dtype.kind == "f":
            if not np.isfinite(x).all():
                row, column = np.argwhere(~np.isfinite(x))[0]
                raise UsageError(f"feature {self.names[column]!r} of example {row} is {x[row, column]}; "
                                 "remove or fill missing values first")
        elif (self.scale == 1).all() and (self.offset == 0).all():
            return x.astype(np.int64, copy=False)
        scaled = np.rint((x - self.offset) * self.scale)
        return np.clip(scaled, -(2.0**62), 2.0**62).astype(np.int64)

    def clip(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        """Saturate integers to the ports' ranges. No comparison changes: thresholds lie inside the range."""
        return np.clip(x, self.low, self.high)


@dataclass(frozen=True, eq=False)
class Encoder:
    """Bit b of the code is `x[feature[b]] >= threshold[b]`.

    feature: int32 (n_bits,), threshold: int64 (n_bits,) with low < threshold <= high of its feature.
    """

    features: Features
    feature: NDArray[np.int32]
    threshold: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.feature)

    def __call__(self, x: NDArray[np.integer]) -> bits.Packed:
        """Integers (n, n_features) to packed bits, uint64 (n_bits, n_words)."""
        n = x.shape[0]
        out = np.zeros((len(self), bits.n_words(n)), np.uint64)
        # A few bits at a time bounds the memory for the unpacked comparisons.
        step = max(1, (1 << 25) // max(n, 1))
        for at in range(0, len(self), step):
            columns = x[:, self.feature[at:at + step]]
            out[at:at + step] = bits.pack((columns >= self.threshold[at:at + step]).T)
        return out


def fixed(features: Features, threshold: int) -> Encoder:
    """One bit per feature: x >= threshold. A threshold outside a feature's range makes no bit of it."""
    keep = np.flatnonzero((features.low < threshold) & (threshold <= features.high)).astype(np.int32)
    if not len(keep):
        raise UsageError(f"threshold {threshold} is outside the range of every feature; choose one from "
                         f"{int(features.low.min()) + 1} to {int(features.high.max())}")
    return Encoder(features, keep, np.full(len(keep), threshold, np.int64))


def thermometer(features: Features, x: NDArray[np.integer], bits_per_feature: int) -> Encoder:
    """Thermometer code with quantile thresholds.

    x: integers (n, n_features) whose quantiles i / (bits_per_feature + 1) become the thresholds. Where the
    values of a feature concentrate on few points, quantiles fall together: quantiles of its distinct values
    replace those that do. A constant feature makes no bit.
    """
    if bits_per_feature < 1:
        raise UsageError(f"bits per feature must be at least 1, not {bits_per_feature}")
    feature, threshold = [], []
    at = np.arange(1, bits_per_feature + 1) / (bits_per_feature + 1)
    for index in range(len(features)):
        column = np.sort(x[:, index])
        values = np.unique(column)[1:]  # x >= smallest value is always true
        if not len(values):
            continue
        if len(values) <= bits_per_feature:
            chosen = values
        else:
            chosen = np.unique(column[np.minimum((at * len(column)).astype(np.int64), len(column) - 1)])
            chosen = chosen[chosen > column[0]]
            if len(chosen) < bits_per_feature:
                rest = np.setdiff1d(values, chosen)
                spread = ((np.arange(bits_per_feature - len(chosen)) + 0.5)
                          * len(rest) / (bits_per_feature - len(chosen))).astype(np.int64)
                chosen = np.union1d(chosen, rest[spread])
        # The training set decides the thresholds, the declared range decides the port.
        chosen = chosen[(chosen > features.low[index]) & (chosen <= features.high[index])]
        feature += [index] * len(chosen)
        threshold += [int(t) for t in chosen]
    if not feature:
        raise UsageError("every feature is constant in the training data; there is nothing to learn from")
    return Encoder(features, np.array(feature, np.int32), np.array(threshold, np.int64))
