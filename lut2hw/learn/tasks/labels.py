"""Several labels of 0 and 1 at once: a logistic loss each, hidden LUTs shared by all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.data import Dataset
from lut2hw.learn.descent.loss import Loss
from lut2hw.learn.descent.problem import Problem
from lut2hw.learn.descent.separable import Labels
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.tasks.base import LEAST_SHARE, LearningTask
from lut2hw.model.network import LutNetwork
from lut2hw.studies import metrics


def loss(
    problem: Problem,
    y: NDArray[Any],
    dataset: Dataset,
    *,
    votes: int,
    tau: float,
    weight: NDArray[np.int64] | None,
    options: DescentOptions,
) -> Loss:
    """Logistic loss of each label."""
    return Labels(problem, y, votes=votes, tau=tau, weight=weight)


def right(
    network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any], dataset: Dataset, options: DescentOptions
) -> NDArray[Any]:
    """Share of right labels of each example, float64 (n,)."""
    return np.asarray((network.predict_integers(x) == y).mean(axis=1))


def measured(network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any]) -> dict[str, float | None]:
    """Metrics of labels."""
    scores = network.scores_integers(x)
    return metrics.of_labels(y, network.head.answer(scores), scores)


def likelihood(network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any]) -> NDArray[np.float64]:
    """Mean logarithm of the probability of the labels of each example, float64 (n,)."""
    shares = network.probabilities(network.scores_integers(x))
    return np.asarray(np.log(np.maximum(np.where(y == 1, shares, 1 - shares), LEAST_SHARE)).mean(axis=1))


def rarest(y: NDArray[Any]) -> int | None:
    """Examples with, or without, the label that fewest have, or lack."""
    counts = y.sum(axis=0, dtype=np.int64)
    fewer = np.minimum(counts, len(y) - counts)
    return int(fewer[fewer > 0].min()) if fewer.any() else None


TASK = LearningTask(
    loss, lambda dataset: len(dataset.target_names), right, measured, "label_accuracy", likelihood, rarest=rarest
)
