"""Many cores at once: tools that take half a second to start are started once."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from lut2hw import tools
from lut2hw.artefact.vectors import Vectors
from lut2hw.hdl.convert import from_rtlil
from lut2hw.hdl.core import to_rtlil
from lut2hw.logic.netlist import Netlist
from lut2hw.targets.base import Target, simulation_model
from lut2hw.verify import simulate


def to_verilog(cores: Mapping[str, tuple[Netlist, int]], target: Target) -> str:
    """What `hdl.core.to_verilog` gives for each, with a name of its own; netlist and latency by name."""
    return from_rtlil(
        "".join(to_rtlil(netlist, name, latency=latency, target=target) for name, (netlist, latency) in cores.items())
    )


def cocotb(
    source: Path, cores: Sequence[tuple[str, int, int, int, Vectors]], target: Target, work: Path, *, seed: int = 0
) -> dict[str, dict]:
    """Stream vectors through each core in one simulation; name, latency, widths of input and output by core.

    Returns `Bench.result()` by name. The benches run one after the other, while the other cores stand still.
    """
    ports, instances, config = [], [], []
    for name, latency, width_in, width_out, vectors in cores:
        pins = {
            "i_valid": ("input", 1),
            "i_ready": ("output", 1),
            "i_payload": ("input", width_in),
            "o_valid": ("output", 1),
            "o_ready": ("input", 1),
            "o_payload": ("output", width_out),
        }
        if latency:
            pins |= {"clk": ("input", 1), "rst": ("input", 1)}
        ports += [f"{way} [{width - 1}:0] {name}_{pin}" for pin, (way, width) in pins.items()]
        instances.append(f"{name} it_{name}({', '.join(f'.{pin}({name}_{pin})' for pin in pins)});")
        path = work / f"{name}.txt"
        path.write_text(
            "".join(
                f"{word:x} {expected}\n" for word, expected in zip(vectors.words(), vectors.answers(), strict=True)
            )
        )
        config.append(
            {
                "prefix": f"{name}_",
                "latency": latency,
                "seed": seed,
                "vectors": str(path),
                "clock": "clk" if latency else None,
                "reset": "rst" if latency else None,
                "result": str(work / f"{name}.json"),
            }
        )
    (work / "all.v").write_text(f"module all({', '.join(ports)});\n" + "\n".join(instances) + "\nendmodule\n")
    models = [str(simulation_model(model)) for model in target.simulation_models]
    bench = {
        "sources": [str(source), str(work / "all.v"), *models],
        "top": "all",
        "defines": list(simulate.ICARUS_DEFINES),
        "test": "lut2hw.sim.core",
        "work": str(work),
        "cores": config,
    }
    (work / "bench.json").write_text(json.dumps(bench))
    tools.run_command(
        [sys.executable, "-m", "lut2hw.verify.icarus", str(work / "bench.json")], what="Icarus Verilog under cocotb"
    )
    return {name: json.loads((work / f"{name}.json").read_text()) for name, *_ in cores}
