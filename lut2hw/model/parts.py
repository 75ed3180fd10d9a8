"""What a network is made of: layers of LUTs, and the head that turns signals into the answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw import bits


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
    """

    kind: str
    signal: NDArray[np.int32]
    """int32 (n_votes,); a signal may vote several times. class_of is all 0 unless argmax."""
    class_of: NDArray[np.int32]
    """int32 (n_votes,); a signal may vote several times. class_of is all 0 unless argmax."""
    weight: NDArray[np.int32]
    """int32 (n_votes,); a signal may vote several times. class_of is all 0 unless argmax."""
    bias: NDArray[np.int64]
    """int64 (n_classes,) for argmax, (1,) otherwise."""

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

    def answer(self, scores: NDArray[np.int64]) -> NDArray[np.int64]:
        """Scores (n, len(bias)) to classes int64 (n,)."""
        if self.kind == "argmax":
            return np.asarray(np.argmax(scores, axis=1), np.int64)  # the first of equals: lowest class
        if self.kind == "threshold":
            return np.asarray(scores[:, 0] >= 0, np.int64)
        return np.asarray(scores[:, 0])

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
