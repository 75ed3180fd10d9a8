"""Decision trees, forests and gradient boosting as networks: every comparison becomes a bit of the code, every tree
becomes LUTs, leaf values become integers, and the head adds them.

A tree gives class c the value of its leaf. Values are rounded to integers of `leaf_bits` bits in steps that are the
same for all trees, and bit j of that integer is a boolean function of the tree's comparisons: one LUT, or several
where it reads more than k of them. It votes for class c with weight 2**j. So the only approximation is the rounding:
with T trees the sums are off by at most T / 2 steps, and not at all for whole votes (single trees, forests whose
leaves are pure). Trees that answer numbers have a power of two for a step, so that a number is its score in fixed
point, at most (T + 1) / 2 steps from what the library says. The same idea: A. Khataei and K. Bazargan, "TreeLUT",
FPGA 2025.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw.errors import UsageError
from lut2hw.exchange.builder import Builder
from lut2hw.exchange.trees.ensemble import Tree, TreeEnsemble
from lut2hw.exchange.trees.thresholds import boundaries, encoder_of, features_of, resolved
from lut2hw.logic import truth
from lut2hw.logic.graph import MUX
from lut2hw.model.check import MAX_K
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head


def to_network(
    ensemble: TreeEnsemble,
    features: Features | None = None,
    *,
    examples: ArrayLike | None = None,
    leaf_bits: int = 8,
    k: int = 6,
) -> LutNetwork:
    """The network of an ensemble.

    Parameters
    ----------
    ensemble : TreeEnsemble
    features : Features, optional
        Of the data, which makes the comparisons exact on its integers; None takes ranges from the thresholds alone.
    examples : array (n, n_features), optional
        Numbers of the data before they became integers. A feature whose steps are too coarse to keep them on the
        right side of every threshold gets finer ones.
    leaf_bits : int
        Bits of the leaf values as integers, 1 to 20.
    k : int
        Inputs of a LUT at most, 3 to 20.

    Raises
    ------
    UsageError
        If the number of features differs, or nothing would be left to build.
    """
    if not 1 <= leaf_bits <= 20:
        raise UsageError(f"leaf values need 1 to 20 bits, not {leaf_bits}")
    if not 3 <= k <= MAX_K:
        raise UsageError(f"the LUTs of trees have 3 to {MAX_K} inputs, not {k}")
    strict = ensemble.comparison == "<="  # to the right goes what is greater
    inner = [np.flatnonzero(tree.feature >= 0) for tree in ensemble.trees]
    both = list(zip(ensemble.trees, inner, strict=True))
    read = np.concatenate([np.zeros(0, np.int64), *(tree.feature[at] for tree, at in both)])
    limits = np.concatenate([np.zeros(0), *(tree.threshold[at] for tree, at in both)])
    real = np.isfinite(limits)
    single = ensemble.single
    missing = ensemble.missing
    if features is None:
        features = features_of(ensemble.n_features, read[real], limits[real], ensemble.feature_names)
    elif len(features) != ensemble.n_features:
        raise UsageError(f"the trees read {ensemble.n_features} features but the data have {len(features)}")
    elif examples is not None:
        features = resolved(features, read[real], limits[real], examples, strict=strict, single=single, also=missing)
    least = boundaries(features, read, limits, strict=strict, single=single)
    bounds = [(read, least)]
    from_missing: dict[int, tuple[int, int]] = {}  # by feature: the integers that count as missing, and past them
    if not math.isnan(missing):
        if any(tree.missing_left is None for tree in ensemble.trees):
            raise UsageError("the trees do not say where a missing value goes")
        own = np.unique(read)
        first, past = (
            boundaries(features, own, np.full(len(own), missing), strict=after, single=single)
            for after in (False, True)
        )
        from_missing = {int(f): (int(a), int(b)) for f, a, b in zip(own, first, past, strict=True)}
        bounds += [(own, first), (own, past)]
    pairs = sorted(
        {
            (int(f), int(t))
            for fs, ts in bounds
            for f, t, low, high in zip(fs, ts, features.low[fs], features.high[fs], strict=True)
            if low < t <= high
        }
    )
    if not pairs:
        raise UsageError("no comparison of the trees can come out both ways on this data; nothing is left to build")
    bit = {pair: number for number, pair in enumerate(pairs)}

    builder = Builder(len(bit))
    fraction = _fraction(ensemble, leaf_bits)
    steps = np.ldexp(1.0, -fraction) if ensemble.target_names else np.full(len(fraction), _step(ensemble, leaf_bits))
    votes: dict[tuple[int, int], int] = {}  # by (class, node)
    bias = ensemble.base / steps
    at = 0
    for tree, nodes in zip(ensemble.trees, inner, strict=True):
        # Per inner node: a node of the builder that is one on the right, or a side that all examples take.
        goes: dict[int, int | bool] = {}
        for node, f, t in zip(
            nodes.tolist(), read[at : at + len(nodes)].tolist(), least[at : at + len(nodes)].tolist(), strict=True
        ):
            goes[node] = bit.get((f, t), t <= int(features.low[f]))
            if from_missing and tree.missing_left is not None:
                from_first, from_past = (bit.get((f, m), m <= int(features.low[f])) for m in from_missing[f])
                goes[node] = _unless_missing(
                    goes[node], from_first, from_past, bool(tree.missing_left[node]), builder
                )
        at += len(nodes)
        order = _order(tree, goes)
        for column, c in enumerate(tree.outputs):
            leaves = [node for node in order if node not in goes]
            values = tree.value[leaves, column]  # what the others hold is anything
            least_value, step = values.min(), float(steps[c])
            whole = np.zeros(len(tree.value), np.int64)
            whole[leaves] = np.rint((values - least_value) / step)
            bias[c] += least_value / step
            for j in range(int(whole[leaves].max()).bit_length()):
                node_or_constant = _function(tree, order, goes, (whole >> j & 1).tolist(), builder, k)
                if node_or_constant is True:
                    bias[c] += 1 << j
                elif node_or_constant is not False:
                    key = (c, node_or_constant)
                    votes[key] = votes.get(key, 0) + (1 << j)
    return _network(ensemble, features, pairs, builder, votes, bias, fraction)


def _unless_missing(
    right: int | bool, first: int | bool, past: int | bool, left: bool, builder: Builder
) -> int | bool:
    """`right`, but a side of its own for what lies from `first` on and not from `past` on."""
    table, reads = 0, [each for each in (right, first, past) if not isinstance(each, bool)]
    for pattern in range(1 << len(reads)):
        value = iter(pattern >> j & 1 for j in range(len(reads)))
        goes, from_first, from_past = (
            bool(each) if isinstance(each, bool) else bool(next(value)) for each in (right, first, past)
        )
        table |= ((not left) if from_first and not from_past else goes) << pattern
    for i in reversed(range(len(reads))):
        if not truth.depends(table, len(reads), i):
            table = truth.cofactors(table, len(reads), i)[0]
            del reads[i]
    if not reads:
        return bool(table)
    return reads[0] if len(reads) == 1 and table == 0b10 else builder.lut(reads, table)


def _step(ensemble: TreeEnsemble, leaf_bits: int) -> float:
    """Value of one unit: the widest range of one tree's leaves gets all the bits."""
    widest = 0.0
    for tree in ensemble.trees:
        leaves = tree.value[tree.feature < 0]
        if leaves.size:
            widest = max(widest, float((leaves.max(axis=0) - leaves.min(axis=0)).max()))
    return widest / ((1 << leaf_bits) - 1) or 1.0


