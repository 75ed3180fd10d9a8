"""Functions of four inputs as trees of LUT2s: right, and as small as there is."""

import random

import numpy as np
import pytest

from lut2hw import bits
from lut2hw.logic import truth
from lut2hw.logic.netlist import Netlist
from lut2hw.passes.lut_trees import lut2_of, lut_trees, padded, tree_of

FULL = truth.full(4)
VARS = [truth.var(j, 4) for j in range(4)]


def value(tree):
    leaves = []
    for leaf in (tree.left, tree.right):
        operands = [VARS[j] for j in leaf.operands] + ([] if leaf.tree is None else [leaf.tree])
        assert len(operands) <= 2
        leaves.append(truth.apply(lut2_of(leaf.table, operands), [*operands, 0, 0][:2], FULL))
    return truth.apply(tree.top, leaves, FULL)


@pytest.mark.parametrize(
    ("function", "cost"),
    [
        (lambda a, b, c, d: a & b | c & d, 1),
        (lambda a, b, c, d: a ^ b ^ c ^ d, 1),
        (lambda a, b, c, d: c & b | ~c & a, 1),  # reads c twice
        (lambda a, b, c, d: a & b | c & (a | b), 2),
        (lambda a, b, c, d: a & b & c & d | ~(a | b | c | d), 2),
    ],
)
def test_costs_of_known_functions(function, cost):
    table = function(*VARS) & FULL
    assert tree_of(table).cost == cost and value(tree_of(table)) == table


def test_any_function_is_at_most_three_trees():
    rng = random.Random(5)
    for table in [0, FULL, *(rng.randrange(1 << 16) for _ in range(150))]:
        tree = tree_of(table)
        assert value(tree) == table and tree.cost <= 3
        for leaf in (tree.left, tree.right):
            assert leaf.tree is None or tree_of(leaf.tree).cost == 1


def test_netlist_computes_the_same_and_each_lut_is_a_tree():
    rng = random.Random(6)
    netlist = Netlist()
    nets = netlist.input("x", 5)[:]
    for _ in range(40):
        k = rng.randrange(5)
        nets.append(netlist.lut(tuple(rng.sample(nets, k)), rng.randrange(1 << (1 << k))))
    netlist.output("y", nets[5:])
    made = lut_trees(netlist)
    assert all(
        len(cell.inputs) <= 2 or tree_of(padded(cell.table, len(cell.inputs))).cost == 1 for cell in made.cells
    )
    x = bits.pack(np.array([[p >> j & 1 for p in range(32)] for j in range(5)], np.uint8))
    assert np.array_equal(bits.unpack(netlist.evaluate(x=x)["y"], 32), bits.unpack(made.evaluate(x=x)["y"], 32))
