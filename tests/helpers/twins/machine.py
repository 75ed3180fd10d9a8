"""Twin of the kernel that clocks graphs: one run after the other, in Python's integers."""

from __future__ import annotations

import numpy as np

MASK = (1 << 64) - 1


def run(ands, outputs, following, stimulus, state, signatures) -> tuple[int, np.ndarray, np.ndarray]:
    """Returns the clock, the last state and the signatures."""
    clocks, _, words = stimulus.shape
    held = [[int(word) for word in row] for row in state]
    mixed = [[int(word) for word in row] for row in signatures]

    def value(nodes: list[list[int]], literal: int) -> list[int]:
        return [word ^ (MASK if literal & 1 else 0) for word in nodes[literal >> 1]]

    for clock in range(clocks):
        nodes = [[0] * words, *([int(word) for word in row] for row in stimulus[clock]), *held]
        for a, b in ands.tolist():
            nodes.append([x & y for x, y in zip(value(nodes, a), value(nodes, b), strict=True)])
        for row, now in zip(mixed, held, strict=True):
            for word in range(words):
                product = (row[word] ^ now[word]) * 0x9E3779B97F4A7C15 & MASK
                row[word] = product ^ product >> 29
        if any(any(value(nodes, literal)) for literal in outputs.tolist()):
            return clock, np.array(held, np.uint64), np.array(mixed, np.uint64)
        held = [value(nodes, literal) for literal in following.tolist()]
    return -1, np.array(held, np.uint64), np.array(mixed, np.uint64)
