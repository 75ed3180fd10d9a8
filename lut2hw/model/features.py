"""Features: what the raw inputs are, their ranges, and how real numbers become integers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw.errors import UsageError


@dataclass(frozen=True, eq=False)
class Features:
    """What the raw inputs are: names, ranges, and how real numbers become integers."""

    names: tuple[str, ...]
    """One per feature."""
    low: NDArray[np.int64]
    """int64 (n_features,), the inclusive range the hardware port must carry."""
    high: NDArray[np.int64]
    """int64 (n_features,), the inclusive range the hardware port must carry."""
    scale: NDArray[np.float64]
    """float64 (n_features,); a real value r is the integer rint((r - offset) * scale)."""
    offset: NDArray[np.float64]
    """float64 (n_features,); a real value r is the integer rint((r - offset) * scale)."""
    image_shape: tuple[int, ...] | None = None
    """(height, width) or (height, width, channels) if the features are pixels in C order."""
    missing: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    """bool (n_features,), where a value may be missing: the integer `low`, one below the least value, then stands for
    that. All False by default."""
    front_end: Any = None
    """The `lut2hw.frontends.base.FrontEnd` that makes them of samples; None of features that come as they are."""

    def __post_init__(self) -> None:
        if not len(self.missing):
            object.__setattr__(self, "missing", np.zeros(len(self.names), bool))

    @classmethod
    def integers(
        cls,
        low: ArrayLike,
        high: ArrayLike,
        names: tuple[str, ...] | None = None,
        image_shape: tuple[int, ...] | None = None,
        missing: NDArray[np.bool_] | None = None,
    ) -> Features:
        """Features that are integers already, in the inclusive ranges `low` to `high`, each (n_features,).

        Parameters
        ----------
        low : ArrayLike
            Least values (n_features,).
        high : ArrayLike
            Greatest values (n_features,), inclusive.
        names : tuple[str, ...], optional
            One per feature; None: x0, x1 and so on.
        image_shape : tuple[int, ...], optional
            (height, width) or (height, width, channels) of pixels in C order.
        missing : NDArray[np.bool_], optional
            Where `low` stands for a missing value (n_features,); None: nowhere.
        """
        low = np.asarray(low, np.int64)
        n = len(low)
        return cls(
            names or tuple(f"x{i}" for i in range(n)),
            low,
            np.asarray(high, np.int64),
            np.ones(n),
            np.zeros(n),
            image_shape,
            np.zeros(n, bool) if missing is None else missing,
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
        """Integers stay as they are, and none of them stands for a missing value."""
        return bool((self.scale == 1).all() and (self.offset == 0).all() and not self.missing.any())

    def same_scaling(self, other: Features) -> bool:
        """Whether real numbers become the same integers.

        Parameters
        ----------
        other : Features
            Features of the same number.
        """
        return self is other or (
            np.array_equal(self.scale, other.scale)
            and np.array_equal(self.offset, other.offset)
            and np.array_equal(self.missing, other.missing)
            and np.array_equal(self.low[self.missing], other.low[other.missing])
        )

    def quantized(self, x: ArrayLike) -> Quantized:
        """What `integers_of` makes of real `x` (n, n_features), marked as such.

        Parameters
        ----------
        x : ArrayLike
            Real numbers (n, n_features).

        Raises
        ------
        UsageError
            The same.
        """
        return Quantized(self.integers_of(x), self)

    def integers_of(self, x: ArrayLike) -> NDArray[np.int64]:
        """Real `x` (n, n_features) to the integers the model reads.

        NaN becomes `low` of a feature whose values may be missing; its other values become at least `low` + 1.
        `Quantized` integers stay as they are.

        Parameters
        ----------
        x : ArrayLike
            Numbers (n, n_features); `Quantized` integers stay as they are. Of features that a front end makes also
            sequences of samples, as `lut2hw.frontends.sequences.Sequences.of` takes them, and those of three
            dimensions or of different lengths without being called so.

        Raises
        ------
        UsageError
            For a wrong shape, NaN where no value may be missing, infinity, what is no number, or integers that were
            made with other scales.
        """
        if isinstance(x, Quantized):
            return self.check_quantized(x).view(np.ndarray).astype(np.int64, copy=False)
        if self.front_end is not None and (made := self.front_end.features_of(x)) is not None:
            return np.asarray(made, np.int64)
        x = _numeric(np.asarray(x))
        if x.ndim != 2 or x.shape[1] != len(self):
            raise UsageError(
                f"expected data of shape (examples, {len(self)}) but got {x.shape}; give one column per feature"
            )
        if x.dtype.kind == "b":
            x = x.astype(np.int64)
        check_finite(x, self.names, self.missing)
        if x.dtype.kind in "iu" and self.unscaled:
            return np.minimum(x, 1 << 62).astype(np.int64) if x.dtype == np.uint64 else x.astype(np.int64, copy=False)
        out = np.empty(x.shape, np.int64)
        for at in range(0, len(x), _ROWS):
            out[at : at + _ROWS] = self._scaled(x[at : at + _ROWS])
        return out

    def _scaled(self, x: NDArray[Any]) -> NDArray[np.int64]:
        scaled = np.clip(np.rint((x - self.offset) * self.scale), -(2.0**62), 2.0**62)
        if not self.missing.any():
            return scaled.astype(np.int64)
        absent = np.isnan(scaled)
        out = np.where(absent, 0.0, scaled).astype(np.int64)
        at = np.flatnonzero(self.missing)
        out[:, at] = np.where(absent[:, at], self.low[at], np.maximum(out[:, at], self.low[at] + 1))
        return out

    def check_quantized(self, x: NDArray[Any]) -> NDArray[Any]:
        """Give `x` back, unless it is `Quantized` with other scales: then raise `UsageError`.

        Parameters
        ----------
        x : NDArray[Any]
            Integers (n, n_features).
        """
        if isinstance(x, Quantized) and not self.same_scaling(x.features):
            raise UsageError(
                "these integers were made of real numbers with other scales than the model's; load the data as "
                "the model reads it (lut2hw.training.recall.load_like), or give the real numbers"
            )
        return x

    def real(self, x: NDArray[np.integer]) -> NDArray[Any]:
        """Integers (n, n_features) to the real numbers they stand for, float64; the same where they are the same.

        What stands for a missing value becomes NaN.

        Parameters
        ----------
        x : NDArray[np.integer]
            Integers (n, n_features).
        """
        if self.unscaled:
            return x
        return np.where(self.missing & (np.asarray(x) <= self.low), np.nan, x / self.scale + self.offset)

    def clip(self, x: NDArray[np.integer]) -> NDArray[np.int64]:
        """Saturate integers to the ports' ranges.

        No comparison changes: thresholds lie inside the range.

        Parameters
        ----------
        x : NDArray[np.integer]
            int64 (n, n_features).
        """
        return np.asarray(np.clip(x, self.low, self.high), np.int64)


_ROWS = 1 << 11  # scaled at a time, which the cache holds
_DIGITS = 6  # after the point, of decimals that stay exact


class Quantized(np.ndarray):
    """Integers (n, n_features) that stand for real numbers, and the `features` that made them.

    A network knows them from raw values, so that neither can be taken for the other. Parts and copies are
    `Quantized`, too; what is computed from them is a plain array.
    """

    features: Features

    def __new__(cls, integers: NDArray[np.integer], features: Features) -> Quantized:
        """Mark integers (n, n_features) as made by `features`."""
        out = np.asarray(integers).view(cls)
        out.features = features
        return out

    def __array_finalize__(self, obj: Any) -> None:
        features = getattr(obj, "features", None)
        if features is not None:
            self.features = features

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Sums, products and comparisons are no longer what the features made."""
        if "out" in options:
            options["out"] = tuple(_plain(each) for each in options["out"])
        return getattr(ufunc, method)(*map(_plain, inputs), **options)

    def __array_function__(self, function: Callable[..., Any], types: Iterable[type], args: Any, options: Any) -> Any:
        """Arrays joined keep their features if all of them have the same."""
        out = super().__array_function__(function, tuple(types), args, options)
        if function is np.concatenate and all(
            isinstance(part, Quantized) and part.features.same_scaling(self.features) for part in args[0]
        ):
            return Quantized(out, self.features)
        return out

    def __reduce__(self) -> Any:
        return Quantized, (_plain(self), self.features)


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if isinstance(x, Quantized) else x


