"""Rewriting of the tables' logic by aigverse (mockturtle) against ABC and the compiler's own mapping, in LUTs.

    python benchmarks/rewriting.py [--network d,e6/80] [--family ice40] [--rounds 4] [--models FOLDER]

Networks as in area.py; d/unseen: completed where training showed nothing. Each is mapped by Shannon expansion,
decomposition and merging ("own"), by ABC from the tables and from our own mapping (`compile/abc.py`, what `--effort
high` compares), and by aigverse (`pip install aigverse`): our own mapping as AIG, `rounds` times refactoring, cut
rewriting and resubstitution, proved equal by SAT, and mapped by ABC's `if`, as aigverse has no LUT mapper. Head and
encoder are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from area import network_of

from lut2hw import targets, tools
from lut2hw.compile import lower
from lut2hw.compile.dont_cares import use_dont_cares
from lut2hw.logic.netlist import Netlist
from lut2hw.passes.abc import remap, to_blif
from lut2hw.passes.decompose import lut_cost
from lut2hw.passes.tables import map_tables

MAP = "strash; dch -f; if -a; mfs2 -a; lutpack -S 1"


def rewritten(netlist: Netlist, lut_inputs: int, rounds: int) -> tuple[int, int, int]:
    """AND nodes before and after aigverse, and LUTs that ABC maps them to."""
    from aigverse import algorithms
    from aigverse.io import read_aiger_into_aig, write_aiger

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.blif").write_text(to_blif(netlist))
        (folder / "abc.script").write_text(MAP + "\n")
        tools.run(
            "yosys",
            ["-q", "-p", "read_blif in.blif; techmap; opt -full; simplemap; aigmap; opt_clean; write_aiger in.aig"],
            cwd=folder,
        )
        aig = before = read_aiger_into_aig(str(folder / "in.aig"))
        for _ in range(rounds):
            for step in (algorithms.sop_refactoring, algorithms.aig_cut_rewriting, algorithms.aig_resubstitution):
                aig = algorithms.cleanup_dangling(step(aig))
        if algorithms.equivalence_checking(before, aig) is not True:
            raise SystemExit("aigverse's result is not proved equal")
        write_aiger(aig, str(folder / "out.aig"))
        tools.run(
            "yosys",
            [
                "-q",
                "-p",
                "read_aiger -module_name t out.aig; "
                f"abc -lut {lut_inputs} -script abc.script; opt_clean; "
                "tee -q -o stat.json stat -json",
            ],
            cwd=folder,
        )
        [module] = json.loads((folder / "stat.json").read_text())["modules"].values()
    return before.num_gates, aig.num_gates, module["num_cells_by_type"].get("$lut", 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="e6/80,e8/20,d,d/unseen")
    parser.add_argument("--family", default="ice40")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--models", type=Path)
    options = parser.parse_args()
    target = targets.get(options.family)
    k = target.lut_inputs
    print(f"{'network':<10}{'mapping':<34}{'LUTs':>7}{'seconds':>10}")
    for name in options.network.split(","):
        base = name.removesuffix("/unseen")
        network, _, dataset = network_of(base, options.models / f"area_{base}.lut" if options.models else None)
        logic = lower.tables(use_dont_cares(network, "off" if base == name else "unseen", k, dataset))
        for what in ("own", "ABC from the tables", "ABC from own", "aigverse"):
            began = time.monotonic()
            own = map_tables(logic, target.lut_inputs, target.mux_levels)
            if what == "aigverse":
                before, after, cells = rewritten(own, k, options.rounds)
                what += f", {before:,} to {after:,} ANDs"
            else:
                mapped = own if what == "own" else remap(logic if what == "ABC from the tables" else own, k)
                cells = lut_cost(mapped, k)
            print(f"{name:<10}{what:<34}{cells:>7,}{time.monotonic() - began:>10.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
