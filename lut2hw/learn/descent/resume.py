"""A trained network, to go on with."""

from __future__ import annotations

import numpy as np

from lut2hw.errors import UsageError
from lut2hw.learn.descent.moves import Trainer
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


def resume(trainer: Trainer, network: LutNetwork, encoder: Encoder) -> None:
    """Put the LUTs of a network in the place of those that a new trainer has drawn.

    Votes of outputs and weights like the network's are there already; its hidden LUTs are added.

    Parameters
    ----------
    trainer : Trainer
        With room for the network's LUTs, and as many votes.
    encoder : Encoder
        What made the bits of the problem, all of the network's among them.

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
    trainer.settle()
