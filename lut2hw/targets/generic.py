"""LUTs for any flow: no vendor primitives, each LUT is a `$lut` cell of yosys's own library."""

from __future__ import annotations

from lut2hw.compile.netlist import Cell
from lut2hw.targets.base import Instance, Target


def _primitive(cell: Cell) -> Instance:
    if cell.kind != "lut":
        raise ValueError(f"the generic target has no {cell.kind} cell")
    k = len(cell.inputs)
    return Instance(f"LUT{k}", {"INIT": (cell.table, 1 << k)}, {f"I{j}": net for j, net in enumerate(cell.inputs)},
                    {"O": cell.outputs[0]})


GENERIC = Target(
    name="generic",
    description="LUTs of up to six inputs for any flow",
    lut_inputs=6,
    primitive=_primitive,
    simulation_models=("xilinx/cells_sim.v",),  # LUT1 to LUT6 as most vendors spell them
)
