"""Losses of numbers and of labels: a sum over outputs, each by what its score lacks, from one table of integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw import bits
from lut2hw.errors import UsageError
from lut2hw.kernels import descent_separable as kernels
from lut2hw.learn.descent.loss import NO_WEIGHT, PARTS, Cone, Listing, Sorting, weigh
from lut2hw.learn.descent.problem import Problem
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
    problem : Problem
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

    def __init__(
        self,
        problem: Problem,
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
        self.scores = np.zeros(target.shape, np.int32)
        self.bias = np.zeros(self.n_outputs, np.int64)
        self.wide = np.zeros(problem.n_words * 64, np.int64)
        self.settle()

    def settle(self) -> None:
        """Move the constant of each output to where the loss is least."""
        n = self.problem.n_train
        counted = self.weight[:n] if len(self.weight) else None
        at = np.arange(len(self.table))
        for t in range(self.n_outputs):
            difference = np.clip(self.zero + self.scores[t, :n] - self.target[t, :n], 0, len(self.table) - 1)
            often = np.bincount(difference, counted, len(self.table)).astype(np.int64)
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
            self.scores[t] += move
            self.bias[t] += move

    def weights(self, votes: int) -> NDArray[np.int32]:
        """One each, half of them downwards."""
        return signs(votes, self.n_outputs)

    def _fit(self, n: int, out: Listing) -> int:
        return weigh(n, self.wide, self.weight, out)

    def effects(
        self,
        output: int,
        weight: int,
        column: bits.Packed,
        high: bits.Packed,
        low: bits.Packed,
        sorting: Sorting,
        out: Listing,
    ) -> int:
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
        return self._fit(n, out)

    def shared_effects(self, cone: Cone, sorting: Sorting, out: Listing) -> int:
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
        return self._fit(n, out)

    def change(self, output: int, weight: int, old: bits.Packed, new: bits.Packed) -> None:
        """As of `Loss`."""
        kernels.change_vote(weight, old, new, self.scores[output], PARTS)

    def total(self) -> int:
        """As of `Loss`."""
        n = self.problem.n_train
        return int(kernels.total_loss(self.scores, self.target, self.table, self.zero, self.weight, n))

    def _cost(self, scores: NDArray[np.int32], held: bool) -> float:
        """Mean loss of scores (n_outputs, n) or (n_outputs, 1) on some of the examples, by weight."""
        some = slice(self.problem.n_train, self.problem.n) if held else slice(self.problem.n_train)
        difference = (scores[:, some] if scores.shape[1] > 1 else scores) - self.target[:, some]
        cost = self.table[np.clip(self.zero + difference, 0, len(self.table) - 1)].sum(axis=0, dtype=np.int64)
        counted = self.weight[some] if len(self.weight) else np.ones(len(cost), np.int64)
        return float(cost @ counted) / max(1, int(counted.sum()))

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
    problem : Problem
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
        self, problem: Problem, y: ArrayLike, *, votes: int, tau: float, weight: NDArray[np.int64] | None = None
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
        counted = int(self.weight[: self.problem.n_train].sum()) if len(self.weight) else self.problem.n_train
        return total / (_EFFECT * self.tau * self.n_outputs * max(1, counted))

    def score(self, held: bool = False) -> float:
        """Share of right labels."""
        some = slice(self.problem.n_train, self.problem.n) if held else slice(self.problem.n_train)
        right = (self.scores[:, some] >= 0) == (self.target[:, some] < 0)
        return float(right.mean()) if right.size else 0.0

    def head(self, signal: NDArray[np.int32], output: NDArray[np.int32], weight: NDArray[np.int32]) -> Head:
        """A threshold for each label."""
        return Head.labels(signal, output, np.abs(weight), self.constants(output, weight))


class Numbers(Separable):
    """Squared, absolute or pinball loss of numbers in fixed point.

    Parameters
    ----------
    problem : Problem
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
        problem: Problem,
        y: ArrayLike,
        *,
        kind: str = "squared",
        votes: int,
        weight: NDArray[np.int64] | None = None,
    ) -> None:
        self.y = np.asarray(y, np.float64)
        train = self.y[: problem.n_train]
        low, high = train.min(axis=0), train.max(axis=0)
        if not np.isfinite(high - low).all():
            raise UsageError("targets must be numbers whose range is finite; scale them down first")
        span = np.where(high > low, high - low, 1.0)
        self.fraction = np.floor(np.log2(_STEPS / span)).astype(np.int64)
        spread = np.ldexp(train.std(axis=0), self.fraction).mean()
        each = -(-votes // self.y.shape[1])
        self.size = grid = size(each, spread)
        drop = grid.bit_length() - 1
        # The middle is a multiple of the grid, so that constants are whole in the units of a vote.
        self.middle = np.rint(np.ldexp((low + high) / 2, self.fraction - drop)) * grid
        target = np.rint(np.ldexp(self.y, self.fraction) - self.middle).clip(-8 * _STEPS, 8 * _STEPS)
        reach = 2 * _STEPS
        super().__init__(
            problem, np.ascontiguousarray(target.T, np.int32), number_table(kind, reach), reach, weight, grid
        )
        self.drop = drop
        self.start = {held: self._cost(self.bias[:, None].astype(np.int32), held) for held in (False, True)}

    ordered = True

    def weights(self, votes: int) -> NDArray[np.int32]:
        """The same power of two, half of them downwards."""
        return signs(votes, self.n_outputs) * np.int32(self.size)

    def mean(self, total: int) -> float:
        """As a share of the loss of the best constants."""
        return self._cost(self.scores, False) / max(self.start[False], 1e-9)

    def score(self, held: bool = False) -> float:
        """1 less the loss as a share of that of the best constants of the training examples; of squares, R2."""
        return 1 - self._cost(self.scores, held) / max(self.start[held], 1e-9)

    def head(self, signal: NDArray[np.int32], output: NDArray[np.int32], weight: NDArray[np.int32]) -> Head:
        """Numbers in units of a vote."""
        bias = (self.constants(output, weight) + self.middle.astype(np.int64)) >> self.drop
        return Head.number(signal, output, np.abs(weight) >> self.drop, bias, self.fraction - self.drop)


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
