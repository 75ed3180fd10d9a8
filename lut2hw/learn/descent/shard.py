"""A shard: a run of the examples, with all that descent keeps for each of them.

What decides (`moves`) asks for sums over the examples; those of shards add up to the same integers however the
examples are cut into runs of whole words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.kernels import descent as kernels
from lut2hw.learn.descent.loss import PARTS, Cone, Extent, Listing, Loss, Scale, Sorting
from lut2hw.learn.descent.problem import Span

_PIECE = 1 << 16  # times as many effects as an int16 sum holds have an int32 sum


class Step(NamedTuple):
    """A LUT as it is now."""

    lut: int
    wiring: NDArray[np.int32]
    table: NDArray[np.uint8]
    output: int
    """The output that it votes for, -1 if it is hidden."""
    weight: int
    place: int
    """Its position among the candidates, or -1."""


class Path(NamedTuple):
    """The one way from a signal to a vote."""

    vote: int
    output: int
    weight: int
    wiring: NDArray[np.int32]
    """int32 (m, k), what the LUTs on it read, from the vote down."""
    table: NDArray[np.uint8]
    """0/1, uint8 (m, 2**k)."""
    slot: list[int]
    """At which input the next of them, or the signal, is read."""


class Reach(NamedTuple):
    """The LUTs that depend on a signal, each after those it reads: a `Cone` without examples."""

    signal: int
    lut: NDArray[np.int32]
    source: NDArray[np.int32]
    table: NDArray[np.uint8]
    output: NDArray[np.int32]
    weight: NDArray[np.int32]


class Sums(NamedTuple):
    """What the listed effects sum to."""

    signals: NDArray[np.integer]
    """Int32 or int64 (parts, 2**k, signals), by pattern, where a signal is one; of all signals, or of those asked
    for.
    """
    totals: NDArray[np.int64]
    """int64 (parts, 2**k), by pattern. The parts are to be added up."""
    now: int
    """Where a signal that was asked for is one."""


class Shard:
    """A run of examples.

    Parameters
    ----------
    span : Span
        How many they are.
    n_bits : int
        Their encoder bits.
    write : callable
        Writes these to uint64 (n_bits, n_words).
    loss : Loss
        Of these examples; their scores are this shard's.
    first : int
        Words before them, in other shards.
    luts, k : int
        LUTs there will be, and inputs of each.
    threads : int
        That sum side by side.
    apart : bool, default=False
        Whether answers are sent somewhere: sums of signals then hold no more than what was asked for.
    """

    def __init__(
        self,
        span: Span,
        n_bits: int,
        write: Callable[[bits.Packed], object],
        loss: Loss,
        *,
        first: int,
        luts: int,
        k: int,
        threads: int = 1,
        apart: bool = False,
    ) -> None:
        self.apart = apart
        self.span, self.loss, self.first, self.k, self.threads = span, loss, first, k, threads
        self.n_bits = n_bits
        self.columns: bits.Packed = np.zeros((self.n_bits + luts, span.n_words), np.uint64)
        """uint64 (n_bits + luts, n_words), values of all signals."""
        write(self.columns[:n_bits])
        loss.begin()
        self.listing = Listing(span.n_words)
        self.rows = np.zeros((span.n_train, 0), np.uint32)
        """uint32 (n_train, width), candidate s in bit s % 32 of word s // 32."""
        self.arrange(np.arange(0, dtype=np.int32), 0)

    def arrange(self, signals: NDArray[np.int32], width: int) -> None:
        """Lay out the candidates by example: those signals, in rows of `width` words."""
        self.rows = np.zeros((self.span.n_train, width), np.uint32)
        kernels.fill_rows(self.columns, signals, self.rows)
        self.sums = np.zeros((self.threads, 1 << self.k, 32 * width), np.int32)
        self.totals = np.zeros((self.threads, 1 << self.k), np.int64)

    def follow(self, steps: Sequence[Step]) -> None:
        """Bring the outputs of LUTs up to date, each after those it reads, with candidates and scores."""
        for lut, wiring, table, output, weight, place in steps:
            column = self.columns[self.n_bits + lut]
            old = column.copy()
            kernels.evaluate(self.columns, wiring, table, self.span.all, column, PARTS)
            if output >= 0:
                self.loss.change(output, weight, old, column)
            elif place >= 0:
                kernels.change_rows(place, old, column, self.rows, PARTS)

    def list_path(self, path: Path, wiring: NDArray[np.int32], keep: int, seed: int) -> Extent:
        """List the effects of a signal that one vote depends on, sorted by the signals of `wiring`."""
        high, low = self.span.valid.copy(), np.zeros_like(self.span.valid)
        for at, (inputs, slot) in enumerate(zip(path.wiring, path.slot, strict=False)):
            kernels.sensitivity(self.columns, inputs, path.table[at], slot, high, low, PARTS)
        column, sorting = self.columns[self.n_bits + path.vote], self._sorting(wiring, keep, seed)
        return self.loss.effects(path.output, path.weight, column, high, low, sorting, self.listing)

    def list_reach(self, reach: Reach, wiring: NDArray[np.int32], keep: int, seed: int) -> Extent:
        """As `list_path`, of a signal that reaches votes in several ways."""
        cone = Cone(self.columns[reach.signal], reach.lut, reach.source, reach.table, reach.output, reach.weight)
        return self.loss.shared_effects(cone, self._sorting(wiring, keep, seed), self.listing)

    def _sorting(self, wiring: NDArray[np.int32], keep: int, seed: int) -> Sorting:
        return Sorting(self.columns, wiring, keep, seed + self.first)  # samples go by the number of the word

    def scale(self, scale: Scale) -> None:
        """Bring the listed effects into 16 bits."""
        self.loss.scale(64 * self.first, scale, self.listing)

    def drop(self) -> None:
        """List nothing."""
        self.listing.n = 0

    def repattern(self, j: int, signal: int) -> None:
        """Let input j of the patterns read that signal."""
        listing = self.listing
        kernels.repattern(listing.n, j, self.columns[signal], listing.index, listing.pattern, PARTS)

    def histogram(self, signal: int) -> tuple[NDArray[np.int64], int]:
        """Sums of the listed effects by pattern, int64 (2**k,); what they sum to where the signal is one."""
        listing, saved = self.listing, np.zeros(1 << self.k, np.int64)
        now = kernels.histogram(
            listing.n, self.columns[signal], listing.index, listing.effect, listing.pattern, saved, PARTS
        )
        return saved, int(now)

    def sum_signals(self, first: int, last: int, wide: bool = False, signal: int = -1) -> Sums:
        """Sums of the listed effects where candidates are one; of words `first` to `last` of the rows alone.

        `wide`: they may be beyond 32 bits. `signal`: one where the effects are to be added up, too.
        """
        now = self.histogram(signal)[1] if signal >= 0 else 0
        listing = self.listing
        size = _PIECE * listing.chunk if wide else max(1, listing.n)
        total: Sums | None = None
        for start in range(0, max(1, listing.n), size):
            kernels.sum_signals(
                min(size, listing.n - start),
                self.rows,
                first,
                last,
                listing.index[start:],
                listing.effect[start:],
                listing.pattern[start:],
                listing.chunk,
                self.sums,
                self.totals,
            )
            if listing.n <= size and not self.apart:
                return Sums(self.sums, self.totals, now)
            dtype = np.int64 if wide else np.int32
            signals = self.sums[:, :, 32 * first : 32 * last].sum(axis=0, dtype=dtype)[None]
            totals = self.totals.sum(axis=0)[None]
            if total is not None:
                signals, totals = signals + total.signals, totals + total.totals
            total = Sums(signals, totals, now)
        assert total is not None
        return total

    def total(self) -> int:
        """Sum of the integer losses of the training examples."""
        return self.loss.total()

    def care(self, wiring: NDArray[np.int32], table: NDArray[np.uint8], order: Sequence[int]) -> NDArray[np.uint8]:
        """The patterns that the training examples show LUTs int32 (n, k), uint8 (n, 2**k), 0/1, uint8 (n, 2**k).

        Values of the LUTs are then those of this network; `order` has each after those it reads.
        """
        for lut in order:
            column = self.columns[self.n_bits + lut]
            kernels.evaluate(self.columns, wiring[lut], table[lut], self.span.all, column, PARTS)
        care = np.zeros(table.shape, np.uint8)
        kernels.care_set(self.columns, wiring, self.span.valid, care)
        return care

    def spread(self) -> NDArray[np.int64]:
        """As of `Loss`."""
        return self.loss.spread()

    def place(self, bias: NDArray[np.int64]) -> None:
        """As of `Loss`."""
        self.loss.place(bias)

    def tally(self, held: bool) -> NDArray[np.int64]:
        """As of `Loss`."""
        return self.loss.tally(held)
