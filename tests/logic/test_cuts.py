"""The checker without a solver: what it calls equal is equal, and it shows what the compiler makes."""

from __future__ import annotations

import random

import numpy as np
import pytest
from helpers.networks import random_network

from lut2hw import targets
from lut2hw.compile.compiler import compile_network
from lut2hw.logic.aig import Aig
from lut2hw.logic.cuts import equal_by_cuts
from lut2hw.logic.equivalence import graph_of


def random_graph(rng: random.Random, inputs: int, ands: int) -> Aig:
    aig = Aig(inputs)
    literals = [aig.input(at) for at in range(inputs)]
    for _ in range(ands):
        literals.append(
            aig.and_(rng.choice(literals) ^ rng.getrandbits(1), rng.choice(literals) ^ rng.getrandbits(1))
        )
    aig.outputs = [rng.choice(literals) ^ rng.getrandbits(1) for _ in range(3)]
    return aig


def every(inputs: int) -> np.ndarray:
    numbers = np.arange(1 << inputs)
    return np.packbits([numbers >> at & 1 for at in range(inputs)], axis=1, bitorder="little").view(np.uint64)


def rebuilt(aig: Aig, rng: random.Random) -> Aig:
    """The same functions of other nodes: each AND as a multiplexer or by De Morgan and a detour."""
    out = Aig(aig.inputs)
    literals = [2 * node for node in range(1 + aig.inputs)]
    spare = out.input(0)
    for a, b in aig.ands:
        x, y = literals[a >> 1] ^ a & 1, literals[b >> 1] ^ b & 1
        both = out.and_(x, y)
        if rng.random() < 0.5:
            both = out.or_(out.and_(out.and_(x, spare), y), out.and_(out.and_(y, spare ^ 1), x))
        literals.append(both)
    out.outputs = [literals[literal >> 1] ^ literal & 1 for literal in aig.outputs]
    return out


def test_verdicts_are_true():
    counts = {True: 0, False: 0, None: 0}
    for seed in range(150):
        rng = random.Random(seed)
        left = random_graph(rng, 8, 30)
        right = rebuilt(left, rng)
        if seed % 2:
            at = rng.randrange(3)
            right.outputs[at] = right.and_(right.outputs[at], right.input(rng.randrange(8)))
        truth = bool((left.evaluate(every(8)) == right.evaluate(every(8))).all())
        said = equal_by_cuts(left, right, seed)
        assert said in (truth, None), seed
        counts[said] += 1
    assert counts[True] > 60 and counts[False] > 30 and counts[None] < 15


def test_what_no_random_input_shows_is_not_called_equal():
    left, right = Aig(30), Aig(30)
    literal = left.input(0)
    for at in range(1, 30):
        literal = left.and_(literal, left.input(at))
    left.outputs, right.outputs = [literal], [0]
    assert equal_by_cuts(left, right) is None


@pytest.mark.parametrize("family", sorted(targets.TARGETS))
def test_a_compiled_core_is_shown_to_be_its_tables(family):
    """The core before any pass, and the one after all of them."""
    seen = {}
    network = random_network(6, head="argmax", k_max=5)
    compiled = compile_network(
        network, targets.get(family), on_pass=lambda name, netlist: seen.setdefault(name, netlist)
    )
    assert equal_by_cuts(graph_of(compiled.netlist), graph_of(seen["tables"]))
