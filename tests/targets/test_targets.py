"""Every family: what is emitted simulates with the vendor's models, and yosys takes it."""

from __future__ import annotations

import json
import random

import pytest
from helpers import fast, needs
from helpers.networks import random_network, vote_network

from lut2hw import targets, tools
from lut2hw.artefact.emit import emit
from lut2hw.compile.compiler import compile_network
from lut2hw.errors import UsageError
from lut2hw.flow.build import build
from lut2hw.logic import truth
from lut2hw.logic.cells import Cell
from lut2hw.verify.engines import verify

FAMILIES = sorted(targets.TARGETS)
PLACED = [name for name in FAMILIES if targets.get(name).flow]
NEXTPNR = {name: targets.get(name).flow.nextpnr for name in PLACED}
needs_yosys = needs.tool("yosys")


def networks():
    yield vote_network(40, 5, 4)
    yield random_network(3, k_max=9, luts=30)
    yield random_network(2, luts=20, missing=True)


def test_unknown_target():
    with pytest.raises(UsageError, match="did you mean 'ice40'"):
        targets.get("ice4O")


@needs_yosys
@needs.tool("iverilog")
@pytest.mark.parametrize("family", fast.first(["ice40", "ecp5"], FAMILIES))
def test_simulates_with_vendor_models(family, tmp_path):
    for number, network in enumerate(networks()):
        compiled = compile_network(network, targets.get(family), pipeline=2)
        assert compiled.netlist.latency in (0, 2)
        manifest = emit(compiled, tmp_path / str(number))
        [outcome] = verify(manifest, ["cocotb"], vectors=150)
        assert outcome.passed and outcome.vectors >= 150, outcome


@needs_yosys
@pytest.mark.parametrize("family", fast.first(["ice40", "ecp5", "xilinxu"], FAMILIES))
def test_yosys_keeps_the_mapping(family, tmp_path):
    """Synthesis neither merges nor splits what was mapped: as many LUTs as the netlist has, give or take few."""
    target = targets.get(family)
    compiled = compile_network(vote_network(60, 5, 4), target, pipeline="none")
    manifest = emit(compiled, tmp_path / "core")
    script = (
        f"read_verilog {manifest.sources[0]}; {target.synth.format(top=manifest.top, json='out.json')}; "
        "tee -q -o stat.json stat -json"
    )
    tools.run("yosys", ["-q", "-p", script], cwd=manifest.directory)
    stat = json.loads((manifest.directory / "stat.json").read_text())
    cells = stat["modules"]["\\" + manifest.top]["num_cells_by_type"]
    luts = sum(
        count for kind, count in cells.items() if ("LUT" in kind or "L2T" in kind) and not kind.startswith("MUX2")
    )
    count = compiled.netlist.count()
    expected = count["lut"] + count["pair"]
    assert abs(luts - expected) <= 0.02 * expected + 2


def test_gatemate_reads_and_writes_trees_of_five_inputs():
    family, rng = targets.get("gatemate"), random.Random(1)
    columns = {net: truth.var(net - 2, 5) for net in range(2, 7)}
    for _ in range(40):
        inits = {name: rng.randrange(16) for name in ("INIT_L02", "INIT_L03", "INIT_L11", "INIT_L20")}
        ports = {**{f"I{j}": [j + 2] for j in range(5)}, "O": [9]}
        [first] = family.read["CC_L2T5"](inits, ports)
        written = family.primitive(Cell("tree5", first.inputs, (9,), first.table))
        [second] = family.read["CC_L2T5"](
            {name: value for name, (value, _) in written.parameters.items()},
            {**{name: [net] for name, net in written.inputs.items()}, "O": [9]},
        )
        one, two = (
            truth.apply(made.table, [columns.get(net, 0) for net in made.inputs], truth.full(5))
            for made in (first, second)
        )
        assert one == two


@pytest.mark.slow
@needs_yosys
@pytest.mark.parametrize("family", PLACED)
def test_place_and_route(family, tmp_path):
    needs.skip_without(NEXTPNR[family])
    manifest = emit(compile_network(vote_network(40, 5, 4), targets.get(family), pipeline=2), tmp_path / "core")
    result = build(manifest.directory)
    assert result["core"]["logic_cells"] > 40 and result["fmax_mhz"] > 20
    assert result["bitstream"] or family == "nexus"
