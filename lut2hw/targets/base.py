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
    """One part: what it holds, and the packages nextpnr knows for it."""

    logic_cells: int
    """LUT + flip-flop cells."""
    ram: int
    """Block RAMs."""
    packages: tuple[str, ...]
    """As nextpnr spells them, the default first."""
    synth: str = ""
    """How yosys spells the device, if it wants to know."""
    pins: tuple[str, ...] = ()
    """Of the default package, for a chip's ports in order, where nextpnr places none by itself."""
    slowness: float = 1.0
    """Delays, as a multiple of those of the default device."""
    routable: int = 0
    """Logic cells of the largest chip that routed of networks whose LUTs read any input, where one that fills the
    part does not; 0 for no limit.
    """


@dataclass(frozen=True)
class Instance:
    """A vendor primitive: `parameters` (name to value and width in bits, or to a text), `inputs` and `outputs` (port
    to net, or to nets from the least significant bit up, `CLOCK`, `ENABLE` and `OPEN` among them).
    """

    module: str
    """Name of the primitive."""
    parameters: dict[str, tuple[int, int] | str]
    """Name to value and width in bits, or to a text."""
    inputs: Mapping[str, int | Sequence[int]]
    """Port to net, or to nets from the least significant bit up, `CLOCK` and `ENABLE` among them."""
    outputs: Mapping[str, int | Sequence[int]]
    """Port to net, or to nets from the least significant bit up, `OPEN` among them."""


@dataclass(frozen=True)
class Flow:
    """How a family is synthesized, placed and routed."""

    synth: str
    """Yosys command, with {top} and {device} to fill in."""
    nextpnr: str
    """The tool."""
    arguments: tuple[str, ...]
    """Those that choose the part, with {device} and {package}."""
    output: tuple[str, ...]
    """Those that name the routed design, with {name}."""
    pack: tuple[str, ...] | None
    """The tool and arguments that make the bitstream, with {name}; None if there is no open one."""
    bitstream: str
    """Its file name, with {name}."""
    logic_cell: str
    """Names in nextpnr's utilization."""
    ram: str
    """Names in nextpnr's utilization."""
    count: Mapping[str, str]
    """Regular expressions of primitives after synthesis that are counted as lut4, carry, ff and ram."""
    constraints: tuple[str, ...] = ()
    """Where nextpnr places no pins by itself: its arguments for the file "chip.pins", then the form of the file's
    lines, with {port} and {pin}.
    """
    no_pads: str = ""
    """Option of `synth` for a module that will not be the top."""
    packs_cores: bool = True
    """Whether nextpnr packs a module without pads."""
    timing: tuple[str, ...] = ()
    """More arguments for a second route where a clock that was asked for is missed by little."""
    slot_cell: str = ""
    """Carry cell whose first one of a chain needs no carry in; yosys ties it to 0, which costs cells on ECP5 and
    which nextpnr for Nexus refuses.
    """
    slot_open: str = ""
    """What to write for a carry that is left open; "": leave it out."""
    pair: str = ""
    """Primitive of two LUTs."""
    carry_cell: str = ""
    """Name in nextpnr's utilization of carries that are not among logic_cell."""
    carry_luts: int = 1
    """Logic cells of a carry primitive."""
    spread: Callable[[str, int, int], list[str]] | None = None
    """From the device and the chip's logic cells and carries, the places (as nextpnr names them) that placement
    leaves empty.
    """
    empty: tuple[str, str] = ("", "")
    """Primitive that fills one, and its output."""
    bind: Callable[[Mapping[str, Any]], Iterable[tuple[int, str, str]]] | None = None
    """From a placed cell as nextpnr writes it, wires that no switch but one may drive: a net to hold them until they
    are routed, and nextpnr's names of wire and switch.
    """
    router: Mapping[str, str] = field(default_factory=dict)
    """Settings of the router that are no options of nextpnr's, by name."""

    @property
    def synth_core(self) -> str:
        """`synth` for a module that will not be the top."""
        return self.synth.replace(" -top", f" {self.no_pads} -top") if self.no_pads else self.synth

    def files(self, name: str) -> list[str]:
        """Files of the routed design.

        Parameters
        ----------
        name : str
            What the design is called.
        """
        return [word.rpartition("=")[2].format(name=name) for word in self.output if "{name}" in word]

    def primitives(self, by_type: Mapping[str, int]) -> dict[str, int]:
        """How many of each kind of `count` there are after synthesis, from the counts by primitive.

        Parameters
        ----------
        by_type : Mapping[str, int]
            yosys's counts by primitive.
        """
        counts = {
            what: sum(number for cell, number in by_type.items() if re.fullmatch(pattern, cell))
            for what, pattern in self.count.items()
        }
        counts["lut4"] += 2 * by_type.get(self.pair, 0)
        return counts

    def logic_cells(self, used: Mapping[str, int]) -> int:
        """Logic cells in nextpnr's utilization: how many it uses of each kind, by name.

        Parameters
        ----------
        used : Mapping[str, int]
            nextpnr's utilization by kind of cell.
        """
        return used[self.logic_cell] + used.get(self.carry_cell, 0)


