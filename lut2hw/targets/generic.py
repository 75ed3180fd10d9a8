"""LUTs for any flow: LUT1 to LUT6 with INIT and I0 to I5, as most vendors spell them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lut2hw.logic.netlist import Cell
from lut2hw.targets import read
from lut2hw.targets.base import Instance, Target, widen


def lut(cell: Cell) -> Instance:
    """LUTk for a `lut` cell of k inputs, at least one."""
    inputs, table = widen(cell, max(1, len(cell.inputs)))
    k = len(inputs)
    return Instance(
        f"LUT{k}", {"INIT": (table, 1 << k)}, {f"I{j}": net for j, net in enumerate(inputs)}, {"O": cell.outputs[0]}
    )


def _primitive(cell: Cell) -> Instance:
    if cell.kind != "lut":
        raise ValueError(f"the generic target has no {cell.kind} cell")
    return lut(cell)


def _read(parameters: Mapping[str, int | str], ports: Mapping[str, Sequence[read.Bit]]) -> list[read.Mapped]:
    return [read.Mapped("lut", tuple(ports["A"]), (ports["Y"][0],), read.number(parameters["LUT"]))]


GENERIC = Target(
    name="generic",
    description="LUTs of up to six inputs for any flow",
    lut_inputs=6,
    primitive=_primitive,
    simulation_models=("xilinx/cells_sim.v",),  # LUT1 to LUT6 as most vendors spell them
    plain_models=("lut_models.v",),
    synthesis="read_verilog -lib +/xilinx/cells_sim.v; synth -top {top}; delete =A:whitebox",
    read={"$lut": _read},
)
