"""The fabric of an iCE40 under the circuit of its bits: which wire a bit connects, and what reads that wire.

A second reader of bitstreams, apart from `icebox_vlog`: multiplexers, cells and wires from the chip database of
Project IceStorm (C. Wolf, M. Lasser), so that what one bit does is known without reading the whole chip again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lut2hw import tools
from lut2hw.errors import ToolError
from lut2hw.files import read_text

MAX_DATABASE = 1 << 28
"""Bytes of a chip database, at most."""

Place = tuple[int, int, int, int]
"""Column and row of a tile, row and column of a bit in it."""
Cell = tuple[int, int, int]
"""Column and row of a tile, and the logic cell in it."""

ENTRIES = (4, 14, 15, 5, 6, 16, 17, 7, 3, 13, 12, 2, 1, 11, 10, 0)
"""Of the twenty bits of a logic cell those of its table, entry 0 first."""
CARRY, FLOP, SET, ASYNC = 8, 9, 18, 19
"""The others: carry is on, the output has a flip-flop, which a reset sets, and at once."""


@dataclass(frozen=True)
class Mux:
    """What drives a wire, by the values of some bits."""

    wire: int
    places: tuple[Place, ...]
    sources: dict[str, int]
    """Wire by values, one character for each bit."""


@dataclass
class Fabric:
    """Bits, multiplexers and names of a chip."""

    tiles: dict[tuple[int, int], list[str]]
    """Rows of bits by column and row of the tile, for logic."""
    muxes: list[Mux] = field(default_factory=list)
    of: dict[int, list[int]] = field(default_factory=dict)
    """Numbers of the multiplexers that may drive a wire."""
    wires: dict[tuple[int, int, str], int] = field(default_factory=dict)
    """Wires that logic cells read and drive, by tile and name."""
    drivers: dict[int, tuple[int, int, str]] = field(default_factory=dict)
    """The other way, for outputs of cells."""
    outside: set[int] = field(default_factory=set)
    """Wires that pins, block RAM and global networks drive."""

    def bit(self, place: Place) -> str:
        """A bit, "0" or "1"."""
        x, y, row, column = place
        return self.tiles[x, y][row][column]

    def values(self, mux: Mux) -> str:
        """What the bits of a multiplexer say."""
        return "".join(map(self.bit, mux.places))

    def cell_bit(self, cell: Cell, number: int) -> Place:
        """Where bit `number` of twenty of a logic cell is."""
        x, y, z = cell
        return x, y, 2 * z + number // 10, 36 + number % 10

    def table(self, cell: Cell) -> int:
        """The truth table of a cell."""
        return sum(int(self.bit(self.cell_bit(cell, number))) << entry for entry, number in enumerate(ENTRIES))

    def is_set(self, cell: Cell, number: int) -> bool:
        """Whether a setting of a cell is on."""
        return self.bit(self.cell_bit(cell, number)) == "1"

    def source(self, wire: int) -> int | None:
        """The wire that drives another, None where nothing does."""
        for number in self.of.get(wire, ()):
            mux = self.muxes[number]
            found = mux.sources.get(self.values(mux))
            if found is not None:
                return found
        return None

    def driven(self, wire: int) -> bool:
        """Whether anything drives a wire in the end."""
        end = self.way(wire)[-1]
        return end in self.drivers or end in self.outside

    def way(self, wire: int) -> list[int]:
        """A wire, what drives it, and so on to the one that no multiplexer drives."""
        way = [wire]
        while (before := self.source(way[-1])) is not None and len(way) < 1000:
            way.append(before)
        return way


def database(device: str) -> Path:
    """The chip database of a device, as `.device` of a bitstream calls it.

    Raises
    ------
    ToolError
        Without it.
    """
    [command] = tools.require("icebox_vlog")[-1:]
    folder = Path(command).resolve().parent
    for place in (folder.parent / "chipdb", folder.parent / "share" / "icebox", folder.parent / "share" / "fpga-icestorm" / "chipdb"):  # fmt: skip # noqa: E501
        if (path := place / f"chipdb-{device}.txt").is_file():
            return path
    raise ToolError(f"there is no chipdb-{device}.txt beside icebox_vlog; {tools.install_hint('icebox_vlog')}")


_NAME = re.compile(r"(lutff_[0-7]/(?:in_[0-3]|out|lout|cout)|carry_in|carry_in_mux|lutff_global/(?:clk|cen|s_r))$")


_OUTSIDE = re.compile(r"(io_[01]/D_IN_[01]|ram/RDATA_\d+|glb_netwk_[0-7])$")


def read_tiles(asc: str) -> dict[tuple[int, int], list[str]]:
    """Rows of bits by column and row of the tile, as `Fabric.tiles` has them.

    Parameters
    ----------
    asc : str
        `lut2hw.verify.readback.unpack` of a bitstream.
    """
    found = re.findall(r"^\.\w+_tile (\d+) (\d+)\n((?:[01]+\n)+)", asc + "\n", re.M)
    return {(int(x), int(y)): rows.split() for x, y, rows in found}


def read_fabric(asc: str) -> Fabric:
    """The fabric of a chip.

    Parameters
    ----------
    asc : str
        `lut2hw.verify.readback.unpack` of its bitstream.

    Raises
    ------
    ToolError
        Without IceStorm's chip database.
    """
    device = re.search(r"^\.device (\w{1,10})$", asc, re.M)
    if device is None:
        raise ToolError("the bitstream names no device")
    tiles = read_tiles(asc)
    fabric = Fabric(tiles)
    logic = {(int(x), int(y)) for x, y in re.findall(r"^\.logic_tile (\d+) (\d+)$", asc, re.M)}
    for head, lines in _sections(read_text(database(device[1]), MAX_DATABASE)):
        if head[0] == ".net":
            for line in lines:
                x, y, name = line.split()
                if _OUTSIDE.match(name):
                    fabric.outside.add(int(head[1]))
                if _NAME.match(name) and (int(x), int(y)) in logic:
                    fabric.wires[int(x), int(y), name] = int(head[1])
                    if name.endswith(("out", "cout")):
                        fabric.drivers[int(head[1])] = int(x), int(y), name
        elif head[0] in (".buffer", ".routing"):
            column, row, wire = (int(word) for word in head[1:4])
            if (column, row) not in tiles:
                continue
            places = tuple((column, row, *map(int, re.findall(r"\d+", word))) for word in head[4:])
            fabric.of.setdefault(wire, []).append(len(fabric.muxes))
            fabric.muxes.append(Mux(wire, places, {line.split()[0]: int(line.split()[1]) for line in lines}))  # type: ignore[arg-type]
    return fabric


def _sections(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """Heads, of words, and lines of the sections of a database."""
    for part in re.split(r"^(?=\.)", text, flags=re.M):
        lines = [line for line in part.splitlines() if line and not line.startswith("#")]
        if lines:
            yield lines[0].split(), lines[1:]
