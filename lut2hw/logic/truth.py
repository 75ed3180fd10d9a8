"""Truth tables as Python integers: entry p of a k-input table is bit p, input 0 the least significant bit of p."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache


@lru_cache(maxsize=1024)
def full(k: int) -> int:
    """The table that is always one."""
    return (1 << (1 << k)) - 1


@lru_cache(maxsize=1024)
def var(j: int, k: int) -> int:
    """The table of input j itself."""
    block = ((1 << (1 << j)) - 1) << (1 << j)
    for level in range(j + 1, k):
        block |= block << (1 << level)
    return block


def depends(table: int, k: int, j: int) -> bool:
    """Some entry changes with input j."""
    return bool((table ^ (table >> (1 << j))) & ~var(j, k) & full(k))


def invert_input(table: int, k: int, j: int) -> int:
    """The table for input j inverted."""
    high = var(j, k)
    return (table & high) >> (1 << j) | (table & ~high) << (1 << j)


def swap_next(table: int, k: int, j: int) -> int:
    """The table with inputs j and j + 1 exchanged."""
    move, step = var(j, k) & ~var(j + 1, k), 1 << j
    return table & ~(move | move << step) | (table & move) << step | table >> step & move


def to_top(table: int, k: int, j: int) -> int:
    """The table with input j moved behind the others."""
    for at in range(j, k - 1):
        table = swap_next(table, k, at)
    return table


def cofactors(table: int, k: int, j: int) -> tuple[int, int]:
    """The two tables of k - 1 inputs for input j at 0 and at 1."""
    table, half = to_top(table, k, j), 1 << (k - 1)
    return table & ((1 << half) - 1), table >> half


def apply(table: int, operands: Sequence[int], ones: int) -> int:
    """`table` on operands that are tables (or any bit vectors) themselves; `ones` is the vector of all ones."""
    if not operands:
        return ones if table & 1 else 0
    half = 1 << (len(operands) - 1)
    low, high = table & ((1 << half) - 1), table >> half
    rest, top = operands[:-1], operands[-1]
    if low == high:
        return apply(low, rest, ones)
    if low ^ high == (1 << half) - 1:
        return apply(low, rest, ones) ^ top
    return apply(low, rest, ones) & ~top | apply(high, rest, ones) & top


def _reduce(table: int, literals: tuple[int, ...]) -> tuple[tuple[int, ...], int, int]:
    nets: list[int] = []
    k = len(literals)
    for literal in literals:  # the input under work is number len(nets)
        j = len(nets)
        if literal & 1:
            table = invert_input(table, k, j)
        net = literal >> 1
        if net == 0:
            table, k = cofactors(table, k, j)[0], k - 1
        elif net in nets:
            i = nets.index(net)
            low, high = cofactors(table, k, j)
            k -= 1
            table = low & ~var(i, k) | high & var(i, k)
        else:
            nets.append(net)
    for j in reversed(range(k)):
        if not depends(table, k, j):
            table, k = cofactors(table, k, j)[0], k - 1
            del nets[j]
    for end in range(k - 1, 0, -1):
        for j in range(end):
            if nets[j] > nets[j + 1]:
                nets[j], nets[j + 1] = nets[j + 1], nets[j]
                table = swap_next(table, k, j)
    inverted = table & 1
    return tuple(nets), table ^ full(k) if inverted else table, inverted


_reduce_small = lru_cache(maxsize=1 << 16)(_reduce)


def reduce(table: int, literals: Sequence[int]) -> tuple[tuple[int, ...], int, int]:
    """The canonical form of a LUT.

    Parameters
    ----------
    literals : Sequence[int]
        2 * net + inverted for each input; net 0 is constant 0.

    Returns
    -------
    tuple[tuple[int, ...], int, int]
        (nets in rising order without repetition, each with effect; table whose entry 0 is 0; 1 if the output is that
        table inverted).
    """
    # Nets become ranks, so that LUTs that differ only in their nets share the work.
    nets = sorted({0, *(literal >> 1 for literal in literals)})
    rank = {net: i for i, net in enumerate(nets)}
    work = _reduce_small if len(literals) <= 6 else _reduce
    kept, table, inverted = work(table, tuple(2 * rank[literal >> 1] + (literal & 1) for literal in literals))
    return tuple(nets[i] for i in kept), table, inverted
