"""How much a network memorized, seen from the circuit and its training data alone.

After S. Chatterjee and A. Mishchenko, "Circuit-Based Intrinsic Methods to Detect Overfitting" (ICML 2020, PMLR
119:1459-1468). A LUT that sees a pattern in few training examples decides it on little evidence. Counterfactual
simulation with level l replaces what a LUT says to patterns that at most l training examples show by what it would
say without them, and looks at the training accuracy: a network that generalizes hardly notices, one that memorized
falls.

Where tables are small or examples many no pattern is rare, and random labels are fitted by a little chance in each of
many entries. So the same simulation is also done by the evidence of an entry (this project's addition): how much
likelier the labels of the examples that show its pattern are if these have class shares of their own than if they are
drawn from all labels, as a Bayes factor in bits. The prior of the shares is a Dirichlet distribution around those of
all labels with the weight of as many examples as there are classes. If labels are random, the factor of an entry is 1
on average, whatever its counts, so that by Markov's inequality it reaches b bits with a probability of at most 2^-b.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from lut2hw import bits
from lut2hw.errors import UsageError
from lut2hw.kernels import evaluate as kernels
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Layer

LEVELS = (1, 2, 4, 8, 16, 32, 64, 256, 1024, 4096)
RARE = 8
"""A pattern that so many training examples or fewer show has few behind it."""
BITS = (0, 5, 10, 20, 40, 80, 160)
SURE = 10
"""An entry with fewer bits of evidence may have its labels by chance; at most 1 in 2**10 reaches them so."""
CANDIDATES = 1000
MOST = 100
"""Rare patterns that are flipped one by one, and that are told as JSON."""
CHUNK = 1 << 22


@dataclass(frozen=True)
class LayerEvidence:
    """Of all table entries of a layer, the shares backed by many, few and no training examples."""

    luts: int
    k: int
    many: float
    few: float
    none: float
    rare_lookups: float
    """Share of the look-ups, over LUTs and training examples, of an entry with few behind it."""
    chance_lookups: float
    """Of one with less than `SURE` bits of evidence."""
    by_lut: NDArray[np.float64]
    """The three shares for each LUT, float64 (n_luts, 3)."""


@dataclass(frozen=True)
class RarePattern:
    """A table entry with few training examples behind it, and how many of these, right now, are wrong if this entry
    alone is flipped.
    """

    layer: int
    lut: int
    pattern: int
    examples: int
    decides: int


@dataclass(frozen=True)
class Inspection:
    """What `inspect` found."""

    examples: int
    train_accuracy: float
    """Of the network as it is."""
    chance: float
    layers: tuple[LayerEvidence, ...]
    decided_by_rare: float
    """Share of the training examples whose answer, though right, is wrong once the entries that at most `RARE` of
    them show are rewritten.
    """
    counterfactual: dict[int, float]
    """Level to training accuracy."""
    memorization: float
    """What level `RARE` costs of the accuracy above the guess of the largest class: 0 generalizes, 1 memorized
    everything.
    """
    by_evidence: dict[int, float]
    """Bits to training accuracy once the entries that have less evidence are rewritten."""
    by_chance: float
    """What `SURE` bits cost, as a share like memorization."""
    rare_patterns: tuple[RarePattern, ...]
    """Those of the `CANDIDATES` entries that most of the examples counted in decided_by_rare look up which decide an
    example alone, the most decisive first.
    """

    def as_json(self) -> dict[str, Any]:
        """The inspection as JSON values."""
        return {
            "examples": self.examples,
            "train_accuracy": round(self.train_accuracy, 6),
            "chance": round(self.chance, 6),
            "decided_by_rare": round(self.decided_by_rare, 6),
            "memorization": round(self.memorization, 6),
            "by_chance": round(self.by_chance, 6),
            "counterfactual": {str(level): round(value, 6) for level, value in self.counterfactual.items()},
            "by_evidence": {str(level): round(value, 6) for level, value in self.by_evidence.items()},
            "layers": [
                {
                    "luts": layer.luts,
                    "k": layer.k,
                    "many": round(layer.many, 6),
                    "few": round(layer.few, 6),
                    "none": round(layer.none, 6),
                    "rare_lookups": round(layer.rare_lookups, 6),
                    "chance_lookups": round(layer.chance_lookups, 6),
                    **{
                        f"lut_{name}": np.round(layer.by_lut[:, i], 4).tolist()
                        for i, name in enumerate(("many", "few", "none"))
                    },
                }
                for layer in self.layers
            ],
            "rare_patterns": [vars(pattern) for pattern in self.rare_patterns[:MOST]],
        }


def patterns(layer: Layer, signals: bits.Packed, n: int, first: int, last: int) -> NDArray[np.int32]:
    """Table entry that each example looks up, int32 (last - first, n), for the LUTs from `first` to `last`."""
    out = np.zeros((last - first, n), np.int32)
    for j in range(layer.k):
        out |= bits.unpack(signals[layer.wiring[first:last, j]], n).astype(np.int32) << j
    return out


def evidence(counts: NDArray[np.int64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bayes factor, in bits, for class shares of its own against `share` (n_classes,), for each row of counts
    (n, n_classes) of examples by class.
    """
    known = share > 0  # a class without examples is no class
    counts, share = counts[:, known], share[known]
    prior = len(share) * share
    total = gammaln(prior.sum()) - gammaln(prior.sum() + counts.sum(axis=1))
    parts = (gammaln(prior + counts) - gammaln(prior) - counts * np.log(share)).sum(axis=1)
    factor: NDArray[np.float64] = (total + parts) / np.log(2)
    return factor


