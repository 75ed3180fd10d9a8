"""Probabilities of answers, by a temperature: what software makes of the scores that hardware counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import UsageError
from lut2hw.model.parts import Head


def temperature_of(meta: dict[str, Any]) -> float | None:
    """The temperature in a model's meta: the one fitted on held-out examples, else that of training, if it says one.

    Parameters
    ----------
    meta : dict
        `LutNetwork.meta`.

    Returns
    -------
    float or None
    """
    options = meta.get("options")
    for value in (meta.get("temperature"), options.get("tau") if isinstance(options, dict) else None):
        if isinstance(value, int | float) and 0 < value < math.inf:
            return float(value)
    return None


def unmoved(scores: NDArray[np.int64], meta: dict[str, Any]) -> NDArray[np.int64]:
    """Scores without what moving the operating point has added to them: likely stays likely, whatever is answered.

    Parameters
    ----------
    scores : NDArray[np.int64]
        int64 (n, outputs).
    meta : dict
        `LutNetwork.meta`, of which "moved" says what was added to each bias.

    Returns
    -------
    NDArray[np.int64]
        int64 (n, outputs).
    """
    moved = meta.get("moved")
    if not isinstance(moved, list) or len(moved) != scores.shape[1]:
        return scores
    return scores - np.asarray(moved, np.int64)


def probabilities(head: Head, scores: NDArray[np.int64], temperature: float | None) -> NDArray[np.float64]:
    """Probabilities of classes or labels by scores.

    "argmax": softmax(scores / temperature). "threshold": the logistic function of (score + 1/2) / temperature, since
    the answer changes between -1 and 0. "labels": the same of each label. "bit": 0 and 1.

    Parameters
    ----------
    head : Head
        Of the network.
    scores : NDArray[np.int64]
        int64 (n, outputs).
    temperature : float or None
        In votes.

    Returns
    -------
    NDArray[np.float64]
        float64 (n, n_classes), rows of which sum to one; of labels (n, labels), each a probability of its own.

    Raises
    ------
    UsageError
        For a head of numbers, and for one of votes without a temperature.
    """
    if head.kind == "number":
        raise UsageError("the model answers numbers, which have no probabilities; predict gives the numbers")
    if head.kind == "bit":
        return np.eye(2)[scores[:, 0]]
    if temperature is None:
        raise UsageError(
            "the model has no temperature to make probabilities of scores; lut2hw tune --temperature does"
        )
    if head.kind == "argmax":
        least = (scores - scores.max(axis=1, keepdims=True)) / temperature
        shares: NDArray[np.float64] = np.exp(least)
        shares /= shares.sum(axis=1, keepdims=True)
        return shares
    odds = np.exp(-np.abs(scores + 0.5) / temperature)
    likely = np.where(scores >= 0, 1 / (1 + odds), odds / (1 + odds))
    return likely if head.kind == "labels" else np.concatenate([1 - likely, likely], axis=1)
