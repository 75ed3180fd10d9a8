"""Pictures that come a pixel at a time, row by row in camera order: what front ends of them share."""

from __future__ import annotations

from math import isqrt

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import UsageError
from lut2hw.frontends.sequences import Sequences

MAX_SIDE = 1 << 12
CHUNK = 2000
"""Pictures that are transformed at a time."""


def sides(sequences: Sequences, width: int | None, height: int | None, cell: int, kind: str) -> tuple[int, int]:
    """Width and height of pictures.

    Parameters
    ----------
    sequences : Sequences
        Training pictures.
    width, height : int, optional
        What is known of them.
    cell : int
        Side of a cell, which must fit.
    kind : str
        The front end, for errors.

    Raises
    ------
    UsageError
        For pictures that are not square, and cells that are too large.
    """
    length = int(np.median(sequences.length))
    if width is None and height is not None:
        width = length // height
    elif width is None:
        width = isqrt(length)
        if width * width != length:
            raise UsageError(f"sequences of {length} pixels are no square pictures; give the width, {kind},width=N")
    height = height or min(MAX_SIDE, length // max(1, width))
    if cell > min(width, height):
        raise UsageError(f"a cell of {cell} pixels does not fit pictures of {width} x {height}")
    return width, height


def planes_of(x: Sequences, width: int, height: int) -> list[NDArray[np.int64]]:
    """Channels of pictures, int64 (n, height, width) each; pixels beyond a short sequence are 0.

    Parameters
    ----------
    x : Sequences
        Pictures; what is after the last row is left out.
    width, height : int
        Of a picture.
    """
    picture = width * height
    length = np.minimum(x.length, picture)
    pixels = np.zeros((len(x), picture, x.channels), np.int64)
    there = np.arange(picture) < length[:, None]
    pixels[there] = x.values[np.repeat(x.start - (np.cumsum(length) - length), length) + np.arange(length.sum())]
    return [pixels[:, :, c].reshape(len(x), height, width) for c in range(x.channels)]


def sums_of(plane: NDArray[np.int64], cell: int) -> NDArray[np.int64]:
    """Sums over whole cells, int64 (n, rows of cells, columns of cells).

    Parameters
    ----------
    plane : NDArray[np.int64]
        (n, height, width).
    cell : int
        Side of a cell.
    """
    n, height, width = plane.shape
    down, across = height // cell, width // cell
    whole = plane[:, : down * cell, : across * cell]
    return np.asarray(whole.reshape(n, down, cell, across, cell).sum(axis=(2, 4)), np.int64)
