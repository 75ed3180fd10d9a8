"""Twins of the kernels of `memorize`."""

from __future__ import annotations

import numpy as np

from helpers.twins.evaluate import evaluate
from helpers.twins.simd import examples, pack
from lut2hw import bits


def gather_bits(packed: np.ndarray, source: np.ndarray) -> np.ndarray:
    line = np.zeros((len(packed), packed.shape[1] * 64 + 1), bool)
    line[:, :-1] = examples(packed)
    return pack(line[:, source].reshape(len(packed), len(source) // 64, 64))


def fill_layer(
    signals: np.ndarray,
    wiring: np.ndarray,
    question: np.ndarray,
    start: np.ndarray,
    count: np.ndarray,
    balance: bool,
    tables: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tables, care sets, counts by pattern and label, and outputs."""
    k = wiring.shape[1]
    on = examples(signals).astype(np.int64)
    where = np.concatenate([np.arange(n) + 64 * first for first, n in zip(start, count, strict=False)])
    label = np.repeat(np.arange(len(count)), count)
    kept = np.zeros((len(wiring), 1 << k, 2), np.int64)
    entries = bits.unpack_tables(tables, k)
    for lut, (read, yes) in enumerate(zip(wiring, question, strict=True)):
        pattern = (on[read][:, where] << np.arange(k)[:, None]).sum(axis=0)
        np.add.at(kept[lut], (pattern, (label == yes).astype(int)), 1)
        seen = count.sum() - count[yes], count[yes]
        zeros, ones = (kept[lut, :, a] * (seen[1 - a] if balance else 1) for a in (0, 1))
        entries[lut] = np.where(ones == zeros, entries[lut], ones > zeros)
    filled = bits.pack_tables(entries)
    return filled, bits.pack_tables(kept.any(axis=2)), kept, evaluate(signals, wiring, filled)
