"""Gowin LittleBee and Arora (Gowin, "Configurable Function Unit (CFU) User Guide" UG288)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lut2hw.logic.cells import COMMON, CONST0, Cell
from lut2hw.logic.netlist import Netlist
from lut2hw.passes.hard_mux import hard_mux
from lut2hw.passes.slots import ADD, ALU, SUBTRACT, slots
from lut2hw.targets import read
from lut2hw.targets.base import Device, Flow, Instance, Target, widen


def _primitive(cell: Cell) -> Instance:
    if cell.kind == "lut":
        inputs, table = widen(cell, 4)
        return Instance(
            "LUT4", {"INIT": (table, 16)}, {f"I{j}": net for j, net in enumerate(inputs)}, {"F": cell.outputs[0]}
        )
    if cell.kind == "mux":
        a, b, s = cell.inputs
        return Instance(f"MUX2_LUT{4 + cell.table}", {}, {"I0": a, "I1": b, "S0": s}, {"O": cell.outputs[0]})
    if cell.kind == "alu":
        a, b, carry = cell.inputs
        return Instance(
            "ALU",
            {"ALU_MODE": (cell.table, 32)},
            {"I0": a, "I1": b, "I3": CONST0, "CIN": carry},
            dict(zip(("SUM", "COUT"), cell.outputs, strict=True)),
        )
    raise ValueError(f"Gowin has no {cell.kind} cell")


def _read_alu(parameters: Mapping[str, int | str], ports: Mapping[str, Sequence[read.Bit]]) -> list[read.Mapped]:
    mode = read.number(parameters["ALU_MODE"])
    if mode == 2 and ports["I3"][0] in ("0", "1"):  # adds where I3 is one
        mode = SUBTRACT if ports["I3"][0] == "0" else ADD
    if mode not in (ADD, SUBTRACT):
        raise ValueError(f"an ALU in mode {mode}")
    return [
        read.Mapped(
            "alu",
            tuple((ports.get(name) or "0")[0] for name in ("I0", "I1", "CIN")),
            (read.out(ports, "SUM"), read.out(ports, "COUT")),
            mode,
        )
    ]


def _finish(netlist: Netlist) -> Netlist:
    return hard_mux(slots(netlist, "alu"), 4)


GOWIN = Target(
    name="gowin",
    description="Gowin GW1N, GW2A: LUT4, hard multiplexers to LUT8, carry chain, 18 kbit block RAM",
    lut_inputs=4,
    primitive=_primitive,
    devices={
        "GW1N-9C": Device(
            8640,
            26,
            ("GW1NR-LV9QN88PC6/I5",),
            pins=tuple("52 25 26 27 28 29 30 33 34 40 35 41 42 51 53 54 55 56 57 68 69".split()),
        )
    },
    simulation_models=("gowin/cells_sim.v",),
    plain_models=("gowin_models.v",),
    edalize="gowin",
    flow=Flow(
        synth="synth_gowin -top {top}",
        nextpnr="nextpnr-himbaechel-gowin",
        arguments=("--device", "{package}", "--vopt", "family={device}"),
        output=("--write", "{name}.pnr.json"),
        pack=("gowin_pack", "-d", "{device}", "-o", "{name}.fs", "{name}.pnr.json"),
        bitstream="{name}.fs",
        logic_cell="LUT4",
        carry_cell="ALU",
        ram="BSRAM",
        count={"lut4": "LUT[1-4]", "carry": "ALU", "ff": "DFF.*", "ram": "SDPB|SPX?9?|DPB|pROM"},
        no_pads="-noiopads",
        constraints=("--vopt", "cst=chip.pins", 'IO_LOC "{port}" {pin};'),
    ),
    default_device="GW1N-9C",
    carry="slots",
    chain=48,
    mux_levels=4,
    delay={"lut": 1.9, "mux": 0.4, "alu": 0.1},
    overhead=2.0,
    kinds={**COMMON, **ALU},
    finish=_finish,
    read={
        **{f"LUT{k}": read.lut(" ".join(f"I{j}" for j in range(k)), "F") for k in (1, 2, 3, 4)},
        **{f"MUX2_LUT{4 + level}": read.mux("I0", "I1", "S0", "O", level) for level in (1, 2, 3, 4)},
        "ALU": _read_alu,
        "INV": read.inverter("I", "O"),
        "GND": read.constant(0, "G"),
        "VCC": read.constant(1, "V"),
    },
    cells={"lut": 1, "alu": 1},
)
