"""Sums and comparisons of bits in LUTs."""

from __future__ import annotations

from collections.abc import Sequence

from lut2hw.logic.graph import FALSE, MAJORITY, MUX, TRUE, XOR3, Graph

Bits = list[int]
"""Literals of an unsigned number, least significant bit first."""

Candidate = tuple[Bits, Bits]
"""A class number and its score."""


COUNT6 = [sum(1 << p for p in range(64) if p.bit_count() >> w & 1) for w in range(3)]
"""The bits of the number of ones among six inputs."""


class Arithmetic:
    """Adders and comparators of LUTs alone.

    Parameters
    ----------
    lut_inputs : int
        Inputs of the target's LUT, at least 3.
    """

    def __init__(self, graph: Graph, lut_inputs: int) -> None:
        self.graph, self.k = graph, lut_inputs

    def sums(self, terms: Sequence[tuple[Sequence[Sequence[int]], int]], part: str = "popcount") -> list[Bits]:
        """For each (columns, constant): `constant` plus 2**w for each literal in columns[w] that is one."""
        return [self._sum(columns, constant, part) for columns, constant in terms]

    def _sum(self, columns: Sequence[Sequence[int]], constant: int, part: str) -> Bits:
        """One of `sums`.

        Where the LUT has six inputs, three of them count six bits; the rest is full adders from the lowest column up
        (C. S. Wallace, 1964; L. Dadda, 1965), oldest bits first, so that the depth is logarithmic.
        """
        graph, out = self.graph, []
        heap = [list(column) for column in columns]
        heap += [[] for _ in range(constant.bit_length() - len(heap))]
        most = constant + sum(len(column) << w for w, column in enumerate(heap))
        heap += [[] for _ in range(most.bit_length() - len(heap))]
        for w in range(constant.bit_length()):
            if constant >> w & 1:
                heap[w].append(TRUE)
        for w, column in enumerate(heap):
            # a constant goes with two others last: a half adder instead of a full one
            column.sort(key=lambda literal: literal < 2)
            at = 0
            while self.k >= 6 and len(column) - at >= 6:
                bits, at = column[at : at + 6], at + 6
                for v, table in enumerate(COUNT6, w):
                    if v < len(heap):
                        heap[v].append(graph.lut(bits, table, part))
            while len(column) - at > 1:
                bits = column[at : at + 3]
                at += len(bits)
                bits = [*bits, FALSE][:3]
                column.append(graph.lut(bits, XOR3, part))
                carry = graph.lut(bits, MAJORITY, part)
                if carry != FALSE and w + 1 < len(heap):  # the total is below 2**len(heap)
                    heap[w + 1].append(carry)
            out.append(column[at] if at < len(column) else FALSE)
        return out

    def any(self, bits: Sequence[int], part: str = "argmax") -> int:
        """Literal of at least one of `bits`."""
        bits = list(bits) or [FALSE]
        while len(bits) > 1:
            bits = [
                self.graph.lut(some, (1 << (1 << len(some))) - 2, part)
                for some in (bits[i : i + self.k] for i in range(0, len(bits), self.k))
            ]
        return bits[0]

    def more(self, a: Bits, b: Bits) -> int:
        """Literal of b > a; numbers of equal width."""
        answer = FALSE
        for x, y in zip(a, b, strict=True):
            answer = self.graph.lut((x, y, answer), 0b11010100, "argmax")  # y and not x, or equal and more below
        return answer

    @staticmethod
    def aligned(a: Bits, b: Bits) -> tuple[Bits, Bits]:
        """Two numbers padded to the same width, at least 1."""
        width = max(len(a), len(b), 1)
        return [*a, *[FALSE] * (width - len(a))], [*b, *[FALSE] * (width - len(b))]

    def choose(self, a: Bits, b: Bits, x: Bits, y: Bits, second: int, last: bool) -> Candidate:
        """(b, y) if `second` else (a, x); without the score if `last`."""
        number, score = (
            [self.graph.lut((p, q, second), MUX, "argmax") for p, q in zip(low, high, strict=True)]
            for low, high in ((a, b), ([], []) if last else (x, y))
        )
        return number, score

    def tournament_round(self, pairs: Sequence[tuple[Candidate, Candidate]], *, last: bool) -> list[Candidate]:
        """Of each pair that of the higher score, the left one if equal.

        Parameters
        ----------
        last : bool
            The scores are of no further use.
        """
        out = []
        for a, b in pairs:
            x, y = self.aligned(a[1], b[1])
            out.append(self.choose(a[0], b[0], x, y, self.more(x, y), last))
        return out
