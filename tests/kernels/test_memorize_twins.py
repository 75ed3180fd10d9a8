"""Kernels of `memorize` against their twins in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.threads import numbers, running
from helpers.twins import memorize as twins
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lut2hw.kernels import memorize as kernels

seeds = st.integers(0, 2**32)


@given(seeds, st.integers(0, 20), st.integers(1, 5), st.integers(0, 5), numbers)
def test_gather_bits(seed: int, n_rows: int, n_words: int, n_out: int, threads: int):
    rng = np.random.default_rng(seed)
    packed = rng.integers(0, 1 << 64, (n_rows, n_words), np.uint64)
    source = rng.integers(0, 64 * n_words, 64 * n_out, np.uint32, endpoint=True)  # the last is no example: 0
    out = rng.integers(0, 1 << 64, (n_rows, n_out), np.uint64)
    with running(threads):
        kernels.gather_bits(packed, source, out)
    assert (out == twins.gather_bits(packed, source)).all()


def examples(rng: np.random.Generator, count: list[int], n_signals: int) -> tuple[np.ndarray, ...]:
    """Signals sorted by class, first words and sizes of the classes; the bits between are zero."""
    start = np.cumsum([0, *(-(-n // 512) * 8 for n in count)])
    on = np.zeros((n_signals, int(start[-1]) * 64), bool)
    for first, n in zip(start, count, strict=False):
        # Few patterns, so that there are ties and patterns never seen.
        kinds = rng.random((n_signals, int(rng.integers(1, 30)))) < 0.5
        on[:, first * 64 : first * 64 + n] = kinds[:, rng.integers(0, kinds.shape[1], n)]
    signals = np.packbits(on, axis=1, bitorder="little").view(np.uint64)
    return np.ascontiguousarray(signals), start.astype(np.int64), np.array(count, np.int64)


def check_fill(
    seed: int, k: int, count: list[int], n_luts: int, balance: bool, wanted: tuple[bool, bool], threads: int
) -> None:
    rng = np.random.default_rng(seed)
    n_signals = k + int(rng.integers(1, 9))
    signals, start, count_ = examples(rng, count, n_signals)
    wiring = np.array([rng.permutation(n_signals)[:k] for _ in range(n_luts)], np.int32).reshape(n_luts, k)
    question = rng.integers(0, len(count), n_luts)
    n_bytes = max(1, (1 << k) // 8)
    tables = rng.integers(0, 256, (n_luts, n_bytes), np.uint8)
    if k < 3:
        tables &= np.uint8((1 << (1 << k)) - 1)
    care = np.zeros_like(tables)
    kept = np.zeros((n_luts if wanted[0] else 0, 1 << k, 2), np.uint32)
    out = np.zeros((n_luts if wanted[1] else 0, signals.shape[1]), np.uint64)
    expected = twins.fill_layer(signals, wiring, question, start, count_, balance, tables)
    with running(threads):
        kernels.fill_layer(signals, wiring, question, start, count_, balance, tables, care, kept, out)
    assert (tables == expected[0]).all() and (care == expected[1]).all()
    if wanted[0]:
        assert (kept == expected[2]).all()
    if wanted[1]:
        assert (out == expected[3]).all()


counts = st.lists(st.integers(0, 700), min_size=2, max_size=5).filter(any)
flags = st.tuples(st.booleans(), st.booleans())


@given(seeds, st.integers(1, 13), counts, st.integers(1, 20), st.booleans(), flags, numbers)
@example(0, 1, [1, 0], 1, True, (True, True), 1)
@example(0, 9, [20_000, 1], 3, True, (True, True), 2)  # several chunks of one class
@settings(max_examples=40)
def test_fill_layer(
    seed: int, k: int, count: list[int], n_luts: int, balance: bool, wanted: tuple[bool, bool], threads: int
):
    check_fill(seed, k, count, n_luts, balance, wanted, threads)


@pytest.mark.parametrize("k", [14, 16, 17])
@pytest.mark.parametrize("threads", [1, 3])
def test_fill_layer_of_wide_tables(k: int, threads: int):
    check_fill(k, k, [700, 1300, 0, 5], 3, True, (True, True), threads)


@pytest.mark.parametrize("k", range(1, 13))
def test_fill_layer_by_histograms_too(k: int, monkeypatch: pytest.MonkeyPatch):
    """Machines differ in how wide a table they count by products: each width both ways."""
    for most in (0, 12):
        monkeypatch.setattr(kernels, "MAX_PRODUCT_K", most)
        check_fill(k, k, [700, 1300, 0, 5], 5, k % 2 > 0, (True, True), 2)
