"""Clocks asked for by `emit --fmax` against clocks got after place and route, and the registers that retiming saves.

    python benchmarks/fmax.py [--network a,d] [--clock hx8k:50,hx8k:100,up5k:30] [--model FILE] [--seed N]

Networks are those of area.py, inputs encoded; --model takes another model file instead. Registers and cells are those
of the core: cells as packed by nextpnr, registers of the netlist. "as early" is the same pipeline without retiming.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from area import network_of

from lut2hw import targets
from lut2hw.artefact.emit import emit
from lut2hw.compile.area import estimate_netlist
from lut2hw.compile.compiler import CompileOptions, compile_network
from lut2hw.errors import Lut2hwError
from lut2hw.flow.build import build
from lut2hw.model.network import LutNetwork
from lut2hw.passes import PASSES
from lut2hw.passes.pipeline import add_registers

AS_EARLY = [
    replace(step, run=partial(add_registers, rounds=0)) if step.name == "pipeline" else step for step in PASSES
]
"""Without retiming."""

CLOCKS = "hx8k:50,hx8k:100,hx8k:150,up5k:30,up5k:48"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="a,d")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--clock", default=CLOCKS, help="DEVICE:MHZ, several with commas")
    parser.add_argument("--seed", type=int, default=1, help="of the placer")
    parser.add_argument("--no-route", action="store_true")
    options = parser.parse_args()
    print(
        f"{'network':<9}{'device':<8}{'asked':>6}{'got':>8}{'latency':>9}{'registers':>11}{'as early':>10}"
        f"{'cells':>8}{'estimate':>10}{'as early':>10}"
    )
    for name in options.network.split(",") if options.model is None else [options.model.stem]:
        network = LutNetwork.load(options.model) if options.model else network_of(name)[0]
        for clock in options.clock.split(","):
            device, mhz = clock.split(":")
            target = next(target for target in targets.TARGETS.values() if device in target.devices)
            asked = CompileOptions(encoded_inputs=True, fmax=float(mhz), device=device)
            compiled = compile_network(network, target, asked)
            early = compile_network(network, target, asked, passes=AS_EARLY)
            got, cells = "", ""
            if not options.no_route:
                with tempfile.TemporaryDirectory() as folder:
                    emit(compiled, Path(folder) / "core")
                    try:
                        result = build(Path(folder) / "core", device, freq=float(mhz), seed=options.seed)
                        got, cells = f"{result['fmax_mhz']:.1f}", f"{result['core']['logic_cells']:,}"
                    except Lut2hwError as error:
                        print(error)
            print(
                f"{name:<9}{device:<8}{mhz:>6}{got:>8}{compiled.latency:>9}{compiled.netlist.count()['ff']:>11,}"
                f"{early.netlist.count()['ff']:>10,}{cells:>8}{estimate_netlist(compiled.netlist, target):>10,}"
                f"{estimate_netlist(early.netlist, target):>10,}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
