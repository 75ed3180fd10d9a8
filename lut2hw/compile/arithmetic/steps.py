"""Sums on carry chains whose cells each have a LUT of two outputs: carry = S ? carry in : DI, sum = S ^ carry in.

AMD's CARRY4 and CARRY8. Two such cells count seven bits of equal weight, one of them the carry in, to a sum of two
bits and a carry out: the first adds the parity of five bits to the sixth, the second the next bit of their count, and
generates where four or more are one. That removes four bits on two LUTs and a third one that lets the carry out,
where LUTs alone take a LUT a bit. Four bits and one of twice the weight go in the same way. The counters are those
of M. Kumm and P. Zipf, "Pipelined compressor tree optimization using integer linear programming", FPL 2014, taken
apart as by T. B. Preusser, "Generic and universal parallel matrix summation with a flexible compression goal for
Xilinx FPGAs", FPL 2017. What is left are full adders, each one LUT of two outputs.
"""

from __future__ import annotations

from collections.abc import Sequence

from lut2hw.compile.arithmetic.compressors import Arithmetic, Bits
from lut2hw.logic.graph import FALSE, MAJORITY, XOR2, XOR3, Graph

SIX, FIVE, FOUR = 6, 5, 4
TWICE5, FOURS5 = (sum(1 << p for p in range(32) if p.bit_count() >> w & 1) for w in (1, 2))
PARITY6 = sum(1 << p for p in range(64) if p.bit_count() & 1)
MAJORITY_OR = sum(1 << p for p in range(16) if ((p & 7).bit_count() >= 2) != (p >> 3))


class StepChain:
    """Additions one after the other, about `longest` cells on a chain."""

    def __init__(self, graph: Graph, part: str, longest: int) -> None:
        self.graph, self.part, self.longest = graph, part, longest
        self.carry, self.length = FALSE, 0
        self.owed: list[int] | None = None  # gets the last carry of the addition before

    def enter(self, bit: int) -> None:
        """Start an addition with `bit` as its carry; the cell that takes it lets the last carry out."""
        if 0 < self.length < self.longest:
            out = self.step(FALSE, bit)
            if self.owed is not None:
                self.owed.append(out)
            self.owed = None
        else:
            self.leave()
            self.carry = bit

    def leave(self) -> None:
        """End the chain: the last carry as a bit."""
        if self.owed is not None:
            self.owed.append(self.graph.lut((self.carry,), 0b10, self.part))
        self.owed, self.carry, self.length = None, FALSE, 0

    def step(self, select: int, data: int) -> int:
        """One cell; returns its sum."""
        total = self.graph.lut((select, self.carry), XOR2, self.part)
        self.carry = self.graph.step(select, data, self.carry, self.part)
        self.length += 1
        return total

    def count(self, bits: Sequence[int], twice: int = FALSE) -> tuple[int, int]:
        """Two cells that add up to six bits, or four and one of twice their weight; returns the sums of both."""
        data, rest = _plain(bits)
        lut, part = self.graph.lut, self.part
        if twice != FALSE:
            low = self.step(lut((*rest, *[FALSE] * (3 - len(rest)), data), PARITY6 & 0xFFFF, part), data)
            three = (*rest, FALSE, FALSE, FALSE)[:3]
            return low, self.step(lut((*three, twice), MAJORITY_OR, part), twice)
        five = (*rest, *[FALSE] * 5)[:5]
        low = self.step(lut((*five, data), PARITY6, part), data)
        return low, self.step(lut(five, TWICE5, part), lut(five, FOURS5, part))


def _plain(bits: Sequence[int]) -> tuple[int, list[int]]:
    """One of the literals, not an inverted one if there is another, and the others: the chain takes it as it is."""
    at = next((at for at, bit in enumerate(bits) if not bit & 1), 0)
    return bits[at], [*bits[:at], *bits[at + 1 :]]


