"""Altered copies of images for a training set, in integers: the same bytes on every machine.

shift1: moved by one pixel each way; shift1x9: diagonally, too; warpN: N copies that are turned, scaled, sheared,
moved and bent a little, each image at random (as in P. Simard et al., "Best Practices for Convolutional Neural
Networks Applied to Visual Document Analysis", 2003); flip: mirrored, as natural images may be, and flip+shift1 and so
on: the images and the mirrored ones altered so. The images themselves always stay in the set.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lut2hw.kernels import augment as kernels

SHIFTS: dict[str, tuple[tuple[int, int], ...]] = {
    "none": (),
    "shift1": ((1, 0), (-1, 0), (0, 1), (0, -1)),
    "shift1x9": tuple((dy, dx) for dy in (0, 1, -1) for dx in (0, 1, -1) if dy or dx),
}
_LINEAR = 38  # largest change of an entry of the matrix of a warp, of 256: turned by up to 8 degrees, scaled by 15 %
_MOVE = 256  # largest shift of a warp
_BEND = 320  # largest shift of a node of the grid that bends a warp


def copies(
    x: NDArray[np.integer], image_shape: tuple[int, ...], name: str, rng: np.random.Generator
) -> Iterator[NDArray[np.integer]]:
    """Altered copies of images (n, n_features), each of the same shape and dtype."""
    if name.startswith("flip"):
        mirrored = np.ascontiguousarray(x.reshape(len(x), *image_shape)[:, :, ::-1]).reshape(x.shape)
        yield mirrored
        for image in (x, mirrored):
            yield from copies(image, image_shape, name.removeprefix("flip").removeprefix("+") or "none", rng)
        return
    if name in SHIFTS:
        for dy, dx in SHIFTS[name]:
            yield shifted(x, image_shape, dy, dx)
        return
    for _ in range(int(name.removeprefix("warp"))):
        yield warped(x, image_shape, rng)


def shifted(x: NDArray[np.integer], image_shape: tuple[int, ...], dy: int, dx: int) -> NDArray[np.integer]:
    """Images (n, n_features) moved down by dy and right by dx pixels (at most 1 each way); the edge is doubled."""
    image = x.reshape(len(x), *image_shape)
    pad = [(0, 0), (1, 1), (1, 1)] + [(0, 0)] * (len(image_shape) - 2)
    padded = np.pad(image, pad, mode="edge")
    height, width = image_shape[:2]
    return np.ascontiguousarray(padded[:, 1 - dy : 1 - dy + height, 1 - dx : 1 - dx + width]).reshape(x.shape)


def maps(
    n: int, image_shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Random maps of n images: matrices (n, 2, 2) about the middle, shifts (n, 2) and shifts (n, rows, columns, 2) of
    the nodes of a grid, all y before x and in 1 / 256 pixels.
    """
    rows, columns = ((side - 1) // kernels.GRID + 2 for side in image_shape[:2])
    return (
        rng.integers(-_LINEAR, _LINEAR + 1, (n, 2, 2), np.int32),
        rng.integers(-_MOVE, _MOVE + 1, (n, 2), np.int32),
        rng.integers(-_BEND, _BEND + 1, (n, rows, columns, 2), np.int32),
    )


def warped(x: NDArray[np.integer], image_shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.integer]:
    """Images (n, n_features), each under a random smooth map close to the identity; beyond the edge it is doubled."""
    image = np.ascontiguousarray(x).reshape(len(x), *image_shape[:2], -1)
    out = np.empty_like(image)
    linear, move, bend = maps(len(x), image_shape, rng)
    kernels.warp(image, linear, move, bend, out)
    return out.reshape(x.shape)
