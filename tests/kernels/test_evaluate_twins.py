"""Kernels of the golden model against their twins in NumPy."""

from __future__ import annotations

import numpy as np
from helpers.threads import numbers, running
from helpers.twins import evaluate as twins
from hypothesis import example, given
from hypothesis import strategies as st

from lut2hw.kernels import evaluate as kernels

seeds = st.integers(0, 2**32)
some_k = st.integers(0, 14)
sizes = st.one_of(st.integers(1, 9), st.sampled_from([63, 64, 65, 128, 130]))
"""Words, about blocks of 64."""


def random_words(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(0, 1 << 64, shape, np.uint64)


def random_tables(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    return rng.integers(0, 256, (n, max(1, (1 << k) // 8)), np.uint8)


@given(some_k)
def test_make_space(k: int):
    patterns, blocks = kernels.make_space(k)
    wanted_patterns, wanted_blocks = twins.make_space(k)
    assert (patterns.shape, patterns.dtype) == (wanted_patterns.shape, wanted_patterns.dtype)
    assert blocks.shape == wanted_blocks.shape and blocks.ctypes.data % 64 == 0


@given(seeds, some_k, sizes, st.integers(0, 5))
def test_lut_and_lut_row(seed: int, k: int, n_words: int, more: int):
    """Neighbouring words are left alone; the work space may be one for more inputs."""
    rng = np.random.default_rng(seed)
    rows, [table], out = random_words(rng, k, n_words), random_tables(rng, 1, k), random_words(rng, n_words + 2)
    at, space = np.array([row.ctypes.data for row in rows], np.int64), kernels.make_space(k + more)
    wanted = out.copy()
    wanted[1:-1] = twins.lut_row(table, rows)
    kernels.lut_row(k, table.ctypes.data, at, n_words, out.ctypes.data + 8, space)
    assert (out == wanted).all()
    n, out = min(n_words, 64), random_words(rng, n_words + 2)
    wanted = out.copy()
    wanted[1 : 1 + n] = twins.lut(table, rows[:, :n])
    kernels.lut(k, table.ctypes.data, at.ctypes.data, n, out.ctypes.data + 8, space)
    assert (out == wanted).all()


@given(seeds, some_k, sizes, st.integers(0, 12), st.integers(1, 9), numbers)
def test_evaluate(seed: int, k: int, n_words: int, n_luts: int, n_signals: int, threads: int):
    rng = np.random.default_rng(seed)
    signals, tables = random_words(rng, n_signals + n_luts, n_words), random_tables(rng, n_luts, k)
    wiring = rng.integers(0, n_signals, (n_luts, k)).astype(np.int32)
    out = random_words(rng, n_luts, n_words)
    layer = twins.evaluate_layer(signals, wiring, tables, n_signals) if n_luts else signals.copy()
    with running(threads):
        kernels.evaluate(signals, wiring, tables, out)
        kernels.evaluate_layer(signals, wiring, tables, n_signals)
    assert (signals == layer).all()
    if n_luts:
        assert (out == twins.evaluate(signals, wiring, tables)).all()


@given(seeds, st.lists(some_k, min_size=1, max_size=12), sizes)
@example(1, [0, 1, 2, 3, 4, 5, 6, 8, 9, 11, 13, 3], 130)
def test_evaluate_in_order(seed: int, ks: list[int], n_words: int):
    rng = np.random.default_rng(seed)
    first = 6
    values = random_words(rng, first + len(ks), n_words)
    nets = np.concatenate([rng.integers(0, first + i, k).astype(np.int32) for i, k in enumerate(ks)])
    tables = np.concatenate([random_tables(rng, 1, k)[0] for k in ks])
    out, counts = np.arange(first, first + len(ks), dtype=np.int64), np.array(ks, np.int64)
    wanted = twins.evaluate_in_order(values, counts, nets, tables, out)
    kernels.evaluate_in_order(values, counts, nets, tables, out)
    assert (values == wanted).all()


@given(seeds, some_k, sizes)
def test_evaluate_instead(seed: int, k: int, n_words: int):
    rng = np.random.default_rng(seed)
    signals, other = random_words(rng, 2, 20, n_words)
    changed, number = rng.random(20) < 0.5, int(rng.integers(20))
    wiring = rng.choice(np.delete(np.arange(20), number), k).astype(np.int32)
    [table] = random_tables(rng, 1, k)
    wanted = twins.evaluate_instead(signals, other, changed, wiring, table, number)
    kernels.evaluate_instead(signals, other, changed, wiring, table, number)
    assert (other == wanted).all()


@given(
    seeds,
    st.lists(st.integers(0, 9), max_size=9),
    st.one_of(st.integers(1, 300), st.sampled_from([4095, 4096, 4097, 9000])),
    st.integers(1, 11),
    st.sampled_from([1, 3, 1 << 20]),
    numbers,
)
def test_run(seed: int, ks: list[int], n: int, n_scores: int, most: int, threads: int):
    rng = np.random.default_rng(seed)
    n_bits, n_votes = (int(each) for each in rng.integers((1, 0), (9, 40)))
    encoded = random_words(rng, n_bits, -(-n // 64))
    wiring = [rng.integers(0, n_bits + i, k).astype(np.int32) for i, k in enumerate(ks)]
    tables = [random_tables(rng, 1, k)[0] for k in ks]
    network = (
        np.array(ks, np.int32),
        np.concatenate([np.empty(0, np.int32), *wiring]),
        np.concatenate([np.empty(0, np.uint8), *tables]),
        rng.integers(0, n_bits + len(ks), n_votes).astype(np.int32),
        np.sort(rng.integers(0, n_scores, n_votes)).astype(np.int32),
        np.ones(n_votes, np.int32) if most == 1 else rng.integers(-most, most, n_votes).astype(np.int32),
        rng.integers(-most, most, n_scores),
    )
    scores, answers = np.full((n, n_scores), -1), np.full(n, -1)
    with running(threads):
        kernels.run(encoded, n, *network, scores, answers)
    wanted_scores, wanted_answers = twins.run(encoded, n, *network)
    assert (scores == wanted_scores).all() and (answers == wanted_answers).all()
    answers[:] = scores[:] = -1
    with running(threads):  # each without the other
        kernels.run(encoded, n, *network, scores[:0], answers)
        kernels.run(encoded, n, *network, scores, answers[:0])
    assert (scores == wanted_scores).all() and (answers == wanted_answers).all()


@given(
    seeds,
    st.integers(1, 300),
    st.integers(1, 90),
    st.integers(0, 40),
    st.sampled_from([np.uint8, np.int8, np.int16, np.uint16, np.int32, np.int64]),
    numbers,
)
def test_compare(seed: int, n: int, n_features: int, n_bits: int, dtype: type, threads: int):
    rng = np.random.default_rng(seed)
    limits = np.iinfo(dtype)
    x = rng.integers(limits.min, limits.max, (n, n_features), dtype, endpoint=True)
    feature = rng.integers(0, n_features, n_bits)
    threshold = x[rng.integers(0, n, n_bits), feature]  # values that occur: at and beside them
    out = random_words(rng, n_bits, -(-n // 64))
    with running(threads):
        kernels.compare(x, feature, threshold, out)
    assert (out == twins.compare(x, feature, threshold)).all()
