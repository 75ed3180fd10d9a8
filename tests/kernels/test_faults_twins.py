"""The kernel of faults against its twin."""

from __future__ import annotations

import numpy as np
from helpers.twins import faults as twins
from hypothesis import given
from hypothesis import strategies as st

from lut2hw.kernels import faults as kernels


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 3), st.integers(0, 4))
def test_inject(seed: int, n_nodes: int, words: int, groups: int):
    rng = np.random.default_rng(seed)
    first = 2 + int(rng.integers(0, 4))
    values = rng.integers(0, 1 << 64, (first + n_nodes, words), np.uint64)
    tables = rng.integers(0, 1 << 16, n_nodes).astype(np.uint16)
    sources = np.array([rng.integers(0, first + node, 4) for node in range(n_nodes)], np.int32)
    outputs = rng.integers(0, first + n_nodes, 2).astype(np.int32)
    none, empty = np.zeros(2, np.int64), np.zeros(0, np.int32)
    right = twins.inject(tables, sources, np.arange(first + n_nodes), values, first, none, empty, empty, empty)
    values = right[0].copy()  # as they are without a change
    sizes = rng.integers(0, 4, groups)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    n = int(sizes.sum())
    nodes = rng.integers(0, n_nodes, n).astype(np.int32)
    pins = rng.integers(0, 5, n).astype(np.int32)
    # earlier rows only: what a later one shows is not the same in both
    rows = [
        int(rng.integers(0, 1 << 16 if pin == 4 else first + node)) for node, pin in zip(nodes, pins, strict=True)
    ]
    news = np.array(rows, np.int32)
    shown = np.zeros((groups, 2, words), np.uint64)
    kernels.inject(tables, sources, outputs, values, first, starts, nodes, pins, news, shown)
    assert (shown == twins.inject(tables, sources, outputs, values, first, starts, nodes, pins, news)).all()
