"""LUTs merged into the LUTs that read them.

A LUT with one reader disappears where both together have few enough inputs; a LUT with several readers does if each
of them can take it in. Greedy, from the inputs up, as the covering of FlowMap's successors does after mapping
(J. Cong and Y. Ding, IEEE TCAD 13(1), 1994, section on packing).
"""

from __future__ import annotations

from lut2hw.logic import truth
from lut2hw.logic.graph import CHAINED, Graph, Node
from lut2hw.logic.netlist import Netlist
from lut2hw.passes.base import Context, Pass


def merge(netlist: Netlist, lut_inputs: int, *, carry_inverts: bool = False) -> Netlist:
    """The netlist with fewer LUTs, none of more than `lut_inputs` inputs. LUTs on a carry chain stay as they are."""
    graph = Graph.of(netlist)
    live = graph.live()
    nodes = list(graph.nodes)
    readers: dict[int, set[int]] = {}
    fixed = {literal >> 1 for literals in graph.outputs.values() for literal in literals}
    for number, node in enumerate(nodes):
        if live[number]:
            for literal in node.inputs:
                readers.setdefault(literal >> 1, set()).add(number)
                if node.kind != "lut":
                    fixed.add(literal >> 1)
    on_chain = {
        number
        for number, node in enumerate(nodes)
        if any(nodes[literal >> 1].kind in CHAINED for literal in node.inputs)
    }
    for number, node in enumerate(nodes):
        if not live[number] or node.kind != "lut" or number in fixed or number in on_chain:
            continue
        node = nodes[number]
        made = {}
        for reader in readers.get(number, ()):
            into = _merged(nodes[reader], number, node, lut_inputs) if reader not in on_chain else None
            if into is None:
                break
            made[reader] = into
        else:
            for reader, into in made.items():
                nodes[reader] = into
                for literal in into.inputs:
                    readers[literal >> 1].add(reader)
            for literal in node.inputs:
                readers[literal >> 1].discard(number)
            live[number] = False

    out = Graph()
    new = [0]
    for name, ports in graph.inputs.items():
        new += out.input(name, len(ports))
    for number in range(len(new), len(nodes)):
        node = nodes[number]
        inputs = [new[x >> 1] ^ x & 1 for x in node.inputs]
        new.append(out.of_kind(node.kind, inputs, node.table, node.part) if live[number] else 0)
    out.outputs = {name: [new[x >> 1] ^ x & 1 for x in literals] for name, literals in graph.outputs.items()}
    return out.netlist(carry_inverts=carry_inverts)


def _merged(reader: Node, number: int, node: Node, lut_inputs: int) -> Node | None:
    """`reader` with node `number` inside it, or None if that has too many inputs. Both are canonical LUTs."""
    inputs = sorted({*(x for x in reader.inputs if x >> 1 != number), *node.inputs})
    if len(inputs) > lut_inputs:
        return None
    k = len(inputs)
    ones = truth.full(k)
    column = {x: truth.var(j, k) for j, x in enumerate(inputs)}
    inner = truth.apply(node.table, [column[x] for x in node.inputs], ones)
    table = truth.apply(reader.table, [inner if x >> 1 == number else column[x] for x in reader.inputs], ones)
    return Node("lut", tuple(inputs), table, reader.part)


def _run(netlist: Netlist, context: Context) -> Netlist:
    return merge(netlist, context.target.lut_inputs, carry_inverts=context.target.carry == "slots")


PASS = Pass("merge", _run)
