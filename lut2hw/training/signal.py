"""Whether answers to held-out examples are better than chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw.model.network import LutNetwork

ENOUGH = 20  # held-out examples: of fewer nothing is said
LEVEL = 0.05  # how often answers by chance count as better


def beats_chance(scores: NDArray[np.integer], answer: ArrayLike, y: ArrayLike, usual: int) -> bool:
    """Whether answers are right more often than the most frequent class, or scores rank a class's examples higher.

    A class that is rare is never the answer and may be ranked well all the same, so both are asked. Chance passes one
    of all tests with a probability of `LEVEL` at most (Bonferroni).

    Parameters
    ----------
    scores : NDArray[np.integer]
        (n, n_classes), or (n, 1) of class 1.
    answer : ArrayLike
        Class numbers (n,).
    y : ArrayLike
        The right ones, (n,).
    usual : int
        The most frequent class of the training examples.

    Returns
    -------
    bool
        By a sign test of the examples that one of model and most frequent class has right (Q. McNemar,
        Psychometrika 12, 1947), or by a rank test of a class against the others (H. Mann and D. Whitney, Annals of
        Mathematical Statistics 18, 1947).
    """
    from scipy import stats  # takes a while to load

    y, answer = np.asarray(y), np.asarray(answer)
    classes = [1] if scores.shape[1] == 1 else range(scores.shape[1])
    level = LEVEL / (1 + len(classes))
    won, lost = int(((answer == y) & (y != usual)).sum()), int(((answer != y) & (y == usual)).sum())
    if won > lost and stats.binomtest(won, won + lost, alternative="greater").pvalue < level:
        return True
    # What all scores have in common, as of votes that all classes have, ranks nothing.
    own = scores - scores.mean(axis=1, keepdims=True) if scores.shape[1] > 1 else scores
    for column, number in enumerate(classes):
        inside = y == number
        if inside.all() or not inside.any():
            continue
        ranked = stats.mannwhitneyu(
            own[inside, column], own[~inside, column], alternative="greater", method="asymptotic"
        )
        if ranked.pvalue < level:
            return True
    return False


def has_signal(network: LutNetwork, x: NDArray[np.integer], y: NDArray[np.integer], usual: int) -> bool | None:
    """Whether a network's answers to examples that it was not trained on are better than chance.

    Parameters
    ----------
    network : LutNetwork
        Of classes.
    x : NDArray[np.integer]
        Integers (n, n_features), as `Dataset` holds them.
    y : NDArray[np.integer]
        Class numbers (n,).
    usual : int
        The most frequent class of the training examples.

    Returns
    -------
    bool or None
        None of fewer than `ENOUGH` examples, which tell nothing.
    """
    if len(y) < ENOUGH:
        return None
    answer = network.predict_integers(x)
    if network.head.kind == "bit":
        scores = np.asarray(answer, np.int64)[:, None]
    else:
        scores = network.scores_packed(network.encoder(x), len(x))
    return beats_chance(scores, answer, y, usual)
