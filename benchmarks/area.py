"""Area of compiled networks against plain yosys on behavioural Verilog of the same network (compile/baseline.py).

    python benchmarks/area.py [--quick] [--family ice40,ecp5] [--network a,c] [--route] [--json FILE] [--seconds N]

Networks: (a) MNIST, descent, 500 LUT4; (b) MNIST, descent, 1000 LUT6; (c) MNIST two-class, memorize, 5 x 256 LUT8;
(d) digits, memorize, 3 x 256 LUT6, 4-bit thermometer; (e6 to e12) random tables of 6, 8, 10, 12 inputs (e8/20: 20 of
them, for a quicker baseline). MNIST needs LUT2HW_DATA or a network connection; --quick leaves MNIST out. Cells are
logic cells of the combinational core: as packed by nextpnr for iCE40 and ECP5; as counted in the netlist after
synthesis for the others, whose nextpnr packs no core without pins (LUTs and carry cells; 7 series: LUTs, and one more
for a carry bit that comes from none). Levels are LUTs and multiplexers on the longest path, carries not counted.
--route builds both in a chip with registers around the core, on the family's largest device: Fmax, and the cells of
the routed chip beside those packed.
--json FILE keeps results, and the trained networks beside it: a run goes on where the last one stopped, and prints
the whole table at the end. --seconds N: start nothing new after that time.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lut2hw import bits, data, targets, tools
from lut2hw.artefact.emit import emit
from lut2hw.compile.area import estimate_netlist
from lut2hw.compile.baseline import TOP as ALONE
from lut2hw.compile.baseline import behavioural, read_back
from lut2hw.compile.compiler import Compiled, compile_network
from lut2hw.compile.lower import bits_read, tables
from lut2hw.data import Dataset
from lut2hw.errors import Lut2hwError
from lut2hw.flow.build import build, free_chain_ends
from lut2hw.hdl.core import TOP, to_verilog
from lut2hw.learn import memorize
from lut2hw.learn.descent import train_descent
from lut2hw.logic.netlist import Netlist
from lut2hw.logic.port import INPUT, OUTPUT, InputPort
from lut2hw.model.encoder import Encoder, fixed, thermometer
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head, Layer
from lut2hw.targets.base import Target

NETWORKS = {
    "a": "MNIST, 500 LUT4",
    "b": "MNIST, 1000 LUT6",
    "c": "MNIST halves, 5 x 256 LUT8",
    "d": "digits, 3 x 256 LUT6",
    "e6": "200 random LUT6",
    "e8": "100 random LUT8",
    "e10": "40 random LUT10",
    "e12": "10 random LUT12",
}


def random_tables(k: int, n_luts: int, n_bits: int = 64) -> LutNetwork:
    """One layer of random tables in ten classes."""
    rng = np.random.default_rng(k)
    features = Features.integers(np.zeros(n_bits, np.int64), np.ones(n_bits, np.int64))
    wiring = np.array([rng.permutation(n_bits)[:k] for _ in range(n_luts)], np.int32)
    layer = Layer(wiring, bits.pack_tables(rng.random((n_luts, 1 << k)) < 0.5))
    return LutNetwork(
        Encoder(features, np.arange(n_bits, dtype=np.int32), np.ones(n_bits, np.int64)),
        (layer,),
        Head.argmax(np.arange(n_bits, n_bits + n_luts), np.arange(n_luts) % 10, 10),
        tuple(map(str, range(10))),
    )


@cache
def network_of(name: str, keep: Path | None = None) -> tuple[LutNetwork, bool, Dataset | None]:
    """The network, whether its inputs come encoded, and its dataset. keep: file for the trained network."""
    if name.startswith("e"):
        k, _, n_luts = name[1:].partition("/")
        return random_tables(int(k), int(n_luts or NETWORKS[f"e{k}"].split()[0])), True, None
    dataset = data.load("digits" if name == "d" else "mnist", classes="0,1,2,3,4:5,6,7,8,9" if name == "c" else None)
    if keep is not None and keep.exists():
        network = LutNetwork.load(keep)
    elif name == "c":
        network = memorize.learn(
            dataset, fixed(dataset.features, 128), layers=[256] * 5, k=8, seed=0, progress=lambda *_: None
        )
    elif name == "d":
        network = memorize.learn(
            dataset,
            thermometer(dataset.features, dataset.x_train, 4),
            layers=[256] * 3,
            k=6,
            seed=0,
            progress=lambda *_: None,
        )
    else:
        luts, inputs = {"a": (500, 4), "b": (1000, 6)}[name]
        network = train_descent(
            dataset, fixed(dataset.features, 128), luts=luts, votes=luts, levels=1, k=inputs, sweeps=2, proposals=30
        )
    if keep is not None:
        network.save(keep)
    return network, name != "d", dataset


def levels(netlist: Netlist) -> int:
    """LUTs and multiplexers on the longest path."""
    depth = [0] * netlist.n_nets
    for cell in netlist.cells:
        at = max((depth[net] for net in cell.inputs), default=0) + (cell.kind in ("lut", "mux", "widefn9"))
        for net in cell.outputs:
            depth[net] = at
    return max((depth[net] for nets in netlist.outputs.values() for net in nets), default=0)


def synthesized(
    target: Target, verilog: str, command: str, top: str, width: int, folder: Path, ports: tuple[str, str]
) -> tuple[int, Netlist]:
    """Logic cells of the core `verilog` after synthesis and packing, and the synthesized netlist."""
    (folder / "in.v").write_text(verilog)
    (folder / "out.json").unlink(missing_ok=True)
    tools.run("yosys", ["-q", "-p", f"read_verilog in.v; {command.format(top=top)}; write_json out.json"], cwd=folder)
    netlist = read_back(folder / "out.json", top, target, {INPUT: (ports[0], width)}, {OUTPUT: ports[1]})
    if target.flow is None or target.flow.constraints:
        return estimate_netlist(netlist, target), netlist
    name = free_chain_ends(folder / "out.json", top, target.flow)
    device = largest(target)
    words = {"device": device, "package": target.devices[device].packages[0]}
    arguments = [word.format(**words) for word in target.flow.arguments]
    run = tools.run(target.flow.nextpnr, [*arguments, "--json", name, "--pack-only"], cwd=folder)
    return int(re.findall(rf"{target.flow.logic_cell}:\s+(\d+)/", run.output)[-1]), netlist


def largest(target: Target) -> str:
    """The device with the most logic cells."""
    return max(target.devices, key=lambda name: target.devices[name].logic_cells)


def routed(network: LutNetwork, netlist: Netlist, target: Target, port: InputPort, folder: Path) -> dict[str, Any]:
    """Fmax and cells of a chip around a combinational core, placed and routed."""
    emit(Compiled(network, netlist, target, port, 0), folder / "core")
    result = build(folder / "core", largest(target))
    return {"fmax": result["fmax_mhz"], "chip": result["chip"]["logic_cells"], "chip_packed": result["chip_packed"]}


def measure(name: str, family: str, option: str, route: bool, effort: str, keep: Path | None) -> dict[str, Any]:
    """One way to map one network: option "baseline", or of `--dont-cares`."""
    network, encoded, dataset = network_of(name, keep)
    target = targets.get(family)
    row: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if option == "baseline":
            port = InputPort.of(network, bits_read(tables(network)), encoded=encoded)
            row["cells"], netlist = synthesized(
                target, behavioural(network, port), target.baseline, ALONE, port.width, folder, ("x", "y")
            )
        else:
            began = time.process_time()
            compiled = compile_network(
                network,
                target,
                encoded_inputs=encoded,
                pipeline="none",
                dont_cares=option,
                effort=effort,
                data=dataset,
            )
            row["compile_seconds"] = round(time.process_time() - began, 1)
            network, port = compiled.network, compiled.input_port
            netlist = compiled.netlist
            row["estimate"] = estimate_netlist(netlist, target)
            row["cells"], _ = synthesized(
                target,
                to_verilog(netlist, latency=0, target=target),
                target.synth.replace("; write_json {json}", ""),
                TOP,
                port.width,
                folder,
                ("i_payload", "o_payload"),
            )
            row["parts"] = {part: dict(kinds) for part, kinds in netlist.count_parts().items()}
        row["levels"] = levels(netlist)
        if dataset is not None and option != "baseline":
            for split in ("train", "test"):
                x, y = dataset.split(split)
                row[split] = round(float((network.predict_integers(x) == y).mean()), 4)
        if route and target.flow is not None:
            row |= routed(network, netlist, target, port, folder)
    return row


def show(results: dict[str, dict[str, Any]], names: list[str], families: list[str]) -> None:
    """The table."""
    print(
        f"{'network':<34}{'family':<9}{'mapping':<10}{'cells':>7}{'ratio':>7}{'levels':>8}{'Fmax':>8}{'chip':>8}{'packed':>8}"
        f"{'train':>8}{'test':>8}"
    )
    for name in names:
        for family in families:
            base = results.get(f"{name} {family} baseline", {})
            for key, row in results.items():
                if key.split()[:2] != [name, family]:
                    continue
                ratio = f"{row['cells'] / base['cells']:.2f}" if "cells" in row and "cells" in base else ""
                what = f"{name:<7}{NETWORKS.get(name, 'random tables'):<27}{family:<9}{key.split()[2]:<10}"
                if "error" in row:
                    print(what + row["error"])
                    continue
                print(
                    f"{what}{row['cells']:>7,}{ratio:>7}{row['levels']:>8}"
                    + "".join(
                        f"{row.get(field, ''):>8}" for field in ("fmax", "chip", "chip_packed", "train", "test")
                    )
                )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", default="ice40,ecp5,gowin,nexus,xilinx7")
    parser.add_argument("--network", default=",".join(NETWORKS))
    parser.add_argument("--quick", action="store_true", help="no MNIST")
    parser.add_argument("--mapping", default="baseline,off,unseen", help="baseline, or don't-cares of lut2hw")
    parser.add_argument("--effort", default="normal")
    parser.add_argument("--route", action="store_true")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--json", type=Path, help="keep results here, and go on from them")
    options = parser.parse_args()
    names, families = options.network.split(","), options.family.split(",")
    if options.quick:
        names = [name for name in names if name not in "abc"]
    began = time.monotonic()
    results: dict[str, dict[str, Any]] = {}
    if options.json and options.json.exists():
        results = json.loads(options.json.read_text())
    for name in names:
        for family in families:
            for option in options.mapping.split(","):
                key = f"{name} {family} {option}"
                done = results.get(key, {})
                if done and ("fmax" in done or not options.route or targets.get(family).flow is None):
                    continue
                if option not in ("baseline", "off") and name not in "cd":
                    continue  # only memorize keeps what it has seen
                try:
                    if options.seconds and time.monotonic() - began > options.seconds:
                        continue
                    keep = None
                    if options.json and name in NETWORKS:
                        keep = options.json.with_name(f"{options.json.stem}_{name}.lut")
                    row = measure(name, family, option, options.route, options.effort, keep)
                except Lut2hwError as error:
                    row = {"error": str(error)}
                if options.json:  # others may have written meanwhile
                    results = json.loads(options.json.read_text()) if options.json.exists() else {}
                results[key] = row
                if options.json:
                    options.json.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
                print(key, {what: value for what, value in row.items() if what != "parts"}, flush=True)
    show(results, names, families)
    return 0


if __name__ == "__main__":
    sys.exit(main())
