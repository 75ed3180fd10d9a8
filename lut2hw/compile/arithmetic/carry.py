"""Sums and comparisons on carry chains in which each cell holds a full adder: LUT and carry share two inputs.

A full adder costs one cell on a chain and two in LUTs, but a chain must be entered (one cell turns a bit into a
carry) and left (one cell turns the carry into a bit). Additions follow each other on one chain: the cell that
takes the last carry of one out brings the first carry of the next in, so an addition of m columns costs m + 1
cells and does m full adders. Three bits of equal weight enter the lowest column, one of them as the carry. A
popcount of n bits then takes about 1.4 n cells instead of 2 n. The idea that votes are carries is that of the
counters of M. Kumm and P. Zipf, "Pipelined compressor tree optimization using integer linear programming", FPL
2014, for a chain of another shape.

Where a chain cannot be entered in its middle, as the carry is the majority of two nets and the carry before, each
addition has a chain of its own, m + 2 cells, and a popcount takes 1.7 n; its chains are short, and so are its stages.
What has two bits in the lowest column starts without an entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lut2hw.compile.arithmetic.compressors import Arithmetic, Bits, Candidate
from lut2hw.logic.graph import FALSE, MAJORITY, TRUE, XOR3, Graph

IN_LUTS = 3
"""Columns of at most two bits that LUTs add in as many cells as a chain of their own."""


@dataclass
class Step:
    """One addition of a plan: lowest column, and how many columns; in LUTs if it is one."""

    low: int
    columns: int


@dataclass
class Plan:
    """Additions by round, and cells in all, counting a part of the cell that starts a chain."""

    rounds: list[list[Step]] = field(default_factory=list)
    cells: float = 0


def plan(counts: Sequence[int], first: int, chain: int) -> Plan:
    """Reduce columns of counts[w] bits to at most two bits each.

    Parameters
    ----------
    chain : int
        Columns on one chain; 0 if each addition has its own.
    first : int
        Full adders in LUTs that come before any chain; the bits they leave are the carries into the chains.
    """
    heap, out = list(counts), Plan()

    def run(steps: list[Step]) -> None:
        for step in steps:  # all read what was there before the round
            heap[step.low] -= 3
            for w in range(step.low + 1, step.low + step.columns):
                heap[w] -= 2
        chained = 0
        for step in steps:
            top = step.low + step.columns
            heap.extend([0] * (top + 1 - len(heap)))
            for w in range(step.low, top + 1):
                heap[w] += 1
            chained += step.columns if step.columns > 1 else 0
            out.cells += step.columns + 1
            if not chain and step.columns > 1:
                out.cells += 1
        if chain:
            out.cells += chained / chain
        out.rounds.append(steps)

    start: list[Step] = []
    for w, count in enumerate(heap):
        take = min(first - len(start), count // 3)
        start += [Step(w, 1)] * take
    if start:
        run(start)
    while max(heap, default=0) > 2:
        steps: list[Step] = []
        left = list(heap)
        for w in range(len(left)):
            while left[w] >= 3:
                top = w + 1
                while top < len(left) and left[top] >= 2:
                    top += 1
                if top == w + 1 and (steps or any(count >= 2 for count in left[w + 1 : w + 2])):
                    break  # later rounds bring what a chain needs
                left[w] -= 3
                for column in range(w + 1, top):
                    left[column] -= 2
                steps.append(Step(w, top - w))
                if top == w + 1:  # no chain is possible: as many in LUTs as there are bits
                    steps += [Step(w, 1)] * (left[w] // 3)
                    left[w] %= 3
                    break
        run(steps)
    two = [w for w, count in enumerate(heap) if count == 2]
    if two:
        out.cells += len(heap) - two[0] + 1
    return out


def best_plan(counts: Sequence[int], chain: int) -> Plan:
    """The plan with the fewest cells, of those the one with the fewest rounds."""
    most = sum(count // 3 for count in counts)
    tries = sorted({most * i // 24 for i in range(25)} | {most})
    return min((plan(counts, first, chain) for first in tries), key=lambda p: (p.cells, len(p.rounds)))


class Chain:
    """Additions one after the other on chains of about `longest` columns; 0 if each has its own."""

    def __init__(self, graph: Graph, part: str, longest: int) -> None:
        self.graph, self.part, self.longest = graph, part, longest
        self.carry, self.length = FALSE, 0

    def start(self) -> None:
        """Start a new chain, with no carry."""
        self.carry, self.length = FALSE, 0

    def enter(self, bit: int, columns: int) -> int:
        """Start an addition of that many columns with `bit` as its carry, and return the carry."""
        if self.length + columns > self.longest:
            self.start()
        self.length += columns + 1
        self.carry = self.graph.carry(bit, bit, self.carry, self.part)
        return self.carry

    def add(self, x: int, y: int) -> int:
        """Add two bits to the carry; returns the sum."""
        total = self.graph.lut((x, y, self.carry), XOR3, self.part)
        self.carry = self.graph.carry(x, y, self.carry, self.part)
        return total

    def leave(self) -> int:
        """The carry as a bit."""
        return self.graph.lut((self.carry,), 0b10, self.part)


class CarryArithmetic(Arithmetic):
    """Adders and comparators for `carry` cells that share two inputs with the LUT that reads their carry in.

    Parameters
    ----------
    chain : int
        Columns on one chain; 0 if each addition has its own.
    shares : bool
        That LUT may be any function of the carry and its other inputs, not only a sum.
    """

    def __init__(self, graph: Graph, lut_inputs: int, *, shares: bool, chain: int) -> None:
        super().__init__(graph, lut_inputs)
        self.shares, self.chain = shares, chain

    def sums(self, terms: Sequence[tuple[Sequence[Sequence[int]], int]], part: str = "popcount") -> list[Bits]:
        """As `Arithmetic.sums`."""
        plans: dict[tuple[int, ...], Plan] = {}
        heaps, todo = [], []
        for columns, constant in terms:
            width = (constant + sum(len(column) << w for w, column in enumerate(columns))).bit_length()
            heap = [list(column) for column in columns] + [[] for _ in range(width - len(columns))]
            for w in range(constant.bit_length()):
                heap[w] += [TRUE] * (constant >> w & 1)  # the last of its column: it must not enter a chain
            counts = tuple(map(len, heap))
            if counts not in plans:
                plans[counts] = best_plan(counts, self.chain)
            heaps.append(heap)
            todo.append(plans[counts].rounds)
        for number in range(max(map(len, todo), default=0)):
            chain = Chain(self.graph, part, self.chain)
            for heap, rounds in zip(heaps, todo, strict=True):
                if number < len(rounds):
                    self._round(heap, rounds[number], chain)
        chain = Chain(self.graph, part, self.chain)
        return [self._ripple(heap, chain) for heap in heaps]

    def _round(self, heap: list[list[int]], steps: Sequence[Step], chain: Chain) -> None:
        taken = []
        for step in steps:
            operands = [[heap[step.low].pop(0) for _ in range(3)]]
            for w in range(step.low + 1, step.low + step.columns):
                operands.append([heap[w].pop(0) for _ in range(2)])
            taken.append(operands)
        made: list[list[int]] = [[] for _ in range(max(step.low + step.columns for step in steps) + 1)]
        for step, operands in zip(steps, taken, strict=True):
            if step.columns == 1:
                made[step.low].append(self.graph.lut(operands[0], XOR3, chain.part))
                made[step.low + 1].append(self.graph.lut(operands[0], MAJORITY, chain.part))
                continue
            enter, *pair = operands[0]
            chain.enter(enter, step.columns)
            for w, (x, y) in enumerate([pair, *operands[1:]], step.low):
                made[w].append(chain.add(x, y))
            made[step.low + step.columns].append(chain.leave())
        for w, bits in enumerate(made[: len(heap)]):  # the total is below 2**len(heap)
            heap[w] += [bit for bit in bits if bit != FALSE]
            heap[w].sort(key=lambda bit: bit == TRUE)

    def _ripple(self, heap: list[list[int]], chain: Chain) -> Bits:
        """Add columns of at most two bits."""
        two = next((w for w, column in enumerate(heap) if len(column) == 2), len(heap))
        if not self.chain and len(heap) - two <= IN_LUTS:
            return self._sum(heap, 0, chain.part)
        out = []
        inside = False
        for w, column in enumerate(heap):
            x, y = [*column, FALSE, FALSE][:2]
            if not inside and y != FALSE:
                inside = True
                if self.chain:
                    chain.enter(x, len(heap) - w)
                    x = FALSE
                else:
                    chain.start()
            out.append(chain.add(x, y) if inside else x)
        return out

    def tournament_round(self, pairs: Sequence[tuple[Candidate, Candidate]], *, last: bool) -> list[Candidate]:
        """As `Arithmetic.tournament_round`; the LUTs that pass a score on share cells with its comparison."""
        chain, out = Chain(self.graph, "argmax", self.chain), []
        for a, b in pairs:
            x, y = self.aligned(a[1], b[1])
            if y[0] < 2:
                second = self.more(x, y)
                out.append(self.choose(a[0], b[0], x, y, second, last))
                continue
            # b > a: the carry of b + not a, entered by the lowest bit of b where one chain does several
            passed = y
            if self.chain:
                low = chain.enter(y[0], len(x))
                chain.add(x[0] ^ 1, FALSE)
                passed = [low if self.shares else y[0], *y[1:]]
            else:
                chain.start()
                chain.add(x[0] ^ 1, y[0])
            for p, q in zip(x[1:], y[1:], strict=True):
                chain.add(p ^ 1, q)
            second = chain.leave()
            out.append(self.choose(a[0], b[0], x, passed, second, last))
        return out
