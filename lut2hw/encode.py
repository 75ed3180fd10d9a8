"""Features and encoders: raw integers to bits.

Every bit is one comparison `x[feature] >= threshold`. Several thresholds on one feature make a thermometer
code. Thresholds are constants in hardware: one comparator for each distinct (feature, threshold).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw import bits, kernels
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
    def integers(
        cls,
        low: ArrayLike,
        high: ArrayLike,
        names: tuple[str, ...] | None = None,
        image_shape: tuple[int, ...] | None = None,
    ) -> Features:
        """Features that are integers already, in the inclusive ranges `low` to `high`, each (n_features,)."""
        low = np.asarray(low, np.int64)
        n = len(low)
        return cls(
            names or tuple(f"x{i}" for i in range(n)),
            low,
            np.asarray(high, np.int64),
            np.ones(n),
            np.zeros(n),
            image_shape,
        )

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

    @property
    def unscaled(self) -> bool:
        """Integers stay as they are."""
        return bool((self.scale == 1).all() and (self.offset == 0).all())

    def integers_of(self, x: ArrayLike) -> NDArray[np.int64]:
        """Real `x` (n, n_features) to the integers the model reads. Errors: wrong shape, NaN or infinity."""
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != len(self):
            raise UsageError(
                f"expected data of shape (examples, {len(self)}) but got {x.shape}; give one column per feature"
            )
        if x.dtype.kind == "b":
            x = x.astype(np.int64)
        check_finite(x, self.names)
        if x.dtype.kind in "iu" and self.unscaled:
            return np.minimum(x, 1 << 62).astype(np.int64) if x.dtype == np.uint64 else x.astype(np.int64, copy=False)
        scaled = np.rint((x - self.offset) * self.scale)
        return np.clip(scaled, -(2.0**62), 2.0**62).astype(np.int64)

    def clip(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        """Saturate integers to the ports' ranges. No comparison changes: thresholds lie inside the range."""
        return np.clip(x, self.low, self.high)


def check_finite(x: NDArray, names: tuple[str, ...] | None = None) -> None:
    """Raise `UsageError` unless `x` (n, n_features) holds numbers without NaN and infinity."""
    if x.dtype.kind not in "biuf":
        raise UsageError(f"features must be numbers, not {x.dtype}")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        name = repr(names[column]) if names is not None else column
        raise UsageError(f"feature {name} of example {row} is {x[row, column]}; remove or fill missing values first")


def quantize(x: NDArray[np.floating], names: tuple[str, ...], image_shape: tuple[int, ...] | None = None) -> Features:
    """Features for real numbers `x` (n, n_features), column by column.

    Decimals of up to six digits after the point that fit in 24 bits stay exact: the integer is the number times
    the power of ten. Any other column is rounded to at most 16 bits between its least and its greatest value, in
    steps of a power of two. Ranges are those of `x`; other values saturate.
    """
    n = x.shape[1]
    scale, offset = np.ones(n), np.zeros(n)
    low, high = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for i in range(n):
        column = x[:, i].astype(np.float64)
        least, greatest = column.min(), column.max()
        if max(-least, greatest) > 1e300:
            raise UsageError(f"feature {names[i]!r} holds numbers beyond 1e300; scale them down first")
        for digits in range(7):
            power = 10.0**digits
            if max(-least, greatest) * power >= 1 << 24:
                power = 0.0
                break
            if ((np.rint(column * power) / power).astype(x.dtype) == x[:, i]).all():
                break
        else:
            power = 0.0
        if power:
            scale[i] = power
        elif greatest > least:
            offset[i] = least
            scale[i] = 2.0 ** min(np.floor(np.log2(65535) - np.log2(greatest - least)), 1000.0)
        else:
            offset[i] = least
        ends = np.rint((np.array([least, greatest]) - offset[i]) * scale[i])
        low[i], high[i] = ends.astype(np.int64)
    return Features(names, low, high, scale, offset, image_shape)


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
        if not len(self) or not len(x):
            return np.zeros((len(self), bits.n_words(len(x))), np.uint64)
        if x.dtype.kind not in "iu":
            raise UsageError(f"the encoder reads integers, not {x.dtype}")
        limits = np.iinfo(x.dtype)
        if self.threshold.min() < limits.min or self.threshold.max() > limits.max:
            x = x.astype(np.int64)
        out = np.empty((len(self), bits.n_words(len(x))), np.uint64)
        kernels.compare(np.ascontiguousarray(x), self.feature, self.threshold.astype(x.dtype), out)
        return out


def usual_bits(features: Features) -> int:
    """Thresholds per feature where nobody says: 3, and 8 for tables of at most 32 columns.

    Five-fold cross-validation of 100 LUTs with 3, 5, 8 and 16 thresholds: a made-up task of 5 features .80, .92, .95,
    .94; 13 features (wine) .92, .97, .96, .96; 30 (breast cancer) .965, .968, .965, .970; 64 pixels (digits) .930,
    .925, .923, .923.
    """
    return 8 if features.image_shape is None and len(features) <= 32 else 3


def fixed(features: Features, threshold: float) -> Encoder:
    """One bit per feature: x >= threshold, both before scaling.

    A threshold outside a feature's range makes no bit of it.
    """
    if not np.isfinite(threshold):
        raise UsageError(f"the threshold must be a number, not {threshold}")
    scaled = (threshold - features.offset) * features.scale
    nearest = np.rint(scaled)  # a decimal that only floating point moved off an integer is that integer
    scaled = np.where(np.abs(scaled - nearest) < 1e-6, nearest, np.ceil(scaled))
    keep = np.flatnonzero((features.low < scaled) & (scaled <= features.high)).astype(np.int32)
    if not len(keep):
        low = (features.low / features.scale + features.offset).min()
        high = (features.high / features.scale + features.offset).max()
        raise UsageError(
            f"threshold {threshold:g} is outside the range of every feature; choose one above {low:g} "
            f"and up to {high:g}"
        )
    return Encoder(features, keep, scaled[keep].astype(np.int64))


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
                spread = (
                    (np.arange(bits_per_feature - len(chosen)) + 0.5) * len(rest) / (bits_per_feature - len(chosen))
                ).astype(np.int64)
                chosen = np.union1d(chosen, rest[spread])
        # The training set decides the thresholds, the declared range decides the port.
        chosen = chosen[(chosen > features.low[index]) & (chosen <= features.high[index])]
        feature += [index] * len(chosen)
        threshold += [int(t) for t in chosen]
    if not feature:
        raise UsageError("every feature is constant in the training data; there is nothing to learn from")
    return Encoder(features, np.array(feature, np.int32), np.array(threshold, np.int64))
