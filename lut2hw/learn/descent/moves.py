"""Moves: one LUT at a time gets the best inputs and the best table, all others fixed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.kernels import descent as kernels
from lut2hw.learn.descent.candidates import Candidates
from lut2hw.learn.descent.loss import PARTS, Cone, Listing, Loss, Sorting
from lut2hw.learn.descent.pace import Pace
from lut2hw.learn.descent.problem import Problem
from lut2hw.learn.graph import Graph
from lut2hw.learn.regions import Regions, everything

_SAMPLE = 60_000  # examples that decide where wiring is first drawn; later all do
_MOST_VOTES = 128  # that one shared LUT may reach: bounds its effect to 16 bits, and the load on a wire


SUM = (1 << 31) - 1  # largest sum of effects that kernels take


class OutOfTime(Exception):
    """The time limit has passed."""


class Trainer:
    """Coordinate descent on one training set.

    Parameters
    ----------
    problem : Problem
        The examples.
    loss : Loss
        What their scores cost; it is of this trainer alone.
    luts, votes, k : int
        LUTs there will be, how many of them are votes, and inputs of each.
    rng : np.random.Generator
        The one that `problem` was made with goes on.
    proposals, margin, levels, share
        As of `DescentOptions`.
    regions : Regions, default=everything
        Of the bits, the parts that votes read; the votes of each output take them in turn.
    """

    def __init__(
        self,
        problem: Problem,
        loss: Loss,
        *,
        luts: int,
        votes: int,
        k: int,
        rng: np.random.Generator,
        threads: int,
        proposals: int = 0,
        margin: float = 0.0,
        levels: int = 1,
        share: bool = True,
        regions: Regions = everything,
    ) -> None:
        self.problem, self.loss, self.rng = problem, loss, rng
        self.k, self.levels, self.share, self.threads = k, levels, share, threads
        self.proposals, self.margin = proposals, margin
        self.n, self.n_train, self.n_bits = problem.n, problem.n_train, problem.n_bits
        self.pace = Pace(min(threads, numba.get_num_threads()))
        self.most_readers = max(2, int(_MOST_VOTES ** (1 / max(1, levels - 1))))
        self.near = regions(problem.signal)
        self.columns = np.zeros((self.n_bits + luts, problem.n_words), np.uint64)
        problem.hand_over(self.columns[: self.n_bits])
        self.graph = Graph(self.n_bits, np.zeros((luts, k), np.int32), np.zeros((luts, 1 << k), np.uint8))
        for vote, weight in enumerate(loss.weights(votes).tolist()):
            region = vote // loss.n_outputs % len(self.near)
            inputs = self.random_inputs(k, region)
            self.graph.add(inputs, np.zeros(1 << k, np.uint8), levels, vote % loss.n_outputs, region, weight)
        self.arrange()
        self.listing = Listing(problem.n_words)
        self.saved = np.zeros(1 << k, np.int64)
        self.sample = max(1, min(256, 256 * _SAMPLE // max(1, self.n_train)))
        self.accepted = 0
        self.deadline: float | None = None

    def arrange(self) -> None:
        """Lay out the candidates of inputs, with LUTs that have been added."""
        self.candidates = Candidates(
            self.graph,
            self.columns,
            self.n_train,
            self.near,
            levels=self.levels,
            share=self.share,
            most_readers=self.most_readers,
        )
        width = 32 * self.candidates.rows.shape[1]
        self.sums = np.zeros((self.threads, 1 << self.k, width), np.int32)
        self._narrow = np.zeros((self.k, width), np.int32)
        self.value: NDArray[np.integer] = self._narrow

    def random_inputs(self, count: int, region: int) -> NDArray[np.int32]:
        """Encoder bits that a LUT of this region may read."""
        near = np.flatnonzero(self.near[region])
        return self.rng.choice(near, count, replace=len(near) < count).astype(np.int32)

    def total_loss(self) -> int:
        """Sum of the integer losses of the training examples."""
        return self.loss.total()

    def lister(self, lut: int, slot: int | None = None) -> Callable[..., int]:
        """A function that lists the effects of a LUT's output, or of the signal at its input `slot`.

        The function takes the wiring by which to sort the examples, and of 256, the share of them to list and the
        seed of that sample; it fills `listing` and returns its length, or -1 if the effects are beyond the integers
        used.
        """
        graph = self.graph
        path = graph.path(lut)
        if path is not None:
            high, low = self.problem.valid.copy(), np.zeros_like(self.problem.valid)
            slots = [graph.slot(reader, self.n_bits + read) for reader, read in itertools.pairwise(path)]
            for at, j in zip(path, slots if slot is None else [*slots, slot], strict=False):
                kernels.sensitivity(self.columns, graph.wiring[at], graph.table[at], j, high, low, PARTS)
            return partial(self._effects, path[0], high, low)
        cone = graph.cone(lut)
        signal = self.n_bits + lut if slot is None else graph.wiring[lut, slot]
        if slot is not None:
            cone = [lut, *cone]
        source = graph.wiring[cone]
        for i, at in enumerate(cone):
            source[source == self.n_bits + at] = ~(i + 1)
        if slot is None:
            source[source == signal] = ~0
        else:
            source[0, slot] = ~0
        output = np.array([graph.class_of[at] for at in cone], np.int32)
        weight = np.array([graph.weight[at] for at in cone], np.int32)
        number = np.array(cone, np.int32) + self.n_bits
        return partial(
            self._shared_effects, Cone(self.columns[signal], number, source, graph.table[cone], output, weight)
        )

    def _effects(
        self,
        vote: int,
        high: bits.Packed,
        low: bits.Packed,
        wiring: NDArray[np.int32],
        keep: int = 256,
        seed: int = 0,
    ) -> int:
        graph, sorting = self.graph, Sorting(self.columns, wiring, keep, seed)
        return self.loss.effects(
            graph.class_of[vote],
            graph.weight[vote],
            self.columns[self.n_bits + vote],
            high,
            low,
            sorting,
            self.listing,
        )

    def _shared_effects(self, cone: Cone, wiring: NDArray[np.int32], keep: int = 256, seed: int = 0) -> int:
        return self.loss.shared_effects(cone, Sorting(self.columns, wiring, keep, seed), self.listing)

    def histogram(self, n: int, column: bits.Packed) -> int:
        """Sums of the n listed effects by pattern, in `saved`; what they sum to where `column` is one."""
        listing = self.listing
        return int(kernels.histogram(n, column, listing.index, listing.effect, listing.pattern, self.saved, PARTS))

    def floor(self) -> int:
        """What an entry must save, in the unit of the listed effects."""
        return round(self.margin * self.listing.unit)

    def scan(self, n: int, first: int, last: int) -> None:
        """Write to `value` what candidates 32 * first to 32 * last are worth at each input, by the n listed effects.

        An experiment may leave some out: a value above zero is never chosen.
        """
        at_once = SUM // ((1 << 15) // self.listing.chunk)  # effects whose sum is an int32
        if n > at_once:
            self._scan_long(n, first, last, at_once)
            return
        self._scan_part(slice(0, n), first, last)
        self.value = self._narrow

    def _scan_part(self, part: slice, first: int, last: int) -> None:
        listing = self.listing
        kernels.scan(
            part.stop - part.start,
            self.k,
            self.candidates.rows,
            first,
            last,
            listing.index[part],
            listing.effect[part],
            listing.pattern[part],
            self.floor(),
            listing.chunk,
            self.sums,
            self._narrow,
        )

    def _scan_long(self, n: int, first: int, last: int, at_once: int) -> None:
        """`scan` of more examples than 32 bits can sum: part by part, the sums added up in 64."""
        some = slice(32 * first, 32 * last)
        sums = np.zeros((1 << self.k, 32 * (last - first)), np.int64)
        for start in range(0, n, at_once):
            self._scan_part(slice(start, min(n, start + at_once)), first, last)
            sums += self.sums[0, :, some]
        totals = np.zeros(1 << self.k, np.int64)
        listing, margin = self.listing, self.floor()
        kernels.histogram(n, self.problem.valid, listing.index, listing.effect, listing.pattern, totals, PARTS)
        value = np.zeros((self.k, self.value.shape[1]), np.int64)
        pattern = np.arange(1 << self.k)
        for j in range(self.k):
            zero = pattern[pattern >> j & 1 == 0]
            one = sums[zero] + sums[zero | 1 << j]
            rest = (totals[zero] + totals[zero | 1 << j])[:, None] - one
            value[j, some] = (np.minimum(one + margin, 0) + np.minimum(rest + margin, 0)).sum(axis=0)
        self.value = value

    def improve(
        self, n: int, level: int, region: int, wiring: NDArray[np.int32], free: Sequence[int], moves: int
    ) -> int:
        """Move up to `moves` of the free inputs of such a LUT, best first, for the n listed effects."""
        listing, candidates, margin = self.listing, self.candidates, self.floor()
        fixed = np.full(self.k, True)
        fixed[list(free)] = False
        for accepted in range(moves):
            first, last = self._subset(candidates.below[level])
            self.scan(n, first, last)
            some = slice(32 * first, min(32 * last, candidates.below[level]))
            value = np.where(
                fixed[:, None] | candidates.full[some] | candidates.far[region, some], 1, self.value[:, some]
            )
            j, v = divmod(int(np.argmin(value)), value.shape[1])
            self.histogram(n, self.problem.valid)
            if value[j, v] >= np.minimum(self.saved + margin, 0).sum():
                return accepted
            wiring[j] = candidates.signal[32 * first + v]
            kernels.repattern(n, j, self.columns[wiring[j]], listing.index, listing.pattern, PARTS)
        return moves

    def draw_seed(self) -> int:
        """The seed of a sample."""
        return int(self.rng.integers(1 << 32))

    def _subset(self, n_candidates: int) -> tuple[int, int]:
        """Words of the rows to scan: all that hold candidates, or a random run of about `proposals` of them."""
        unit, width = kernels.NARROW, self.candidates.words(n_candidates)
        count = -(-self.proposals // (32 * unit)) * unit
        if not count or count >= width:
            return 0, width
        first = int(self.rng.integers((width - count) // unit + 1)) * unit
        return first, first + count

    def _free(self, lut: int) -> list[int]:
        """Inputs of a LUT that may move: not away from a LUT that nothing else reads, or twice from one LUT."""
        free, left = [], set()
        for j, signal in enumerate(self.graph.wiring[lut].tolist()):
            if signal < self.n_bits:
                free.append(j)
            elif signal not in left and len(self.graph.readers[signal - self.n_bits]) > 1:
                free.append(j)
                left.add(signal)
        return free

    def visit(self, lut: int, moves: int = 2, keep: int = 256, restart: bool = False, seed: int = 0) -> int:
        """Improve wiring and table of one LUT; the training loss does not rise.

        Parameters
        ----------
        moves : int, default=2
            Inputs that may move.
        keep : int, default=256
            Of 256, the share of the examples, drawn by `seed`, that decide the wiring; all of them decide the table.
        restart : bool, default=False
            Draw the inputs anew; what there was is kept if it turns out better.

        Returns
        -------
        int
            The inputs that moved.
        """
        graph = self.graph
        effects = self.lister(lut)
        wiring, free = graph.wiring[lut].copy(), self._free(lut)
        if restart:
            drawn = [j for j in free if wiring[j] < self.n_bits]
            wiring[drawn] = self.random_inputs(len(drawn), graph.region[lut])
        n = effects(wiring, keep, seed)
        accepted = self.improve(n, graph.level[lut], graph.region[lut], wiring, free, moves)
        if keep < 256:
            n = effects(wiring)
        if n < 0:
            return 0
        now = self.histogram(n, self.columns[self.n_bits + lut])
        table = self.entries(n)
        if self.saved[table].sum() > now:
            return 0
        if self.listing.exact:
            self._set(lut, wiring, table)
            return accepted
        before, old = self.loss.total(), (graph.wiring[lut].copy(), graph.table[lut].copy())
        self._set(lut, wiring, table)
        if self.loss.total() > before:
            self._set(lut, *old)
            return 0
        return accepted

    def _set(self, lut: int, wiring: NDArray[np.int32], table: NDArray[Any]) -> None:
        """Give a LUT wiring and table, and bring all else up to date."""
        self.rewire(lut, wiring)
        self.graph.table[lut] = table
        self.update(lut)

    def entries(self, n: int) -> NDArray[np.bool_]:
        """The best table of a LUT, by the sums in `saved` of the n listed effects."""
        return self.saved < -self.floor()

    def rewire(self, lut: int, wiring: NDArray[np.int32]) -> None:
        """Let a LUT read other signals, and note which may have no more readers."""
        touched = {
            signal - self.n_bits
            for signal in (*self.graph.wiring[lut].tolist(), *wiring.tolist())
            if signal >= self.n_bits
        }
        self.graph.rewire(lut, wiring)
        for read in touched:
            self.candidates.recount(read)

    def update(self, lut: int) -> None:
        """Bring the outputs of a LUT and of those that depend on it up to date, with candidates and scores."""
        graph = self.graph
        for at in (lut, *graph.cone(lut)):
            column = self.columns[self.n_bits + at]
            old = column.copy()
            kernels.evaluate(self.columns, graph.wiring[at], graph.table[at], self.problem.all, column, PARTS)
            if graph.class_of[at] >= 0:
                self.loss.change(graph.class_of[at], graph.weight[at], old, column)
            else:
                self.candidates.change(at, old, column, PARTS)

    def step(self) -> None:
        """To be called before each look at a LUT or an input."""
        self.pace.next()
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise OutOfTime

    def sweep(self, moves: int = 2, keep: int = 256, restart: bool = False, ordered: bool = False) -> None:
        """Visit every LUT once, in random order unless it is to be the order in which they were made."""
        seed = self.draw_seed()
        order = np.arange(len(self.graph)) if ordered else self.rng.permutation(len(self.graph))
        for lut in order:
            self.step()
            self.accepted += self.visit(int(lut), moves, keep, restart, seed)
