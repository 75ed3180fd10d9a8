"""From a LutNetwork to logic: its tables as LUTs of any width, its encoder as comparators against constants."""

from __future__ import annotations

from collections.abc import Sequence

from lut2hw.compile.arithmetic.comparators import at_least
from lut2hw.logic import truth
from lut2hw.logic.graph import FALSE, MUX, Graph
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.port import INPUT, InputPort
from lut2hw.model.network import LutNetwork
from lut2hw.passes.decompose import mux4

BITS, VOTES = "bits", "votes"
"""Ports of the network alone: all bits of the code in, the signals that the head reads out."""


def tables(network: LutNetwork, *, whole: int = 0) -> Netlist:
    """The network without encoder and head, simplified: constants, duplicates, dead logic and inputs without effect
    are gone. Output `VOTES` shows `network.head.signal` in order.

    Parameters
    ----------
    network : LutNetwork
        The model.
    whole : int
        Keep each table that an output depends on as LUTs of at most so many inputs, so that the structure follows
        from the wiring alone; 0 to simplify.
    """
    graph = Graph()
    signal = graph.input(BITS, len(network.encoder))
    first = network.first_signal
    live = [False] * network.n_signals
    for number in network.head.signal.tolist():
        live[number] = True
    for layer, start in zip(reversed(network.layers), reversed(first), strict=True):
        for row, wiring in enumerate(layer.wiring.tolist()):
            if live[start + row]:
                for number in wiring:
                    live[number] = True
    for layer, start in zip(network.layers, first, strict=True):
        ones = truth.full(layer.k)
        for row, wiring in enumerate(layer.wiring.tolist()):
            if live[start + row]:
                table = int.from_bytes(layer.tables[row].tobytes(), "little") & ones
                inputs = [signal[number] for number in wiring]
                signal.append(_whole(graph, inputs, table, whole) if whole else graph.lut(inputs, table))
            else:
                signal.append(FALSE)
    graph.outputs[VOTES] = [signal[number] for number in network.head.signal.tolist()]
    return graph.netlist()


def _whole(graph: Graph, inputs: Sequence[int], table: int, width: int) -> int:
    """A table as LUTs of at most `width` inputs that stay as they are, joined by multiplexers."""
    k = len(inputs)
    if k <= width:
        return graph.fixed(inputs, table)
    if k > width + 1 and width == 4:
        low, high = truth.cofactors(table, k, k - 1)
        quarters = [*truth.cofactors(low, k - 1, k - 2), *truth.cofactors(high, k - 1, k - 2)]
        a, b, c, d = (_whole(graph, inputs[:-2], quarter, width) for quarter in quarters)
        return mux4(graph, (a, b, c, d), inputs[-2], inputs[-1], "lut")
    low, high = (_whole(graph, inputs[:-1], half, width) for half in truth.cofactors(table, k, k - 1))
    return graph.lut((low, high, inputs[-1]), MUX)


def bits_read(netlist: Netlist) -> set[int]:
    """Numbers of the code bits that a netlist made by `tables` reads."""
    number = {net: bit for bit, net in enumerate(netlist.inputs[BITS])}
    nets = [net for cell in netlist.cells for net in cell.inputs] + netlist.outputs[VOTES]
    return {number[net] for net in nets if net in number}


def code(graph: Graph, network: LutNetwork, port: InputPort, read: set[int], lut_inputs: int) -> list[int]:
    """Add the input port to `graph` and return the literal of every code bit (FALSE for bits not in `read`)."""
    nets = graph.input(INPUT, port.width)
    literals = [FALSE] * len(network.encoder)
    if port.encoded:
        for field, net in zip(port.fields, nets, strict=True):
            literals[field.index] = net
        return literals
    features = network.encoder.feature
    wanted: dict[int, list[int]] = {}  # by feature, the code bits that compare it
    for bit in sorted(read):
        wanted.setdefault(int(features[bit]), []).append(bit)
    for field in port.fields:
        number = nets[field.offset : field.offset + field.width]
        thresholds = [int(network.encoder.threshold[bit]) for bit in wanted.get(field.index, ())]
        if field.signed:  # two's complement in order: invert the sign
            number = [*number[:-1], number[-1] ^ 1]
            thresholds = [threshold + (1 << (field.width - 1)) for threshold in thresholds]
        for bit, literal in zip(
            wanted.get(field.index, ()), at_least(graph, number, thresholds, lut_inputs), strict=True
        ):
            literals[bit] = literal
    return literals
