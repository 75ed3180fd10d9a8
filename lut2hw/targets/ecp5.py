"""Lattice ECP5 (Lattice, "ECP5 and ECP5-5G Family Data Sheet" DS1044; primitives: "FPGA Libraries Reference")."""

from __future__ import annotations

import numpy as np

from lut2hw.logic.cells import COMMON, CONST0, CONST1, Cell
from lut2hw.logic.netlist import Netlist
from lut2hw.passes.hard_mux import hard_mux
from lut2hw.passes.slots import CCU2, slots
from lut2hw.targets import read
from lut2hw.targets.base import CLOCK, ENABLE, Device, Flow, Instance, Target, contents, widen, words

RAM = ((10, 18), (11, 9), (12, 4), (13, 2), (14, 1))
"""Shapes of a DP16KD (Lattice, "ECP5 and ECP5-5G Memory Usage Guide" TN1264)."""


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


def _ram(cell: Cell) -> Instance:
    """Port A of a DP16KD; port B rests.

    It has 1024 rows of two bytes of nine bits. Narrow data lie in a row from bit 0 up; those of less than nine bits
    leave the ninth bit of each byte out. An INITVAL holds 16 rows, 20 bits for each.
    """
    address, data = next(shape for shape in RAM if len(cell.inputs) <= shape[0])
    per_row = 1 << (address - 10)
    bits = np.zeros((data, 1 << address), np.uint8)
    bits[: len(cell.outputs)] = contents(cell, address)
    row = bits.T.reshape(1024, per_row * data)  # 18 bits, or 16
    memory = np.zeros((1024, 20), np.uint8)
    for byte in range(2):
        wide = row.shape[1] // 2
        memory[:, 9 * byte : 9 * byte + wide] = row[:, byte * wide : (byte + 1) * wide]
    inits = words(memory.reshape(64, 320))
    shift = 14 - address  # the data width decides where the address begins
    ports = {"CLKA": CLOCK, "CEA": ENABLE, "OCEA": CONST1}
    ports |= {f"ADA{j}": CONST0 for j in range(14)}
    ports |= {f"ADA{j}": net for j, net in enumerate(cell.inputs, shift)}
    idle = "WEA RSTA CSA0 CSA1 CSA2 CLKB CEB OCEB WEB RSTB CSB0 CSB1 CSB2"
    ports |= dict.fromkeys(idle.split(), CONST0)
    texts = {
        "REGMODE_A": "NOREG",
        "REGMODE_B": "NOREG",
        "RESETMODE": "SYNC",
        "ASYNC_RESET_RELEASE": "SYNC",
        "CSDECODE_A": "0b000",
        "CSDECODE_B": "0b000",
        "CLKAMUX": "CLKA",
        "CLKBMUX": "CLKB",
        "GSR": "DISABLED",
        "WRITEMODE_A": "NORMAL",
        "WRITEMODE_B": "NORMAL",
    }
    return Instance(
        "DP16KD",
        {
            "DATA_WIDTH_A": (data, 32),
            "DATA_WIDTH_B": (data, 32),
            **texts,
            **{f"INITVAL_{i:02X}": (init, 320) for i, init in enumerate(inits)},
        },
        ports,
        {f"DOA{j}": net for j, net in enumerate(cell.outputs)},
    )


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
    if cell.kind == "ram":
        return _ram(cell)
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
    plain_models=("ecp5_models.v", "ecp5_sim.v"),
    edalize="ecp5",
    flop_models=(("ecp5/common_sim.vh", "TRELLIS_FF"), ("ecp5/common_sim.vh", "TRELLIS_DPR16X4")),
    flow=Flow(
        synth="synth_ecp5 -top {top}",
        nextpnr="nextpnr-ecp5",
        arguments=("--{device}", "--package", "{package}"),
        output=("--textcfg", "{name}.config"),
        pack=("ecppack", "{name}.config", "{name}.bit"),
        bitstream="{name}.bit",
        logic_cell="TRELLIS_COMB",
        ram="DP16KD",
        slot_cell="CCU2C",
        slot_open="x",
        count={"lut4": "LUT4", "carry": "CCU2C", "ff": "TRELLIS_FF", "ram": "DP16KD|PDPW16KD"},
    ),
    default_device="25k",
    carry="slots",
    chain=96,
    mux_levels=3,
    ram=RAM,
    delay={"lut": 1.1, "ccu2": 0.9, "mux": 0.4},
    most_lanes=1,  # of more, yosys's memory mapping ends with an exception
    overhead=1.5,
    kinds={**COMMON, **CCU2},
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
