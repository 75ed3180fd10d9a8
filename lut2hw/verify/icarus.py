"""Run Icarus Verilog under cocotb's runner, in a process of its own: python -m lut2hw.verify.icarus BENCH.json."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from pathlib import Path

from cocotb_tools.runner import get_runner

from lut2hw import tools


def main(config_file: str) -> int:
    """Build and run what the configuration says."""
    config = json.loads(Path(config_file).read_text())
    # The runner looks on the PATH only, for programs by their usual names.
    program = Path(tools.require("iverilog")[0]).resolve()
    folders = [str(program.parent), os.environ.get("PATH", "")]
    if program.name != "iverilog":
        named = Path(config["work"]) / "bin" / "iverilog"
        named.parent.mkdir()
        named.write_text(f'#!/bin/sh\nexec {shlex.quote(str(program))} "$@"\n')
        named.chmod(0o755)
        folders.insert(0, str(named.parent))
    os.environ["PATH"] = os.pathsep.join(folders)
    runner = get_runner("icarus")
    build = Path(config["work"]) / "build"
    # Names of our own, since Icarus hands names to a shell. What models include lies beside them in yosys's share
    # folder; ours of the ECP5 include yosys's carry chain.
    share = tools.yosys_share()
    sources, includes = [], {str(share / "lattice")}
    for index, source in enumerate(config["sources"]):
        sources.append(Path(config["work"]) / f"source{index}.v")
        shutil.copyfile(source, sources[-1])
        if share in Path(source).parents:
            includes.add(str(Path(source).parent))
    runner.build(
        sources=sources,
        includes=sorted(includes),
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
        extra_env={"LUT2HW_BENCH": config_file, "COCOTB_LOG_LEVEL": "WARNING"},
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
