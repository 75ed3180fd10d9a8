"""The trained graph as a network."""

from __future__ import annotations

import numpy as np

from lut2hw import bits
from lut2hw.learn.descent.moves import Trainer
from lut2hw.learn.graph import Graph
from lut2hw.model.encoder import Encoder
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Layer


def network_of(
    trainer: Trainer, graph: Graph, encoder: Encoder, class_names: tuple[str, ...], target_names: tuple[str, ...] = ()
) -> LutNetwork:
    """An encoder of the bits that are read, layers by height, head.

    Parameters
    ----------
    graph : Graph
        What the trainer has, or had at its best.
    encoder : Encoder
        What made the bits of the problem.
    """
    n, n_bits, problem = len(graph), trainer.n_bits, trainer.problem
    height = graph.heights()
    # The popcount adds neighbours first: of one region, their sum is made in one part of the chip.
    votes = sorted(graph.votes, key=lambda lut: graph.region[lut])
    order = sorted(range(n), key=lambda lut: (height[lut], lut))
    care = np.bitwise_or.reduce(trainer.shards.ask("care", graph.wiring[:n], graph.table[:n], order))
    table = graph.table[:n] & care  # what training never saw is 0 in the bytes, not chance
    for vote in votes:
        if trainer.loss.inverted(graph.class_of[vote], graph.weight[vote]):
            table[vote] ^= 1
    used = np.unique(problem.signal[graph.wiring[:n][graph.wiring[:n] < n_bits]])
    number = np.empty(n_bits + n, np.int32)
    number[:n_bits] = np.searchsorted(used, problem.signal)
    number[n_bits + np.array(order)] = len(used) + np.arange(n)
    layers = []
    for h in range(max(height) + 1):
        members = [lut for lut in order if height[lut] == h]
        layers.append(
            Layer(number[graph.wiring[members]], bits.pack_tables(table[members]), bits.pack_tables(care[members]))
        )
    head = trainer.loss.head(
        number[n_bits + np.array(votes)],
        np.array([graph.class_of[vote] for vote in votes], np.int32),
        np.array([graph.weight[vote] for vote in votes], np.int32),
    )
    small = Encoder(encoder.features, encoder.feature[used], encoder.threshold[used])
    return LutNetwork(small, tuple(layers), head, class_names, target_names=target_names)
