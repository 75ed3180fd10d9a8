"""Target: an FPGA family as data. A new family is one new file with one `Target` in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw import tools
from lut2hw.errors import unknown_name
from lut2hw.logic.cells import COMMON, CONST0, Cell, Library, tables_of
from lut2hw.logic.netlist import Netlist
from lut2hw.targets.read import Reader

CLOCK, ENABLE, OPEN = -1, -2, -3
"""Ports of primitives besides nets: the clock, 1 while the pipeline moves, and an output bit that nothing reads."""


@dataclass(frozen=True)
class Device:
    """One part: what it holds, and the packages nextpnr knows for it.

    logic_cells: LUT + flip-flop cells. ram: block RAMs. packages: as nextpnr spells them, the default first.
    synth: how yosys spells the device, if it wants to know. pins: of the default package, for a chip's ports in
    order, where nextpnr places none by itself. slowness: delays, as a multiple of those of the default device.
    routable: logic cells of the largest chip that routed of networks whose LUTs read any input, where one that fills
    the part does not; 0 for no limit.
    """

    logic_cells: int
    ram: int
    packages: tuple[str, ...]
    synth: str = ""
    pins: tuple[str, ...] = ()
    slowness: float = 1.0
    routable: int = 0


@dataclass(frozen=True)
class Instance:
    """A vendor primitive: `parameters` (name to value and width in bits, or to a text), `inputs` and `outputs` (port
    to net, or to nets from the least significant bit up, `CLOCK`, `ENABLE` and `OPEN` among them).
    """

    module: str
    parameters: dict[str, tuple[int, int] | str]
    inputs: Mapping[str, int | Sequence[int]]
    outputs: Mapping[str, int | Sequence[int]]


@dataclass(frozen=True)
class Flow:
    """How a family is synthesized, placed and routed.

    synth: yosys command, with {top} and {device} to fill in. nextpnr: the tool. arguments: those that choose the
    part, with {device} and {package}; output: those that name the routed design, with {name}.
    carry_cell: name in nextpnr's utilization of carries that are not among logic_cell.
    pack: the tool and arguments that make the bitstream, with {name}; None if there is no open one.
    bitstream: its file name, with {name}. logic_cell, ram: names in nextpnr's utilization.
    count: regular expressions of primitives after synthesis that are counted as lut4, carry, ff and ram.
    spread: from the device and the chip's logic cells and carries, the places (as nextpnr names them) that placement
    leaves empty; empty: primitive that fills one, and its output.
    bind: from a placed cell as nextpnr writes it, wires that no switch but one may drive: a net to hold them until
    they are routed, and nextpnr's names of wire and switch. router: settings of the router that are no options of
    nextpnr's, by name.
    pair: primitive of two LUTs. carry_luts: logic cells of a carry primitive.
    constraints: where nextpnr places no pins by itself: its arguments for the file "chip.pins", then the form of the
    file's lines, with {port} and {pin}. no_pads: option of `synth` for a module that will not be the top.
    timing: more arguments for a second route where a clock that was asked for is missed by little.
    slot_cell: carry cell whose first one of a chain needs no carry in; yosys ties it to 0, which costs cells on ECP5
    and which nextpnr for Nexus refuses. slot_open: what to write for a carry that is left open; "": leave it out.
    """

    synth: str
    nextpnr: str
    arguments: tuple[str, ...]
    output: tuple[str, ...]
    pack: tuple[str, ...] | None
    bitstream: str
    logic_cell: str
    ram: str
    count: Mapping[str, str]
    constraints: tuple[str, ...] = ()
    no_pads: str = ""
    timing: tuple[str, ...] = ()
    slot_cell: str = ""
    slot_open: str = ""
    pair: str = ""
    carry_cell: str = ""
    carry_luts: int = 1
    spread: Callable[[str, int, int], list[str]] | None = None
    empty: tuple[str, str] = ("", "")
    bind: Callable[[Mapping[str, Any]], Iterable[tuple[int, str, str]]] | None = None
    router: Mapping[str, str] = field(default_factory=dict)

    @property
    def synth_core(self) -> str:
        """`synth` for a module that will not be the top."""
        return self.synth.replace(" -top", f" {self.no_pads} -top") if self.no_pads else self.synth

    def primitives(self, by_type: Mapping[str, int]) -> dict[str, int]:
        """How many of each kind of `count` there are after synthesis, from the counts by primitive."""
        counts = {
            what: sum(number for cell, number in by_type.items() if re.fullmatch(pattern, cell))
            for what, pattern in self.count.items()
        }
        counts["lut4"] += 2 * by_type.get(self.pair, 0)
        return counts

    def logic_cells(self, used: Mapping[str, int]) -> int:
        """Logic cells in nextpnr's utilization: how many it uses of each kind, by name."""
        return used[self.logic_cell] + used.get(self.carry_cell, 0)


