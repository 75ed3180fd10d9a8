"""What a part of the encoder bits costs where the data are no images: accuracy with `--subspace` on made-up data.

    python benchmarks/subspaces.py                 # LUTs of a full up5k, and of one that routes with any wiring
    python benchmarks/subspaces.py --csv made.csv  # writes the first data set, to train and build with --device

20,000 examples of 24 real features and five classes (scikit-learn's make_classification, three seeds), a quarter to
test, eight thresholds a feature, three levels, three sweeps.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification

from lut2hw import data
from lut2hw.learn.descent import train_descent
from lut2hw.model import encoder as encode

NETWORKS = ((2170, 0.0), (2170, 0.5), (2170, 0.25), (1150, 0.0))  # LUTs, share of the bits; 0 is any of them


def write(path: Path, seed: int) -> None:
    x, y = make_classification(
        20_000,
        24,
        n_informative=16,
        n_redundant=4,
        n_classes=5,
        n_clusters_per_class=4,
        class_sep=1.2,
        random_state=seed,
    )
    names = ",".join(f"f{i}" for i in range(24))
    np.savetxt(path, np.column_stack([x, y]), "%.4f," * 24 + "c%d", header=f"{names},label", comments="")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", type=Path)
    arguments = parser.parse_args()
    if arguments.csv:
        return write(arguments.csv, 0)
    right: dict[tuple[int, float], list[float]] = {network: [] for network in NETWORKS}
    for seed in range(3):
        with tempfile.TemporaryDirectory(prefix="lut2hw-") as name:
            write(Path(name) / "made.csv", seed)
            made = data.load(str(Path(name) / "made.csv"))
        coder = encode.thermometer(made.features, made.x_train, 8)
        for luts, share in NETWORKS:
            network = train_descent(made, coder, luts=luts, votes=luts // 5, k=4, levels=3, sweeps=3, subspace=share)
            right[luts, share].append(float((network.predict_integers(made.x_test) == made.y_test).mean()))
    print("| LUT4s | share of the bits | test accuracy, mean and each |")
    print("| --- | --- | --- |")
    for (luts, share), each in right.items():
        single = ", ".join(f"{accuracy:.4f}" for accuracy in each)
        print(f"| {luts:,} | {share or 'all'} | {statistics.mean(each):.4f} ({single}) |")
    return None


if __name__ == "__main__":
    main()
