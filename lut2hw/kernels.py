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
    functions,
    leaf,
    load_word,
    mux_fours,
    mux_pairs,
    spread_bits,
    store_word,
)
from lut2hw.threads import in_parts

MAX_TREE_K = 12
"""Wider tables are looked up example by example: a tree of 2**(k - 2) leaves no longer pays."""
_FUNCTIONS = 0  # first of the 16 blocks with every function of inputs 0 and 1
_ZERO = 16  # a block of zeros, stands in for missing inputs
_WORK = 17


@njit(cache=True)
def make_space(k):
    """Work space of `lut` for tables of up to k inputs: blocks, addresses of blocks, patterns."""
    leaves = 1 << max(min(k, MAX_TREE_K) - 2, 2)
    blocks = np.zeros((_WORK + leaves + k + 1, BLOCK), np.uint64)
    addresses = np.empty((2, leaves), np.int64)
    first = blocks.ctypes.data
    for p in range(leaves):
        addresses[0, p] = addresses[1, p] = first + (_WORK + p) * BLOCK_BYTES
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
    if k <= 2:
        leaf(np.int64(table[0]), inputs[0], inputs[1], out)
        return
    work = blocks.ctypes.data + _WORK * BLOCK_BYTES
    leaves = 1 << (k - 2)
    rows = addresses[1]
    if leaves >= 16:
        first = blocks.ctypes.data + _FUNCTIONS * BLOCK_BYTES
        functions(inputs[0], inputs[1], first)
        rows = addresses[0]
        for p in range(0, leaves, 2):
            entries = np.int64(table[p >> 1])
            rows[p] = first + (entries & 15) * BLOCK_BYTES
            rows[p + 1] = first + (entries >> 4) * BLOCK_BYTES
    else:
        for p in range(leaves):
            leaf(np.int64(table[p >> 1]) >> ((p & 1) * 4), inputs[0], inputs[1], rows[p])
    at = 2
    if k & 1:
        leaves >>= 1
        mux_pairs(rows.ctypes.data, leaves, inputs[at], out if leaves == 1 else work)
        rows = addresses[1]
        at += 1
    while leaves > 1:
        leaves >>= 2
        mux_fours(rows.ctypes.data, leaves, inputs[at], inputs[at + 1], out if leaves == 1 else work)
        rows = addresses[1]
        at += 2


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
    base = encoded.ctypes.data
    max_k = 0
    for k in ks:
        max_k = max(max_k, k)
    space = make_space(max_k)
    signals = np.empty((len(ks), BLOCK), np.uint64)
    to = signals.ctypes.data
    inputs = np.empty(max_k + 2, np.int64)
    slices = np.empty((2 * 64 + 2, BLOCK), np.uint64)
    waiting = np.zeros(64, np.bool_)
    sums = np.empty((n_scores, 64, BLOCK), np.uint64)
    n_slices = np.zeros(n_scores, np.int64)
    offset = np.empty(n_scores, np.int64)
    value = np.empty(n_scores * 64, np.int64)
    best = np.empty(64, np.int64)
    winner = np.empty(64, np.int64)
    for block in range(part, (n_words + BLOCK - 1) // BLOCK, n_parts):
        at = block * BLOCK
        n = min(BLOCK, n_words - at)
        w = t = 0
        for i in range(len(ks)):
            k = ks[i]
            for j in range(k):
                wire = wiring[w + j]
                if wire < n_bits:
                    inputs[j] = base + (wire * n_words + at) * 8
                else:
                    inputs[j] = to + (wire - n_bits) * BLOCK_BYTES
            lut(k, tables[t:], inputs[:k + 2], n, to + i * BLOCK_BYTES, space)
            w += k
            t += ((1 << k) + 7) >> 3
        _sum_votes(encoded, at, n, signals, vote_signal, vote_class, vote_weight, bias, slices, waiting, sums,
                   n_slices, offset)
        for word in range(n):
            first = (at + word) * 64
            last = min(64, n_examples - first)
            for c in range(n_scores):
                for i in range(64):
                    value[c * 64 + i] = offset[c]
                for j in range(n_slices[c]):
                    spread_bits(sums[c, j, word], 1 << j, value, c * 64)
            if len(scores):
                for i in range(last):
                    for c in range(n_scores):
                        scores[first + i, c] = value[c * 64 + i]
            if len(answers):
                for i in range(64):
                    best[i] = value[i]
                    winner[i] = 0
                for c in range(1, n_scores):
                    for i in range(64):
                        higher = value[c * 64 + i] > best[i]  # not >=: the lowest class wins a tie
                        best[i] = value[c * 64 + i] if higher else best[i]
                        winner[i] = c if higher else winner[i]
                for i in range(last):
                    answers[first + i] = winner[i]


@njit(cache=True)
def _sum_votes(encoded, at, n, signals, vote_signal, vote_class, vote_weight, bias, slices, waiting, sums, n_slices,
               offset):
    """Bit-sliced weighted sums of one block: the score of class c is offset[c] + sum of sums[c, j] << j.

    slices: two blocks of each significance (a sum and one more addend, if `waiting`), then an addend and a carry.
    """
    n_bits = len(encoded)
    first = slices.ctypes.data
    addend, carry = first + 128 * BLOCK_BYTES, first + 129 * BLOCK_BYTES
    vote = 0
    for c in range(len(bias)):
        offset[c] = bias[c]
        top = 0
        while vote < len(vote_signal) and vote_class[vote] == c:
            signal = vote_signal[vote]
            weight = np.int64(vote_weight[vote])
            flip = np.uint64(0)
            if weight < 0:  # w s = |w| (1 - s) - |w|
                offset[c] += weight
                weight = -weight
                flip = ~flip
            j = 0
            while weight >> j:
                if (weight >> j) & 1:
                    for word in range(n):
                        x = encoded[signal, at + word] if signal < n_bits else signals[signal - n_bits, word]
                        slices[128, word] = x ^ flip
                    level = j
                    # Two addends and a sum of one significance become a sum and a carry to the next.
                    while level < top and waiting[level]:
                        total = first + 2 * level * BLOCK_BYTES
                        add_bits(total, total + BLOCK_BYTES, addend, total, addend)
                        waiting[level] = False
                        level += 1
                    while top <= level:
                        for word in range(BLOCK):
                            slices[2 * top, word] = np.uint64(0)
                        waiting[top] = False
                        top += 1
                    for word in range(n):
                        slices[2 * level + 1, word] = slices[128, word]
                    waiting[level] = True
                j += 1
            vote += 1
        # What still waits is added with the carries from below.
        for word in range(BLOCK):
            slices[129, word] = np.uint64(0)
        for level in range(top):
            total = first + 2 * level * BLOCK_BYTES
            if not waiting[level]:
                for word in range(BLOCK):
                    slices[2 * level + 1, word] = np.uint64(0)
            add_bits(total, total + BLOCK_BYTES, carry, total, carry)
            for word in range(n):
                sums[c, level, word] = slices[2 * level, word]
        for word in range(n):
            sums[c, top, word] = slices[129, word]
        n_slices[c] = top + 1


def run(encoded, n_examples, ks, wiring, tables, vote_signal, vote_class, vote_weight, bias, scores, answers):
    """A whole network, block by block of examples: each thread keeps the signals of one block only.

    encoded: uint64 (n_bits, n_words), C-contiguous. ks: int32 (n_luts,); wiring: int32, the inputs of all LUTs end to
    end; tables: uint8, their tables end to end, each in whole bytes. Votes as in `Head`, in order of class. scores:
    int64 (n_examples, n_scores), or with no rows if not wanted; answers: int64 (n_examples,), the number of the
    first of the highest scores, or with no rows.
    """
    in_parts(_run, -(-encoded.shape[1] // BLOCK), encoded, n_examples, ks, wiring, tables, vote_signal, vote_class,
             vote_weight, bias, scores, answers, per_thread=1)
