"""One of several classes: cross-entropy of a softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.data import Dataset
from lut2hw.learn.descent.loss import Loss
from lut2hw.learn.descent.problem import Problem
from lut2hw.learn.descent.softmax import Softmax
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.tasks.base import LEAST_SHARE, LearningTask, Seen
from lut2hw.learn.weights import class_weights, quantile_weights
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
    """Softmax over the classes."""
    return Softmax(problem, y, len(dataset.class_names), votes=votes, tau=tau, weight=weight)


def right(
    network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any], dataset: Dataset, options: DescentOptions
) -> NDArray[Any]:
    """Whether each answer is right, bool (n,); float64 (n,), times the weight of its class, if classes have some."""
    hit = np.asarray(network.predict_integers(x) == y)
    of_class = class_weights(dataset, options.class_weight)
    return hit if of_class is None else hit * (of_class / of_class[dataset.y_train].mean())[y]


def measured(network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any]) -> dict[str, float | None]:
    """Accuracy."""
    return {"accuracy": round(metrics.accuracy(y, network.predict_integers(x)), 6)}


def seen(dataset: Dataset, options: DescentOptions) -> Seen:
    """Training examples, of which those of smaller classes count more."""
    return dataset.x_train, quantile_weights(dataset, options.class_weight)


def likelihood(network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any]) -> NDArray[np.float64]:
    """Logarithm of the probability of each label, float64 (n,), a millionth at least."""
    shares = network.probabilities(network.scores_integers(x))
    return np.asarray(np.log(np.maximum(shares[np.arange(len(y)), y], LEAST_SHARE)))


def rarest(y: NDArray[Any]) -> int | None:
    """Examples of the smallest class that there is."""
    counts = np.bincount(y)
    return int(counts[counts > 0].min()) if len(y) else None


TASK = LearningTask(
    loss, lambda dataset: len(dataset.class_names), right, measured, "accuracy", likelihood, rarest=rarest, seen=seen
)
