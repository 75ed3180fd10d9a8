"""Learners on the same splits: descent, memorize, and what scikit-learn and XGBoost offer.

    python benchmarks/learners.py digits
    python benchmarks/learners.py mnist --examples 20000
    python benchmarks/learners.py cifar10 --learners descent
    python benchmarks/learners.py iwls --functions 0-89

iwls takes the functions of the IWLS 2020 contest from iwls2020_trainvalid.npz in the folder LUT2HW_DATA: of its
training and validation minterms together, a fifth is held out here to test with. The contest's own test minterms
are not used.

Bits of a model: for lookup tables the tables and, for each input, the number of the signal it reads; for trees 8
bits of threshold and the number of the feature for each inner node, 32 for each leaf value. XGBoost runs if it is
installed. Training time is wall-clock time, kernels compiled before.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lut2hw import data, encode
from lut2hw.data import Dataset
from lut2hw.encode import Encoder, Features
from lut2hw.learn.descent import train_descent
from lut2hw.learn.memorize import learn as train_memorize
from lut2hw.model import LutNetwork

Run = Callable[[Dataset, Encoder], tuple[NDArray, int]]  # answers on the test split, bits of the model

SETTINGS: dict[str, dict] = {
    "digits": {"bits_per_feature": 2, "luts": 300, "k": 6, "layers": [1000, 1000]},
    "mnist": {"threshold": 128, "luts": 1000, "k": 6, "layers": [1024] * 5, "augment": "shift1", "sweeps": 3},
    "cifar10": {"bits_per_feature": 5, "luts": 5000, "k": 6, "layers": [1024] * 5, "sweeps": 2, "proposals": 1152},
    "iwls": {"threshold": 1, "luts": 200, "k": 4, "votes": 66, "levels": 3, "sweeps": 6, "layers": [256] * 4},
}


def network_bits(network: LutNetwork) -> int:
    signal = max(1, math.ceil(math.log2(network.n_signals)))
    return sum(len(layer) * ((1 << layer.k) + layer.k * signal) for layer in network.layers)


def descent(task: str, seed: int) -> Run:
    options = {name: value for name, value in SETTINGS[task].items()
               if name not in ("bits_per_feature", "threshold", "layers")}

    def run(dataset: Dataset, encoder: Encoder) -> tuple[NDArray, int]:
        network = train_descent(dataset, encoder, seed=seed, **options)
        return network.predict(dataset.x_test), network_bits(network)
    return run


def memorize(task: str, seed: int) -> Run:
    def run(dataset: Dataset, encoder: Encoder) -> tuple[NDArray, int]:
        network = train_memorize(dataset, encoder, layers=SETTINGS[task]["layers"], k=8, seed=seed)
        return network.predict(dataset.x_test), network_bits(network)
    return run


def tree_bits(inner: int, leaves: int, n_features: int) -> int:
    return inner * (8 + math.ceil(math.log2(max(2, n_features)))) + 32 * leaves


def histogram_boosting(task: str, seed: int) -> Run:
    def run(dataset: Dataset, encoder: Encoder) -> tuple[NDArray, int]:
        from sklearn.ensemble import HistGradientBoostingClassifier
        model = HistGradientBoostingClassifier(random_state=seed).fit(dataset.x_train, dataset.y_train)
        trees = [tree for stage in model._predictors for tree in stage]
        leaves = sum(tree.get_n_leaf_nodes() for tree in trees)
        return model.predict(dataset.x_test), tree_bits(leaves - len(trees), leaves, len(dataset.features))
    return run


def random_forest(task: str, seed: int) -> Run:
    def run(dataset: Dataset, encoder: Encoder) -> tuple[NDArray, int]:
        from sklearn.ensemble import RandomForestClassifier
        model = RandomForestClassifier(random_state=seed, n_jobs=-1).fit(dataset.x_train, dataset.y_train)
        leaves = sum(tree.get_n_leaves() for tree in model.estimators_)
        inner = sum(tree.tree_.node_count for tree in model.estimators_) - leaves
        return model.predict(dataset.x_test), tree_bits(inner, leaves, len(dataset.features))
    return run


def xgboost(task: str, seed: int) -> Run:
    def run(dataset: Dataset, encoder: Encoder) -> tuple[NDArray, int]:
        from xgboost import XGBClassifier
        model = XGBClassifier(random_state=seed, tree_method="hist").fit(dataset.x_train, dataset.y_train)
        dump = model.get_booster().get_dump()
        leaves = sum(tree.count("leaf=") for tree in dump)
        return model.predict(dataset.x_test), tree_bits(leaves - len(dump), leaves, len(dataset.features))
    return run


LEARNERS: dict[str, Callable[[str, int], Run]] = {
    "descent": descent, "memorize": memorize, "HistGradientBoosting": histogram_boosting,
    "RandomForest": random_forest, **({"XGBoost": xgboost} if importlib.util.find_spec("xgboost") else {})}


def iwls_function(archive: np.lib.npyio.NpzFile, name: str) -> Dataset:
    """One function: a fifth of its minterms is the test split."""
    n = int(archive[f"{name}_n"][0])
    x = np.concatenate([np.unpackbits(archive[f"{name}_{part}_x"], axis=1)[:, :n] for part in ("train", "valid")])
    y = np.concatenate([np.unpackbits(archive[f"{name}_{part}_y"])[:len(archive[f"{name}_{part}_x"])]
                        for part in ("train", "valid")]).astype(np.int64)
    held = np.random.default_rng(0).permutation(len(y)) < len(y) // 5
    features = Features.integers(np.zeros(n, np.int64), np.ones(n, np.int64))
    return Dataset(name, features, ("0", "1"), x[~held], y[~held], x[held], y[held])


def encoder_of(task: str, dataset: Dataset) -> Encoder:
    settings = SETTINGS[task]
    if "threshold" in settings:
        return encode.fixed(dataset.features, settings["threshold"])
    return encode.thermometer(dataset.features, dataset.x_train, settings["bits_per_feature"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=SETTINGS)
    parser.add_argument("--learners", nargs="*", choices=LEARNERS, default=list(LEARNERS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--examples", type=int, help="use only the first training examples")
    parser.add_argument("--functions", default="0-89", help="iwls: first-last")
    parser.add_argument("--verbose", action="store_true", help="iwls: a line for each function")
    arguments = parser.parse_args()
    if arguments.task == "iwls":
        archive = np.load(Path(os.environ["LUT2HW_DATA"]) / "iwls2020_trainvalid.npz", allow_pickle=False)
        first, last = (int(part) for part in arguments.functions.split("-"))
        sets = [iwls_function(archive, f"ex{i:02}") for i in range(first, last + 1)]
    else:
        sets = [data.load(arguments.task)]
    digits = data.load("digits")
    train_descent(digits, encode.fixed(digits.features, 8), luts=40, k=SETTINGS[arguments.task]["k"], sweeps=1)
    print(f"{arguments.task}: {len(sets)} data set(s), mean test accuracy, seconds and bits")
    print("| learner | test accuracy | seconds | bits of model |\n| --- | --- | --- | --- |", flush=True)
    for name in arguments.learners:
        accuracies, seconds, sizes = [], [], []
        for dataset in sets:
            if arguments.examples:
                dataset = Dataset(dataset.name, dataset.features, dataset.class_names,
                                  dataset.x_train[:arguments.examples], dataset.y_train[:arguments.examples],
                                  dataset.x_test, dataset.y_test)
            if len(np.unique(dataset.y_train)) < 2:  # a constant function: every learner answers it
                accuracies.append(float((dataset.y_test == dataset.y_train[0]).mean()))
                continue
            run, encoder = LEARNERS[name](arguments.task, arguments.seed), encoder_of(arguments.task, dataset)
            began = time.perf_counter()
            answers, size = run(dataset, encoder)
            seconds.append(time.perf_counter() - began)
            sizes.append(size)
            accuracies.append(float((answers == dataset.y_test).mean()))
            if arguments.verbose:
                print(f"{name} {dataset.name} {len(dataset.features)} inputs: {accuracies[-1]:.4f}", flush=True)
        print(f"| {name} | {statistics.mean(accuracies):.4f} | {statistics.mean(seconds):.1f} | "
              f"{statistics.mean(sizes):,.0f} |", flush=True)


if __name__ == "__main__":
    main()
