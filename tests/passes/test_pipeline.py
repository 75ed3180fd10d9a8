"""Pipeline and retiming: stages keep the period, latency is right, and rows of registers are minimum cuts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from helpers.networks import check, random_network, vote_network
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st

from lut2hw import targets
from lut2hw.artefact.emit import emit_model
from lut2hw.compile.compiler import compile_network
from lut2hw.logic.netlist import Netlist
from lut2hw.passes.pipeline import pipeline, register
from lut2hw.passes.retime import _nets, cost, retime
from lut2hw.passes.timing import Timing

DELAY = {"lut": 1.0, "carry": 0.1, "mux": 0.4, "ram": 1.5}


def delay(cell) -> float:
    return DELAY.get(cell.kind, 0.0)


def random_netlist(seed: int, cells: int, *, kinds: str = "lut lut lut carry ram mux") -> Netlist:
    """Cells on any earlier nets; a carry is read by the next carry or one LUT, a multiplexer has LUTs of its own."""
    rng = np.random.default_rng(seed)
    netlist = Netlist()
    nets = list(netlist.input("i", 4))
    names = kinds.split()
    carry: int | None = None
    for _ in range(cells):
        kind = str(rng.choice(names))
        pick = [nets[i] for i in rng.choice(len(nets), size=3)]
        if kind == "carry":
            [carry] = netlist.cell("carry", [*pick[:2], 0 if carry is None else carry])
        elif kind == "mux":
            ends = [netlist.lut(pick[:2], int(rng.integers(1, 15))) for _ in range(2)]
            nets += netlist.cell("mux", [*ends, pick[2]], table=1)
        elif kind == "ram":
            nets += netlist.cell("ram", pick[:2], 2, table=int(rng.integers(256)))
        else:
            inputs = [*pick[:2], carry] if carry is not None else pick[:2]
            nets.append(netlist.lut(inputs, int(rng.integers(1, 1 << (1 << len(inputs))))))
            carry = None
    read = {net for cell in netlist.cells for net in cell.inputs}
    netlist.output("o", [net for net in nets if net not in read] or nets[-1:])
    return netlist


ENTER, PORT = 0.7, 0.9


def longest_path(netlist: Netlist) -> float:
    """The longest path between registers, net by net, on its own: not as `Timing` counts."""
    arrival = [0.0] * netlist.n_nets
    for nets in netlist.inputs.values():
        for net in nets:
            arrival[net] = PORT
    kinds = netlist.kinds
    chained = {cell.outputs[position] for cell in netlist.cells for position in kinds[cell.kind].chained}
    out = 0.0
    for cell in netlist.cells:
        way = ENTER if kinds[cell.kind].chained else 0.0
        start = max((arrival[net] + way * (net > 1 and net not in chained) for net in cell.inputs), default=0.0)
        end = delay(cell) if kinds[cell.kind].registered else start + delay(cell)
        if cell.kind != "ff":  # the way to a register is in no stage's delay
            out = max(out, start, end)
        for net in cell.outputs:
            arrival[net] = end
    return out


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    cells=st.integers(1, 40),
    period=st.floats(2.6, 12),
    shared=st.booleans(),
    registers=st.none() | st.integers(8, 14),
)
def test_pipelines_are_consistent(seed, cells, period, shared, registers):
    """One latency on every path, the same function, no stage longer than the period, and not more registers."""
    netlist = random_netlist(seed, cells, kinds="lut lut lut lut lut ram mux" if seed % 2 else "lut lut carry ram")
    try:
        made = pipeline(netlist, registers, delay, period, enter=ENTER, port=PORT, shared=shared)
    except ValueError:
        assert registers is not None and netlist.count()["ram"] >= registers
        reject()  # nothing to check, and so no example
    assert made.latency == registers or registers is None or not any(net > 1 for net in netlist.outputs["o"])
    assert Timing(made, delay, ENTER, PORT).longest() == pytest.approx(longest_path(made))
    x = np.random.default_rng(seed).integers(0, 1 << 64, (4, 2), np.uint64)
    assert (made.evaluate(i=x)["o"] == netlist.evaluate(i=x)["o"]).all()
    timing = Timing(netlist, delay, ENTER, PORT)
    stage = timing.stages(period)
    asap = register(netlist, stage, max(stage))
    if registers is None:
        # a chain that alone is longer than the period makes a stage that long, but not longer than it was
        assert longest_path(made) <= max(period, longest_path(asap)) * (1 + 1e-6)
        nets = _nets(timing).values()
        moved = retime(timing, stage, max(stage), period, shared=shared)
        for ff, cell in ((1, 8),) if shared else ((1, 0),):
            assert cost(timing, nets, moved, max(stage), ff, cell) <= cost(timing, nets, stage, max(stage), ff, cell)
    late = timing.latest(period, max(stage))
    if late is not None and registers is None:
        made_late = register(netlist, late, max(stage))
        assert longest_path(made_late) <= max(period, longest_path(asap)) * (1 + 1e-6)
    if registers is None and not shared:
        assert made.count()["ff"] <= asap.count()["ff"]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 30), cells=st.integers(2, 9), period=st.floats(1.6, 5), shared=st.booleans())
def test_one_row_is_at_a_minimum_cut(seed, cells, period, shared):
    """Two stages: no choice that keeps the period has fewer registers, tried one by one."""
    netlist = random_netlist(seed, cells, kinds="lut lut lut carry")
    timing = Timing(netlist, delay, ENTER, PORT)
    stage = timing.stages(period)
    assume(max(stage) == 1 and longest_path(register(netlist, stage, 1)) <= period)
    ff, cell = (1, 8) if shared else (1, 0)
    nets = _nets(timing).values()
    best = None
    for choice in itertools.product((0, 1), repeat=len(timing.members)):
        trial = [choice[name] for name in timing.block]
        if any(trial[source] > trial[number] for number in range(len(trial)) for source, _ in timing.sources[number]):
            continue
        if longest_path(register(netlist, trial, 1)) <= period * (1 + 1e-9):
            value = cost(timing, nets, trial, 1, ff, cell)
            best = value if best is None else min(best, value)
    assert cost(timing, nets, retime(timing, stage, 1, period, shared=shared), 1, ff, cell) == best


@pytest.mark.parametrize("family", ["ice40", "ecp5"])
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 1 << 30), fmax=st.floats(10, 300), ram=st.sampled_from(["never", "auto"]))
def test_any_clock(family, seed, fmax, ram):
    check(compile_network(random_network(seed, k_max=9, luts=30), targets.get(family), fmax=fmax, ram=ram))


def test_emit_says_which_clock_to_expect(tmp_path):
    """A clock that the cuts meet is met by the stages' delays; one that none can meet is said in one line."""
    network = vote_network(40, 4, 4)
    for asked, short in ((20.0, False), (60.0, False), (500.0, True)):
        manifest = emit_model(network, tmp_path / f"{asked:g}", fmax=asked, device="up5k")
        [line] = [line for line in (manifest.directory / "summary.txt").read_text().splitlines() if "MHz" in line]
        assert line.startswith(f"Clock: {asked:g} MHz asked, about ")
        assert (manifest.data["clock_mhz_expected"] < asked) == short == line.endswith("no stage can be cut shorter")


def test_a_multiplexer_stays_with_its_luts():
    """Dedicated wires hold no register."""
    compiled = compile_network(vote_network(60, 7, 4), targets.get("ecp5"), pipeline=6)
    driver = {net: cell.kind for cell in compiled.netlist.cells for net in cell.outputs}
    muxes = [cell for cell in compiled.netlist.cells if cell.kind == "mux"]
    assert muxes and {driver[net] for cell in muxes for net in cell.inputs[:2]} <= {"lut", "mux"}


def test_retiming_saves_registers():
    """What is as early as can be waits in registers; later is where fewer bits have to."""
    netlist = compile_network(vote_network(300, 4, 10, n_bits=60), targets.get("ice40"), pipeline="none").netlist
    timing = Timing(netlist, delay, ENTER, PORT)
    stage = timing.stages(2.5)
    last = max(stage)
    before = register(netlist, stage, last).count()["ff"]
    after = register(netlist, retime(timing, stage, last, 2.5, shared=False), last).count()["ff"]
    assert after < 0.75 * before
