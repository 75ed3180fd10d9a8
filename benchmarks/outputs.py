"""What margin and scores cost: cells of a core by what it puts out, as a Markdown table.

    lut2hw train --data mnist --luts 500 --inputs 4 -o mnist.lut
    python benchmarks/outputs.py mnist.lut

Cells are those of the combinational core (LUTs and carries, without the pipeline's registers); latency is that of
`--pipeline auto`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from lut2hw.compile.compiler import compile_network
from lut2hw.model.network import LutNetwork
from lut2hw.passes.area import estimate_netlist
from lut2hw.targets.registry import TARGETS

ROWS = ("class", "scores", "class,scores", "margin", "class,margin", "class,margin,scores")
REJECT = 2
"""The margin of the last row, below which the class is "none"."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--targets", nargs="+", default=["ice40", "ecp5", "nexus", "gowin", "xilinx7"])
    arguments = parser.parse_args()
    network = LutNetwork.load(arguments.model)
    print(f"| outputs | bits | {' | '.join(arguments.targets)} |")
    print("| --- " * (2 + len(arguments.targets)) + "|")
    careful = replace(network, head=replace(network.head, reject=REJECT))
    for outputs, model, words in [*((row, network, row) for row in ROWS), ("class", careful, "class or none")]:
        cells = []
        for name in arguments.targets:
            compiled = compile_network(model, TARGETS[name], outputs=outputs, pipeline="none")
            cells.append(f"{estimate_netlist(compiled.netlist, compiled.target):,}")
        print(f"| {words.replace(',', ', ')} | {compiled.output_port.width} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
