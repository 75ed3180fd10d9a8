"""Sums and comparisons of bits in LUTs."""

from __future__ import annotations

from collections.abc import Sequence

from lut2hw.compile.graph import FALSE, MUX, TRUE, XOR3, Graph

Bits = list[int]
"""Literals of an unsigned number, least significant bit first."""


class Arithmetic:
    """Adders and comparators of LUTs alone.

    lut_inputs: inputs of the target's LUT, at least 3.
    """

    def __init__(self, graph: Graph, lut_inputs: int) -> None:
        self.graph, self.k = graph, lut_inputs

    def sum(self, columns: Sequence[Sequence[int]], constant: int = 0) -> Bits:
        """`constant` plus the sum of 2**w over the literals in columns[w] that are one.

        Full adders from the lowest column up (C. S. Wallace, 1964; L. Dadda, 1965), oldest bits first, so that
        the depth is logarithmic.
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
            while len(column) - at > 1:
                bits = column[at:at + 3]
                at += len(bits)
                bits = (bits + [FALSE])[:3]
                column.append(graph.lut(bits, XOR3, "popcount"))
                carry = graph.majority(*bits)
                if carry != FALSE and w + 1 < len(heap):  # the total is below 2**len(heap)
                    heap[w + 1].append(carry)
            out.append(column[at] if at < len(column) else FALSE)
        return out

    def any(self, bits: Sequence[int], part: str = "argmax") -> int:
        """Literal of at least one of `bits`."""
        bits = list(bits) or [FALSE]
        while len(bits) > 1:
            bits = [self.graph.lut(some, (1 << (1 << len(some))) - 2, part)
                    for some in (bits[i:i + self.k] for i in range(0, len(bits), self.k))]
        return bits[0]

    def more(self, a: Bits, b: Bits) -> int:
        """Literal of b > a; numbers of equal width."""
        answer = FALSE
        for x, y in zip(a, b, strict=True):
            answer = self.graph.lut((x, y, answer), 0b11010100, "argmax")  # y and not x, or equal and more below
        return answer

    def better(self, a: tuple[Bits, Bits], b: tuple[Bits, Bits], *, last: bool = False) -> tuple[Bits, Bits]:
        """The pair (class number, score) of the higher score, `a` if equal. last: the score is of no use."""
        width = max(len(a[1]), len(b[1]))
        x, y = ([*score, *[FALSE] * (width - len(score))] for score in (a[1], b[1]))
        second = self.more(x, y)
        number = [self.graph.lut((p, q, second), MUX, "argmax") for p, q in zip(a[0], b[0], strict=True)]
        if last:
            return number, []
        return number, [self.graph.lut((p, q, second), MUX, "argmax") for p, q in zip(x, y, strict=True)]
