"""Pipeline registers: the same number on every path.

A carry chain and all cells that read its carries stay in one stage, and so do a hard multiplexer and its LUTs. A
block RAM is a register itself: what it reads is in its stage, what it shows in the next. Stages follow the delay:
each cell is placed as early as it can be, and a register goes in where a stage would become longer than the period;
then `retime` moves cells where that takes fewer registers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from lut2hw.logic.netlist import KINDS, Cell, Netlist
from lut2hw.passes.retime import registers_of, retime

Delay = Callable[[Cell], float]

TWICE = 50_000
"""Cells up to which retiming starts from the latest stages, too, and visits a row more than once."""


def blocks(netlist: Netlist) -> list[int]:
    """By cell, the number of its block, the cells of which must share a stage."""
    driver = {net: number for number, cell in enumerate(netlist.cells) for net in cell.outputs}
    chained = {cell.outputs[position] for cell in netlist.cells for position in KINDS[cell.kind].chained}
    n = len(netlist.cells)
    edges, ties = [], []
    for number, cell in enumerate(netlist.cells):
        beside = KINDS[cell.kind].beside
        for position, net in enumerate(cell.inputs):
            source = driver.get(net)
            if source is not None:
                edges.append((source, number))
                if net in chained or position in beside:
                    ties.append((number, source))
    if not n:
        return []
    pairs = np.array(edges + ties, np.int64).reshape(-1, 2)
    matrix = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    # A tie runs both ways, so what must share a stage is strongly connected.
    _, label = connected_components(matrix, directed=True, connection="strong")
    first: dict[int, int] = {}
    return [first.setdefault(int(name), len(first)) for name in label]


class Timing:
    """A netlist as stages see it: blocks in topological order, delays, and which cells feed which.

    block: by cell. members: cells by block. order: blocks, each after those it reads. sources: by cell, the cells it
    reads and the delay on the way; users: the same from the other end. delay: by cell; that of a registered cell is
    from the clock to its output. entry: by cell, the delay on the way from registers; port: in the first stage also
    that from the inputs. registered: 1 for registered cells.
    """

    def __init__(self, netlist: Netlist, delay: Delay, enter: float = 0.0, port: float = 0.0) -> None:
        cells = netlist.cells
        driver = {net: number for number, cell in enumerate(cells) for net in cell.outputs}
        self.netlist = netlist
        self.block = blocks(netlist)
        self.delay = [delay(cell) for cell in cells]
        self.registered = [KINDS[cell.kind].registered for cell in cells]
        chained = {cell.outputs[position] for cell in cells for position in KINDS[cell.kind].chained}
        on_chain = [bool(KINDS[cell.kind].chained) for cell in cells]
        self.sources = [
            [
                (driver[net], enter if on_chain[number] and net not in chained else 0.0)
                for net in cell.inputs
                if net in driver
            ]
            for number, cell in enumerate(cells)
        ]
        self.users: list[list[tuple[int, float]]] = [[] for _ in cells]
        for number, sources in enumerate(self.sources):
            for source, way in sources:
                self.users[source].append((number, way))
        self.entry = [
            enter if chain and any(net > 1 and net not in chained for net in cell.inputs) else 0.0
            for chain, cell in zip(on_chain, cells, strict=True)
        ]
        inputs = {net for nets in netlist.inputs.values() for net in nets}
        self.port = [port if not inputs.isdisjoint(cell.inputs) else 0.0 for cell in cells]
        self.members: list[list[int]] = [[] for _ in range(max(self.block, default=-1) + 1)]
        for number, name in enumerate(self.block):
            self.members[name].append(number)
        self.before: list[list[int]] = [
            sorted({source for number in cells_ for source, _ in self.sources[number] if self.block[source] != name})
            for name, cells_ in enumerate(self.members)
        ]
        self.order = self._order()

    def _order(self) -> list[int]:
        """Blocks become ready in an order that their first cells need not have."""
        users: list[list[int]] = [[] for _ in self.members]
        left = []
        for name, sources in enumerate(self.before):
            distinct = {self.block[source] for source in sources}
            left.append(len(distinct))
            for source in distinct:
                users[source].append(name)
        order = [name for name, count in enumerate(left) if not count]
        for name in order:
            for user in users[name]:
                left[user] -= 1
                if not left[user]:
                    order.append(user)
        return order

    def stages(self, period: float) -> list[int]:
        """Stage of each cell, the earliest so that no stage's delay exceeds `period` if no block's does."""
        n = len(self.block)
        stage, shown, arrival = [0] * n, [0] * n, [0.0] * n  # shown: the stage of the outputs
        for name in self.order:
            cells, outside = self.members[name], self.before[name]
            at = max((shown[source] for source in outside), default=0)
            while True:
                longest = 0.0
                for number in cells:
                    start = max(
                        (arrival[source] + way for source, way in self.sources[number] if shown[source] == at),
                        default=0.0,
                    )
                    start = max(start, self.entry[number] + (0.0 if at else self.port[number]))
                    stage[number], shown[number] = at, at + self.registered[number]
                    arrival[number] = self.delay[number] + (0.0 if self.registered[number] else start)
                    longest = max(longest, start if self.registered[number] else arrival[number])
                if longest <= period or not any(shown[source] == at for source in outside):
                    break
                at += 1
        return stage

    def latest(self, period: float, last: int) -> list[int] | None:
        """Stage of each cell, the latest, so that no path inside a stage exceeds `period` if no block does; None if
        that takes more than `last` + 1 stages, or if a block RAM would be read too late.
        """
        n = len(self.block)
        users = self.users
        stage, tail = [last] * n, [0.0] * n
        for name in reversed(self.order):
            cells = self.members[name]
            at = last
            for number in cells:
                at = min(
                    [
                        at,
                        *(
                            stage[user] - self.registered[number]
                            for user, _ in users[number]
                            if self.block[user] != name
                        ),
                    ]
                )
            while True:
                longest = 0.0
                for number in reversed(cells):
                    stage[number] = at
                    after = max(
                        (
                            tail[user] + way
                            for user, way in users[number]
                            if stage[user] == at + self.registered[number]
                        ),
                        default=0.0,
                    )
                    tail[number] = 0.0 if self.registered[number] else self.delay[number] + after
                    way = self.entry[number] + (0.0 if at else self.port[number])
                    longest = max(longest, way + self.delay[number] + after)
                if longest <= period or not any(
                    stage[user] == at + self.registered[number]
                    for number in cells
                    for user, _ in users[number]
                    if self.block[user] != name
                ):
                    break
                at -= 1
            if at < 0:
                return None
        return stage


def stages(netlist: Netlist, delay: Delay, period: float) -> tuple[list[int], int]:
    """Earliest stage of each cell, and the last stage; see `Timing.stages`."""
    stage = Timing(netlist, delay).stages(period)
    return stage, max(stage, default=0)


def longest(netlist: Netlist, delay: Delay, enter: float = 0.0, port: float = 0.0) -> float:
    """The longest path between registers of a pipelined netlist, counted as `Timing` does."""
    arrival = [0.0] * netlist.n_nets
    for nets in netlist.inputs.values():
        for net in nets:
            arrival[net] = port
    chained = {cell.outputs[position] for cell in netlist.cells for position in KINDS[cell.kind].chained}
    out = 0.0
    for cell in netlist.cells:
        way = enter if KINDS[cell.kind].chained else 0.0
        start = max((arrival[net] + way * (net > 1 and net not in chained) for net in cell.inputs), default=0.0)
        end = delay(cell) if KINDS[cell.kind].registered else start + delay(cell)
        if cell.kind != "ff":  # the way to a register is in no stage's delay
            out = max(out, start, end)
        for net in cell.outputs:
            arrival[net] = end
    return out


def register(netlist: Netlist, stage: list[int], last: int) -> Netlist:
    """Put registers on every net that passes from one stage to a later one, and behind the last stage."""
    out = Netlist()
    new, when = [0, 1] + [0] * (netlist.n_nets - 2), [0] * netlist.n_nets
    part = ["lut"] * netlist.n_nets
    late: dict[tuple[int, int], int] = {}

    def at(net: int, wanted: int) -> int:
        """The new net that shows `net` in stage `wanted`."""
        value = new[net]
        if net >= 2:
            for here in range(when[net] + 1, wanted + 1):
                if (net, here) not in late:
                    late[net, here] = out.cell("ff", (value,), part=part[net])[0]
                value = late[net, here]
        return value

    for name, nets in netlist.inputs.items():
        for net, value in zip(nets, out.input(name, len(nets)), strict=True):
            new[net] = value
    for cell, here in zip(netlist.cells, stage, strict=True):
        inputs = [at(net, here) for net in cell.inputs]
        made = out.cell(cell.kind, inputs, len(cell.outputs), table=cell.table, part=cell.part)
        for net, value in zip(cell.outputs, made, strict=True):
            new[net], when[net], part[net] = value, here + KINDS[cell.kind].registered, cell.part
    for name, nets in netlist.outputs.items():
        out.output(name, [at(net, last + 1) for net in nets])
    return out


def pipeline(
    netlist: Netlist,
    registers: int | None,
    delay: Delay,
    period: float,
    *,
    enter: float = 0.0,
    port: float = 0.0,
    shared: bool = False,
) -> Netlist:
    """A netlist of latency `registers`, or of as many as `period` asks for if None (one at least, at the outputs).

    delay: of each cell, in the unit of `period`. enter: more of it on the way into a carry chain; port: from the
    inputs. shared: a register that alone follows a LUT is in the LUT's cell.
    Errors: ValueError if block RAMs alone take more than `registers`.
    """
    if registers == 0 or not netlist.cells:
        return netlist
    timing = Timing(netlist, delay, enter, port)
    if registers is None:
        stage = timing.stages(period)
        last = max(stage)
    else:
        last = registers - 1
        # The shortest period that needs no more registers.
        low, high = 0.0, 1 + max(timing.delay) + enter + port
        if max(timing.stages(sum(timing.delay) + enter * len(timing.delay) + port + 1)) > last:
            raise ValueError(f"block RAMs alone take more than {registers} stages")
        while max(timing.stages(high)) > last:
            low, high = high, 2 * high
        for _ in range(12):
            middle = (low + high) / 2
            if max(timing.stages(middle)) > last:
                low = middle
            else:
                high = middle
        period = high
        stage = timing.stages(period)
    if len(netlist.cells) > TWICE:
        stage = retime(timing, stage, last, period, shared=shared, rounds=1)
    else:
        stage = retime(timing, stage, last, period, shared=shared)
        # Where moving stops depends on where it began.
        late = timing.latest(period, last)
        if late is not None:
            late = retime(timing, late, last, period, shared=shared)
            stage = min(stage, late, key=lambda stage: registers_of(timing, stage, last, shared=shared))
    return register(netlist, stage, last)
