"""Kernels that evaluate single LUTs against their twins in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from lut2hw import bits
from lut2hw.kernels import evaluate as kernels


def twin(inputs: list[np.ndarray], table: np.ndarray, n: int) -> np.ndarray:
    """One LUT, example by example: packed inputs and a packed table to a packed output."""
    pattern = np.zeros(n, np.int64)
    for j, row in enumerate(inputs):
        pattern |= bits.unpack(row[None], n)[0].astype(np.int64) << j
    return bits.pack(np.unpackbits(table, bitorder="little")[pattern][None])[0]


def random_table(rng: np.random.Generator, k: int) -> np.ndarray:
    return rng.integers(0, 256, max(1, (1 << k) // 8), np.uint8)


@pytest.mark.parametrize("n_words", [1, 3, 64, 130])
def test_luts_that_read_each_other(n_words):
    rng = np.random.default_rng(n_words)
    n, first = 64 * n_words, 6
    ks = [0, 1, 2, 3, 4, 5, 6, 8, 9, 11, 13, 3]
    values = rng.integers(0, 1 << 64, (first + len(ks), n_words), np.uint64)
    wanted = values.copy()
    nets, tables = [], []
    for i, k in enumerate(ks):
        nets.append(rng.integers(0, first + i, k).astype(np.int32))
        tables.append(random_table(rng, k))
        wanted[first + i] = twin([wanted[net] for net in nets[-1]], tables[-1], n)
    out = np.arange(first, first + len(ks), dtype=np.int64)
    kernels.evaluate_in_order(values, np.array(ks, np.int64), np.concatenate(nets), np.concatenate(tables), out)
    assert (values == wanted).all()


@pytest.mark.parametrize("k", [0, 2, 4, 7, 10, 13])
def test_a_lut_on_signals_some_of_which_are_replaced(k):
    rng = np.random.default_rng(k)
    signals, other = (rng.integers(0, 1 << 64, (20, 70), np.uint64) for _ in range(2))
    changed = rng.random(20) < 0.5
    wiring, table = rng.permutation(19)[:k].astype(np.int32), random_table(rng, k)
    before = other.copy()
    kernels.evaluate_instead(signals, other, changed, wiring, table, 19)
    rows = [(before if changed[net] else signals)[net] for net in wiring]
    assert (other[19] == twin(rows, table, 64 * 70)).all() and (other[:19] == before[:19]).all()
