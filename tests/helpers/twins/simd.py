"""Twins of the vector instructions; a block is uint64 (..., BLOCK)."""

from __future__ import annotations

import numpy as np

from lut2hw import bits
from lut2hw.kernels.simd import BLOCK, LANES

WORD = 64


def unpack(words: np.ndarray) -> np.ndarray:
    """Bits of packed words, along one more last axis: bool (..., 64)."""
    return (words[..., None] >> np.arange(WORD, dtype=np.uint64) & np.uint64(1)).astype(bool)


def examples(rows: np.ndarray) -> np.ndarray:
    """Bits of packed signals (n_signals, n_words): bool (n_signals, 64 * n_words)."""
    return unpack(rows).reshape(len(rows), rows.shape[1] * WORD)


def pack(values: np.ndarray) -> np.ndarray:
    """Undo `unpack`."""
    return (values.astype(np.uint64) << np.arange(WORD, dtype=np.uint64)).sum(axis=-1, dtype=np.uint64)


def look_up(entries: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """A table, 0/1 (2**k,), at each example of packed inputs (k, n_words)."""
    place = 1 << np.arange(len(inputs))
    pattern = (unpack(inputs) * place[:, None, None]).sum(axis=0)
    return pack(entries[pattern])


def count_subsets(
    parent: np.ndarray, factor: np.ndarray, inputs: np.ndarray, counters: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    base, after = parent & factor, counters.copy()
    for subset in range(len(counters)):
        product = base
        for j, words in enumerate(inputs):
            product = product & words if subset >> j & 1 else product
        after[subset] += np.bitwise_count(product).reshape(-1, LANES).sum(axis=0, dtype=np.uint64)
    return base, after


def take_counters(counters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    total = counters.sum(axis=1).astype(np.int64).reshape(-1, LANES)
    out = np.zeros_like(total)
    for p in range(LANES):
        for subset in range(LANES):
            if subset & p == p:
                out[:, p] += (-1) ** (subset ^ p).bit_count() * total[:, subset]
    return np.zeros_like(counters), out.ravel()


def subtract(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a - b


def small_table(table: int, inputs: np.ndarray) -> np.ndarray:
    return look_up(table >> np.arange(1 << len(inputs)) & 1, inputs)


def wide_table(table: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    return look_up(bits.unpack_tables(table[None], len(inputs))[0], inputs)


def mux_tree(rows: np.ndarray, selects: np.ndarray) -> np.ndarray:
    at = (unpack(selects) * (1 << np.arange(len(selects)))[:, None, None]).sum(axis=0)
    return pack(np.take_along_axis(unpack(rows), at[None], axis=0)[0])


def add_bits(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    total = sum(unpack(each).astype(int) for each in (a, b, c))
    return pack(total % 2), pack(total // 2)


def spread_bits(word: int, weight: int, lanes: np.ndarray, first: int) -> np.ndarray:
    after = lanes.copy()
    for i in range(WORD):
        if word >> i & 1:
            after[first + i] += lanes.dtype.type(weight)
    return after


def load_word(words: np.ndarray, index: int) -> int:
    return int(words[index])


def load_byte(words: np.ndarray, index: int) -> int:
    return int(words.view(np.uint8)[index])


def store_word(words: np.ndarray, index: int, value: int) -> np.ndarray:
    after = words.copy()
    after[index] = value
    return after


def copy_block(source: np.ndarray, flip: int) -> np.ndarray:
    return source ^ np.uint64(flip)


def compare_bits(a: np.ndarray, b: np.ndarray, greater: np.ndarray) -> np.ndarray:
    x, y = unpack(a).astype(int), unpack(b).astype(int)
    return pack(np.where(x == y, unpack(greater), x > y))


def choose(select: np.ndarray, zero: np.ndarray, one: np.ndarray) -> np.ndarray:
    return pack(np.where(unpack(select), unpack(one), unpack(zero)))


def prefetch(words: np.ndarray) -> np.ndarray:
    return words.copy()


def prefetch_far(words: np.ndarray) -> np.ndarray:
    return words.copy()


def at_least(lanes: np.ndarray, first: int, threshold: int) -> int:
    return sum((int(lane) >= threshold) << i for i, lane in enumerate(lanes[first : first + WORD]))


def test_bits(lanes: np.ndarray, first: int, mask: int) -> int:
    return sum((int(lane) & mask != 0) << i for i, lane in enumerate(lanes[first : first + WORD]))


def take(taken: np.ndarray, n: int) -> tuple[int, np.ndarray]:
    return int(taken[0]), taken + n


def make_blocks(n: int) -> np.ndarray:
    return np.zeros((n, BLOCK), np.uint64)
