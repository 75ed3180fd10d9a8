"""Packed bits: the one layout in which signals are stored, learned from and evaluated.

A packed array is uint64 of shape (n_signals, n_words) with n_words = ceil(n_examples / 64). Example i of a
signal is bit i % 64 (bit 0 least significant) of word i // 64; bits past the last example are zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Packed = NDArray[np.uint64]
WORD = 64


def n_words(n_examples: int) -> int:
    """Words that hold `n_examples` bits of one signal."""
    return -(-n_examples // WORD)


def pack(bits: NDArray[Any]) -> Packed:
    """Pack bool or 0/1 `bits` of shape (n_signals, n_examples) to uint64 (n_signals, n_words)."""
    bits = np.asarray(bits)
    packed = np.packbits(bits.astype(bool, copy=False), axis=1, bitorder="little")
    out = np.zeros((bits.shape[0], n_words(bits.shape[1]) * 8), np.uint8)
    out[:, : packed.shape[1]] = packed
    return out.view("<u8").astype(np.uint64, copy=False)


def empty(n_signals: int, n_words: int) -> Packed:
    """Packed signals with any values, which begin at a cache line: a vector that crosses two costs twice."""
    words = np.empty(n_signals * n_words + 7, np.uint64)
    skip = -words.ctypes.data % 64 // 8
    return words[skip : skip + n_signals * n_words].reshape(n_signals, n_words)


def unpack(packed: Packed, n_examples: int) -> NDArray[np.uint8]:
    """Undo `pack`: uint8 0/1 of shape (n_signals, n_examples)."""
    as_bytes = np.ascontiguousarray(packed, "<u8").view(np.uint8)
    return np.unpackbits(as_bytes, axis=1, count=n_examples, bitorder="little")


def tail_mask(n_examples: int) -> Packed:
    """uint64 (n_words,) with ones where examples exist."""
    mask = np.full(n_words(n_examples), np.uint64(0xFFFFFFFFFFFFFFFF))
    if n_examples % WORD:
        mask[-1] = np.uint64((1 << (n_examples % WORD)) - 1)
    return mask


def pack_tables(tables: NDArray[Any]) -> NDArray[np.uint8]:
    """Pack 0/1 tables (n_luts, 2**k) to uint8 (n_luts, ceil(2**k / 8)), entry p in bit p % 8 of byte p // 8."""
    return np.packbits(np.asarray(tables).astype(bool, copy=False), axis=1, bitorder="little")


def unpack_tables(packed: NDArray[np.uint8], k: int) -> NDArray[np.uint8]:
    """Undo `pack_tables`: uint8 0/1 of shape (n_luts, 2**k)."""
    return np.unpackbits(packed, axis=1, count=1 << k, bitorder="little")
