"""Compiled kernels of the golden model: bit-parallel evaluation of tables and scoring of packed signals.

Everything works on blocks of 64 words (4,096 examples) that stay in the first-level cache: a LUT is a tree of
multiplexers over whole blocks, a popcount is carry-save addition of whole blocks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lut2hw.bits import Packed
from lut2hw.kernels.compiled import njit
from lut2hw.kernels.simd import (
    BLOCK,
    BLOCK_BYTES,
    FUNCTION_BYTES,
    add_bits,
    at_least,
    choose,
    compare_bits,
    copy_block,
    load_byte,
    load_word,
    make_blocks,
    mux_tree,
    prefetch,
    small_table,
    spread_bits,
    store_word,
    wide_table,
)
from lut2hw.kernels.threads import in_parts

SMALL_K = 4
"""Networks of such tables alone have a kernel that compiles in a fraction of the time."""
MAX_TREE_K = 12
"""Wider tables are looked up example by example: a tree of 2**(k - 2) leaves no longer pays."""
_PIECE_K = 8  # wider tables are cut into pieces of as many inputs
_PIECES = 1 << (MAX_TREE_K - _PIECE_K)
_SPARE = 4


@njit()
def make_space(k):
    """Work space of `lut` for tables of up to k inputs: patterns of a word, and blocks.

    The blocks: functions of two inputs, results of the pieces of a table, addresses, copies of inputs, of the output.
    """
    return np.empty(64, np.uint32), make_blocks(FUNCTION_BYTES // BLOCK_BYTES + _PIECES + 1 + k + 1)


@njit()
def lut(k, table, inputs, n_words, out, space):
    """The output of one LUT, at address `out`.

    All but `space` are integers.

    Parameters
    ----------
    table : object
        Address of its bytes.
    inputs : object
        Address of k addresses of packed signals.
    n_words : object
        Up to BLOCK words to evaluate.
    space : object
        Of `make_space`.
    """
    patterns, blocks = space
    k, inputs, n_words = np.int64(k), np.int64(inputs), np.int64(n_words)  # one type each: each is compiled anew
    if k > MAX_TREE_K:
        _look_up(k, table, inputs, n_words, out, patterns)
    elif n_words == BLOCK:
        _tree(k, table, inputs, out, blocks.ctypes.data)
    else:  # a part of a block is copied: neighbours' words must be neither read nor written
        addresses = np.int64(blocks.ctypes.data) + (len(blocks) - k - 2) * BLOCK_BYTES
        for j in range(k):
            source, copy = np.int64(load_word(inputs, j)), addresses + (j + 1) * BLOCK_BYTES
            store_word(addresses, j, np.uint64(copy))
            for word in range(n_words):
                store_word(copy, word, load_word(source, word))
        result = addresses + (k + 1) * BLOCK_BYTES
        _tree(k, table, addresses, result, blocks.ctypes.data)
        for word in range(n_words):
            store_word(out, word, load_word(result, word))


@njit()
def _small(k, table, inputs, out):
    """A table of up to `SMALL_K` inputs on a whole block."""
    entries = load_byte(table)
    if k == 0:
        small_table(entries, 0, inputs, out)
    elif k == 1:
        small_table(entries, 1, inputs, out)
    elif k == 2:
        small_table(entries, 2, inputs, out)
    elif k == 3:
        small_table(entries, 3, inputs, out)
    else:
        small_table(entries | load_byte(table + 1) << 8, 4, inputs, out)


@njit()
def _tree(k, table, inputs, out, work):
    """A table of up to `MAX_TREE_K` inputs on a whole block."""
    if k <= SMALL_K:
        _small(k, table, inputs, out)
    elif k == 5:
        wide_table(table, 5, inputs, work, out)
    elif k == 6:
        wide_table(table, 6, inputs, work, out)
    elif k == 7:
        wide_table(table, 7, inputs, work, out)
    elif k == _PIECE_K:
        wide_table(table, 8, inputs, work, out)
    else:
        pieces = work + FUNCTION_BYTES
        for piece in range(1 << (k - _PIECE_K)):
            wide_table(table + piece * (1 << _PIECE_K >> 3), 8, inputs, work, pieces + piece * BLOCK_BYTES)
        selects = inputs + _PIECE_K * 8
        if k == 9:
            mux_tree(pieces, 1, selects, out)
        elif k == 10:
            mux_tree(pieces, 2, selects, out)
        elif k == 11:
            mux_tree(pieces, 3, selects, out)
        else:
            mux_tree(pieces, 4, selects, out)


@njit()
def _look_up(k, table, inputs, n_words, out, patterns):
    for word in range(n_words):
        for i in range(64):
            patterns[i] = 0
        for j in range(k):
            spread_bits(load_word(np.int64(load_word(inputs, j)), word), 1 << j, patterns, 0)
        value = np.uint64(0)
        for i in range(64):
            p = np.int64(patterns[i])
            value |= np.uint64((load_byte(table + (p >> 3)) >> (p & 7)) & 1) << np.uint64(i)
        store_word(out, word, value)


@njit()
def lut_row(k, table, rows, n_words, out, space):
    """`lut` on any number of words.

    Parameters
    ----------
    rows : object
        int64 (k,), addresses of packed signals.
    """
    inputs = np.empty(max(k, 1), np.int64)
    for block in range(0, n_words, BLOCK):
        at = max(0, min(block, n_words - BLOCK))  # the last block may overlap the one before it
        for j in range(k):
            inputs[j] = rows[j] + at * 8
        lut(k, table, inputs.ctypes.data, min(BLOCK, n_words - at), out + at * 8, space)


@njit(nogil=True)
def _evaluate(signals, wiring, tables, out, part, n_parts):
    n_luts, k = wiring.shape
    n_words = signals.shape[1]
    base, to = signals.ctypes.data, out.ctypes.data
    space = make_space(k)
    rows = np.empty(k, np.int64)
    for i in range(part * n_luts // n_parts, (part + 1) * n_luts // n_parts):
        for j in range(k):
            rows[j] = base + wiring[i, j] * n_words * 8
        lut_row(k, tables.ctypes.data + i * tables.shape[1], rows, n_words, to + i * n_words * 8, space)


def evaluate(signals: Packed, wiring: NDArray[np.integer], tables: NDArray[np.uint8], out: Packed) -> None:
    """Evaluate LUTs that do not read each other.

    Parameters
    ----------
    signals : Packed
        uint64 (n_signals, n_words).
    wiring : NDArray[np.integer]
        int32 (n_luts, k), rows of `signals`.
    tables : NDArray[np.uint8]
        uint8 (n_luts, ceil(2**k / 8)).
    out : Packed
        uint64 (n_luts, n_words), which may be rows of `signals`. All C-contiguous. Bits past the last example become
        whatever the tables say.
    """
    in_parts(_evaluate, len(wiring), signals, wiring, tables, out)


def evaluate_layer(signals: Packed, wiring: NDArray[np.integer], tables: NDArray[np.uint8], first: int) -> None:
    """Evaluate one layer in place: LUT i writes row first + i of `signals`; arrays as in `evaluate`."""
    evaluate(signals, wiring, tables, signals[first : first + len(wiring)])


@njit(nogil=True)
def evaluate_in_order(values, counts, nets, tables, out):
    """Evaluate LUTs that may read each other, each after those it reads.

    Parameters
    ----------
    values : object
        uint64 (n_nets, n_words), C-contiguous. LUT i reads the next counts[i] rows named by `nets` and writes row
        out[i].
    tables : object
        uint8, their tables end to end, each in whole bytes.
    """
    most = np.int64(0)
    for k in counts:
        most = max(most, np.int64(k))
    space = make_space(most)
    rows = np.empty(most, np.int64)
    n_words = values.shape[1]
    base = values.ctypes.data
    first = table = 0
    for i in range(len(out)):
        k = counts[i]
        for j in range(k):
            rows[j] = base + nets[first + j] * n_words * 8
        lut_row(k, tables.ctypes.data + table, rows, n_words, base + out[i] * n_words * 8, space)
        first += k
        table += ((1 << k) + 7) >> 3


@njit(nogil=True)
def evaluate_instead(signals, other, changed, wiring, table, number):
    """Evaluate one LUT into row `number` of `other`, from rows of `other` where `changed`, else of `signals`.

    Parameters
    ----------
    signals, other : object
        uint64 (n_signals, n_words), C-contiguous.
    changed : object
        Bool (n_signals,).
    wiring : object
        Int (k,).
    table : object
        uint8, at least ceil(2**k / 8) of them.
    """
    n_words = signals.shape[1]
    k = len(wiring)
    rows = np.empty(k, np.int64)
    here, there = signals.ctypes.data, other.ctypes.data
    for j in range(k):
        rows[j] = (there if changed[wiring[j]] else here) + wiring[j] * n_words * 8
    lut_row(k, table.ctypes.data, rows, n_words, there + number * n_words * 8, make_space(k))


@njit(nogil=True)
def _run(
    encoded,
    n_examples,
    ks,
    wiring,
    tables,
    vote_signal,
    vote_class,
    vote_weight,
    bias,
    scores,
    answers,
    wide,
    part,
    n_parts,
):
    """See `run`. wide: None where no table has more than `SMALL_K` inputs, else True."""
    n_bits, n_words = encoded.shape
    n_scores = len(bias)
    max_k = np.int64(0)
    for k in ks:
        max_k = max(max_k, np.int64(k))
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
    inputs = np.empty(max_k, np.int64)
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
        w = t = np.int64(0)
        for i in range(len(ks)):
            k = np.int64(ks[i])
            for j in range(k):
                inputs[j] = to + wiring[w + j] * BLOCK_BYTES
            table, out = np.int64(tables.ctypes.data) + t, np.int64(to) + (n_bits + i) * BLOCK_BYTES
            if wide is None:
                _small(k, table, np.int64(inputs.ctypes.data), out)
            else:
                lut(k, table, np.int64(inputs.ctypes.data), np.int64(BLOCK), out, space)
            w += k
            t += ((1 << k) + 7) >> 3
        vote = 0
        best_top = np.int64(0)
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


@njit()
def _sum_votes(signals, vote_signal, vote_weight, constant, slices, waiting):
    """Weighted sum of one block, bit-sliced: `constant` + the sum of slices[j] << j for j below what is returned."""
    first, second, _, (addend, carry, one, zero) = _places(slices)
    top = j = np.int64(0)
    while constant >> j:
        if (constant >> j) & 1:
            top = _add_slice(one, j, top, first, second, addend, zero, waiting)
        j += 1
    for vote in range(len(vote_signal)):
        signal = np.int64(signals.ctypes.data) + vote_signal[vote] * BLOCK_BYTES
        weight = np.int64(vote_weight[vote])
        if weight == 1:
            top = _add_slice(signal, np.int64(0), top, first, second, addend, zero, waiting)
            continue
        flip = ~np.uint64(0) if weight < 0 else np.uint64(0)
        weight = abs(weight)
        j = np.int64(0)
        while weight >> j:
            if (weight >> j) & 1:
                copy_block(signal, flip, addend)
                top = _add_slice(addend, j, top, first, second, addend, zero, waiting)
            j += 1
    # What still waits is added with the carries from below.
    copy_block(zero, np.uint64(0), carry)
    for s in range(top):
        total = first + s * BLOCK_BYTES
        add_bits(total, second + s * BLOCK_BYTES if waiting[s] else zero, carry, total, carry)
    copy_block(carry, np.uint64(0), first + top * BLOCK_BYTES)
    return top + 1


@njit()
def _places(slices):
    """Addresses: of sums, addends and best sums by significance; of the blocks addend, carry, one and zero."""
    first = np.int64(slices.ctypes.data)
    spare = first + 3 * 64 * BLOCK_BYTES
    copy_block(spare + 3 * BLOCK_BYTES, ~np.uint64(0), spare + 2 * BLOCK_BYTES)
    return (
        first,
        first + 64 * BLOCK_BYTES,
        first + 2 * 64 * BLOCK_BYTES,
        (spare, spare + BLOCK_BYTES, spare + 2 * BLOCK_BYTES, spare + 3 * BLOCK_BYTES),
    )


@njit()
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


@njit()
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


def run(
    encoded: Packed,
    n_examples: int,
    ks: NDArray[np.int32],
    wiring: NDArray[np.int32],
    tables: NDArray[np.uint8],
    vote_signal: NDArray[np.int32],
    vote_class: NDArray[np.int32],
    vote_weight: NDArray[np.int32],
    bias: NDArray[np.int64],
    scores: NDArray[np.int64],
    answers: NDArray[np.int64],
) -> None:
    """A whole network, block by block of examples: each thread keeps the signals of one block only.

    Parameters
    ----------
    encoded : Packed
        uint64 (n_bits, n_words), C-contiguous.
    ks : NDArray[np.int32]
        int32 (n_luts,).
    wiring : NDArray[np.int32]
        int32, the inputs of all LUTs end to end.
    tables : NDArray[np.uint8]
        uint8, their tables end to end, each in whole bytes. Votes as in `Head`, in order of class.
    scores : NDArray[np.int64]
        int64 (n_examples, n_scores), or with no rows if not wanted.
    answers : NDArray[np.int64]
        int64 (n_examples,), the number of the first of the highest scores, or with no rows.
    """
    in_parts(
        _run,
        -(-encoded.shape[1] // BLOCK),
        encoded,
        n_examples,
        ks,
        wiring,
        tables,
        vote_signal,
        vote_class,
        vote_weight,
        bias,
        scores,
        answers,
        True if ks.max(initial=0) > SMALL_K else None,
        per_thread=1,
    )


@njit(nogil=True)
def _compare(x, used, column, threshold, out, part, n_parts):
    n, n_words = len(x), out.shape[1]
    columns = np.empty(len(used) * 64, x.dtype)
    per_line = 64 // x.itemsize
    for word in range(part * n_words // n_parts, (part + 1) * n_words // n_parts):
        m = min(64, n - word * 64)
        for group in range(0, len(used), per_line):  # a cache line of each example at a time
            for f in range(group, min(group + per_line, len(used))):
                feature, first = np.uint64(used[f]), f * 64  # without sign: an index that cannot count from the end
                for i in range(m):
                    columns[np.uint64(first + i)] = x[np.uint64(word * 64 + i), feature]
        tail = ~np.uint64(0) if m == 64 else (np.uint64(1) << np.uint64(m)) - np.uint64(1)
        for bit in range(len(column)):
            out[bit, word] = at_least(columns, column[bit] * 64, threshold[bit]) & tail


def compare(
    x: NDArray[np.integer], feature: NDArray[np.integer], threshold: NDArray[np.integer], out: Packed
) -> None:
    """Bit b of `out` = x[feature[b]] >= threshold[b], packed.

    Parameters
    ----------
    x : NDArray[np.integer]
        Integers (n, n_features), C-contiguous.
    feature : NDArray[np.integer]
        Int (n_bits,).
    threshold : NDArray[np.integer]
        Of x's dtype (n_bits,).
    out : Packed
        uint64 (n_bits, n_words).
    """
    used, column = np.unique(feature, return_inverse=True)
    in_parts(_compare, out.shape[1], x, used.astype(np.int64), column.astype(np.int64), threshold, out)
