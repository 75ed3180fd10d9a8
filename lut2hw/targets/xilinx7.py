"""AMD 7 series (Xilinx, "7 Series FPGAs Configurable Logic Block" UG474; primitives: UG953). Synthesis only."""

from __future__ import annotations

from lut2hw.compile.hard_mux import hard_mux
from lut2hw.compile.netlist import Cell, Netlist
from lut2hw.targets.base import Instance, Target
from lut2hw.targets.generic import lut


def _primitive(cell: Cell) -> Instance:
    if cell.kind == "lut":
        return lut(cell)
    if cell.kind == "mux":
        a, b, s = cell.inputs
        return Instance(f"MUXF{6 + cell.table}", {}, {"I0": a, "I1": b, "S": s}, {"O": cell.outputs[0]})
    raise ValueError(f"7 series has no {cell.kind} cell")


def _finish(netlist: Netlist) -> Netlist:
    return hard_mux(netlist, 6)


XILINX7 = Target(
    name="xilinx7",
    description="AMD 7 series: LUT6, MUXF7, MUXF8; synthesis only",
    lut_inputs=6,
    primitive=_primitive,
    simulation_models=("xilinx/cells_sim.v",),
    synthesis="synth_xilinx -family xc7 -top {top}",
    mux_levels=2,
    delay={"lut": 0.9, "mux": 0.4},
    overhead=1.0,
    finish=_finish,
)
