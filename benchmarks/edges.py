"""Colour blocks and oriented edges of small pictures: features between the pixels and the encoder.

    python benchmarks/edges.py cifar10-edges.npz        # CIFAR-10 so described, for lut2hw train --data

Integers throughout, in the manner of N. Dalal and B. Triggs, "Histograms of Oriented Gradients for Human Detection"
(2005), but without multiplication: an edge is a pixel whose neighbours left and right, or above and below, differ by
a threshold; its direction is one of eight, by two signs and by which difference is larger. A feature is the number
of edges of one direction in a window. In hardware that is two subtractions, three comparisons and a counter for each
column of windows, as the pixels arrive; it is not part of the network and not counted with its LUTs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BLOCKS = ((4, 4),)  # windows for mean colours: side and step, in pixels
WINDOWS = ((4, 4), (8, 4))  # windows for edges
STRENGTHS = (12, 40)  # differences that make an edge
_PIECE = 10_000  # pictures at a time


def window_sums(x: NDArray, side: int, step: int) -> NDArray[np.int32]:
    """Sums over all windows of (n, height, width)."""
    total = np.pad(x.astype(np.int32), ((0, 0), (1, 0), (1, 0))).cumsum(axis=1).cumsum(axis=2)
    sums = total[:, side:, side:] - total[:, :-side, side:] - total[:, side:, :-side] + total[:, :-side, :-side]
    return sums[:, ::step, ::step].astype(np.int32)


def describe(x: NDArray[np.integer], image_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Pictures (n, height * width * 3) to features (n, m), all 0 to 255."""
    return np.concatenate([_describe(x[i : i + _PIECE], image_shape) for i in range(0, len(x), _PIECE)])


def _describe(x: NDArray[np.integer], image_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    red, green, blue = np.moveaxis(x.reshape(len(x), *image_shape).astype(np.int16), -1, 0)
    grey = (red + 2 * green + blue) >> 2
    parts = [
        window_sums(plane, side, step) // side**2
        for side, step in BLOCKS
        for plane in (grey, (red - green + 255) >> 1, (blue - green + 255) >> 1)
    ]
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    across = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    direction = (across < 0) + 2 * (down < 0) + 4 * (abs(across) > abs(down))
    strength = np.maximum(abs(across), abs(down))
    parts += [
        window_sums((direction == each) & (strength >= least), side, step)
        for least in STRENGTHS
        for each in range(8)
        for side, step in WINDOWS
    ]
    return np.concatenate([part.reshape(len(x), -1) for part in parts], axis=1).astype(np.uint8)


def main() -> None:
    from lut2hw import data

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    cifar = data.load("cifar10")
    shape = cifar.features.image_shape
    assert shape is not None
    np.savez_compressed(
        arguments.out,
        x_train=describe(cifar.x_train, shape),
        y_train=cifar.y_train,
        x_test=describe(cifar.x_test, shape),
        y_test=cifar.y_test,
    )


if __name__ == "__main__":
    main()
