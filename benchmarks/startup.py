"""What starting the program costs, over what its libraries cost, in one run.

    python benchmarks/startup.py [--json]

Processor time (user and system) of whole processes, the least of several, so that it holds on a busy machine too. The
baselines are Python itself and Python that imports what must run: numba with a compiled function from its cache.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

WARM = """
import numpy as np
from lut2hw.model.encoder import Features, fixed
fixed(Features.integers([0], [255]), 128)(np.zeros((1, 1), np.uint8))
"""


def seconds(*command: str, times: int = 5) -> float:
    """Processor time of a process and its children, after a first run that fills the caches."""
    spent = []
    for _ in range(times + 1):
        before = os.times()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = os.times()
        spent.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return min(spent[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    python, tool = (sys.executable,), (sys.executable, "-m", "lut2hw")
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder) / "digits.lut")
        train = ("train", "--data", "digits", "--learner", "memorize", "--layers", "200", "-o", model)
        got = {
            "python": seconds(*python, "-c", "pass"),
            "python with one compiled function": seconds(*python, "-c", WARM),
            "lut2hw --help": seconds(*tool, "--help"),
            "lut2hw train --data digits": seconds(*tool, *train),
            "lut2hw eval --data digits": seconds(*tool, "eval", model, "--data", "digits"),
        }
    ratio = got["lut2hw eval --data digits"] / got["python with one compiled function"]
    if as_json:
        print(json.dumps({"seconds": got, "eval over one compiled function": ratio}))
        return
    for name, value in got.items():
        print(f"{name}: {value:.2f} s")
    print(f"eval over one compiled function: {ratio:.2f}")


if __name__ == "__main__":
    main()
