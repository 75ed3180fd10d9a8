"""Gowin LittleBee and Arora (Gowin, "Configurable Function Unit (CFU) User Guide" UG288)."""

from __future__ import annotations

from lut2hw.compile.hard_mux import hard_mux
from lut2hw.compile.netlist import Cell, Netlist
from lut2hw.targets.base import Device, Flow, Instance, Target, widen


def _primitive(cell: Cell) -> Instance:
    if cell.kind == "lut":
        inputs, table = widen(cell, 4)
        return Instance("LUT4", {"INIT": (table, 16)}, {f"I{j}": net for j, net in enumerate(inputs)},
                        {"F": cell.outputs[0]})
    if cell.kind == "mux":
        a, b, s = cell.inputs
        return Instance(f"MUX2_LUT{4 + cell.table}", {}, {"I0": a, "I1": b, "S0": s}, {"O": cell.outputs[0]})
    raise ValueError(f"Gowin has no {cell.kind} cell")


def _finish(netlist: Netlist) -> Netlist:
    return hard_mux(netlist, 4)


GOWIN = Target(
    name="gowin",
    description="Gowin GW1N, GW2A: LUT4, hard multiplexers to LUT8, 18 kbit block RAM",
    lut_inputs=4,
    primitive=_primitive,
    devices={
        "GW1N-9C": Device(8640, 26, ("GW1NR-LV9QN88PC6/I5",), pins=tuple(
            "52 25 26 27 28 29 30 33 34 40 35 41 42 51 53 54 55 56 57 68 69".split())),
    },
    simulation_models=("gowin/cells_sim.v",),
    flow=Flow(
        synth="synth_gowin -top {top}",
        nextpnr="nextpnr-himbaechel-gowin",
        arguments=("--device", "{package}", "--vopt", "family={device}"),
        output=("--write", "{name}.pnr.json"),
        pack=("gowin_pack", "-d", "{device}", "-o", "{name}.fs", "{name}.pnr.json"),
        bitstream="{name}.fs",
        logic_cell="LUT4",
        ram="BSRAM",
        count={"lut4": "LUT[1-4]", "carry": "ALU", "ff": "DFF.*", "ram": "SDPB|SPX?9?|DPB|pROM"},
        no_pads="-noiopads",
        constraints=("--vopt", "cst=chip.pins", 'IO_LOC "{port}" {pin};'),
    ),
    default_device="GW1N-9C",
    mux_levels=4,
    delay={"lut": 1.9, "mux": 0.4},
    overhead=2.0,
    finish=_finish,
)
