"""The same trained network through dwn2rtl and through lut2hw: LUTs of the whole core, by the same yosys.

    python benchmarks/peers.py CHECKPOINT.pt DATA.npz --dwn2rtl PROGRAM

CHECKPOINT: a DWN as `torch.save` wrote it. DATA: x_train, y_train, x_test, y_test in the units of its training.
A second row of lut2hw is of the model with rounder thresholds (`lut2hw precision`), judged by the split named.
Without --dwn2rtl its row is left out. dwn2rtl needs PyTorch, so it is best installed in an environment of its own
(`pip install dwn2rtl`). Encoder, popcount and argmax are in all figures; all are synthesized by
`synth_xilinx -flatten -abc9`.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from lut2hw import tools

SYNTH = "synth_xilinx -flatten -abc9 -noiopad {more} -top {top}; tee -q -o stat.json stat -json"


def counts(folder: Path, read: str, top: str, more: str = "") -> dict[str, int]:
    """Primitives after synthesis, by kind."""
    tools.run("yosys", ["-q", "-p", f"{read}; {SYNTH.format(top=top, more=more)}"], cwd=folder)
    kinds = json.loads((folder / "stat.json").read_text())["design"]["num_cells_by_type"]
    found = {"LUT": 0, "CARRY4": kinds.get("CARRY4", 0), "FF": 0, "MUXF": 0}
    for kind, number in kinds.items():
        match = re.match(r"(LUT|FD|MUXF)", kind)
        if match:
            found["FF" if match[1] == "FD" else match[1]] += number
    return found


def ours(checkpoint: Path, data: Path, work: Path, judged: str | None = None) -> tuple[dict[str, int], float]:
    """Counts, and accuracy on the test split; with rounder thresholds if a split is named to judge them by."""
    program = [sys.executable, "-m", "lut2hw"]
    subprocess.run([*program, "import", checkpoint, "--data", data, "-o", "model.lut"], cwd=work, check=True)
    if judged is not None:
        subprocess.run(
            [*program, "precision", "model.lut", "-o", "model.lut", "--split", judged], cwd=work, check=True
        )
    done = subprocess.run(
        [*program, "eval", "model.lut", "--data", data, "--json"],
        cwd=work,
        check=True,
        capture_output=True,
        text=True,
    )
    subprocess.run([*program, "emit", "model.lut", "--target", "xilinx7", "-o", "core"], cwd=work, check=True)
    return counts(work, "read_verilog core/core.v", "lut2hw_core"), json.loads(done.stdout)["accuracy"]


def theirs(checkpoint: Path, program: str, work: Path) -> dict[str, int]:
    """Counts of what dwn2rtl writes, with its default width of inputs."""
    subprocess.run([program, "build", checkpoint, "--out", "rtl"], cwd=work, check=True)
    for header in (work / "rtl").glob("*.vh"):
        shutil.copy(header, work)
    return counts(work, "read_verilog -Irtl rtl/*.v", "dwn_top", "-nodsp")


def main() -> None:
    """Print one row a tool, and the ratio of their LUTs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--dwn2rtl", help="Its program.")
    parser.add_argument("--judged", default="train", help="Split that rounder thresholds are judged by.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        checkpoint, data = options.checkpoint.resolve(), options.data.resolve()
        rows = {
            "lut2hw": ours(checkpoint, data, work),
            "lut2hw precision": ours(checkpoint, data, work, options.judged),
        }
        other = None if options.dwn2rtl is None else theirs(checkpoint, options.dwn2rtl, work)
    for tool, (found, accuracy) in rows.items():
        kinds = ", ".join(f"{number} {kind}" for kind, number in found.items())
        ratio = "" if other is None else f"; ratio of LUTs {found['LUT'] / other['LUT']:.2f}"
        print(f"{tool:16} {kinds}; test accuracy {accuracy:.4f}{ratio}")
    if other is not None:
        print(f"{'dwn2rtl':16} " + ", ".join(f"{number} {kind}" for kind, number in other.items()))


if __name__ == "__main__":
    main()
