"""Does the quick look find the temperature? Held-out accuracy with multiples of it and with what the data choose.

    python benchmarks/temperature.py mnist cifar10 digits ex03 ex14 ex25 ex36 ex47 ex58 ex69 ex80

500 flat LUT4s, otherwise the defaults. mnist, cifar10: 12,000 training images, judged on 5,000 others; digits and the
functions of the IWLS 2020 contest (ex00 to ex99): their splits in learners.py. CPU seconds are those of the training
with the look, and of the one with the temperature of so many votes.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from learners import iwls_function

from lut2hw import data
from lut2hw.data import Dataset
from lut2hw.learn.descent import default_tau, train_descent
from lut2hw.learn.descent.softmax import TAU_FACTORS
from lut2hw.model import encoder as encode
from lut2hw.model.encoder import Encoder

LUTS = 500


def load(name: str) -> tuple[Dataset, Encoder]:
    """A data set whose test split is held out of the training examples, and its encoder."""
    if name.startswith("ex"):
        archive = np.load(Path(os.environ["LUT2HW_DATA"]) / "iwls2020_trainvalid.npz", allow_pickle=False)
        dataset = iwls_function(archive, name)
        return dataset, encode.fixed(dataset.features, 1)
    dataset = data.load(name)
    if name in ("mnist", "cifar10"):
        train, held = np.split(np.random.default_rng(0).permutation(len(dataset.y_train))[:17_000], [12_000])
        dataset = replace(
            dataset,
            x_train=dataset.x_train[train],
            y_train=dataset.y_train[train],
            x_test=dataset.x_train[held],
            y_test=dataset.y_train[held],
        )
    if name == "mnist":
        return dataset, encode.fixed(dataset.features, 128)
    return dataset, encode.thermometer(dataset.features, dataset.x_train, encode.usual_bits(dataset.features))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+")
    arguments = parser.parse_args()
    digits, coder = load("digits")
    train_descent(digits, coder, luts=40, k=4, sweeps=1, tau=1.0)  # compile the kernels
    print(f"| data | {' | '.join(f'x {factor:g}' for factor in TAU_FACTORS)} | data's choice | CPU s: x 1, choice |")
    print("| --- " * (3 + len(TAU_FACTORS)) + "|", flush=True)
    for name in arguments.data:
        dataset, coder = load(name)
        tau = default_tau(LUTS, len(dataset.class_names), 4)
        right, seconds, chosen = [], [], 0.0
        for factor in (*TAU_FACTORS, None):
            began = time.process_time()
            network = train_descent(dataset, coder, luts=LUTS, k=4, tau=None if factor is None else factor * tau)
            seconds.append(time.process_time() - began)
            right.append((network.predict_integers(dataset.x_test) == dataset.y_test).mean())
            chosen = network.meta["options"]["tau"] / tau
        print(
            f"| {name} | {' | '.join(f'{each:.4f}' for each in right[:-1])} | x {chosen:g}: {right[-1]:.4f} | "
            f"{seconds[0]:.1f}, {seconds[-1]:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
