"""Twins of the kernels of the descent learner; a loss is computed anew from the scores each time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.twins.simd import examples, look_up, unpack


@dataclass(frozen=True)
class Loss:
    """Tables of the loss, as the kernels take them."""

    w: np.ndarray
    zero: int
    loss: np.ndarray
    base: int

    def of(self, scores: np.ndarray, label: np.ndarray) -> np.ndarray:
        """Loss of each example with such scores (n, n_classes)."""
        return level(reset(scores, label, self.w, self.zero), self.loss, self.base)


def lowest(word: int) -> int:
    return (word & -word).bit_length() - 1


def level(u: np.ndarray, loss: np.ndarray, base: int) -> np.ndarray:
    return loss[(np.asarray(u).astype(np.float32).view(np.int32) >> 13) - base].astype(np.int64)


def weight_sum(scores: np.ndarray, i: int, y: int, own: int, w: np.ndarray, zero: int) -> int:
    others = np.delete(scores[i].astype(np.int64), y)
    return int(w[zero] + w[zero + others - own].sum())


def reset(scores: np.ndarray, label: np.ndarray, w: np.ndarray, zero: int) -> np.ndarray:
    wide = scores.astype(np.int64)
    own = np.take_along_axis(wide, np.asarray(label)[:, None].astype(np.int64), axis=1)
    return w[zero + wide - own].sum(axis=1, dtype=np.int64)  # that of the class itself is w[zero]


def total_loss(u: np.ndarray, loss: np.ndarray, base: int) -> int:
    return int(level(u, loss, base).sum())


def evaluate(columns: np.ndarray, wiring: np.ndarray, table: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return look_up(table, columns[wiring]) & valid


def sensitivity(
    columns: np.ndarray, wiring: np.ndarray, table: np.ndarray, j: int, high: np.ndarray, low: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    patterns = np.arange(len(table))
    one, zero = (look_up(table[chosen], columns[wiring]) for chosen in (patterns | 1 << j, patterns & ~(1 << j)))
    rises, falls = one & ~zero, zero & ~one
    return rises & high | falls & low, rises & low | falls & high


def listed(word: int, seed: int, keep: int) -> bool:
    """Whether a word of examples is in the sample: a multiplicative hash modulo 2**64."""
    most = (1 << 64) - 1
    h = (word + seed) * 0x9E3779B97F4A7C15 & most
    h = (h ^ h >> 29) * 0xBF58476D1CE4E5B9 & most
    return h >> 56 < keep


def _list(d: np.ndarray, columns: np.ndarray, wiring: np.ndarray, keep: int, seed: int) -> tuple[np.ndarray, ...]:
    """Examples, effects and patterns, where the effect is not zero and the sample has the example."""
    index = np.array([i for i in np.flatnonzero(d) if keep >= 256 or listed(int(i) // 64, seed, keep)], np.int64)
    on = examples(columns[wiring])[:, index]
    return index, d[index], (on * (1 << np.arange(len(wiring)))[:, None]).sum(axis=0)


def effects(
    c: int,
    root: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    scores: np.ndarray,
    label: np.ndarray,
    loss: Loss,
    columns: np.ndarray,
    wiring: np.ndarray,
    keep: int,
    seed: int,
) -> tuple[np.ndarray, ...]:
    n = len(label)
    vote, up, down = (unpack(each).ravel()[:n].astype(np.int64) for each in (root, high, low))
    with_zero, with_one = scores.astype(np.int64), scores.astype(np.int64)
    with_zero[:, c] += -vote
    with_one[:, c] += 1 - vote
    d = (loss.of(with_one, label) - loss.of(with_zero, label)) * np.where(down, -1, up)
    return _list(d, columns, wiring, keep, seed)


def shared_effects(
    own_bit: np.ndarray,
    cone: np.ndarray,
    source: np.ndarray,
    table: np.ndarray,
    class_of: np.ndarray,
    columns: np.ndarray,
    valid: np.ndarray,
    scores: np.ndarray,
    label: np.ndarray,
    loss: Loss,
    wiring: np.ndarray,
    keep: int,
    seed: int,
) -> tuple[np.ndarray, ...]:
    n = len(label)
    flipped = [~own_bit]
    after = scores.astype(np.int64)
    for lut, read in enumerate(source):
        flipped.append(look_up(table[lut], np.array([columns[s] if s >= 0 else flipped[~s] for s in read])))
        if class_of[lut] >= 0:
            on, was = (unpack(each & valid).ravel()[:n].astype(int) for each in (flipped[-1], columns[cone[lut]]))
            after[:, class_of[lut]] += on - was
    d = loss.of(after, label) - loss.of(scores, label)
    return _list(np.where(unpack(own_bit).ravel()[:n], -d, d), columns, wiring, keep, seed)


def repattern(n: int, j: int, column: np.ndarray, index: np.ndarray, pattern: np.ndarray) -> np.ndarray:
    after = pattern.copy()
    bit = unpack(column).ravel()[index[:n]].astype(pattern.dtype)
    after[:n] = pattern[:n] & ~np.uint8(1 << j) | bit << j
    return after


def histogram(
    n: int, column: np.ndarray, index: np.ndarray, effect: np.ndarray, pattern: np.ndarray, n_patterns: int
) -> tuple[np.ndarray, int]:
    d = effect[:n].astype(np.int64)
    out = np.zeros(n_patterns, np.int64)
    np.add.at(out, pattern[:n], d)
    return out, int(d[unpack(column).ravel()[index[:n]]].sum())


def sum_signals(
    n: int, k: int, rows: np.ndarray, index: np.ndarray, effect: np.ndarray, pattern: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """int64 (2**k, 32 * width of rows) of all words, and (2**k,)."""
    on = (
        (rows[index[:n]][..., None] >> np.arange(32, dtype=np.uint32) & 1)
        .reshape(n, 32 * rows.shape[1])
        .astype(np.int64)
    )
    d, p = effect[:n].astype(np.int64), pattern[:n].astype(np.int64)
    sums = np.stack([d[p == each] @ on[p == each] for each in range(1 << k)])
    return sums, np.array([d[p == each].sum() for each in range(1 << k)])


def value_signals(k: int, sums: np.ndarray, totals: np.ndarray, margin: int) -> np.ndarray:
    """int64 (k, signals), of one part."""
    value = np.zeros((k, sums.shape[1]), np.int64)
    for j in range(k):
        for zero in range(1 << k):
            if not zero >> j & 1:
                one = sums[zero] + sums[zero | 1 << j]
                rest = totals[zero] + totals[zero | 1 << j] - one
                value[j] += np.minimum(0, margin + one) + np.minimum(0, margin + rest)
    return value


def change_vote(
    c: int, old: np.ndarray, new: np.ndarray, scores: np.ndarray, label: np.ndarray, loss: Loss
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, those of the labels, and weight sums."""
    n, after = len(label), scores.astype(np.int64)
    after[:, c] += unpack(new).ravel()[:n].astype(int) - unpack(old).ravel()[:n]
    return after, after[np.arange(n), label], reset(after, label, loss.w, loss.zero)


def change_rows(place: int, old: np.ndarray, new: np.ndarray, rows: np.ndarray) -> np.ndarray:
    after = rows.copy()
    changed = unpack(old ^ new).ravel()[: len(rows)]
    after[changed, place // 32] ^= np.uint32(1 << place % 32)
    return after


def fill_rows(columns: np.ndarray, candidates: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    n, width = shape
    on = np.zeros((n, 32 * width), np.uint32)
    on[:, : len(candidates)] = examples(columns[candidates])[:, :n].T
    return (on.reshape(n, width, 32) << np.arange(32, dtype=np.uint32)).sum(axis=2, dtype=np.uint32)


def correct(scores: np.ndarray, label: np.ndarray, first: int, last: int) -> int:
    return int((scores.argmax(axis=1) == label)[first:last].sum())


def care_set(columns: np.ndarray, wiring: np.ndarray, valid: np.ndarray) -> np.ndarray:
    k = wiring.shape[1]
    real = unpack(valid).ravel()
    on = examples(columns)[:, real].astype(np.int64)
    care = np.zeros((len(wiring), 1 << k), np.uint8)
    for lut, read in enumerate(wiring):
        care[lut, (on[read] << np.arange(k)[:, None]).sum(axis=0)] = 1
    return care
