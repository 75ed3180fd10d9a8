"""Compile time in CPU seconds against size: one layer of random LUT4s in ten classes, through all passes.

python benchmarks/compile_time.py [--family ice40] [--sizes 1000,10000,100000] [--plot FILE.png]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from lut2hw import bits, targets
from lut2hw.compile.area import estimate_netlist
from lut2hw.compile.compiler import compile_network
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head, Layer


def network_of(n_luts: int, n_bits: int = 784) -> LutNetwork:
    """Half the LUTs read the inputs, half read those and vote."""
    rng = np.random.default_rng(0)
    features = Features.integers(np.zeros(n_bits, np.int64), np.ones(n_bits, np.int64))
    half = n_luts // 2
    layers = tuple(
        Layer(rng.integers(0, reach, (half, 4)).astype(np.int32), bits.pack_tables(rng.random((half, 16)) < 0.5))
        for reach in (n_bits, n_bits + half)
    )
    votes = np.arange(n_bits, n_bits + 2 * half)
    return LutNetwork(
        Encoder(features, np.arange(n_bits, dtype=np.int32), np.ones(n_bits, np.int64)),
        layers,
        Head.argmax(votes, np.arange(len(votes)) % 10, 10),
        tuple(map(str, range(10))),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", default="ice40")
    parser.add_argument("--sizes", default="1000,3000,10000,30000,100000")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    target = targets.get(options.family)
    sizes = [int(size) for size in options.sizes.split(",")]
    compile_network(network_of(100), target)  # the kernels' own compilation is not what is timed
    seconds = []
    print(f"{'LUTs':>8}{'cells':>9}{'CPU s':>9}{'us per LUT':>12}")
    for size in sizes:
        network = network_of(size)
        began = time.process_time()  # one thread; the machine may be busy
        compiled = compile_network(network, target, encoded_inputs=True)
        seconds.append(time.process_time() - began)
        print(
            f"{size:>8,}{estimate_netlist(compiled.netlist, target):>9,}{seconds[-1]:>9.1f}"
            f"{1e6 * seconds[-1] / size:>12.0f}",
            flush=True,
        )
    if options.plot:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(5, 3.5), layout="constrained")
        axes = figure.subplots()
        axes.loglog(sizes, seconds, "o-", label=options.family)
        axes.loglog(sizes, np.array(sizes) * seconds[0] / sizes[0], ":", label="linear")
        axes.set(xlabel="LUTs", ylabel="CPU seconds, all passes")
        axes.legend()
        figure.savefig(options.plot, dpi=120)
    return 0


if __name__ == "__main__":
    sys.exit(main())
