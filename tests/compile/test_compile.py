"""The compiled netlist equals the golden model on every input that is tried."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers import needs
from helpers.networks import check, classes, inputs_of, random_network, vote_network
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lut2hw import bits, targets
from lut2hw.compile.compiler import compile_network
from lut2hw.errors import UsageError
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head, Layer

FAMILIES = sorted(targets.TARGETS)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 1 << 30),
    head=st.sampled_from(["argmax", "threshold", "bit"]),
    weighted=st.booleans(),
    signed=st.booleans(),
    encoded=st.booleans(),
    pipeline=st.sampled_from(["none", "auto", 1, 2, 3, 7]),
    k_max=st.integers(0, 10),
    missing=st.booleans(),
)
def test_equals_golden_model(family, seed, head, weighted, signed, encoded, pipeline, k_max, missing):
    network = random_network(seed, head=head, weighted=weighted, signed=signed, k_max=k_max, missing=missing)
    passes = []

    def on_pass(name, netlist):
        passes.append((name, netlist))

    compiled = compile_network(
        network, targets.get(family), encoded_inputs=encoded, pipeline=pipeline, on_pass=on_pass
    )
    check(compiled)
    x = inputs_of(network, 100, seed=1)
    for name, netlist in passes:
        assert (classes(netlist, compiled.input_port, network, x) == network.predict_integers(x)).all(), name


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 1 << 30),
    votes=st.integers(2, 60),
    n_classes=st.integers(2, 6),
    twice=st.floats(0, 1),
    pipeline=st.sampled_from(["none", "auto", 2]),
    outputs=st.sampled_from([("class",), ("class", "margin"), ("scores",)]),
)
def test_no_ice40_carry_reads_one_net_twice(seed, votes, n_classes, twice, pipeline, outputs):
    """nextpnr's default router can swap the two for ever; votes that are one signal do not bring it about either."""
    network = vote_network(max(votes, n_classes), 3, n_classes, seed=seed)
    signal = network.head.signal.copy()
    again = np.random.default_rng(seed).random(len(signal)) < twice
    signal[again] = signal[0]
    network = replace(network, head=replace(network.head, signal=signal))
    compiled = compile_network(network, targets.get("ice40"), pipeline=pipeline, outputs=outputs)
    if outputs == ("class",):
        check(compiled)
    carries = [cell.inputs for cell in compiled.netlist.cells if cell.kind == "carry"]
    assert all(a != b or a <= 1 for a, b, _ in carries)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 1 << 30), k_max=st.integers(0, 8))
def test_dont_cares_are_written_back(family, seed, k_max):
    """Entries in the care set stay, and the netlist equals the new network on every input, seen or not."""
    network = random_network(seed, k_max=k_max, care=True)
    compiled = compile_network(network, targets.get(family), dont_cares="unseen", pipeline="none")
    check(compiled)
    for before, after in zip(network.layers, compiled.network.layers, strict=True):
        cared = before.care_bits.astype(bool)
        assert (before.table_bits[cared] == after.table_bits[cared]).all()


def test_dont_cares_save_area_and_keep_what_training_saw():
    from lut2hw.compile.area import estimate_netlist

    network = vote_network(60, 7, 3, care=0.25)
    ice40 = targets.get("ice40")
    cells = [
        estimate_netlist(compile_network(network, ice40, dont_cares=option, pipeline="none").netlist, ice40)
        for option in ("off", "unseen")
    ]
    assert cells[1] < 0.6 * cells[0]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 1 << 30), head=st.sampled_from(["argmax", "threshold", "bit"]), k_max=st.integers(0, 7))
def test_completing_by_answers_keeps_every_answer(seed, head, k_max):
    """To the examples it was given, whatever the head; what it keeps up to date is what the new network computes."""
    from lut2hw.compile.dont_cares import complete
    from lut2hw.compile.observe import Watched, complete_by_answers

    network = random_network(seed, head=head, k_max=k_max)
    x = inputs_of(network, 70)
    after = complete_by_answers(network, x, lambda table, care, k: complete(table, care, k, 4))
    assert (after.predict(x) == network.predict(x)).all()
    watched = Watched(network, x)
    at = 0
    for layer in after.layers:
        for row in layer.tables:
            watched.change(at, row)
            at += 1
    assert (watched.scores == after.scores(x)).all()
    if network.n_luts:  # by definition: invert the output of a LUT and ask again
        from dataclasses import replace

        watched, lut = Watched(network, x), seed % network.n_luts
        at, layers = 0, list(network.layers)
        for number, layer in enumerate(layers):
            if at <= lut < at + len(layer):
                tables = layer.table_bits.astype(bool)
                tables[lut - at] ^= True
                layers[number] = Layer(layer.wiring, bits.pack_tables(tables))
            at += len(layer)
        changed = replace(network, layers=tuple(layers)).predict(x) != network.predict(x)
        assert (watched.matters(lut) == changed).all()


