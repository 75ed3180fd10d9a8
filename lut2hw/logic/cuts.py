"""A second checker of equality, of a page and without a solver: nodes that agree are shown to, cut by cut.

A. Kuehlmann, F. Krohm, "Equivalence Checking Using Cuts and Heaps", DAC 1997: both graphs become one; two nodes that
agree in a simulation are merged once their truth tables over a cut of few nodes, merged before, are the same. What it
calls equal is equal; it may fail to show what is.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from functools import cache

import numpy as np

from lut2hw.logic.aig import Aig

MAX_LEAVES = 20
"""Of a cut."""
MAX_NODES = 1000
"""Between a cut and the two nodes."""
WORDS = 64
"""Of random inputs that suggest what is equal, 64 in each."""
TRIES = 4
"""Nodes that agree with it in simulation against which a node is held, at most."""


@cache
def _projections(n: int) -> list[int]:
    """Truth tables of n inputs, as integers of 2**n bits, entry p in bit p."""
    out = []
    for at in range(n):
        table, width = ((1 << (1 << at)) - 1) << (1 << at), 2 << at
        while width < 1 << n:
            table, width = table | table << width, width * 2
        out.append(table)
    return out


class _Merged:
    """Two graphs in one; `of` is the literal of the first node known to do what a node does."""

    def __init__(self, left: Aig, right: Aig) -> None:
        self.aig = Aig(left.inputs)
        self.outputs = [self._place(each) for each in (left, right)]
        self.of = [2 * node for node in range(1 + self.aig.inputs + len(self.aig.ands))]

    def _place(self, graph: Aig) -> list[int]:
        literals = [2 * node for node in range(1 + graph.inputs)]
        for a, b in graph.ands:
            literals.append(self.aig.and_(literals[a >> 1] ^ a & 1, literals[b >> 1] ^ b & 1))
        return [literals[literal >> 1] ^ literal & 1 for literal in graph.outputs]

    def fan_in(self, node: int) -> tuple[int, int]:
        """Literals of what an AND node reads, of those nodes that stand for others."""
        a, b = self.aig.ands[node - 1 - self.aig.inputs]
        return self.of[a >> 1] ^ a & 1, self.of[b >> 1] ^ b & 1

    def same(self, node: int, other: int) -> bool | None:
        """Whether node and literal are equal over some cut; None if no small one shows it.

        The node nearest to the outputs is replaced by what it reads, and so on; the truth tables are compared
        over and over.
        """
        roots = {node, other >> 1}
        heap = [-each for each in roots]
        heapq.heapify(heap)
        inside, seen, next_try = list[int](), set(roots), 2
        first = 1 + self.aig.inputs
        while heap:
            top = -heap[0]
            if top < first:
                break
            heapq.heappop(heap)
            inside.append(top)
            for literal in self.fan_in(top):
                if literal >> 1 and literal >> 1 not in seen:
                    seen.add(literal >> 1)
                    heapq.heappush(heap, -(literal >> 1))
            if len(inside) > MAX_NODES:
                return None
            if len(inside) >= next_try and len(heap) <= MAX_LEAVES:
                next_try = max(len(inside) + 1, len(inside) * 5 // 4)
                if self._tables_agree(node, other, inside, heap):
                    return True
        if len(heap) > MAX_LEAVES:
            return None
        return self._tables_agree(node, other, inside, heap)

    def _tables_agree(self, node: int, other: int, inside: Sequence[int], heap: Sequence[int]) -> bool:
        leaves = [-each for each in heap]
        ones = (1 << (1 << len(leaves))) - 1
        tables = {0: 0, **dict(zip(leaves, _projections(len(leaves)), strict=True))}
        for each in sorted(inside):
            a, b = self.fan_in(each)
            left, right = tables[a >> 1], tables[b >> 1]
            tables[each] = (left ^ ones if a & 1 else left) & (right ^ ones if b & 1 else right)
        return tables[node] == (tables[other >> 1] ^ ones if other & 1 else tables[other >> 1])


def equal_by_cuts(left: Aig, right: Aig, seed: int = 0) -> bool | None:
    """Whether two graphs with the same inputs have the same outputs.

    Parameters
    ----------
    left, right : Aig
        With as many inputs and outputs each.
    seed : int
        Of the simulation.

    Returns
    -------
    bool or None
        False only with an input that shows it; None if no small cuts show it.
    """
    merged = _Merged(left, right)
    if merged.outputs[0] == merged.outputs[1]:
        return True
    rng = np.random.default_rng(seed)
    rows = merged.aig.values(rng.integers(0, 1 << 64, (left.inputs, WORDS), np.uint64))
    ones = np.uint64(0xFFFFFFFFFFFFFFFF)
    value = [[rows[each >> 1] ^ (ones if each & 1 else np.uint64(0)) for each in side] for side in merged.outputs]
    if any((a != b).any() for a, b in zip(*value, strict=True)):
        return False
    alike: dict[bytes, list[int]] = {}
    for node in range(len(rows)):
        flip = int(rows[node][0]) & 1
        key = (rows[node] ^ ones if flip else rows[node]).tobytes()
        for other in alike.get(key, [])[:TRIES] if node > merged.aig.inputs else ():
            if merged.same(node, other ^ flip):
                merged.of[node] = merged.of[other >> 1] ^ (other ^ flip) & 1
                break
        else:
            alike.setdefault(key, []).append(2 * node ^ flip)
    final = [[merged.of[each >> 1] ^ each & 1 for each in side] for side in merged.outputs]
    return True if final[0] == final[1] else None
