"""The temperature that makes probabilities of scores, fitted on examples that were not trained on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from lut2hw.errors import UsageError
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head
from lut2hw.model.probability import probabilities

DIGITS = 4  # significant ones: sums of real numbers are not the same everywhere to the last one
LEAST, MOST = 1e-2, 1e2  # of the scores' own spread


def fit_temperature(network: LutNetwork, x: NDArray[np.integer], y: NDArray[np.integer]) -> float:
    """The temperature with which the classes or labels of these examples are the most probable.

    C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2; with targets a little short of
    certainty, as if one more example of every class had been seen (J. Platt, "Probabilistic Outputs for Support
    Vector Machines", 1999), so that examples which are all answered right leave a finite one.

    Parameters
    ----------
    network : LutNetwork
        A network of votes.
    x : NDArray[np.integer]
        Integers (n, n_features), as `Dataset` holds them, which the network was not trained on.
    y : NDArray[np.integer]
        Class numbers (n,), or labels 0 and 1 (n, labels).

    Returns
    -------
    float
        In votes, to four significant digits.

    Raises
    ------
    UsageError
        If there are no examples, or the answers have no scores.
    """
    head = network.head
    if head.kind in ("bit", "number"):
        what = "is one bit, without a score" if head.kind == "bit" else "is a number"
        raise UsageError(f"a temperature makes probabilities of scores, but the model's answer {what}; leave it out")
    if not len(y):
        raise UsageError("there are no examples to fit a temperature on; give other data or another split")
    scores = network.unmoved_scores(network.scores_integers(x))
    if head.kind == "labels":
        y, scores = np.asarray(y).ravel(), scores.reshape(-1, 1)
        head = Head.threshold([], 0)
    n_classes = network.n_classes or 2
    # Equal scores are one sum: fewer exponentials, and the same sums however the examples are arranged.
    distinct, at = np.unique(scores, axis=0, return_inverse=True)
    counts = np.bincount(at.ravel() * n_classes + np.asarray(y), minlength=len(distinct) * n_classes)
    weight = counts.reshape(len(distinct), n_classes).astype(np.float64)
    weight += weight.sum(axis=1, keepdims=True) / (len(y) + n_classes)

    def loss(log: float) -> float:
        shares = probabilities(head, distinct, float(np.exp(log)))
        return float(-(weight * np.log(np.maximum(shares, 1e-300))).sum())

    middle = distinct.mean(axis=1, keepdims=True) if distinct.shape[1] > 1 else 0
    spread = max(float(np.abs(distinct - middle).max()), 1.0)
    found = minimize_scalar(loss, bounds=(np.log(LEAST * spread), np.log(MOST * spread)), method="bounded")
    return float(f"{np.exp(found.x):.{DIGITS}g}")
