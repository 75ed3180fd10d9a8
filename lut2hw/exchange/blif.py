"""BLIF, the Berkeley Logic Interchange Format, as networks and from them: combinational models of `.names` covers.

Source: see `lut2hw.logic.blif`. Read and written by ABC, SIS, VTR and yosys (`read_blif -wideports`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lut2hw.errors import FormatError, shown
from lut2hw.exchange.builder import Builder
from lut2hw.exchange.circuit import Circuit, by_net
from lut2hw.exchange.logic import Logic, read_bytes, to_network
from lut2hw.exchange.registry import WriteOptions
from lut2hw.logic import blif
from lut2hw.logic.blif import Cover
from lut2hw.logic.netlist import CONST0, CONST1
from lut2hw.logic.walk import operands_first
from lut2hw.model.check import MAX_K
from lut2hw.model.network import LutNetwork


def read(path: str | Path, **options: Any) -> LutNetwork:
    """Read a BLIF file; options as for `logic.to_network`."""
    return to_network(parse(read_bytes(path), str(path)), **options)


def parse(data: bytes, name: str = "the file") -> Logic:
    """The bytes of a BLIF file to logic.

    Raises
    ------
    FormatError
        That names the line.
    """
    model = blif.parse(data, name)
    builder = Builder(len(model.inputs))
    node = {each: i for i, each in enumerate(model.inputs)}

    def needs(each: str) -> Sequence[str]:
        if each not in model.covers:
            raise FormatError(f"{name}: {shown(each)} is read but nothing drives it")
        return model.covers[each].inputs

    def loop(each: str) -> FormatError:
        return FormatError(f"{name}: {shown(each)} depends on itself; a model has no loops")

    for root in model.outputs:
        for each in operands_first([root], needs, node, loop):
            cover = model.covers[each]
            node[each] = lut_of([node[operand] for operand in cover.inputs], cover, builder)
    outputs = tuple(node[each] for each in model.outputs)
    return Logic(builder, tuple(model.inputs), tuple(model.outputs), outputs)


def lut_of(inputs: Sequence[int], cover: Cover, builder: Builder) -> int:
    """The node of a cover over nodes: one LUT, or ANDs and ORs if it has more inputs than a LUT may."""
    k = len(inputs)
    if k <= MAX_K:
        used = [j for j in range(k) if any(product[j] != "-" for product in cover.products)]
        return builder.lut([inputs[j] for j in used], cover.table(used))
    terms = []
    for product in cover.products:
        literals = [
            inputs[j] if c == "1" else builder.lut([inputs[j]], 0b01) for j, c in enumerate(product) if c != "-"
        ]
        terms.append(builder.tree(literals, "and"))
    result = builder.tree(terms, "or")
    return result if cover.ones else builder.lut([result], 0b01)


def write(network: LutNetwork, options: WriteOptions) -> bytes:
    """The bytes of a BLIF file with the whole core of a network."""
    return to_blif(Circuit.of(network, encoded=options.encoded_inputs)).encode()


def to_blif(circuit: Circuit, model: str = "lut2hw_core") -> str:
    """The text of a BLIF file."""
    names = by_net(circuit)
    read = {net for _, inputs, _ in circuit.luts() for net in inputs}
    constants = {CONST0: Cover([], []), CONST1: Cover([], [""])}
    covers = {names[net]: cover for net, cover in constants.items() if net in read}
    for net, inputs, table in circuit.luts():
        covers[names[net]] = Cover.of([names[each] for each in inputs], table)
    for net, name in zip(circuit.outputs, circuit.output_names, strict=True):
        covers[name] = constants.get(net) or Cover([names[net]], ["1"])
    return blif.write(blif.Model(circuit.input_names, circuit.output_names, covers), model)
