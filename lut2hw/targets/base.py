"""Target: an FPGA family as data. A new family is one new file with one `Target` in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lut2hw.compile.netlist import CONST0, Cell, Netlist


@dataclass(frozen=True)
class Device:
    """One part: what it holds, and the packages nextpnr knows for it.

    logic_cells: LUT + flip-flop cells. ram: block RAMs. packages: as nextpnr spells them, the default first.
    synth: how yosys spells the device, if it wants to know.
    """

    logic_cells: int
    ram: int
    packages: tuple[str, ...]
    synth: str = ""


@dataclass(frozen=True)
class Instance:
    """A vendor primitive: `parameters` (name to value and width in bits), `inputs` and `outputs` (port to net)."""

    module: str
    parameters: dict[str, tuple[int, int]]
    inputs: dict[str, int]
    outputs: dict[str, int]


@dataclass(frozen=True)
class Flow:
    """How a family is synthesized, placed and routed.

    synth: yosys command, with {top} and {device} to fill in. nextpnr: the tool. arguments: those that choose the
    part, with {device} and {package}; output: those that name the routed design, with {name}.
    pack: the tool and arguments that make the bitstream, with {name}; None if there is no open one.
    bitstream: its file name, with {name}. logic_cell, ram: names in nextpnr's utilization.
    count: regular expressions of primitives after synthesis that are counted as lut4, carry, ff and ram.
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


@dataclass(frozen=True)
class Target:
    """An FPGA family.

    lut_inputs: inputs of the plain LUT. primitive: turns a mapped cell into a vendor primitive.
    simulation_models: files in yosys's share folder that simulate the primitives.
    flow: None if there is nothing to place and route with.
    carry: has a carry chain. finish: last pass before the pipeline, from LUTs and carries to what the family has.
    """

    name: str
    description: str
    lut_inputs: int
    primitive: Callable[[Cell], Instance]
    devices: Mapping[str, Device] = field(default_factory=dict)
    simulation_models: tuple[str, ...] = ()
    flow: Flow | None = None
    default_device: str = ""
    carry: bool = False
    finish: Callable[[Netlist], Netlist] | None = None

    @property
    def synth(self) -> str:
        """Yosys command that synthesizes a top module, with {top} and {json} to fill in."""
        if self.flow is None:
            return "synth -top {top}; write_json {json}"
        device = self.devices[self.default_device].synth
        return f"{self.flow.synth.format(top='{top}', device=device)}; write_json {{json}}"


def widen(cell: Cell, width: int) -> tuple[tuple[int, ...], int]:
    """Inputs and table of a LUT padded to `width` inputs, constant 0 at the new ones."""
    table = cell.table
    for k in range(len(cell.inputs), width):
        table |= table << (1 << k)
    return cell.inputs + (CONST0,) * (width - len(cell.inputs)), table
