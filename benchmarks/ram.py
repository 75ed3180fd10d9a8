"""What block RAM saves: logic cells and RAMs of pipelined cores with `--ram never` and `--ram auto`.

    python benchmarks/ram.py [--network c,e8,e10,e12] [--device hx8k,up5k,85k] [--model FILE] [--no-pack]

Networks are those of area.py, inputs encoded. Cells are as packed by nextpnr, of the core with its registers;
--no-pack leaves the estimate alone.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

from area import network_of

from lut2hw import targets, tools
from lut2hw.compile.area import estimate_netlist
from lut2hw.compile.compiler import Compiled, compile_network
from lut2hw.hdl.core import TOP, to_verilog
from lut2hw.model.network import LutNetwork


def packed(compiled: Compiled, device: str) -> dict[str, int]:
    """What nextpnr packs the core into, by kind."""
    target = compiled.target
    assert target.flow is not None
    words = {"device": device, "package": target.devices[device].packages[0]}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.v").write_text(to_verilog(compiled.netlist, latency=compiled.latency, target=target))
        synth = target.synth.format(top=TOP, json="out.json")
        tools.run("yosys", ["-q", "-p", f"read_verilog in.v; {synth}"], cwd=folder)
        arguments = [word.format(**words) for word in target.flow.arguments]
        run = tools.run(target.flow.nextpnr, [*arguments, "--json", "out.json", "--pack-only"], cwd=folder)
    return {kind: int(count) for kind, count in re.findall(r"([A-Z]\w+):\s+(\d+)/\s*\d+", run.output)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="e8,e10,e12,c")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--device", default="hx8k,85k")
    parser.add_argument("--ram", default="never,auto")
    parser.add_argument("--no-pack", action="store_true")
    options = parser.parse_args()
    print(
        f"{'network':<9}{'device':<8}{'':<7}{'cells':>8}{'estimate':>10}{'RAMs':>6}{'tables in RAM':>15}"
        f"{'latency':>9}"
    )
    for name in options.network.split(",") if options.model is None else [options.model.stem]:
        network = LutNetwork.load(options.model) if options.model else network_of(name)[0]
        for device in options.device.split(","):
            target = next(target for target in targets.TARGETS.values() if device in target.devices)
            assert target.flow is not None
            for ram in options.ram.split(","):
                compiled = compile_network(network, target, encoded_inputs=True, ram=ram, device=device)
                cells = "" if options.no_pack else f"{packed(compiled, device)[target.flow.logic_cell]:,}"
                rams = [cell for cell in compiled.netlist.cells if cell.kind == "ram"]
                print(
                    f"{name:<9}{device:<8}{ram:<7}{cells:>8}{estimate_netlist(compiled.netlist, target):>10,}"
                    f"{len(rams):>6}{sum(len(cell.outputs) for cell in rams):>15}{compiled.latency:>9}",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
