"""What each pass of the compiler saves: estimated logic cells with all passes, and with each of them left out.

    python benchmarks/passes.py [--network a,d,e8] [--family ice40,ecp5] [--models FOLDER]

Networks as in area.py; --models FOLDER: trained networks area_NAME.lut that area.py kept (--json FOLDER/area.json).
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from area import NETWORKS, network_of

from lut2hw import targets
from lut2hw.compile import area, compiler, lower
from lut2hw.logic.graph import Graph
from lut2hw.logic.netlist import Netlist
from lut2hw.passes import decompose
from lut2hw.targets.base import Target


def _unmerged(netlist: Netlist, lut_inputs: int, *, carry_inverts: bool = False) -> Netlist:
    return Graph.of(netlist).netlist(carry_inverts=carry_inverts)


def _distinct(graph: Graph, kind: str, inputs: tuple[int, ...], table: int, part: str) -> int:
    """A new node each time."""
    from lut2hw.logic.graph import Node

    graph.nodes.append(Node(kind, inputs, table, part))
    return 2 * (len(graph.nodes) - 1)


@contextlib.contextmanager
def without(what: str) -> Iterator[None]:
    """Leave a pass out."""
    patches = {
        "merge": [patch.object(compiler, "merge", _unmerged)],
        "functional duplicates": [patch.object(compiler, "merge_equal", lambda netlist: netlist)],
        "disjoint decomposition": [patch.object(decompose, "_chart", lambda *_: None)],
        "structural duplicates": [patch.object(Graph, "_node", _distinct)],
        "shared comparators": [patch.object(lower, "at_least", _comparator(lower.at_least))],
    }
    with contextlib.ExitStack() as stack:
        for each in patches.get(what, []):
            stack.enter_context(each)
        yield


def _comparator(at_least):  # type: ignore[no-untyped-def]
    def alone(graph, number, thresholds, lut_inputs):  # type: ignore[no-untyped-def]
        out = []
        for threshold in thresholds:
            with patch.object(graph, "_known", {}):
                out += at_least(graph, number, [threshold], lut_inputs)
        return out

    return alone


def variants(target: Target) -> Iterator[tuple[str, Target]]:
    """Names of what is left out, and the target to compile for."""
    yield "", target
    for what in (
        "functional duplicates",
        "structural duplicates",
        "shared comparators",
        "disjoint decomposition",
        "merge",
    ):
        yield what, target
    if target.carry != "none":
        yield "carry chains", replace(target, carry="none", finish=_plain(target))
    if target.mux_levels:
        yield "hard multiplexers", replace(target, mux_levels=0)
    if target.carry == "shared":
        yield "cells shared by LUT and carry", replace(target, finish=None)


def _plain(target: Target):  # type: ignore[no-untyped-def]
    return None if target.carry == "shared" else target.finish


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="a,b,d,e8")
    parser.add_argument("--family", default="ice40,ecp5,xilinx7")
    parser.add_argument("--models", type=Path)
    options = parser.parse_args()
    for name in options.network.split(","):
        keep = options.models / f"area_{name}.lut" if options.models else None
        network, encoded, _ = network_of(name, keep)
        for family in options.family.split(","):
            whole = 0
            for what, target in variants(targets.get(family)):
                decompose.luts.cache_clear()
                with without(what):
                    compiled = compiler.compile_network(network, target, encoded_inputs=encoded, pipeline="none")
                # on iCE40 a carry whose LUT is not laid out for it takes a cell of its own
                cells = area.estimate_netlist(compiled.netlist, targets.get(family))
                whole = whole or cells
                print(
                    f"{name:<4}{NETWORKS[name]:<27}{family:<9}{'without ' + what if what else 'all passes':<39}"
                    f"{cells:>7,}" + (f"{100 * (cells - whole) / whole:>+7.1f} %" if what else ""),
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
