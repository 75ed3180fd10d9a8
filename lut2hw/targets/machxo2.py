"""Lattice MachXO2 (Lattice, "MachXO2 Family Data Sheet" FPGA-DS-02056; primitives: "FPGA Libraries Reference").

Hard multiplexers are left out, as by yosys: nextpnr-machxo2 packs none. So is block RAM, of which there is no model.
"""

from __future__ import annotations

from lut2hw.logic.cells import COMMON, CONST0, Cell
from lut2hw.passes.slots import CCU2, slots
from lut2hw.targets import read
from lut2hw.targets.base import Device, Flow, Instance, Target, widen


def slot_init(half: int) -> int:
    """INIT of a CCU2D slot with C and D at zero: prop where both are zero, the inverse of gen where both are one."""
    prop, gen = half & 15, half >> 4
    return (gen ^ 15) << 12 | prop << 8 | prop << 4 | prop


def _primitive(cell: Cell) -> Instance:
    if cell.kind == "lut":
        inputs, table = widen(cell, 4)
        return Instance("LUT4", {"INIT": (table, 16)}, dict(zip("ABCD", inputs, strict=True)), {"Z": cell.outputs[0]})
    if cell.kind == "ccu2":
        a0, b0, a1, b1, carry = cell.inputs
        ports = {"CIN": carry, "A0": a0, "B0": b0, "A1": a1, "B1": b1}
        ports |= dict.fromkeys(("C0", "D0", "C1", "D1"), CONST0)
        inits = {"INIT0": (slot_init(cell.table & 0xFF), 16), "INIT1": (slot_init(cell.table >> 8), 16)}
        outputs = dict(zip(("S0", "S1", "COUT"), cell.outputs, strict=True))
        return Instance("CCU2D", {**inits, "INJECT1_0": "NO", "INJECT1_1": "NO"}, ports, outputs)
    raise ValueError(f"MachXO2 has no {cell.kind} cell")


MACHXO2 = Target(
    name="machxo2",
    description="Lattice MachXO2: LUT4, carry chain, flash on the chip",
    lut_inputs=4,
    primitive=_primitive,
    devices={
        "LCMXO2-640UHC": Device(640, 0, ("4TG144C",)),
        "LCMXO2-1200HC": Device(1280, 0, ("4SG32C", "4TG100C", "4TG144C", "4MG132C")),
    },
    simulation_models=("hdl_templates/ecp5_sim.v", "hdl_templates/machxo2_sim.v"),
    plain_models=("machxo2_models.v", "ecp5_sim.v"),
    flop_models=(("ecp5/common_sim.vh", "TRELLIS_FF"), ("ecp5/common_sim.vh", "TRELLIS_DPR16X4")),
    flow=Flow(
        synth="synth_lattice -family xo2 -nobram -nolutram -top {top}",
        nextpnr="nextpnr-machxo2",
        arguments=("--device", "{device}-{package}"),
        output=("--textcfg", "{name}.config"),
        pack=("machxo2-ecppack", "{name}.config", "{name}.bit"),
        bitstream="{name}.bit",
        logic_cell="TRELLIS_COMB",
        ram="DP8KC",
        slot_cell="CCU2D",
        count={"lut4": "LUT4", "carry": "CCU2D", "ff": "TRELLIS_FF", "ram": "DP8KC|PDPW8KC"},
    ),
    default_device="LCMXO2-1200HC",
    carry="slots",
    deepest_ram=0,
    delay={"lut": 2.2, "ccu2": 1.8},
    overhead=2.5,
    kinds={**COMMON, **CCU2},
    finish=slots,
    alone="",
    read={"LUT4": read.lut("A B C D", "Z"), "CCU2D": read.ccu2(("INJECT1_0", "INJECT1_1"), 2, gen_inverted=True)},
    cells={"lut": 1, "ccu2": 2},
)
