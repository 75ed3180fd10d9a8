"""Lattice Nexus: CrossLink-NX, Certus-NX (Lattice, "sysCLOCK, PLC and memory" guides; primitives as in prjoxide)."""

from __future__ import annotations

from lut2hw.compile.netlist import Cell
from lut2hw.compile.slots import slots
from lut2hw.targets.base import Device, Flow, Instance, Target, widen
from lut2hw.targets.ecp5 import slot_init, slot_ports


def _primitive(cell: Cell) -> Instance:
    if cell.kind == "lut":
        inputs, table = widen(cell, 4)
        return Instance("LUT4", {"INIT": f"0x{table:04X}"}, dict(zip("ABCD", inputs, strict=True)),
                        {"Z": cell.outputs[0]})
    if cell.kind == "ccu2":
        ports, outputs = slot_ports(cell)
        return Instance("CCU2", {"INIT0": f"0x{slot_init(cell.table & 0xFF):04X}",
                                 "INIT1": f"0x{slot_init(cell.table >> 8):04X}", "INJECT": "NO"}, ports, outputs)
    raise ValueError(f"Nexus has no {cell.kind} cell")


NEXUS = Target(
    name="nexus",
    description="Lattice Nexus: LUT4, carry chain, 18 kbit block RAM",
    lut_inputs=4,
    primitive=_primitive,
    devices={
        "LIFCL-40": Device(32256, 84, ("9BG400C",), pins=tuple(
            "L13 N14 M14 M16 E17 F13 G13 F14 L16 L15 L20 L19 R17 R18 U20 T20 W20 V20 M15 N15 N16 M17 M18".split())),
    },
    simulation_models=("nexus/cells_sim.v",),
    flow=Flow(
        synth="synth_nexus -noccu2 -top {top}",  # the core brings its carries; nextpnr takes no constant ones
        nextpnr="nextpnr-nexus",
        arguments=("--device", "{device}-{package}"),
        output=("--fasm", "{name}.fasm"),
        pack=None,
        bitstream="",
        logic_cell="OXIDE_COMB",
        ram="OXIDE_EBR",
        slot_cell="CCU2",
        count={"lut4": "LUT4", "carry": "CCU2", "ff": "FD1P3.X", "ram": "PDP16K|PDPSC16K|DP16K|SP16K"},
        no_pads="-noiopad",
        constraints=("--pdc", "chip.pins", "ldc_set_location -site {{{pin}}} [get_ports {{{port}}}]"),
    ),
    default_device="LIFCL-40",
    carry="slots",
    delay={"lut": 1.2, "ccu2": 1.0},
    overhead=1.5,
    finish=slots,
)
