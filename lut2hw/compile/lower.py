"""From a LutNetwork to logic: its tables as LUTs of any width, its encoder as comparators against constants."""

from __future__ import annotations

from lut2hw.compile import truth
from lut2hw.compile.graph import FALSE, TRUE, Graph
from lut2hw.compile.netlist import Netlist
from lut2hw.compile.port import INPUT, Field, InputPort
from lut2hw.model import LutNetwork

BITS, VOTES = "bits", "votes"
"""Ports of the network alone: all bits of the code in, the signals that the head reads out."""


def tables(network: LutNetwork) -> Netlist:
    """The network without encoder and head, simplified: constants, duplicates, dead logic and inputs without effect
    are gone. Output `VOTES` shows `network.head.signal` in order.
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
                signal.append(graph.lut([signal[number] for number in wiring], table))
            else:
                signal.append(FALSE)
    graph.outputs[VOTES] = [signal[number] for number in network.head.signal.tolist()]
    return graph.netlist()


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
    fields = {field.index: field for field in port.fields}
    for bit in sorted(read):
        field = fields[int(network.encoder.feature[bit])]
        literals[bit] = at_least(graph, nets[field.offset:field.offset + field.width], field,
                                 int(network.encoder.threshold[bit]), lut_inputs)
    return literals


def at_least(graph: Graph, nets: list[int], field: Field, threshold: int, lut_inputs: int) -> int:
    """Literal of `value >= threshold` for a constant threshold inside the field's range.

    From the least significant bit up, each LUT takes as many bits as it can and the answer for those below.
    Thresholds of one feature share the LUTs of equal low parts.
    """
    if field.signed:  # two's complement in order: invert the sign
        nets = [*nets[:-1], nets[-1] ^ 1]
        threshold += 1 << (field.width - 1)
    answer, at = TRUE, 0
    while at < field.width:
        if answer == TRUE and not threshold >> at & 1:  # x >= 2 t' is x >> 1 >= t'
            at += 1
            continue
        take = lut_inputs - (answer >= 2)
        low, t = nets[at:at + take], threshold >> at & ((1 << take) - 1)
        n = len(low)
        t &= (1 << n) - 1
        # index: the answer below, then the bits
        table = sum(1 << (2 * value + below) for value in range(1 << n) for below in (0, 1)
                    if value > t or (value == t and below))
        answer = graph.lut([answer, *low], table, "encoder")
        at += n
    return answer
