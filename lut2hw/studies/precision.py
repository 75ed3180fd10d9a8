"""Fewer bits of the inputs: thresholds moved to rounder numbers, or onto each other, where no answer changes.

A comparator does not look at the zero bits at the end of its threshold, and equal thresholds share one. Values
between the old threshold and the new one alone see another bit, so a move is judged by their answers: first all moves
that no example sees, then those that ever more examples see, each threshold to the roundest number there is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.data.dataset import Dataset
from lut2hw.errors import UsageError
from lut2hw.model.encoder import Encoder
from lut2hw.model.network import LutNetwork
from lut2hw.studies.evaluate import examples_of

NEAR = 0.01
"""Share of the examples, at most, that may lie between a threshold and where it goes. Of a published DWN for jets,
judged by 749 of them and held against 251 others: .003 keeps .992 of their answers, .01 .976, .03 .944.
"""
STEPS = 4
"""Rounds, with half a decade more of that share in each, after one with moves that no example sees."""
TRIES = 24
"""Moves of a threshold, at most, that are judged in a round."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Coarsened:
    """A model with rounder thresholds, and what that did."""

    network: LutNetwork
    """The model; its `meta["precision"]` says what was asked."""
    split: str
    """Split that was judged by."""
    examples: int
    """Of that split."""
    changed: int
    """Examples of it with another answer than before."""
    right: tuple[int, int]
    """Right answers among them, before and after."""
    comparators: tuple[int, int]
    """Different comparisons that the network reads, before and after."""
    compared: tuple[int, int]
    """Bits that these look at in all, before and after."""
    inputs: tuple[int, int]
    """Bits of the features that any of them looks at, before and after."""
    others: int
    """Examples that were not judged by: those of the test split, if the training examples were."""
    others_changed: int
    """Of these, how many have another answer than before."""
    others_right: tuple[int, int]
    """Right answers among these, before and after."""


def coarsen(
    network: LutNetwork,
    dataset: Dataset,
    *,
    loss: float = 0.0,
    near: float = NEAR,
    split: str | None = None,
    progress: Progress | None = None,
) -> Coarsened:
    """Move thresholds to the roundest numbers that keep the answers.

    Parameters
    ----------
    network : LutNetwork
        Of classes or labels.
    dataset : Dataset
        Read as the network reads it (`lut2hw.training.recall`).
    loss : float, default=0
        Share of the examples that may lose their right answer, those that gain one counted against them. 0 keeps the
        answer of every example, right or wrong.
    near : float, default=0.01
        Share of the examples, at most, that may lie between a threshold and where it goes: the fewer see a move, the
        surer it changes little elsewhere.
    split : str, optional
        "train", "test" or "all" to judge by; the training examples by default, so that the others say what it costs.
    progress : callable, optional
        Called as progress(what, steps done, steps in all).

    Returns
    -------
    Coarsened
        The same for the same data.

    Raises
    ------
    UsageError
        For a model of numbers, shares out of range, or a split without examples.
    """
    if not 0 <= loss < 1:
        raise UsageError(f"the loss of precision is a share from 0 to below 1, not {loss:g}")
    if not 0 <= near <= 1:
        raise UsageError(f"the share of examples that may see a move is from 0 to 1, not {near:g}")
    if network.head.kind == "number":
        raise UsageError("numbers change with every threshold; precision is for models of classes or labels")
    split, x, y = examples_of(dataset, "train" if split is None and len(dataset.y_train) else split)
    if not len(x):
        raise UsageError(f"{dataset.name} has no examples in its {split} split to judge by")
    work = _Work(network, x, y)
    rounds = sorted({0, *(math.ceil(near * len(x) / 10 ** (step / 2)) for step in range(STEPS) if near)})
    before = work.figures()
    steps = len(rounds) * len(work.pairs)
    for at, reach in enumerate(rounds):
        for done, pair in enumerate(work.order()):
            if progress is not None and done % 16 == 0:
                progress("rounding thresholds", at * len(work.pairs) + done, steps)
            work.improve(pair, reach, loss)
    if progress is not None:
        progress("rounding thresholds", steps, steps)
    made = replace(network, encoder=work.encoder()).with_meta(precision={"loss": loss, "near": near, "split": split})
    after = work.figures()
    x_other, y_other = dataset.split("test") if split == "train" else (x[:0], y[:0])
    was, is_now = (each.predict_integers(x_other) for each in (network, made))
    return Coarsened(
        made,
        split,
        len(x),
        _different(work.answers, work.wanted),
        (_same(work.wanted, y), _same(work.answers, y)),
        (before[0], after[0]),
        (before[1], after[1]),
        (before[2], after[2]),
        len(x_other),
        _different(was, is_now),
        (_same(was, y_other), _same(is_now, y_other)),
    )


def _same(answers: NDArray[Any], others: NDArray[Any]) -> int:
    """Examples with the same answer; of several labels with all the same."""
    return int((answers == others).reshape(len(answers), -1).all(axis=1).sum()) if len(answers) else 0


def _different(answers: NDArray[Any], others: NDArray[Any]) -> int:
    return len(answers) - _same(answers, others)


