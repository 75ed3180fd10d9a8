"""Fewer pipeline registers at the same period and latency: each row of registers moves to a minimum cut.

Retiming with the fewest registers (C. E. Leiserson and J. B. Saxe, "Retiming synchronous circuitry", Algorithmica 6,
1991) on a pipeline is one minimum cut for each row of registers if the rows beside it stay where they are: a cell of
the two stages between them may lie on either side as long as the paths inside both stages keep the period. As in
A. P. Hurst, A. Mishchenko and R. K. Brayton, "Fast minimum-register retiming via binary maximum-flow" (FMCAD 2007)
the cut is a maximum flow. Rows are visited in turn until none gets smaller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from lut2hw.passes.timing import Timing

ROUNDS = 8
"""Visits of all rows, at most."""
NEVER = 1 << 28  # capacity of an edge that no cut may take


class _Net:
    """Driver (a cell, or None for an input), cells that read it, and whether an output port shows it."""

    __slots__ = ("driver", "lut", "output", "readers")

    def __init__(self, driver: int | None, lut: bool) -> None:
        self.driver, self.lut, self.output = driver, lut, False
        self.readers: list[int] = []


def _nets(timing: Timing) -> dict[int, _Net]:
    netlist = timing.netlist
    nets: dict[int, _Net] = {net: _Net(None, False) for port in netlist.inputs.values() for net in port}
    for number, cell in enumerate(netlist.cells):
        for net in dict.fromkeys(cell.inputs):
            if net > 1:
                nets[net].readers.append(number)
        for net in cell.outputs:
            nets[net] = _Net(number, cell.kind == "lut")
    for port in netlist.outputs.values():
        for net in port:
            if net > 1:
                nets[net].output = True
    return {number: net for number, net in nets.items() if net.readers or net.output}


def cost(timing: Timing, nets: Iterable[_Net], stage: Sequence[int], last: int, ff: int, cell: int) -> int:
    """`ff` for each register of some nets, and `cell` more for each that does not alone follow a LUT."""
    total = 0
    for net in nets:
        at = 0 if net.driver is None else stage[net.driver] + timing.registered[net.driver]
        ends = [stage[reader] for reader in net.readers]
        if net.output:
            ends.append(last + 1)
        count = max(ends) - at
        total += count * (ff + cell) - cell * (count > 0 and net.lut and min(ends) > at)
    return total


def _weights(shared: bool) -> tuple[int, int]:
    """What a register costs, and how much more one that does not share a LUT's cell."""
    return (1, 8) if shared else (1, 0)


def registers_of(timing: Timing, stage: Sequence[int], last: int, *, shared: bool) -> int:
    """What all registers cost, as `retime` counts."""
    return cost(timing, _nets(timing).values(), stage, last, *_weights(shared))


def retime(
    timing: Timing, stage: list[int], last: int, period: float, *, shared: bool, rounds: int = ROUNDS
) -> list[int]:
    """Stages of a netlist's cells with fewer registers, none longer than `period` if none was.

    Parameters
    ----------
    rounds : int, default=ROUNDS
        Visits of all rows, at most.
    shared : bool
        A register that alone follows a LUT is in the LUT's cell, so that registers elsewhere cost a cell more.
    """
    nets = _nets(timing)
    ff, cell = _weights(shared)
    visits = dict.fromkeys(range(1, last + 1), True)  # by row, whether a stage beside it changed
    for _ in range(rounds):
        for row in visits:
            if not visits[row]:
                continue
            visits[row] = False
            after = _move_row(timing, nets, stage, row, last, period, ff, cell)
            if after is not None:
                stage = after
                visits.update({at: True for at in (row - 1, row + 1) if at in visits})
        if not any(visits.values()):
            break
    return stage