def test_unseen_by_answers_where_it_costs_nothing():
    """Two tables that training shows whole, but whose answers it never depends on, go; else accuracy is guarded."""
    from lut2hw.compile.dont_cares import use_dont_cares
    from lut2hw.data import Dataset

    rng = np.random.default_rng(0)
    n = 12
    features = Features.integers(np.zeros(n, np.int64), np.ones(n, np.int64))
    hidden = Layer(np.array([range(6), range(6, 12)], np.int32), bits.pack_tables(rng.random((2, 64)) < 0.5))
    # the answer is input 0, but where inputs 0 and 1 differ; training has them equal
    last = Layer(
        np.array([[0, 1, n, n + 1]], np.int32),
        bits.pack_tables(
            np.array([[p & 1 if (p & 1) == p >> 1 & 1 else p >> 2 & 1 ^ p >> 3 for p in range(16)]]).astype(bool)
        ),
    )
    network = LutNetwork(
        Encoder(features, np.arange(n, dtype=np.int32), np.ones(n, np.int64)),
        (hidden, last),
        Head.bit(n + 2),
        ("no", "yes"),
    )
    x = rng.integers(0, 2, (2000, n))
    x[:, 1] = x[:, 0]
    y = network.predict(x)
    data = Dataset("d", features, ("no", "yes"), x[:1500], y[:1500], x[1500:], y[1500:])
    after = use_dont_cares(network, "unseen", 4, data)
    assert after.meta["dont_cares"]["scope"] == "answers"
    assert compile_network(after, targets.get("ice40"), pipeline="none").netlist.cells == []
    # of examples that are all different, answers to some say nothing of the others
    network = random_network(4, head="bit", k_max=8)
    rng = np.random.default_rng(1)
    wide = vote_network(60, 6, 2, n_bits=60)
    x = rng.integers(0, 2, (60, 60))
    y = wide.predict(x)
    data = Dataset("d", wide.features, wide.class_names, x, y, x, y)
    after = use_dont_cares(wide, "unseen", 4, data)
    assert after.meta["dont_cares"]["scope"] == "entries" and (after.predict(x) == y).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 30), k=st.integers(0, 9), cared=st.floats(0, 1), lut_inputs=st.sampled_from([4, 6]))
def test_completed_and_decomposed_tables(seed, k, cared, lut_inputs):
    """Where care is one the table stays; a decomposition computes the table and uses what it promises."""
    from lut2hw.compile.dont_cares import complete
    from lut2hw.logic import truth
    from lut2hw.logic.graph import Graph
    from lut2hw.passes.decompose import bound_set, expand, luts

    rng = np.random.default_rng(seed)
    table, care = (
        int.from_bytes(np.packbits(rng.random(1 << k) < share, bitorder="little").tobytes(), "little")
        for share in (0.5, cared)
    )
    made = complete(table, care, k, lut_inputs)
    assert not (made ^ table) & care and 0 <= made <= truth.full(k)
    if k > lut_inputs:
        found = bound_set(table, care, k, lut_inputs)
        if found is not None:
            assert not (found.joined(found.table, k) ^ table) & care
            assert found.k < k
    graph = Graph()
    literals = graph.input("x", k)
    graph.outputs["y"] = [expand(graph, tuple(literals), made, lut_inputs, "lut")]
    netlist = graph.netlist()
    assert all(len(cell.inputs) <= lut_inputs for cell in netlist.cells)
    assert luts(made, k, lut_inputs) <= luts(made, k, lut_inputs, False)
    every = np.array([[p >> j & 1 for p in range(1 << k)] for j in range(k)], np.uint8).reshape(k, 1 << k)
    if k:
        out = bits.unpack(netlist.evaluate(x=bits.pack(every))["y"], 1 << k)[0]
        assert (out == np.array([made >> p & 1 for p in range(1 << k)])).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1 << 30))
