"""The kernel that clocks graphs against its twin."""

from __future__ import annotations

import numpy as np
from helpers.twins import machine as twins
from hypothesis import given
from hypothesis import strategies as st

from lut2hw.kernels import machine as kernels


@given(
    st.integers(0, 2**32),
    st.integers(0, 3),
    st.integers(1, 5),
    st.integers(0, 12),
    st.integers(0, 4),
    st.sampled_from([0, 1, 7]),
)
def test_run(seed: int, inputs: int, registers: int, ands: int, outputs: int, clocks: int):
    rng = np.random.default_rng(seed)
    first, words = 1 + inputs + registers, int(rng.integers(1, 3))
    pairs = np.array([rng.integers(0, 2 * (first + at), 2) for at in range(ands)], np.int32).reshape(-1, 2)
    nodes = 2 * (first + ands)
    literals, following = (rng.integers(0, nodes, n).astype(np.int32) for n in (outputs, registers))
    # rarely one, so that some runs end late and some never
    stimulus = rng.integers(0, 1 << 64, (clocks, inputs, words), np.uint64) & rng.integers(
        0, 2, (clocks, inputs, 1), np.uint64
    ) * np.uint64(0xFFFFFFFFFFFFFFFF)
    state = rng.integers(0, 1 << 64, (registers, words), np.uint64) * rng.integers(0, 2, dtype=np.uint64)
    signatures = rng.integers(0, 1 << 64, (registers, words), np.uint64)
    expected = twins.run(pairs, literals, following, stimulus, state, signatures)
    clock = kernels.run(pairs, literals, following, stimulus, state, signatures)
    assert clock == expected[0]
    assert (state == expected[1]).all() and (signatures == expected[2]).all()
