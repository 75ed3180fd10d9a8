"""Twins of the kernels of the golden model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from helpers.twins.simd import examples, look_up, make_blocks
from lut2hw import bits
from lut2hw.kernels.simd import FUNCTION_BYTES


def make_space(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Patterns of a word; functions of two inputs, results of 16 pieces, addresses, k inputs, an output."""
    return np.zeros(64, np.uint32), make_blocks(FUNCTION_BYTES // 512 + 16 + 1 + k + 1)


def lut(table: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    return look_up(bits.unpack_tables(table[None], len(inputs))[0], inputs)


def lut_row(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return lut(table, rows)


def evaluate(signals: np.ndarray, wiring: np.ndarray, tables: np.ndarray) -> np.ndarray:
    return np.array([lut(table, signals[read]) for read, table in zip(wiring, tables, strict=True)])


def evaluate_layer(signals: np.ndarray, wiring: np.ndarray, tables: np.ndarray, first: int) -> np.ndarray:
    after = signals.copy()
    after[first : first + len(wiring)] = evaluate(signals, wiring, tables)
    return after


def evaluate_in_order(
    values: np.ndarray, counts: np.ndarray, nets: np.ndarray, tables: np.ndarray, out: np.ndarray
) -> np.ndarray:
    after, first, byte = values.copy(), 0, 0
    for k, to in zip(counts.tolist(), out, strict=True):
        n_bytes = max(1, (1 << k) // 8)
        after[to] = lut(tables[byte : byte + n_bytes], after[nets[first : first + k]])
        first, byte = first + k, byte + n_bytes
    return after


def evaluate_instead(
    signals: np.ndarray, other: np.ndarray, changed: np.ndarray, wiring: np.ndarray, table: np.ndarray, number: int
) -> np.ndarray:
    after = other.copy()
    after[number] = lut(table, np.where(changed[:, None], other, signals)[wiring])
    return after


def run(
    encoded: np.ndarray,
    n_examples: int,
    ks: Sequence[int],
    wiring: np.ndarray,
    tables: np.ndarray,
    vote_signal: np.ndarray,
    vote_class: np.ndarray,
    vote_weight: np.ndarray,
    bias: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    signals = np.zeros((len(encoded) + len(ks), encoded.shape[1]), np.uint64)
    signals[: len(encoded)] = encoded
    order = np.arange(len(encoded), len(signals))
    signals = evaluate_in_order(signals, np.array(ks), wiring, tables, order)
    on = examples(signals)[:, :n_examples].astype(np.int64)
    scores = np.tile(bias, (n_examples, 1))
    for signal, c, weight in zip(vote_signal, vote_class, vote_weight, strict=True):
        scores[:, c] += weight * on[signal]
    return scores, scores.argmax(axis=1)


def compare(x: np.ndarray, feature: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    return bits.pack((x[:, feature] >= threshold).T)
