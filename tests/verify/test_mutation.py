"""Wrong hardware is found: mutants of emitted cores against the formal engine, and against simulation alone."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from helpers import batch, needs
from helpers.networks import random_network

from lut2hw import targets
from lut2hw.artefact.vectors import answers, packed_port, random_vectors
from lut2hw.compile.compiler import compile_network
from lut2hw.hdl.core import NetlistCore
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.port import INPUT, OUTPUT
from lut2hw.model.encoder import Encoder
from lut2hw.verify import simulate
from lut2hw.verify.formal.circuit import read_all
from lut2hw.verify.formal.prove import Question, prove_all
from lut2hw.verify.golden import classes_of

MAX_WIDTH = 14  # so that all inputs can be tried

pytestmark = needs.tool("yosys")


def subject(seed: int, family: str = "ice40"):
    """A random network with few input bits, compiled."""
    rng = random.Random(seed)
    while True:
        network = random_network(rng.randrange(1 << 30), head=rng.choice(["bit", "threshold", "argmax"]), k_max=5)
        compiled = compile_network(network, targets.get(family), pipeline=rng.choice([0, 1, 2, 3]))
        luts = [c for c in compiled.netlist.cells if c.kind == "lut"]
        if 4 <= compiled.input_port.width <= MAX_WIDTH and len(luts) >= 4:
            return network, compiled


def flip_bit(network, compiled, rng):
    cells = list(compiled.netlist.cells)
    at = rng.choice([i for i, cell in enumerate(cells) if cell.kind == "lut" and cell.inputs])
    cells[at] = replace(cells[at], table=cells[at].table ^ 1 << rng.randrange(1 << len(cells[at].inputs)))
    return replace(compiled.netlist, cells=cells)


def swap_wires(network, compiled, rng):
    """Two inputs of a cell change places, or one goes to another net of the same pipeline stage."""
    cells = list(compiled.netlist.cells)
    at = rng.choice([i for i, cell in enumerate(cells) if len(set(cell.inputs)) >= 2 and cell.kind == "lut"])
    inputs = list(cells[at].inputs)
    a, b = rng.sample(range(len(inputs)), 2)
    inputs[a], inputs[b] = inputs[b], inputs[a]
    cells[at] = replace(cells[at], inputs=tuple(inputs))
    return replace(compiled.netlist, cells=cells)


def drop_register(network, compiled, rng):
    cells = list(compiled.netlist.cells)
    registers = [i for i, cell in enumerate(cells) if compiled.netlist.kinds[cell.kind].registered]
    if not registers:
        return None
    at = rng.choice(registers)
    cells[at] = replace(cells[at], kind="lut", table=0b10)
    return replace(compiled.netlist, cells=cells)


def off_by_one(network, compiled, rng):
    """A comparator's threshold moves by one."""
    encoder = network.encoder
    at, step = rng.randrange(len(encoder)), rng.choice([-1, 1])
    threshold = encoder.threshold.copy()
    threshold[at] += step
    feature = encoder.feature[at]
    if not encoder.features.low[feature] < threshold[at] <= encoder.features.high[feature]:
        return None
    wrong = replace(network, encoder=Encoder(encoder.features, encoder.feature, threshold))
    other = compile_network(wrong, compiled.target, pipeline=compiled.latency)
    return other.netlist if other.input_port == compiled.input_port and other.latency == compiled.latency else None


def reverse_tie(network, compiled, rng):
    """The highest class wins a tie: classes numbered from the other end, and the answer turned round."""
    head, n = network.head, network.n_classes
    if head.kind != "argmax":
        return None
    wrong = replace(
        network, head=replace(head, class_of=(n - 1 - head.class_of).astype(np.int32), bias=head.bias[::-1].copy())
    )
    other = compile_network(wrong, compiled.target, pipeline=compiled.latency)
    if other.input_port != compiled.input_port or other.latency != compiled.latency:
        return None
    netlist, nets = other.netlist, other.netlist.outputs[OUTPUT]
    tables = [sum(((max(n - 1 - p, 0) >> bit) & 1) << p for p in range(1 << len(nets))) for bit in range(len(nets))]
    netlist.outputs[OUTPUT] = [netlist.lut(nets, table) for table in tables]
    return netlist


