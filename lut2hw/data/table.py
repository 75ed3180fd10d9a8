"""What a reader hands over: columns and labels as they stand in the source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 4 << 30  # of one array, or of one text file


@dataclass(eq=False)
class Table:
    """Raw examples.

    x_train: numbers (n, n_features); y_train: integers or strings (n,), one label each.
    x_test, y_test: the source's own test split, or None if it has none.
    names: one per feature if the source names them. image_shape: of one example if it is an image.
    low, high: the range every feature is known to have, whatever the examples show; None: seen in the data.
    by_name: features are to be matched by name, not by position, when a model reads another file.
    notes: what was done to the columns, in sentences for people.
    """

    name: str
    x_train: NDArray
    y_train: NDArray
    x_test: NDArray | None = None
    y_test: NDArray | None = None
    names: tuple[str, ...] | None = None
    image_shape: tuple[int, ...] | None = None
    low: int | None = None
    high: int | None = None
    by_name: bool = False
    notes: tuple[str, ...] = ()


def flatten(x: NDArray) -> tuple[NDArray, tuple[int, ...] | None, int | None, int | None]:
    """Images (n, height, width[, channels]) to columns (n, n_features), with their shape and range.

    Bytes of an image are pixels, 0 to 255 even if this data shows fewer values.
    """
    if x.ndim <= 2:
        return x, None, None, None
    low, high = (0, 255) if x.dtype == np.uint8 and x.max(initial=0) > 1 else (None, None)
    return x.reshape(len(x), -1), tuple(x.shape[1:]), low, high
