"""AMD 7 series (Xilinx, "7 Series FPGAs Configurable Logic Block" UG474; primitives: UG953). Synthesis only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lut2hw.bits import Packed
from lut2hw.logic.cells import COMMON, CONST0, Cell, Kind
from lut2hw.logic.netlist import Netlist
from lut2hw.passes.hard_mux import hard_mux
from lut2hw.targets import read
from lut2hw.targets.base import Instance, Target
from lut2hw.targets.generic import lut


def _carry4(inputs: Sequence[Packed], cell: Cell) -> Sequence[Packed]:
    carry, sums, carries = inputs[8], [], []
    for select, data in zip(inputs[:4], inputs[4:8], strict=True):
        sums.append(select ^ carry)
        carry = select & carry | ~select & data
        carries.append(carry)
    return (*sums, *carries)


CARRY4 = Kind(_carry4, chained=(7,))
"""Inputs: S, DI, carry in; outputs: O, CO; the table says whether the carry comes from outside (CYINIT). Compiled
netlists use none, synthesis does: three LUT6s count six bits, which is cheaper than a LUT for each bit of a chain.
"""


def _read_carry4(parameters: Mapping[str, int | str], ports: Mapping[str, Sequence[read.Bit]]) -> list[read.Mapped]:
    first, following = ((ports.get(name) or "0")[0] for name in ("CYINIT", "CI"))
    if first != "0" and following != "0":
        raise ValueError("a CARRY4 with two carries in")
    outs = [tuple(ports.get(name) or [None] * 4) for name in ("O", "CO")]  # type: ignore[list-item]
    return [
        read.Mapped(
            "carry4",
            (*ports["S"], *ports["DI"], first if first != "0" else following),
            (*outs[0], *outs[1]),
            int(first != "0"),
        )
    ]


def _primitive(cell: Cell) -> Instance:
    if cell.kind == "lut":
        return lut(cell)
    if cell.kind == "mux":
        a, b, s = cell.inputs
        return Instance(f"MUXF{6 + cell.table}", {}, {"I0": a, "I1": b, "S": s}, {"O": cell.outputs[0]})
    if cell.kind == "carry4":
        inputs: dict[str, int | tuple[int, ...]] = {"S": cell.inputs[:4], "DI": cell.inputs[4:8]}
        first, following = ("CYINIT", "CI") if cell.table else ("CI", "CYINIT")
        return Instance(
            "CARRY4",
            {},
            {**inputs, first: cell.inputs[8], following: CONST0},
            {"O": cell.outputs[:4], "CO": cell.outputs[4:]},
        )
    raise ValueError(f"7 series has no {cell.kind} cell")


def _finish(netlist: Netlist) -> Netlist:
    return hard_mux(netlist, 6)


XILINX7 = Target(
    name="xilinx7",
    description="AMD 7 series: LUT6, MUXF7, MUXF8; synthesis only",
    lut_inputs=6,
    primitive=_primitive,
    simulation_models=("xilinx/cells_sim.v",),
    plain_models=("xilinx7_models.v", "lut_models.v"),
    edalize="xilinx",
    synthesis="synth_xilinx -family xc7 -noiopad -top {top}",
    mux_levels=2,
    delay={"lut": 0.9, "mux": 0.4},
    most_lanes=1,  # of more, yosys's memory mapping ends with an exception
    overhead=1.0,
    kinds={**COMMON, "carry4": CARRY4},
    finish=_finish,
    alone="-abc9 -nodsp",
    read={
        **{f"LUT{k}": read.lut(" ".join(f"I{j}" for j in range(k)), "O") for k in range(1, 7)},
        "MUXF7": read.mux("I0", "I1", "S", "O", 1),
        "MUXF8": read.mux("I0", "I1", "S", "O", 2),
        "CARRY4": _read_carry4,
        "INV": read.inverter("I", "O"),
    },
)
