"""What a loss is to the learner, and the list of effects that it fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.kernels import descent_weights as kernels
from lut2hw.model.parts import Head

PARTS = 16  # shards of a pass over all examples; the result does not depend on it
NO_WEIGHT: NDArray[np.int64] = np.zeros(0, np.int64)
_BOUND = 1 << 12  # of the effects listed: 8 of them fit an int16 sum
_TOTAL = 1 << 31  # of their sum, of fewer examples than MANY
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
        self.chunk = 1
        """Effects that an int16 sum holds."""
        self.unit = 1
        """Largest effect of one example, in which margins are given."""
        self.exact = True
        """Whether the effects are in proportion to the loss; else they are rounded."""


def weigh(n: int, effect: NDArray[np.integer], weight: NDArray[np.int64], out: Listing) -> int:
    """Complete a list of n examples: their effects times their weights, in 16 bits.

    Parameters
    ----------
    effect : NDArray[np.integer]
        Effects of the listed examples before that, (n,) or more.
    weight : NDArray[np.int64]
        int64 (examples,), or `NO_WEIGHT`.

    Returns
    -------
    int
        n.
    """
    total = _TOTAL if len(out.index) < MANY else 1 << 62
    _, largest, out.exact = kernels.fit(n, out.index, effect, weight, _BOUND, total, out.effect, PARTS)
    out.unit, out.chunk = largest, ((1 << 15) - 1) // largest
    return n


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
    ) -> int:
        """List the effects of a signal that moves one vote up where `high`, and down where `low`.

        Parameters
        ----------
        output, weight : int
            Of the vote, whose values are `column`.

        Returns
        -------
        int
            Length of the list, or -1 if the effects are beyond the integers used.
        """
        ...

    def shared_effects(self, cone: Cone, sorting: Sorting, out: Listing) -> int:
        """As `effects`, of a signal that reaches votes in several ways."""
        ...

    def change(self, output: int, weight: int, old: bits.Packed, new: bits.Packed) -> None:
        """Follow a vote from its values `old` to `new`, uint64 (n_words,), in the scores."""
        ...

    def settle(self) -> None:
        """Move what is no vote, constants say, to where the loss is least."""
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

    def head(self, signal: NDArray[np.int32], output: NDArray[np.int32], weight: NDArray[np.int32]) -> Head:
        """The head of a network with these votes, each int32 (n_votes,).

        Votes of which `inverted` says so are given inverted.
        """
        ...

    def inverted(self, output: int, weight: int) -> bool:
        """Whether such a vote is inverted in the network."""
        ...
