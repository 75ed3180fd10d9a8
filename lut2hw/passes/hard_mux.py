"""LUTs wider than the family's own as LUTs joined by its hard multiplexers, which cost no LUT."""

from __future__ import annotations

from lut2hw.logic import truth
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.rewrite import Rewrite


def hard_mux(netlist: Netlist, lut_inputs: int) -> Netlist:
    """A netlist in which a LUT of `lut_inputs` + n inputs is a tree of n levels of `mux` cells (level 1 at the LUTs).

    A multiplexer's two LUTs sit beside it and feed nothing else, so they are not shared, not even constant ones.
    """
    copy = Rewrite(netlist)
    out = copy.out

    def tree(inputs: list[int], table: int, part: str) -> int:
        k = len(inputs)
        if k <= lut_inputs:
            return out.lut(inputs, table, part=part)
        low, high = truth.cofactors(table, k, k - 1)
        below = [tree(inputs[:-1], half, part) for half in (low, high)]
        return out.cell("mux", (*below, inputs[-1]), table=k - lut_inputs, part=part)[0]

    for cell in netlist.cells:
        if cell.kind == "lut" and len(cell.inputs) > lut_inputs:
            copy.new[cell.outputs[0]] = tree(copy.nets(cell.inputs), cell.table, cell.part)
        else:
            copy.keep(cell)
    return copy.finish()