def test_functional_duplicates_are_merged(seed):
    """The same function through other logic, up to polarity, becomes one signal; nothing else changes."""
    from lut2hw.logic.netlist import Netlist
    from lut2hw.passes.duplicates import merge_equal

    rng = np.random.default_rng(seed)
    netlist = Netlist()
    x = netlist.input("x", 6)
    a = netlist.lut(x[:3], int(rng.integers(1, 255)))
    table = int(rng.integers(1 << 16))
    f = netlist.lut((a, *x[3:]), table)
    # by Shannon expansion over x[5], inverted: other cells, the same function
    low, high = (netlist.lut((a, *x[3:5]), half) for half in (table & 0xFF, table >> 8))
    g = netlist.lut((low, high, x[5]), 0b11001010 ^ 0xFF)
    h = netlist.lut((f, g, x[0]), int(rng.integers(256)))  # f and g are always opposite
    netlist.output("y", [f, g, h])
    merged = merge_equal(netlist)
    every = bits.pack(np.array([[p >> j & 1 for p in range(64)] for j in range(6)], np.uint8))
    assert (merged.evaluate(x=every)["y"] == netlist.evaluate(x=every)["y"]).all()
    wide = sum(len(cell.inputs) > 1 for cell in merged.cells)
    assert wide <= 4  # a, f, h, and f once more for the polarity of g


def test_accuracy_before_and_after_is_in_the_model():
    from lut2hw import data
    from lut2hw.learn import memorize
    from lut2hw.model.encoder import fixed

    digits = data.load("digits")
    network = memorize.learn(digits, fixed(digits.features, 8), layers=[40], k=6, seed=0, progress=lambda *_: None)
    made = compile_network(network, targets.get("ice40"), dont_cares="unseen", data=digits).network
    x, y = digits.split("test")
    report = made.meta["dont_cares"]
    assert report["before"]["train"] == report["after"]["train"]  # what training saw stays
    assert report["after"]["test"] == pytest.approx((made.predict_integers(x) == y).mean(), abs=1e-6)
    rare = compile_network(network, targets.get("ice40"), dont_cares="rare:20", data=digits, pipeline="none")
    check(rare)
    assert rare.network.meta["dont_cares"]["option"] == "rare:20"


def test_wrong_options_are_refused():
    network = vote_network(4, 3, 2)
    for options in (
        {"dont_cares": "rare"},
        {"dont_cares": "rare:0"},
        {"dont_cares": "unseen"},
        {"pipeline": "fast"},
        {"pipeline": -1},
        {"effort": "much"},
        {"ram": "yes"},
        {"ram": "auto", "pipeline": "none"},
        {"fmax": 0.0},
        {"device": "up6k"},
    ):
        with pytest.raises(UsageError):
            compile_network(network, targets.get("ice40"), **options)


def test_fmax_chooses_the_cuts():
    """A faster clock takes more registers, and no stage is longer than the period where cells allow it."""
    from lut2hw.passes.timing import Timing

    network, ice40 = vote_network(80, 6, 5), targets.get("ice40")
    latency = [compile_network(network, ice40, fmax=fmax).latency for fmax in (10, 40, 80)]
    assert latency[0] < latency[1] < latency[2]
    netlist = compile_network(network, ice40, pipeline="none").netlist
    stage = Timing(netlist, lambda cell: 1.0).stages(12)
    assert max(stage) > 0
    depth = {}
    for cell, here in zip(netlist.cells, stage, strict=True):
        depth[cell.outputs[0]] = (
            here,
            1 + max((depth[net][1] for net in cell.inputs if net in depth and depth[net][0] == here), default=0),
        )
    chains = max(d for _, d in depth.values())
    assert chains <= 12 + 34  # a chain is never cut


def test_lost_register_is_noticed():
    from dataclasses import replace

    from lut2hw.logic.netlist import Netlist

    netlist = compile_network(vote_network(30, 4, 3), targets.get("ice40"), pipeline=3).netlist
    ff = next(i for i, cell in enumerate(netlist.cells) if cell.kind == "ff")
    cells = [*netlist.cells]
    cells[ff] = replace(cells[ff], kind="lut", table=0b10)
    with pytest.raises(ValueError, match=r"stages|latencies"):
        _ = Netlist(netlist.inputs, netlist.outputs, cells, netlist.n_nets).latency


@needs.tool("yosys")
def test_high_effort_is_never_worse():
    """Not than normal effort, and not than yosys alone on the network's behaviour."""
    from lut2hw.compile.area import estimate_netlist

    ice40, kept = targets.get("ice40"), set()
    for network in (vote_network(30, 6, 3, low=0.2), random_network(3, k_max=7)):
        compiled = compile_network(network, ice40, effort="high", pipeline="none")
        check(compiled)
        normal = compile_network(network, ice40, pipeline="none")
        cells = estimate_netlist(compiled.netlist, ice40)
        assert cells == min(compiled.compared.values()) <= estimate_netlist(normal.netlist, ice40)
        assert not normal.compared and normal.kept == "lut2hw"
        kept.add(compiled.kept)
    assert kept == {"lut2hw", "yosys"}