def _numeric(x: NDArray[Any]) -> NDArray[Any]:
    """Numbers kept as Python objects, as a frame of mixed columns gives them, in an array of numbers."""
    if x.dtype.kind != "O":
        return x
    try:
        whole = all(isinstance(value, int | np.integer) for value in x.flat)
        return x.astype(np.int64 if whole else np.float64)
    except (TypeError, ValueError, OverflowError):
        raise UsageError("features must be numbers, but some are not; make numbers of them first") from None


def check_finite(
    x: NDArray[Any], names: tuple[str, ...] | None = None, missing: NDArray[np.bool_] | bool = False, first: int = 0
) -> None:
    """Raise `UsageError` unless `x` (n, n_features) holds numbers, and NaN only where a value may be missing.

    Parameters
    ----------
    x : NDArray[Any]
        Array (n, n_features).
    names : tuple[str, ...], optional
        One per feature, for the message.
    missing : NDArray[np.bool_] or bool, default=False
        Bool (n_features,) or one for all, where NaN may stand.
    first : int, default=0
        Number of the first of the examples, for the message.
    """
    if x.dtype.kind not in "biuf":
        raise UsageError(f"features must be numbers, not {x.dtype}")
    if x.dtype.kind != "f" or np.isfinite(x).all():
        return
    wrong = ~np.isfinite(x) & ~(np.isnan(x) & missing)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        name = repr(names[column]) if names is not None else column
        if np.isnan(x[row, column]):
            raise UsageError(
                f"feature {name} of example {first + row} is {x[row, column]}, but the model was trained without "
                "missing values there; fill it in, leave the example out, or train on data that has such values"
            )
        found = f"feature {name} of example {first + row} is {x[row, column]}"
        raise UsageError(f"{found}; features must be finite numbers")


