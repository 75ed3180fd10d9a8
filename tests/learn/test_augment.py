"""Altered copies of images: moved by a pixel, or warped, in integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw.errors import UsageError
from lut2hw.kernels import augment as kernels
from lut2hw.learn import augment
from lut2hw.learn.descent_options import check_augment


def test_shift_moves_images() -> None:
    x = np.arange(12).reshape(1, 12)
    down = augment.shifted(x, (3, 4), 1, 0).reshape(3, 4)
    assert down[1].tolist() == [0, 1, 2, 3] and down[0].tolist() == [0, 1, 2, 3]
    left = augment.shifted(x, (2, 2, 3), 0, -1).reshape(2, 2, 3)
    assert left[0, 0].tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    ("name", "count"),
    [("none", 0), ("shift1", 4), ("shift1x9", 8), ("warp3", 3), ("flip", 1), ("flip+shift1", 9), ("flip+warp2", 5)],
)
def test_number_of_copies(name: str, count: int) -> None:
    x = np.arange(72, dtype=np.uint8).reshape(2, 36)
    copies = list(augment.copies(x, (6, 6), name, np.random.default_rng(0)))
    assert len(copies) == count
    assert all(copy.shape == x.shape and copy.dtype == x.dtype for copy in copies)


def test_flip_mirrors_images_of_any_depth() -> None:
    mirrored, *moved = augment.copies(np.arange(12)[None], (2, 3, 2), "flip+shift1", np.random.default_rng(0))
    assert mirrored.reshape(2, 3, 2)[0].tolist() == [[4, 5], [2, 3], [0, 1]]
    assert len({copy.tobytes() for copy in (mirrored, *moved)}) == 9


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), height=st.integers(2, 20), width=st.integers(2, 20), channels=st.integers(1, 3))
def test_a_warp_interpolates_between_the_pixels_it_points_to(
    seed: int, height: int, width: int, channels: int
) -> None:
    rng = np.random.default_rng(seed)
    shape = (height, width) if channels == 1 else (height, width, channels)
    x = rng.integers(0, 256, (2, height * width * channels)).astype(np.uint8)
    out = augment.warped(x, shape, np.random.default_rng(seed)).reshape(2, height, width, channels)
    rng, grid, one = np.random.default_rng(seed), kernels.GRID, kernels.ONE
    linear, move, bend = augment.maps(2, shape, rng)
    image = x.reshape(2, height, width, channels).astype(float)
    for i in range(2):
        for y, row in enumerate(out[i]):
            for x_, pixel in enumerate(row):
                gy, fy, gx, fx = y // grid, y % grid / grid, x_ // grid, x_ % grid / grid
                nodes = bend[i, gy : gy + 2, gx : gx + 2].astype(float)
                bent = np.einsum("yxa,y,x->a", nodes, [1 - fy, fy], [1 - fx, fx])
                middle = np.array([y - (height - 1) / 2, x_ - (width - 1) / 2])
                at = np.array([y, x_]) + (linear[i] @ middle + move[i] + bent) / one
                py, px = np.clip(at, 0, [height - 1, width - 1])
                y0, x0 = min(int(py), height - 2), min(int(px), width - 2)
                around = image[i, y0 : y0 + 2, x0 : x0 + 2]
                expected = np.einsum("yxc,y,x->c", around, [1 - py + y0, py - y0], [1 - px + x0, px - x0])
                assert np.abs(pixel - expected).max() <= 5  # places are known to 1 / 256 pixel


def test_an_even_image_stays_even() -> None:
    x = np.full((3, 49), 255, np.uint8)
    assert (augment.warped(x, (7, 7), np.random.default_rng(1)) == 255).all()


@pytest.mark.parametrize("name", ["flop", "flip+", "flip+flip", "shift1+flip", "warp", "warp0", "warp100", "warp5x"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="shift1"):
        check_augment(name)
