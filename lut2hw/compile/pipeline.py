"""Pipeline registers: the same number on every path.

A carry chain and all cells that read its carries stay in one stage. Stages follow the delay: each cell is placed as
early as it can be, and a register goes in where a stage would become longer than the period.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from lut2hw.compile.netlist import KINDS, Cell, Netlist

Delay = Callable[[Cell], float]


def blocks(netlist: Netlist) -> list[int]:
    """By cell, the number of its block, the cells of which must share a stage; blocks are in topological order."""
    driver = {net: number for number, cell in enumerate(netlist.cells) for net in cell.outputs}
    chained = {cell.outputs[position] for cell in netlist.cells for position in KINDS[cell.kind].chained}
    n = len(netlist.cells)
    edges, ties = [], []
    for number, cell in enumerate(netlist.cells):
        for net in cell.inputs:
            source = driver.get(net)
            if source is not None:
                edges.append((source, number))
                if net in chained:
                    ties.append((number, source))
    if not n:
        return []
    pairs = np.array(edges + ties, np.int64).reshape(-1, 2)
    matrix = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    # A tie runs both ways, so what must share a stage is strongly connected.
    _, label = connected_components(matrix, directed=True, connection="strong")
    first: dict[int, int] = {}
    return [first.setdefault(int(name), len(first)) for name in label]


def stages(netlist: Netlist, delay: Delay, period: float) -> tuple[list[int], int]:
    """Stage of each cell so that no stage's delay exceeds `period` if any cell's does not, and the last stage."""
    block = blocks(netlist)
    members: dict[int, list[int]] = {}
    for number, name in enumerate(block):
        members.setdefault(name, []).append(number)
    driver = {net: number for number, cell in enumerate(netlist.cells) for net in cell.outputs}
    stage, arrival = [0] * len(block), [0.0] * len(block)

    def place(name: int) -> None:
        cells = members[name]
        outside = {driver[net] for number in cells for net in netlist.cells[number].inputs
                   if net in driver and block[driver[net]] != name}
        at = max((stage[source] for source in outside), default=0)
        while True:
            longest = 0.0
            for number in cells:
                cell = netlist.cells[number]
                start = max((arrival[driver[net]] for net in cell.inputs
                             if net in driver and stage[driver[net]] == at), default=0.0)
                stage[number], arrival[number] = at, start + delay(cell)
                longest = max(longest, arrival[number])
            fresh = not any(stage[source] == at for source in outside)
            if longest <= period or fresh:
                break
            at += 1

    # Blocks become ready in an order that their first cells need not have.
    waiting = {name: {block[driver[net]] for number in cells for net in netlist.cells[number].inputs
                      if net in driver} - {name} for name, cells in members.items()}
    users: dict[int, list[int]] = {}
    for name, sources in waiting.items():
        for source in sources:
            users.setdefault(source, []).append(name)
    ready = [name for name, sources in waiting.items() if not sources]
    left = {name: len(sources) for name, sources in waiting.items()}
    while ready:
        name = ready.pop()
        place(name)
        for user in users.get(name, ()):
            left[user] -= 1
            if not left[user]:
                ready.append(user)
    return stage, max(stage, default=0)


def register(netlist: Netlist, stage: list[int], last: int, *, output: bool) -> Netlist:
    """Put registers on every net that passes from one stage to a later one; `output` adds one behind the last."""
    out = Netlist()
    new, when = [0, 1] + [0] * (netlist.n_nets - 2), [0] * netlist.n_nets
    part = ["lut"] * netlist.n_nets
    late: dict[tuple[int, int], int] = {}

    def at(net: int, wanted: int) -> int:
        """The new net that shows `net` in stage `wanted`."""
        if net < 2 or wanted <= when[net]:
            return new[net]
        key = (net, wanted)
        if key not in late:
            late[key] = out.cell("ff", (at(net, wanted - 1),), part=part[net])[0]
        return late[key]

    for name, nets in netlist.inputs.items():
        for net, value in zip(nets, out.input(name, len(nets)), strict=True):
            new[net] = value
    for cell, here in zip(netlist.cells, stage, strict=True):
        inputs = [at(net, here) for net in cell.inputs]
        made = out.cell(cell.kind, inputs, len(cell.outputs), table=cell.table, part=cell.part)
        for net, value in zip(cell.outputs, made, strict=True):
            new[net], when[net], part[net] = value, here, cell.part
    for name, nets in netlist.outputs.items():
        out.output(name, [at(net, last + output) for net in nets])
    return out


def pipeline(netlist: Netlist, registers: int | None, delay: Delay, period: float) -> Netlist:
    """A netlist of latency `registers`, or of as many as `period` asks for if None (one at least, at the outputs).

    delay: of each cell, in the unit of `period`.
    """
    if registers == 0 or not netlist.cells:
        return netlist
    if registers is None:
        return register(netlist, *stages(netlist, delay, period), output=True)
    # The shortest period that needs no more registers.
    low, high = 0.0, 1 + max(delay(cell) for cell in netlist.cells)
    while stages(netlist, delay, high)[1] > registers - 1:
        low, high = high, 2 * high
    for _ in range(12):
        middle = (low + high) / 2
        if stages(netlist, delay, middle)[1] > registers - 1:
            low = middle
        else:
            high = middle
    stage, _ = stages(netlist, delay, high)
    return register(netlist, stage, registers - 1, output=True)
