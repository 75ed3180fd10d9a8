"""Carry cells and LUT6s of two outputs: they compute the same, and take what they are said to take."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw import bits
from lut2hw.compile.arithmetic.steps import StepArithmetic
from lut2hw.logic.graph import MAJORITY, XOR3, Graph
from lut2hw.passes.area import estimate_netlist
from lut2hw.passes.merge import merge
from lut2hw.targets.registry import get


def popcounts(groups, family, inverted=0):
    """Sums of groups of votes, some of them inverted, before and after the family's last pass."""
    graph = Graph()
    votes = graph.input("x", max(max(group) for group in groups) + 1)
    literals = [[votes[at] ^ (inverted >> at & 1) for at in group] for group in groups]
    sums = StepArithmetic(graph, 6, chain=get(family).chain).sums([([group], 0) for group in literals])
    graph.outputs = {f"y{at}": total for at, total in enumerate(sums)}
    before = merge(graph.netlist(), 6)
    return before, get(family).finish(before)


@pytest.mark.parametrize("family", ["xilinx7", "xilinxu"])
@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=3), st.integers(0, 2**50 - 1), st.integers(0, 9))
def test_chains_and_pairs_compute_the_sum(family, sizes, inverted, shared):
    groups, at = [], 0
    for size in sizes:
        groups.append(range(max(0, at - shared), max(0, at - shared) + size))
        at = max(0, at - shared) + size
    before, after = popcounts(groups, family, inverted)
    assert "step" not in after.count()
    width = len(before.inputs["x"])
    values = np.random.default_rng(len(groups)).integers(0, 2, (width, 500)).astype(np.uint8)
    values[:, 0], values[:, 1] = 0, 1
    right = values ^ np.array([inverted >> at & 1 for at in range(width)], np.uint8)[:, None]
    for netlist in (before, after):
        for at, group in enumerate(groups):
            total = bits.unpack(netlist.evaluate(x=bits.pack(values))[f"y{at}"], 500).astype(int)
            assert ((total << np.arange(len(total))[:, None]).sum(axis=0) == right[list(group)].sum(axis=0)).all()


@pytest.mark.parametrize(("votes", "most"), [(7, 3), (13, 9), (50, 35), (100, 73)])
def test_luts_of_a_popcount(votes, most):
    _, netlist = popcounts([range(votes)], "xilinxu")
    assert estimate_netlist(netlist, get("xilinxu")) <= most


def test_a_full_adder_is_one_lut():
    graph = Graph()
    literals = graph.input("x", 3)
    graph.outputs = {"y": [graph.lut(literals, XOR3), graph.lut(literals, MAJORITY)]}
    netlist = get("xilinx7").finish(graph.netlist())
    assert dict(netlist.count()) == {"pair": 1}
    [instance] = [get("xilinx7").primitive(cell) for cell in netlist.cells]
    assert instance.module == "LUT6_2" and set(instance.outputs) == {"O5", "O6"}
