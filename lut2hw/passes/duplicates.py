"""Signals that are equal, or opposite, or constant, though their logic is not the same: one of them is enough.

Candidates are signals that agree on random and given inputs; each is proved before it is merged, by evaluating both
on all values of the inputs that they depend on. Pairs that depend on more than `MOST` inputs stay (with
`--effort high` ABC's `ifraig` and `scorr` look at those, by SAT).
Source: A. Mishchenko, S. Chatterjee, R. Jiang, R. Brayton, "FRAIGs: a unifying representation for logic synthesis and
verification", ERL Technical Report, UC Berkeley, 2005, on LUTs, and with exhaustive simulation in place of SAT.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lut2hw.bits import Packed
from lut2hw.logic import truth
from lut2hw.logic.graph import FALSE, Graph
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.walk import operands_first
from lut2hw.passes.base import Context, Pass

MOST = 14
"""Inputs of a pair that is proved."""
WORDS = 32
"""Words of 64 random inputs each."""


def merge_equal(netlist: Netlist, examples: Packed | None = None) -> Netlist:
    """A netlist of LUTs without functional duplicates, up to polarity.

    Parameters
    ----------
    examples : Packed, optional
        Packed uint64 (bits of all inputs, n_words), inputs that tell signals apart that random ones do not.
    """
    n = sum(map(len, netlist.inputs.values()))
    stimulus = np.random.default_rng(0).integers(0, 1 << 64, (n, WORDS), np.uint64)
    if examples is not None:
        stimulus = np.concatenate([stimulus, examples], axis=1)
    classes = _classes(netlist, stimulus)
    support = _supports(netlist, {net for group in classes for net in group})
    cells = {cell.outputs[0]: (cell.inputs, cell.table) for cell in netlist.cells}
    same: dict[int, tuple[int, int]] = {}  # net to an earlier net that it equals, and whether inverted
    for group in classes:
        kept: list[int] = []
        for net in group:
            for other in kept:
                if net in cells and (inverted := _proved(net, other, cells, support)) is not None:
                    same[net] = other, inverted
                    break
            else:
                kept.append(net)

    graph = Graph()
    literal = [FALSE, FALSE ^ 1] + [FALSE] * (netlist.n_nets - 2)
    for name, nets in netlist.inputs.items():
        for net, made in zip(nets, graph.input(name, len(nets)), strict=True):
            literal[net] = made
    for cell in netlist.cells:
        [net] = cell.outputs
        if net in same:
            other, inverted = same[net]
            literal[net] = literal[other] ^ inverted
        else:
            literal[net] = graph.lut([literal[x] for x in cell.inputs], cell.table, cell.part)
    graph.outputs = {name: [literal[net] for net in nets] for name, nets in netlist.outputs.items()}
    return graph.netlist()


def _classes(netlist: Netlist, stimulus: Packed) -> list[list[int]]:
    """Nets in rising order that show the same, or the opposite, on every word; net 0 is constant."""
    ports, at = {}, 0
    for name, nets in netlist.inputs.items():
        ports[name] = stimulus[at : at + len(nets)]
        at += len(nets)
    everything = replace(netlist, outputs={"nets": list(range(netlist.n_nets))})
    values = everything.evaluate(**ports)["nets"] if ports else np.zeros((netlist.n_nets, 0), np.uint64)
    values ^= np.uint64(0) - (values[:, :1] & np.uint64(1))
    groups: dict[bytes, list[int]] = {}
    for net in range(netlist.n_nets):
        if net != 1:
            groups.setdefault(values[net].tobytes(), []).append(net)
    return [group for group in groups.values() if len(group) > 1]


def _supports(netlist: Netlist, wanted: set[int]) -> dict[int, frozenset[int] | None]:
    """Inputs that each of the nets depends on, None if more than `MOST`."""
    support: dict[int, frozenset[int] | None] = {0: frozenset(), 1: frozenset()}
    support.update((net, frozenset((net,))) for nets in netlist.inputs.values() for net in nets)
    for cell in netlist.cells:
        parts = [support[net] for net in cell.inputs]
        union = None if None in parts else frozenset().union(*parts)  # type: ignore[arg-type]
        support[cell.outputs[0]] = union if union is not None and len(union) <= MOST else None
    return support


def _proved(
    net: int, other: int, cells: dict[int, tuple[tuple[int, ...], int]], support: dict[int, frozenset[int] | None]
) -> int | None:
    """0 if the nets are equal, 1 if they are opposite, None if they are neither or depend on too much."""
    one, two = support[net], support[other]
    if one is None or two is None or len(one | two) > MOST:
        return None
    inputs = sorted(one | two)
    k = len(inputs)
    ones = truth.full(k)
    value = {0: 0, 1: ones, **{x: truth.var(j, k) for j, x in enumerate(inputs)}}
    for at in operands_first([net, other], lambda at: cells[at][0], value):
        operands, table = cells[at]
        value[at] = truth.apply(table, [value[x] for x in operands], ones)
    difference = value[net] ^ value[other]
    return 0 if difference == 0 else 1 if difference == ones else None


def _run(netlist: Netlist, context: Context) -> Netlist:
    if any(cell.kind == "table" for cell in netlist.cells):
        return netlist
    made = merge_equal(netlist)
    return netlist if made == netlist else made


PASS = Pass("duplicates", _run, of="tables")
