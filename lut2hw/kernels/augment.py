"""Compiled kernel that warps images, in integers: the same bytes on every machine."""

from __future__ import annotations

import numpy as np
from numba import prange

from lut2hw.kernels.threads import parallel

ONE = 1 << 8
"""A pixel in fixed point."""
GRID = 8
"""Pixels between the nodes of the grid that bends an image."""


@parallel
def warp(image, linear, move, bend, out):
    """Pixels of images at the places that maps send them to, interpolated; beyond the edge it is doubled.

    Places are y before x, in 1 / `ONE` pixels.

    Parameters
    ----------
    image, out : object
        Integers of one dtype (n, height, width, channels).
    linear : object
        int32 (n, 2, 2), matrices about the middle.
    move : object
        int32 (n, 2), shifts.
    bend : object
        int32 (n, rows, columns, 2), shifts of the nodes of a grid.
    """
    n, height, width, channels = image.shape
    for i in prange(n):
        bent = np.empty((2, bend.shape[2]), np.int64)  # by the nodes of the grid, at this y
        for y in range(height):
            gy, fy = y // GRID, y % GRID
            for gx in range(bend.shape[2]):
                for axis in range(2):
                    bent[axis, gx] = bend[i, gy, gx, axis] * (GRID - fy) + bend[i, gy + 1, gx, axis] * fy
            from_y = 2 * y - height + 1
            for x in range(width):
                gx, fx, from_x = x // GRID, x % GRID, 2 * x - width + 1
                py = (
                    y * ONE
                    + move[i, 0]
                    + ((linear[i, 0, 0] * from_y + linear[i, 0, 1] * from_x) >> 1)
                    + (bent[0, gx] * (GRID - fx) + bent[0, gx + 1] * fx) // (GRID * GRID)
                )
                px = (
                    x * ONE
                    + move[i, 1]
                    + ((linear[i, 1, 0] * from_y + linear[i, 1, 1] * from_x) >> 1)
                    + (bent[1, gx] * (GRID - fx) + bent[1, gx + 1] * fx) // (GRID * GRID)
                )
                py, px = min(max(py, 0), (height - 1) * ONE), min(max(px, 0), (width - 1) * ONE)
                y0, x0, part_y, part_x = py >> 8, px >> 8, py & (ONE - 1), px & (ONE - 1)
                y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
                for c in range(channels):
                    upper = image[i, y0, x0, c] * (ONE - part_x) + image[i, y0, x1, c] * part_x
                    lower = image[i, y1, x0, c] * (ONE - part_x) + image[i, y1, x1, c] * part_x
                    out[i, y, x, c] = (upper * (ONE - part_y) + lower * part_y + (1 << 15)) >> 16
