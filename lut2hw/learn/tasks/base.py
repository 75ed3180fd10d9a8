"""What a task is to the learner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lut2hw.data import Dataset
from lut2hw.learn.descent.loss import Loss
from lut2hw.learn.descent.problem import Problem
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.model.network import LutNetwork


class MakeLoss(Protocol):
    """The loss of examples with these labels.

    y: labels of the problem's examples; weight: how often each counts, int64 (n,), or None; tau: temperature, for
    tasks that have one.
    """

    def __call__(
        self,
        problem: Problem,
        y: NDArray[Any],
        dataset: Dataset,
        *,
        votes: int,
        tau: float,
        weight: NDArray[np.int64] | None,
        options: DescentOptions,
    ) -> Loss: ...


@dataclass(frozen=True)
class LearningTask:
    """How descent learns the labels of a task."""

    loss: MakeLoss
    outputs: Callable[[Dataset], int]
    """Scores of a network."""
    gain: Callable[[LutNetwork, NDArray[np.integer], NDArray[Any], Dataset, DescentOptions], NDArray[Any]]
    """How good each answer is, (n,), of a network on features and labels of a data set: 1 if it is right."""
    metrics: Callable[[LutNetwork, NDArray[np.integer], NDArray[Any]], dict[str, float | None]]
    """Metrics by name."""
    measure: str
    """The metric of those that is shown first."""
    has_tau: bool = True
    """Whether the loss has a temperature."""
    margin: float = 0.0
    """Evidence that an entry of a table needs by default, in examples."""
    seen: Callable[[Dataset, DescentOptions], NDArray[np.integer]] = lambda dataset, _: dataset.x_train
    """Examples (n, n_features) whose quantiles become thresholds."""
