"""LUT6s a vote of a popcount: by LUTs alone, by carry chains and both outputs of a LUT6, and by yosys.

    python benchmarks/popcount.py --family xilinxu

One class of that many votes; the sum's bits come out. yosys gets `x[0] + x[1] + ...` and runs with ABC9; "paired"
counts two of its LUTs as one where `lut2hw.passes.steps.pairs` finds that they fit into one LUT6. A cell of a chain
counts as the LUT that its sum comes from, used or not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lut2hw import tools
from lut2hw.compile.arithmetic.compressors import Arithmetic
from lut2hw.compile.arithmetic.steps import StepArithmetic
from lut2hw.compile.baseline import read_back
from lut2hw.files import scratch
from lut2hw.logic.graph import Graph
from lut2hw.logic.netlist import Netlist
from lut2hw.passes.area import estimate_netlist
from lut2hw.passes.merge import merge
from lut2hw.passes.steps import pairs
from lut2hw.targets.base import Target
from lut2hw.targets.registry import get


def own(votes: int, target: Target, arithmetic: type[Arithmetic]) -> Netlist:
    """Our popcount as cells of the family."""
    graph = Graph()
    bits = graph.input("x", votes)
    made = arithmetic(graph, 6, chain=target.chain) if arithmetic is StepArithmetic else arithmetic(graph, 6)
    [graph.outputs["y"]] = made.sums([([bits], 0)])
    netlist = merge(graph.netlist(), 6)
    if arithmetic is StepArithmetic:
        assert target.finish is not None
        return target.finish(netlist)
    return netlist


def theirs(votes: int, target: Target) -> Netlist:
    """What yosys makes of the sum."""
    width = votes.bit_length()
    terms = " + ".join(f"x[{j}]" for j in range(votes))
    with scratch() as folder:
        (folder / "in.v").write_text(
            f"module top(input [{votes - 1}:0] x, output [{width - 1}:0] y); assign y = {terms}; endmodule\n"
        )
        script = f"read_verilog in.v; {target.baseline.format(top='top')}; write_json out.json"
        tools.run("yosys", ["-q", "-p", script], cwd=folder)
        return read_back(Path(folder) / "out.json", "top", target, {"x": ("x", votes)}, {"y": "y"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", default="xilinxu", choices=["xilinx7", "xilinxu"])
    parser.add_argument("--votes", type=int, nargs="+", default=[7, 10, 20, 50, 100, 200, 400])
    arguments = parser.parse_args()
    target = get(arguments.family)
    width = 4 if arguments.family == "xilinx7" else 8
    print("| votes | LUTs alone | chains, both outputs | yosys | yosys, paired |\n| --- | --- | --- | --- | --- |")
    for votes in arguments.votes:
        other = theirs(votes, target)
        made = [own(votes, target, Arithmetic), own(votes, target, StepArithmetic), other, pairs(other, width)]
        cells = " | ".join(f"{estimate_netlist(netlist, target) / votes:.2f}" for netlist in made)
        print(f"| {votes} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