def _fraction(ensemble: TreeEnsemble, leaf_bits: int) -> NDArray[np.int64]:
    """Bits after the binary point of each score: the widest range of a tree's leaves fits into the bits."""
    widest = np.zeros(len(ensemble.base))
    for tree in ensemble.trees:
        leaves = tree.value[tree.feature < 0]
        for column, c in enumerate(tree.outputs):
            widest[c] = max(widest[c], float(np.ptp(leaves[:, column])))
    steps = np.where(widest > 0, widest, 1.0) / ((1 << leaf_bits) - 1)
    return -np.ceil(np.log2(steps)).astype(np.int64)


def _order(tree: Tree, goes: dict[int, int | bool]) -> list[int]:
    """Nodes that some example can reach, parents first; nodes where all take one side are passed through."""
    order, stack = [], [0]
    while stack:
        node = stack.pop()
        order.append(node)
        side = goes.get(node)
        if side is None:
            continue
        if side is not True:
            stack.append(int(tree.left[node]))
        if side is not False:
            stack.append(int(tree.right[node]))
    return order


def _function(
    tree: Tree, order: Sequence[int], goes: dict[int, int | bool], leaf: Sequence[int], builder: Builder, k: int
) -> int | bool:
    """The builder's node of a boolean function given by its values at the leaves, or a constant."""
    made: dict[int, tuple[tuple[int, ...], int]] = {}  # by tree node: what it reads (builder's nodes), and the table
    for node in reversed(order):
        side = goes.get(node)
        if side is None:
            made[node] = (), leaf[node] & 1
        elif side is True or side is False:
            made[node] = made.pop(int(tree.right[node] if side else tree.left[node]))
        else:
            made[node] = _mux(side, made.pop(int(tree.left[node])), made.pop(int(tree.right[node])), builder, k)
    reads, table = made[0]
    if not reads:
        return bool(table)
    return reads[0] if reads == (reads[0],) and table == 0b10 else builder.lut(reads, table)


