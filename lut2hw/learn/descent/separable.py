"""Losses of numbers and of labels: a sum over outputs, each by what its score lacks, from one table of integers."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw import bits
from lut2hw.errors import UsageError
from lut2hw.kernels import descent_separable as kernels
from lut2hw.kernels import descent_weights
from lut2hw.learn.descent.loss import NO_WEIGHT, PARTS, Cone, Extent, Listing, Loss, Scale, Sorting, part_of
from lut2hw.learn.descent.problem import Span
from lut2hw.model.parts import Head

_STEPS = 1 << 12  # of a target's range
SQUARED = "squared"
_STEP = 1 / 16  # of a vote, in standard deviations of its target
_REACH = 4  # of all votes, in standard deviations
_FINE = 16  # units of a pinball loss in one step
_EFFECT = 120  # units of the logistic loss, times tau, in one nat


def signs(votes: int, outputs: int) -> NDArray[np.int32]:
    """1 or -1 for each vote, of an output half of each in any run (Thue and Morse), int32 (votes,)."""
    turn = np.arange(votes) // outputs
    return (1 - 2 * (np.bitwise_count(turn).astype(np.int32) & 1)).astype(np.int32)


class Separable:
    """Sum over outputs of table[score - target].

    Parameters
    ----------
    problem : Span
        The examples.
    target : NDArray[np.int32]
        int32 (n_outputs, n).
    table : NDArray[np.int32]
        Loss by score - target, clipped; convex around each target.
    zero : int
        Entry of no difference.
    weight : NDArray[np.int64], optional
        int64 (n,), how often each example counts.
    grid : int, default=1
        Constants are multiples of it.
    """

    tau = 0.0
    ordered = False
    unit = 1
    scaled = True
    begun = False

    def __init__(
        self,
        problem: Span,
        target: NDArray[np.int32],
        table: NDArray[np.int32],
        zero: int,
        weight: NDArray[np.int64] | None = None,
        grid: int = 1,
        limit: int = 1 << 30,
    ) -> None:
        self.problem, self.target, self.table, self.zero = problem, target, table, zero
        self.n_outputs = len(target)
        self.weight = NO_WEIGHT if weight is None else np.ascontiguousarray(weight, np.int64)
        self.grid, self.limit = grid, limit
        self.bias = np.zeros(self.n_outputs, np.int64)
        self.release()
        self.begin()
        self.settle()

    def part(self, first: int, last: int) -> Loss:
        """As of `Loss`."""
        part: Loss = part_of(self, first, last, ("weight",), (), ("target",))
        return part

    def begin(self) -> None:
        """As of `Loss`."""
        if not self.begun:
            self.begun = True
            self.scores = np.zeros(self.target.shape, np.int32)
            self.scores += self.bias[:, None].astype(np.int32)
            self.wide = np.zeros(self.problem.n_words * 64, np.int64)

    def release(self) -> None:
        """As of `Loss`."""
        self.begun = False
        self.scores, self.wide = np.zeros((self.n_outputs, 0), np.int32), np.zeros(0, np.int64)

    def spread(self) -> NDArray[np.int64]:
        """How many, by weight, exceed their targets by each entry of the table, int64 (n_outputs, entries)."""
        n = self.problem.n_train
        counted = self.weight[:n] if len(self.weight) else None
        often = np.zeros((self.n_outputs, len(self.table)), np.int64)
        for t in range(self.n_outputs):
            difference = np.clip(self.zero + self.scores[t, :n] - self.target[t, :n], 0, len(self.table) - 1)
            often[t] = np.bincount(difference, counted, len(self.table)).astype(np.int64)
        return often

    def settled(self, spread: NDArray[np.int64]) -> NDArray[np.int64]:
        """The constant of each output where the loss is least."""
        at, bias = np.arange(len(self.table)), self.bias.copy()
        for t, often in enumerate(spread):
            used = np.flatnonzero(often)
            often, here = often[used], at[used]

            def cost(move: int, here: NDArray[np.int64] = here, often: NDArray[np.int64] = often) -> int:
                return int(often @ self.table[np.clip(here + move, 0, len(self.table) - 1)].astype(np.int64))

            move, least = 0, cost(0)
            step = self.grid << max(0, (len(self.table) // self.grid).bit_length() - 2)
            while step >= self.grid:
                for way in (step, -step):
                    while abs(self.bias[t] + move + way) <= self.limit and (now := cost(move + way)) < least:
                        move, least = move + way, now
                step >>= 1
            bias[t] += move
        return bias

    def place(self, bias: NDArray[np.int64]) -> None:
        """As of `Loss`."""
        if self.begun and (bias != self.bias).any():
            self.scores += (bias - self.bias)[:, None].astype(np.int32)
        self.bias = bias

    def settle(self) -> None:
        """Move the constant of each output to where the loss is least."""
        self.place(self.settled(self.spread()))

    def weights(self, votes: int) -> NDArray[np.int32]:
        """One each, half of them downwards."""
        return signs(votes, self.n_outputs)

    def _extent(self, n: int, out: Listing) -> Extent:
        out.n = n
        largest, ones, total = descent_weights.extent(n, out.index, self.wide, self.weight, PARTS)
        return Extent(n, 0, 0, (int(largest), int(ones), int(total)))

    def scale(self, first: int, scale: Scale, out: Listing) -> None:
        """As of `Loss`."""
        descent_weights.scale(out.n, first, out.index, self.wide, self.weight, scale.shift, out.effect, PARTS)
        out.chunk = ((1 << 15) - 1) // scale.largest

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
        n = kernels.effects(
            output,
            weight,
            column,
            high,
            low,
            self.scores,
            self.target,
            self.table,
            self.zero,
            sorting.columns,
            sorting.wiring,
            PARTS,
            sorting.keep,
            sorting.seed,
            out.index,
            self.wide,
            out.pattern,
        )
        return self._extent(n, out)

    def shared_effects(self, cone: Cone, sorting: Sorting, out: Listing) -> Extent:
        """As of `Loss`."""
        n = kernels.shared_effects(
            cone.column,
            cone.lut,
            cone.source,
            cone.table,
            cone.output,
            cone.weight,
            sorting.columns,
            self.problem.valid,
            self.scores,
            self.target,
            self.table,
            self.zero,
            sorting.wiring,
            PARTS,
            sorting.keep,
            sorting.seed,
            out.index,
            self.wide,
            out.pattern,
        )
        return self._extent(n, out)

    def change(self, output: int, weight: int, old: bits.Packed, new: bits.Packed) -> None:
        """As of `Loss`."""
        kernels.change_vote(weight, old, new, self.scores[output], PARTS)

    def total(self) -> int:
        """As of `Loss`."""
        n = self.problem.n_train
        return int(kernels.total_loss(self.scores, self.target, self.table, self.zero, self.weight, n))

    def tally(self, held: bool = False) -> NDArray[np.int64]:
        """Sum of losses and number of the examples, by weight."""
        return self._tally(self.scores, held)

    def _tally(self, scores: NDArray[np.int32], held: bool) -> NDArray[np.int64]:
        """Of scores (n_outputs, n) or (n_outputs, 1)."""
        some = slice(self.problem.n_train, self.problem.n) if held else slice(self.problem.n_train)
        difference = (scores[:, some] if scores.shape[1] > 1 else scores) - self.target[:, some]
        cost = self.table[np.clip(self.zero + difference, 0, len(self.table) - 1)].sum(axis=0, dtype=np.int64)
        counted = self.weight[some] if len(self.weight) else np.ones(len(cost), np.int64)
        return np.array([cost @ counted, counted.sum()], np.int64)

    def score(self, held: bool = False) -> float:
        """As of `Loss`."""
        return self.rate(self.tally(held), held)

    def rate(self, tally: NDArray[np.int64], held: bool = False) -> float:
        """Less the mean loss."""
        return -_mean(tally)

    @cached_property
    def counted(self) -> int:
        """Training examples, by weight."""
        n = self.problem.n_train
        return max(1, int(self.weight[:n].sum()) if len(self.weight) else n)

    def inverted(self, output: int, weight: int) -> bool:
        """A vote that counts down is, inverted, one that counts up, with another constant."""
        return weight < 0

    def constants(self, output: NDArray[np.int32], weight: NDArray[np.int32]) -> NDArray[np.int64]:
        """Constant of each output, int64 (n_outputs,), if votes that count down are inverted."""
        bias = self.bias.copy()
        np.add.at(bias, output, np.minimum(weight, 0))
        return bias


class Labels(Separable):
    """Logistic loss of each label: log(1 + exp(-S / tau)) if it is 1, log(1 + exp(S / tau)) if it is 0.

    Parameters
    ----------
    problem : Span
        The examples.
    y : ArrayLike
        0 and 1, (n, labels).
    votes : int
        Votes of all labels together.
    tau : float
        Temperature, in votes.
    weight : NDArray[np.int64], optional
        As of `Separable`.
    """

    def __init__(
        self, problem: Span, y: ArrayLike, *, votes: int, tau: float, weight: NDArray[np.int64] | None = None
    ) -> None:
        self.tau = tau
        labels = np.asarray(y, np.int32).T
        limit = -(-votes // len(labels)) + int(np.ceil(12 * tau))
        most = limit + votes
        apart = most + 1  # so that the losses of ones and zeros lie side by side in one table
        score = np.arange(-most, most + 1)
        one, zero = (np.rint(_EFFECT * tau * np.logaddexp(0, way * score / tau)) for way in (-1, 1))
        table = np.concatenate([zero, zero[-1:], one]).astype(np.int32)
        target = np.where(labels == 1, -apart, apart).astype(np.int32)
        super().__init__(problem, np.ascontiguousarray(target), table, len(zero), weight, limit=limit)

    def mean(self, total: int) -> float:
        """In nats per label, by weight."""
        return total / (_EFFECT * self.tau * self.n_outputs * self.counted)

    def tally(self, held: bool = False) -> NDArray[np.int64]:
        """Right labels, and all."""
        some = slice(self.problem.n_train, self.problem.n) if held else slice(self.problem.n_train)
        right = (self.scores[:, some] >= 0) == (self.target[:, some] < 0)
        return np.array([right.sum(), right.size], np.int64)

    def rate(self, tally: NDArray[np.int64], held: bool = False) -> float:
        """Share of right labels."""
        return int(tally[0]) / int(tally[1]) if tally[1] else 0.0

    def head(self, signal: NDArray[np.int32], output: NDArray[np.int32], weight: NDArray[np.int32]) -> Head:
        """A threshold for each label."""
        return Head.labels(signal, output, np.abs(weight), self.constants(output, weight))


class Numbers(Separable):
    """Squared, absolute or pinball loss of numbers in fixed point.

    Parameters
    ----------
    problem : Span
        The examples.
    y : ArrayLike
        float64 (n, targets).
    kind : str
        "squared", "absolute" or "quantile:Q", Q between 0 and 1 (R. Koenker and G. Bassett, "Regression Quantiles",
        Econometrica 46(1), 1978).
    votes : int
        Votes of all targets together.
    weight : NDArray[np.int64], optional
        As of `Separable`.
    """

    def __init__(
        self,
        problem: Span,
        y: ArrayLike,
        *,
        kind: str = "squared",
        votes: int,
        weight: NDArray[np.int64] | None = None,
    ) -> None:
        y = np.asarray(y, np.float64)
        train = y[: problem.n_train]
        low, high = train.min(axis=0), train.max(axis=0)
        if not np.isfinite(high - low).all():
            raise UsageError("targets must be numbers whose range is finite; scale them down first")
        span = np.where(high > low, high - low, 1.0)
        self.fraction = np.floor(np.log2(_STEPS / span)).astype(np.int64)
        spread = np.ldexp(train.std(axis=0), self.fraction).mean()
        each = -(-votes // y.shape[1])
        self.size = grid = size(each, spread)
        drop = grid.bit_length() - 1
        # The middle is a multiple of the grid, so that constants are whole in the units of a vote.
        self.middle = np.rint(np.ldexp((low + high) / 2, self.fraction - drop)) * grid
        target = np.rint(np.ldexp(y, self.fraction) - self.middle).clip(-8 * _STEPS, 8 * _STEPS)
        reach = 2 * _STEPS
        super().__init__(
            problem, np.ascontiguousarray(target.T, np.int32), number_table(kind, reach), reach, weight, grid
        )
        self.drop = drop
        least = self.bias[:, None].astype(np.int32)
        self.start = {held: _mean(self._tally(least, held)) for held in (False, True)}

    ordered = True

    def weights(self, votes: int) -> NDArray[np.int32]:
        """The same power of two, half of them downwards."""
        return signs(votes, self.n_outputs) * np.int32(self.size)

    def mean(self, total: int) -> float:
        """As a share of the loss of the best constants."""
        return total / self.counted / max(self.start[False], 1e-9)

    def rate(self, tally: NDArray[np.int64], held: bool = False) -> float:
        """1 less the loss as a share of that of the best constants of the training examples; of squares, R2."""
        return 1 - _mean(tally) / max(self.start[held], 1e-9)

    def head(self, signal: NDArray[np.int32], output: NDArray[np.int32], weight: NDArray[np.int32]) -> Head:
        """Numbers in units of a vote."""
        bias = (self.constants(output, weight) + self.middle.astype(np.int64)) >> self.drop
        return Head.number(signal, output, np.abs(weight) >> self.drop, bias, self.fraction - self.drop)


def _mean(tally: NDArray[np.int64]) -> float:
    return float(tally[0]) / max(1, int(tally[1]))


def size(count: int, spread: float) -> int:
    """What each of the votes of a target counts: a power of two.

    Small steps, as in boosting with a small learning rate (J. H. Friedman, "Greedy Function Approximation: A Gradient
    Boosting Machine", Annals of Statistics 29(5), 2001, section 5): a sixteenth of the standard deviation
    `spread`, and of fewer than 64 votes so much that they reach two standard deviations to both sides.

    Parameters
    ----------
    count : int
        Votes of the target.
    spread : float
        Standard deviation of the target.
    """
    step = spread * max(_STEP, _REACH / count)
    return 1 << round(float(np.log2(max(step, 1))))


def number_table(kind: str, reach: int) -> NDArray[np.int32]:
    """Loss of a value by its difference from -reach to reach, int32 (2 * reach + 1,)."""
    fine = _FINE if kind.startswith("quantile") else 1
    return np.rint(fine * costs(kind, np.arange(-reach, reach + 1))).astype(np.int32)


def costs(kind: str, difference: ArrayLike) -> NDArray[np.float64]:
    """Losses of values by how much they exceed what is right, of the same shape."""
    difference = np.asarray(difference, np.float64)
    name, _, share = kind.partition(":")
    cost: NDArray[np.float64]
    if name == SQUARED:
        cost = np.square(difference)
    elif name == "absolute":
        cost = np.abs(difference)
    else:
        q = float(share)
        cost = np.where(difference < 0, -q * difference, (1 - q) * difference)
    return cost


def constant(kind: str, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """The constant that loses least on numbers (n, targets), float64 (targets,)."""
    name, _, share = kind.partition(":")
    if name == SQUARED:
        return np.asarray(y.mean(axis=0))
    return np.asarray(np.quantile(y, float(share) if share else 0.5, axis=0))
