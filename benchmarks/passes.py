"""What each pass of the compiler saves: estimated logic cells with all passes, and with each of them left out.

    python benchmarks/passes.py [--network a,d,e8] [--family ice40,ecp5] [--models FOLDER]

Networks as in area.py; --models FOLDER: trained networks area_NAME.lut that area.py kept (--json FOLDER/area.json).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from area import NETWORKS, network_of

from lut2hw import targets
from lut2hw.compile.area import estimate_netlist
from lut2hw.compile.compiler import compile_network
from lut2hw.logic.graph import Graph
from lut2hw.logic.netlist import Netlist
from lut2hw.passes import PASSES, Context, Pass
from lut2hw.passes.tables import map_tables
from lut2hw.targets.base import Target

CARRY_CHAINS, HASHING = "carry chains", "structural duplicates"


def _mapping(**less: bool) -> Pass:
    """The pass `map` with options of `map_tables`."""

    def run(netlist: Netlist, context: Context) -> Netlist:
        return map_tables(netlist, context.target.lut_inputs, context.target.mux_levels, **less)

    return Pass("map", run, of="tables")


def _instead(passes: Sequence[Pass], **by_name: Pass | None) -> list[Pass]:
    """The passes with some of them replaced, or left out for None."""
    made = [by_name.get(step.name, step) for step in passes]
    return [step for step in made if step is not None]


def variants(target: Target) -> Iterator[tuple[str, Target, Sequence[Pass]]]:
    """Names of what is left out, and the target and the passes to compile with."""
    yield "", target, PASSES
    yield "functional duplicates", target, _instead(PASSES, duplicates=None)
    yield HASHING, target, PASSES
    yield "disjoint decomposition", target, _instead(PASSES, map=_mapping(decompose=False))
    yield "merge", target, _instead(PASSES, map=_mapping(merged=False), merge=None)
    if target.carry != "none":
        yield CARRY_CHAINS, replace(target, carry="none", finish=_plain(target)), PASSES
    if target.mux_levels:
        yield "hard multiplexers", replace(target, mux_levels=0), PASSES
    if target.carry == "shared":
        yield "cells shared by LUT and carry", target, _instead(PASSES, finish=None)


def _plain(target: Target) -> Callable[[Netlist], Netlist] | None:
    return None if target.carry == "shared" else target.finish


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--network", default="a,b,d,e8")
    parser.add_argument("--family", default="ice40,ecp5,xilinx7")
    parser.add_argument("--models", type=Path)
    options = parser.parse_args()
    for name in options.network.split(","):
        keep = options.models / f"area_{name}.lut" if options.models else None
        network, encoded, _ = network_of(name, keep)
        for family in options.family.split(","):
            whole = 0
            for what, target, passes in variants(targets.get(family)):
                Graph.hashing = what != HASHING
                compiled = compile_network(network, target, encoded_inputs=encoded, pipeline="none", passes=passes)
                Graph.hashing = True
                # on iCE40 a carry whose LUT is not laid out for it takes a cell of its own
                cells = estimate_netlist(compiled.netlist, targets.get(family))
                whole = whole or cells
                print(
                    f"{name:<4}{NETWORKS[name]:<27}{family:<9}{'without ' + what if what else 'all passes':<39}"
                    f"{cells:>7,}" + (f"{100 * (cells - whole) / whole:>+7.1f} %" if what else ""),
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
