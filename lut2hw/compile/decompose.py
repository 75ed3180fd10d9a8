"""Tables wider than the target's LUT, by Shannon expansion (C. E. Shannon, 1949) with shared cofactors."""

from __future__ import annotations

from functools import lru_cache

from lut2hw.compile import truth
from lut2hw.compile.graph import MUX, Graph
from lut2hw.compile.netlist import Netlist


@lru_cache(maxsize=1 << 14)
def _split(table: int, k: int) -> int:
    """The input to expand by: that with the fewest inputs left in the cofactors, the last of equals."""
    def left(j: int) -> int:
        low, high = truth.cofactors(table, k, j)
        if low in (high, high ^ truth.full(k - 1)):
            return sum(truth.depends(low, k - 1, i) for i in range(k - 1))
        return sum(truth.depends(half, k - 1, i) for half in (low, high) for i in range(k - 1))
    return min(range(k - 1, -1, -1), key=left)


def expand(graph: Graph, inputs: tuple[int, ...], table: int, lut_inputs: int, part: str) -> int:
    """The literal of a LUT of any width, built of LUTs of at most `lut_inputs` inputs."""
    nodes, table, inverted = truth.reduce(table, inputs)
    k = len(nodes)
    literals = tuple(2 * node for node in nodes)
    if k <= lut_inputs:
        return graph.lut(literals, table, part) ^ inverted
    j = _split(table, k) if k <= 10 else k - 1
    low, high = truth.cofactors(table, k, j)
    rest = literals[:j] + literals[j + 1:]
    if k > lut_inputs + 1 and lut_inputs == 4:
        i = _split(low, k - 1) if k <= 11 else k - 2
        quarters = [*truth.cofactors(low, k - 1, i), *truth.cofactors(high, k - 1, i)]
        below = rest[:i] + rest[i + 1:]
        a, b, c, d = (expand(graph, below, quarter, lut_inputs, part) for quarter in quarters)
        return mux4(graph, (a, b, c, d), rest[i], literals[j], part) ^ inverted
    a = expand(graph, rest, low, lut_inputs, part)
    b = expand(graph, rest, high, lut_inputs, part)
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


def shannon(netlist: Netlist, lut_inputs: int) -> Netlist:
    """The netlist with no LUT of more than `lut_inputs` inputs."""
    source, graph = Graph.of(netlist), Graph()
    literal = [0]
    for name, literals in source.inputs.items():
        literal += graph.input(name, len(literals))
    for node in source.nodes[len(literal):]:
        inputs = tuple(literal[x >> 1] ^ x & 1 for x in node.inputs)
        if node.kind == "lut":
            literal.append(expand(graph, inputs, node.table, lut_inputs, node.part))
        else:
            literal.append(graph.of_kind(node.kind, inputs, node.table, node.part))
    graph.outputs = {name: [literal[x >> 1] ^ x & 1 for x in literals] for name, literals in source.outputs.items()}
    return graph.netlist()


def lut_cost(netlist: Netlist, lut_inputs: int) -> int:
    """LUTs of `lut_inputs` inputs that the netlist's LUTs take, wider ones joined by hard multiplexers."""
    return sum(1 << max(0, len(cell.inputs) - lut_inputs) for cell in netlist.cells if cell.kind == "lut")
