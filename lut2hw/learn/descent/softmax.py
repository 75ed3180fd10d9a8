"""The loss of classes: cross-entropy of softmax(S / tau), rounded to integers; S_c is the number of ones among the
votes of class c.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw import bits
from lut2hw.errors import UsageError
from lut2hw.kernels import descent as kernels
from lut2hw.kernels import descent_weights
from lut2hw.kernels.descent_weights import weighted_loss
from lut2hw.learn.descent.loss import NO_BIAS, PARTS, Cone, Extent, Listing, Loss, Scale, Sorting, part_of
from lut2hw.learn.descent.problem import Span
from lut2hw.model.parts import Head

TAU_FACTORS = (1.0, 3.0, 9.0)  # times the default
_UNIT = 1 << 12  # weight w[0] of an example's own class
_EFFECT = 120  # largest effect of one bit, in units of the integer loss


def default_tau(votes: int, n_classes: int, k: int) -> float:
    """Temperature by the number of votes of a class: margins grow like its square root."""
    root: float = (votes / n_classes) ** 0.5
    return max(0.5, 0.33 * root)


CERTAIN = 5.0
"""Nats by which all votes of a class make it more probable, at least."""
TABLE_MARGIN = 2.0
"""Evidence that an entry needs by default where tables are trained above the default temperature, in examples."""


def table_taus(votes: int, n_classes: int, k: int) -> tuple[float, float, float]:
    """Temperatures for tables: for usual ones, for clean labels that many examples explain, and for noisy ones.

    The last is nine times the second, but votes must be able to be certain; the first lies in the middle.
    """
    least = default_tau(votes, n_classes, k)
    most = max(least, min(TAU_FACTORS[-1] * least, votes / n_classes / CERTAIN))
    return (least * most) ** 0.5, least, most


def loss_unit(tau: float) -> float:
    """Units of the integer loss in one nat: one bit changes the loss by up to 1 / tau nats."""
    return _EFFECT * tau


def loss_tables(tau: float, votes: int, n_classes: int) -> tuple[NDArray[np.int32], int, NDArray[np.int32], int]:
    """Integer tables of the loss, for up to `votes` votes a class.

    Returns
    -------
    tuple[NDArray[np.int32], int, NDArray[np.int32], int]
        W int32 (2 * votes + 3,), the position of w[0] in it, loss int32 by the upper bits of float32(u), and the
        position of its first entry. Values come from float64 `exp` and `log`, rounded once, far from ties.
    """
    limit = ((1 << 31) - 1) // (n_classes + 1)  # so that the sum over the classes is an int32
    m = np.arange(-votes - 1, votes + 2)
    w = np.minimum(np.rint(_UNIT * np.exp(np.minimum(m / tau, 30.0))), limit).astype(np.int32)
    first = int(np.float32(_UNIT).view(np.int32)) >> 13
    last = int(np.float32(2.0**31).view(np.int32)) >> 13
    u = (np.arange(first, last + 1, dtype=np.int64) << 13).astype(np.int32).view(np.float32).astype(np.float64)
    return w, votes + 1, np.rint(loss_unit(tau) * np.log(u / _UNIT)).astype(np.int32), first


class Softmax:
    """Cross-entropy of softmax(S / tau).

    Parameters
    ----------
    problem : Span
        The examples.
    label : ArrayLike
        Int (n,), their classes.
    n_classes : int
        Classes.
    votes : int
        Votes of all classes together.
    tau : float
        Temperature, in votes.
    weight : NDArray[np.int64], optional
        int64 (n,), how often each example counts.
    """

    ordered = False
    unit = _EFFECT
    bias = NO_BIAS
    begun = False

    def __init__(
        self,
        problem: Span,
        label: ArrayLike,
        n_classes: int,
        *,
        votes: int,
        tau: float,
        weight: NDArray[np.int64] | None = None,
    ) -> None:
        if votes >= n_classes << 15:
            raise UsageError(f"{votes} votes for {n_classes} classes are too many; descent takes 32,767 for each")
        self.problem, self.n_outputs = problem, n_classes
        self.label = np.asarray(label, np.int32)
        self.labels = bits.pack(self.label == np.arange(n_classes)[:, None])
        self.votes_per_class = -(-votes // n_classes)
        self.weight = None if weight is None else np.ascontiguousarray(weight, np.int64)
        self.release()
        self.begin()
        self.set_tau(tau)

    @property
    def scaled(self) -> bool:
        """As of `Loss`."""
        return self.weight is not None

    def part(self, first: int, last: int) -> Loss:
        """As of `Loss`."""
        part: Loss = part_of(self, first, last, ("label", "weight"), ("labels",))
        return part

    def begin(self) -> None:
        """As of `Loss`."""
        if not self.begun:
            n, self.begun = self.problem.n, True
            self.scores = np.zeros((n, self.n_outputs), np.int16)
            self.own = np.zeros(n, np.int16)
            self.u = np.zeros(n, np.int32)
            if hasattr(self, "tau"):
                kernels.reset(self.scores, self.label, self.w, self.zero, self.u)

    def release(self) -> None:
        """As of `Loss`."""
        self.begun = False
        self.scores = np.zeros((0, self.n_outputs), np.int16)
        self.own, self.u = np.zeros(0, np.int16), np.zeros(0, np.int32)

    def set_tau(self, tau: float) -> None:
        """Change the temperature; scores stay, the loss is another one from here on."""
        self.tau = tau
        self.w, self.zero, self.table, self.base = loss_tables(tau, self.votes_per_class, self.n_outputs)
        if self.begun:
            kernels.reset(self.scores, self.label, self.w, self.zero, self.u)

    def weights(self, votes: int) -> NDArray[np.int32]:
        """One each."""
        return np.ones(votes, np.int32)

    def effects(
        self,
        output: int,
        weight: int,
        column: bits.Packed,
        high: bits.Packed,
        low: bits.Packed,
        sorting: Sorting,
        out: Listing,
    ) -> Extent:
        """As of `Loss`."""
        out.chunk = (1 << 15) // (_EFFECT + 8)  # rounding adds a few units
        out.n = kernels.effects(
            output,
            column,
            high,
            low,
            self.scores,
            self.own,
            self.labels,
            self.u,
            self.w,
            self.zero,
            self.table,
            self.base,
            sorting.columns,
            sorting.wiring,
            PARTS,
            sorting.keep,
            sorting.seed,
            out.index,
            out.effect,
            out.pattern,
        )
        return self._extent(out, _EFFECT, 0)

    def _extent(self, out: Listing, largest: int, total: int) -> Extent:
        if self.weight is None:
            return Extent(out.n, largest, total)
        found = descent_weights.extent(out.n, out.index, out.effect, self.weight, PARTS)
        return Extent(out.n, largest, total, (int(found[0]), int(found[1]), int(found[2])))

    def scale(self, first: int, scale: Scale, out: Listing) -> None:
        """As of `Loss`."""
        assert self.weight is not None
        descent_weights.scale(out.n, first, out.index, out.effect, self.weight, scale.shift, out.effect, PARTS)
        out.chunk = ((1 << 15) - 1) // scale.largest

    def shared_effects(self, cone: Cone, sorting: Sorting, out: Listing) -> Extent:
        """As of `Loss`."""
        out.n, largest, total = kernels.shared_effects(
            cone.column,
            cone.lut,
            cone.source,
            cone.table,
            cone.output,
            sorting.columns,
            self.problem.valid,
            self.scores,
            self.own,
            self.label,
            self.u,
            self.w,
            self.zero,
            self.table,
            self.base,
            sorting.wiring,
            PARTS,
            sorting.keep,
            sorting.seed,
            out.index,
            out.effect,
            out.pattern,
        )
        out.chunk = max(1, ((1 << 15) - 1) // max(1, largest))
        return self._extent(out, int(largest), int(total))

    def change(self, output: int, weight: int, old: bits.Packed, new: bits.Packed) -> None:
        """As of `Loss`."""
        kernels.change_vote(output, old, new, self.scores, self.own, self.label, self.u, self.w, self.zero, PARTS)

    def settle(self) -> None:
        """There is nothing but votes."""

    def spread(self) -> NDArray[np.int64]:
        """Nothing."""
        return NO_BIAS

    def settled(self, spread: NDArray[np.int64]) -> NDArray[np.int64]:
        """Nothing."""
        return NO_BIAS

    def place(self, bias: NDArray[np.int64]) -> None:
        """There is nothing but votes."""

    def total(self) -> int:
        """As of `Loss`."""
        u = self.u[: self.problem.n_train]
        if self.weight is not None:
            return int(weighted_loss(u, self.table, self.base, self.weight))
        return int(kernels.total_loss(u, self.table, self.base))

    def mean(self, total: int) -> float:
        """In nats."""
        n = self.problem.n_train
        return total / loss_unit(self.tau) / (n if self.weight is None else max(1, int(self.weight[:n].sum())))

    def tally(self, held: bool = False) -> NDArray[np.int64]:
        """Right answers and all, by weight."""
        first, last = (self.problem.n_train, self.problem.n) if held else (0, self.problem.n_train)
        if self.weight is not None:
            is_right = self.scores[first:last].argmax(axis=1) == self.label[first:last]
            weight = self.weight[first:last]
            return np.array([weight[is_right].sum(), weight.sum()], np.int64)
        return np.array([kernels.correct(self.scores, self.label, first, last), last - first], np.int64)

    def rate(self, tally: NDArray[np.int64], held: bool = False) -> float:
        """Share of right answers."""
        return int(tally[0]) / max(1, int(tally[1]))

    def score(self, held: bool = False) -> float:
        """Share of right answers, by weight."""
        return self.rate(self.tally(held), held)

    def inverted(self, output: int, weight: int) -> bool:
        """Of two classes, a vote for class 0 is, inverted, one for class 1."""
        return self.n_outputs == 2 and output == 0

    def head(self, signal: NDArray[np.int32], output: NDArray[np.int32], weight: NDArray[np.int32]) -> Head:
        """Two classes give a threshold, more an argmax."""
        if self.n_outputs == 2:
            return Head.threshold(signal, int((output == 0).sum()) + 1)
        return Head.argmax(signal, output, self.n_outputs)