def _stuck(counts: Sequence[int]) -> int | None:
    """The lowest column that one chain over all columns has no room for; None if it adds them all up."""
    inside, w = False, 0
    while w < len(counts):
        here, above = counts[w], counts[w + 1] if w + 1 < len(counts) else 0
        if not inside and here <= 1:
            w += 1
            continue
        here -= not inside  # the carry in
        inside = True
        if here <= 2:
            w += 1
        elif (here <= SIX and not above) or (here <= FOUR and above == 1):
            w += 2
        else:
            return w
    return None


class StepArithmetic(Arithmetic):
    """Adders on chains of steps.

    Parameters
    ----------
    chain : int
        Cells on one chain.
    """

    def __init__(self, graph: Graph, lut_inputs: int, *, chain: int) -> None:
        super().__init__(graph, lut_inputs)
        self.chain = chain

    def sums(self, terms: Sequence[tuple[Sequence[Sequence[int]], int]], part: str = "popcount") -> list[Bits]:
        """As `Arithmetic.sums`."""
        heaps = []
        for columns, constant in terms:
            width = (constant + sum(len(column) << w for w, column in enumerate(columns))).bit_length()
            heap = [list(column) for column in columns] + [[] for _ in range(width - len(columns))]
            for w in range(constant.bit_length()):
                heap[w] += [1] * (constant >> w & 1)
            heaps.append(heap)
        left = heaps
        while left:
            chain = StepChain(self.graph, part, self.chain)
            left = [heap for heap in left if max(map(len, heap), default=0) > SIX]
            rounds = [self._round(heap, chain) for heap in left]
            chain.leave()
            for heap, made in zip(left, rounds, strict=True):
                for column, bits in zip(heap, made, strict=False):  # the total is below 2**len(heap)
                    column += [bit for bit in bits if bit != FALSE]
                    column.sort(key=lambda bit: bit < 2)
        for heap in heaps:
            self._full_adders(heap, part)
        return [self._ripple(heap, part) for heap in heaps]

    def _round(self, heap: list[list[int]], chain: StepChain) -> list[list[int]]:
        """Take seven bits of a column as often as there are as many, and what goes on the same chain beside; returns
        the bits of their counts by column, once the chain has been left.
        """
        made: list[list[int]] = [[] for _ in range(len(heap) + 2)]
        for low in range(len(heap)):
            while len(heap[low]) > SIX:
                w = low
                chain.enter(heap[w].pop(0))
                while w < len(heap):
                    twice, here = FALSE, min(SIX, len(heap[w]))
                    if here < FIVE:
                        if here < FOUR or w + 1 == len(heap) or not heap[w + 1]:
                            break
                        twice = heap[w + 1].pop(0)
                    bits = [heap[w].pop(0) for _ in range(here)]
                    for column, bit in zip(made[w:], chain.count(bits, twice), strict=False):
                        column.append(bit)
                    w += 2
                chain.owed = made[w]
        return made

    def _full_adders(self, heap: list[list[int]], part: str) -> None:
        """Full adders from the lowest column up, until one chain does the rest."""
        while (w := _stuck([len(column) for column in heap])) is not None:
            bits = [heap[w].pop(0) for _ in range(3)]
            heap[w].append(self.graph.lut(bits, XOR3, part))
            carry = self.graph.lut(bits, MAJORITY, part)
            if w + 1 < len(heap) and carry != FALSE:
                heap[w + 1].append(carry)

    def _ripple(self, heap: list[list[int]], part: str) -> Bits:
        """Add columns that are stuck nowhere, on a chain of their own."""
        if sum(map(len, heap)) <= 3:
            return self._sum(heap, 0, part)
        chain = StepChain(self.graph, part, self.chain)
        out: list[int] = []
        w = 0
        while w < len(heap) and len(heap[w]) <= 1:
            out += heap[w] or [FALSE]
            w += 1
        if w < len(heap):
            chain.enter(heap[w].pop(0))
        while w < len(heap):
            column = heap[w]
            if len(column) > 2:
                above = heap[w + 1] if w + 1 < len(heap) else []
                out += chain.count(column, above[0] if above else FALSE)
                w += 2
                continue
            data, rest = _plain(column) if column else (FALSE, [])
            select = self.graph.lut((*rest, data), XOR2, part) if rest else data
            out.append(chain.step(select, data if rest else FALSE))
            w += 1
        return out[: len(heap)]
