"""Numbers, scores, rare events and what is normal: lut2hw beside other learners, on the same splits.

    LUT2HW_DATA=FOLDER python benchmarks/tasks.py calorimeter diabetes qubit higgs unsw oneclass

Each line is one learner on one data set; the test split decides nothing. Files of the folder:

    calorimeter   calorimeter.npz, the score from 252 energies; first 700 events of a random order train
    diabetes      of scikit-learn, three quarters train
    california    of scikit-learn, which downloads it
    qubit         qubit_readout.npz, half trains; with the encoder's and the core's iCE40 cells
    higgs         higgs_small.npz, its own split
    unsw          unsw_nb15.csv.gz, normal or attack, 70 % train; recall at a false positive rate of .001, too
    oneclass      the same, trained on normal rows alone
    rare          made up: 1 in 1,000 is in the tails of three of six columns; 40,000 train, as many test

XGBoost takes part if it is installed. --validate judges on parts of the training splits, to choose options by; those
of diabetes were, the others are a first guess.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets as bundled
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)

from lut2hw import data, targets
from lut2hw.choices import Task
from lut2hw.compile.area import estimate
from lut2hw.data import Dataset
from lut2hw.model.features import quantize
from lut2hw.model.network import LutNetwork
from lut2hw.studies import metrics
from lut2hw.training.options import TrainOptions
from lut2hw.training.train import train

Found = dict[str, float | None]
OPTIONS: dict[str, dict[str, Any]] = {
    "calorimeter": {"luts": 500, "k": 4, "bits_per_feature": 8},
    "diabetes": {"luts": 200, "k": 4, "bits_per_feature": 8},
    "california": {"luts": 1000, "k": 6, "bits_per_feature": 16},
    "qubit": {"luts": 12, "k": 4, "bits_per_feature": 16},
    "higgs": {"luts": 1000, "k": 6},
    "unsw": {"luts": 500, "k": 6, "bits_per_feature": 16},
    "oneclass": {"luts": 500, "k": 6, "bits_per_feature": 16},
    "rare": {"luts": 100, "k": 4},
}


def made(name: str, task: Task, x: NDArray, y: NDArray, train_rows: NDArray, test_rows: NDArray) -> Dataset:
    """A data set of real numbers; scales and ranges are those of the training rows."""
    features = quantize(np.asarray(x[train_rows], np.float64), tuple(f"x{i}" for i in range(x.shape[1])))
    whole = features.quantized(np.asarray(x, np.float64))
    return Dataset(
        name,
        features,
        () if task is Task.REGRESSION else ("0", "1"),
        whole[train_rows],
        y[train_rows],
        whole[test_rows],
        y[test_rows],
        task=task,
        target_names=("y",) if task is Task.REGRESSION else (),
    )


def load(name: str, seed: int) -> Dataset:
    folder = Path(os.environ.get("LUT2HW_DATA", "."))
    rng = np.random.default_rng(seed)
    if name in ("unsw", "oneclass"):
        path = str(folder / "unsw_nb15.csv.gz")
        known = data.load(path, label="label", ignore="id,attack_cat", test_split=0.3)
        x, y = np.concatenate([known.x_train, known.x_test]), np.concatenate([known.y_train, known.y_test])
        order = rng.permutation(len(y))
        rows, test = order[: round(0.7 * len(y))], order[round(0.7 * len(y)) :]
        features = known.features
        if name == "oneclass":
            rows = rows[y[rows] == 0]
        names = ("normal", "anomaly") if name == "oneclass" else known.class_names
        task = Task.ANOMALY if name == "oneclass" else Task.CLASSIFICATION
        return Dataset(name, features, names, x[rows], y[rows], x[test], y[test], task=task)
    if name == "calorimeter":
        file = np.load(folder / "calorimeter.npz", allow_pickle=False)
        x, y = file["energy"].reshape(1000, -1), file["score"].astype(np.float64)[:, None]
        order = rng.permutation(1000)
        return made(name, Task.REGRESSION, x, y, order[:700], order[700:])
    if name == "qubit":
        file = np.load(folder / "qubit_readout.npz", allow_pickle=False)
        order = rng.permutation(len(file["state"]))
        half = len(order) // 2
        y = file["state"].astype(np.int64)
        return made(name, Task.CLASSIFICATION, file["iq"], y, order[:half], order[half:])
    if name == "higgs":
        file = np.load(folder / "higgs_small.npz", allow_pickle=False)
        x = np.concatenate([file["x_train"], file["x_test"]])
        y = np.concatenate([file["y_train"], file["y_test"]]).astype(np.int64)
        n = len(file["x_train"])
        return made(name, Task.CLASSIFICATION, x, y, np.arange(n), np.arange(n, len(y)))
    if name == "rare":
        y = (rng.random(80_000) < 1e-3).astype(np.int64)
        moved = np.array([2.6, 1.5, -1.0, 0.0, 0.0, 0.0])
        x = np.exp(rng.normal(size=(len(y), 6)) + y[:, None] * moved)
        return made(name, Task.CLASSIFICATION, x, y, np.arange(40_000), np.arange(40_000, len(y)))
    found = bundled.load_diabetes(scaled=False) if name == "diabetes" else bundled.fetch_california_housing()
    order = rng.permutation(len(found.target))
    cut = round(0.75 * len(order))
    return made(name, Task.REGRESSION, found.data, found.target[:, None].astype(float), order[:cut], order[cut:])


def halved(dataset: Dataset, seed: int) -> Dataset:
    """The training split alone, a quarter of it to test with."""
    order = np.random.default_rng(seed + 1000).permutation(len(dataset.y_train))
    cut = len(order) * 3 // 4
    part = dataset.training(order[:cut])
    x, y = dataset.x_train[order[cut:]], dataset.y_train[order[cut:]]
    if dataset.task is Task.ANOMALY:  # what is not normal has to come from somewhere
        odd = dataset.y_test == 1
        x, y = np.concatenate([x, dataset.x_test[odd][:5000]]), np.concatenate([y, dataset.y_test[odd][:5000]])
    return Dataset(
        part.name, part.features, part.class_names, part.x_train, part.y_train, x, y, task=part.task,
        target_names=part.target_names,
    )  # fmt: skip


def of_scores(y: NDArray, answer: NDArray | None, score: NDArray) -> Found:
    points = metrics.operating_points(y == 1, score)
    allowed = points.false_positive_rate <= 0.001
    out: Found = {
        "auc": metrics.roc_auc(y == 1, score),
        "recall at .001": float(points.recall[allowed].max(initial=0)),
    }
    return out if answer is None else {"accuracy": metrics.accuracy(y, answer), **out}


def ours(dataset: Dataset, options: dict[str, Any]) -> Found:
    network = train(dataset, TrainOptions.of("descent", **options)).network
    x, y = dataset.x_test, dataset.y_test
    if dataset.task is Task.REGRESSION:
        found: Found = metrics.of_numbers(y, network.predict(x).reshape(y.shape))
    else:
        found = of_scores(y, network.predict(x), network.scores(x)[:, 0])
    return {**found, "luts": network.n_luts, **cells(network, dataset.name)}


def cells(network: LutNetwork, name: str) -> Found:
    return {"ice40 cells": estimate(network, targets.get("ice40"))} if name == "qubit" else {}


def peers(dataset: Dataset, seed: int) -> Iterator[tuple[str, Callable[[], Found]]]:
    x, test = (np.asarray(dataset.features.real(np.asarray(each))) for each in (dataset.x_train, dataset.x_test))
    y, right = dataset.y_train, dataset.y_test

    def numbers(model: Any) -> Callable[[], Found]:
        return lambda: metrics.of_numbers(right[:, 0], model.fit(x, y[:, 0]).predict(test))

    def classes(model: Any) -> Callable[[], Found]:
        def run() -> Found:
            model.fit(x, y)
            return of_scores(right, model.predict(test), model.predict_proba(test)[:, 1])

        return run

    if dataset.task is Task.ANOMALY:
        yield (
            "IsolationForest",
            lambda: of_scores(right, None, -IsolationForest(random_state=seed).fit(x).score_samples(test)),
        )
    elif dataset.task is Task.REGRESSION:
        yield "RandomForest", numbers(RandomForestRegressor(random_state=seed, n_jobs=-1))
        yield "HistGradientBoosting", numbers(HistGradientBoostingRegressor(random_state=seed))
    else:
        yield "LDA", classes(LinearDiscriminantAnalysis())
        yield "RandomForest", classes(RandomForestClassifier(random_state=seed, n_jobs=-1))
        yield "HistGradientBoosting", classes(HistGradientBoostingClassifier(random_state=seed))
    try:
        import xgboost
    except ImportError:
        return
    if dataset.task is Task.REGRESSION:
        yield "XGBoost", numbers(xgboost.XGBRegressor(random_state=seed))
    elif dataset.task is Task.CLASSIFICATION:
        yield "XGBoost", classes(xgboost.XGBClassifier(random_state=seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*OPTIONS, []], default=[])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--options", default="{}", help="JSON object of options of `lut2hw train`, beside the usual")
    parser.add_argument("--validate", action="store_true", help="judge on a quarter of the training split instead")
    parser.add_argument("--alone", action="store_true", help="lut2hw alone")
    parser.add_argument("--json", type=Path, help="file to which one JSON object per line is added")
    arguments = parser.parse_args()
    for name in arguments.names or list(OPTIONS):
        rows: dict[str, list[Found]] = {}
        for seed in arguments.seeds:
            dataset = load(name, seed)
            if arguments.validate:
                dataset = halved(dataset, seed)
            options = {**OPTIONS[name], "seed": seed, **json.loads(arguments.options)}
            runs: list[tuple[str, Callable[[], Found]]] = [("lut2hw", lambda d=dataset, o=options: ours(d, o))]  # type: ignore[misc]
            for learner, run in runs + ([] if arguments.alone else list(peers(dataset, seed))):
                began = time.process_time()
                found = run()
                found["cpu"] = round(time.process_time() - began, 1)
                rows.setdefault(learner, []).append(found)
                if arguments.json:
                    with arguments.json.open("a") as file:
                        print(json.dumps({"data": name, "learner": learner, "seed": seed, **found}), file=file)
        for learner, each in rows.items():
            shown = {key: float(np.mean([row[key] or 0.0 for row in each])) for key in each[0]}
            print(
                f"{name}, {learner}: " + ", ".join(f"{key} {value:.5g}" for key, value in shown.items()), flush=True
            )


if __name__ == "__main__":
    main()