def _sides(
    timing: Timing, stage: list[int], row: int, inside: list[int], period: float
) -> tuple[dict[int, bool], dict[int, bool]]:
    """By block of the stages beside a row: may it lie before the row, and may it lie behind?"""
    block, registered = timing.block, timing.registered
    among = set(inside)
    most = period * (1 + 1e-9)
    arrival: dict[int, float] = {}
    early: dict[int, bool] = {}
    for name in inside:
        longest, fresh = 0.0, True
        for number in timing.members[name]:
            start = timing.entry[number] + (timing.port[number] if row == 1 else 0.0)
            for source, way in timing.sources[number]:
                if block[source] in among and not registered[source]:
                    start = max(start, arrival[source] + way)
                    fresh &= block[source] == name
                elif stage[source] == row - 2 and registered[source]:
                    start, fresh = max(start, timing.delay[source] + way), False
            arrival[number] = start + (0.0 if registered[number] else timing.delay[number])
            longest = max(longest, arrival[number])
        early[name] = longest <= most or fresh
    tail: dict[int, float] = {}
    late: dict[int, bool] = {}
    for name in reversed(inside):
        longest, alone, may = 0.0, True, True
        for number in reversed(timing.members[name]):
            readers = timing.users[number]
            after = 0.0
            if registered[number]:
                # the next stage would have to wait for the RAM where it does not now
                may &= stage[number] == row or all(stage[reader] > row + 1 for reader, _ in readers)
            else:
                for reader, way in readers:
                    if block[reader] in among:
                        after = max(after, tail[reader] + way)
                        alone &= block[reader] == name
                after += timing.delay[number]
            tail[number] = after
            wait = max(
                (
                    timing.delay[source] + way
                    for source, way in timing.sources[number]
                    if registered[source] and stage[source] == row - 1
                ),
                default=0.0,
            )
            alone &= wait == 0
            longest = max(longest, max(wait, timing.entry[number]) + after)
        late[name] = may and (longest <= most or alone)
    return early, late


def _move_row(
    timing: Timing, nets: Mapping[int, _Net], stage: list[int], row: int, last: int, period: float, ff: int, cell: int
) -> list[int] | None:
    """The stages with a row of registers at a minimum cut; None if that is no better."""
    block, registered, cells = timing.block, timing.registered, timing.netlist.cells
    inside = [name for name in timing.order if row - 1 <= stage[timing.members[name][0]] <= row]
    node = {name: 2 + index for index, name in enumerate(inside)}  # node 0 is before the row, node 1 behind it
    size = 2 + len(inside)
    tails: list[int] = []
    heads: list[int] = []
    capacities: list[int] = []

    def edge(tail: int, head: int, capacity: int) -> None:
        """Pay `capacity` if `tail` lies before the row and `head` behind it."""
        tails.append(tail)
        heads.append(head)
        capacities.append(capacity)

    early, late = _sides(timing, stage, row, inside, period)
    for name in inside:
        if not early[name]:
            edge(node[name], 1, NEVER)
        if not late[name]:
            edge(0, node[name], NEVER)
    touched = {
        net
        for name in inside
        for number in timing.members[name]
        for net in (*cells[number].inputs, *cells[number].outputs)
        if net in nets
    }
    for net in (nets[number] for number in sorted(touched)):
        driver = net.driver
        here = {node[block[reader]] for reader in net.readers if block[reader] in node}
        beyond = net.output or any(stage[reader] > row for reader in net.readers)
        if driver is None or block[driver] not in node:
            if not beyond:  # it crosses the row if some reader lies behind
                edge(0, size, ff + cell)
                for reader in here:
                    edge(size, reader, NEVER)
                size += 1
            continue
        u = node[block[driver]]
        if registered[driver]:  # what it shows, it shows behind the row
            if here:
                edge(0, u, NEVER)
                for reader in here:
                    edge(reader, 1, NEVER)
            elif beyond:
                edge(u, 1, ff + cell)
            continue
        alone = net.lut and u not in here  # the first register can be in the LUT's cell
        here.discard(u)
        for reader in here:
            edge(reader, u, NEVER)
        if beyond and here and alone:
            edge(u, 1, ff)
            edge(size, 1, cell)
            for reader in here:  # one before the row takes the LUT's output from its cell's register
                edge(reader, size, NEVER)
            size += 1
        elif beyond:
            edge(u, 1, ff + cell)
        elif here:
            edge(u, size, ff if alone else ff + cell)
            for reader in here:
                edge(size, reader, NEVER)
            if alone and cell:
                edge(size + 1, size, cell)
                for reader in here:
                    edge(reader, size + 1, NEVER)
                size += 1
            size += 1
    graph = coo_matrix((np.array(capacities, np.int64), (tails, heads)), shape=(size, size)).tocsr()
    graph.data = np.minimum(graph.data, NEVER)
    graph = graph.astype(np.int32)
    residual = graph - maximum_flow(graph, 0, 1).flow
    residual.data = np.maximum(residual.data, 0)
    residual.eliminate_zeros()
    before = np.zeros(size, bool)
    before[breadth_first_order(residual, 0, return_predecessors=False)] = True
    out = list(stage)
    for name in inside:
        for number in timing.members[name]:
            out[number] = row - 1 if before[node[name]] else row
    some = [nets[number] for number in touched]
    return out if cost(timing, some, out, last, ff, cell) < cost(timing, some, stage, last, ff, cell) else None
