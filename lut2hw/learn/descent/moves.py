"""Moves: one LUT at a time gets the best inputs and the best table, all others fixed."""

from __future__ import annotations

import functools
import itertools
import operator
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from lut2hw.kernels import descent as kernels
from lut2hw.learn.descent.candidates import Candidates
from lut2hw.learn.descent.loss import MANY, TOTAL, Extent, Loss, fit
from lut2hw.learn.descent.pace import Pace
from lut2hw.learn.descent.problem import Problem
from lut2hw.learn.descent.shard import Path, Reach, Shard, Step, Sums
from lut2hw.learn.descent.shards import MakeShards, one
from lut2hw.learn.graph import Graph
from lut2hw.learn.regions import Regions, everything
from lut2hw.shards import Call, Local

_SAMPLE = 60_000  # examples that decide where wiring is first drawn; later all do
_MOST_VOTES = 128  # that one shared LUT may reach: bounds its effect to 16 bits, and the load on a wire


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
    shards : MakeShards, default=one
        Makes what holds the examples; the result does not depend on it.
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
        shards: MakeShards = one,
    ) -> None:
        self.problem, self.loss, self.rng = problem, loss, rng
        self.k, self.levels, self.share, self.threads = k, levels, share, threads
        self.proposals, self.margin = proposals, margin
        self.n, self.n_train, self.n_bits = problem.n, problem.n_train, problem.n_bits
        self.pace = Pace(min(threads, numba.get_num_threads()))
        self.most_readers = max(2, int(_MOST_VOTES ** (1 / max(1, levels - 1))))
        self.near = regions(problem.signal)
        self.graph = Graph(self.n_bits, np.zeros((luts, k), np.int32), np.zeros((luts, 1 << k), np.uint8))
        for vote, weight in enumerate(loss.weights(votes).tolist()):
            region = vote // loss.n_outputs % len(self.near)
            inputs = self.random_inputs(k, region)
            self.graph.add(inputs, np.zeros(1 << k, np.uint8), levels, vote % loss.n_outputs, region, weight)
        self.saved = np.zeros(1 << k, np.int64)
        self.wide = problem.n >= MANY
        self.listed: list[Call] = []
        self.now = 0
        self.summed: NDArray[np.integer] = np.zeros((1 << k, 0), np.int64)
        self.unit, self.exact = loss.unit, True
        self.shards = shards(problem, loss, luts=luts, k=k, threads=threads)
        self.shards.keep(self._calls)
        self.arrange()
        self.sample = max(1, min(256, 256 * _SAMPLE // max(1, self.n_train)))
        self.accepted = 0
        self.deadline: float | None = None

    @property
    def shard(self) -> Shard:
        """The first shard; with one, all examples."""
        assert isinstance(self.shards, Local)
        shard: Shard = self.shards.shards[0]
        return shard

    def arrange(self) -> None:
        """Lay out the candidates of inputs, with LUTs that have been added."""
        self.candidates = Candidates(
            self.graph, self.near, levels=self.levels, share=self.share, most_readers=self.most_readers
        )
        self.shards.tell("arrange", self.candidates.signal, self.candidates.width)
        self.value = np.zeros((self.k, 32 * self.candidates.width), np.int64 if self.wide else np.int32)

    def restore(self, graph: Graph, bias: NDArray[np.int64], rng: dict[str, Any]) -> None:
        """Go on from a network, constants and a state of the random numbers that a trainer like this one had."""
        own, n = self.graph, len(graph)
        own.wiring[:n], own.table[:n] = graph.wiring, graph.table
        for name in ("class_of", "level", "region", "weight", "readers"):
            getattr(own, name)[:] = getattr(graph, name)
        self.rng.bit_generator.state = rng
        self.arrange()
        self.follow(sorted(range(n), key=own.level.__getitem__))
        self.loss.place(bias)
        self.shards.tell("place", bias)

    def _calls(self) -> list[Call]:
        """What brings a new shard to where this training is."""
        return [
            ("follow", (self._steps(sorted(range(len(self.graph)), key=self.graph.level.__getitem__), False),)),
            ("place", (self.loss.bias,)),
            ("arrange", (self.candidates.signal, self.candidates.width)),
            *self.listed,
        ]

    def _tell(self, method: str, *arguments: Any) -> None:
        """Tell the shards something about what they have listed."""
        self.listed.append((method, arguments))
        self.shards.tell(method, *arguments)

    def random_inputs(self, count: int, region: int) -> NDArray[np.int32]:
        """Encoder bits that a LUT of this region may read."""
        near = np.flatnonzero(self.near[region])
        return self.rng.choice(near, count, replace=len(near) < count).astype(np.int32)

    def total_loss(self) -> int:
        """Sum of the integer losses of the training examples."""
        return sum(self.shards.ask("total"))

    def score(self, held: bool = False) -> float:
        """How good the answers are on the training or the held-out examples: the higher the better."""
        return self.loss.rate(np.sum(self.shards.ask("tally", held), axis=0), held)

    def settle(self) -> None:
        """Move what is no vote, constants say, to where the loss is least."""
        if not len(self.loss.bias):
            return
        bias = self.loss.settled(np.sum(self.shards.ask("spread"), axis=0))
        self.loss.place(bias)
        self.shards.tell("place", bias)

    def lister(self, lut: int, slot: int | None = None) -> Callable[..., bool]:
        """A function that lists the effects of a LUT's output, or of the signal at its input `slot`, in the shards.

        The function takes the wiring by which to sort the examples, and of 256, the share of them to list and the
        seed of that sample; it returns whether the effects are within the integers used, else nothing is listed.
        """
        graph = self.graph
        path = graph.path(lut)
        if path is not None:
            slots = [graph.slot(reader, self.n_bits + read) for reader, read in itertools.pairwise(path)]
            if slot is not None:
                slots.append(slot)
            on = path[: len(slots)]
            found = Path(
                path[0], graph.class_of[path[0]], graph.weight[path[0]], graph.wiring[on], graph.table[on], slots
            )
            return partial(self._list, "list_path", found)
        cone = graph.cone(lut)
        signal = self.n_bits + lut if slot is None else int(graph.wiring[lut, slot])
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
        reach = Reach(signal, number, source, graph.table[cone], output, weight)
        return partial(self._list, "list_reach", reach)

    def _list(
        self, method: str, way: Path | Reach, wiring: NDArray[np.int32], keep: int = 256, seed: int = 0
    ) -> bool:
        call = (way, wiring.copy(), keep, seed)
        self.listed.clear()
        if isinstance(way, Path) and not self.loss.scaled:  # whose effects are small
            self._tell(method, *call)
            return True
        extent: Extent = functools.reduce(operator.add, self.shards.ask(method, *call))
        self.listed.append((method, call))
        limit = 1 << 62 if self.wide else TOTAL
        if not extent.fits(limit):  # beyond the integers used: leave this LUT as it is
            self._tell("drop")
            return False
        if self.loss.scaled:
            scale = fit(extent, limit=limit)
            self.unit, self.exact = scale.largest, scale.exact
            self._tell("scale", scale)
        return True

    def histogram(self, signal: int) -> int:
        """Sums of the listed effects by pattern, in `saved`; what they sum to where the signal is one."""
        answers = self.shards.ask("histogram", int(signal))
        self.saved[:] = sum(saved for saved, _ in answers)
        return sum(now for _, now in answers)

    def floor(self) -> int:
        """What an entry must save, in the unit of the listed effects."""
        return round(self.margin * self.unit)

    def scan(self, first: int, last: int, signal: int = -1) -> None:
        """Write to `value` what candidates 32 * first to 32 * last are worth at each input, by the listed effects.

        Sums of the effects by pattern go to `saved`; what they sum to where `signal` is one to `now`, if it is given.
        An experiment may leave some out: a value above zero is never chosen.
        """
        sums, totals, now = side_by_side(self.shards.ask("sum_signals", first, last, self.wide, signal))
        self.now = now if signal >= 0 else self.now
        some, asked = slice(32 * first, 32 * last), sums.shape[2] < self.value.shape[1]
        self.summed = sums[0] if asked else sums[0, :, some]
        if self.wide:
            self.saved[:] = totals.sum(axis=0)
            self.summed = wide = (sums if asked else sums[:, :, some]).sum(axis=0, dtype=np.int64)
            self.value[:, some] = wide_values(wide, self.saved, self.floor())
            return
        if asked:  # for these alone
            value = np.zeros((self.k, sums.shape[2]), np.int32)
            kernels.value_signals(self.k, 0, last - first, sums, totals, self.floor(), value)
            self.value[:, some] = value
        else:
            kernels.value_signals(self.k, first, last, sums, totals, self.floor(), self.value)
        self.saved[:] = totals[0]

    def improve(
        self, level: int, region: int, wiring: NDArray[np.int32], free: Sequence[int], moves: int, signal: int
    ) -> int:
        """Move up to `moves` of the free inputs of such a LUT, best first, for the listed effects.

        Their sums by pattern are then in `saved`, and in `now` what they sum to where `signal` is one.
        """
        candidates, margin = self.candidates, self.floor()
        fixed = np.full(self.k, True)
        fixed[list(free)] = False
        if not moves:
            self.now = self.histogram(signal)
        for accepted in range(moves):
            first, last = self._subset(candidates.below[level])
            self.scan(first, last, -1 if accepted else signal)
            some = slice(32 * first, min(32 * last, candidates.below[level]))
            value = np.where(
                fixed[:, None] | candidates.full[some] | candidates.far[region, some], 1, self.value[:, some]
            )
            j, v = divmod(int(np.argmin(value)), value.shape[1])
            if value[j, v] >= np.minimum(self.saved + margin, 0).sum():
                return accepted
            wiring[j] = candidates.signal[32 * first + v]
            self._tell("repattern", j, int(wiring[j]))
            self._resort(j, self.summed[:, v])
        return moves

    def _resort(self, j: int, ones: NDArray[np.integer]) -> None:
        """Sums by pattern in `saved` as they are when input j reads another signal, from those where that is one."""
        zero = np.flatnonzero(np.arange(len(self.saved)) >> j & 1 == 0)
        one = zero | 1 << j
        both, ones = self.saved[zero] + self.saved[one], ones.astype(np.int64)
        self.saved[one] = ones[zero] + ones[one]
        self.saved[zero] = both - self.saved[one]

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
        fits = effects(wiring, keep, seed)
        output = self.n_bits + lut
        accepted = self.improve(graph.level[lut], graph.region[lut], wiring, free, moves, output)
        if keep < 256:
            fits = effects(wiring)
        if not fits:
            return 0
        now = self.histogram(output) if keep < 256 else self.now
        table = self.entries()
        if self.saved[table].sum() > now:
            return 0
        if self.exact:
            self._set(lut, wiring, table)
            return accepted
        before, old = self.total_loss(), (graph.wiring[lut].copy(), graph.table[lut].copy())
        self._set(lut, wiring, table)
        if self.total_loss() > before:
            self._set(lut, *old)
            return 0
        return accepted

    def _set(self, lut: int, wiring: NDArray[np.int32], table: NDArray[Any]) -> None:
        """Give a LUT wiring and table, and bring all else up to date."""
        self.rewire(lut, wiring)
        self.graph.table[lut] = table
        self.update(lut)

    def entries(self) -> NDArray[np.bool_]:
        """The best table of a LUT, by the sums in `saved` of the listed effects."""
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
        self.follow([lut, *self.graph.cone(lut)])

    def follow(self, luts: Sequence[int]) -> None:
        """Bring the outputs of these LUTs up to date, each after those it reads."""
        self.listed.clear()  # whose effects are others now
        self.shards.tell("follow", self._steps(luts))

    def _steps(self, luts: Sequence[int], placed: bool = True) -> list[Step]:
        graph = self.graph
        return [
            Step(
                lut,
                graph.wiring[lut],
                graph.table[lut],
                graph.class_of[lut],
                graph.weight[lut],
                int(self.candidates.place[lut]) if placed else -1,
            )
            for lut in luts
        ]

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


def side_by_side(answers: Sequence[Sums]) -> Sums:
    """The sums of all shards as parts of one."""
    if len(answers) == 1:
        return answers[0]
    signals, totals, now = zip(*answers, strict=True)
    return Sums(np.concatenate(signals), np.concatenate(totals), sum(now))


def wide_values(sums: NDArray[np.int64], totals: NDArray[np.int64], margin: int) -> NDArray[np.int64]:
    """As `kernels.value_signals`, of sums int64 (2**k, signals) and totals (2**k,) beyond 32 bits; (k, signals)."""
    patterns = np.arange(len(totals))
    value = np.zeros((len(totals).bit_length() - 1, sums.shape[1]), np.int64)
    for j in range(len(value)):
        low = patterns[patterns >> j & 1 == 0]
        one = sums[low] + sums[low | 1 << j]
        zero = (totals[low] + totals[low | 1 << j])[:, None] - one
        value[j] = (np.minimum(0, one + margin) + np.minimum(0, zero + margin)).sum(axis=0)
    return value
