"""Run Icarus Verilog or GHDL under cocotb's runner, in a process of its own: python -m lut2hw.verify.icarus FILE."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from cocotb_tools.runner import get_runner

from lut2hw import tools

_GHDL = ("--std=08", "--work=top")


def main(config_file: str) -> int:
    """Build and run what the configuration says."""
    config = json.loads(Path(config_file).read_text())
    # The runner looks on the PATH only, for programs by their usual names.
    simulator = config.get("simulator", "icarus")
    name = config.get("program", "iverilog")
    program = Path(tools.require(name)[0]).resolve()
    folders = [str(program.parent), os.environ.get("PATH", "")]
    if program.name != name:
        named = Path(config["work"]) / "bin" / name
        named.parent.mkdir()
        named.write_text(f'#!/bin/sh\nexec {shlex.quote(str(program))} "$@"\n')
        named.chmod(0o755)
        folders.insert(0, str(named.parent))
    os.environ["PATH"] = os.pathsep.join(folders)
    runner = get_runner(simulator)
    build = Path(config["work"]) / "build"
    # Names of our own, since Icarus hands names to a shell. What models include lies beside them in yosys's share
    # folder; ours of the ECP5 include yosys's carry chain.
    sources: list[Path] = []
    for index, source in enumerate(config["sources"]):
        sources.append(Path(config["work"]) / f"source{index}{Path(source).suffix}")
        shutil.copyfile(source, sources[-1])
    more: dict[str, Any] = {}
    if simulator == "ghdl":
        # File by file: the runner's own way leaves a component unbound whose entity is not analysed yet.
        build.mkdir()
        for source in sources:
            subprocess.run([name, "-a", *_GHDL, str(source)], cwd=build, check=True)
        more = {"hdl_toplevel_lang": "vhdl", "test_args": [_GHDL[0]], "hdl_toplevel_library": "top"}
    else:
        share = tools.yosys_share()
        beside = {str(Path(source).parent) for source in config["sources"] if share in Path(source).parents}
        runner.build(
            sources=sources,
            includes=sorted({str(share / "lattice"), *beside}),
            hdl_toplevel=config["top"],
            build_dir=build,
            always=True,
            build_args=[f"-D{name}" for name in config["defines"]],
            timescale=("1ns", "1ps"),
        )
    runner.test(
        test_module=config["test"],
        hdl_toplevel=config["top"],
        build_dir=build,
        test_dir=build,
        **more,
        extra_env={"LUT2HW_BENCH": config_file, "COCOTB_LOG_LEVEL": "WARNING"},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
