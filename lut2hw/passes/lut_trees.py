"""LUTs of up to four inputs as trees of three LUT2s, of which GateMate's logic is made: top(left(a, b), right(c, d)).

A tree may read an input twice. 1,528 of the 65,536 tables of four inputs are one tree, 45,168 are two, where the
second reads the first, and three do for all others: a tree over two trees. Found by exhaustive search, as in D. E.
Knuth, "The Art of Computer Programming" 4A, 7.1.2, for gates of that shape.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lut2hw.logic import truth
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.rewrite import Rewrite

INPUTS = 4
_FULL = truth.full(INPUTS)
_VARS = [truth.var(j, INPUTS) for j in range(INPUTS)]

Tables = NDArray[np.int32]


class Leaf(NamedTuple):
    """A LUT2 of two operands: variables by number, or a tree, which is named by its table.

    table: of the four inputs. cost: trees below it.
    """

    table: int
    operands: tuple[int, ...]
    tree: int | None
    cost: int


class Tree(NamedTuple):
    """A function as a tree: its leaves, and the LUT2 that reads them, whose input 0 is the left one."""

    top: int
    left: Leaf
    right: Leaf

    @property
    def cost(self) -> int:
        """Trees in all."""
        return 1 + self.left.cost + self.right.cost


def _combined(a: int, b: int) -> list[int]:
    """What a LUT2 makes of two functions, up to its complement."""
    return [x & _FULL for x in (a & b, a & ~b, ~a & b, ~(a | b), a ^ b)]


@lru_cache(maxsize=1)
def _leaves() -> tuple[dict[int, Leaf], dict[int, tuple[int, int]]]:
    """Every leaf by table, and every function of one tree by the tables of its leaves."""
    leaves = {value: Leaf(value, (), None, 0) for value in (0, _FULL)}
    for j, x in enumerate(_VARS):
        for table in (x, x ^ _FULL):
            leaves[table] = Leaf(table, (j,), None, 0)
    for j in range(INPUTS):
        for i in range(j):
            for made in _combined(_VARS[i], _VARS[j]):
                for table in (made, made ^ _FULL):
                    leaves.setdefault(table, Leaf(table, (i, j), None, 0))
    one: dict[int, tuple[int, int]] = {}
    pairs = list(leaves)
    for at, a in enumerate(pairs):
        for b in pairs[: at + 1]:
            for table in (a & b, a & b ^ _FULL, a ^ b):
                one.setdefault(table, (a, b))
    for tree in one:
        for j in (None, *range(INPUTS)):
            for made in [tree] if j is None else _combined(tree, _VARS[j]):
                for table in (made, made ^ _FULL):
                    leaves.setdefault(table, Leaf(table, () if j is None else (j,), tree, 1))
    return leaves, one


@lru_cache(maxsize=1)
def _by_cost() -> tuple[Tables, Tables, Tables]:
    """Tables of the leaves without a tree below them, of those with one, and the cost of each table as a leaf."""
    leaves = _leaves()[0].values()
    free, costly = (np.array([leaf.table for leaf in leaves if leaf.cost == cost], np.int32) for cost in (0, 1))
    known = np.full(_FULL + 1, 2, np.int32)
    known[costly], known[free] = 1, 0
    return free, costly, known


@lru_cache(maxsize=1 << 16)
def tree_of(table: int) -> Tree:
    """The smallest tree of trees of a function of four inputs.

    Parameters
    ----------
    table : int
        Its truth table, 16 bits.

    Returns
    -------
    Tree
        Whose leaves read at most one more tree each, of cost 1.
    """
    one = _leaves()[1]
    if table in one:
        a, b = one[table]
        return _tree(table, a, b)
    free, costly, known = _by_cost()
    for left, right, most in ((costly, free, 0), (costly, costly, 1)):
        for value in (table, table ^ _FULL):  # an AND of two functions that both contain it
            above, beside = left[left & value == value], right[right & value == value]
            for a in above:
                found = np.flatnonzero(a & beside == value)
                if len(found):
                    return _tree(table, int(a), int(beside[found[0]]))
        match = np.flatnonzero(known[left ^ table] <= most)
        if len(match):
            return _tree(table, int(left[match[0]]), int(left[match[0]]) ^ table)
    raise AssertionError(f"no three trees make {table:#06x}")


def _tree(table: int, a: int, b: int) -> Tree:
    """The tree of two leaves, whose top is their AND or its complement, or their XOR."""
    leaves = _leaves()[0]
    top = 0b1000 if a & b == table else 0b0111 if a & b == table ^ _FULL else 0b0110
    return Tree(top, leaves[a], leaves[b])


def lut2_of(table: int, operands: list[int]) -> int:
    """The LUT2 that makes a function of four inputs from at most two functions, given by their tables.

    Parameters
    ----------
    table : int
        The function.
    operands : list of int
        The functions that it is made of; input 0 of the LUT2 is the first.
    """
    entries = 0
    for p in range(4):
        where = _FULL
        for j, x in enumerate([*operands, 0, 0][:2]):
            where &= x if p >> j & 1 else x ^ _FULL
        entries |= bool(where & table) << p
    if len(operands) < 2:  # whatever the open input is
        low = entries & (1 << (1 << len(operands))) - 1
        entries = low * (5 if operands else 15)
    return entries


def padded(table: int, k: int) -> int:
    """The table of a function of at most four inputs as one of four, of which the last have no effect."""
    for j in range(k, INPUTS):
        table |= table << (1 << j)
    return table


def lut_trees(netlist: Netlist) -> Netlist:
    """A netlist in which each LUT is one tree: of at most two inputs, or of a table for which `tree_of` costs 1."""
    copy = Rewrite(netlist)
    out = copy.out

    made_of: dict[tuple[tuple[int, ...], int], int] = {}

    def lut(inputs: list[int], table: int, part: str) -> int:
        key = tuple(inputs), table
        if key not in made_of:
            made_of[key] = out.lut(inputs, table, part=part)
        return made_of[key]

    def build(table: int, nets: list[int], part: str) -> int:
        tree = tree_of(table)
        if tree.cost == 1:
            used = [j for j in range(INPUTS) if truth.depends(table, INPUTS, j)]
            return lut([nets[j] for j in used], _narrow(table, used), part)
        reads: list[int] = []  # nets, once each
        functions: list[int] = []  # of the four inputs, beside them
        for leaf in (tree.left, tree.right):
            for function, net in [
                *((_VARS[j], nets[j]) for j in leaf.operands),
                *(((leaf.tree, build(leaf.tree, nets, part)),) if leaf.tree is not None else ()),
            ]:
                if net not in reads:
                    reads.append(net)
                    functions.append(function)
        k = len(reads)
        columns = dict(zip(functions, (truth.var(j, k) for j in range(k)), strict=True))

        def of(leaf: Leaf) -> int:
            operands = [_VARS[j] for j in leaf.operands] + ([leaf.tree] if leaf.tree is not None else [])
            lut2 = lut2_of(leaf.table, operands) & truth.full(len(operands))
            return truth.apply(lut2, [columns[x] for x in operands], truth.full(k))

        made = truth.apply(tree.top, [of(tree.left), of(tree.right)], truth.full(k))
        return lut(reads, made, part)

    for cell in netlist.cells:
        k = len(cell.inputs)
        if cell.kind == "lut" and k > 2:
            inputs = copy.nets(cell.inputs)
            nets = inputs + [inputs[0]] * (INPUTS - k)
            copy.new[cell.outputs[0]] = build(padded(cell.table, k), nets, cell.part)
        else:
            copy.keep(cell)
    return copy.finish()


def _narrow(table: int, used: list[int]) -> int:
    """The table over the inputs that it depends on."""
    return sum(
        (table >> sum(1 << j for i, j in enumerate(used) if p >> i & 1) & 1) << p for p in range(1 << len(used))
    )
