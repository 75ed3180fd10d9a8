"""LUTs wider than the family's own as LUTs joined by its hard multiplexers, which cost no LUT."""

from __future__ import annotations

from lut2hw.logic import truth
from lut2hw.logic.netlist import Netlist


def hard_mux(netlist: Netlist, lut_inputs: int) -> Netlist:
    """A netlist in which a LUT of `lut_inputs` + n inputs is a tree of n levels of `mux` cells (level 1 at the LUTs).

    A multiplexer's two LUTs sit beside it and feed nothing else, so they are not shared, not even constant ones.
    """
    out = netlist.empty()
    new = {0: 0, 1: 1}
    for name, nets in netlist.inputs.items():
        new.update(zip(nets, out.input(name, len(nets)), strict=True))

    def tree(inputs: list[int], table: int, part: str) -> int:
        k = len(inputs)
        if k <= lut_inputs:
            return out.lut(inputs, table, part=part)
        low, high = truth.cofactors(table, k, k - 1)
        below = [tree(inputs[:-1], half, part) for half in (low, high)]
        return out.cell("mux", (*below, inputs[-1]), table=k - lut_inputs, part=part)[0]

    for cell in netlist.cells:
        inputs = [new[net] for net in cell.inputs]
        if cell.kind == "lut" and len(inputs) > lut_inputs:
            new[cell.outputs[0]] = tree(inputs, cell.table, cell.part)
        else:
            made = out.cell(cell.kind, inputs, len(cell.outputs), table=cell.table, part=cell.part)
            new.update(zip(cell.outputs, made, strict=True))
    for name, nets in netlist.outputs.items():
        out.output(name, [new[net] for net in nets])
    return out
