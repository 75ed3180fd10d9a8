"""Twin of the kernel that warps images."""

from __future__ import annotations

import numpy as np

from lut2hw.kernels.augment import GRID, ONE


def warp(image: np.ndarray, linear: np.ndarray, move: np.ndarray, bend: np.ndarray) -> np.ndarray:
    n, height, width, _ = image.shape
    y, x = np.mgrid[:height, :width]
    gy, fy, gx, fx = y // GRID, y % GRID, x // GRID, x % GRID
    wide = bend.astype(np.int64)
    fx, fy = fx[..., None], fy[..., None]
    left = wide[:, gy, gx] * (GRID - fy) + wide[:, gy + 1, gx] * fy
    right = wide[:, gy, gx + 1] * (GRID - fy) + wide[:, gy + 1, gx + 1] * fy
    bent = (left * (GRID - fx) + right * fx) // GRID**2
    middle = np.stack([2 * y - height + 1, 2 * x - width + 1])
    turned = np.einsum("nab,byx->nyxa", linear.astype(np.int64), middle) >> 1
    at = np.stack([y, x], axis=-1) * ONE + move[:, None, None, :] + turned + bent
    at = np.clip(at, 0, [(height - 1) * ONE, (width - 1) * ONE])
    (y0, x0), (part_y, part_x) = np.moveaxis(at // ONE, -1, 0), np.moveaxis(at % ONE, -1, 0)[..., None]
    y1, x1 = np.minimum(y0 + 1, height - 1), np.minimum(x0 + 1, width - 1)
    i, pixels = np.arange(n)[:, None, None], image.astype(np.int64)
    upper = pixels[i, y0, x0] * (ONE - part_x) + pixels[i, y0, x1] * part_x
    lower = pixels[i, y1, x0] * (ONE - part_x) + pixels[i, y1, x1] * part_x
    return ((upper * (ONE - part_y) + lower * part_y + ONE**2 // 2) // ONE**2).astype(image.dtype)
