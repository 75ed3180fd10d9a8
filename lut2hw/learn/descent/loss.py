"""What a loss is to the learner, and the list of effects that it fills."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.model.parts import Head

PARTS = 16  # shards of a pass over all examples; the result does not depend on it
NO_WEIGHT: NDArray[np.int64] = np.zeros(0, np.int64)
NO_BIAS: NDArray[np.int64] = np.zeros(0, np.int64)
BOUND = 1 << 12  # of the effects listed: 8 of them fit an int16 sum
TOTAL = 1 << 31  # of their sum, of fewer examples than MANY
MANY = 1 << 24
"""Examples from which on sums of effects are 64 bits wide."""


class Listing:
    """Examples on which a LUT's bit changes the loss, by how much, and their patterns at its inputs.

    Parameters
    ----------
    n_words : int
        Words of 64 examples; there is room for all.
    """

    def __init__(self, n_words: int) -> None:
        spare = n_words * 64
        self.index: NDArray[np.int32] = np.zeros(spare, np.int32)
        self.effect: NDArray[np.int16] = np.zeros(spare, np.int16)
        """Loss with the bit at 1 minus loss with it at 0."""
        self.pattern: NDArray[np.uint8] = np.zeros(spare, np.uint8)
        self.n = 0
        """Examples listed."""
        self.chunk = 1
        """Effects that an int16 sum holds."""


class Extent(NamedTuple):
    """How large listed effects are, before they are brought into 16 bits."""

    n: int
    """Examples listed."""
    largest: int
    """Largest effect, without sign."""
    total: int
    """Sum of the effects, without sign."""
    weighed: tuple[int, int, int] = (0, 0, 0)
    """Of effects times weights that are to be scaled, the largest, the bits that any has, and the sum."""

    def __add__(self, other: Extent) -> Extent:  # type: ignore[override]
        """That of both lists together."""
        a, b = self.weighed, other.weighed
        return Extent(
            self.n + other.n,
            max(self.largest, other.largest),
            self.total + other.total,
            (max(a[0], b[0]), a[1] | b[1], a[2] + b[2]),
        )

    def fits(self, limit: int = TOTAL) -> bool:
        """Whether effects fit 16 bits and their sum is below `limit`, as they are."""
        return self.largest < 1 << 15 and self.total < limit


class Scale(NamedTuple):
    """How effects are brought into 16 bits."""

    shift: int
    """They are shifted right by."""
    largest: int
    """What is then no less than the largest."""
    exact: bool
    """Whether nothing but zeros is cut off."""


def fit(extent: Extent, bound: int = BOUND, limit: int = TOTAL) -> Scale:
    """The shift after which effects are below `bound` and their sum below `limit`; zeros they all end in go, too."""
    (largest, ones, total), shift = extent.weighed, 0
    while (largest >> shift) + 1 >= bound or (total >> shift) + extent.n >= limit:
        shift += 1
    while ones and not ones & ((1 << (shift + 1)) - 1):
        shift += 1
    return Scale(shift, (largest >> shift) + 1, not ones & ((1 << shift) - 1))


@dataclass(frozen=True)
class Sorting:
    """By which signals examples are sorted, and which of them are listed."""

    columns: bits.Packed
    """uint64 (n_signals, n_words)."""
    wiring: NDArray[np.int32]
    """int32 (k,), the signals."""
    keep: int = 256
    """Of 256, the share of the examples to list."""
    seed: int = 0
    """Draws that share."""


@dataclass(frozen=True)
class Cone:
    """What depends on a signal: LUTs, each after those it reads."""

    column: bits.Packed
    """uint64 (n_words,), the signal now."""
    lut: NDArray[np.int32]
    """int32 (m,), columns of the LUTs."""
    source: NDArray[np.int32]
    """int32 (m, k), what they read: a column, ~0 for the signal, ~(i + 1) for LUT i of the cone."""
    table: NDArray[np.uint8]
    """0/1, uint8 (m, 2**k)."""
    output: NDArray[np.int32]
    """int32 (m,), the output that a LUT votes for, -1 if it is hidden."""
    weight: NDArray[np.int32]
    """int32 (m,), what its vote adds to the score."""


class Loss(Protocol):
    """Scores of all examples, and what they cost, in integers: larger is worse.

    The training examples come first; the held-out ones count in `score` alone.
    """

    n_outputs: int
    """Scores of an example; votes take them in turn."""
    tau: float
    """Temperature; 0 if it has none."""
    ordered: bool
    """Whether votes are first visited in order, not at random."""
    unit: int
    """Largest effect of one example, in which margins are given, unless effects are scaled."""
    bias: NDArray[np.int64]
    """int64, constants; empty without."""

    @property
    def scaled(self) -> bool:
        """Whether effects are to be brought into 16 bits."""
        ...

    def weights(self, votes: int) -> NDArray[np.int32]:
        """What each of so many votes adds to its score, int32 (votes,), in the order in which they are first visited.

        Parameters
        ----------
        votes : int
            Votes of all outputs together.
        """
        ...

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
        """List the effects of a signal that moves one vote up where `high`, and down where `low`.

        Parameters
        ----------
        output, weight : int
            Of the vote, whose values are `column`.

        Returns
        -------
        Extent
            Of the list; if the loss is scaled, the effects are still to be brought into 16 bits.
        """
        ...

    def shared_effects(self, cone: Cone, sorting: Sorting, out: Listing) -> Extent:
        """As `effects`, of a signal that reaches votes in several ways."""
        ...

    def scale(self, first: int, scale: Scale, out: Listing) -> None:
        """Bring the listed effects into 16 bits; `first` is the number of example 0 among those of all shards."""
        ...

    def change(self, output: int, weight: int, old: bits.Packed, new: bits.Packed) -> None:
        """Follow a vote from its values `old` to `new`, uint64 (n_words,), in the scores."""
        ...

    def settle(self) -> None:
        """Move what is no vote, constants say, to where the loss is least."""
        ...

    def spread(self) -> NDArray[np.int64]:
        """What `settled` needs to know of the training examples; that of shards adds up."""
        ...

    def settled(self, spread: NDArray[np.int64]) -> NDArray[np.int64]:
        """The constants that lose least, int64; empty without constants."""
        ...

    def place(self, bias: NDArray[np.int64]) -> None:
        """Let the constants be those, and follow in the scores."""
        ...

    def total(self) -> int:
        """Sum of the losses of the training examples."""
        ...

    def mean(self, total: int) -> float:
        """A total for people: mean loss of a training example in its usual unit."""
        ...

    def score(self, held: bool = False) -> float:
        """How good the answers are on the training or the held-out examples: the higher the better."""
        ...

    def tally(self, held: bool = False) -> NDArray[np.int64]:
        """What `rate` needs to know; that of shards adds up."""
        ...

    def rate(self, tally: NDArray[np.int64], held: bool = False) -> float:
        """The score that is in a tally."""
        ...

    def part(self, first: int, last: int) -> Loss:
        """That of the examples in words `first` to `last` alone, without scores until `begin`."""
        ...

    def begin(self) -> None:
        """Give all examples the scores of no votes, if they have none yet."""
        ...

    def release(self) -> None:
        """Drop the scores: parts have them."""
        ...

    def head(self, signal: NDArray[np.int32], output: NDArray[np.int32], weight: NDArray[np.int32]) -> Head:
        """The head of a network with these votes, each int32 (n_votes,).

        Votes of which `inverted` says so are given inverted.
        """
        ...

    def inverted(self, output: int, weight: int) -> bool:
        """Whether such a vote is inverted in the network."""
        ...


def part_of(
    loss: Any, first: int, last: int, rows: Sequence[str], words: Sequence[str] = (), columns: Sequence[str] = ()
) -> Any:
    """A copy of a loss for words `first` to `last` of its examples, without scores.

    Parameters
    ----------
    rows, words, columns : Sequence[str]
        Names of the arrays by example, by output and word, and by output and example.
    """
    part = copy.copy(loss)
    part.problem = loss.problem.part(first, last)
    some = slice(64 * first, 64 * first + part.problem.n)
    for name in rows:
        if getattr(loss, name) is not None and len(getattr(loss, name)):
            setattr(part, name, getattr(loss, name)[some].copy())
    for name in words:
        setattr(part, name, getattr(loss, name)[:, first:last].copy())
    for name in columns:
        setattr(part, name, getattr(loss, name)[:, some].copy())
    part.release()
    return part
