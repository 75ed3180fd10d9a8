"""Compiled kernels of the descent learner: effects, counting sort, exhaustive input scan, exact updates.

All sums are integers, so no result depends on the number of threads or on the machine.

The loss of example i with class scores S and label y is table-driven: u = sum over classes c of w[S_c - S_y]
with integer weights w[m] = rint(w[0] * exp(m / tau)), and the loss is `loss[float32(u) >> 13]`, the rounded
logarithm of u / w[0] in fixed point. It is the cross-entropy of softmax(S / tau), rounded once, to integers.
"""

from __future__ import annotations

import numpy as np
from llvmlite import binding, ir
from numba import prange, types
from numba.extending import intrinsic

from lut2hw.kernels.compiled import njit
from lut2hw.kernels.threads import parallel

_LANES = 32  # int16 sums side by side: signals are taken 32 at a time
PREFETCH = 16  # examples fetched ahead; index arrays carry as many spare entries
BLOCK = 1 << 14  # examples sorted at a time
_PIECES = 8  # of the signals, valued in parallel
_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)


def _accumulator(width):
    """Kernel that adds d[i] to 32 * width int16 sums, one for each set bit of row order[i].

    The sums stay in vector registers for the whole range start..stop, which must be short enough for int16, and
    are then added to the int32 array `out`. Written as vector IR since plain loops do not become masked adds.
    """

    @intrinsic
    def accumulate(_context, rows, order, d, start, stop, offset, out):
        signature = types.void(rows, order, d, types.int64, types.int64, types.int64, out)

        def codegen(context, builder, sig, args):
            def data(i):
                return context.make_array(sig.args[i])(context, builder, args[i])

            i1, i8, i16, i32, i64 = (ir.IntType(n) for n in (1, 8, 16, 32, 64))
            vector, wide = ir.VectorType(i16, _LANES), ir.VectorType(i32, _LANES)
            zero = ir.Constant(vector, None)
            row_array = data(0)
            stride = builder.extract_value(row_array.shape, 1)
            rows_, order_, d_, out_ = row_array.data, data(1).data, data(2).data, data(6).data
            start_, stop_, offset_ = args[3:6]

            def row(i):
                index = builder.sext(builder.load(builder.gep(order_, [i])), i64)
                return builder.gep(rows_, [builder.add(builder.mul(index, stride), offset_)])

            def const(n):
                return ir.Constant(i64, n)

            entry, loop, done = builder.block, builder.append_basic_block(), builder.append_basic_block()
            builder.branch(loop)
            builder.position_at_end(loop)
            i = builder.phi(i64)
            i.add_incoming(start_, entry)
            sums = [builder.phi(vector) for _ in range(width)]
            for total in sums:
                total.add_incoming(zero, entry)
            pointer = i8.as_pointer()
            prefetch = builder.module.declare_intrinsic(
                "llvm.prefetch", [pointer], ir.FunctionType(ir.VoidType(), [pointer, i32, i32, i32])
            )
            ahead = row(builder.add(i, const(PREFETCH)))
            for line in range(0, width, 16):
                builder.call(
                    prefetch,
                    [
                        builder.bitcast(builder.gep(ahead, [const(line)]), pointer),
                        ir.Constant(i32, 0),
                        ir.Constant(i32, 3),
                        ir.Constant(i32, 1),
                    ],
                )
            undefined = ir.Constant(vector, ir.Undefined)
            effect = builder.shuffle_vector(
                builder.insert_element(undefined, builder.load(builder.gep(d_, [i])), ir.Constant(i32, 0)),
                undefined,
                ir.Constant(ir.VectorType(i32, _LANES), None),
            )
            here, new = row(i), []
            for word in range(width):
                mask = builder.bitcast(builder.load(builder.gep(here, [const(word)])), ir.VectorType(i1, _LANES))
                new.append(builder.add(sums[word], builder.select(mask, effect, zero)))
            following = builder.add(i, const(1))
            i.add_incoming(following, builder.block)
            for total, value in zip(sums, new, strict=True):
                total.add_incoming(value, builder.block)
            builder.cbranch(builder.icmp_signed("<", following, stop_), loop, done)
            builder.position_at_end(done)
            for word in range(width):
                at = builder.gep(out_, [builder.mul(builder.add(offset_, const(word)), const(_LANES))])
                at = builder.bitcast(at, wide.as_pointer())
                builder.store(builder.add(builder.load(at, align=4), builder.sext(new[word], wide)), at, align=4)
            return context.get_dummy_value()

        return signature, codegen

    return accumulate


