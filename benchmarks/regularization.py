"""Options of descent against its defaults, cross-validated: evidence for entries, temperature, early stopping, depth.

    python benchmarks/regularization.py --json regularization.json
    python benchmarks/regularization.py --data wine cancer --variants plain "margin 2" "count 5"

Each data set is split in five folds; a fold is answered by a network trained on the others with the defaults of
`--learner descent` (500 LUT4s, three thresholds a feature) but for the one option of the variant. digits, wine and
cancer come with scikit-learn; mnist and cifar10 are the first 5,000 training examples, mnist2 tells 0 to 4 from 5
to 9; iwls:N is a function of the IWLS 2020 contest. Test splits are not looked at.

    margin M    an entry is one if the effects of its examples sum to less than -M of the largest effect of one
    count N     an entry is one if N examples at least have an effect there, and their sum is below zero
    tau F       the default temperature times F
    early S     --validation S, patience 2
    levels N    --levels N: a fifth of the LUTs are votes
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets as bundled
from sklearn.model_selection import KFold

from lut2hw import data
from lut2hw.data import Dataset
from lut2hw.learn.descent import train
from lut2hw.learn.descent.moves import Trainer
from lut2hw.learn.descent.softmax import default_tau
from lut2hw.learn.descent.train import train_descent
from lut2hw.model import encoder as encode
from lut2hw.model.features import Features, quantize

VARIANTS = [
    "plain",
    "margin 1",
    "margin 3",
    "margin 10",
    "count 3",
    "count 10",
    "tau 2",
    "tau 4",
    "tau 8",
    "early 0.1",
    "levels 2",
    "levels 3",
]
SETS = [
    "wine",
    "cancer",
    "digits",
    "mnist",
    "mnist2",
    "cifar10",
    "iwls:1",
    "iwls:21",
    "iwls:43",
    "iwls:55",
    "iwls:65",
    "iwls:85",
]
ENOUGH = 5000  # examples


class Counted(Trainer):
    """Entries need a number of examples with an effect."""

    least = 0

    def entries(self) -> NDArray[np.bool_]:
        seen = self.shard.listing.pattern[: self.shard.listing.n]
        return super().entries() & (np.bincount(seen, minlength=1 << self.k) >= self.least)


def examples(name: str) -> Dataset:
    if name in ("wine", "cancer"):
        x, y = getattr(bundled, {"wine": "load_wine", "cancer": "load_breast_cancer"}[name])(return_X_y=True)
        features = quantize(x, tuple(f"x{i}" for i in range(x.shape[1])))
        classes = tuple(str(c) for c in np.unique(y))
        return Dataset(name, features, classes, features.integers_of(x), y.astype(np.int64), x[:0], y[:0])
    if name.startswith("iwls:"):
        archive = np.load(Path(os.environ["LUT2HW_DATA"]) / "iwls2020_trainvalid.npz", allow_pickle=False)
        key = f"ex{int(name[5:]):02}"
        n = int(archive[f"{key}_n"][0])
        x = np.unpackbits(archive[f"{key}_train_x"], axis=1)[:, :n]
        y = np.unpackbits(archive[f"{key}_train_y"])[: len(x)].astype(np.int64)
        return Dataset(
            name, Features.integers(np.zeros(n, np.int64), np.ones(n, np.int64)), ("0", "1"), x, y, x[:0], y[:0]
        )
    return data.load("mnist", classes="0,1,2,3,4:5,6,7,8,9") if name == "mnist2" else data.load(name)


def accuracy(dataset: Dataset, variant: str, folds: int, luts: int) -> tuple[float, float]:
    """Cross-validated accuracy and CPU seconds."""
    name, _, number = variant.partition(" ")
    options: dict[str, Any] = {}
    if name == "margin":
        options["margin"] = float(number)
    elif name == "tau":
        options["tau"] = float(number) * default_tau(luts, len(dataset.class_names), 4)
    elif name == "early":
        options |= {"validation": float(number), "patience": 2}
    elif name == "levels":
        options["levels"] = int(number)
    Counted.least = int(number) if name == "count" else 0
    x, y = dataset.x_train[:ENOUGH], dataset.y_train[:ENOUGH]
    right, judged, began = 0, 0, time.process_time()
    for rest, held in list(KFold(5, shuffle=True, random_state=0).split(x))[:folds]:
        part = Dataset(dataset.name, dataset.features, dataset.class_names, x[rest], y[rest], x[:0], y[:0])
        network = train_descent(part, encode.thermometer(part.features, part.x_train, 3), luts=luts, **options)
        right += int((network.predict_integers(x[held]) == y[held]).sum())
        judged += len(held)
    return right / judged, time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", default=SETS)
    parser.add_argument("--variants", nargs="*", default=VARIANTS)
    parser.add_argument("--folds", type=int, default=5, help="of five")
    parser.add_argument("--luts", type=int, default=500)
    parser.add_argument("--json", type=Path, help="file of results, to go on with")
    arguments = parser.parse_args()
    train.Trainer = Counted  # type: ignore[misc]
    rows = (
        [json.loads(line) for line in arguments.json.read_text().splitlines()]
        if arguments.json and arguments.json.exists()
        else []
    )
    known = {(row["data"], row["variant"], row["folds"], row["luts"]): row for row in rows}
    print(f"accuracy of {arguments.luts} LUT4s in {arguments.folds} of 5 folds")
    print("| data | " + " | ".join(arguments.variants) + " |\n" + "| --- " * (1 + len(arguments.variants)) + "|")
    for name in arguments.data:
        dataset, cells = examples(name), []
        for variant in arguments.variants:
            key = (name, variant, arguments.folds, arguments.luts)
            if key not in known:
                share, seconds = accuracy(dataset, variant, arguments.folds, arguments.luts)
                known[key] = dict(
                    zip(("data", "variant", "folds", "luts"), key, strict=True),
                    accuracy=round(share, 4),
                    seconds=round(seconds, 1),
                )
                if arguments.json:
                    with arguments.json.open("a") as file:
                        print(json.dumps(known[key]), file=file)
            cells.append(f"{known[key]['accuracy']:.4f}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
