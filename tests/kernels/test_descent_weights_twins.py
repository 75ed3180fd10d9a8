"""Kernels that weigh effects against their twins in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.threads import numbers, running
from helpers.twins import descent_weights as twins
from hypothesis import given
from hypothesis import strategies as st

from lut2hw.kernels import descent_weights as kernels
from lut2hw.learn.descent.loss import Extent, fit


@given(
    effect=st.lists(st.integers(-3000, 3000), max_size=60),
    seed=st.integers(0, 99),
    weighted=st.booleans(),
    small=st.booleans(),
    factor=st.sampled_from([1, 8, 96]),
    parts=st.integers(1, 5),
    threads=numbers,
)
def test_effects_are_brought_into_16_bits(
    effect: list, seed: int, weighted: bool, small: bool, factor: int, parts: int, threads: int
):
    """Of 64 bits, or of 16 where they are; within a unit of what they stand for."""
    rng = np.random.default_rng(seed)
    n = len(effect)
    index = rng.permutation(1000)[:n].astype(np.int32)
    weight = rng.integers(1, 256, 1000 if weighted else 0)
    out = np.zeros(n, np.int16)
    wide = np.array(effect, np.int64) * (1 if small else factor)
    first = int(rng.integers(1 << 20))
    given_ = wide
    if small:  # in place
        given_ = out
        out[:] = wide
    with running(threads):
        found = kernels.extent(n, index, given_, weight, parts)
        assert found == twins.extent(index, wide, weight)
        shift, largest, exact = fit(Extent(n, 0, 0, found), 512, 1 << 14)
        kernels.scale(n, first, index, given_, weight, shift, out, parts)
    assert (shift, largest, exact) == twins.fit(twins.weighed(index, wide, weight), 512, 1 << 14)
    assert (out == twins.scale(first, index, wide, weight, shift)).all()
    true = wide * (weight[index] if weighted else 1)
    assert (np.abs(out.astype(int) * 2**shift - true) < 2**shift).all()
    assert np.abs(out).max(initial=0) <= largest <= 512 and np.abs(out.astype(int)).sum() < 1 << 14


def test_what_fit_cuts_off_counts_on_average():
    n = 100_000
    out, index, none = np.zeros(n, np.int16), np.arange(n, dtype=np.int32), np.zeros(0, np.int64)
    effect = np.full(n, 3, np.int64)
    effect[0] = 1 << 20
    shift, _, exact = fit(Extent(n, 0, 0, kernels.extent(n, index, effect, none, 16)))
    kernels.scale(n, 0, index, effect, none, shift, out, 16)
    assert shift >= 8 and not exact
    assert out[1:].mean() * 2**shift == pytest.approx(3, rel=0.05)


@given(st.integers(0, 2**32), st.integers(0, 300), numbers)
def test_weighted_loss(seed: int, n: int, threads: int):
    rng = np.random.default_rng(seed)
    u = rng.integers(1, 1 << 31, n).astype(np.int32)
    first, last = (int(np.float32(each).view(np.int32)) >> 13 for each in (1, 2.0**31))
    loss = rng.integers(-9000, 9000, last - first + 1).astype(np.int32)
    weight = rng.integers(0, 256, n + 3)
    with running(threads):
        total = kernels.weighted_loss(u, loss, first, weight)
    assert total == twins.weighted_loss(u, loss, first, weight)
