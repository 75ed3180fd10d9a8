"""The list of passes is what the compiler does: each is called in turn, with one context, and any may be left out."""

from __future__ import annotations

import pytest
from helpers.networks import check, random_network, vote_network

from lut2hw import targets
from lut2hw.compile.compiler import compile_network
from lut2hw.passes import PASSES, Context, Pass

FAMILIES = sorted(targets.TARGETS)


def test_names_are_unique_and_tables_come_first():
    names = [step.name for step in PASSES]
    assert len(set(names)) == len(names)
    kinds = [step.of for step in PASSES]
    assert kinds == sorted(kinds, key=["tables", "core"].index)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_reported_is_the_list_in_order(family):
    names: list[str] = []
    compiled = compile_network(
        vote_network(20, 6, 3), targets.get(family), on_pass=lambda name, netlist: names.append(name)
    )
    order = ["tables", *(step.name for step in PASSES)]
    assert names[0] == "tables" and names[-1] == "pipeline"
    assert names == sorted(names, key=order.index) and len(set(names)) == len(names)
    check(compiled)


@pytest.mark.parametrize("name", ["duplicates", "merge", "gather", "ram", "baseline", "pipeline"])
def test_any_of_these_may_be_left_out(name):
    passes = [step for step in PASSES if step.name != name]
    names: list[str] = []
    network = random_network(5)
    compiled = compile_network(
        network, targets.get("ecp5"), passes=passes, on_pass=lambda name, netlist: names.append(name)
    )
    check(compiled)
    assert name not in names and (name != "pipeline" or compiled.latency == 0)


@pytest.mark.parametrize("of", ["tables", "core"])
@pytest.mark.parametrize("tried", [False, True])
def test_a_pass_of_ones_own(of, tried):
    """It is told target, device and options, and reported; a worse result of one that is only tried is dropped."""
    seen: list[Context] = []

    def run(netlist, context):
        seen.append(context)
        out = netlist.empty()
        made = {0: 0, 1: 1}
        for name, nets in netlist.inputs.items():
            made.update(zip(nets, out.input(name, len(nets)), strict=True))
        for cell in netlist.cells:
            nets = out.cell(cell.kind, [made[net] for net in cell.inputs], len(cell.outputs), table=cell.table)
            made.update(zip(cell.outputs, nets, strict=True))
        for name, nets in netlist.outputs.items():  # two inverters in each output are of no use
            out.output(name, [out.lut([out.lut([made[net]], 0b01)], 0b01) for net in nets])
        return out

    step = Pass("inverters", run, of=of, tried=tried)
    names: list[str] = []
    at = 0 if of == "tables" else len(PASSES) - 1
    passes = [*PASSES[:at], step, *PASSES[at:]]
    network, target = vote_network(12, 4, 3), targets.get("ice40")
    compiled = compile_network(
        network, target, device="hx1k", fmax=20, passes=passes, on_pass=lambda name, netlist: names.append(name)
    )
    check(compiled)
    plain = compile_network(network, target, device="hx1k", fmax=20)
    assert "inverters" in names and seen[0].target is target and seen[0].device is target.devices["hx1k"]
    assert seen[0].options == compiled.options and compiled.options.fmax == 20.0
    luts = compiled.netlist.count()["lut"] - plain.netlist.count()["lut"]
    assert luts == (0 if tried or of == "tables" else 2 * len(plain.netlist.outputs["class"]))


def test_tables_without_outputs_need_no_mapper():
    from lut2hw.logic.netlist import Netlist
    from lut2hw.passes.abc import remap

    netlist = Netlist()
    netlist.input("bits", 3)
    netlist.output("votes", [])
    assert remap(netlist, 4) is netlist
