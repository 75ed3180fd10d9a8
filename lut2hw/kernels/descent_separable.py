"""Compiled kernels of losses that are a sum over outputs, each by what its score lacks.

The loss of example i is the sum over outputs t of table[scores[t, i] - target[t, i]], clipped to the table, whose
entry `zero` is that of no difference. All sums are integers, so no result depends on the number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from lut2hw.kernels.compiled import njit
from lut2hw.kernels.descent import _close_gaps, _listed, _patterns, _shannon, lowest
from lut2hw.kernels.threads import parallel


@njit(nogil=True)
def entry(table, zero, difference):
    """The loss of a score that exceeds its target by `difference`."""
    return np.int64(table[min(max(zero + difference, 0), len(table) - 1)])


@parallel
def effects(
    output,
    weight,
    root,
    high,
    low,
    scores,
    target,
    table,
    zero,
    columns,
    wiring,
    parts,
    keep,
    seed,
    index,
    effect,
    pattern,
):
    """As `lut2hw.kernels.descent.effects`, for a vote of an output whose bit adds `weight`; effect int64."""
    n_words = len(root)
    counts = np.zeros(parts, np.int64)
    step = (n_words + parts - 1) // parts
    mine, aim = scores[output], target[output]
    for part in prange(parts):
        patterns = np.empty(8, np.uint64)
        at = part * step * 64
        for word in range(part * step, min(n_words, (part + 1) * step)):
            moves = high[word] | low[word]
            if moves == 0 or (keep < 256 and not _listed(word, seed, keep)):
                continue
            falls, ones = low[word], root[word]
            _patterns(columns, wiring, word, patterns)
            while moves:
                e = lowest(moves)  # type: ignore[call-arg, var-annotated]
                moves &= moves - np.uint64(1)
                i, bit = word * 64 + e, np.uint64(e)
                lacks = np.int64(mine[i]) - aim[i]
                if (ones >> bit) & np.uint64(1):
                    lacks -= weight
                d = entry(table, zero, lacks + weight) - entry(table, zero, lacks)
                index[at] = i
                effect[at] = -d if (falls >> bit) & np.uint64(1) else d
                pattern[at] = (patterns[e >> 3] >> np.uint64(8 * (e & 7))) & np.uint64(255)
                at += d != 0
        counts[part] = at - part * step * 64
    return _close_gaps(counts, step, index, effect, pattern)


@parallel
def shared_effects(
    own_bit,
    cone,
    source,
    tables,
    output,
    weight,
    columns,
    valid,
    scores,
    target,
    table,
    zero,
    wiring,
    parts,
    keep,
    seed,
    index,
    effect,
    pattern,
):
    """As `lut2hw.kernels.descent.shared_effects`, with `weight` int32 (m,) of each vote; effect int64."""
    n_words, n_outputs = len(own_bit), len(scores)
    m, k = source.shape
    counts = np.zeros(parts, np.int64)
    step = (n_words + parts - 1) // parts
    for part in prange(parts):
        row, inputs = np.empty(1 << max(k - 1, 0), np.uint64), np.empty(k, np.uint64)
        flipped, changed = np.empty(m + 1, np.uint64), np.empty(m, np.uint64)
        turned, patterns = np.zeros(n_outputs, np.int64), np.empty(8, np.uint64)
        at = part * step * 64
        for word in range(part * step, min(n_words, (part + 1) * step)):
            if valid[word] == 0 or (keep < 256 and not _listed(word, seed, keep)):
                continue
            flipped[0] = ~own_bit[word]
            moves = np.uint64(0)
            for i in range(m):
                for j in range(k):
                    s = source[i, j]
                    inputs[j] = columns[s, word] if s >= 0 else flipped[~s]
                flipped[i + 1] = _shannon(row, tables[i], inputs)
                if output[i] >= 0:
                    changed[i] = (flipped[i + 1] ^ columns[cone[i], word]) & valid[word]
                    moves |= changed[i]
            if moves:
                _patterns(columns, wiring, word, patterns)
            while moves:
                bit = lowest(moves)  # type: ignore[call-arg, var-annotated]
                moves &= moves - np.uint64(1)
                example = word * 64 + bit
                turned[:] = 0
                for i in range(m):
                    if output[i] >= 0 and (changed[i] >> np.uint64(bit)) & np.uint64(1):
                        rises = (flipped[i + 1] >> np.uint64(bit)) & np.uint64(1)
                        turned[output[i]] += weight[i] if rises else -weight[i]
                d = np.int64(0)
                for t in range(n_outputs):
                    if turned[t] != 0:
                        lacks = np.int64(scores[t, example]) - target[t, example]
                        d += entry(table, zero, lacks + turned[t]) - entry(table, zero, lacks)
                index[at] = example
                effect[at] = -d if (own_bit[word] >> np.uint64(bit)) & np.uint64(1) else d
                pattern[at] = (patterns[bit >> 3] >> np.uint64(8 * (bit & 7))) & np.uint64(255)
                at += d != 0
        counts[part] = at - part * step * 64
    return _close_gaps(counts, step, index, effect, pattern)


@parallel
def total_loss(scores, target, table, zero, weight, n):
    """Sum of the losses of the first n examples, each times its weight; without weights (length 0), times 1."""
    total = np.int64(0)
    for i in prange(n):
        mine = np.int64(0)
        for t in range(len(scores)):
            mine += entry(table, zero, np.int64(scores[t, i]) - target[t, i])
        total += mine * (np.int64(weight[i]) if len(weight) else 1)
    return total


@parallel
def change_vote(weight, old, new, scores, parts):
    """Follow a vote that adds `weight` to int32 `scores` (n,) from outputs `old` to `new` (uint64 (n_words,))."""
    n_words = len(old)
    for part in prange(parts):
        for word in range(part * n_words // parts, (part + 1) * n_words // parts):
            changed = old[word] ^ new[word]
            while changed:
                bit = lowest(changed)  # type: ignore[call-arg, var-annotated]
                changed &= changed - np.uint64(1)
                rises = (new[word] >> np.uint64(bit)) & np.uint64(1)
                scores[word * 64 + bit] += weight if rises else -weight
