"""How many thresholds each feature gets, chosen by validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold

from lut2hw import encode
from lut2hw.data import Dataset
from lut2hw.encode import Encoder
from lut2hw.errors import UsageError
from lut2hw.model import LutNetwork

AUTO = (1, 2, 4, 8)  # thresholds that "auto" tries
FOLDS = 5
ENOUGH = 2000  # held-out examples that tell encoders apart: more folds are trained until there are so many


@dataclass(frozen=True)
class Choice:
    """bits: the thresholds per feature that did best. accuracy: on held-out examples, by number of thresholds."""

    bits: int
    accuracy: dict[int, float]


def choose_bits(dataset: Dataset, train: Callable[[Dataset, Encoder], LutNetwork], counts: Sequence[int] = AUTO, *,
                seed: int = 0, progress: Callable[[str, int, int], None] | None = None) -> Choice:
    """The best of `counts` thresholds per feature, by the accuracy of networks on training examples held out of them.

    train: makes the network of a data set, whose test split is empty, and an encoder. A fifth of the training
    examples is held out, and up to all fifths in turn while fewer than `ENOUGH` examples have been judged. Of equal
    accuracies the fewest thresholds win; counts that `train` refuses are left out. The test split is not looked at.
    Errors: `UsageError` if it refuses all; KeyboardInterrupt if a training was interrupted.
    """
    counts = sorted(set(counts))
    n = len(dataset.y_train)
    if n < FOLDS:
        raise UsageError(f"{n} training examples are too few to choose the bits per feature; give one number")
    folds = min(FOLDS, -(-ENOUGH * FOLDS // n))
    splits = list(KFold(FOLDS, shuffle=True, random_state=seed).split(np.arange(n)))[:folds]
    judged = sum(len(held) for _, held in splits)
    right: dict[int, int] = {}
    last: list[Encoder] = []
    refused: UsageError | None = None
    for done, count in enumerate(counts):
        if progress is not None:
            progress("choosing bits per feature", done, len(counts))
        encoders = [encode.thermometer(dataset.features, dataset.x_train[rest], count) for rest, _ in splits]
        if last and all(map(_same, last, encoders)):  # no feature has more values to tell apart
            break
        last = encoders
        try:
            right[count] = sum(_right(dataset, rest, held, train, encoder)
                               for (rest, held), encoder in zip(splits, encoders, strict=True))
        except UsageError as error:  # fewer bits than a LUT has inputs, or a device that is too small for so many
            refused = error
    if refused is not None and not right:
        raise refused
    if progress is not None:
        progress("choosing bits per feature", len(counts), len(counts))
    best = max(right, key=lambda count: (right[count], -count))
    return Choice(best, {count: round(hits / judged, 6) for count, hits in right.items()})


def _right(dataset: Dataset, rest: NDArray[np.int64], held: NDArray[np.int64],
           train: Callable[[Dataset, Encoder], LutNetwork], encoder: Encoder) -> int:
    """Right answers on the training examples `held` of a network trained on those in `rest`."""
    x, y = dataset.x_train, dataset.y_train
    network = train(replace(dataset, x_train=x[rest], y_train=y[rest], x_test=x[:0], y_test=y[:0]), encoder)
    if network.meta.get("ended") == "interrupt":
        raise KeyboardInterrupt
    return int((network.predict_integers(x[held]) == y[held]).sum())


def _same(one: Encoder, other: Encoder) -> bool:
    return np.array_equal(one.feature, other.feature) and np.array_equal(one.threshold, other.threshold)
