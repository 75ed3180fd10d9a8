"""Regions: parts of the input that a vote and the LUTs below it read, so that a chip needs fewer long wires.

Only LUTs of one region are shared, so what belongs to it can lie in one part of the chip.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lut2hw.data import Dataset
from lut2hw.errors import UsageError
from lut2hw.model.encoder import Encoder

SUBSPACES = 8

Regions = Callable[[NDArray[np.integer]], NDArray[np.bool_]]
"""Of encoder bits (n,) by number, those that each region reads: bool (n_regions, n)."""


def everything(signals: NDArray[np.integer]) -> NDArray[np.bool_]:
    """One region that reads all."""
    return np.ones((1, len(signals)), bool)


def squares(position: NDArray[np.integer], side: int) -> NDArray[np.bool_]:
    """Squares of pixels that cover those at `position`, each half of the next: bool (n_squares, n_positions).

    Parameters
    ----------
    position : NDArray[np.integer]
        Int (n_positions, 2), row and column.
    side : int
        In pixels. No square is empty.
    """
    starts = []
    for low, high in zip(position.min(axis=0).tolist(), (position.max(axis=0) + 1).tolist(), strict=True):
        room = high - low - side
        count = 1 if room <= 0 else -(-2 * (high - low) // side) - 1
        starts.append([low + round(i * room / max(1, count - 1)) for i in range(count)])
    inside = np.array(
        [((position >= start) & (position < np.add(start, side))).all(axis=1) for start in itertools.product(*starts)]
    )
    return inside[inside.any(axis=1)]


def subspaces(n: int, share: float) -> NDArray[np.bool_]:
    """Up to eight subspaces that read about this share of n bits each: bool (n_subspaces, n).

    Each bit is in as many as the others, together with others in all ways in turn (T. K. Ho, "The random subspace
    method for constructing decision forests", PAMI 20(8), 1998; here the order of the bits is what is random). None
    is empty.
    """
    some = max(1, min(SUBSPACES, round(share * SUBSPACES)))
    # all choices, ordered so that eight neighbours use each subspace equally often
    choices = list(
        dict.fromkeys(
            tuple(sorted((each + turn) % SUBSPACES for each in choice))
            for choice in itertools.combinations(range(SUBSPACES), some)
            for turn in range(SUBSPACES)
        )
    )
    inside = np.zeros((SUBSPACES, n), bool)
    for bit in range(n):
        inside[list(choices[bit % len(choices)]), bit] = True
    return inside[inside.any(axis=1)]


def pixels(dataset: Dataset, encoder: Encoder) -> NDArray[np.int64]:
    """Row and column of the pixel that each bit of an image's code reads, int64 (n_bits, 2).

    Raises
    ------
    UsageError
        If the data are no images.
    """
    shape = dataset.features.image_shape
    if shape is None:
        raise UsageError(f"--window needs image data, which {dataset.name} is not; take --subspace 0.5")
    return np.stack(np.unravel_index(encoder.feature, shape)[:2], axis=1)


def regions_of(dataset: Dataset, encoder: Encoder, *, window: int = 0, subspace: float = 0.0) -> Regions:
    """The regions that the options of `DescentOptions` name.

    Raises
    ------
    UsageError
        As for `pixels`.
    """
    if window:
        position = pixels(dataset, encoder)
        return lambda signals: squares(position[signals], window)
    if subspace:
        return lambda signals: subspaces(len(signals), subspace)
    return everything
