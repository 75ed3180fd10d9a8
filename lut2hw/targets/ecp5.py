"""Lattice ECP5 (Lattice, "ECP5 and ECP5-5G Family Data Sheet" DS1044; primitives: "FPGA Libraries Reference")."""

from __future__ import annotations

from lut2hw.compile.hard_mux import hard_mux
from lut2hw.compile.netlist import CONST0, CONST1, Cell, Netlist
from lut2hw.compile.slots import slots
from lut2hw.targets import read
from lut2hw.targets.base import Device, Flow, Instance, Target, widen


def slot_init(half: int) -> int:
    """INIT of a CCU2C or CCU2 slot with D at one: prop where D is one, gen where it is zero."""
    prop, gen = half & 15, half >> 4
    return (prop | prop << 4) << 8 | gen | gen << 4


def slot_ports(cell: Cell) -> tuple[dict[str, int], dict[str, int]]:
    """Inputs and outputs of a CCU2C or CCU2. The first cell of a chain need have no carry in."""
    a0, b0, a1, b1, carry = cell.inputs
    ports = {"A0": a0, "B0": b0, "C0": CONST1, "D0": CONST1, "A1": a1, "B1": b1, "C1": CONST1, "D1": CONST1}
    carry_in = {"CIN": carry} if carry != CONST0 else {}
    return ports | carry_in, dict(zip(("S0", "S1", "COUT"), cell.outputs, strict=True))


def _primitive(cell: Cell) -> Instance:
    if cell.kind == "lut":
        inputs, table = widen(cell, 4)
        return Instance("LUT4", {"INIT": (table, 16)}, dict(zip("ABCD", inputs, strict=True)), {"Z": cell.outputs[0]})
    if cell.kind == "mux":
        a, b, s = cell.inputs
        if cell.table == 1:
            return Instance("PFUMX", {}, {"BLUT": a, "ALUT": b, "C0": s}, {"Z": cell.outputs[0]})
        return Instance("L6MUX21", {}, {"D0": a, "D1": b, "SD": s}, {"Z": cell.outputs[0]})
    if cell.kind == "ccu2":
        ports, outputs = slot_ports(cell)
        ports.setdefault("CIN", CONST0)  # nextpnr-ecp5 ends with an exception where the port is left out
        inits = {"INIT0": (slot_init(cell.table & 0xFF), 16), "INIT1": (slot_init(cell.table >> 8), 16)}
        return Instance("CCU2C", {**inits, "INJECT1_0": "NO", "INJECT1_1": "NO"}, ports, outputs)
    raise ValueError(f"ECP5 has no {cell.kind} cell")


def _finish(netlist: Netlist) -> Netlist:
    return hard_mux(slots(netlist), 4)


ECP5 = Target(
    name="ecp5",
    description="Lattice ECP5: LUT4, hard multiplexers to LUT7, carry chain, 18 kbit block RAM",
    lut_inputs=4,
    primitive=_primitive,
    devices={
        "12k": Device(24288, 32, ("CABGA381", "CABGA256", "CSFBGA285")),
        "25k": Device(24288, 56, ("CABGA381", "CABGA256", "CSFBGA285")),
        "45k": Device(43848, 108, ("CABGA381", "CABGA256", "CABGA554", "CSFBGA285")),
        "85k": Device(83640, 208, ("CABGA381", "CABGA554", "CABGA756", "CSFBGA285")),
    },
    simulation_models=("hdl_templates/ecp5_sim.v",),
    flop_models=(("ecp5/common_sim.vh", "TRELLIS_FF"),),
    flow=Flow(
        synth="synth_ecp5 -top {top}",
        nextpnr="nextpnr-ecp5",
        arguments=("--{device}", "--package", "{package}"),
        output=("--textcfg", "{name}.config"),
        pack=("ecppack", "{name}.config", "{name}.bit"),
        bitstream="{name}.bit",
        logic_cell="TRELLIS_COMB",
        ram="DP16KD",
        count={"lut4": "LUT4", "carry": "CCU2C", "ff": "TRELLIS_FF", "ram": "DP16KD|PDPW16KD"},
    ),
    default_device="25k",
    carry="slots",
    chain=96,
    mux_levels=3,
    delay={"lut": 1.1, "ccu2": 0.9, "mux": 0.4},
    overhead=1.5,
    finish=_finish,
    alone="-abc9 -nodsp",
    read={
        "LUT4": read.lut("A B C D", "Z"),
        "CCU2C": read.ccu2(("INJECT1_0", "INJECT1_1"), 2),
        "PFUMX": read.mux("BLUT", "ALUT", "C0", "Z", 1),
        "L6MUX21": read.mux("D0", "D1", "SD", "Z", 2),
    },
    cells={"lut": 1, "ccu2": 2},
)
