"""Which table entries the answers to given examples depend on: observability don't-cares, by example.

A LUT matters for an example if the network's answer changes when its output is inverted. An entry that no example
both shows and depends on is free, though examples may show it: none of them brings the LUTs around it into a state
that lets it through. LUTs are completed one after the other, from the answer back, each with all earlier choices in
place, so that together they leave every example's answer as it was.
Source: A. Mishchenko and R. Brayton, "SAT-based complete don't-care computation for network optimization", DATE 2005,
with examples in place of the windows and the SAT solver.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.kernels import evaluate as kernels
from lut2hw.logic import truth
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Layer

Complete = Callable[[int, int, int], int]
"""From table, care set and number of inputs to a table that agrees where care is one."""


def complete_by_answers(network: LutNetwork, x: NDArray[np.integer], complete: Complete) -> LutNetwork:
    """The network with its tables completed where no answer to the examples x (n, n_features) depends on them."""
    watched = Watched(network, x)
    for lut in reversed(range(network.n_luts)):
        wiring, table = watched.wiring[lut], watched.tables[lut]
        k = len(wiring)
        care = bits.pack_tables(watched.care(lut)[None])[0]
        made = complete(
            int.from_bytes(table.tobytes(), "little") & truth.full(k),
            int.from_bytes(care.tobytes(), "little") & truth.full(k),
            k,
        )
        watched.change(lut, np.frombuffer(made.to_bytes(len(table), "little"), np.uint8))
    layers, at = [], 0
    for layer in network.layers:
        rows = watched.tables[at : at + len(layer)]
        layers.append(
            Layer(layer.wiring, np.array(rows, np.uint8).reshape(layer.tables.shape), layer.care, layer.counts)
        )
        at += len(layer)
    return replace(network, layers=tuple(layers))


class Watched:
    """A network whose tables may change, on examples whose answers must not.

    signals: uint64 (n_signals, n_words), of the network as it is now. scores: int64 (n, n_scores).
    """

    def __init__(self, network: LutNetwork, x: NDArray[np.integer]) -> None:
        self.head, self.n, self.n_bits = network.head, len(x), len(network.encoder)
        self.signals = network.signals(network.encoder(x))
        self.scores = network.scores_packed(self.signals[: self.n_bits], self.n)
        self.wiring = [row for layer in network.layers for row in layer.wiring]
        self.tables = [row.copy() for layer in network.layers for row in layer.tables]
        self._other = np.empty_like(self.signals)
        self._readers: list[list[int]] = [[] for _ in range(network.n_signals)]
        for lut, wiring in enumerate(self.wiring):
            for signal in set(wiring.tolist()):
                self._readers[signal].append(lut)
        self._votes: dict[int, list[int]] = {}
        for vote, signal in enumerate(self.head.signal.tolist()):
            self._votes.setdefault(signal, []).append(vote)

    def _values(self, row: NDArray[np.uint64]) -> NDArray[np.uint8]:
        return np.asarray(bits.unpack(row[None], self.n)[0])

    def _cone(self, lut: int) -> list[int]:
        """LUTs that read the output of `lut`, directly or not, in order."""
        seen: set[int] = set()
        stack = [lut]
        while stack:
            for reader in self._readers[self.n_bits + stack.pop()]:
                if reader not in seen:
                    seen.add(reader)
                    stack.append(reader)
        return sorted(seen)

    def _propagate(self, lut: int) -> list[int]:
        """Signals that depend on the LUT; their rows of `_other`, given the LUT's own, are brought up to date."""
        changed = np.zeros(len(self.signals), np.bool_)
        changed[self.n_bits + lut] = True
        cone = self._cone(lut)
        for reader in cone:
            kernels.evaluate_instead(
                self.signals, self._other, changed, self.wiring[reader], self.tables[reader], self.n_bits + reader
            )
            changed[self.n_bits + reader] = True
        return [self.n_bits + number for number in (lut, *cone)]

    def _rescored(self, signals: list[int]) -> NDArray[np.int64]:
        """Scores with these rows of `_other` in place of those of `signals`."""
        if self.head.kind == "bit":
            [signal] = self.head.signal.tolist()
            rows = self._other if signal in signals else self.signals
            return self._values(rows[signal]).astype(np.int64)[:, None]
        scores = self.scores
        for signal in signals:
            for vote in self._votes.get(signal, ()):
                if scores is self.scores:
                    scores = scores.copy()
                more = self._values(self._other[signal]).astype(np.int64) - self._values(self.signals[signal])
                scores[:, self.head.class_of[vote]] += self.head.weight[vote] * more
        return scores

    def matters(self, lut: int) -> NDArray[np.bool_]:
        """bool (n,): the answer changes if the LUT's output is inverted."""
        np.invert(self.signals[self.n_bits + lut], out=self._other[self.n_bits + lut])
        scores = self._rescored(self._propagate(lut))
        changed = np.asarray(self.head.answer(scores) != self.head.answer(self.scores))
        return np.asarray(changed.reshape(self.n, -1).any(axis=1), np.bool_)

    def care(self, lut: int) -> NDArray[np.bool_]:
        """bool (2**k,): entries that some example shows whose answer depends on them."""
        matters = np.flatnonzero(self.matters(lut))
        pattern = np.zeros(len(matters), np.int64)
        for j, signal in enumerate(self.wiring[lut].tolist()):
            pattern |= self._values(self.signals[signal])[matters].astype(np.int64) << j
        care = np.zeros(1 << len(self.wiring[lut]), np.bool_)
        care[pattern] = True
        return care

    def change(self, lut: int, table: NDArray[np.uint8]) -> None:
        """Give a LUT another table."""
        if (table == self.tables[lut]).all():
            return
        self.tables[lut][:] = table
        kernels.evaluate_instead(
            self.signals,
            self._other,
            np.zeros(len(self.signals), np.bool_),
            self.wiring[lut],
            self.tables[lut],
            self.n_bits + lut,
        )
        signals = self._propagate(lut)
        self.scores = self._rescored(signals)
        self.signals[signals] = self._other[signals]
