"""Compiled kernels of the golden model: bit-parallel evaluation of tables and scoring of packed signals.

Everything works on blocks of 64 words (4,096 examples) that stay in the first-level cache: a LUT is a tree of
multiplexers over whole blocks, a popcount is carry-save addition of whole blocks.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lut2hw.simd import (
    BLOCK,
    BLOCK_BYTES,
    add_bits,
    at_least,
    choose,
    compare_bits,
    copy_block,
    functions,
    leaf,
    load_word,
    make_blocks,
    mux_eights,
    mux_fours,
    mux_pairs,
    prefetch,
    spread_bits,
    store_word,
)
from lut2hw.threads import in_parts

MAX_TREE_K = 12
"""Wider tables are looked up example by example: a tree of 2**(k - 2) leaves no longer pays."""
_FUNCTIONS = 0  # first of the 16 blocks with every function of inputs 0 and 1
_ZERO = 16  # a block of zeros, stands in for missing inputs
_WORK = 17
_SUBTREE_K = 8
_SPARE = 4


@njit(cache=True)
def make_space(k):
    """Work space of `lut` for tables of up to k inputs: blocks, addresses of blocks, patterns."""
    leaves = 1 << (_SUBTREE_K - 2)
    blocks = make_blocks(_WORK + 2 * leaves + k + 1)
    addresses = np.empty((3, leaves), np.int64)
    first = blocks.ctypes.data + _WORK * BLOCK_BYTES
    for p in range(leaves):
        addresses[0, p] = addresses[1, p] = first + p * BLOCK_BYTES
        addresses[2, p] = first + (leaves + p) * BLOCK_BYTES
    return blocks, addresses, np.empty(64, np.uint32)


@njit(cache=True)
def lut(k, table, inputs, n_words, out, space):
    """The output of one LUT, at address `out`.

    table: uint8 (2**k / 8,); inputs: int64 (k + 2,), addresses of packed signals, the last two free for use here;
    n_words: up to BLOCK words to evaluate; space: of `make_space`.
    """
    if k > MAX_TREE_K:
        _look_up(k, table, inputs, n_words, out, space[2])
        return
    zero = space[0].ctypes.data + _ZERO * BLOCK_BYTES
    if n_words == BLOCK:
        inputs[k] = inputs[k + 1] = zero
        _tree(k, table, inputs, out, space)
        return
    # A part of a block is copied: neighbours' words must be neither read nor written.
    last = space[0].ctypes.data + (len(space[0]) - 1) * BLOCK_BYTES
    for j in range(k):
        copy = last - (j + 1) * BLOCK_BYTES
        for word in range(n_words):
            store_word(copy, word, load_word(inputs[j], word))
        inputs[j] = copy
    inputs[k] = inputs[k + 1] = zero
    _tree(k, table, inputs, last, space)
    for word in range(n_words):
        store_word(out, word, load_word(last, word))


@njit(cache=True)
def _tree(k, table, inputs, out, space):
    blocks, addresses, _ = space
    functions_at = blocks.ctypes.data + _FUNCTIONS * BLOCK_BYTES
    leaves = 1 << max(min(k, _SUBTREE_K) - 2, 0)
    if leaves == 1:
        leaf(np.int64(table[0]), inputs[0], inputs[1], out)
        return
    rows = addresses[0]
    if leaves >= 16:
        functions(inputs[0], inputs[1], functions_at)
    # Wide tables in pieces: the rows between two levels of a piece stay in the first-level cache.
    for piece in range(1 << max(k - _SUBTREE_K, 0)):
        first = piece * leaves >> 1
        if leaves >= 16:
            for p in range(leaves >> 1):
                entries = np.int64(table[first + p])
                rows[2 * p] = functions_at + (entries & 15) * BLOCK_BYTES
                rows[2 * p + 1] = functions_at + (entries >> 4) * BLOCK_BYTES
        else:
            for p in range(leaves):
                rows[p] = addresses[1, p]
                leaf(np.int64(table[p >> 1]) >> ((p & 1) * 4), inputs[0], inputs[1], rows[p])
        _reduce(rows, leaves, inputs[2:], out if k <= _SUBTREE_K else addresses[2, piece], addresses[1])
    if k > _SUBTREE_K:
        _reduce(addresses[2], 1 << (k - _SUBTREE_K), inputs[_SUBTREE_K:], out, addresses[2])


@njit(cache=True)
def _reduce(rows, n, inputs, out, work):
    """Levels of multiplexers from n rows to one, at address `out`; `work`: addresses of consecutive blocks."""
    at = 0
    while n > 1:
        if n == 2 or n == 16:
            n >>= 1
            mux_pairs(rows.ctypes.data, n, inputs[at], out if n == 1 else work[0])
            at += 1
        elif n == 4 or n == 32:
            n >>= 2
            mux_fours(rows.ctypes.data, n, inputs[at], inputs[at + 1], out if n == 1 else work[0])
            at += 2
        else:
            n >>= 3
            mux_eights(rows.ctypes.data, n, inputs[at], inputs[at + 1], inputs[at + 2], out if n == 1 else work[0])
            at += 3
        rows = work


@njit(cache=True)
def _look_up(k, table, inputs, n_words, out, patterns):
    for word in range(n_words):
        for i in range(64):
            patterns[i] = 0
        for j in range(k):
            spread_bits(load_word(inputs[j], word), 1 << j, patterns, 0)
        value = np.uint64(0)
        for i in range(64):
            p = np.int64(patterns[i])
            value |= np.uint64((table[p >> 3] >> (p & 7)) & 1) << np.uint64(i)
        store_word(out, word, value)


@njit(cache=True, nogil=True)
def _evaluate(signals, wiring, tables, out, part, n_parts):
    n_luts, k = wiring.shape
    n_words = signals.shape[1]
    base, to = signals.ctypes.data, out.ctypes.data
    space = make_space(k)
    inputs = np.empty(k + 2, np.int64)
    for i in range(part * n_luts // n_parts, (part + 1) * n_luts // n_parts):
        for at in range(0, n_words, BLOCK):
            for j in range(k):
                inputs[j] = base + (wiring[i, j] * n_words + at) * 8
            lut(k, tables[i], inputs, min(BLOCK, n_words - at), to + (i * n_words + at) * 8, space)


def evaluate(signals, wiring, tables, out):
    """Evaluate LUTs that do not read each other.

    signals: uint64 (n_signals, n_words); wiring: int32 (n_luts, k), rows of `signals`; tables: uint8 (n_luts,
    ceil(2**k / 8)); out: uint64 (n_luts, n_words), which may be rows of `signals`. All C-contiguous. Bits past the
    last example become whatever the tables say.
    """
    in_parts(_evaluate, len(wiring), signals, wiring, tables, out)


def evaluate_layer(signals, wiring, tables, first):
    """Evaluate one layer in place: LUT i writes row first + i of `signals`; arrays as in `evaluate`."""
    evaluate(signals, wiring, tables, signals[first:first + len(wiring)])


@njit(cache=True, nogil=True)
def _run(encoded, n_examples, ks, wiring, tables, vote_signal, vote_class, vote_weight, bias, scores, answers, part,
         n_parts):
    n_bits, n_words = encoded.shape
    n_scores = len(bias)
    max_k = 0
    for k in ks:
        max_k = max(max_k, k)
    # Scores without their negative parts, which all become part of a constant: w s = |w| (1 - s) - |w|.
    constant = bias.copy()
    for vote in range(len(vote_signal)):
        constant[vote_class[vote]] += min(np.int64(vote_weight[vote]), 0)
    least = constant[0]
    for c in range(n_scores):
        least = min(least, constant[c])
    for c in range(n_scores):
        constant[c] -= least
    space = make_space(max_k)
    signals = make_blocks(n_bits + len(ks))
    source, to = encoded.ctypes.data, signals.ctypes.data
    inputs = np.empty(max_k + 2, np.int64)
    # A row for each significance: sums, waiting addends, the best sums so far; then _SPARE blocks.
    slices = make_blocks(3 * 64 + _SPARE)
    waiting = np.zeros(64, np.bool_)
    winner_bits = 0
    while (n_scores - 1) >> winner_bits:
        winner_bits += 1
    winner = make_blocks(winner_bits)
    value = np.empty(64, np.int64)
    for block in range(part, (n_words + BLOCK - 1) // BLOCK, n_parts):
        at = block * BLOCK
        n = min(BLOCK, n_words - at)
        # A copy keeps the block in the cache, whatever the distance between rows; words past the end do no harm.
        for bit in range(n_bits):
            row = source + (bit * n_words + at) * 8
            prefetch(row + 16 * 8 * n_words)
            if n == BLOCK:
                copy_block(row, np.uint64(0), to + bit * BLOCK_BYTES)
            else:
                for word in range(n):
                    signals[bit, word] = encoded[bit, at + word]
        w = t = 0
        for i in range(len(ks)):
            k = ks[i]
            for j in range(k):
                inputs[j] = to + wiring[w + j] * BLOCK_BYTES
            lut(k, tables[t:], inputs[:k + 2], BLOCK, to + (n_bits + i) * BLOCK_BYTES, space)
            w += k
            t += ((1 << k) + 7) >> 3
        vote = 0
        best_top = 0
        for c in range(n_scores):
            first = vote
            while vote < len(vote_signal) and vote_class[vote] == c:
                vote += 1
            top = _sum_votes(signals, vote_signal[first:vote], vote_weight[first:vote], constant[c], slices, waiting)
            if len(scores):
                for word in range(n):
                    for i in range(64):
                        value[i] = least
                    for j in range(top):
                        spread_bits(slices[j, word], 1 << j, value, 0)
                    for i in range(min(64, n_examples - (at + word) * 64)):
                        scores[(at + word) * 64 + i, c] = value[i]
            if len(answers):
                best_top = _keep_best(c, top, best_top, slices, winner)
        if len(answers):
            for word in range(n):
                for i in range(64):
                    value[i] = 0
                for j in range(winner_bits):
                    spread_bits(winner[j, word], 1 << j, value, 0)
                for i in range(min(64, n_examples - (at + word) * 64)):
                    answers[(at + word) * 64 + i] = value[i]


@njit(cache=True)
def _sum_votes(signals, vote_signal, vote_weight, constant, slices, waiting):
    """Weighted sum of one block, bit-sliced: `constant` + the sum of slices[j] << j for j below what is returned."""
    first, second, _, (addend, carry, one, zero) = _places(slices)
    top = 0
    j = 0
    while constant >> j:
        if (constant >> j) & 1:
            top = _add_slice(one, j, top, first, second, addend, zero, waiting)
        j += 1
    for vote in range(len(vote_signal)):
        signal = signals.ctypes.data + vote_signal[vote] * BLOCK_BYTES
        weight = np.int64(vote_weight[vote])
        if weight == 1:
            top = _add_slice(signal, 0, top, first, second, addend, zero, waiting)
            continue
        flip = ~np.uint64(0) if weight < 0 else np.uint64(0)
        weight = abs(weight)
        j = 0
        while weight >> j:
            if (weight >> j) & 1:
                copy_block(signal, flip, addend)
                top = _add_slice(addend, j, top, first, second, addend, zero, waiting)
            j += 1
    # What still waits is added with the carries from below.
    copy_block(zero, np.uint64(0), carry)
    for j in range(top):
        total = first + j * BLOCK_BYTES
        add_bits(total, second + j * BLOCK_BYTES if waiting[j] else zero, carry, total, carry)
    copy_block(carry, np.uint64(0), first + top * BLOCK_BYTES)
    return top + 1


@njit(cache=True)
def _places(slices):
    """Addresses: of sums, addends and best sums by significance; of the blocks addend, carry, one and zero."""
    first = slices.ctypes.data
    spare = first + 3 * 64 * BLOCK_BYTES
    copy_block(spare + 3 * BLOCK_BYTES, ~np.uint64(0), spare + 2 * BLOCK_BYTES)
    return (first, first + 64 * BLOCK_BYTES, first + 2 * 64 * BLOCK_BYTES,
            (spare, spare + BLOCK_BYTES, spare + 2 * BLOCK_BYTES, spare + 3 * BLOCK_BYTES))


@njit(cache=True)
def _add_slice(block, j, top, first, second, addend, zero, waiting):
    """Carry-save addition of one block of significance j; returns the significances in use."""
    # A sum and two addends of one significance become a sum and a carry to the next.
    while j < top and waiting[j]:
        total = first + j * BLOCK_BYTES
        add_bits(total, second + j * BLOCK_BYTES, block, total, addend)
        waiting[j] = False
        block = addend
        j += 1
    while top <= j:
        copy_block(zero, np.uint64(0), first + top * BLOCK_BYTES)
        waiting[top] = False
        top += 1
    copy_block(block, np.uint64(0), second + j * BLOCK_BYTES)
    waiting[j] = True
    return top


@njit(cache=True)
def _keep_best(c, top, best_top, slices, winner):
    """Compare the sums of class c with the best so far, and keep the better; the lowest class wins a tie."""
    first, _, best, (greater, _, one, zero) = _places(slices)
    while best_top < top:
        copy_block(zero, np.uint64(0), best + best_top * BLOCK_BYTES)
        best_top += 1
    copy_block(one if c == 0 else zero, np.uint64(0), greater)
    if c > 0:
        for j in range(best_top):
            compare_bits(first + j * BLOCK_BYTES if j < top else zero, best + j * BLOCK_BYTES, greater)
    for j in range(best_top):
        to = best + j * BLOCK_BYTES
        choose(greater, to, first + j * BLOCK_BYTES if j < top else zero, to)
    for j in range(len(winner)):
        to = winner.ctypes.data + j * BLOCK_BYTES
        choose(greater, to, one if (c >> j) & 1 else zero, to)
    return best_top


def run(encoded, n_examples, ks, wiring, tables, vote_signal, vote_class, vote_weight, bias, scores, answers):
    """A whole network, block by block of examples: each thread keeps the signals of one block only.

    encoded: uint64 (n_bits, n_words), C-contiguous. ks: int32 (n_luts,); wiring: int32, the inputs of all LUTs end to
    end; tables: uint8, their tables end to end, each in whole bytes. Votes as in `Head`, in order of class. scores:
    int64 (n_examples, n_scores), or with no rows if not wanted; answers: int64 (n_examples,), the number of the
    first of the highest scores, or with no rows.
    """
    in_parts(_run, -(-encoded.shape[1] // BLOCK), encoded, n_examples, ks, wiring, tables, vote_signal, vote_class,
             vote_weight, bias, scores, answers, per_thread=1)


@njit(cache=True, nogil=True)
def _compare(x, used, column, threshold, out, part, n_parts):
    n, n_words = len(x), out.shape[1]
    columns = np.empty(len(used) * 64, x.dtype)
    for word in range(part * n_words // n_parts, (part + 1) * n_words // n_parts):
        m = min(64, n - word * 64)
        for group in range(0, len(used), 16):  # few rows at a time, so that they stay in the first-level cache
            for i in range(m):
                for f in range(group, min(group + 16, len(used))):
                    columns[f * 64 + i] = x[word * 64 + i, used[f]]
        tail = ~np.uint64(0) if m == 64 else (np.uint64(1) << np.uint64(m)) - np.uint64(1)
        for bit in range(len(column)):
            out[bit, word] = at_least(columns, column[bit] * 64, threshold[bit]) & tail


def compare(x, feature, threshold, out):
    """Bit b of `out` = x[feature[b]] >= threshold[b], packed.

    x: integers (n, n_features), C-contiguous; feature: int (n_bits,); threshold: of x's dtype (n_bits,); out: uint64
    (n_bits, n_words).
    """
    used, column = np.unique(feature, return_inverse=True)
    in_parts(_compare, out.shape[1], x, used.astype(np.int64), column.astype(np.int64), threshold, out)
