"""Area without tools: how many logic cells a netlist or a network takes on a target."""

from __future__ import annotations

from collections import Counter

from lut2hw.compile import compile_network
from lut2hw.compile.netlist import Netlist
from lut2hw.model import LutNetwork
from lut2hw.targets.base import Target


def estimate_netlist(netlist: Netlist, target: Target) -> int:
    """Logic cells of a mapped netlist, as place and route counts them: within a percent or two.

    Where a cell is a LUT, a carry and a register (iCE40), a carry that shares no LUT's cell and a register that
    follows no LUT of its own take one each. Elsewhere LUTs are counted, two to a `ccu2`, and registers are not.
    """
    kinds = netlist.count()
    if target.carry != "shared":
        return kinds["lut"] + 2 * kinds["ccu2"]
    # Place and route lets a carry into the cell of the LUT that reads its carry in and both other inputs; the first
    # carry of a chain has none.
    shared = {cell.inputs[1:] for cell in netlist.cells if cell.kind == "lut" and len(cell.inputs) == 4}
    carries = sum(cell.kind == "carry" and (cell.inputs[2] < 2 or cell.inputs not in shared)
                  for cell in netlist.cells)
    uses = Counter(net for cell in netlist.cells for net in cell.inputs)
    uses.update(net for nets in netlist.outputs.values() for net in nets)
    luts = {cell.outputs[0] for cell in netlist.cells if cell.kind == "lut"}
    registers = sum(cell.kind == "ff" and not (cell.inputs[0] in luts and uses[cell.inputs[0]] == 1)
                    for cell in netlist.cells)
    return len(luts) + carries + registers


def estimate(network: LutNetwork, target: Target, *, encoded_inputs: bool = True) -> int:
    """Logic cells of a network's combinational core."""
    compiled = compile_network(network, target, encoded_inputs=encoded_inputs, pipeline="none")
    return estimate_netlist(compiled.netlist, target)
