"""How much a network memorized, seen from the circuit and its training data alone.

After S. Chatterjee and A. Mishchenko, "Circuit-Based Intrinsic Methods to Detect Overfitting" (ICML 2020, PMLR
119:1459-1468). A LUT that sees a pattern in few training examples decides it on little evidence. Counterfactual
simulation with level l replaces what a LUT says to patterns that at most l training examples show by what it would
say without them, and looks at the training accuracy: a network that generalizes hardly notices, one that memorized
falls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.errors import UsageError
from lut2hw.model import Layer, LutNetwork

LEVELS = (1, 2, 4, 8, 16, 32, 64)
RARE = 8
"""A pattern that so many training examples or fewer show has few behind it."""
CHUNK = 1 << 22


@dataclass(frozen=True)
class LayerEvidence:
    """Of all table entries of a layer, the shares backed by many, few and no training examples.

    rare_lookups: share of the look-ups, over LUTs and training examples, of an entry with few behind it. lut_few:
    per LUT the share of its entries with few behind them, float64 (n_luts,).
    """

    luts: int
    k: int
    many: float
    few: float
    none: float
    rare_lookups: float
    lut_few: NDArray[np.float64]


@dataclass(frozen=True)
class Inspection:
    """What `inspect` found.

    train_accuracy: of the network as it is. decided_by_rare: share of the training examples whose answer, though
    right, is wrong once the entries that at most `RARE` of them show are rewritten. counterfactual: level to training
    accuracy. memorization: what level `RARE` costs of the accuracy above the guess of the largest class: 0
    generalizes, 1 memorized everything.
    """

    examples: int
    train_accuracy: float
    chance: float
    layers: tuple[LayerEvidence, ...]
    decided_by_rare: float
    counterfactual: dict[int, float]
    memorization: float

    def as_json(self) -> dict[str, Any]:
        """The inspection as JSON values."""
        return {
            "examples": self.examples, "train_accuracy": round(self.train_accuracy, 6),
            "chance": round(self.chance, 6), "decided_by_rare": round(self.decided_by_rare, 6),
            "memorization": round(self.memorization, 6),
            "counterfactual": {str(level): round(value, 6) for level, value in self.counterfactual.items()},
            "layers": [{"luts": layer.luts, "k": layer.k, "many": round(layer.many, 6), "few": round(layer.few, 6),
                        "none": round(layer.none, 6), "rare_lookups": round(layer.rare_lookups, 6),
                        "lut_few": [round(float(share), 4) for share in layer.lut_few]} for layer in self.layers]}


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
    layers, rewritten = [], {level: list[Layer]() for level in LEVELS}
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
            float(counts[few].sum() / max(1, counts.sum())), few.mean(axis=1)))
        tables = layer.table_bits
        for level in LEVELS:
            new = [_rewritten(table, count, level) for table, count in zip(tables, counts, strict=True)]
            packed = bits.pack_tables(np.array(new, np.uint8).reshape(len(layer), size))
            rewritten[level].append(Layer(layer.wiring, packed))
    right = network.predict_packed(encoded, n) == y
    chance = float(np.bincount(y, minlength=network.n_classes).max()) / n
    counterfactual, decided = {}, 0.0
    for level in LEVELS:
        other = LutNetwork(network.encoder, tuple(rewritten[level]), network.head, network.class_names)
        still = other.predict_packed(encoded, n) == y
        counterfactual[level] = float(still.mean())
        if level == RARE:
            decided = float((right & ~still).mean())
    accuracy = float(right.mean())
    drop = accuracy - counterfactual[RARE]
    return Inspection(n, accuracy, chance, tuple(layers), decided, counterfactual,
                      min(1.0, max(0.0, drop / (accuracy - chance))) if accuracy > chance else 0.0)
