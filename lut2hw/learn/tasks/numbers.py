"""Numbers: squared, absolute or pinball loss of one or several targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.data import Dataset
from lut2hw.learn.descent.loss import Loss
from lut2hw.learn.descent.problem import Problem
from lut2hw.learn.descent.separable import SQUARED, Numbers, constant, costs
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.tasks.base import LearningTask
from lut2hw.model.network import LutNetwork
from lut2hw.studies import metrics

MARGIN = 6.0  # R2 on held-out parts of three training sets with 0, 3 and 6: diabetes .29, .19, .36


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
    """The loss that the options name."""
    return Numbers(problem, y, kind=options.loss or SQUARED, votes=votes, weight=weight)


def gain(
    network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any], dataset: Dataset, options: DescentOptions
) -> NDArray[Any]:
    """1 less the loss of each answer as a share of what the best constants lose, float64 (n,)."""
    kind = options.loss or SQUARED
    value = network.predict_integers(x).reshape(y.shape)
    all_y = np.asarray(dataset.y_train, np.float64)
    usual = costs(kind, constant(kind, all_y) - all_y).mean(axis=0)
    return np.asarray((1 - costs(kind, value - y) / np.where(usual > 0, usual, 1.0)).mean(axis=1))


def measured(network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any]) -> dict[str, float | None]:
    """R2, RMSE and MAE."""
    return metrics.of_numbers(y, network.predict_integers(x).reshape(y.shape))


TASK = LearningTask(
    loss, lambda dataset: len(dataset.target_names), gain, measured, "r2", has_tau=False, margin=MARGIN
)