@dataclass(frozen=True)
class Target:
    """An FPGA family."""

    name: str
    """As `--target` spells it."""
    description: str
    """In a few words."""
    lut_inputs: int
    """Inputs of the plain LUT."""
    primitive: Callable[[Cell], Instance]
    """Turns a mapped cell into a vendor primitive."""
    devices: Mapping[str, Device] = field(default_factory=dict)
    """Parts by name, as nextpnr spells them."""
    simulation_models: tuple[str, ...] = ()
    """Files that simulate the primitives, in yosys's share folder or in hdl_templates/."""
    plain_models: tuple[str, ...] = ()
    """Files in hdl_templates/ that together simulate the primitives without yosys's share folder."""
    lint: str = "-Wall"
    """Options of Icarus Verilog that a core and its models pass without a warning."""
    edalize: str = ""
    """What Edalize's yosys back end calls the family; "" if it does not know it."""
    flop_models: tuple[tuple[str, str], ...] = ()
    """File and module of what a netlist after synthesis has besides."""
    flow: Flow | None = None
    """None if there is nothing to place and route with; synthesis is then the yosys command, with {top} in it."""
    synthesis: str = ""
    """yosys command where there is no flow, with {top} to fill in."""
    default_device: str = ""
    """Where none is named."""
    carry: str = "none"
    """"none"; "shared" if LUT and carry of a cell share two inputs; "slots" if the carry is a LUT of its own;
    "steps" if a LUT says whether the carry goes on."""
    chain: int = 32
    """Columns added on one carry chain: a longer one saves starts, but its carry seems to run from end to end. 0:
    each addition has a chain of its own.
    """
    mux_levels: int = 0
    """How many levels of hard multiplexers join LUTs to wider ones."""
    ram: tuple[tuple[int, int], ...] = ()
    """Shapes of a block RAM's read port, (address bits, data bits), the narrowest address first; empty where tables
    do not go into block RAM.
    """
    deepest_ram: int = 16384
    """Words of one bit in a block RAM that is written on one port and read on another; 0 where none is used."""
    most_lanes: int = 16
    """Tables a clock of a folded core, at most."""
    folds_in_block_ram: bool = False
    """Whether synthesis is told to keep memories of folded cores in block RAM, which needs a model to simulate."""
    delay: Mapping[str, float] = field(default_factory=lambda: {"lut": 1.0, "carry": 0.1, "ccu2": 0.6, "mux": 0.3})
    """Ns through a cell of each kind with typical routing to it, on the default device."""
    enter: float = 0.0
    """More from outside into a carry chain."""
    port: float = 0.0
    """From an input of the core, which may come from afar."""
    overhead: float = 1.0
    """Ns that a register and the routing to it take of each clock."""
    kinds: Library = field(default_factory=lambda: COMMON)
    """Cells that the family's netlists are made of, and what they do."""
    finish: Callable[[Netlist], Netlist] | None = None
    """Last pass before the pipeline, from LUTs and carries to what the family has."""
    alone: str = "-abc9"
    """Options of the yosys command where it has to map behaviour by itself: ABC9, and no DSP for sums."""
    read: Mapping[str, Reader] = field(default_factory=dict)
    """Primitives by module, read back from yosys's netlist."""
    cells: Mapping[str, int] = field(default_factory=lambda: {"lut": 1})
    """Logic cells that a kind of cell takes up."""

    def device(self, name: str | None = None) -> Device:
        """The device of that name; for None the default one, or one without block RAM where none is known.

        Parameters
        ----------
        name : str, optional
            As nextpnr spells it; None for the default one.

        Raises
        ------
        UsageError
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
    """The file of one of `Target.simulation_models`.

    Parameters
    ----------
    name : str
        One of `Target.simulation_models`.

    Raises
    ------
    ToolError
        If yosys's share folder is not there.
    """
    if name.startswith("hdl_templates/"):
        return Path(str(resources.files("lut2hw.hdl_templates"))) / name.removeprefix("hdl_templates/")
    return tools.yosys_share() / name


def template_text(name: str) -> str:
    """What a file in hdl_templates/ holds.

    Parameters
    ----------
    name : str
        Its name.
    """
    return (resources.files("lut2hw.hdl_templates") / name).read_text()


def widen(cell: Cell, width: int) -> tuple[tuple[int, ...], int]:
    """Inputs and table of a LUT padded to `width` inputs, constant 0 at the new ones.

    Parameters
    ----------
    cell : Cell
        A LUT of at most `width` inputs.
    width : int
        Inputs that it will have.
    """
    table = cell.table
    for k in range(len(cell.inputs), width):
        table |= table << (1 << k)
    return cell.inputs + (CONST0,) * (width - len(cell.inputs)), table


def contents(cell: Cell, address: int) -> NDArray[np.uint8]:
    """What a `ram` cell holds, as bits uint8 (n_outputs, 2**address), 0 beyond its own address bits.

    Parameters
    ----------
    cell : Cell
        A `ram` cell.
    address : int
        Address bits of the memory.
    """
    rows = np.zeros((len(cell.outputs), 1 << address), np.uint8)
    entries = 1 << len(cell.inputs)
    for row, table in zip(rows, tables_of(cell), strict=True):
        packed = np.frombuffer(table.to_bytes(-(-entries // 8), "little"), np.uint8)
        row[:entries] = np.unpackbits(packed, count=entries, bitorder="little")
    return rows


def words(memory: NDArray[np.uint8]) -> list[int]:
    """Rows of bits (n, n_bits) as integers, column 0 the least significant bit.

    Parameters
    ----------
    memory : NDArray[np.uint8]
        0/1 values uint8 (n, n_bits).
    """
    return [int.from_bytes(row.tobytes(), "little") for row in np.packbits(memory, axis=1, bitorder="little")]
