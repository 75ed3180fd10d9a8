"""The kernel that warps images against its twin in NumPy."""

from __future__ import annotations

import numpy as np
from helpers.threads import numbers, running
from helpers.twins import augment as twins
from hypothesis import given
from hypothesis import strategies as st

from lut2hw.kernels import augment as kernels


@given(
    st.integers(0, 2**32),
    st.tuples(st.integers(0, 4), st.integers(1, 20), st.integers(1, 20), st.integers(1, 4)),
    st.sampled_from([(np.uint8, 255), (np.int64, 1 << 30)]),
    st.sampled_from([1, 40, 2000]),
    numbers,
)
def test_warp(seed: int, shape: tuple[int, ...], kind: tuple[type, int], most: int, threads: int):
    rng = np.random.default_rng(seed)
    dtype, highest = kind
    n, height, width, _ = shape
    image = rng.integers(0, highest, shape, dtype, endpoint=True)
    nodes = ((height - 1) // kernels.GRID + 2, (width - 1) // kernels.GRID + 2)
    linear, move, bend = (
        rng.integers(-most, most, (n, *rest), np.int32, endpoint=True) for rest in ((2, 2), (2,), (*nodes, 2))
    )
    out = rng.integers(0, highest, shape, dtype)
    with running(threads):
        kernels.warp(image, linear, move, bend, out)
    assert (out == twins.warp(image, linear, move, bend)).all()
