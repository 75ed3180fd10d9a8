"""What a network is made of: layers of LUTs, and the head that turns signals into the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw import bits

CLASSES = ("bit", "threshold", "argmax")
"""Kinds of heads whose answer is a class."""

KINDS = (*CLASSES, "number", "labels")
"""All kinds of heads."""


@dataclass(frozen=True, eq=False)
class Layer:
    """LUTs that are evaluated together."""

    wiring: NDArray[np.int32]
    """int32 (n_luts, k), the global signal number at each input. Signals are the encoder's bits, then the LUTs of
    layer 0, of layer 1 and so on; a LUT reads any signal before its own layer.
    """
    tables: NDArray[np.uint8]
    """uint8 (n_luts, ceil(2**k / 8)), entry p in bit p % 8 of byte p // 8; input 0 is the least significant bit of p.
    """
    care: NDArray[np.uint8] | None = None
    """Like tables, a one where training showed the pattern; None if unknown (then every entry is cared for)."""
    counts: NDArray[np.uint32] | None = None
    """uint32 (n_luts, 2**k, 2), training examples by pattern and label, or None if not kept."""

    def __len__(self) -> int:
        return len(self.wiring)

    @property
    def k(self) -> int:
        """Inputs of each LUT of this layer."""
        return int(self.wiring.shape[1])

    @property
    def table_bits(self) -> NDArray[np.uint8]:
        """Tables as 0/1, uint8 (n_luts, 2**k)."""
        return bits.unpack_tables(self.tables, self.k)

    @property
    def care_bits(self) -> NDArray[np.uint8]:
        """Care set as 0/1, uint8 (n_luts, 2**k); all ones if unknown."""
        if self.care is None:
            return np.ones((len(self), 1 << self.k), np.uint8)
        return bits.unpack_tables(self.care, self.k)


@dataclass(frozen=True, eq=False)
class Head:
    """Turns signals into the answer.

    kind "bit": the class is the value of `signal[0]` (two classes).
    kind "threshold": class 1 if bias[0] + sum of weight[i] over the votes i that are one is >= 0, else 0.
    kind "argmax": score_c = bias[c] + sum of weight[i] over the votes i of class c that are one; the class of
    the highest score wins, and of equal scores the LOWEST class wins.
    kind "number": score_t as for argmax, of each target t; the value of the target is score_t / 2**fraction[t].
    kind "labels": score_t as for argmax, of each label t; the label is 1 if score_t >= 0, else 0.
    """

    kind: str
    signal: NDArray[np.int32]
    """int32 (n_votes,); a signal may vote several times."""
    class_of: NDArray[np.int32]
    """int32 (n_votes,), the score that a vote counts for: its class, target or label; all 0 of bit and threshold."""
    weight: NDArray[np.int32]
    """int32 (n_votes,), what a vote counts."""
    bias: NDArray[np.int64]
    """int64 (n_classes,) for argmax, (targets,) for number, (labels,) for labels, (1,) otherwise."""
    fraction: NDArray[np.int64] | None = None
    """int64 (targets,) for number, bits after the binary point of each target's score, may be negative; None of all
    other kinds.
    """
    reject: int = 0
    """The least margin of an answer, of argmax and threshold; below it the answer is "none", class n_classes."""

    @classmethod
    def bit(cls, signal: int) -> Head:
        """The class is one signal."""
        return cls(
            "bit", np.array([signal], np.int32), np.zeros(1, np.int32), np.ones(1, np.int32), np.zeros(1, np.int64)
        )

    @classmethod
    def threshold(cls, signal: ArrayLike, at_least: int) -> Head:
        """Class 1 if at least `at_least` of the signals are one."""
        signal = np.asarray(signal, np.int32)
        return cls(
            "threshold",
            signal,
            np.zeros(len(signal), np.int32),
            np.ones(len(signal), np.int32),
            np.array([-at_least], np.int64),
        )

    @classmethod
    def argmax(cls, signal: ArrayLike, class_of: ArrayLike, n_classes: int) -> Head:
        """Per-class popcount and argmax; the lowest class wins a tie."""
        signal = np.asarray(signal, np.int32)
        return cls(
            "argmax",
            signal,
            np.asarray(class_of, np.int32),
            np.ones(len(signal), np.int32),
            np.zeros(n_classes, np.int64),
        )

    @classmethod
    def number(
        cls, signal: ArrayLike, target_of: ArrayLike, weight: ArrayLike, bias: ArrayLike, fraction: ArrayLike
    ) -> Head:
        """A number in fixed point for each target, the sum of weighted votes.

        Parameters
        ----------
        signal : array_like of int, shape (n_votes,)
            Signals that vote.
        target_of : array_like of int, shape (n_votes,)
            Target of each vote.
        weight : array_like of int, shape (n_votes,)
            What each vote adds to the score of its target.
        bias : array_like of int, shape (targets,)
            Score without any vote.
        fraction : array_like of int, shape (targets,)
            Bits after the binary point: the value is score / 2**fraction.
        """
        return cls(
            "number", *_votes(signal, target_of, weight, bias), fraction=np.atleast_1d(np.asarray(fraction, np.int64))
        )

    @classmethod
    def labels(cls, signal: ArrayLike, label_of: ArrayLike, weight: ArrayLike, bias: ArrayLike) -> Head:
        """A bit for each label, 1 where the sum of its weighted votes is not negative.

        Parameters
        ----------
        signal : array_like of int, shape (n_votes,)
            Signals that vote.
        label_of : array_like of int, shape (n_votes,)
            Label of each vote.
        weight : array_like of int, shape (n_votes,)
            What each vote adds to the score of its label.
        bias : array_like of int, shape (labels,)
            Score without any vote.
        """
        return cls("labels", *_votes(signal, label_of, weight, bias))

    @property
    def classifies(self) -> bool:
        """Whether the answer is a class."""
        return self.kind in CLASSES

    @property
    def has_margin(self) -> bool:
        """Whether an answer has a margin: of argmax and threshold."""
        return self.kind in ("argmax", "threshold")

    @property
    def score_range(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Lowest and highest possible score, each int64 (len(bias),)."""
        low, high = self.bias.copy(), self.bias.copy()
        np.add.at(low, self.class_of, np.minimum(self.weight, 0))
        np.add.at(high, self.class_of, np.maximum(self.weight, 0))
        return low, high

    @property
    def margin_range(self) -> tuple[int, int]:
        """0 and a margin that none exceeds."""
        low, high = self.score_range
        if self.kind == "argmax":
            return 0, max(int(high.max()) - int(np.sort(low)[-2]), 0)
        return (0, max(int(high[0]), -1 - int(low[0]))) if self.kind == "threshold" else (0, 0)

    def answer(self, scores: NDArray[np.int64]) -> NDArray[Any]:
        """Scores to answers.

        Parameters
        ----------
        scores : NDArray[np.int64]
            int64 (n, len(bias)).

        Returns
        -------
        NDArray[Any]
            Classes int64 (n,), of which the number of classes means "none"; of number, values float64 (n,), or
            (n, targets) for several targets; of labels, 0 and 1, uint8 (n, labels).
        """
        if self.kind == "number":
            assert self.fraction is not None
            values = np.ldexp(scores.astype(np.float64), -self.fraction)
            return values[:, 0] if len(self.bias) == 1 else values
        if self.kind == "labels":
            return (scores >= 0).astype(np.uint8)
        if self.kind == "argmax":
            classes = np.asarray(np.argmax(scores, axis=1), np.int64)  # the first of equals: lowest class
        elif self.kind == "threshold":
            classes = np.asarray(scores[:, 0] >= 0, np.int64)
        else:
            classes = np.asarray(scores[:, 0])
        if self.reject:
            classes[self.margin(scores) < self.reject] = max(2, len(self.bias))
        return classes

    def margin(self, scores: NDArray[np.int64]) -> NDArray[np.int64]:
        """By how much an answer won, int64 (n,), of scores (n, len(bias)); never negative.

        "argmax": the winner's score less the runner-up's; 0 is a tie, which the lowest class wins. "threshold": what
        the score can lose or gain before the answer changes. "bit": 0, since there is one vote.
        """
        if self.kind == "argmax":
            top = np.sort(scores, axis=1)
            return top[:, -1] - top[:, -2]
        if self.kind == "threshold":
            return np.where(scores[:, 0] >= 0, scores[:, 0], -1 - scores[:, 0])
        return np.zeros(len(scores), np.int64)


def _votes(
    signal: ArrayLike, class_of: ArrayLike, weight: ArrayLike, bias: ArrayLike
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """The arrays of a head in their types."""
    return (
        np.asarray(signal, np.int32),
        np.asarray(class_of, np.int32),
        np.asarray(weight, np.int32),
        np.atleast_1d(np.asarray(bias, np.int64)),
    )
