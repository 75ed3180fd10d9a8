"""Examples that are read piece by piece, as often as they are needed, and never held all together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.kernels import memory
from lut2hw.model.features import Features, Quantized, check_finite
from lut2hw.scratch import Scratch

PIECE = 16 << 20
"""Bytes of a piece, about."""


class Rows:
    """A matrix of numbers of which parts are read one after the other.

    Parameters
    ----------
    read : callable
        Called as read(): yields arrays (m, n_columns) in order, the same each time.
    n : int
        Rows of all of them.
    n_columns : int
        Columns.
    dtype : dtype
        Of the numbers.
    """

    ndim = 2

    def __init__(self, read: Callable[[], Iterator[NDArray[Any]]], n: int, n_columns: int, dtype: Any) -> None:
        self._read, self._n, self._kept = read, n, None
        self._columns: list[int] | None = None
        self._width = n_columns
        self.dtype = np.dtype(dtype)

    _kept: NDArray[np.bool_] | None

    def __len__(self) -> int:
        return self._n if self._kept is None else int(self._kept.sum())

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self), self._width if self._columns is None else len(self._columns)

    def pieces(self) -> Iterator[NDArray[Any]]:
        """The rows, in order, as arrays of one or more."""
        at = 0
        for piece in self._read():
            end = at + len(piece)
            if self._kept is not None:
                piece = piece[self._kept[at:end]]
            if self._columns is not None:
                piece = piece[:, self._columns]
            at = end
            if len(piece):
                yield piece

    def where(self, kept: NDArray[np.bool_]) -> Rows:
        """Some of the rows.

        Parameters
        ----------
        kept : NDArray[np.bool_]
            bool (n,), which ones.
        """
        out = Rows(self._read, self._n, self._width, self.dtype)
        out._columns = self._columns
        if self._kept is None:
            out._kept = kept.copy()
        else:
            out._kept = self._kept.copy()
            out._kept[self._kept] = kept
        return out

    def columns(self, numbers: list[int]) -> Rows:
        """Some of the columns, in this order.

        Parameters
        ----------
        numbers : list[int]
            Their numbers.
        """
        out = Rows(self._read, self._n, self._width, self.dtype)
        out._kept = self._kept
        out._columns = numbers if self._columns is None else [self._columns[i] for i in numbers]
        return out


def pieces(x: NDArray[Any] | Rows) -> Iterator[NDArray[Any]]:
    """The parts of what is read piece by piece, or an array as one part."""
    return x.pieces() if isinstance(x, Rows) else iter([x])


def columns(x: Any, numbers: list[int]) -> Any:
    """Some columns of either, in this order."""
    return x.columns(numbers) if isinstance(x, Rows) else x[:, numbers]


def joined(a: Any, b: Any) -> Any:
    """Rows of one and then of the other, of either kind."""
    if not isinstance(a, Rows) and not isinstance(b, Rows):
        return np.concatenate([a, b])
    dtype = np.promote_types(a.dtype, b.dtype)

    def read() -> Iterator[NDArray[Any]]:
        for x in (a, b):
            for piece in pieces(x):
                yield piece.astype(dtype, copy=False)

    return Rows(read, len(a) + len(b), a.shape[1], dtype)


def where(x: Any, kept: NDArray[np.bool_]) -> Any:
    """Some rows of either."""
    return x.where(kept) if isinstance(x, Rows) else x[kept]


def check(x: NDArray[Any] | Rows, names: tuple[str, ...] | None, missing: NDArray[np.bool_] | bool) -> None:
    """`check_finite` of either, with the number of the row in all."""
    at = 0
    for piece in pieces(x):
        check_finite(piece, names, missing, at)
        at += len(piece)


def gaps(x: NDArray[Any] | Rows) -> tuple[NDArray[np.bool_], int, bool]:
    """Which columns have missing values, how many rows do, and whether there is no value at all."""
    columns, rows, none = np.zeros(x.shape[1], bool), 0, True
    for piece in pieces(x):
        if piece.dtype.kind != "f":
            return columns, rows, not len(x)
        absent = np.isnan(piece)
        columns |= absent.any(axis=0)
        rows += int(absent.any(axis=1).sum())
        none &= bool(absent.all())
    return columns, rows, none


def stored(x: Rows, features: Features, scratch: Scratch) -> NDArray[np.integer]:
    """What `features` make of the rows, column by column in the smallest integers that hold their ranges.

    Values beyond the range of a feature become its ends, which no threshold tells from them.

    Returns
    -------
    NDArray[np.integer]
        (n, n_features), `Quantized` if they were scaled.
    """
    low, high = int(features.low.min(initial=0)), int(features.high.max(initial=0))
    dtype = np.promote_types(np.min_scalar_type(low), np.min_scalar_type(high))
    if dtype.kind not in "iu":
        dtype = np.dtype(np.int64)
    n, width = x.shape
    if scratch.folder is None:
        memory.need(
            n * width * dtype.itemsize,
            f"{n:,} examples",
            "give --scratch DIR, a folder on a disk, or set LUT2HW_SCRATCH to one",
        )
    out = scratch.empty((width, n), dtype).T
    at = 0
    for piece in x.pieces():
        out[at : at + len(piece)] = np.clip(features.integers_of(piece), features.low, features.high)
        at += len(piece)
    return out if features.unscaled else Quantized(out, features)


def taken(x: NDArray[np.integer], kept: NDArray[Any], scratch: Scratch) -> NDArray[np.integer]:
    """Some rows of an array, in files where it is, if they are many.

    Parameters
    ----------
    x : NDArray[np.integer]
        (n, n_features).
    kept : NDArray[Any]
        Numbers of rows, or bool (n,).
    scratch : Scratch
        Where many are put.
    """
    number = np.flatnonzero(kept) if kept.dtype == bool else kept
    if scratch.folder is None or len(number) * x.shape[1] * x.itemsize < PIECE:
        return np.asanyarray(x[kept])
    out = scratch.empty((x.shape[1], len(number)), x.dtype).T
    for column in range(x.shape[1]):
        out[:, column] = np.asarray(x)[number, column]
    return Quantized(out, x.features) if isinstance(x, Quantized) else out
