"""Altered copies of images for a training set, in integers: the same bytes on every machine.

shift1: moved by one pixel each way; shift1x9: diagonally, too; warpN: N copies that are turned, scaled, sheared,
moved and bent a little, each image at random (as in P. Simard et al., "Best Practices for Convolutional Neural
Networks Applied to Visual Document Analysis", 2003); flip: mirrored, as natural images may be, and flip+shift1 and so
on: the images and the mirrored ones altered so. The images themselves always stay in the set.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from lut2hw.kernels.threads import parallel

SHIFTS: dict[str, tuple[tuple[int, int], ...]] = {
    "none": (),
    "shift1": ((1, 0), (-1, 0), (0, 1), (0, -1)),
    "shift1x9": tuple((dy, dx) for dy in (0, 1, -1) for dx in (0, 1, -1) if dy or dx),
}
_ONE = 1 << 8  # a pixel in fixed point
_LINEAR = 38  # largest change of an entry of the matrix of a warp, of 256: turned by up to 8 degrees, scaled by 15 %
_MOVE = 256  # largest shift of a warp
_BEND = 320  # largest shift of a node of the grid that bends a warp
_GRID = 8  # pixels between such nodes


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
    rows, columns = ((side - 1) // _GRID + 2 for side in image_shape[:2])
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
    _warp(image, linear, move, bend, out)
    return out.reshape(x.shape)


@parallel
def _warp(image: Any, linear: Any, move: Any, bend: Any, out: Any) -> None:
    """out (n, height, width, channels): pixels of `image` at the places the maps send them to, interpolated."""
    n, height, width, channels = image.shape
    for i in prange(n):
        bent = np.empty((2, bend.shape[2]), np.int64)  # by the nodes of the grid, at this y
        for y in range(height):
            gy, fy = y // _GRID, y % _GRID
            for gx in range(bend.shape[2]):
                for axis in range(2):
                    bent[axis, gx] = bend[i, gy, gx, axis] * (_GRID - fy) + bend[i, gy + 1, gx, axis] * fy
            from_y = 2 * y - height + 1
            for x in range(width):
                gx, fx, from_x = x // _GRID, x % _GRID, 2 * x - width + 1
                py = (
                    y * _ONE
                    + move[i, 0]
                    + ((linear[i, 0, 0] * from_y + linear[i, 0, 1] * from_x) >> 1)
                    + (bent[0, gx] * (_GRID - fx) + bent[0, gx + 1] * fx) // (_GRID * _GRID)
                )
                px = (
                    x * _ONE
                    + move[i, 1]
                    + ((linear[i, 1, 0] * from_y + linear[i, 1, 1] * from_x) >> 1)
                    + (bent[1, gx] * (_GRID - fx) + bent[1, gx + 1] * fx) // (_GRID * _GRID)
                )
                py, px = min(max(py, 0), (height - 1) * _ONE), min(max(px, 0), (width - 1) * _ONE)
                y0, x0, part_y, part_x = py >> 8, px >> 8, py & (_ONE - 1), px & (_ONE - 1)
                y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
                for c in range(channels):
                    upper = image[i, y0, x0, c] * (_ONE - part_x) + image[i, y0, x1, c] * part_x
                    lower = image[i, y1, x0, c] * (_ONE - part_x) + image[i, y1, x1, c] * part_x
                    out[i, y, x, c] = (upper * (_ONE - part_y) + lower * part_y + (1 << 15)) >> 16
