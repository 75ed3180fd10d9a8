"""What is normal, learned from normal examples alone: against made-up ones, of which columns are drawn at random.

A network that tells examples from those has learned where normal values lie and how columns depend on each other
(T. Hastie, R. Tibshirani and J. Friedman, "The Elements of Statistical Learning", 2nd ed., section 14.2.4; T. Shi and
S. Horvath, "Unsupervised Learning With Random Forest Predictors", JCGS 15(1), 2006). Its score says how little an
example looks like the normal ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.choices import Task
from lut2hw.data import Dataset
from lut2hw.kernels import memory
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.tasks import classes
from lut2hw.learn.tasks.base import LearningTask, Seen
from lut2hw.model.network import LutNetwork
from lut2hw.studies import metrics

ALARMS = 0.01  # share of normal examples that are called anomalies
HELD = 0.2  # share of the examples that place the threshold
NAMES = ("normal", "anomaly")


def contrast(x: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.integer]:
    """Examples (n, n_features) like `x` of which columns are drawn anew, each by itself.

    In half of the examples all are, in the others a share that is drawn, too, at least one. A value is drawn from the
    column's range or, as often, from its different values, so that rare ones and long tails occur.

    Parameters
    ----------
    x : NDArray[np.integer]
        Normal examples (n, n_features).
    rng : np.random.Generator
        Makes all draws.
    """
    x = np.asarray(x)
    n, n_features = x.shape
    if not x.size:
        return x
    values = np.stack([rng.choice(np.unique(column), n) for column in x.T], axis=1).astype(np.int64)
    even = rng.integers(x.min(axis=0), x.max(axis=0), size=x.shape, endpoint=True, dtype=np.int64)
    drawn = np.where(rng.random(x.shape) < 0.5, values, even)
    share = np.where(rng.random((n, 1)) < 0.5, 1.0, rng.random((n, 1)))
    anew = rng.random(x.shape) < share
    anew[np.arange(n), rng.integers(n_features, size=n)] = True
    return np.where(anew, drawn, x)


def seen(dataset: Dataset, options: DescentOptions) -> Seen:
    """Examples whose quantiles become thresholds: normal ones and as many made-up ones, so that tails have some."""
    x = np.asarray(dataset.x_train)
    return np.concatenate([x, contrast(x, np.random.default_rng(len(x))).astype(x.dtype)]), None


def train(dataset: Dataset, learn: Callable[[Dataset], LutNetwork], seed: int) -> LutNetwork:
    """Learn from normal examples.

    Parameters
    ----------
    dataset : Dataset
        Of an anomaly task.
    learn : Callable[[Dataset], LutNetwork]
        Makes a network of a data set of two classes.

    Returns
    -------
    LutNetwork
        Two classes; its threshold is where `ALARMS` of examples that were held out are called anomalies.
    """
    rng = np.random.default_rng((seed, 16))
    x = dataset.x_train
    memory.need(
        48 * x.size, f"{len(x):,} examples of --task {Task.ANOMALY}, which are copied", "use fewer examples"
    )  # six times in 64 bits
    order = rng.permutation(len(x))
    n_held = round(HELD * len(x))
    held, rest = x[order[:n_held]], x[order[n_held:]]
    both = np.concatenate([rest, contrast(rest, rng).astype(rest.dtype)])
    label = np.repeat(np.arange(2), len(rest))
    weight = None
    if dataset.weight_train is not None:
        weight = np.tile(dataset.weight_train[order[n_held:]], 2)
    made = replace(
        dataset,
        task=Task.CLASSIFICATION,
        class_names=NAMES,
        x_train=both,
        y_train=label,
        x_test=x[:0],
        y_test=label[:0],
        reals=None,
        weight_train=weight,
    )
    network = learn(made)
    return with_alarms(network, held if n_held else rest)


def with_alarms(network: LutNetwork, x: NDArray[np.integer], share: float = ALARMS) -> LutNetwork:
    """The network with its threshold where at most this share of normal examples (n, n_features) is above."""
    score = np.sort(network.scores_integers(x)[:, 0])
    above = score[len(score) - 1 - int(share * len(score))]  # so many are higher, at most
    return replace(network, head=replace(network.head, bias=network.head.bias - (int(above) + 1)))


def ahead(
    network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any], dataset: Dataset, options: DescentOptions
) -> NDArray[Any]:
    """Of each example, whether a contrast to it scores higher: 1, 1/2 for the same score, or 0, float64 (n,)."""
    made = contrast(x, np.random.default_rng(len(x))).astype(x.dtype)
    score, other = (network.scores_integers(each)[:, 0] for each in (x, made))
    return np.asarray((np.sign(other - score) + 1) / 2)


def measured(network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any]) -> dict[str, float | None]:
    """Metrics of two classes, anomalies being the positive ones."""
    scores = network.scores_integers(x)
    answer = network.head.answer(scores)
    found = metrics.of_two_classes(y, answer, scores[:, 0])
    return {"accuracy": round(metrics.accuracy(y, answer), 6), **found}


TASK = LearningTask(classes.loss, lambda dataset: 2, ahead, measured, "roc_auc", seen=seen)
