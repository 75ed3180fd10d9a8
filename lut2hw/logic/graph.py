"""Graph: a netlist under construction, in which equal logic is built once and constants never arrive.

Signals are literals: 2 * node + inverted; literal 0 is constant 0, literal 1 constant 1. LUTs are kept in canonical
form (inputs in rising order, each with effect, entry 0 of the table at 0), so that two LUTs that are equal up to
the order and polarity of inputs and the polarity of the output are one node: structural hashing, as in AIGs
(A. Kuehlmann et al., "Robust Boolean reasoning for equivalence checking", IEEE TCAD 21(12), 2002), for wider nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from lut2hw.logic import truth
from lut2hw.logic.netlist import CONST0, CONST1, Netlist

FALSE, TRUE = 0, 1
XOR2, XOR3, MAJORITY, MUX = 0b0110, 0b10010110, 0b11101000, 0b11001010


CHAINED = ("carry", "step")
"""Kinds whose outputs are on dedicated wires."""


class Node(NamedTuple):
    """kind: "const", "input", or a kind of cell with one output. inputs: literals."""

    kind: str
    inputs: tuple[int, ...] = ()
    table: int = 0
    part: str = "lut"


class Graph:
    """Nodes in topological order; node 0 is the constant."""

    hashing: ClassVar[bool] = True
    """Whether equal logic is one node; off only to measure what that saves."""

    def __init__(self) -> None:
        self.nodes: list[Node] = [Node("const")]
        self.inputs: dict[str, list[int]] = {}
        self.outputs: dict[str, list[int]] = {}
        self._known: dict[tuple[str, tuple[int, ...], int], int] = {}
        self._follower: dict[int, int] = {}  # by carry, the carry that continues its chain

    def input(self, name: str, width: int) -> list[int]:
        """Add an input port and return its literals."""
        first = len(self.nodes)
        self.nodes += [Node("input")] * width
        literals = [2 * node for node in range(first, first + width)]
        self.inputs[name] = literals
        return literals[:]

    def _node(self, kind: str, inputs: tuple[int, ...], table: int, part: str) -> int:
        key = (kind, inputs, table)
        node = self._known.get(key)
        if node is None:
            node = len(self.nodes)
            if self.hashing:
                self._known[key] = node
            self.nodes.append(Node(kind, inputs, table, part))
        return 2 * node

    def lut(self, inputs: Sequence[int], table: int, part: str = "lut") -> int:
        """The literal of a LUT; input 0 is the least significant bit of the table's index."""
        nodes, table, inverted = truth.reduce(table, inputs)
        if not nodes:
            return inverted
        # Only a LUT reads a carry, so a buffer of one is a cell.
        if len(nodes) == 1 and self.nodes[nodes[0]].kind not in CHAINED:
            return 2 * nodes[0] | inverted
        return self._node("lut", tuple(2 * node for node in nodes), table, part) | inverted

    def fixed(self, inputs: Sequence[int], table: int, part: str = "lut") -> int:
        """The literal of a LUT that stays whole whatever its table is, and is never one with another."""
        for j, literal in enumerate(inputs):
            if literal & 1:
                table = truth.invert_input(table, len(inputs), j)
        self.nodes.append(Node("table", tuple(literal & ~1 for literal in inputs), table, part))
        return 2 * len(self.nodes) - 2

    def ff(self, d: int, part: str = "lut") -> int:
        """`d` one cycle later; a constant stays what it is."""
        return d if d < 2 else self._node("ff", (d & ~1,), 0, part) | d & 1

    def carry(self, a: int, b: int, carry_in: int, part: str = "popcount") -> int:
        """The majority of three literals on the carry chain. Only a LUT and the next carry can read it."""
        a, b = sorted(self.lut((x,), 0b10, part) if self.nodes[x >> 1].kind == "carry" else x for x in (a, b))
        if b < 2 and a == b:
            return a
        if (a < 2) + (b < 2) + (carry_in < 2) > 1:
            return self.majority(a, b, carry_in, part)
        if carry_in >= 2:
            known = self._known.get(("carry", (a, b, carry_in), 0))
            if self._follower.get(carry_in, known) != known:  # a carry has one successor: start another chain
                bit = self.lut((carry_in,), 0b10, part) if a != b else FALSE
                carry_in = self._node("carry", (bit, bit, FALSE), 0, part) if bit else FALSE
        made = self._node("carry", (a, b, carry_in), 0, part)
        if carry_in >= 2:
            self._follower[carry_in] = made >> 1
        return made

    def step(self, select: int, data: int, carry_in: int, part: str = "popcount") -> int:
        """The carry of a cell that passes `carry_in` on where `select` is one and else takes `data`.

        Only the next cell and LUTs read it; that of it and another `select` is the sum of the next cell.
        """
        if self.nodes[carry_in >> 1].kind == "step":
            known = self._known.get(("step", (select, data, carry_in), 0))
            if self._follower.get(carry_in, known) != known:  # a carry has one successor: start another chain
                carry_in = self.step(FALSE, self.lut((carry_in,), 0b10, part), FALSE, part)
        made = self._node("step", (select, data, carry_in), 0, part)
        if self.nodes[carry_in >> 1].kind == "step":
            self._follower[carry_in] = made >> 1
        return made

    def mux(self, low: int, high: int, select: int, level: int = 1, part: str = "lut") -> int:
        """A hard multiplexer: `high` if `select` else `low`."""
        if low == high or select < 2:
            return high if select == TRUE else low
        return self._node("mux", (low, high, select), level, part)

    def ram(self, address: Sequence[int], table: int, part: str = "lut") -> int:
        """One bit of a block RAM, one cycle after its address; its contents take in what is inverted."""
        for j, literal in enumerate(address):
            if literal & 1:
                table = truth.invert_input(table, len(address), j)
        return self._node("ram", tuple(literal & ~1 for literal in address), table, part)

    def majority(self, a: int, b: int, c: int, part: str = "popcount") -> int:
        """The majority of three literals as a LUT."""
        return self.lut((a, b, c), MAJORITY, part)

    def of_kind(self, kind: str, inputs: Sequence[int], table: int, part: str) -> int:
        """A node of any kind."""
        if kind == "lut":
            return self.lut(inputs, table, part)
        if kind == "table":
            return self.fixed(inputs, table, part)
        if kind == "ff":
            return self.ff(inputs[0], part)
        if kind == "carry":
            a, b, carry_in = inputs
            a, b = a ^ table & 1, b ^ table >> 1
            return self.carry(a, b, carry_in, part)
        if kind == "step":
            select, data, carry_in = inputs
            return self.step(select, data, carry_in, part)
        if kind == "mux":
            low, high, select = inputs
            return self.mux(low, high, select, table, part)
        if kind == "ram":
            return self.ram(inputs, table, part)
        raise ValueError(f"no {kind} cells in a graph")

    def place(self, netlist: Netlist, inputs: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
        """Add the cells of a netlist, its inputs at the given literals; returns the literals of its outputs."""
        literal = [FALSE] * netlist.n_nets
        literal[CONST1] = TRUE
        for name, nets in netlist.inputs.items():
            for net, value in zip(nets, inputs[name], strict=True):
                literal[net] = value
        for cell in netlist.cells:
            literal[cell.outputs[0]] = self.of_kind(
                cell.kind, [literal[net] for net in cell.inputs], cell.table, cell.part
            )
        return {name: [literal[net] for net in nets] for name, nets in netlist.outputs.items()}

    @classmethod
    def of(cls, netlist: Netlist) -> Graph:
        """The graph of a netlist whose cells have one output each."""
        graph = cls()
        graph.outputs = graph.place(
            netlist, {name: graph.input(name, len(nets)) for name, nets in netlist.inputs.items()}
        )
        return graph

    def live(self) -> list[bool]:
        """By node: an output depends on it."""
        live = [False] * len(self.nodes)
        for literals in self.outputs.values():
            for literal in literals:
                live[literal >> 1] = True
        for number in range(len(self.nodes) - 1, 0, -1):
            if live[number]:
                for literal in self.nodes[number].inputs:
                    live[literal >> 1] = True
        return live

    def netlist(self, *, carry_inverts: bool = False) -> Netlist:
        """The netlist of what the outputs depend on, with as few inverters as polarities allow.

        Parameters
        ----------
        carry_inverts : bool, default=False
            The carry chain takes its operands in either polarity, and its sums come in one only.
        """
        live = self.live()
        # LUTs take either polarity; who takes only the true one decides how a node is stored.
        need = bytearray(len(self.nodes))
        for number, node in enumerate(self.nodes):
            if live[number] and node.kind != "lut":
                for literal in node.inputs[2 * (carry_inverts and node.kind == "carry") :]:
                    need[literal >> 1] |= 1 << (literal & 1)
        for literals in self.outputs.values():
            for literal in literals:
                need[literal >> 1] |= 1 << (literal & 1)
        out = Netlist()
        net = {FALSE: CONST0, TRUE: CONST1}  # by literal
        for name, literals in self.inputs.items():
            for literal, number in zip(literals, out.input(name, len(literals)), strict=True):
                net[literal] = number
                if need[literal >> 1] & 2:
                    net[literal | 1] = out.lut((number,), 0b01)
        for number, node in enumerate(self.nodes):
            if not live[number] or node.kind in ("const", "input"):
                continue
            positive = 2 * number
            if node.kind == "lut":
                table, operands = node.table, []
                for j, literal in enumerate(node.inputs):
                    if literal not in net:
                        literal ^= 1
                        table = truth.invert_input(table, len(node.inputs), j)
                    operands.append(net[literal])
                chain = next((literal for literal in node.inputs if self.nodes[literal >> 1].kind in CHAINED), None)
                if chain is not None:  # a carry has one reader: the other polarity is an inverter
                    stored = positive | (need[number] == 2)
                    if self.nodes[chain >> 1].kind == "step":  # a sum comes as it is, an XOR
                        stored = positive | (table & 1)
                    if carry_inverts and chain in self._follower:
                        x, y, _ = self.nodes[self._follower[chain]].inputs
                        stored = positive | ((x not in net) ^ (y not in net))
                    net[stored] = out.lut(
                        operands, table ^ (stored & 1 and truth.full(len(operands))), part=node.part
                    )
                    if need[number] & 1 << (~stored & 1):
                        net[stored ^ 1] = out.lut((net[stored],), 0b01, part=node.part)
                    continue
                if need[number] & 1 or not need[number]:
                    net[positive] = out.lut(operands, table, part=node.part)
                if need[number] & 2:
                    # Twice the same LUT with opposite tables is as cheap as an inverter, and a level shorter.
                    net[positive | 1] = out.lut(operands, table ^ truth.full(len(operands)), part=node.part)
            else:
                table, operands = node.table, list(node.inputs)
                if carry_inverts and node.kind == "carry":
                    for j in (0, 1):
                        if operands[j] not in net:
                            operands[j] ^= 1
                            table |= 1 << j
                net[positive] = out.cell(
                    node.kind, [net[literal] for literal in operands], table=table, part=node.part
                )[0]
                if need[number] & 2:
                    net[positive | 1] = out.lut((net[positive],), 0b01, part=node.part)
        for name, literals in self.outputs.items():
            out.output(name, [net[literal] for literal in literals])
        return out


def simplify(netlist: Netlist, *, carry_inverts: bool = False) -> Netlist:
    """Fold constants, drop buffers, inputs without effect and dead logic, merge duplicates."""
    return Graph.of(netlist).netlist(carry_inverts=carry_inverts)
