"""Sums, comparisons and the encoder's comparators, each on every input."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw import bits, targets
from lut2hw.compile.arithmetic import comparators
from lut2hw.compile.arithmetic.carry import CarryArithmetic
from lut2hw.compile.arithmetic.compressors import Arithmetic
from lut2hw.compile.arithmetic.steps import StepArithmetic
from lut2hw.logic.graph import Graph


def every_input(width: int) -> bits.Packed:
    """All words of `width` bits, packed (width, n_words)."""
    values = np.arange(1 << width)
    return bits.pack(((values >> np.arange(width)[:, None]) & 1).astype(np.uint8))


def numbers(graph: Graph, width: int, literals, *, inverts: bool = False) -> np.ndarray:
    """What the literals say as an unsigned number, for every word at the input."""
    graph.outputs = {"out": list(literals)}
    netlist = graph.netlist(carry_inverts=inverts)
    rows = bits.unpack(netlist.evaluate(**{"in": every_input(width)})["out"], 1 << width).astype(np.int64)
    return (rows << np.arange(len(rows))[:, None]).sum(axis=0)


def makers():
    """One arithmetic of each kind that a family uses."""
    kinds = {}
    for target in targets.TARGETS.values():
        kinds[target.carry, target.lut_inputs] = target
    for (carry, k), target in sorted(kinds.items()):

        def make(graph: Graph, carry=carry, k=k, target=target) -> Arithmetic:
            return (
                Arithmetic(graph, k)
                if carry == "none"
                else StepArithmetic(graph, k, chain=target.chain)
                if carry == "steps"
                else CarryArithmetic(graph, k, shares=carry == "shared", chain=target.chain)
            )

        yield pytest.param(make, id=f"{carry}-{k}")


@pytest.mark.parametrize("make", list(makers()))
@settings(max_examples=25, deadline=None)
@given(
    counts=st.lists(st.integers(0, 6), min_size=1, max_size=3).filter(lambda c: sum(c) <= 11),
    constant=st.integers(0, 9),
)
def test_sums(make, counts, constant):
    """Columns of bits and a constant add up, on all inputs."""
    graph = Graph()
    width = sum(counts)
    literals = graph.input("in", width)
    columns, at = [], 0
    for count in counts:
        columns.append(literals[at : at + count])
        at += count
    arithmetic = make(graph)
    [total] = arithmetic.sums([(columns, constant)])
    weights = [w for w, count in enumerate(counts) for _ in range(count)]
    words = np.arange(1 << width)
    expected = constant + sum(((words >> bit & 1) << w for bit, w in enumerate(weights)), np.zeros_like(words))
    assert (numbers(graph, width, total) == expected).all()


@pytest.mark.parametrize("make", list(makers()))
@pytest.mark.parametrize("width", [1, 2, 4])
def test_the_better_of_two_and_the_left_of_equals(make, width):
    graph = Graph()
    literals = graph.input("in", 2 * width)
    pairs = [(([0, 1], literals[:width]), ([1, 0], literals[width:]))]
    [(number, score)] = make(graph).tournament_round(pairs, last=False)
    words = np.arange(1 << 2 * width)
    left, right = words & (1 << width) - 1, words >> width
    wins = right > left
    assert (numbers(graph, 2 * width, number) == np.where(wins, 1, 2)).all()
    assert (numbers(graph, 2 * width, score) == np.maximum(left, right)).all()


@settings(max_examples=60, deadline=None)
@given(width=st.integers(1, 9), k=st.sampled_from([4, 6]), data=st.data())
def test_comparators(width, k, data):
    """Every value against any thresholds, and never more LUTs than each comparator alone."""
    thresholds = data.draw(st.lists(st.integers(1, (1 << width) - 1), min_size=1, max_size=40))
    graph = Graph()
    literals = comparators.at_least(graph, graph.input("in", width), thresholds, k)
    alone = 0
    for threshold in set(thresholds):
        one = Graph()
        comparators.chain(one, one.input("in", width), threshold, k)
        alone += sum(node.kind == "lut" for node in one.nodes)
    assert sum(node.kind == "lut" for node in graph.nodes) <= alone
    graph.outputs = {"out": literals}
    rows = bits.unpack(graph.netlist().evaluate(**{"in": every_input(width)})["out"], 1 << width)
    values = np.arange(1 << width)
    for row, threshold in zip(rows, thresholds, strict=True):
        assert (row == (values >= threshold)).all()


def test_thresholds_share_digits():
    """Eight bits against all 255 constants: 15 LUT4s for each digit, and one more where both matter."""
    graph = Graph()
    comparators.at_least(graph, graph.input("in", 8), range(1, 256), 4)
    # 15 thresholds are multiples of 16 and need the upper digit alone; some others read it as it is
    assert sum(node.kind == "lut" for node in graph.nodes) <= 15 + 15 + 240


@pytest.mark.parametrize("form", [comparators.chain, comparators.digits])
def test_each_form(form):
    for width, k in itertools.product((3, 5, 8), (4, 6)):
        for threshold in range(1, 1 << width):
            graph = Graph()
            [answer] = [form(graph, graph.input("in", width), threshold, k)]
            assert (numbers(graph, width, [answer]) == (np.arange(1 << width) >= threshold)).all()
