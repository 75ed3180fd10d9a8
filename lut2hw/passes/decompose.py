"""Tables wider than the target's LUT: Shannon expansion with shared cofactors, or disjoint decomposition.

Expansion: C. E. Shannon, 1949. Decomposition: the inputs of a bound set act through a few bits that say which column
of the chart they select, if few columns differ: R. L. Ashenhurst, "The decomposition of switching functions", 1957;
H. A. Curtis, "A new approach to the design of switching circuits", 1962; for LUTs and with don't-cares T. Sasao,
"FPGA design by generalized functional decomposition", 1993. A random table has no such bound set; one that was
completed where it is free does.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from lut2hw.logic import truth
from lut2hw.logic.graph import MUX, Graph
from lut2hw.logic.netlist import Netlist

WIDEST_CHART = 10
"""Inputs of the widest table that is searched for bound sets."""


class Bound(NamedTuple):
    """f(x) = g(free inputs, codes): codes are functions of the bound inputs."""

    bound: tuple[int, ...]
    """Input numbers."""
    free: tuple[int, ...]
    """Input numbers."""
    codes: tuple[int, ...]
    """Tables over the bound inputs."""
    table: int
    """G, its inputs the free ones, then the codes."""
    care: int
    """G, its inputs the free ones, then the codes."""

    @property
    def k(self) -> int:
        """Inputs of g."""
        return len(self.free) + len(self.codes)

    def joined(self, g: int, k: int) -> int:
        """The table of f over its k inputs, with `g` in place of `table`."""
        ones = truth.full(k)
        inputs = [truth.var(j, k) for j in range(k)]
        codes = [truth.apply(code, [inputs[j] for j in self.bound], ones) for code in self.codes]
        return truth.apply(g, [*(inputs[j] for j in self.free), *codes], ones)


def _charts(
    table: int, care: int, free: tuple[int, ...], bound: tuple[int, ...], first: int, size: int
) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """Every way to move free inputs from position `first` on behind the others until `size` inputs are bound.

    Returns
    -------
    Iterator[tuple[tuple[int, ...], int, int]]
        The bound inputs, and table and care over the free inputs, then the bound ones.
    """
    if len(bound) == size:
        yield bound, table, care
        return
    k = len(free) + len(bound)
    full = care == truth.full(k)
    for at in range(first, len(free) - (size - len(bound)) + 1):
        yield from _charts(
            truth.to_top(table, k, at),
            care if full else truth.to_top(care, k, at),
            free[:at] + free[at + 1 :],
            (*bound, free[at]),
            at,
            size,
        )


def _columns(table: int, k: int, size: int) -> list[int]:
    """The function of the free inputs for each pattern of the bound ones."""
    rows = 1 << (k - size)
    mask = (1 << rows) - 1
    return [table >> p * rows & mask for p in range(1 << size)]


def bound_set(table: int, care: int, k: int, size: int) -> Bound | None:
    """The decomposition with the fewest codes, of those the one with the fewest columns; None if none saves an input.

    Parameters
    ----------
    size : int
        Inputs of the bound set. Columns that agree where both count are one.
    """
    best = None
    for bound, moved, moved_care in _charts(table, care, tuple(range(k)), (), 0, size):
        most = best[0] - 1 if best is not None else 1 << (size - 1)
        values, counts = _columns(moved, k, size), _columns(moved_care, k, size)
        classes: list[tuple[int, int]] = []
        of = [0] * len(values)
        # columns that count in many places first: the others fit in somewhere
        for p in sorted(range(len(values)), key=lambda p: -counts[p].bit_count()):
            for number, (v, c) in enumerate(classes):
                if not (v ^ values[p]) & c & counts[p]:
                    classes[number] = v & c | values[p] & ~c & counts[p], c | counts[p]
                    of[p] = number
                    break
            else:
                if len(classes) >= most:
                    break
                of[p] = len(classes)
                classes.append((values[p] & counts[p], counts[p]))
        else:
            best = len(classes), bound, classes, of
    if best is None:
        return None
    number, bound, classes, of = best
    n_codes = max(number - 1, 0).bit_length()
    free = tuple(j for j in range(k) if j not in bound)
    codes = tuple(sum(1 << p for p, c in enumerate(of) if c >> t & 1) for t in range(n_codes))
    rows = 1 << len(free)
    g = counted = 0
    for code in range(1 << n_codes):
        # a code that never comes acts like the one without its highest bit
        value, cared = classes[code] if code < number else (classes[code ^ 1 << code.bit_length() - 1][0], 0)
        g |= value << code * rows
        counted |= cared << code * rows
    return Bound(bound, free, codes, g, counted)


@lru_cache(maxsize=1 << 14)
def luts(table: int, k: int, lut_inputs: int, decompose: bool = True) -> int:
    """LUTs of a table on its own."""
    graph = Graph()
    literal = expand(graph, tuple(graph.input("x", k)), table, lut_inputs, "lut", decompose)
    graph.outputs["y"] = [literal]
    return sum(graph.live()[1 + k :])


@lru_cache(maxsize=1 << 14)
def _chart(table: int, k: int, lut_inputs: int) -> Bound | None:
    """The decomposition of a table if it takes fewer LUTs than expansion."""
    found = bound_set(table, truth.full(k), k, lut_inputs)
    if found is None:
        return None
    decomposed = len(found.codes) + luts(found.table, found.k, lut_inputs)
    return found if decomposed < luts(table, k, lut_inputs, False) else None


@lru_cache(maxsize=1 << 14)
def _split(table: int, k: int) -> int:
    """The input to expand by: that with the fewest inputs left in the cofactors, the last of equals."""

    def left(j: int) -> int:
        low, high = truth.cofactors(table, k, j)
        if low in (high, high ^ truth.full(k - 1)):
            return sum(truth.depends(low, k - 1, i) for i in range(k - 1))
        return sum(truth.depends(half, k - 1, i) for half in (low, high) for i in range(k - 1))

    return min(range(k - 1, -1, -1), key=left)


def expand(
    graph: Graph, inputs: tuple[int, ...], table: int, lut_inputs: int, part: str, decompose: bool = True
) -> int:
    """The literal of a LUT of any width, built of LUTs of at most `lut_inputs` inputs.

    Parameters
    ----------
    decompose : bool, default=True
        Look for bound sets, not only cofactors.
    """
    nodes, table, inverted = truth.reduce(table, inputs)
    k = len(nodes)
    literals = tuple(2 * node for node in nodes)
    if k <= lut_inputs:
        return graph.lut(literals, table, part) ^ inverted
    chart = _chart(table, k, lut_inputs) if decompose and lut_inputs + 1 < k <= WIDEST_CHART else None
    if chart is not None:
        codes = [graph.lut([literals[j] for j in chart.bound], code, part) for code in chart.codes]
        return expand(graph, (*(literals[j] for j in chart.free), *codes), chart.table, lut_inputs, part) ^ inverted
    j = _split(table, k) if k <= 10 else k - 1
    low, high = truth.cofactors(table, k, j)
    rest = literals[:j] + literals[j + 1 :]
    if k > lut_inputs + 1 and lut_inputs == 4:
        i = _split(low, k - 1) if k <= 11 else k - 2
        quarters = [*truth.cofactors(low, k - 1, i), *truth.cofactors(high, k - 1, i)]
        below = rest[:i] + rest[i + 1 :]
        a, b, c, d = (expand(graph, below, quarter, lut_inputs, part, decompose) for quarter in quarters)
        return mux4(graph, (a, b, c, d), rest[i], literals[j], part) ^ inverted
    a = expand(graph, rest, low, lut_inputs, part, decompose)
    b = expand(graph, rest, high, lut_inputs, part, decompose)
    return graph.lut((a, b, literals[j]), MUX, part) ^ inverted


def mux4(graph: Graph, data: tuple[int, int, int, int], s0: int, s1: int, part: str) -> int:
    """data[s0 + 2 * s1] in two LUT4s: the first passes s0 on where the second has to choose."""
    a, b, c, d = data
    if a == b or c == d or (a >> 1, b >> 1) == (c >> 1, d >> 1):
        low, high = graph.lut((a, b, s0), MUX, part), graph.lut((c, d, s0), MUX, part)
        return graph.lut((low, high, s1), MUX, part)
    # index of the first: a, b, s0, s1; of the second: first, c, d, s1
    first = sum(1 << p for p in range(16) if (p >> 2 & 1 if p & 8 else p >> (p >> 2 & 1) & 1))
    second = sum(1 << p for p in range(16) if (p >> (1 + (p & 1)) & 1 if p & 8 else p & 1))
    return graph.lut((graph.lut((a, b, s0, s1), first, part), c, d, s1), second, part)


def shannon(netlist: Netlist, lut_inputs: int, *, decompose: bool = True) -> Netlist:
    """The netlist with no LUT of more than `lut_inputs` inputs.

    Parameters
    ----------
    decompose : bool, default=True
        Also by bound sets, not only cofactors.
    """
    source, graph = Graph.of(netlist), Graph()
    literal = [0]
    for name, literals in source.inputs.items():
        literal += graph.input(name, len(literals))
    for node in source.nodes[len(literal) :]:
        inputs = tuple(literal[x >> 1] ^ x & 1 for x in node.inputs)
        if node.kind == "lut":
            literal.append(expand(graph, inputs, node.table, lut_inputs, node.part, decompose))
        else:
            literal.append(graph.of_kind(node.kind, inputs, node.table, node.part))
    graph.outputs = {name: [literal[x >> 1] ^ x & 1 for x in literals] for name, literals in source.outputs.items()}
    return graph.netlist()


def lut_cost(netlist: Netlist, lut_inputs: int) -> int:
    """LUTs of `lut_inputs` inputs that the netlist's LUTs take, wider ones joined by hard multiplexers."""
    return sum(1 << max(0, len(cell.inputs) - lut_inputs) for cell in netlist.cells if cell.kind == "lut")
