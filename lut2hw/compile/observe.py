"""Which table entries the answers on given examples depend on: observability don't-cares, by example instead of proof.

A LUT matters for an example if the network's answer changes when its output is inverted. An entry that no example
both shows and depends on is free, though examples may show it: no answer changes whatever it is, because no example
brings the LUTs around it into a state that would let it through. LUTs are taken from the answer back, each with all
earlier choices in place, so that all choices together leave every answer as it was.
Source: observability don't-cares with compatible, one-at-a-time use: K.-H. Chang, V. Bertacco et al., "Toggle-based
simulation signatures" in spirit; A. Mishchenko and R. Brayton, "SAT-based complete don't-care computation for network
optimization", DATE 2005, with the training examples in place of the SAT solver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lut2hw import bits, kernels
from lut2hw.model import LutNetwork
from lut2hw.simd import BLOCK

Table = NDArray[np.uint8]


class Watched:
    """A network whose tables may change, on examples whose answers must not.

    signals: uint64 (n_signals, n_words), kept up to date.
    """

    def __init__(self, network: LutNetwork, x: NDArray[np.integer]) -> None:
        self.network, self.n = network, len(x)
        self.n_bits = len(network.encoder)
        self.signals = network.signals(network.encoder(x))
        self.flipped = np.empty_like(self.signals)
        self.wiring = [row for layer in network.layers for row in layer.wiring]
        self.tables = [row.copy() for layer in network.layers for row in layer.tables]
        self.readers: list[list[int]] = [[] for _ in range(network.n_signals)]
        for lut, wiring in enumerate(self.wiring):
            for signal in set(wiring.tolist()):
                self.readers[signal].append(lut)
        self.votes: dict[int, list[int]] = {}
        for vote, signal in enumerate(network.head.signal.tolist()):
            self.votes.setdefault(signal, []).append(vote)
        self.scores = network.scores_packed(self.signals[:self.n_bits], self.n)
        self.answers = network.head.answer(self.scores)

    def values(self, row: NDArray[np.uint64]) -> NDArray[np.uint8]:
        """0 or 1 by example, of a packed row."""
        return bits.unpack(row[None], self.n)[0]

    def _cone(self, lut: int) -> list[int]:
        """LUTs that read the output of `lut`, directly or not, in order."""
        seen: set[int] = set()
        stack = [self.n_bits + lut]
        while stack:
            for reader in self.readers[stack.pop()]:
                if reader not in seen:
                    seen.add(reader)
                    stack.append(self.n_bits + reader)
        return sorted(seen)

    def _run(self, luts: list[int], changed: NDArray[np.bool_], out: NDArray[np.uint64]) -> None:
        for lut in luts:
            wiring = self.wiring[lut]
            _lut(self.signals, out, changed, wiring, self.tables[lut], self.n_bits + lut)
            changed[self.n_bits + lut] = True

    def matters(self, lut: int) -> NDArray[np.bool_]:
        """bool (n,): the answer changes if the LUT's output is inverted."""
        cone = self._cone(lut)
        changed = np.zeros(len(self.signals), np.bool_)
        changed[self.n_bits + lut] = True
        np.invert(self.signals[self.n_bits + lut], out=self.flipped[self.n_bits + lut])
        self._run(cone, changed, self.flipped)
        return self._answers(changed) != self.answers

    def _answers(self, changed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Answers with the rows `changed` of `flipped` in place of those of `signals`."""
        head = self.network.head
        votes = [vote for signal, those in self.votes.items() if changed[signal] for vote in those]
        if not votes:
            return self.answers
        scores = self.scores.copy()
        for vote in votes:
            signal = int(head.signal[vote])
            difference = (self.values(self.flipped[signal]).astype(np.int64) - self.values(self.signals[signal]))
            scores[:, head.class_of[vote]] += head.weight[vote] * difference
        return head.answer(scores)

    def care(self, lut: int) -> NDArray[np.bool_]:
        """bool (2**k,): entries that some example shows whose answer depends on them."""
        matters = np.flatnonzero(self.matters(lut))
        wiring = self.wiring[lut]
        pattern = np.zeros(len(matters), np.int64)
        for j, signal in enumerate(wiring.tolist()):
            pattern |= self.values(self.signals[signal])[matters].astype(np.int64) << j
        seen = np.zeros(1 << len(wiring), np.bool_)
        seen[pattern] = True
        return seen

    def change(self, lut: int, table: Table) -> None:
        """Give a LUT another table and bring the signals up to date."""
        if (table == self.tables[lut]).all():
            return
        self.tables[lut][:] = table
        cone = [lut, *self._cone(lut)]
        self._run(cone, np.zeros(len(self.signals), np.bool_), self.signals)
        self.scores = self.network.head_scores(self.signals, self.n) if self.network.head.kind != "bit" else (
            self.values(self.signals[self.network.head.signal[0]]).astype(np.int64)[:, None])


@njit(cache=True)
def _lut(signals, flipped, changed, wiring, table, number):
    """Evaluate one LUT into row `number` of `flipped`, from rows of `flipped` where `changed`, else of `signals`."""
    n_words = signals.shape[1]
    k = len(wiring)
    space = kernels.make_space(k)
    inputs = np.empty(k + 2, np.int64)
    here, there = signals.ctypes.data, flipped.ctypes.data
    for at in range(0, n_words, BLOCK):
        for j in range(k):
            inputs[j] = (there if changed[wiring[j]] else here) + (wiring[j] * n_words + at) * 8
        kernels.lut(k, table, inputs, min(BLOCK, n_words - at), there + (number * n_words + at) * 8, space)
