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

LEAST_SHARE = 1e-6
"""Probabilities count as no smaller: one wrong answer that was sure is to hide no others."""


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


Seen = tuple[NDArray[np.integer], NDArray[np.int64] | None]
"""Examples (n, n_features), and how often each counts, int64 (n,), or None."""


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
    likelihood: Callable[[LutNetwork, NDArray[np.integer], NDArray[Any]], NDArray[np.float64]] | None = None
    """Logarithm of the probability of each right answer, float64 (n,), by the network's temperature, no smaller than
    that of `LEAST_SHARE`; None without one."""
    has_tau: bool = True
    """Whether the loss has a temperature."""
    margin: float = 0.0
    """Evidence that an entry of a table needs by default, in examples."""
    rarest: Callable[[NDArray[Any]], int | None] = lambda _: None
    """Of these labels, examples of the smallest class, or None if there is no such thing."""
    seen: Callable[[Dataset, DescentOptions], Seen] = lambda dataset, _: (dataset.x_train, None)
    """Whose quantiles become thresholds."""
