"""A netlist as pipeline stages see it: what must stay together, what feeds what, and how long it takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from lut2hw.logic.netlist import Cell, Netlist

Delay = Callable[[Cell], float]
"""Delay of a cell."""


def blocks(netlist: Netlist) -> list[int]:
    """By cell, the number of its block, the cells of which must share a stage."""
    driver = {net: number for number, cell in enumerate(netlist.cells) for net in cell.outputs}
    chained = {cell.outputs[position] for cell in netlist.cells for position in netlist.kinds[cell.kind].chained}
    n = len(netlist.cells)
    edges, ties = [], []
    for number, cell in enumerate(netlist.cells):
        beside = netlist.kinds[cell.kind].beside
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

    sources: by cell, the cells it reads and the delay on the way.

    Parameters
    ----------
    delay : Delay
        By cell; that of a registered cell is from the clock to its output. entry: by cell, the delay on the way from
        registers.
    port : float, default=0.0
        In the first stage also that from the inputs. registered: 1 for registered cells.
    """

    def __init__(self, netlist: Netlist, delay: Delay, enter: float = 0.0, port: float = 0.0) -> None:
        cells = netlist.cells
        driver = {net: number for number, cell in enumerate(cells) for net in cell.outputs}
        self.netlist = netlist
        self.delay = [delay(cell) for cell in cells]
        self.registered = [netlist.kinds[cell.kind].registered for cell in cells]
        chained = {cell.outputs[position] for cell in cells for position in netlist.kinds[cell.kind].chained}
        on_chain = [bool(netlist.kinds[cell.kind].chained) for cell in cells]
        self.sources = [
            [
                (driver[net], enter if on_chain[number] and net not in chained else 0.0)
                for net in cell.inputs
                if net in driver
            ]
            for number, cell in enumerate(cells)
        ]
        self.entry = [
            enter if chain and any(net > 1 and net not in chained for net in cell.inputs) else 0.0
            for chain, cell in zip(on_chain, cells, strict=True)
        ]
        inputs = {net for nets in netlist.inputs.values() for net in nets}
        self.port = [port if not inputs.isdisjoint(cell.inputs) else 0.0 for cell in cells]

    @cached_property
    def users(self) -> list[list[tuple[int, float]]]:
        """By cell, the cells that read it and the delay on the way."""
        users: list[list[tuple[int, float]]] = [[] for _ in self.sources]
        for number, sources in enumerate(self.sources):
            for source, way in sources:
                users[source].append((number, way))
        return users

    @cached_property
    def block(self) -> list[int]:
        """Block of each cell."""
        return blocks(self.netlist)

    @cached_property
    def members(self) -> list[list[int]]:
        """Cells of each block."""
        members: list[list[int]] = [[] for _ in range(max(self.block, default=-1) + 1)]
        for number, name in enumerate(self.block):
            members[name].append(number)
        return members

    @cached_property
    def before(self) -> list[list[int]]:
        """Cells of other blocks that each block reads."""
        return [
            sorted({source for number in cells for source, _ in self.sources[number] if self.block[source] != name})
            for name, cells in enumerate(self.members)
        ]

    def longest(self) -> float:
        """The longest path between registers of a netlist that has them."""
        arrival = [0.0] * len(self.delay)
        out = 0.0
        for number, cell in enumerate(self.netlist.cells):
            start = max((arrival[source] + way for source, way in self.sources[number]), default=0.0)
            start = max(start, self.entry[number] + self.port[number])
            arrival[number] = self.delay[number] + (0.0 if self.registered[number] else start)
            if cell.kind != "ff":  # the way to a register is in no stage's delay
                out = max(out, start, arrival[number])
        return out

    @cached_property
    def order(self) -> list[int]:
        """Blocks, each after those it reads: they become ready in an order that their first cells need not have."""
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
