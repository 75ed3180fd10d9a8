"""A quick look: an option chosen on a small part of the training examples, for a small part of the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lut2hw.data import Dataset
from lut2hw.model.network import LutNetwork

TRAINED = 12_000  # examples
JUDGED = 3000
CLEAR = 3  # standard errors
FEW = 400  # examples of which no part tells anything


def quick_look(
    dataset: Dataset, train: Callable[[Dataset, float], LutNetwork], candidates: Sequence[float], *, seed: int = 0
) -> LutNetwork | None:
    """The network of the best of `candidates`, trained on few examples: the first unless another clearly beats it.

    train(dataset, candidate): makes a network of a data set whose test split is empty; one that was interrupted is
    returned at once. One beats another if it is right on more held-out training examples, by three standard errors of
    that difference (Q. McNemar, "Note on the sampling error of the difference between correlated proportions", 1947).
    Those after one that is worse than the first are not tried. None with fewer than `FEW` examples.
    """
    n = len(dataset.y_train)
    if n < FEW:
        return None
    order = np.random.default_rng(seed).permutation(n)
    held, rest = np.split(order, [min(JUDGED, n // 4)])
    rest = rest[:TRAINED]
    x, y = dataset.x_train, dataset.y_train
    part = dataset.training(rest)
    first: NDArray[np.bool_] | None = None
    best: tuple[int, LutNetwork] | None = None
    for candidate in candidates:
        network = train(part, candidate)
        if network.meta.get("ended") == "interrupt":
            return network
        right = network.predict_integers(x[held]) == y[held]
        if best is None or first is None:
            best, first = (0, network), right
            continue
        won, lost = int((right & ~first).sum()), int((first & ~right).sum())
        if won < lost:
            break
        if won - lost > max(best[0], CLEAR * (won + lost) ** 0.5):
            best = won - lost, network
    return best and best[1]