@dataclass(frozen=True)
class Target:
    """An FPGA family.

    lut_inputs: inputs of the plain LUT. primitive: turns a mapped cell into a vendor primitive.
    simulation_models: files that simulate the primitives, in yosys's share folder or in hdl_templates/. flop_models:
    file and module of what a netlist after synthesis has besides.
    flow: None if there is nothing to place and route with; synthesis is then the yosys command, with {top} in it.
    carry: "none"; "shared" if LUT and carry of a cell share two inputs; "slots" if the carry is a LUT of its own.
    chain: columns added on one carry chain: a longer one saves starts, but its carry seems to run from end to end.
    mux_levels: how many levels of hard multiplexers join LUTs to wider ones.
    ram: shapes of a block RAM's read port, (address bits, data bits), the narrowest address first; empty where tables
    do not go into block RAM.
    delay: ns through a cell of each kind with typical routing to it, on the default device; enter: more from outside
    into a carry chain; port: from an input of the core, which may come from afar. overhead: ns that a register and
    the routing to it take of each clock.
    kinds: cells that the family's netlists are made of, and what they do.
    finish: last pass before the pipeline, from LUTs and carries to what the family has.
    alone: options of the yosys command where it has to map behaviour by itself: ABC9, and no DSP for sums.
    read: primitives by module, read back from yosys's netlist. cells: logic cells that a kind of cell takes up.
    """

    name: str
    description: str
    lut_inputs: int
    primitive: Callable[[Cell], Instance]
    devices: Mapping[str, Device] = field(default_factory=dict)
    simulation_models: tuple[str, ...] = ()
    flop_models: tuple[tuple[str, str], ...] = ()
    flow: Flow | None = None
    synthesis: str = ""
    default_device: str = ""
    carry: str = "none"
    chain: int = 32
    mux_levels: int = 0
    ram: tuple[tuple[int, int], ...] = ()
    delay: Mapping[str, float] = field(default_factory=lambda: {"lut": 1.0, "carry": 0.1, "ccu2": 0.6, "mux": 0.3})
    enter: float = 0.0
    port: float = 0.0
    overhead: float = 1.0
    kinds: Library = field(default_factory=lambda: COMMON)
    finish: Callable[[Netlist], Netlist] | None = None
    alone: str = "-abc9"
    read: Mapping[str, Reader] = field(default_factory=dict)
    cells: Mapping[str, int] = field(default_factory=lambda: {"lut": 1})

    def device(self, name: str | None = None) -> Device:
        """The device of that name; for None the default one, or one without block RAM where none is known.

        Errors: `UsageError`.
        """
        name = name or self.default_device
        if not name:
            return Device(0, 0, ())
        if name not in self.devices:
            raise unknown_name(f"{self.name} device", name, self.devices)
        return self.devices[name]

    @property
    def synth(self) -> str:
        """Yosys command that synthesizes a core, which has no pads, with {top} and {json} to fill in."""
        if self.flow is None:
            return f"{self.synthesis}; write_json {{json}}"
        device = self.devices[self.default_device].synth
        synth = self.flow.synth_core
        return f"{synth.format(top='{top}', device=device)}; write_json {{json}}"

    @property
    def baseline(self) -> str:
        """Yosys command that maps behavioural Verilog as well as yosys alone can, with {top} to fill in."""
        synth = self.synth.replace("; write_json {json}", "").replace(" -noccu2", "")
        if synth.startswith("synth_"):
            return re.sub(r"^(synth_\w+)", rf"\1 {self.alone}", synth)
        return f"synth -flatten -top {{top}}; abc9 -lut {self.lut_inputs}; opt_clean"


def simulation_model(name: str) -> Path:
    """The file of one of `Target.simulation_models`. Errors: `ToolError` if yosys's share folder is not there."""
    if name.startswith("hdl_templates/"):
        return Path(str(resources.files("lut2hw.hdl_templates"))) / name.removeprefix("hdl_templates/")
    return tools.yosys_share() / name


def widen(cell: Cell, width: int) -> tuple[tuple[int, ...], int]:
    """Inputs and table of a LUT padded to `width` inputs, constant 0 at the new ones."""
    table = cell.table
    for k in range(len(cell.inputs), width):
        table |= table << (1 << k)
    return cell.inputs + (CONST0,) * (width - len(cell.inputs)), table


def contents(cell: Cell, address: int) -> NDArray[np.uint8]:
    """What a `ram` cell holds, as bits uint8 (n_outputs, 2**address), 0 beyond its own address bits."""
    rows = np.zeros((len(cell.outputs), 1 << address), np.uint8)
    entries = 1 << len(cell.inputs)
    for row, table in zip(rows, tables_of(cell), strict=True):
        packed = np.frombuffer(table.to_bytes(-(-entries // 8), "little"), np.uint8)
        row[:entries] = np.unpackbits(packed, count=entries, bitorder="little")
    return rows


def words(memory: NDArray[np.uint8]) -> list[int]:
    """Rows of bits (n, n_bits) as integers, column 0 the least significant bit."""
    return [int.from_bytes(row.tobytes(), "little") for row in np.packbits(memory, axis=1, bitorder="little")]
