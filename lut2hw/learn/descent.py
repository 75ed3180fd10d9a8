"""Descent: lookup tables filled by the change in the training loss that each of their bits causes.

The memorizing learner fills a table by majority vote in which every example weighs the same. Here each example
weighs as much as the loss changes when this LUT answers 1 instead of 0, all other LUTs fixed:

* Some LUTs are votes, each for one class; the score S_c of class c is the number of ones among its votes, and the
  loss is the cross-entropy of softmax(S / tau), rounded to integers. The other LUTs are hidden.
* For one LUT, d_i = loss of example i with its bit at 1 minus loss with its bit at 0. For a hidden LUT that is read
  once, this is the d_i of the vote above where the path to it is sensitive, with its sign (the Boolean difference),
  else 0; for one that several inputs read, all votes above it are evaluated with its bit flipped.
* For a given wiring the best table has entry p = 1 where the d_i of the examples that show pattern p sum to less
  than zero, and what it saves is the sum of these negative sums.
* For one input, with the other inputs fixed, the value of EVERY signal follows from one pass over the examples
  whose d_i is not zero: sort them by the other inputs' pattern, and add d_i to one sum for each set bit of the
  example's code. Each visit of a LUT moves its inputs, one after the other, to the best signal there is.
* Growth: an input that reads an encoder bit is replaced by a LUT of its own which starts as a wire, so the loss
  starts where it was. Inputs are grown where that saves most.
* Sharing: an input may move to a hidden LUT of a lower level as well as to an encoder bit.

A step is taken only if the exact integer loss does not rise: coordinate descent on the tables and the wiring.
Sums of integers do not depend on their order, so the result depends on the data, the options and the seed alone.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, cast

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw import bits
from lut2hw.data import Dataset
from lut2hw.errors import UsageError
from lut2hw.flags import AUTO
from lut2hw.kernels import descent as kernels
from lut2hw.learn import augment
from lut2hw.learn.descent_options import DEFAULT_LUTS, MAX_K, DescentOptions
from lut2hw.learn.graph import Graph
from lut2hw.learn.look import quick_look
from lut2hw.learn.regions import Regions, everything, regions_of
from lut2hw.model.encoder import Encoder
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head, Layer

MAX_EXAMPLES = 1 << 24  # sums of effects are int32
_PARTS = 16  # shards of a pass over all examples; the result does not depend on it
_SMALL = 4000  # examples below which a second thread costs more than it gains
_UNIT = 1 << 12  # weight w[0] of an example's own class
_SAMPLE = 60_000  # examples that decide where wiring is first drawn; later all do
_MOST_VOTES = 128  # that one shared LUT may reach: bounds its effect to 16 bits, and the load on a wire
_PROBE, _PAUSE = 4, 100  # steps that time all threads, and as many one thread; steps until that is done again
TAU_FACTORS = (1.0, 3.0, 9.0)  # times the default
_EFFECT = 120  # largest effect of one bit, in units of the integer loss


@dataclass(frozen=True)
class Progress:
    """State after one sweep, for a progress display."""

    stage: str
    sweep: int
    sweeps: int
    luts: int
    loss: float
    """Mean training loss per example in nats; never rises while tau stays."""
    train: float
    """Accuracies; validation is None without a validation split."""
    validation: float | None
    """Accuracies; validation is None without a validation split."""
    accepted: int
    """Inputs that moved to a better signal."""
    seconds: float
    tau: float
    """Temperature of the loss."""
    network: Callable[[], LutNetwork]
    """Makes the network as it stands after this sweep; to be called before the next."""


Watch = Callable[[Progress], bool | None]
"""Called after every sweep; True ends training with what there is."""


class _OutOfTime(Exception):
    pass


class _Stopped(Exception):
    pass


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


def loss_unit(tau: float) -> float:
    """Units of the integer loss in one nat: one bit changes the loss by up to 1 / tau nats."""
    return _EFFECT * tau


class _Pace:
    """All threads while they are faster than one.

    A step is many short parallel loops. On a free machine two threads nearly halve it; where other work holds the
    cores, the thread that has one waits in every loop for the thread that has none, and a step takes several times as
    long as alone. So a few steps are timed with all threads and as many with one, again after `pause` steps, which
    double while one is faster. No result depends on it.
    """

    def __init__(self, threads: int) -> None:
        self.threads, self.step, self.pause = threads, 0, _PAUSE
        self.began = self.all_took = 0.0

    def next(self) -> None:
        """To be called before each step."""
        if self.threads == 1:
            return
        now = time.perf_counter()
        if self.step == 0:
            numba.set_num_threads(self.threads)
            self.began = now
        elif self.step == _PROBE:
            numba.set_num_threads(1)
            self.all_took, self.began = now - self.began, now
        elif self.step == 2 * _PROBE:
            if self.all_took < now - self.began:
                numba.set_num_threads(self.threads)
                self.pause = _PAUSE
            else:
                self.pause *= 2
        self.step = self.step + 1 if self.step < 2 * _PROBE + self.pause else 0


class Trainer:
    """Coordinate descent on one training set.

    Parameters
    ----------
    columns : bits.Packed
        uint64 (n_bits, n_words), packed code of the training examples, then of `n_held` held-out examples that no
        step sees.
    label : ArrayLike
        Int (n,) classes of all of them.
    regions : Regions, default=everything
        Of the bits, the parts that votes read; the votes of each class take them in turn.
    """

    def __init__(
        self,
        columns: bits.Packed,
        label: ArrayLike,
        n_classes: int,
        *,
        luts: int,
        votes: int,
        k: int,
        tau: float,
        seed: int,
        threads: int,
        n_held: int = 0,
        proposals: int = 0,
        margin: float = 0.0,
        levels: int = 1,
        share: bool = True,
        regions: Regions = everything,
    ) -> None:
        self.label = np.asarray(label, np.int32)
        self.n, self.n_classes, self.k, self.levels = len(self.label), n_classes, k, levels
        self.n_train = self.n - n_held
        if self.n >= MAX_EXAMPLES:
            raise UsageError(
                f"descent sums in 32 bits and takes up to {MAX_EXAMPLES - 1:,} examples, augmentation "
                f"included, not {self.n:,}; use fewer"
            )
        if votes >= n_classes << 15:
            raise UsageError(f"{votes} votes for {n_classes} classes are too many; descent takes 32,767 for each")
        self.threads, self.proposals, self.share = threads, proposals, share
        self.pace = _Pace(min(threads, numba.get_num_threads()))
        self.rng = np.random.default_rng(seed)
        self.most_readers = max(2, int(_MOST_VOTES ** (1 / max(1, levels - 1))))
        n_words = columns.shape[1]
        train = np.zeros(n_words * 64, bool)
        train[: self.n_train] = True
        self.valid, self.all = bits.pack(train[None])[0], bits.tail_mask(self.n)
        self.labels = bits.pack(self.label == np.arange(n_classes)[:, None])
        # Candidates: signals that differ on enough examples to matter, in random order so that a run of
        # neighbouring ones is a random subset.
        ones = np.bitwise_count(columns & self.valid).sum(axis=1)
        rare = max(1, self.n_train // 2000)
        chosen = np.flatnonzero((ones >= rare) & (ones <= self.n_train - rare))
        if not len(chosen):
            chosen = np.flatnonzero((ones > 0) & (ones < self.n_train))
        if not len(chosen):
            raise UsageError("every encoded bit is constant in the training data; there is nothing to learn from")
        self.signal = self.rng.permutation(chosen).astype(np.int32)
        self.n_bits = len(chosen)
        self.near = regions(self.signal)
        self.columns = np.zeros((self.n_bits + luts, n_words), np.uint64)
        self.columns[: self.n_bits] = columns[self.signal]
        self.graph = Graph(self.n_bits, np.zeros((luts, k), np.int32), np.zeros((luts, 1 << k), np.uint8))
        for vote in range(votes):
            region = vote // n_classes % len(self.near)
            inputs = self._random_inputs(k, region)
            self.graph.add(inputs, np.zeros(1 << k, np.uint8), levels, vote % n_classes, region)
        self._arrange()
        self.scores = np.zeros((self.n, n_classes), np.int16)
        self.own = np.zeros(self.n, np.int16)
        self.u = np.zeros(self.n, np.int32)
        self.votes_per_class = -(-votes // n_classes)
        self.set_tau(tau)
        self.margin = round(margin * _EFFECT)
        spare = n_words * 64
        self.index, self.effect = np.zeros(spare, np.int32), np.zeros(spare, np.int16)
        self.pattern = np.zeros(spare, np.uint8)
        self.saved = np.zeros(1 << k, np.int64)
        self.sample = max(1, min(256, 256 * _SAMPLE // max(1, self.n_train)))
        self.accepted = 0
        self.deadline: float | None = None

    def _arrange(self) -> None:
        """Lay out the candidates of an input by example: encoder bits and, if LUTs are shared, hidden LUTs by level.

        candidates: int32, their signals; rows: uint32 (n_train, width), candidate s in bit s % 32 of word s // 32;
        n_candidates: how many a LUT of each level may read; place: of each LUT, its position among them, or -1;
        far: bool (regions, 32 * width), those that LUTs of a region may not read.
        """
        graph = self.graph
        hidden = [lut for lut in range(len(graph)) if graph.class_of[lut] < 0] if self.share else []
        hidden.sort(key=lambda lut: (graph.level[lut], lut))
        self.candidates = np.array([*range(self.n_bits), *(self.n_bits + lut for lut in hidden)], np.int32)
        self.n_candidates = [
            self.n_bits + sum(graph.level[lut] < level for lut in hidden) for level in range(self.levels + 1)
        ]
        self.place = np.full(len(graph.wiring), -1)
        self.place[hidden] = self.n_bits + np.arange(len(hidden))
        width = self._words(len(self.candidates))
        self.rows = np.zeros((self.n_train, width), np.uint32)
        kernels.fill_rows(self.columns, self.candidates, self.rows)
        self.full = np.zeros(32 * width, bool)
        for lut in hidden:
            self.full[self.place[lut]] = len(graph.readers[lut]) >= self.most_readers
        self.far = np.zeros((len(self.near), 32 * width), bool)
        self.far[:, : self.n_bits] = ~self.near
        region = np.array([graph.region[lut] for lut in hidden], int)
        self.far[:, self.n_bits : len(self.candidates)] = region != np.arange(len(self.near))[:, None]
        self.sums = np.zeros((self.threads, 1 << self.k, 32 * width), np.int32)
        self.value = np.zeros((self.k, 32 * width), np.int32)

    @staticmethod
    def _words(n_candidates: int) -> int:
        """Words of a row that hold so many candidates, in units of the kernels."""
        return -(-n_candidates // (32 * kernels.NARROW)) * kernels.NARROW

    def _random_inputs(self, count: int, region: int) -> NDArray[np.int32]:
        """Encoder bits that a LUT of this region may read."""
        near = np.flatnonzero(self.near[region])
        return self.rng.choice(near, count, replace=len(near) < count).astype(np.int32)

    def set_tau(self, tau: float) -> None:
        """Change the temperature; scores stay, the loss is another one from here on."""
        self.tau = tau
        self.w, self.zero, self.loss, self.base = loss_tables(tau, self.votes_per_class, self.n_classes)
        kernels.reset(self.scores, self.label, self.w, self.zero, self.u)

    def total_loss(self) -> int:
        """Sum of the integer losses of the training examples."""
        return int(kernels.total_loss(self.u[: self.n_train], self.loss, self.base))

    def accuracy(self, held: bool = False) -> float:
        """Share of right answers on the training or the held-out examples."""
        first, last = (self.n_train, self.n) if held else (0, self.n_train)
        return kernels.correct(self.scores, self.label, first, last) / max(1, last - first)

    # --- one LUT ------------------------------------------------------------------------------------------------

    def _lister(self, lut: int, slot: int | None = None) -> Callable[..., int]:
        """A function that lists the effects of a LUT's output, or of the signal at its input `slot`.

        The function takes the wiring by which to sort the examples, and of 256, the share of them to list and the
        seed of that sample; it fills `index`, `effect` and `pattern` and returns their length, or -1 if the effects
        are beyond the integers used.
        """
        graph = self.graph
        path = graph.path(lut)
        if path is not None:
            high, low = self.valid.copy(), np.zeros_like(self.valid)
            slots = [graph.slot(reader, self.n_bits + read) for reader, read in itertools.pairwise(path)]
            for at, j in zip(path, slots if slot is None else [*slots, slot], strict=False):
                kernels.sensitivity(self.columns, graph.wiring[at], graph.table[at], j, high, low, _PARTS)
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
        class_of = np.array([graph.class_of[at] for at in cone], np.int32)
        return partial(
            self._shared_effects,
            self.columns[signal],
            np.array(cone, np.int32) + self.n_bits,
            source,
            graph.table[cone],
            class_of,
        )

    def _effects(
        self,
        root: int,
        high: bits.Packed,
        low: bits.Packed,
        wiring: NDArray[np.int32],
        keep: int = 256,
        seed: int = 0,
    ) -> int:
        self.chunk = (1 << 15) // (_EFFECT + 8)  # effects that an int16 sum holds: rounding adds a few units
        return kernels.effects(
            self.graph.class_of[root],
            self.columns[self.n_bits + root],
            high,
            low,
            self.scores,
            self.own,
            self.labels,
            self.u,
            self.w,
            self.zero,
            self.loss,
            self.base,
            self.columns,
            wiring,
            _PARTS,
            keep,
            seed,
            self.index,
            self.effect,
            self.pattern,
        )

    def _shared_effects(
        self,
        column: bits.Packed,
        cone: NDArray[np.int32],
        source: NDArray[np.int32],
        table: NDArray[np.uint8],
        class_of: NDArray[np.int32],
        wiring: NDArray[np.int32],
        keep: int = 256,
        seed: int = 0,
    ) -> int:
        n, largest, total = kernels.shared_effects(
            column,
            cone,
            source,
            table,
            class_of,
            self.columns,
            self.valid,
            self.scores,
            self.own,
            self.label,
            self.u,
            self.w,
            self.zero,
            self.loss,
            self.base,
            wiring,
            _PARTS,
            keep,
            seed,
            self.index,
            self.effect,
            self.pattern,
        )
        if largest >= 1 << 15 or total >= 1 << 31:  # beyond the integers used: leave this LUT as it is
            return -1
        self.chunk = ((1 << 15) - 1) // max(1, largest)
        return n

    def _improve(
        self, n: int, level: int, region: int, wiring: NDArray[np.int32], free: Sequence[int], moves: int
    ) -> int:
        """Move up to `moves` of the free inputs of such a LUT, best first, for the n listed effects."""
        fixed = np.full(self.k, True)
        fixed[list(free)] = False
        for accepted in range(moves):
            first, last = self._subset(self.n_candidates[level])
            kernels.scan(
                n,
                self.k,
                self.rows,
                first,
                last,
                self.index,
                self.effect,
                self.pattern,
                self.margin,
                self.chunk,
                self.sums,
                self.value,
            )
            some = slice(32 * first, min(32 * last, self.n_candidates[level]))
            value = np.where(fixed[:, None] | self.full[some] | self.far[region, some], 1, self.value[:, some])
            j, v = divmod(int(np.argmin(value)), value.shape[1])
            kernels.histogram(n, self.valid, self.index, self.effect, self.pattern, self.saved, _PARTS)
            if value[j, v] >= np.minimum(self.saved + self.margin, 0).sum():
                return accepted
            wiring[j] = self.candidates[32 * first + v]
            kernels.repattern(n, j, self.columns[wiring[j]], self.index, self.pattern, _PARTS)
        return moves

    def _seed(self) -> int:
        return int(self.rng.integers(1 << 32))

    def _subset(self, n_candidates: int) -> tuple[int, int]:
        """Words of the rows to scan: all that hold candidates, or a random run of about `proposals` of them."""
        unit, width = kernels.NARROW, self._words(n_candidates)
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
        effects = self._lister(lut)
        wiring, free = graph.wiring[lut].copy(), self._free(lut)
        if restart:
            drawn = [j for j in free if wiring[j] < self.n_bits]
            wiring[drawn] = self._random_inputs(len(drawn), graph.region[lut])
        n = effects(wiring, keep, seed)
        accepted = self._improve(n, graph.level[lut], graph.region[lut], wiring, free, moves)
        if keep < 256:
            n = effects(wiring)
        if n < 0:
            return 0
        column = self.columns[self.n_bits + lut]
        now = kernels.histogram(n, column, self.index, self.effect, self.pattern, self.saved, _PARTS)
        table = self._entries(n)
        if self.saved[table].sum() > now:
            return 0
        self._rewire(lut, wiring)
        graph.table[lut] = table
        self._update(lut)
        return accepted

    def _entries(self, n: int) -> NDArray[np.bool_]:
        """The best table of a LUT, by the sums in `saved` of the n listed effects."""
        return self.saved < -self.margin

    def _rewire(self, lut: int, wiring: NDArray[np.int32]) -> None:
        """Let a LUT read other signals, and note which may have no more readers."""
        touched = {
            signal - self.n_bits
            for signal in (*self.graph.wiring[lut].tolist(), *wiring.tolist())
            if signal >= self.n_bits
        }
        self.graph.rewire(lut, wiring)
        for read in touched:
            if self.place[read] >= 0:
                self.full[self.place[read]] = len(self.graph.readers[read]) >= self.most_readers

    def _update(self, lut: int) -> None:
        """Bring the outputs of a LUT and of those that depend on it up to date, with rows, scores and weight sums."""
        graph = self.graph
        for at in (lut, *graph.cone(lut)):
            column = self.columns[self.n_bits + at]
            old = column.copy()
            kernels.evaluate(self.columns, graph.wiring[at], graph.table[at], self.all, column, _PARTS)
            if graph.class_of[at] >= 0:
                kernels.change_vote(
                    graph.class_of[at],
                    old,
                    column,
                    self.scores,
                    self.own,
                    self.label,
                    self.u,
                    self.w,
                    self.zero,
                    _PARTS,
                )
            elif self.place[at] >= 0:
                kernels.change_rows(self.place[at], old, column, self.rows, _PARTS)

    # --- growth -------------------------------------------------------------------------------------------------

    def grow(self, count: int) -> None:
        """Replace `count` inputs by LUTs of their own, those where a trial saves most."""
        graph = self.graph
        trials: list[tuple[int, NDArray[np.int32], int, int]] = []
        for lut in range(len(graph)):
            if graph.level[lut] < 2:
                continue
            for slot in np.flatnonzero(graph.wiring[lut] < self.n_bits).tolist():
                self._step()
                trials.append((*self._trial(lut, slot), lut, slot))
        trials.sort(key=lambda trial: (-trial[0], trial[2], trial[3]))
        for _, inputs, lut, j in trials[:count]:
            wire = (np.arange(1 << self.k) & 1).astype(np.uint8)  # from input 0
            new = graph.add(inputs, wire, graph.level[lut] - 1, region=graph.region[lut])
            self.columns[self.n_bits + new] = self.columns[graph.wiring[lut, j]]
            wiring = graph.wiring[lut].copy()
            wiring[j] = self.n_bits + new
            graph.rewire(lut, wiring)
            self._step()
            self.accepted += self.visit(new)
        self._arrange()

    def _trial(self, lut: int, j: int) -> tuple[int, NDArray[np.int32]]:
        """What a LUT at input j would save, and its wiring. Nothing changes."""
        graph, region = self.graph, self.graph.region[lut]
        wiring = np.append(graph.wiring[lut, j], self._random_inputs(self.k - 1, region)).astype(np.int32)
        n = self._lister(lut, j)(wiring, self.sample, self._seed())
        self._improve(n, graph.level[lut] - 1, region, wiring, range(1, self.k), self.k - 1)
        now = kernels.histogram(
            n, self.columns[graph.wiring[lut, j]], self.index, self.effect, self.pattern, self.saved, _PARTS
        )
        return int(now - np.minimum(self.saved, 0).sum()), wiring

    # --- sweeps -------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        """To be called before each look at a LUT or an input."""
        self.pace.next()
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise _OutOfTime

    def sweep(self, moves: int = 2, keep: int = 256, restart: bool = False) -> None:
        """Visit every LUT once, in random order."""
        seed = self._seed()
        for lut in self.rng.permutation(len(self.graph)):
            self._step()
            self.accepted += self.visit(int(lut), moves, keep, restart, seed)


def default_tau(votes: int, n_classes: int, k: int) -> float:
    """Temperature by the number of votes of a class: margins grow like its square root."""
    return max(0.5, 0.33 * (votes / n_classes) ** 0.5)


def _look(dataset: Dataset, encoder: Encoder, options: DescentOptions, tau: float, **how: Any) -> LutNetwork | None:
    """The network of `tau`, or of as many times that as does better, after one sweep over few examples."""
    # Copies are left out: of a few originals they would hide how much is learned by heart.
    options = replace(
        options,
        sweeps=1,
        restarts=0,
        validation=0.0,
        augment="none",
        time_limit=options.time_limit and options.time_limit / 20,
    )
    return quick_look(
        dataset,
        lambda part, factor: train_descent(part, encoder, options=options, tau=factor * tau, **how),
        TAU_FACTORS,
        seed=how["seed"],
    )


def encode_examples(
    dataset: Dataset, encoder: Encoder, options: DescentOptions, rng: np.random.Generator
) -> tuple[bits.Packed, NDArray[np.int64], int]:
    """Packed code and classes of the training examples in random order, then of those held out, and their number."""
    x, y = dataset.x_train, dataset.y_train
    shape = dataset.features.image_shape
    if options.augment != "none" and shape is None:
        raise UsageError(f"--augment {options.augment} needs image data, which {dataset.name} is not")
    order = rng.permutation(len(y))
    n_held = round(options.validation * len(y))
    if n_held >= len(y):
        raise UsageError(f"a validation share of {options.validation:g} leaves nothing to train on")
    train, held = order[: len(y) - n_held], order[len(y) - n_held :]
    parts = [x[train]]
    if shape is not None:
        parts += augment.copies(x[train], shape, options.augment, rng)
    mixed = rng.permutation(len(train) * len(parts))
    label = np.concatenate([np.tile(y[train], len(parts))[mixed], y[held]])
    return encoder(np.concatenate([np.concatenate(parts)[mixed], x[held]])), label, n_held


def train_descent(
    dataset: Dataset,
    encoder: Encoder,
    *,
    luts: int | None = None,
    k: int = 4,
    seed: int = 0,
    threads: int | None = None,
    options: DescentOptions | None = None,
    progress: Watch | None = None,
    **changes: Any,
) -> LutNetwork:
    """Train a network of `luts` k-input LUTs; see the module's text for the method.

    Parameters
    ----------
    luts : int, optional
        500 by default.
    options : DescentOptions, optional
        `DescentOptions`, with single ones given as keywords.
    threads : int, optional
        None uses all cores; the result does not depend on it.
    progress : Watch, optional
        Called after every sweep; True ends training with what there is, and so do an interrupt (Ctrl-C) and the time
        limit. Two classes give a "threshold" head, more an "argmax" head.

    Raises
    ------
    UsageError
    """
    options = replace(options or DescentOptions(), **changes)
    if AUTO in (options.luts, options.levels, options.tau):
        raise UsageError("luts, levels and tau are chosen by lut2hw.training.train alone; give numbers")
    luts = luts or cast("int | None", options.luts) or DEFAULT_LUTS
    options = replace(
        options,
        luts=luts,
        inputs=options.inputs or 0,
        window=options.window or 0,
        subspace=float(options.subspace or 0),
    )
    n_classes = len(dataset.class_names)
    if not 1 <= k <= MAX_K:
        raise UsageError(f"descent trains LUTs of 1 to {MAX_K} inputs, not {k}")
    if luts < n_classes:
        raise UsageError(f"{luts} LUTs are too few for {n_classes} classes: each class needs a vote at least")
    start = time.monotonic()
    rng = np.random.default_rng(seed)
    votes = options.votes or (luts if options.levels in (None, 1) else luts // (5 if k <= 4 else 2))
    votes = min(luts, max(n_classes, votes))
    levels = cast("int | None", options.levels) or (1 if votes == luts else 3)
    most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    threads = min(threads or most, most)
    if len(dataset.y_train) < _SMALL:
        threads = 1
    tau = cast("float | None", options.tau) or default_tau(votes, n_classes, k)
    if options.tau is None:
        look = _look(
            dataset,
            encoder,
            replace(options, votes=votes, levels=levels),
            tau,
            luts=luts,
            k=k,
            seed=seed,
            threads=threads,
        )
        if look is not None and look.meta["ended"] == "interrupt":
            return look
        tau = tau if look is None else look.meta["options"]["tau"]
    columns, label, n_held = encode_examples(dataset, encoder, options, rng)
    curve: list[list[Any]] = []  # kept in the model, for its report

    def record(now: Progress) -> bool | None:
        curve.append([now.stage, now.luts, round(now.loss, 6), round(now.train, 6), now.validation])
        return None if progress is None else progress(now)

    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        make = partial(
            Trainer,
            label=label,
            n_classes=n_classes,
            luts=luts,
            votes=votes,
            k=k,
            tau=tau,
            n_held=n_held,
            seed=int(rng.integers(1 << 62)),
            threads=threads,
            proposals=options.proposals,
            margin=options.margin,
            levels=levels,
            share=options.share,
        )
        regions = partial(regions_of, dataset, window=options.window or 0, subspace=options.subspace or 0.0)
        if options.inputs and options.inputs < len(columns):
            most = most_read(make(columns, regions=regions(encoder)), options.inputs)
            columns = columns[most]
            encoder = Encoder(encoder.features, encoder.feature[most], encoder.threshold[most])
        trainer = make(columns, regions=regions(encoder))
        if options.time_limit is not None:
            trainer.deadline = start + options.time_limit
        current = partial(_network, trainer, trainer.graph, dataset, encoder)
        graph, ended = _run(trainer, luts - votes, options, record, start, current)
        network = _network(trainer, graph, dataset, encoder)
    finally:
        numba.set_num_threads(before)
    return network.with_meta(
        learner="descent",
        seed=seed,
        options={**asdict(options), "luts": luts, "k": k, "votes": votes, "levels": levels, "tau": tau},
        ended=ended,
        curve=curve,
    )


def most_read(trainer: Trainer, count: int) -> NDArray[np.int64]:
    """The `count` encoder bits that the votes read most after two sweeps, in order."""
    trainer.sweep(2 * trainer.k, trainer.sample)
    trainer.sweep()
    reads = np.bincount(trainer.graph.wiring[: len(trainer.graph)].ravel(), minlength=trainer.n_bits)
    best = np.lexsort((trainer.signal, -reads))[:count]
    return np.sort(trainer.signal[best]).astype(np.int64)


def learn(
    dataset: Dataset,
    encoder: Encoder,
    *,
    options: DescentOptions | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    watch: Watch | None = None,
    **more: Any,
) -> LutNetwork:
    """`train_descent` with the progress of all learners: progress(what, sweeps done, sweeps in all)."""

    def show(now: Progress) -> bool | None:
        if progress is not None:
            held = "" if now.validation is None else f", validation {now.validation:.4f}"
            progress(
                f"{now.stage}, {now.luts} LUTs: loss {now.loss:.4f}, train {now.train:.4f}{held}, "
                f"{now.accepted} moves",
                now.sweep,
                now.sweeps,
            )
        return None if watch is None else watch(now)

    return train_descent(dataset, encoder, options=options, progress=show, **more)


def _run(
    trainer: Trainer,
    grown: int,
    options: DescentOptions,
    progress: Watch,
    start: float,
    network: Callable[[], LutNetwork],
) -> tuple[Graph, str]:
    """All stages: the best forest, and why training ended."""
    best: tuple[float, Graph | None] = (-1.0, None)
    stages = trainer.levels if grown else 1
    shares = [0] + [grown * (s + 1) // (stages - 1) - grown * s // (stages - 1) for s in range(stages - 1)]
    try:
        for stage, share in enumerate(shares):
            best, waited = (-1.0, None), 0  # a stage of growth starts where the one before ended
            if share:
                trainer.grow(share)
            last = None
            plan = [False] * options.sweeps + [True, False] * (options.restarts if stage == len(shares) - 1 else 0)
            for sweep, restart in enumerate(plan):
                trainer.accepted = 0
                if restart or (stage == 0 and sweep == 0):
                    trainer.sweep(2 * trainer.k, trainer.sample, restart)
                else:
                    trainer.sweep()
                loss = trainer.total_loss()
                score = trainer.accuracy(held=True) if trainer.n_train < trainer.n else None
                mean = loss / loss_unit(trainer.tau) / trainer.n_train
                now = Progress(
                    "votes" if stage == 0 else f"growth {stage}",
                    sweep + 1,
                    len(plan),
                    len(trainer.graph),
                    mean,
                    trainer.accuracy(),
                    score,
                    trainer.accepted,
                    time.monotonic() - start,
                    trainer.tau,
                    network,
                )
                stop = progress(now)
                waited += 1
                if score is not None and score > best[0]:
                    best, waited = (score, trainer.graph.copy()), 0
                if stop is True:
                    raise _Stopped
                if score is not None and waited >= options.patience:
                    break
                if loss == last and not restart and not any(plan):
                    break
                last = loss
    except _OutOfTime:
        return best[1] or trainer.graph.copy(), "time limit"
    except KeyboardInterrupt:
        return best[1] or trainer.graph.copy(), "interrupt"
    except _Stopped:
        return best[1] or trainer.graph.copy(), "callback"
    return best[1] or trainer.graph.copy(), "done"


def _network(trainer: Trainer, graph: Graph, dataset: Dataset, encoder: Encoder) -> LutNetwork:
    """The trained graph as a network: an encoder of the bits that are read, layers by height, head."""
    n, n_bits = len(graph), trainer.n_bits
    height = graph.heights()
    # The popcount adds neighbours first: of one region, their sum is made in one part of the chip.
    votes = sorted(graph.votes, key=lambda lut: graph.region[lut])
    order = sorted(range(n), key=lambda lut: (height[lut], lut))
    for lut in order:
        kernels.evaluate(
            trainer.columns, graph.wiring[lut], graph.table[lut], trainer.all, trainer.columns[n_bits + lut], _PARTS
        )
    care = np.zeros((n, 1 << trainer.k), np.uint8)
    kernels.care_set(trainer.columns, graph.wiring[:n], trainer.valid, care)
    table = graph.table[:n] & care  # what training never saw is 0 in the bytes, not chance
    n_classes = trainer.n_classes
    if n_classes == 2:  # a vote for class 0 is, inverted, one for class 1
        for vote in votes:
            if graph.class_of[vote] == 0:
                table[vote] ^= 1
    used = np.unique(trainer.signal[graph.wiring[:n][graph.wiring[:n] < n_bits]])
    number = np.empty(n_bits + n, np.int32)
    number[:n_bits] = np.searchsorted(used, trainer.signal)
    number[n_bits + np.array(order)] = len(used) + np.arange(n)
    layers = []
    for h in range(max(height) + 1):
        members = [lut for lut in order if height[lut] == h]
        layers.append(
            Layer(number[graph.wiring[members]], bits.pack_tables(table[members]), bits.pack_tables(care[members]))
        )
    signals = number[n_bits + np.array(votes)]
    class_of = np.array([graph.class_of[vote] for vote in votes], np.int32)
    if n_classes == 2:
        head = Head.threshold(signals, int((class_of == 0).sum()) + 1)
    else:
        head = Head.argmax(signals, class_of, n_classes)
    small = Encoder(encoder.features, encoder.feature[used], encoder.threshold[used])
    return LutNetwork(small, tuple(layers), head, dataset.class_names)