def _mux(
    select: int, low: tuple[tuple[int, ...], int], high: tuple[tuple[int, ...], int], builder: Builder, k: int
) -> tuple[tuple[int, ...], int]:
    """`high` if the bit `select` else `low`; the wider one gets a LUT of its own where that reads too much."""
    if low == high:
        return low
    while True:
        reads = tuple(sorted({select, *low[0], *high[0]}))
        if len(reads) <= k:
            break
        if len(low[0]) >= len(high[0]):
            low = (builder.lut(*low),), 0b10
        else:
            high = (builder.lut(*high),), 0b10
    n = len(reads)
    ones = truth.full(n)
    place = {node: truth.var(i, n) for i, node in enumerate(reads)}
    low_table, high_table = (truth.apply(table, [place[node] for node in own], ones) for own, table in (low, high))
    table = truth.apply(MUX, [low_table, high_table, place[select]], ones)
    for i in reversed(range(n)):  # an input of equal cofactors is no input
        if not truth.depends(table, len(reads), i):
            table = truth.cofactors(table, len(reads), i)[0]
            reads = reads[:i] + reads[i + 1 :]
    return reads, table


def _network(
    ensemble: TreeEnsemble,
    features: Features,
    pairs: Sequence[tuple[int, int]],
    builder: Builder,
    votes: dict[tuple[int, int], int],
    bias: NDArray[np.float64],
    fraction: NDArray[np.int64],
) -> LutNetwork:
    layers, signal = builder.layers()
    keys = sorted(votes)
    weight = [votes[key] for key in keys]
    argmax, numbers = len(bias) > 1, bool(ensemble.target_names)
    if not (np.abs(bias) < 1 << 40).all():
        raise UsageError("the scores without trees are too large beside the leaves'")
    divisor = 1
    if numbers:
        whole = [int(each) for each in np.rint(bias)]
    elif argmax:
        whole = [int(each) for each in np.rint(bias - bias.min())]
        divisor = math.gcd(*weight, *whole) or 1
    else:
        # Class 1 if the sum is positive, or zero where zero counts.
        whole = [
            math.floor(round(float(bias[0]), 6)) if ensemble.at_zero else math.ceil(round(float(bias[0]), 6)) - 1
        ]
        divisor = math.gcd(*weight) or 1
    if any(abs(each) >= 1 << 31 for each in weight) or any(abs(each) >= 1 << 40 for each in whole):
        raise UsageError("the leaf sums need more than 31 bits; use fewer leaf bits")
    head = Head(
        "number" if numbers else "argmax" if argmax else "threshold",
        signal[[node for _, node in keys]].astype(np.int32),
        np.array([c for c, _ in keys], np.int32),
        np.array([w // divisor for w in weight], np.int32),
        np.array([b // divisor for b in whole], np.int64),
        fraction if numbers else None,
    )
    return LutNetwork(
        encoder_of(features, pairs),
        layers,
        head,
        ensemble.class_names,
        {"imported": ensemble.source} if ensemble.source else {},
        target_names=ensemble.target_names,
    )