@needs.tool("yosys")
@pytest.mark.parametrize(
    "family", ["ice40", *(pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES if name != "ice40")]
)
def test_baseline_equals_golden_model(family):
    """What yosys makes of the behavioural description, read back, is the network too, with its carries."""
    from lut2hw.compile.baseline import synthesize

    target = targets.get(family)
    for network in (vote_network(40, 5, 4), random_network(11, k_max=5, head="threshold")):
        port = compile_network(network, target, pipeline="none").input_port
        netlist = synthesize(network, port, target)
        x = inputs_of(network, 300)
        assert (classes(netlist, port, network, x) == network.predict(x)).all()
        for cell in netlist.cells:
            target.primitive(cell)


CELLS = st.lists(st.tuples(st.booleans(), st.tuples(*[st.integers(0, 17)] * 4), st.integers(0, 0xFFFF)), min_size=1)


@settings(max_examples=200)
@given(cells=CELLS)
@example([(True, (0, 2, 0, 0), 0), (True, (2, 3, 0, 0), 0), (False, (3, 0, 2, 3), 0x1234)])
@example([(True, (2, 0, 0, 0), 0), (True, (2, 4, 5, 0), 0), (False, (4, 0, 2, 4), 0xBEEF)])
@example([(True, (4, 2, 1, 0), 0), (True, (4, 3, 2, 0), 0), (False, (3, 2, 4, 1), 0xCAFE)])  # turned onto another's
@example([*((True, (a, b, 0, 0), 0) for a in (2, 3, 4) for b in (3, 4, 5) if a < b), (False, (2, 3, 4, 5), 0x5EED)])
def test_no_lut_is_taken_for_the_sum_of_a_carry(cells):
    """A LUT at a carry's two nets that reads another carry in, or none, is turned round, and does the same."""
    from lut2hw.logic.netlist import Netlist
    from lut2hw.passes.share import unpaired

    netlist = Netlist()
    nets = [0, 1, *netlist.input("x", 4)]
    for is_carry, read, table in cells:
        at = [nets[number % len(nets)] for number in read]
        nets.append(netlist.cell("carry", at[:3])[0] if is_carry else netlist.lut(at, table))
    netlist.output("y", nets)
    made = unpaired(netlist)
    x = np.arange(16)
    packed = {"x": bits.pack(np.array([x >> j & 1 for j in range(4)], np.uint8))}
    assert (netlist.evaluate(**packed)["y"] == made.evaluate(**packed)["y"]).all()
    carries = [cell.inputs for cell in made.cells if cell.kind == "carry"]
    assert all(a != b or a <= 1 for a, b, _ in carries)
    known = {0, 1, *made.inputs["x"]}
    for cell in made.cells:
        assert set(cell.inputs) <= known
        known |= set(cell.outputs)
        if cell.kind == "lut" and max(cell.inputs[::3]) > 1:  # it reads more than the two
            into = {carry for a, b, carry in carries if cell.inputs[1:3] in ((a, b), (b, a))}
            assert not into or (cell.inputs[3] > 1 and cell.inputs[3] in into), (cell, carries)


@pytest.mark.parametrize("n_classes", [2, 3, 7, 10])
def test_ties_go_to_the_lowest_class(n_classes):
    """Scores that are all equal, or equal for some, on the carry chains too."""
    network = vote_network(4 * n_classes, 2, n_classes, n_bits=6)
    x = np.array([[p >> j & 1 for j in range(6)] for p in range(64)])
    scores = network.scores(x)
    assert ((scores == scores.max(axis=1, keepdims=True)).sum(axis=1) > 1).any()
    for family in FAMILIES:
        compiled = compile_network(network, targets.get(family), pipeline="none")
        assert (classes(compiled.netlist, compiled.input_port, network, x) == network.predict(x)).all()


def test_wrong_netlists_are_noticed():
    """One flipped table bit, or two swapped inputs, and the comparison that these tests make fails."""
    from dataclasses import replace

    from lut2hw.logic.netlist import Netlist

    compiled = compile_network(vote_network(20, 4, 2, n_bits=8), targets.get("ice40"), pipeline="none")
    network, netlist = compiled.network, compiled.netlist
    x = np.array([[p >> j & 1 for j in range(8)] for p in range(256)])
    want = network.predict(x)
    last = next(i for i in reversed(range(len(netlist.cells))) if netlist.cells[i].kind == "lut")
    cell = netlist.cells[last]
    used = sum(1 << j for j in range(len(cell.inputs)) if cell.inputs[j])
    for change in (replace(cell, table=cell.table ^ (1 << used)), replace(cell, table=~cell.table & 0xFFFF)):
        cells = [*netlist.cells]
        cells[last] = change
        broken = Netlist(netlist.inputs, netlist.outputs, cells, netlist.n_nets)
        if (classes(broken, compiled.input_port, network, x) != want).any():
            break
    else:
        pytest.fail("no change was noticed")
