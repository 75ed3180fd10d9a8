"""Learners on the same splits: descent, memorize, and what scikit-learn and XGBoost offer.

    python benchmarks/learners.py digits
    python benchmarks/learners.py mnist --examples 20000
    python benchmarks/learners.py cifar10 --learners descent
    python benchmarks/learners.py cifar10-edges --learners descent memorize
    python benchmarks/learners.py iwls --functions 0-89

cifar10-edges describes the pictures, and mirrored copies to train on, by blocks of colour and oriented edges
(edges.py), for all learners.

iwls takes the functions of the IWLS 2020 contest from iwls2020_trainvalid.npz in the folder LUT2HW_DATA: of its
training and validation minterms together, a fifth is held out here to test with. The contest's own test minterms
are not used.

Bits of a model: for lookup tables the tables and, for each input, the number of the signal it reads; for trees 8
bits of threshold and the number of the feature for each inner node, 32 for each leaf value. XGBoost runs if it is
installed. Seconds are CPU seconds of all threads, answers to the test split included, kernels compiled before.

For iwls, the network of descent is exported as AIGER, and the AND nodes that yosys's abc leaves are counted; the
contest allowed 5,000.

--json FILE keeps every result as a line of JSON and does not repeat what is in it, so that a long comparison can be
made in pieces; the table is of all results of the task in the file.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from edges import describe
from numpy.typing import NDArray

from lut2hw import data, tools
from lut2hw.data import Dataset
from lut2hw.exchange.aiger import to_aiger
from lut2hw.exchange.circuit import Circuit
from lut2hw.exchange.trees import from_sklearn
from lut2hw.learn.augment import copies
from lut2hw.learn.descent import train_descent
from lut2hw.learn.memorize import learn as train_memorize
from lut2hw.model import encoder as encode
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork

# answers on the test split, bits of the model, AND nodes where they were asked for
Run = Callable[[Dataset, Encoder], tuple[NDArray, int, int | None]]

SETTINGS: dict[str, dict] = {
    "digits": {"bits_per_feature": 2, "luts": 300, "k": 6, "layers": [1000, 1000]},
    "mnist": {"threshold": 128, "luts": 1000, "k": 6, "layers": [1024] * 5, "augment": "warp8", "sweeps": 3},
    "cifar10": {
        "bits_per_feature": 6,
        "luts": 5000,
        "k": 6,
        "layers": [1024] * 5,
        "augment": "flip+shift1",
        "tau": 16,
        "sweeps": 2,
        "proposals": 1152,
        "validation": 0.1,
    },
    "cifar10-edges": {
        "bits_per_feature": 6,
        "luts": 2000,
        "k": 6,
        "layers": [1024] * 5,
        "tau": 14,
        "sweeps": 2,
        "proposals": 1152,
    },
    "iwls": {
        "threshold": 1,
        "luts": 400,
        "k": 4,
        "votes": 80,
        "levels": 3,
        "sweeps": 6,
        "tau": 8,
        "layers": [256] * 4,
    },
}


def network_bits(network: LutNetwork) -> int:
    signal = max(1, math.ceil(math.log2(network.n_signals)))
    return sum(len(layer) * ((1 << layer.k) + layer.k * signal) for layer in network.layers)


def and_nodes(network: LutNetwork) -> int:
    """AND nodes of the network's AIGER file after yosys's abc."""
    with tempfile.TemporaryDirectory(prefix="lut2hw-") as name:
        folder = Path(name)
        (folder / "in.aig").write_bytes(to_aiger(Circuit.of(network)))
        tools.run(
            "yosys",
            [
                "-q",
                "-p",
                "read_aiger in.aig; abc -g AND -script +strash;dc2;map; opt_clean; tee -q -o stat.json stat -json",
            ],
            cwd=folder,
        )
        (module,) = json.loads((folder / "stat.json").read_text())["modules"].values()
        return module["num_cells_by_type"].get("$_AND_", 0)


def descent(task: str, seed: int) -> Run:
    options = {
        name: value
        for name, value in SETTINGS[task].items()
        if name not in ("bits_per_feature", "threshold", "layers")
    }

    def run(dataset: Dataset, encoder: Encoder) -> tuple[NDArray, int, int | None]:
        network = train_descent(dataset, encoder, seed=seed, **options)
        return network.predict(dataset.x_test), network_bits(network), and_nodes(network) if task == "iwls" else None

    return run


def memorize(task: str, seed: int) -> Run:
    def run(dataset: Dataset, encoder: Encoder) -> tuple[NDArray, int, int | None]:
        network = train_memorize(dataset, encoder, layers=SETTINGS[task]["layers"], k=8, seed=seed)
        return network.predict(dataset.x_test), network_bits(network), None

    return run


def tree_bits(inner: int, leaves: int, n_features: int) -> int:
    return inner * (8 + math.ceil(math.log2(max(2, n_features)))) + 32 * leaves


def histogram_boosting(task: str, seed: int) -> Run:
    def run(dataset: Dataset, encoder: Encoder) -> tuple[NDArray, int, int | None]:
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(random_state=seed).fit(dataset.x_train, dataset.y_train)
        trees = from_sklearn(model).trees
        leaves = sum(int((tree.feature < 0).sum()) for tree in trees)
        return model.predict(dataset.x_test), tree_bits(leaves - len(trees), leaves, len(dataset.features)), None

    return run


def random_forest(task: str, seed: int) -> Run:
    def run(dataset: Dataset, encoder: Encoder) -> tuple[NDArray, int, int | None]:
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier(random_state=seed, n_jobs=-1).fit(dataset.x_train, dataset.y_train)
        leaves = sum(tree.get_n_leaves() for tree in model.estimators_)
        inner = sum(tree.tree_.node_count for tree in model.estimators_) - leaves
        return model.predict(dataset.x_test), tree_bits(inner, leaves, len(dataset.features)), None

    return run


def xgboost(task: str, seed: int) -> Run:
    def run(dataset: Dataset, encoder: Encoder) -> tuple[NDArray, int, int | None]:
        from xgboost import XGBClassifier

        model = XGBClassifier(random_state=seed, tree_method="hist").fit(dataset.x_train, dataset.y_train)
        dump = model.get_booster().get_dump()
        leaves = sum(tree.count("leaf=") for tree in dump)
        return model.predict(dataset.x_test), tree_bits(leaves - len(dump), leaves, len(dataset.features)), None

    return run


LEARNERS: dict[str, Callable[[str, int], Run]] = {
    "descent": descent,
    "memorize": memorize,
    "HistGradientBoosting": histogram_boosting,
    "RandomForest": random_forest,
    **({"XGBoost": xgboost} if importlib.util.find_spec("xgboost") else {}),
}


def iwls_function(archive: np.lib.npyio.NpzFile, name: str) -> Dataset:
    """One function: a fifth of its minterms is the test split."""
    n = int(archive[f"{name}_n"][0])
    x = np.concatenate([np.unpackbits(archive[f"{name}_{part}_x"], axis=1)[:, :n] for part in ("train", "valid")])
    y = np.concatenate(
        [
            np.unpackbits(archive[f"{name}_{part}_y"])[: len(archive[f"{name}_{part}_x"])]
            for part in ("train", "valid")
        ]
    ).astype(np.int64)
    held = np.random.default_rng(0).permutation(len(y)) < len(y) // 5
    features = Features.integers(np.zeros(n, np.int64), np.ones(n, np.int64))
    return Dataset(name, features, ("0", "1"), x[~held], y[~held], x[held], y[held])


def encoder_of(task: str, dataset: Dataset) -> Encoder:
    settings = SETTINGS[task]
    if "threshold" in settings:
        return encode.fixed(dataset.features, settings["threshold"])
    return encode.thermometer(dataset.features, dataset.x_train, settings["bits_per_feature"])


def splits(arguments: argparse.Namespace) -> list[Dataset]:
    if arguments.task == "iwls":
        archive = np.load(Path(os.environ["LUT2HW_DATA"]) / "iwls2020_trainvalid.npz", allow_pickle=False)
        bounds, _, step = arguments.functions.partition(":")
        first, last = (int(part) for part in bounds.split("-"))
        return [iwls_function(archive, f"ex{i:02}") for i in range(first, last + 1, int(step or 1))]
    dataset = data.load(arguments.task.removesuffix("-edges"))
    n = arguments.examples
    dataset = replace(dataset, x_train=dataset.x_train[:n], y_train=dataset.y_train[:n])
    return [with_edges(dataset) if arguments.task.endswith("-edges") else dataset]


def with_edges(dataset: Dataset) -> Dataset:
    """Pictures and their mirror images by the features of edges.py."""
    shape = dataset.features.image_shape
    assert shape is not None
    x = np.concatenate([dataset.x_train, *copies(dataset.x_train, shape, "flip", np.random.default_rng(0))])
    x_train, x_test = describe(x, shape), describe(dataset.x_test, shape)
    features = Features.integers(np.zeros(x_train.shape[1]), np.full(x_train.shape[1], 255))
    return replace(
        dataset,
        name=f"{dataset.name}-edges",
        features=features,
        x_train=x_train,
        x_test=x_test,
        y_train=np.tile(dataset.y_train, 2),
    )


def result(task: str, name: str, dataset: Dataset, seed: int) -> dict[str, Any]:
    row = {"task": task, "data": dataset.name, "examples": len(dataset.y_train), "seed": seed, "learner": name}
    if len(np.unique(dataset.y_train)) < 2:  # a constant function: every learner answers it
        return {**row, "accuracy": float((dataset.y_test == dataset.y_train[0]).mean())}
    encoder = encoder_of(task, dataset)
    began = time.process_time()
    answers, size, nodes = LEARNERS[name](task, seed)(dataset, encoder)
    return {
        **row,
        "accuracy": float((answers == dataset.y_test).mean()),
        "bits": int(size),
        "and_nodes": nodes,
        "seconds": round(time.process_time() - began, 2),
    }


def table(rows: list[dict[str, Any]]) -> None:
    print("| learner | data sets | test accuracy | seconds | bits of model | AND nodes, mean and most |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in LEARNERS:
        mine = [row for row in rows if row["learner"] == name]
        if not mine:
            continue
        trained = [row for row in mine if "bits" in row]
        nodes = [row["and_nodes"] for row in trained if row["and_nodes"] is not None]
        ands = f"{statistics.mean(nodes):,.0f}, {max(nodes):,}" if nodes else ""
        print(
            f"| {name} | {len(mine)} | {statistics.mean(row['accuracy'] for row in mine):.4f} | "
            f"{statistics.mean(row['seconds'] for row in trained):.1f} | "
            f"{statistics.mean(row['bits'] for row in trained):,.0f} | {ands} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=SETTINGS)
    parser.add_argument("--learners", nargs="*", choices=LEARNERS, default=list(LEARNERS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--examples", type=int, help="use only the first training examples")
    parser.add_argument("--functions", default="0-89", help="iwls: first-last, or first-last:step")
    parser.add_argument("--json", type=Path, help="file of results, to go on with")
    parser.add_argument(
        "--stop-after",
        type=float,
        default=math.inf,
        metavar="SECONDS",
        help="start no further training after that; go on with --json later",
    )
    arguments = parser.parse_args()
    began = time.monotonic()
    lines = arguments.json.read_text().splitlines() if arguments.json and arguments.json.exists() else []
    rows = [row for row in map(json.loads, lines) if row["task"] == arguments.task]
    keys = ("data", "examples", "seed", "learner")
    known = {tuple(row[key] for key in keys) for row in rows}
    digits = data.load("digits")
    train_descent(digits, encode.fixed(digits.features, 8), luts=40, k=SETTINGS[arguments.task]["k"], sweeps=1)
    sets = splits(arguments)
    for dataset in sets:
        for name in arguments.learners:
            if (dataset.name, len(dataset.y_train), arguments.seed, name) in known:
                continue
            if time.monotonic() - began > arguments.stop_after:
                break
            rows.append(result(arguments.task, name, dataset, arguments.seed))
            if arguments.json:
                with arguments.json.open("a") as file:
                    print(json.dumps(rows[-1]), file=file)
    wanted = {dataset.name for dataset in sets}
    table([row for row in rows if row["data"] in wanted])


if __name__ == "__main__":
    main()