MUTATIONS = {f.__name__: f for f in (flip_bit, swap_wires, drop_register, off_by_one, reverse_tie)}


def all_inputs(port):
    return np.array([list(word.to_bytes(-(-port.width // 8), "little")) for word in range(1 << port.width)], np.uint8)


def behaves(netlist: Netlist, latency: int, network, port) -> bool:
    """Ground truth: the latency is right on every path and so is the answer to every input."""
    try:
        if netlist.latency != latency:
            return False
    except ValueError:
        return False
    inputs = all_inputs(port)
    got = classes_of(netlist, packed_port(port, inputs), len(inputs))
    return bool(np.array_equal(got, answers(network, port, inputs)))


def formal_says(cores, tmp_path) -> list[bool | None]:
    """Verdicts on (netlist, compiled) pairs."""
    (tmp_path / "cores.v").write_text(
        batch.to_verilog(
            {f"core{at}": (netlist, compiled.latency) for at, (netlist, compiled) in enumerate(cores)},
            cores[0][1].target,
        )
    )
    circuits = read_all([tmp_path / "cores.v"], [f"core{at}" for at in range(len(cores))])
    questions = [
        Question(
            compiled.network,
            compiled.input_port,
            circuit,
            compiled.latency,
            random_vectors(compiled.network, compiled.input_port, 64, 0),
        )
        for circuit, (_, compiled) in zip(circuits, cores, strict=True)
    ]
    return [outcome.passed for outcome in prove_all("formal", questions, limit=600)]


def simulation_says(netlist: Netlist, compiled) -> bool:
    vectors = random_vectors(compiled.network, compiled.input_port, 200, 1)
    result = simulate.amaranth(NetlistCore(netlist, latency=compiled.latency), vectors)
    return not result["errors"] and not result["mismatches"] and result["vectors"] == 200


def hunt(seeds: range, tmp_path, per_network: int, family: str = "ice40") -> Counter:
    """Mutate, and compare each verdict with the truth. Returns counts."""
    cores, truths, names = [], [], []
    for seed in seeds:
        rng = random.Random(seed)
        network, compiled = subject(seed, family)
        assert INPUT in compiled.netlist.inputs
        cores.append((compiled.netlist, compiled))
        truths.append(True)
        names.append(f"{seed}, as it is")
        for number in range(per_network):
            name = list(MUTATIONS)[(seed + number) % len(MUTATIONS)]
            mutant = MUTATIONS[name](network, compiled, rng)
            if mutant is not None:
                cores.append((mutant, compiled))
                truths.append(behaves(mutant, compiled.latency, network, compiled.input_port))
                names.append(name)
    verdicts = formal_says(cores, tmp_path)
    assert verdicts == truths, [
        name for name, verdict, truth in zip(names, verdicts, truths, strict=True) if verdict is not truth
    ]
    counts: Counter[str] = Counter()
    for (mutant, compiled), right, name in zip(cores, truths, names, strict=True):
        if name in MUTATIONS:
            counts["right" if right else "mutants"] += 1
        if not right:
            counts[name] += 1
            counts["killed by simulation"] += not simulation_says(mutant, compiled)
    return counts


def test_formal_tells_mutants_from_equals(tmp_path):
    counts = hunt(range(6), tmp_path, 5)
    assert counts["mutants"] >= 6
    assert counts["killed by simulation"] >= counts["mutants"] // 2


@pytest.mark.slow
def test_no_mutant_survives(tmp_path):
    counts: Counter[str] = Counter()
    for block, family in enumerate(sorted(targets.TARGETS)):
        counts += hunt(range(100 + 40 * block, 136 + 40 * block), tmp_path, 6, family)
    print(dict(counts))
    assert counts["mutants"] >= 200
    assert all(counts[name] >= 8 for name in MUTATIONS)
