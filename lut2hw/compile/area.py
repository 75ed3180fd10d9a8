"""Area without tools: how many logic cells a netlist or a network takes on a target."""

from __future__ import annotations

from lut2hw.compile import compile_network
from lut2hw.compile.netlist import Netlist
from lut2hw.model import LutNetwork
from lut2hw.targets.base import Target


def estimate_netlist(netlist: Netlist, target: Target) -> int:
    """Logic cells of a mapped netlist: LUTs, carries that share no LUT's cell, registers that follow no LUT."""
    wired = {cell.inputs[1:] for cell in netlist.cells if cell.kind == "lut" and len(cell.inputs) == 4}
    alone = sum(cell.kind == "carry" and (cell.inputs not in wired or cell.inputs[2] < 2) for cell in netlist.cells)
    uses: dict[int, int] = {}
    for cell in netlist.cells:
        for net in cell.inputs:
            uses[net] = uses.get(net, 0) + 1
    for nets in netlist.outputs.values():
        for net in nets:
            uses[net] = uses.get(net, 0) + 1
    made = {cell.outputs[0] for cell in netlist.cells if cell.kind == "lut"}
    registers = sum(cell.kind == "ff" and not (cell.inputs[0] in made and uses[cell.inputs[0]] == 1)
                    for cell in netlist.cells)
    return len(made) + alone + registers


def estimate(network: LutNetwork, target: Target, *, encoded_inputs: bool = True) -> int:
    """Logic cells of a network's combinational core."""
    compiled = compile_network(network, target, encoded_inputs=encoded_inputs, pipeline="none")
    return estimate_netlist(compiled.netlist, target)