# A tile of the widest kernel must leave registers free: 32 of 512 bits with AVX-512, else 16 of 256 or less.
_WIDE = bool(binding.get_host_cpu_features().get("avx512bw"))
NARROW = 6  # words of 32 signals; rows are a multiple of this wide
BROAD = 18 if _WIDE else NARROW
_narrow = _accumulator(NARROW)
_broad = _accumulator(BROAD)


@njit(nogil=True)
def _sum_rows(rows, order, d, start, stop, first, last, chunk, out):
    """out int32 (32 * width of rows) += d[i] for every set bit of row order[i] in words first..last."""
    while start < stop:
        end = min(stop, start + chunk)
        offset = first
        while offset + BROAD <= last:
            _broad(rows, order, d, start, end, offset, out)
            offset += BROAD
        while offset < last:
            _narrow(rows, order, d, start, end, offset, out)
            offset += NARROW
        start = end


@intrinsic
def lowest(_context, word):
    """Number of the lowest set bit of a uint64 that is not zero."""

    def codegen(_, builder, _sig, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(word), codegen


@njit(nogil=True)
def level(u, loss, base):
    """Loss of an example with weight sum u."""
    return loss[np.uint32((np.float32(u).view(np.int32) >> 13) - base)]


@njit(nogil=True)
def weight_sum(scores, i, y, own, w, zero):
    """Sum of w over all classes of example i if the score of its class y were `own`."""
    total = w[zero]
    for c in range(scores.shape[1]):
        if c != y:
            total += w[zero + scores[i, c] - own]
    return total


@parallel
def reset(scores, label, w, zero, u):
    """Weight sums u of all examples from their scores."""
    for i in prange(len(label)):
        y = label[i]
        u[i] = weight_sum(scores, i, y, scores[i, y], w, zero)


@parallel
def total_loss(u, loss, base):
    """Sum of the losses of all examples: the integer that never rises."""
    total = np.int64(0)
    for i in prange(len(u)):
        total += np.int64(level(u[i], loss, base))
    return total


@njit(nogil=True)
def _shannon(row, table, inputs):
    """64 outputs of one LUT (Shannon expansion). row uint64 (2**(k - 1),): work space; inputs uint64 (k,)."""
    k = len(inputs)
    if k == 0:
        return _ONES if table[0] else np.uint64(0)
    x = inputs[0]
    half = 1 << (k - 1)
    for p in range(half):
        low = _ONES if table[2 * p] else np.uint64(0)
        high = _ONES if table[2 * p + 1] else np.uint64(0)
        row[p] = low ^ ((low ^ high) & x)
    for j in range(1, k):
        x = inputs[j]
        half >>= 1
        for p in range(half):
            low = row[2 * p]
            row[p] = low ^ ((low ^ row[2 * p + 1]) & x)
    return row[0]


@parallel
def evaluate(columns, wiring, table, valid, out, parts):
    """out uint64 (n_words,): outputs of one LUT, zero outside `valid`."""
    k, n_words = len(wiring), len(out)
    for part in prange(parts):
        row, inputs = np.empty(1 << max(k - 1, 0), np.uint64), np.empty(k, np.uint64)
        for word in range(part * n_words // parts, (part + 1) * n_words // parts):
            for j in range(k):
                inputs[j] = columns[wiring[j], word]
            out[word] = _shannon(row, table, inputs) & valid[word]


@parallel
def sensitivity(columns, wiring, table, j, high, low, parts):
    """Where the LUT's output rises (`high`) or falls (`low`) with its input j: its Boolean difference, packed.

    Parameters
    ----------
    high, low : object
        The same for the LUT's own output on the vote; changed in place (chain rule).
    """
    k, n_words = len(wiring), len(high)
    size = 1 << (k - 1)
    rises, falls = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    rest = np.empty(k - 1, np.int32)
    for i in range(k - 1):
        rest[i] = wiring[i if i < j else i + 1]
    for p in range(size):
        at = (p & ((1 << j) - 1)) | ((p >> j) << (j + 1))
        zero, one = table[at], table[at | (1 << j)]
        rises[p] = one and not zero
        falls[p] = zero and not one
    for part in prange(parts):
        row, inputs = np.empty(size, np.uint64), np.empty(k - 1, np.uint64)
        for word in range(part * n_words // parts, (part + 1) * n_words // parts):
            for i in range(k - 1):
                inputs[i] = columns[rest[i], word]
            up, down = _shannon(row, rises, inputs), _shannon(row, falls, inputs)
            up, down = (up & high[word]) | (down & low[word]), (up & low[word]) | (down & high[word])
            high[word], low[word] = up, down


@njit(nogil=True)
def _listed(word, seed, keep):
    """Whether a word of examples is in the sample of `keep` of 256 that `seed` draws."""
    h = (np.uint64(word) + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    h ^= h >> np.uint64(29)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    return np.int64(h >> np.uint64(56)) < keep


# Byte e of _SPREAD[x] is bit e of x.
_SPREAD = (
    (np.arange(256, dtype=np.uint64)[:, None] >> np.arange(8, dtype=np.uint64) & np.uint64(1))
    << np.arange(0, 64, 8, dtype=np.uint64)
).sum(axis=1, dtype=np.uint64)


@njit(nogil=True)
def _patterns(columns, wiring, word, out):
    """Patterns of a word's 64 examples at the inputs of a LUT: byte e % 8 of out[e // 8] is that of example e."""
    out[:] = 0
    for j in range(len(wiring)):
        x = columns[wiring[j], word]
        for byte in range(8):
            out[byte] |= _SPREAD[(x >> np.uint64(8 * byte)) & np.uint64(255)] << np.uint64(j)


@njit(nogil=True)
def _close_gaps(counts, step, index, effect, pattern):
    """Move the lists of all parts, each `step` words apart, together; returns their length."""
    n_active = 0
    for part in range(len(counts)):
        start = part * step * 64
        if start != n_active:
            for e in range(counts[part]):
                index[n_active + e] = index[start + e]
                effect[n_active + e] = effect[start + e]
                pattern[n_active + e] = pattern[start + e]
        n_active += counts[part]
    return n_active


@parallel
def effects(
    c,
    root,
    high,
    low,
    scores,
    own,
    labels,
    u,
    w,
    zero,
    loss,
    base,
    columns,
    wiring,
    parts,
    keep,
    seed,
    index,
    effect,
    pattern,
):
    """Compact list of the examples on which a LUT's bit changes the loss.

    Parameters
    ----------
    c : object
        Class of the vote above; root uint64 (n_words,): the vote; own int16: score of each example's label; labels
        uint64 (n_classes, n_words): packed, where the label is a class.
    high, low : object
        Where the LUT moves the vote up or down.
    keep : object
        Of 256, the share of examples to list, a sample that `seed` draws. Writes index (example), effect (loss with
        bit 1 minus loss with bit 0) and pattern; returns their number.
    """
    n_words = len(root)
    counts = np.zeros(parts, np.int64)
    step = (n_words + parts - 1) // parts
    for part in prange(parts):
        patterns = np.empty(8, np.uint64)
        at = part * step * 64
        for word in range(part * step, min(n_words, (part + 1) * step)):
            moves = high[word] | low[word]
            if moves == 0 or (keep < 256 and not _listed(word, seed, keep)):
                continue
            falls, ones, mine = low[word], root[word], labels[c, word]
            _patterns(columns, wiring, word, patterns)
            while moves:
                e = lowest(moves)  # type: ignore[call-arg, var-annotated]
                moves &= moves - np.uint64(1)
                i, bit = word * 64 + e, np.uint64(e)
                vote = np.int32((ones >> bit) & np.uint64(1))
                if not (mine >> bit) & np.uint64(1):
                    m = zero + scores[i, c] - own[i] - vote
                    rise = w[m + 1] - w[m]
                    without = u[i] - rise * vote
                    d = level(without + rise, loss, base) - level(without, loss, base)
                elif vote:
                    d = level(u[i], loss, base) - level(weight_sum(scores, i, c, own[i] - 1, w, zero), loss, base)
                else:
                    d = level(weight_sum(scores, i, c, own[i] + 1, w, zero), loss, base) - level(u[i], loss, base)
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
    table,
    class_of,
    columns,
    valid,
    scores,
    own,
    label,
    u,
    w,
    zero,
    loss,
    base,
    wiring,
    parts,
    keep,
    seed,
    index,
    effect,
    pattern,
):
    """As `effects`, for a signal that reaches votes on several ways: the exact change in loss when it flips.

    own_bit uint64 (n_words,): the signal now. cone int32 (m,): columns of the LUTs that depend on it, each after
    those it reads; source int32 (m, k): what they read, a column, or ~0 for the signal, ~(i + 1) for cone LUT i;
    table uint8 (m, 2**k); class_of int32 (m,): class of a vote, -1 for a hidden LUT.

    Returns
    -------
    object
        The length of the list, the largest effect on it and their sum, both without sign.
    """
    n_words, n_classes = len(own_bit), scores.shape[1]
    m, k = source.shape
    counts, largest, total = np.zeros(parts, np.int64), np.zeros(parts, np.int64), np.int64(0)
    step = (n_words + parts - 1) // parts
    for part in prange(parts):
        row, inputs = np.empty(1 << max(k - 1, 0), np.uint64), np.empty(k, np.uint64)
        flipped, changed = np.empty(m + 1, np.uint64), np.empty(m, np.uint64)
        turned, patterns = np.zeros(n_classes, np.int32), np.empty(8, np.uint64)
        at, most, mine = part * step * 64, np.int64(0), np.int64(0)
        for word in range(part * step, min(n_words, (part + 1) * step)):
            if valid[word] == 0 or (keep < 256 and not _listed(word, seed, keep)):
                continue
            flipped[0] = ~own_bit[word]
            moves = np.uint64(0)
            for i in range(m):
                for j in range(k):
                    s = source[i, j]
                    inputs[j] = columns[s, word] if s >= 0 else flipped[~s]
                flipped[i + 1] = _shannon(row, table[i], inputs)
                if class_of[i] >= 0:
                    changed[i] = (flipped[i + 1] ^ columns[cone[i], word]) & valid[word]
                    moves |= changed[i]
            if moves:
                _patterns(columns, wiring, word, patterns)
            while moves:
                bit = lowest(moves)  # type: ignore[call-arg, var-annotated]
                moves &= moves - np.uint64(1)
                example = word * 64 + bit
                y = label[example]
                after = u[example]
                turned[:] = 0
                for i in range(m):
                    c = class_of[i]
                    if c < 0 or not (changed[i] >> np.uint64(bit)) & np.uint64(1):
                        continue
                    rise = 1 if (flipped[i + 1] >> np.uint64(bit)) & np.uint64(1) else -1
                    if c != y:
                        now = zero + scores[example, c] + turned[c] - own[example]
                        after += w[now + rise] - w[now]
                    turned[c] += rise
                if turned[y] != 0:
                    after = w[zero]
                    for c in range(n_classes):
                        if c != y:
                            after += w[zero + scores[example, c] + turned[c] - own[example] - turned[y]]
                d = level(after, loss, base) - level(u[example], loss, base)
                most, mine = max(most, abs(np.int64(d))), mine + abs(np.int64(d))
                index[at] = example
                effect[at] = -d if (own_bit[word] >> np.uint64(bit)) & np.uint64(1) else d
                pattern[at] = (patterns[bit >> 3] >> np.uint64(8 * (bit & 7))) & np.uint64(255)
                at += d != 0
        counts[part], largest[part] = at - part * step * 64, most
        total += mine
    return _close_gaps(counts, step, index, effect, pattern), largest.max(), total


@parallel
def repattern(n, j, column, index, pattern, parts):
    """Set bit j of the patterns of the listed examples to `column`."""
    mask = np.uint8(0xFF ^ (1 << j))
    for part in prange(parts):
        for e in range(part * n // parts, (part + 1) * n // parts):
            i = index[e]
            bit = (column[i >> 6] >> np.uint64(i & 63)) & np.uint64(1)
            pattern[e] = (pattern[e] & mask) | np.uint8(bit << np.uint64(j))


@parallel
def histogram(n, column, index, effect, pattern, out, parts):
    """out int64 (2**k,): sum of the effects by pattern.

    Returns
    -------
    object
        The sum of the effects where `column` is one.
    """
    sums = np.zeros((parts, len(out)), np.int64)
    now = np.int64(0)
    for part in prange(parts):
        mine, on = sums[part], np.int64(0)
        for e in range(part * n // parts, (part + 1) * n // parts):
            d = np.int64(effect[e])
            mine[pattern[e]] += d
            i = index[e]
            on += d * np.int64((column[i >> 6] >> np.uint64(i & 63)) & np.uint64(1))
        now += on
    for p in range(len(out)):
        out[p] = 0
        for part in range(parts):  # not a sum of the array, which would be one more parallel loop for each p
            out[p] += sums[part, p]
    return now


@parallel
def sum_signals(n, rows, first, last, index, effect, pattern, chunk, sums, totals):
    """Sums of the listed effects by pattern, where the signals in words first..last of the rows are one.

    Parameters
    ----------
    chunk : object
        Effects that an int16 sum holds; 2**16 times as many, at most, are listed.
    sums : object
        int32 (parts, 2**k, 32 * width of rows), a part for each thread, to be added up: the answer.
    totals : object
        int64 (parts, 2**k): the sums of all effects by pattern, in the same parts.
    """
    n_patterns = sums.shape[1]
    parts = sums.shape[0]
    blocks = (n + BLOCK - 1) // BLOCK
    for part in prange(parts):
        mine = sums[part]
        for p in range(n_patterns):  # loops: slices take seconds to compile
            totals[part, p] = 0
            for v in range(32 * first, 32 * last):
                mine[p, v] = 0
        order, ordered = np.empty(BLOCK + PREFETCH, np.int32), np.empty(BLOCK + PREFETCH, np.int16)
        at = np.empty(n_patterns, np.int64)
        # Sorted block by block, so that the rows of a block stay in the cache.
        for block in range(part * blocks // parts, (part + 1) * blocks // parts):
            start, stop = block * BLOCK, min(n, (block + 1) * BLOCK)
            for p in range(n_patterns):
                at[p] = 0
            for e in range(start, stop):
                at[pattern[e]] += 1
            before = np.int64(0)
            for p in range(n_patterns):
                before += at[p]
                at[p] = before - at[p]
            for e in range(start, stop):
                p = pattern[e]
                to = at[p]
                at[p] = to + 1
                order[to] = index[e]
                ordered[to] = effect[e]
                totals[part, p] += effect[e]
            for e in range(stop - start, stop - start + PREFETCH):
                order[e] = order[0]
            begin = np.int64(0)
            for p in range(n_patterns):
                if at[p] > begin:
                    _sum_rows(rows, order, ordered, begin, at[p], first, last, chunk, mine[p])
                begin = at[p]


@parallel
def value_signals(k, first, last, sums, totals, margin, value):
    """Value of the signals in words first..last at each input of a LUT whose other inputs stay.

    The value is the sum over the 2**k entries of min(0, margin + sum of effects): what the best table saves. The sums
    by pattern of all inputs, added up for pairs of patterns that differ in input j alone, are the sums by pattern of
    the other inputs.

    Parameters
    ----------
    sums, totals : object
        As of `sum_signals`; what the parts sum to is written to the first.
    value : object
        int32 (k, 32 * width of rows): the answer.
    """
    n_patterns = 1 << k
    parts = sums.shape[0]
    for part in range(1, parts):
        for p in range(n_patterns):
            totals[0, p] += totals[part, p]
    step = (last - first + _PIECES - 1) // _PIECES
    for piece in prange(_PIECES):
        low = 32 * min(last, first + piece * step)
        high = 32 * min(last, first + piece * step + step)
        for part in range(1, parts):
            for p in range(n_patterns):
                for v in range(low, high):
                    sums[0, p, v] += sums[part, p, v]
        for j in range(k):
            out = value[j]
            for v in range(low, high):
                out[v] = 0
            for p in range(n_patterns):
                if p >> j & 1:
                    continue
                with_zero, with_one = sums[0, p], sums[0, p | (1 << j)]
                total = np.int32(totals[0, p] + totals[0, p | (1 << j)] + margin)
                for v in range(low, high):
                    one = np.int32(with_zero[v] + with_one[v])
                    out[v] += min(np.int32(0), np.int32(one + margin)) + min(np.int32(0), np.int32(total - one))


@parallel
def change_vote(c, old, new, scores, own, label, u, w, zero, parts):
    """Follow a vote of class c from outputs `old` to `new` (uint64 (n_words,)) in scores and weight sums."""
    n_words = len(old)
    for part in prange(parts):
        for word in range(part * n_words // parts, (part + 1) * n_words // parts):
            changed = old[word] ^ new[word]
            while changed:
                bit = lowest(changed)  # type: ignore[call-arg, var-annotated]
                changed &= changed - np.uint64(1)
                i = word * 64 + bit
                step = 1 if (new[word] >> np.uint64(bit)) & np.uint64(1) else -1
                y = label[i]
                if y == c:
                    scores[i, c] += step
                    own[i] += step
                    u[i] = weight_sum(scores, i, y, own[i], w, zero)
                else:
                    m = zero + scores[i, c] - own[i]
                    u[i] += w[m + step] - w[m]
                    scores[i, c] += step


@parallel
def change_rows(place, old, new, rows, parts):
    """Follow the signal at `place` in the rows from `old` to `new` (uint64 (n_words,))."""
    n_words = len(old)
    at, mask = place >> 5, np.uint32(1) << np.uint32(place & 31)
    for part in prange(parts):
        for word in range(part * n_words // parts, (part + 1) * n_words // parts):
            changed = old[word] ^ new[word]
            while changed:
                i = word * 64 + lowest(changed)  # type: ignore[call-arg]
                changed &= changed - np.uint64(1)
                if i < len(rows):
                    rows[i, at] ^= mask


@parallel
def fill_rows(columns, candidates, rows):
    """rows uint32 (n, width): bit s % 32 of word s // 32 is the signal in column candidates[s] of that example."""
    n, width = rows.shape
    for word in prange((n + 63) // 64):
        count = min(64, n - word * 64)
        some = np.empty(64, np.uint32)
        for at in range(width):
            some[:] = 0
            for b in range(min(32, len(candidates) - 32 * at)):
                x = columns[candidates[32 * at + b], word]
                for e in range(64):
                    some[e] |= np.uint32((x >> np.uint64(e)) & np.uint64(1)) << np.uint32(b)
            for e in range(count):
                rows[word * 64 + e, at] = some[e]


@njit(nogil=True)
def _is_right(row, label):
    """One if the highest of the scores, the lowest class of equals, is the label, else zero."""
    best = 0
    for c in range(1, len(row)):
        if row[c] > row[best]:
            best = c
    return np.int64(best == label)


@parallel
def correct(scores, label, first, last):
    """Number of examples first..last whose highest score, the lowest class of equals, is their label."""
    total = np.int64(0)
    for i in prange(first, last):
        total += _is_right(scores[i], label[i])  # a function: numba finds a cycle in its body on Python 3.13
    return total


@parallel
def care_set(columns, wiring, valid, care):
    """care uint8 (n_luts, 2**k): one where an example of `valid` shows the pattern."""
    n_luts, k = wiring.shape
    for lut in prange(n_luts):
        missing = 1 << k
        for word in range(len(valid)):
            todo = valid[word]
            while todo:
                # The lowest example left, then every example of its pattern at once.
                bit = todo & (~todo + np.uint64(1))
                same, p = todo, 0
                for j in range(k):
                    x = columns[wiring[lut, j], word]
                    if x & bit:
                        p |= 1 << j
                        same &= x
                    else:
                        same &= ~x
                todo &= ~same
                if not care[lut, p]:
                    care[lut, p] = 1
                    missing -= 1
            if not missing:
                break
