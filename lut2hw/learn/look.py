"""A quick look: an option chosen on a small part of the training examples, for a small part of the time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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


Likelihood = Callable[[LutNetwork, NDArray[np.integer], NDArray[Any]], NDArray[np.float64]]
"""Of a network, features and labels, the logarithm of the probability of each right answer, float64 (n,)."""
SPREADS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)  # times the training temperature


def likely_look(
    dataset: Dataset,
    train: Callable[[Dataset, int], LutNetwork],
    candidates: int,
    likelihood: Likelihood,
    *,
    seed: int = 0,
) -> tuple[int, LutNetwork | None]:
    """As `quick_look`, judged by the probability of the right answers: sooner than by how many there are.

    train(dataset, i): makes the network of candidate i, from 0. Each network's probabilities are those of the
    temperature that suits the held-out examples best. The first candidate is taken unless another one is better by a
    standard error of the difference; those after one that is better are not tried.

    Returns
    -------
    tuple[int, LutNetwork or None]
        The candidate, and the network if its training was interrupted. With fewer than `FEW` examples the first.
    """
    n = len(dataset.y_train)
    if n < FEW:
        return 0, None
    order = np.random.default_rng(seed).permutation(n)
    held, rest = np.split(order, [min(JUDGED, n // 4)])
    x, y = dataset.x_train[held], dataset.y_train[held]
    part = dataset.training(rest[:TRAINED])
    first: NDArray[np.float64] | None = None
    for candidate in range(candidates):
        network = train(part, candidate)
        if network.meta.get("ended") == "interrupt":
            return candidate, network
        tau = network.meta["options"]["tau"]
        tried = [likelihood(network.with_meta(temperature=times * tau), x, y) for times in SPREADS]
        found = max(tried, key=lambda each: float(each.mean()))
        if first is None:
            first = found
            continue
        gain = found - first
        if gain.sum() > gain.std() * len(gain) ** 0.5:
            return candidate, None
    return 0, None
