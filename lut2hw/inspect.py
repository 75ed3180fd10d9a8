"""How much a network memorized, seen from the circuit and its training data alone.

After S. Chatterjee and A. Mishchenko, "Circuit-Based Intrinsic Methods to Detect Overfitting" (ICML 2020, PMLR
119:1459-1468). A LUT that sees a pattern in few training examples decides it on little evidence. Counterfactual
simulation with level l replaces what a LUT says to patterns that at most l training examples show by what it would
say without them, and looks at the training accuracy: a network that generalizes hardly notices, one that memorized
falls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits, kernels
from lut2hw.errors import UsageError
from lut2hw.model import Layer, LutNetwork

LEVELS = (1, 2, 4, 8, 16, 32, 64)
RARE = 8
"""A pattern that so many training examples or fewer show has few behind it."""
CANDIDATES = 1000
MOST = 100
"""Rare patterns that are flipped one by one, and that are told as JSON."""
CHUNK = 1 << 22


@dataclass(frozen=True)
class LayerEvidence:
    """Of all table entries of a layer, the shares backed by many, few and no training examples.

    rare_lookups: share of the look-ups, over LUTs and training examples, of an entry with few behind it. by_lut: the
    three shares for each LUT, float64 (n_luts, 3).
    """

    luts: int
    k: int
    many: float
    few: float
    none: float
    rare_lookups: float
    by_lut: NDArray[np.float64]


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
    """What `inspect` found.

    train_accuracy: of the network as it is. decided_by_rare: share of the training examples whose answer, though
    right, is wrong once the entries that at most `RARE` of them show are rewritten. counterfactual: level to training
    accuracy. memorization: what level `RARE` costs of the accuracy above the guess of the largest class: 0
    generalizes, 1 memorized everything. rare_patterns: those of the `CANDIDATES` entries that most of the examples
    counted in decided_by_rare look up which decide an example alone, the most decisive first.
    """

    examples: int
    train_accuracy: float
    chance: float
    layers: tuple[LayerEvidence, ...]
    decided_by_rare: float
    counterfactual: dict[int, float]
    memorization: float
    rare_patterns: tuple[RarePattern, ...]

    def as_json(self) -> dict[str, Any]:
        """The inspection as JSON values."""
        return {
            "examples": self.examples, "train_accuracy": round(self.train_accuracy, 6),
            "chance": round(self.chance, 6), "decided_by_rare": round(self.decided_by_rare, 6),
            "memorization": round(self.memorization, 6),
            "counterfactual": {str(level): round(value, 6) for level, value in self.counterfactual.items()},
            "layers": [{"luts": layer.luts, "k": layer.k, "many": round(layer.many, 6), "few": round(layer.few, 6),
                        "none": round(layer.none, 6), "rare_lookups": round(layer.rare_lookups, 6),
                        **{f"lut_{name}": np.round(layer.by_lut[:, i], 4).tolist()
                           for i, name in enumerate(("many", "few", "none"))}} for layer in self.layers],
            "rare_patterns": [vars(pattern) for pattern in self.rare_patterns[:MOST]]}


def patterns(layer: Layer, signals: bits.Packed, n: int, first: int, last: int) -> NDArray[np.int32]:
    """Table entry that each example looks up, int32 (last - first, n), for the LUTs from `first` to `last`."""
    out = np.zeros((last - first, n), np.int32)
    for j in range(layer.k):
        out |= bits.unpack(signals[layer.wiring[first:last, j]], n).astype(np.int32) << j
    return out


def _rewritten(table: NDArray[np.uint8], counts: NDArray[np.int64], level: int) -> NDArray[np.uint8]:
    """A table whose entries with 1 to `level` examples say what the rest of the LUT says more often."""
    rare = (counts > 0) & (counts <= level)
    if not rare.any():
        return table
    common = np.where(rare, 0, counts)
    ones = int(common[table == 1].sum())
    # Without those examples the entry was never seen: the best guess is what the LUT says to the others.
    guess = np.uint8(2 * ones > int(common.sum()))
    return np.where(rare, guess, table).astype(np.uint8)


def inspect(network: LutNetwork, x: NDArray[np.integer], y: NDArray[np.integer]) -> Inspection:
    """Inspect a network with its training data: integers (n, n_features) and class numbers (n,)."""
    n = len(y)
    if not n:
        raise UsageError("there are no training examples to inspect the model with; give --data")
    encoded = network.encoder(x)
    signals = network.signals(encoded)
    layers, rare, rewritten = [], list[NDArray[np.bool_]](), {level: list[Layer]() for level in LEVELS}
    for layer in network.layers:
        size = 1 << layer.k
        counts = np.zeros((len(layer), size), np.int64)
        step = max(1, CHUNK // n)
        for first in range(0, len(layer), step):
            last = min(len(layer), first + step)
            for lut, row in enumerate(patterns(layer, signals, n, first, last), first):
                counts[lut] = np.bincount(row, minlength=size)
        few = (counts > 0) & (counts <= RARE)
        layers.append(LayerEvidence(
            len(layer), layer.k, float((counts > RARE).mean()) if counts.size else 0.0,
            float(few.mean()) if counts.size else 0.0, float((counts == 0).mean()) if counts.size else 0.0,
            float(counts[few].sum() / max(1, counts.sum())),
            np.stack([(counts > RARE).mean(axis=1), few.mean(axis=1), (counts == 0).mean(axis=1)], axis=1)))
        rare.append(few)
        tables = layer.table_bits
        for level in LEVELS:
            new = [_rewritten(table, count, level) for table, count in zip(tables, counts, strict=True)]
            packed = bits.pack_tables(np.array(new, np.uint8).reshape(len(layer), size))
            rewritten[level].append(Layer(layer.wiring, packed))
    right = network.predict_packed(encoded, n) == y
    chance = float(np.bincount(y, minlength=network.n_classes).max()) / n
    counterfactual, decided = {}, np.zeros(n, bool)
    for level in LEVELS:
        other = LutNetwork(network.encoder, tuple(rewritten[level]), network.head, network.class_names)
        still = other.predict_packed(encoded, n) == y
        counterfactual[level] = float(still.mean())
        if level == RARE:
            decided = right & ~still
    accuracy = float(right.mean())
    drop = accuracy - counterfactual[RARE]
    return Inspection(n, accuracy, chance, tuple(layers), float(decided.mean()), counterfactual,
                      min(1.0, max(0.0, drop / (accuracy - chance))) if accuracy > chance else 0.0,
                      _decisive(network, x, signals, right, decided, rare))


def _looked_up(layer: Layer, signals: bits.Packed, n: int, luts: NDArray[np.intp]) -> Iterator[tuple[int, NDArray]]:
    """Number of each of the LUTs, and the table entry that each example looks up in it, int32 (n,)."""
    for lut in luts.tolist():
        yield lut, patterns(layer, signals, n, lut, lut + 1)[0]


def _decisive(network: LutNetwork, x: NDArray[np.integer], signals: bits.Packed, right: NDArray[np.bool_],
              decided: NDArray[np.bool_], rare: list[NDArray[np.bool_]]) -> tuple[RarePattern, ...]:
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
    out = [RarePattern(number, lut, pattern, many, int(wrong[first:first + many].sum()))
           for number, lut, pattern, many, first in tried]
    return tuple(sorted((each for each in out if each.decides), key=lambda each: -each.decides))


def _flipped(network: LutNetwork, encoded: bits.Packed, n: int,
             flips: list[list[tuple[int, int, int]]]) -> NDArray[np.int64]:
    """Classes (n,) with LUTs flipped: for each layer the LUT, the first example and the number of examples."""
    signals = np.zeros((network.n_signals, encoded.shape[1]), np.uint64)
    signals[:len(encoded)] = encoded
    for layer, first, own in zip(network.layers, network.first_signal, flips, strict=True):
        if not len(layer):
            continue
        kernels.evaluate_layer(signals, layer.wiring, layer.tables, first)
        turned = {lut: np.zeros(n, np.uint8) for lut, _, _ in own}
        for lut, start, many in own:
            turned[lut][start:start + many] = 1
        for lut, mask in turned.items():
            signals[first + lut] ^= bits.pack(mask[None])[0]
    head = network.head
    scores = np.tile(head.bias, (n, 1))
    for signal, c, weight in zip(head.signal.tolist(), head.class_of.tolist(), head.weight.tolist(), strict=True):
        scores[:, c] += weight * bits.unpack(signals[signal][None], n)[0].astype(np.int64)
    return head.answer(scores)
