"""Irredundant sums of products of truth tables, and back.

A cube is a pair of masks (ones, zeros): inputs that must be 1 and inputs that must be 0.
Source: S. Minato, "Fast generation of prime-irredundant covers from binary decision diagrams", IEICE Trans.
Fundamentals E76-A(6), 1993 (the Minato-Morreale procedure), on tables instead of BDDs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from lut2hw.logic import truth

Cube = tuple[int, int]


def cover(table: int, k: int, dont_care: int = 0) -> list[Cube]:
    """Cubes that cover `table`, may cover `dont_care`, and cover nothing else."""
    make = _small if k <= 8 else _isop
    return list(make(table & ~dont_care, table | dont_care, k)[0])


def _isop(lower: int, upper: int, k: int) -> tuple[tuple[Cube, ...], int]:
    """Cubes between `lower` and `upper`, and the table they make."""
    if lower == 0:
        return (), 0
    if upper == truth.full(k):
        return ((0, 0),), upper
    k -= 1  # split at the last input: its cofactors are the halves of the table
    half, recurse = 1 << k, _small if k <= 8 else _isop
    ones = (1 << half) - 1
    low0, low1, up0, up1 = lower & ones, lower >> half, upper & ones, upper >> half
    cubes0, f0 = recurse(low0 & ~up1, up0, k)
    cubes1, f1 = recurse(low1 & ~up0, up1, k)
    cubes, f = recurse(low0 & ~f0 | low1 & ~f1, up0 & up1, k)
    bit = 1 << k
    return (
        (*((p, n | bit) for p, n in cubes0), *((p | bit, n) for p, n in cubes1), *cubes),
        (f0 | f) | (f1 | f) << half,
    )


_small = lru_cache(maxsize=1 << 16)(_isop)


def table_of(cubes: Iterable[Cube], k: int) -> int:
    """The truth table of a sum of products."""
    cubes = list(cubes)
    if k <= 8:
        return _direct(cubes, k)
    # A cube of many literals is a small part of the table: find it by halving.
    narrow = [cube for cube in cubes if (cube[0] | cube[1]).bit_count() >= k - 8]
    return _direct((cube for cube in cubes if (cube[0] | cube[1]).bit_count() < k - 8), k) | _halved(narrow, k)


def _halved(cubes: list[Cube], k: int) -> int:
    if k <= 8 or not cubes:
        return _direct(cubes, k)
    k -= 1
    rest = (1 << k) - 1
    low = [(ones, zeros & rest) for ones, zeros in cubes if not ones >> k & 1]
    high = [(ones & rest, zeros) for ones, zeros in cubes if not zeros >> k & 1]
    return _halved(low, k) | _halved(high, k) << (1 << k)


def _direct(cubes: Iterable[Cube], k: int) -> int:
    table = 0
    for ones, zeros in cubes:
        product = truth.full(k)
        for j in range(k):
            if ones >> j & 1:
                product &= truth.var(j, k)
            if zeros >> j & 1:
                product &= ~truth.var(j, k)
        table |= product
    return table


def literals(cube: Cube, k: int) -> str:
    """`1`, `0` and `-` for each input, input 0 first, as in BLIF and PLA files."""
    ones, zeros = cube
    return "".join("1" if ones >> j & 1 else "0" if zeros >> j & 1 else "-" for j in range(k))
