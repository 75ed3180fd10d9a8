"""Lattice iCE40 (Lattice, "iCE40 LP/HX Family Data Sheet" DS1040; primitives: "iCE Technology Library")."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lut2hw.logic.netlist import CONST0, Cell
from lut2hw.passes.share import share
from lut2hw.targets import read
from lut2hw.targets.base import CLOCK, ENABLE, OPEN, Device, Flow, Instance, Target, contents, widen, words

RAM = ((8, 16), (9, 8), (10, 4), (11, 2))
"""Shapes of an SB_RAM40_4K by its READ_MODE (Lattice, "Memory Usage Guide for iCE40 Devices" TN1250)."""


def _ram(cell: Cell) -> Instance:
    """The port reads 256 rows of 16 bits; in mode m the address above the row chooses one bit of each 2**m.

    That is the bit of the group that is bit max(0, 2**(m - 1) - 1) of the port; the others are not in use.
    """
    mode = next(mode for mode, (address, _) in enumerate(RAM) if len(cell.inputs) <= address)
    address, _ = RAM[mode]
    group = 1 << mode
    memory = np.zeros((256, 16), np.uint8)
    for j, bits in enumerate(contents(cell, address)):
        memory[:, j * group : (j + 1) * group] = bits.reshape(group, 256).T
    inits = words(memory.reshape(16, 256))
    pins = [OPEN] * 16
    for j, net in enumerate(cell.outputs):
        pins[j * group + max(0, group // 2 - 1)] = net
    return Instance(
        "SB_RAM40_4K",
        {
            "READ_MODE": (mode, 2),
            "WRITE_MODE": (0, 2),
            **{f"INIT_{i:X}": (init, 256) for i, init in enumerate(inits)},
        },
        {
            "RCLK": CLOCK,
            "RCLKE": ENABLE,
            "RE": ENABLE,
            "WE": CONST0,
            "WCLKE": CONST0,
            "RADDR": cell.inputs + (CONST0,) * (11 - len(cell.inputs)),
        },
        {"RDATA": pins},
    )


def _primitive(cell: Cell) -> Instance:
    if cell.kind == "lut":
        inputs, table = widen(cell, 4)
        return Instance(
            "SB_LUT4",
            {"LUT_INIT": (table, 16)},
            {f"I{j}": net for j, net in enumerate(inputs)},
            {"O": cell.outputs[0]},
        )
    if cell.kind == "carry":
        a, b, carry_in = cell.inputs
        return Instance("SB_CARRY", {}, {"I0": a, "I1": b, "CI": carry_in}, {"CO": cell.outputs[0]})
    if cell.kind == "ram":
        return _ram(cell)
    raise ValueError(f"iCE40 has no {cell.kind} cell")


SLOWNESS = {"u": 1.0, "lp": 0.7, "hx": 0.5}
"""Delays by series, relative to those of the UltraPlus, as nextpnr reports them for cores like ours."""


def _device(synth: str, logic_cells: int, ram: int, *packages: str, routable: int = 0) -> Device:
    return Device(logic_cells, ram, packages, synth, slowness=SLOWNESS[synth], routable=routable)


_DIE_8K = ((*range(1, 8), *range(9, 25), *range(26, 33)), 32)
_DIE_5K = ((*range(1, 6), *range(7, 19), *range(20, 25)), 30)
_DIE_1K = ((1, 2, *range(4, 10), 11, 12), 16)
TILES = {
    "lp384": (tuple(range(1, 7)), 8),
    "lp1k": _DIE_1K,
    "hx1k": _DIE_1K,
    **dict.fromkeys(("lp4k", "lp8k", "hx4k", "hx8k"), _DIE_8K),
    "up3k": _DIE_5K,
    "up5k": _DIE_5K,
}
"""Tiles of eight logic cells by device, as nextpnr counts them: columns that hold logic, and how many rows from 1."""

LEAST, ROOM, CHAINS = 4, 1.25, 3
"""Of the cells that placement may use: so many of each tile at least, so many for each that is needed, and so many in
whole columns for each carry."""


def _spread(device: str, cells: int, carries: int) -> list[str]:
    """Cells to leave empty, so that every tile has wires to spare.

    The inputs of a tile's 8 LUTs come in over 32 local wires, as many as 8 LUTs of unrelated inputs have, and the
    placer fills tiles whatever density it is asked for. Some columns stay whole, for carry chains go up in them.
    """
    if device not in TILES:
        return []
    columns, rows = TILES[device]
    whole = min(len(columns), -(-CHAINS * carries // (8 * rows)))
    for least in range(LEAST, 8):
        if (8 * whole + least * (len(columns) - whole)) * rows >= ROOM * cells:
            chains = {columns[(2 * i + 1) * len(columns) // (2 * whole)] for i in range(whole)}
            return [
                f"X{x}/Y{y}/lc{z}"
                for x in columns
                if x not in chains
                for y in range(1, rows + 1)
                for z in range(least, 8)
            ]
    return []


def _bind(cell: Mapping[str, Any]) -> Iterator[tuple[int, str, str]]:
    """For a logic cell with a carry, that each input of its LUT comes in at its own wire of the tile.

    Any wire may go to any input of a LUT, but a carry needs its own two. nextpnr forgets that of a placed design that
    it reads. Inputs not in use are bound to another's net, which keeps their wires from the rest.
    """
    at = re.fullmatch(r"X(\d+)/Y(\d+)/lc(\d)", cell["attributes"].get("NEXTPNR_BEL", ""))
    if not at or cell["parameters"].get("CARRY_ENABLE") != "1":
        return
    x, y, z = at.groups()
    nets = [cell["connections"].get(f"I{j}") for j in range(4)]
    [some] = next(filter(None, nets), [None])
    for j in range(4):
        [net] = nets[j] or [some]
        if net is not None:
            pin, to = f"lutff_{z}:in_{j}", f"lutff_{z}:in_{j}_lut"
            yield net, f"X{x}/Y{y}/{to}", f"X{x}/Y{y}/{x}.{y}.{pin}.->.{x}.{y}.{to}"


ICE40 = Target(
    name="ice40",
    description="Lattice iCE40: LUT4, carry chain, 4 kbit block RAM",
    lut_inputs=4,
    primitive=_primitive,
    devices={
        "lp384": _device("lp", 384, 0, "qn32", "cm36", "cm49"),
        "lp1k": _device("lp", 1280, 16, "qn84", "cm36", "cm49", "cm81", "cm121", "cb81", "cb121", "swg16tr"),
        "lp4k": _device("lp", 3520, 20, "cm81", "cm121", "cm225"),
        "lp8k": _device("lp", 7680, 32, "cm81", "cm121", "cm225", routable=3000),
        "hx1k": _device("hx", 1280, 16, "tq144", "cb132", "vq100"),
        "hx4k": _device("hx", 3520, 20, "tq144", "cb132", "bg121"),
        "hx8k": _device("hx", 7680, 32, "ct256", "cm225", "cb132", "bg121", routable=3000),
        "up3k": _device("u", 2800, 20, "sg48", "uwg30"),
        "up5k": _device("u", 5280, 30, "sg48", "uwg30", routable=2300),
        "u1k": _device("u", 1100, 16, "sg48"),
        "u2k": _device("u", 2048, 20, "sg48"),
        "u4k": _device("u", 3520, 20, "sg48"),
    },
    simulation_models=("ice40/cells_sim.v",),
    folds_in_block_ram=True,
    plain_models=("ice40_models.v",),
    edalize="ice40",
    flow=Flow(
        synth="synth_ice40 -device {device} -top {top}",
        nextpnr="nextpnr-ice40",
        # routes fuller chips than router1
        arguments=("--{device}", "--package", "{package}", "--router", "router2"),
        timing=("--tmg-ripup",),  # the usual route leaves single connections that go a long way round
        output=("--asc", "{name}.asc"),
        pack=("icepack", "{name}.asc", "{name}.bin"),
        bitstream="{name}.bin",
        logic_cell="ICESTORM_LC",
        ram="ICESTORM_RAM",
        spread=_spread,
        empty=("SB_LUT4", "O"),
        bind=_bind,
        # conflicts grow dear slowly, and wires that have had many stay so: fewer detours, and larger chips route
        router={"router2/currCongWeightMult": "0.2", "router2/histCongWeight": "2.0"},
        count={"lut4": "SB_LUT4", "carry": "SB_CARRY", "ff": "SB_DFF.*", "ram": "SB_RAM40.*"},
    ),
    default_device="up5k",
    carry="shared",
    chain=0,
    ram=RAM,
    deepest_ram=2048,
    delay={"lut": 3.0, "carry": 0.35, "ram": 3.0},
    enter=3.0,
    port=5.0,
    overhead=4.5,
    finish=share,
    read={
        "SB_LUT4": read.lut("I0 I1 I2 I3", "O", "LUT_INIT"),
        "SB_CARRY": lambda parameters, ports: [
            read.Mapped(
                "carry", tuple((ports.get(name) or "0")[0] for name in ("I0", "I1", "CI")), (read.out(ports, "CO"),)
            )
        ],
    },
)
