"""Accuracy, size and training time of the descent learner on MNIST with 1-bit pixels.

    python benchmarks/descent_mnist.py                      # every line, seed 0
    python benchmarks/descent_mnist.py 500 1200c --seeds 3  # some lines, three seeds
    python benchmarks/descent_mnist.py 2000 --held 6000 --sweeps 2 --augment warp8  # judged on training images

Lines are named by the number of LUTs, or by logic cells (c) of an iCE40 core. Training time is wall-clock time of
`train_descent` without loading the data; kernels are compiled before. CPU time of all threads stands beside it,
since wall-clock time on a busy machine says little. The options of a line were chosen on a validation split.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from lut2hw import data, targets
from lut2hw.compile.area import estimate
from lut2hw.data import Dataset
from lut2hw.learn.descent import train_descent
from lut2hw.model import encoder as encode

LINES: dict[str, dict] = {
    "220": {"luts": 220, "k": 4, "sweeps": 8},
    "500": {"luts": 500, "k": 4, "sweeps": 8},
    "1000": {"luts": 1000, "k": 6, "sweeps": 3, "augment": "warp8"},
    "2000": {"luts": 2000, "k": 6, "sweeps": 3, "augment": "warp8"},
    "4000": {"luts": 4000, "k": 6, "sweeps": 2, "augment": "warp16"},
    "1200c": {"luts": 880, "k": 4, "votes": 150, "levels": 3, "sweeps": 3, "restarts": 1, "augment": "warp8"},
    "2500c": {"luts": 1900, "k": 4, "votes": 310, "levels": 3, "sweeps": 3, "restarts": 1, "augment": "warp8"},
    "5000c": {
        "luts": 3880,
        "k": 4,
        "votes": 570,
        "levels": 3,
        "window": 14,
        "sweeps": 3,
        "restarts": 1,
        "augment": "warp16",
    },
}


def hold_out(dataset: Dataset, n: int) -> Dataset:
    """The training examples alone, n of them to test with."""
    mixed = np.random.default_rng(0).permutation(len(dataset.y_train))
    held, rest = mixed[:n], mixed[n:]
    return replace(
        dataset,
        x_test=dataset.x_train[held],
        y_test=dataset.y_train[held],
        x_train=dataset.x_train[rest],
        y_train=dataset.y_train[rest],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", nargs="*", choices=[*LINES, []], help="lines to run; all if none")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--save", type=Path, help="folder for the models")
    parser.add_argument("--json", type=Path, help="file to which one JSON object per run is added")
    parser.add_argument("--held", type=int, metavar="N", help="judge on N training images held out")
    parser.add_argument("--augment", help="instead of the line's own")
    parser.add_argument("--sweeps", type=int, help="instead of the line's own")
    parser.add_argument("--window", type=int, help="instead of the line's own")
    parser.add_argument("--subspace", type=float, help="instead of the line's own")
    arguments = parser.parse_args()
    mnist = data.load("mnist")
    if arguments.held:
        mnist = hold_out(mnist, arguments.held)
    coder = encode.fixed(mnist.features, 128)
    digits = data.load("digits")
    for k in (4, 6):  # compile the kernels
        train_descent(digits, encode.fixed(digits.features, 8), luts=40, k=k, votes=20, levels=2, sweeps=1)
    print("| line | k | votes | levels | seed | train | test | seconds | CPU seconds | iCE40 cells |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name in arguments.lines or LINES:
        options = LINES[name] | {
            option: value
            for option in ("augment", "sweeps", "window", "subspace")
            if (value := getattr(arguments, option)) is not None
        }
        accuracies = []
        for seed in range(arguments.first, arguments.first + arguments.seeds):
            began, cpu = time.perf_counter(), time.process_time()
            network = train_descent(mnist, coder, seed=seed, threads=arguments.threads, **options)
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
            test = float((network.predict(mnist.x_test) == mnist.y_test).mean())
            train = float((network.predict(mnist.x_train) == mnist.y_train).mean())
            accuracies.append(test)
            k = options["k"]
            cells = estimate(network, targets.get("ice40")) if k == 4 else None
            row = {
                "line": name,
                "k": k,
                "votes": len(network.head.signal),
                "levels": len(network.layers),
                "seed": seed,
                "train": round(train, 4),
                "test": round(test, 4),
                "seconds": round(seconds, 1),
                "cpu": round(cpu, 1),
                "cells": cells,
            }
            print("| " + " | ".join("" if value is None else str(value) for value in row.values()) + " |", flush=True)
            if arguments.save:
                arguments.save.mkdir(parents=True, exist_ok=True)
                network.save(arguments.save / f"mnist-{name}-{seed}.lut")
            if arguments.json:
                with arguments.json.open("a") as file:
                    print(json.dumps(row), file=file)
        if len(accuracies) > 1:
            print(f"{name}: mean test accuracy {statistics.mean(accuracies):.4f}", flush=True)


if __name__ == "__main__":
    main()
