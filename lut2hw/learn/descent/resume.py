"""A trained network, to go on with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lut2hw import bits
from lut2hw.errors import UsageError
from lut2hw.learn.descent.moves import Trainer
from lut2hw.learn.graph import Graph
from lut2hw.model.encoder import Encoder
from lut2hw.model.network import LutNetwork


def with_bits_of(encoder: Encoder, network: LutNetwork) -> Encoder:
    """The encoder, with the bits of a network that it lacks.

    Parameters
    ----------
    encoder : Encoder
        Of the same features.
    network : LutNetwork
        Whose bits are wanted.
    """
    pairs = {*zip(encoder.feature.tolist(), encoder.threshold.tolist(), strict=True)}
    pairs |= {*zip(network.encoder.feature.tolist(), network.encoder.threshold.tolist(), strict=True)}
    feature, threshold = zip(*sorted(pairs), strict=True)
    return Encoder(encoder.features, np.array(feature, np.int32), np.array(threshold, np.int64))


def bits_of(encoder: Encoder, network: LutNetwork) -> list[int]:
    """Of each bit of a network's encoder, its number in an encoder that has them all."""
    pairs = zip(encoder.feature.tolist(), encoder.threshold.tolist(), strict=True)
    number = {pair: bit for bit, pair in enumerate(pairs)}
    own = zip(network.encoder.feature.tolist(), network.encoder.threshold.tolist(), strict=True)
    return [number[pair] for pair in own]


def resume(trainer: Trainer, network: LutNetwork, encoder: Encoder, *, settle: bool = True) -> list[int]:
    """Put the LUTs of a network in the place of those that a new trainer has drawn.

    Votes of outputs and weights like the network's are there already; its hidden LUTs are added.

    Parameters
    ----------
    trainer : Trainer
        With room for the network's LUTs, and as many votes.
    encoder : Encoder
        What made the bits of the problem, all of the network's among them.
    settle : bool
        Move constants to where the loss is least; else they are those of the network.

    Returns
    -------
    list of int
        The trainer's numbers of the network's LUTs, in the network's order.

    Raises
    ------
    UsageError
        If the data asks for votes of other weights.
    """
    graph, loss, head = trainer.graph, trainer.loss, network.head
    place = np.full(len(encoder), -1)
    place[trainer.problem.signal] = np.arange(trainer.n_bits)
    signal = [int(place[bit]) for bit in bits_of(encoder, network)]
    votes = graph.votes
    own = loss.head(*(np.array(each, np.int32) for each in (votes, graph.class_of, graph.weight)))
    if len(own.weight) != len(head.weight) or not (
        np.array_equal(own.class_of, head.class_of)
        and np.array_equal(own.weight, head.weight)
        and (own.fraction is None or (head.fraction is not None and np.array_equal(own.fraction, head.fraction)))
    ):
        raise UsageError(
            "these examples need votes of other weights than the network has, which cannot be trained on; start anew "
            "(warm_start=False)"
        )
    vote_of = dict(zip(head.signal.tolist(), votes, strict=True))
    order = []
    for height, layer in enumerate(network.layers):
        for wiring, table in zip(layer.wiring.tolist(), layer.table_bits, strict=True):
            wired = np.array([signal[each] for each in wiring], np.int32)
            vote = vote_of.get(len(signal))
            if vote is None:
                lut = graph.add(wired, table, height + 1)
            else:
                lut = vote
                graph.rewire(lut, wired)
                graph.table[lut] = table ^ loss.inverted(graph.class_of[lut], graph.weight[lut])
            signal.append(trainer.n_bits + lut)
            order.append(lut)
    trainer.arrange()
    for lut in order:
        trainer.update(lut)
    if settle:
        trainer.settle()
    elif len(loss.bias):
        bias = loss.bias + (head.bias - own.bias << getattr(loss, "drop", 0))
        loss.place(bias)
        trainer.shards.tell("place", bias)
    return order


def with_tables_of(trainer: Trainer, graph: Graph, network: LutNetwork, order: list[int]) -> LutNetwork:
    """The network with the tables of a trainer that has gone on with it.

    Parameters
    ----------
    graph : Graph
        What the trainer has, or had at its best.
    order : list of int
        As `resume` returned it.
    """
    n = len(graph)
    care = np.bitwise_or.reduce(trainer.shards.ask("care", graph.wiring[:n], graph.table[:n], order))
    table = graph.table[:n] & care  # what training never saw is 0 in the bytes, not chance
    for vote in graph.votes:
        if trainer.loss.inverted(graph.class_of[vote], graph.weight[vote]):
            table[vote] ^= 1
    layers, first = [], 0
    for layer in network.layers:
        luts = order[first : first + len(layer)]
        layers.append(
            replace(layer, tables=bits.pack_tables(table[luts]), care=bits.pack_tables(care[luts]), counts=None)
        )
        first += len(layer)
    return replace(network, layers=tuple(layers), meta={})
