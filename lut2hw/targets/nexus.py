"""Lattice Nexus: CrossLink-NX, Certus-NX (Lattice, "sysCLOCK, PLC and memory" guides; primitives as in prjoxide)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lut2hw.bits import Packed
from lut2hw.logic.cells import COMMON, Cell, Kind, evaluate_table
from lut2hw.logic.netlist import Netlist
from lut2hw.passes.slots import CCU2, slots
from lut2hw.targets import read
from lut2hw.targets.base import Device, Flow, Instance, Target, widen
from lut2hw.targets.ecp5 import slot_init, slot_ports

_PINS = ("A0", "B0", "C0", "D0", "A1", "B1", "C1", "D1", "SEL")


def _wide(inputs: Sequence[Packed], cell: Cell) -> Sequence[Packed]:
    low, high = evaluate_table(inputs[:4], cell.table & 0xFFFF), evaluate_table(inputs[4:8], cell.table >> 16)
    return (low ^ ((low ^ high) & inputs[8]),)


KINDS = {**COMMON, **CCU2, "widefn9": Kind(_wide)}
"""A `widefn9` is two LUT4s and a multiplexer; inputs as in `_PINS`, the table's low half is the first LUT's."""


def _primitive(cell: Cell) -> Instance:
    if cell.kind == "lut":
        inputs, table = widen(cell, 4)
        return Instance(
            "LUT4", {"INIT": f"0x{table:04X}"}, dict(zip("ABCD", inputs, strict=True)), {"Z": cell.outputs[0]}
        )
    if cell.kind == "ccu2":
        ports, outputs = slot_ports(cell)
        return Instance(
            "CCU2",
            {
                "INIT0": f"0x{slot_init(cell.table & 0xFF):04X}",
                "INIT1": f"0x{slot_init(cell.table >> 8):04X}",
                "INJECT": "NO",
            },
            ports,
            outputs,
        )
    if cell.kind == "widefn9":
        return Instance(
            "WIDEFN9",
            {"INIT0": f"0x{cell.table & 0xFFFF:04X}", "INIT1": f"0x{cell.table >> 16:04X}"},
            dict(zip(_PINS, cell.inputs, strict=True)),
            {"Z": cell.outputs[0]},
        )
    raise ValueError(f"Nexus has no {cell.kind} cell")


def _read_wide(parameters: Mapping[str, int | str], ports: Mapping[str, Sequence[read.Bit]]) -> list[read.Mapped]:
    table = read.number(parameters["INIT0"]) | read.number(parameters["INIT1"]) << 16
    inputs = tuple((ports.get(name) or "0")[0] for name in _PINS)
    return [read.Mapped("widefn9", inputs, (read.out(ports, "Z"),), table)]


def _finish(netlist: Netlist) -> Netlist:
    """Chains, and LUTs of five inputs as pairs with a multiplexer."""
    netlist = slots(netlist)
    cells = [
        Cell("widefn9", (*cell.inputs[:4], *cell.inputs), cell.outputs, cell.table, cell.part)
        if cell.kind == "lut" and len(cell.inputs) == 5
        else cell
        for cell in netlist.cells
    ]
    return replace(netlist, cells=cells, kinds=KINDS)


NEXUS = Target(
    name="nexus",
    description="Lattice Nexus: LUT4, hard multiplexer to LUT5, carry chain, 18 kbit block RAM",
    lut_inputs=4,
    primitive=_primitive,
    devices={
        "LIFCL-40": Device(
            32256,
            84,
            ("9BG400C",),
            pins=tuple(
                "L13 N14 M14 M16 E17 F13 G13 F14 L16 L15 L20 L19 R17 R18 U20 T20 W20 V20 M15 N15 N16 M17 M18".split()
            ),
        )
    },
    simulation_models=("nexus/cells_sim.v",),
    plain_models=("nexus_models.v",),
    lint="-Wall -Wno-portbind",  # a chain's first carry has to be left open
    edalize="nexus",
    flow=Flow(
        synth="synth_nexus -noccu2 -top {top}",  # the core brings its carries; nextpnr takes no constant ones
        nextpnr="nextpnr-nexus",
        # router2 finds no way from the clock's pin to its DCC
        arguments=("--device", "{device}-{package}", "--router", "router1"),
        output=("--fasm", "{name}.fasm"),
        pack=None,
        bitstream="",
        logic_cell="OXIDE_COMB",
        ram="OXIDE_EBR",
        slot_cell="CCU2",
        pair="WIDEFN9",
        carry_luts=2,
        count={"lut4": "LUT4", "carry": "CCU2", "ff": "FD1P3.X", "ram": "PDP16K|PDPSC16K|DP16K|SP16K"},
        no_pads="-noiopad",
        constraints=("--pdc", "chip.pins", "ldc_set_location -site {{{pin}}} [get_ports {{{port}}}]"),
    ),
    default_device="LIFCL-40",
    carry="slots",
    delay={"lut": 1.2, "ccu2": 1.0, "widefn9": 1.5},
    overhead=1.5,
    mux_levels=1,
    kinds=KINDS,
    finish=_finish,
    alone="-abc9 -nodsp",
    read={
        "LUT4": read.lut("A B C D", "Z"),
        "WIDEFN9": _read_wide,
        "CCU2": read.ccu2(("INJECT",), 3),
        "INV": read.inverter("A", "Z"),
        "VLO": read.constant(0, "Z"),
        "VHI": read.constant(1, "Z"),
    },
    cells={"lut": 1, "ccu2": 2, "widefn9": 2},
)