def _rewritten(tables: NDArray[np.uint8], counts: NDArray[np.int64], weak: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Tables (n_luts, 2**k) whose `weak` entries say what the rest of their LUT says more often."""
    # Without those examples the entry was never seen: the best guess is what the LUT says to the others; where there
    # are no others, a constant.
    alone = np.all(weak | (counts == 0), axis=1, keepdims=True)
    others = np.where(weak & ~alone, 0, counts)
    guess = 2 * (others * tables).sum(axis=1) > others.sum(axis=1)
    return np.where(weak & (counts > 0), guess[:, None], tables).astype(np.uint8)


def _count(
    layer: Layer, signals: bits.Packed, y: NDArray[np.integer], share: NDArray[np.float64]
) -> Iterator[tuple[slice, NDArray[np.int64], NDArray[np.float64]]]:
    """Some LUTs of a layer at a time: training examples behind each entry and their evidence, (n_luts, 2**k) each."""
    n, size, n_classes = len(y), 1 << layer.k, len(share)
    step = max(1, CHUNK // max(n, size))
    for first in range(0, len(layer), step):
        some = slice(first, min(len(layer), first + step))
        counts = np.zeros((some.stop - first, size), np.int64)
        strength = np.zeros(counts.shape)
        for lut, row in enumerate(patterns(layer, signals, n, first, some.stop)):
            by_class = np.bincount(row.astype(np.int64) * n_classes + y, minlength=size * n_classes)
            by_class = by_class.reshape(size, n_classes)
            counts[lut] = by_class.sum(axis=1)
            seen = counts[lut] > 0
            strength[lut, seen] = evidence(by_class[seen], share)
        yield some, counts, strength


def inspect(network: LutNetwork, x: NDArray[np.integer], y: NDArray[np.integer]) -> Inspection:
    """Inspect a network with its training data: integers (n, n_features) and class numbers (n,)."""
    if not network.head.classifies:
        raise UsageError("inspect weighs the evidence for classes, and this model answers none; give a classifier")
    n = len(y)
    if not n:
        raise UsageError("there are no training examples to inspect the model with; give --data")
    encoded = network.encoder(x)
    signals = network.signals(encoded)
    share = np.bincount(y, minlength=network.n_classes) / n
    layers, rare = [], list[NDArray[np.bool_]]()
    fewer, weaker = ({level: list[Layer]() for level in levels} for levels in (LEVELS, BITS))
    for layer in network.layers:
        tables, few = layer.table_bits, np.zeros((len(layer), 1 << layer.k), bool)
        by_lut, of_few, of_chance = np.zeros((len(layer), 3)), 0, 0
        less, weak = ({level: np.empty_like(layer.tables) for level in levels} for levels in (LEVELS, BITS))
        for some, counts, strength in _count(layer, signals, y, share):
            few[some] = (counts > 0) & (counts <= RARE)
            by_lut[some] = np.stack([counts > RARE, few[some], counts == 0], axis=2).mean(axis=1)
            of_few += int(counts[few[some]].sum())
            of_chance += int(counts[strength < SURE].sum())
            for level, new in less.items():
                new[some] = bits.pack_tables(_rewritten(tables[some], counts, counts <= level))
            for level, new in weak.items():
                new[some] = bits.pack_tables(_rewritten(tables[some], counts, strength < level))
        many, seldom, none = by_lut.mean(axis=0).tolist() if len(layer) else (0.0, 0.0, 0.0)
        lookups = max(1, n * len(layer))
        layers.append(
            LayerEvidence(len(layer), layer.k, many, seldom, none, of_few / lookups, of_chance / lookups, by_lut)
        )
        rare.append(few)
        for rewritten, packed in ((fewer, less), (weaker, weak)):
            for level, new in packed.items():
                rewritten[level].append(Layer(layer.wiring, new))
    right = network.predict_packed(encoded, n) == y
    accuracy, chance = float(right.mean()), float(share.max())

    def still(layers: list[Layer]) -> NDArray[np.bool_]:
        changed = LutNetwork(network.encoder, tuple(layers), network.head, network.class_names)
        same: NDArray[np.bool_] = changed.predict_packed(encoded, n) == y
        return same

    def cost(left: float) -> float:
        return min(1.0, max(0.0, (accuracy - left) / (accuracy - chance))) if accuracy > chance else 0.0

    counterfactual = {level: float(still(chosen).mean()) for level, chosen in fewer.items()}
    by_evidence = {level: float(still(chosen).mean()) for level, chosen in weaker.items()}
    decided = right & ~still(fewer[RARE])
    return Inspection(
        n,
        accuracy,
        chance,
        tuple(layers),
        float(decided.mean()),
        counterfactual,
        cost(counterfactual[RARE]),
        by_evidence,
        cost(by_evidence[SURE]),
        _decisive(network, x, signals, right, decided, rare),
    )


def _looked_up(
    layer: Layer, signals: bits.Packed, n: int, luts: NDArray[np.intp]
) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """Number of each of the LUTs, and the table entry that each example looks up in it, int32 (n,)."""
    for lut in luts.tolist():
        yield lut, patterns(layer, signals, n, lut, lut + 1)[0]


def _decisive(
    network: LutNetwork,
    x: NDArray[np.integer],
    signals: bits.Packed,
    right: NDArray[np.bool_],
    decided: NDArray[np.bool_],
    rare: list[NDArray[np.bool_]],
) -> tuple[RarePattern, ...]:
    """Rare entries (for each layer bool (n_luts, 2**k)) that decide training examples alone."""
    n, found = len(right), []
    who = np.flatnonzero(decided)
    if not len(who):
        return ()
    some = network.signals(network.encoder(x[who]))
    for number, layer in enumerate(network.layers):
        for lut, looked_up in _looked_up(layer, some, len(who), np.flatnonzero(rare[number].any(axis=1))):
            times = np.bincount(looked_up, minlength=1 << layer.k) * rare[number][lut]
            found += [(-int(times[pattern]), number, lut, int(pattern)) for pattern in np.flatnonzero(times)]
    found = sorted(found)[:CANDIDATES]
    # One row for each entry and example that shows it: the network with that LUT flipped.
    rows, size, tried = list[NDArray[np.intp]](), 0, list[tuple[int, int, int, int, int]]()
    flips = [list[tuple[int, int, int]]() for _ in network.layers]
    for number, layer in enumerate(network.layers):
        own = [(lut, pattern) for _, where, lut, pattern in found if where == number]
        luts = np.unique([lut for lut, _ in own]).astype(np.intp)
        for lut, looked_up in _looked_up(layer, signals, n, luts):
            for pattern in sorted(pattern for each, pattern in own if each == lut):
                examples = np.flatnonzero(looked_up == pattern)
                flips[number].append((lut, size, len(examples)))
                tried.append((number, lut, pattern, len(examples), size))
                rows.append(examples)
                size += len(examples)
    row = np.concatenate(rows)
    still = _flipped(network, network.encoder(x[row]), len(row), flips)
    wrong = right[row] & (still != network.predict_packed(network.encoder(x[row]), len(row)))
    out = [
        RarePattern(number, lut, pattern, many, int(wrong[first : first + many].sum()))
        for number, lut, pattern, many, first in tried
    ]
    return tuple(sorted((each for each in out if each.decides), key=lambda each: -each.decides))


def _flipped(
    network: LutNetwork, encoded: bits.Packed, n: int, flips: list[list[tuple[int, int, int]]]
) -> NDArray[np.int64]:
    """Classes (n,) with LUTs flipped: for each layer the LUT, the first example and the number of examples."""
    signals = np.zeros((network.n_signals, encoded.shape[1]), np.uint64)
    signals[: len(encoded)] = encoded
    for layer, first, own in zip(network.layers, network.first_signal, flips, strict=True):
        if not len(layer):
            continue
        kernels.evaluate_layer(signals, layer.wiring, layer.tables, first)
        turned = {lut: np.zeros(n, np.uint8) for lut, _, _ in own}
        for lut, start, many in own:
            turned[lut][start : start + many] = 1
        for lut, mask in turned.items():
            signals[first + lut] ^= bits.pack(mask[None])[0]
    head = network.head
    scores = np.tile(head.bias, (n, 1))
    for signal, c, weight in zip(head.signal.tolist(), head.class_of.tolist(), head.weight.tolist(), strict=True):
        scores[:, c] += weight * bits.unpack(signals[signal][None], n)[0].astype(np.int64)
    return head.answer(scores)
