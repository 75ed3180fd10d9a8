"""Twins of the kernels of separable losses; a loss is computed anew from the scores each time."""

from __future__ import annotations

import numpy as np

from helpers.twins.descent import _list
from helpers.twins.simd import look_up, unpack


def entry(table: np.ndarray, zero: int, difference: np.ndarray | int) -> np.ndarray:
    return table[np.clip(zero + np.asarray(difference, np.int64), 0, len(table) - 1)].astype(np.int64)


def effects(
    output: int,
    weight: int,
    root: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    scores: np.ndarray,
    target: np.ndarray,
    table: np.ndarray,
    zero: int,
    columns: np.ndarray,
    wiring: np.ndarray,
    keep: int,
    seed: int,
) -> tuple[np.ndarray, ...]:
    n = scores.shape[1]
    vote, up, down = (unpack(each).ravel()[:n].astype(np.int64) for each in (root, high, low))
    without = scores[output].astype(np.int64) - weight * vote - target[output]
    d = (entry(table, zero, without + weight) - entry(table, zero, without)) * np.where(down, -1, up)
    return _list(d, columns, wiring, keep, seed)


def shared_effects(
    own_bit: np.ndarray,
    cone: np.ndarray,
    source: np.ndarray,
    tables: np.ndarray,
    output: np.ndarray,
    weight: np.ndarray,
    columns: np.ndarray,
    valid: np.ndarray,
    scores: np.ndarray,
    target: np.ndarray,
    table: np.ndarray,
    zero: int,
    wiring: np.ndarray,
    keep: int,
    seed: int,
) -> tuple[np.ndarray, ...]:
    n = scores.shape[1]
    flipped = [~own_bit]
    after = scores.astype(np.int64)
    for lut, read in enumerate(source):
        flipped.append(look_up(tables[lut], np.array([columns[s] if s >= 0 else flipped[~s] for s in read])))
        if output[lut] >= 0:
            on, was = (unpack(each & valid).ravel()[:n].astype(int) for each in (flipped[-1], columns[cone[lut]]))
            after[output[lut]] += weight[lut] * (on - was)
    d = (entry(table, zero, after - target) - entry(table, zero, scores.astype(np.int64) - target)).sum(axis=0)
    return _list(np.where(unpack(own_bit).ravel()[:n], -d, d), columns, wiring, keep, seed)


def total_loss(
    scores: np.ndarray, target: np.ndarray, table: np.ndarray, zero: int, weight: np.ndarray, n: int
) -> int:
    each = entry(table, zero, scores.astype(np.int64) - target).sum(axis=0)[:n]
    return int((each * weight[:n] if len(weight) else each).sum())


def change_vote(weight: int, old: np.ndarray, new: np.ndarray, scores: np.ndarray) -> np.ndarray:
    n = len(scores)
    return scores + weight * (unpack(new).ravel()[:n].astype(int) - unpack(old).ravel()[:n])
