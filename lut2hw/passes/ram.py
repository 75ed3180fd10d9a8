"""Tables into block RAM: many outputs over one address, read on the clock.

`pack` chooses tables whose inputs together fit an address of the family's block RAM, as many as it has data bits,
greedily by the logic cells they save, as memory mapping of logic does (S. J. E. Wilton, "Heterogeneous technology
mapping for area reduction in FPGAs with embedded memory arrays", IEEE TCAD 19(1), 2000), with whole tables instead of
cones. While passes work on nodes of one output each bit is a cell `ram` of its own; `gather` joins those of one
address.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lut2hw.logic import truth
from lut2hw.logic.netlist import Cell, Netlist, tables_of
from lut2hw.passes.base import Context, Family, Pass
from lut2hw.passes.decompose import lut_cost, shannon
from lut2hw.passes.tables import map_tables

Shapes = Sequence[tuple[int, int]]
"""(address bits, data bits) of a block RAM, the narrowest address first."""

LEAST = 8
"""Logic cells that a block RAM has to save."""
SEEDS = 4096
"""Tables that a group is tried to grow from, the costliest ones."""


@dataclass
class _Level:
    """Tables that do not depend on each other: their cells, costs, and inputs as bits of rows of words."""

    cells: list[int]
    cost: np.ndarray
    inputs: np.ndarray

    def grow(self, seed: int, address: int, data: int, free: np.ndarray) -> list[int]:
        """Positions of `seed` and tables beside it: next always that which saves most for each new address bit."""
        members, union = [seed], self.inputs[seed].copy()
        free = free.copy()
        free[seed] = False
        while len(members) < data:
            fresh = np.bitwise_count(self.inputs & ~union).sum(axis=1, dtype=np.int64)
            room = address - int(np.bitwise_count(union).sum())
            fits = free & (fresh <= room)
            if not fits.any():
                break
            best = int(np.argmax(np.where(fits, self.cost / (1.0 + fresh), -1.0)))
            members.append(best)
            union |= self.inputs[best]
            free[best] = False
        return members


def _levels(netlist: Netlist, cost: Callable[[Cell], int], narrow: int, wide: int) -> list[_Level]:
    """Tables of more than `narrow` and at most `wide` inputs, by the number of tables before them."""
    depth = [0] * netlist.n_nets
    by_depth: dict[int, list[int]] = {}
    for number, cell in enumerate(netlist.cells):
        at = max((depth[net] for net in cell.inputs), default=0)
        for net in cell.outputs:
            depth[net] = at + 1
        if cell.kind == "lut" and narrow < len(cell.inputs) <= wide:
            by_depth.setdefault(at, []).append(number)
    out = []
    for _, numbers in sorted(by_depth.items()):
        nets = {
            net: bit
            for bit, net in enumerate(
                dict.fromkeys(net for number in numbers for net in netlist.cells[number].inputs)
            )
        }
        inputs = np.zeros((len(numbers), -(-len(nets) // 64)), np.uint64)
        for row, number in enumerate(numbers):
            for net in netlist.cells[number].inputs:
                inputs[row, nets[net] >> 6] |= np.uint64(1 << (nets[net] & 63))
        out.append(_Level(numbers, np.array([cost(netlist.cells[number]) for number in numbers]), inputs))
    return out


def pack(
    netlist: Netlist,
    shapes: Shapes,
    rams: int,
    cost: Callable[[Cell], int],
    lut_inputs: int,
    *,
    depth: int | None = None,
) -> Netlist:
    """Put tables of a combinational netlist of LUTs of any width into at most `rams` block RAMs.

    Parameters
    ----------
    cost : Callable[[Cell], int]
        Logic cells of a LUT of more than `lut_inputs` inputs outside a RAM.
    depth : int, optional
        Of RAMs on a path, at most; None for any number. A table wider than every address is split until it is not.

    Returns
    -------
    Netlist
        The same netlist if no RAM saves `LEAST` cells.
    """
    widest = max(address for address, _ in shapes)
    source = shannon(netlist, widest)
    levels = _levels(source, cost, lut_inputs, widest)
    free = [np.ones(len(level.cells), bool) for level in levels]

    def best(at: int, seed: int) -> tuple[int, list[int]]:
        level = levels[at]
        groups = [
            level.grow(seed, address, data, free[at])
            for address, data in shapes
            if np.bitwise_count(level.inputs[seed]).sum() <= address
        ]
        saved = [int(level.cost[group].sum()) for group in groups]
        first = max(range(len(groups)), key=saved.__getitem__)
        return saved[first], groups[first]

    seeds = sorted(
        (-int(cells), at, seed) for at, level in enumerate(levels) for seed, cells in enumerate(level.cost)
    )
    heap = []
    for _, at, seed in seeds[:SEEDS]:
        saved, group = best(at, seed)
        heap.append((-saved, at, seed, group))
    heapq.heapify(heap)
    used: set[int] = set()
    group_of: dict[int, list[int]] = {}  # by cell number, the cells in its RAM
    while heap and rams:
        saving, at, seed, group = heapq.heappop(heap)
        if -saving < LEAST:
            break
        if not free[at][seed] or (depth is not None and at not in used and len(used) >= depth):
            continue
        if not free[at][group].all():  # an earlier group took some of them
            saved, group = best(at, seed)
            heapq.heappush(heap, (-saved, at, seed, group))
            continue
        used.add(at)
        rams -= 1
        free[at][group] = False
        cells = [levels[at].cells[member] for member in group]
        group_of.update(dict.fromkeys(cells, cells))
    return _replace(source, group_of) if group_of else netlist


def _replace(netlist: Netlist, group_of: dict[int, list[int]]) -> Netlist:
    out = replace(netlist, cells=[])
    for number, cell in enumerate(netlist.cells):
        group = group_of.get(number)
        if group is None:
            out.cells.append(cell)
            continue
        address = tuple(sorted({net for other in group for net in netlist.cells[other].inputs}))
        k = len(address)
        table = truth.apply(cell.table, [truth.var(address.index(net), k) for net in cell.inputs], truth.full(k))
        out.cells.append(Cell("ram", address, cell.outputs, table, cell.part))
    return out


def gather(netlist: Netlist, shapes: Shapes) -> Netlist:
    """Join `ram` cells of one address, as many as a block RAM has data bits."""
    waiting: dict[tuple[int, ...], list[Cell]] = {}
    for cell in netlist.cells:
        if cell.kind == "ram":
            waiting.setdefault(cell.inputs, []).append(cell)
    if not waiting:
        return netlist
    out = replace(netlist, cells=[])
    for cell in netlist.cells:
        if cell.kind != "ram":
            out.cells.append(cell)
            continue
        cells = waiting.pop(cell.inputs, [])  # at the first one: the address is there
        data = next(data for address, data in shapes if address >= len(cell.inputs))
        for at in range(0, len(cells), data):
            some = cells[at : at + data]
            tables = [table for one in some for table in tables_of(one)]
            out.cells.append(
                Cell(
                    "ram",
                    cell.inputs,
                    tuple(net for one in some for net in one.outputs),
                    sum(table << (number << len(cell.inputs)) for number, table in enumerate(tables)),
                    cell.part,
                )
            )
    return out


def _luts(cell: Cell, target: Family) -> int:
    """LUTs that a table takes outside a RAM."""
    alone = Netlist()
    alone.output("y", [alone.lut(alone.input("x", len(cell.inputs)), cell.table)])
    return lut_cost(map_tables(alone, target.lut_inputs, target.mux_levels), target.lut_inputs)


def _run(tables: Netlist, context: Context) -> Netlist:
    target, registers = context.target, context.options.registers
    if context.options.ram != "auto":
        return tables
    return pack(
        tables,
        target.ram,
        context.device.ram,
        lambda cell: _luts(cell, target),
        target.lut_inputs,
        depth=None if registers is None else registers - 1,  # the last stage is for the answer
    )


PACK = Pass("ram", _run, of="tables", tried=True)
GATHER = Pass("gather", lambda netlist, context: gather(netlist, context.target.ram))
