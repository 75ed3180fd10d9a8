"""Netlists as graphs, and the check of what other tools return."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers import needs
from helpers.networks import random_network, vote_network

from lut2hw import targets
from lut2hw.artefact.emit import emit_model
from lut2hw.compile.compiler import compile_network
from lut2hw.logic.equivalence import graph_of, same
from lut2hw.logic.graph import Graph
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.port import INPUT
from lut2hw.passes import tables


@pytest.mark.parametrize("family", sorted(targets.TARGETS))
@pytest.mark.parametrize("seed", range(3))
def test_a_netlist_is_its_graph(family, seed):
    netlist = compile_network(random_network(seed, k_max=6), targets.get(family), pipeline=seed).netlist
    inputs = np.random.default_rng(seed).integers(0, 1 << 64, (len(netlist.inputs[INPUT]), 3), np.uint64)
    [(name, rows)] = netlist.evaluate(**{INPUT: inputs}).items()
    assert (graph_of(netlist).evaluate(inputs) == rows).all() and name in netlist.outputs


def wide_and(k: int, wrong: bool) -> Netlist:
    """Both inputs of all ones: what no random input shows."""
    graph = Graph()
    literals = graph.input("x", k)
    out = literals[0]
    for literal in literals[1:]:
        out = graph.lut([out, literal], 0b1000)
    graph.outputs = {"y": [out if not wrong else graph.lut([literals[0], literals[0] ^ 1], 0b1000)]}
    return graph.netlist()


@needs.tool("yosys")
def test_what_no_random_input_shows_is_found():
    assert same(wide_and(40, False), wide_and(40, False))
    assert same(wide_and(40, False), wide_and(40, True)) is False
    assert same(wide_and(40, False), wide_and(39, False)) is False


def spoil(netlist: Netlist) -> Netlist:
    """A smaller one with the same ports, and wrong."""
    [nets] = netlist.inputs.values()
    outputs = {name: [nets[at % len(nets)] for at in range(len(each))] for name, each in netlist.outputs.items()}
    return replace(netlist, cells=[], outputs=outputs)


@needs.tool("yosys")
def test_a_wrong_mapping_is_discarded_and_said(tmp_path, monkeypatch):
    network, right = vote_network(20, 6, 3, n_bits=12), tables.remap
    before = compile_network(network, targets.get("ice40"), effort="high")
    assert not before.discarded
    monkeypatch.setattr(tables, "remap", lambda netlist, k: spoil(right(netlist, k)))
    monkeypatch.setattr(
        "lut2hw.compile.compiler.synthesize",
        lambda *rest: spoil(compile_network(network, targets.get("ice40")).netlist),
    )
    monkeypatch.setattr("lut2hw.passes.rival.estimate_netlist", lambda netlist, target: len(netlist.cells))
    manifest = emit_model(network, tmp_path / "core", effort="high")
    own = compile_network(network, targets.get("ice40"))
    assert manifest.netlist.cells == own.netlist.cells
    assert manifest.data["discarded"] and all(
        "computes something else" in each for each in manifest.data["discarded"]
    )
    assert "discarded  ABC's mapping" in (tmp_path / "core" / "summary.txt").read_text()
    assert manifest.data["kept"] == "lut2hw"