class _Work:
    """Thresholds on their way; a *pair* is a feature with one of its thresholds, read by some bits of the code."""

    def __init__(self, network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any]) -> None:
        self.network, self.y = network, y
        encoder = network.encoder
        read = np.zeros(network.n_signals, bool)
        read[network.head.signal] = True
        for layer, start in zip(reversed(network.layers), reversed(network.first_signal), strict=True):
            used = read[start : start + layer.wiring.shape[0]]
            read[np.unique(layer.wiring[used])] = True
        self.bits: dict[int, NDArray[np.intp]] = {}
        self.pairs: list[list[int]] = []  # feature, threshold
        for feature, threshold in sorted(
            {(int(encoder.feature[b]), int(encoder.threshold[b])) for b in np.flatnonzero(read[: len(encoder)])}
        ):
            same = (encoder.feature == feature) & (encoder.threshold == threshold)
            self.bits[len(self.pairs)] = np.flatnonzero(same)
            self.pairs.append([feature, threshold])
        self.rows = np.argsort(x, axis=0, kind="stable")  # examples of each feature by value
        self.values = np.take_along_axis(x, self.rows, axis=0).astype(np.int64)
        code = encoder(x)
        self.code = bits.unpack(code, len(x)).astype(bool)  # (n_bits, n)
        self.wanted = network.predict_packed(code, len(x))
        self.answers = self.wanted.copy()
        self.least = network.features.low + 1 + network.features.missing
        self.most = network.features.high

    def order(self) -> list[int]:
        """Pairs whose comparators look at most bits first."""
        return sorted(range(len(self.pairs)), key=lambda pair: (-self.looks(*self.pairs[pair]), pair))

    def looks(self, feature: int, threshold: int) -> int:
        """Bits of a feature that a comparator looks at."""
        low, high = int(self.network.features.low[feature]), int(self.most[feature])
        width = max((high - low).bit_length(), 1)
        above = (threshold & -threshold).bit_length() - 1 if threshold else width
        return max(1, width - above)

    def figures(self) -> tuple[int, int, int]:
        """Comparators, bits that they look at, and bits of features that any of them looks at."""
        pairs = {(feature, threshold) for feature, threshold in self.pairs}
        most: dict[int, int] = {}
        for feature, threshold in pairs:
            most[feature] = max(most.get(feature, 0), self.looks(feature, threshold))
        return len(pairs), sum(self.looks(*each) for each in pairs), sum(most.values())

    def candidates(self, pair: int, reach: int) -> Iterator[int]:
        """Cheaper thresholds that at most `reach` examples see, the cheapest first."""
        feature, threshold = self.pairs[pair]
        values = self.values[:, feature]
        at = int(np.searchsorted(values, threshold))
        # The least and the largest threshold with at most `reach` values between it and this one.
        low = int(values[at - reach - 1]) + 1 if at - reach - 1 >= 0 else int(self.least[feature])
        high = int(values[at + reach]) if at + reach < len(values) else int(self.most[feature])
        low, high = max(low, int(self.least[feature])), min(high, int(self.most[feature]))
        others = {t for f, t in self.pairs if f == feature and t != threshold and low <= t <= high}
        yield from sorted(others, key=lambda t: (abs(t - threshold), t))
        for zeros in reversed(range(max(1, high.bit_length()))):
            if self.looks(feature, 1 << zeros) >= self.looks(feature, threshold):
                return
            below, above = threshold >> zeros << zeros, -(-threshold >> zeros) << zeros
            near = {t for t in (below, above) if low <= t <= high and t not in others}
            yield from sorted(near, key=lambda t: (abs(t - threshold), t))

    def improve(self, pair: int, reach: int, loss: float) -> None:
        """Give a pair the cheapest threshold that keeps the answers."""
        feature, threshold = self.pairs[pair]
        values, own = self.values[:, feature], self.bits[pair]
        at = int(np.searchsorted(values, threshold))
        tried = 0
        for new in self.candidates(pair, reach):
            if tried >= TRIES:
                return
            to = int(np.searchsorted(values, new))
            rows = self.rows[min(at, to) : max(at, to), feature]
            if len(rows):
                tried += 1
                code = self.code[:, rows]
                code[own] = new <= threshold  # examples from `new` on now see a one, or those up to it a zero
                answers = self.network.predict_packed(bits.pack(code), len(rows))
                if not self._allowed(rows, answers, loss):
                    continue
                self.code[np.ix_(own, rows)] = new <= threshold
                self.answers[rows] = answers
            self.pairs[pair][1] = new
            return

    def _allowed(self, rows: NDArray[np.intp], answers: NDArray[Any], loss: float) -> bool:
        """Whether these examples may be answered so."""
        if loss == 0:
            return not _different(answers, self.wanted[rows])
        lost = _same(self.wanted, self.y) - _same(self.answers, self.y)
        now, then = (_same(each, self.y[rows]) for each in (self.answers[rows], answers))
        return then >= now or lost + now - then <= loss * len(self.y)

    def encoder(self) -> Encoder:
        """The encoder with the thresholds as they are now."""
        encoder = self.network.encoder
        threshold = encoder.threshold.copy()
        for pair, (_, new) in enumerate(self.pairs):
            threshold[self.bits[pair]] = new
        return Encoder(encoder.features, encoder.feature, threshold)


def as_json(made: Coarsened) -> dict[str, Any]:
    """JSON values of all but the model.

    Parameters
    ----------
    made : Coarsened
        What `coarsen` gave.
    """
    plain = {name: getattr(made, name) for name in ("split", "examples", "changed", "others", "others_changed")}
    pairs = ("right", "others_right", "comparators", "compared", "inputs")
    return {**plain, **{name: list(getattr(made, name)) for name in pairs}}