def quantize(
    x: NDArray[np.floating],
    names: tuple[str, ...],
    image_shape: tuple[int, ...] | None = None,
    missing: NDArray[np.bool_] | None = None,
) -> Features:
    """Features for real numbers `x` (n, n_features), column by column.

    Decimals of up to six digits after the point that fit in 24 bits stay exact: the integer is the number times the
    power of ten. Any other column is rounded to at most 16 bits between its least and its greatest value, in steps of
    a power of two. Ranges are those of `x`; other values saturate. Where values may be missing, the least integer is
    one below those, and NaN becomes it.

    Parameters
    ----------
    x : NDArray[np.floating]
        Real numbers (n, n_features).
    names : tuple[str, ...]
        One per feature.
    image_shape : tuple[int, ...], optional
        Of one example, if it is an image.
    missing : NDArray[np.bool_], optional
        Bool (n_features,), where NaN may stand; None: where it does in `x`.
    """
    blocks = range(0, len(x), _ROWS)
    return quantize_pieces(lambda: (x[at : at + _ROWS] for at in blocks), names, image_shape, missing)


def quantize_pieces(
    pieces: Callable[[], Iterator[NDArray[np.floating]]],
    names: tuple[str, ...],
    image_shape: tuple[int, ...] | None = None,
    missing: NDArray[np.bool_] | None = None,
) -> Features:
    """`quantize` of numbers that are read piece by piece: the same features, however they are divided.

    Parameters
    ----------
    pieces : callable
        Called as pieces(): yields real numbers (m, n_features) of one dtype.
    names : tuple[str, ...]
        One per feature.
    image_shape : tuple[int, ...], optional
        Of one example, if it is an image.
    missing : NDArray[np.bool_], optional
        Bool (n_features,), where NaN may stand; None: where it does.
    """
    n = len(names)
    least, greatest = np.full(n, np.inf), np.full(n, -np.inf)
    digits = np.zeros(n, int)  # decimals of k digits are decimals of k + 1, so that one number tells for all pieces
    seen = np.zeros(n, bool)
    for x in pieces():
        if not len(x):
            continue
        block = np.ascontiguousarray(x.T)
        absent = np.isnan(block)
        there: NDArray[np.bool_] = np.ones(n, bool)
        if absent.any():
            seen |= absent.any(axis=1)
            there = ~np.asarray(absent.all(axis=1))
            first = block[np.arange(n), np.argmin(absent, axis=1)]  # a value in the place of those that miss
            block = np.where(absent, np.where(there, first, 0)[:, None], block)
        column = block.astype(np.float64, copy=False)
        low, high = column.min(axis=1), column.max(axis=1)
        least[there] = np.minimum(least, low)[there]
        greatest[there] = np.maximum(greatest, high)[there]
        left = np.flatnonzero(there & (digits <= _DIGITS))
        while len(left):
            power = 10.0 ** digits[left]
            wide = np.maximum(-low[left], high[left]) * power >= 1 << 24
            digits[left[wide]] = _DIGITS + 1
            left, power = left[~wide], power[~wide, None]
            exact = slice(None) if len(left) == n else left
            fits = ((np.rint(column[exact] * power) / power).astype(block.dtype, copy=False) == block[exact]).all(
                axis=1
            )
            left = left[~fits]
            digits[left] += 1
            left = left[digits[left] <= _DIGITS]
    if missing is None:
        missing = seen
    empty = least > greatest
    least[empty] = greatest[empty] = 0.0
    scale, offset = np.ones(n), np.zeros(n)
    ranges = np.zeros((2, n), np.int64)
    for i in range(n):
        power, most = 10.0 ** digits[i], max(-least[i], greatest[i])
        if most > 1e300:
            raise UsageError(f"feature {names[i]!r} holds numbers beyond 1e300; scale them down first")
        if digits[i] <= _DIGITS and most * power < 1 << 24:
            scale[i] = power
        elif greatest[i] > least[i]:
            steps = 65534 if missing[i] else 65535  # one of 16 bits' values for what is missing
            scale[i] = 2.0 ** min(np.floor(np.log2(steps) - np.log2(greatest[i] - least[i])), 1000.0)
            offset[i] = least[i] - 1 / scale[i] if missing[i] else least[i]
        else:
            offset[i] = least[i]
        ends = np.rint((np.array([least[i], greatest[i]]) - offset[i]) * scale[i])
        ranges[:, i] = ends.astype(np.int64) - [int(missing[i]), 0]
    return Features(names, ranges[0], ranges[1], scale, offset, image_shape, missing)
