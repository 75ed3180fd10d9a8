"""How good answers are: metrics of classes, numbers and several labels, and of every threshold of a score.

Pure functions of arrays that count in integers, so that equal scores are handled exactly. Where a metric is undefined
(no examples, one class only) it is NaN. The values are those of `sklearn.metrics`, which takes seconds to load.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 15  # of probabilities, for the calibration error: as in C. Guo et al., below
DIGITS = 6


# --- classes ----------------------------------------------------------------------------------------------------


def accuracy(y: ArrayLike, answer: ArrayLike) -> float:
    """Share of right answers.

    Parameters
    ----------
    y : ArrayLike
        Classes int64 (n,).
    answer : ArrayLike
        Answers int64 (n,).

    Returns
    -------
    float
    """
    right = np.asarray(y) == np.asarray(answer)
    return float(right.mean()) if len(right) else math.nan


@dataclass(frozen=True, eq=False)
class OneVersusRest:
    """Counts of each class against all others."""

    true_positives: NDArray[np.int64]
    """int64 (n_classes,): examples of the class that are answered so."""
    false_positives: NDArray[np.int64]
    """int64 (n_classes,): examples of other classes that are answered so."""
    positives: NDArray[np.int64]
    """int64 (n_classes,): examples of the class."""
    examples: int
    """All of them."""

    @property
    def recall(self) -> NDArray[np.float64]:
        """Float64 (n_classes,): share of the class that is answered so; NaN without examples of it."""
        return _share(self.true_positives, self.positives)

    @property
    def false_positive_rate(self) -> NDArray[np.float64]:
        """Float64 (n_classes,): share of the others that are answered so; NaN without any others."""
        return _share(self.false_positives, self.examples - self.positives)

    @property
    def f1(self) -> NDArray[np.float64]:
        """Float64 (n_classes,): harmonic mean of precision and recall.

        0 where the class is never answered, NaN where it is neither answered nor has examples.
        """
        return _share(2 * self.true_positives, self.true_positives + self.false_positives + self.positives)


def one_versus_rest(y: ArrayLike, answer: ArrayLike, n_classes: int) -> OneVersusRest:
    """Count each class against all others.

    Parameters
    ----------
    y : ArrayLike
        Classes int64 (n,).
    answer : ArrayLike
        Answers int64 (n,); n_classes and above are no class ("none of these").
    n_classes : int
        Number of classes.

    Returns
    -------
    OneVersusRest
    """
    y, answer = np.asarray(y, np.int64), np.asarray(answer, np.int64)
    positives = np.bincount(y, minlength=n_classes)[:n_classes]
    right = np.bincount(y[y == answer], minlength=n_classes)[:n_classes]
    answered = np.bincount(answer, minlength=n_classes)[:n_classes]
    return OneVersusRest(right, answered - right, positives, len(y))


def of_each_label(y: ArrayLike, answer: ArrayLike) -> OneVersusRest:
    """Count each label against the examples without it.

    Parameters
    ----------
    y : ArrayLike
        0 and 1 (n, labels).
    answer : ArrayLike
        Answers of the same shape.

    Returns
    -------
    OneVersusRest
        A label in the place of a class.
    """
    y, answer = np.asarray(y, bool), np.asarray(answer, bool)
    true, false, positives = (each.sum(axis=0, dtype=np.int64) for each in (y & answer, ~y & answer, y))
    return OneVersusRest(true, false, positives, len(y))


def balanced_accuracy(y: ArrayLike, answer: ArrayLike, n_classes: int) -> float:
    """Mean over the classes that have examples of the share that is answered right.

    Parameters
    ----------
    y : ArrayLike
        Classes int64 (n,).
    answer : ArrayLike
        Answers int64 (n,).
    n_classes : int
        Number of classes.

    Returns
    -------
    float
    """
    return mean_of_known(one_versus_rest(y, answer, n_classes).recall)


def f1(y: ArrayLike, answer: ArrayLike, n_classes: int, positive: int | None = None) -> float:
    """Harmonic mean of precision and recall, of one class or as mean over all (macro).

    Parameters
    ----------
    y : ArrayLike
        Classes int64 (n,).
    answer : ArrayLike
        Answers int64 (n,).
    n_classes : int
        Number of classes.
    positive : int, optional
        The class; None: the mean over the classes that have examples or are answered.

    Returns
    -------
    float
    """
    each = one_versus_rest(y, answer, n_classes).f1
    return mean_of_known(each) if positive is None else float(each[positive])


# --- a score and all its thresholds ----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class OperatingPoints:
    """What each threshold of a score does: an example counts as positive if its score is at least the threshold.

    One point for each value that the score has, the highest first, after a point at which nothing is positive.
    """

    threshold: NDArray[Any]
    """(points,): falling; the first is the next one above all scores, or infinity if the scores are no integers."""
    true_positives: NDArray[np.int64]
    """int64 (points,)"""
    false_positives: NDArray[np.int64]
    """int64 (points,)"""

    @property
    def positives(self) -> int:
        """Examples that are positive."""
        return int(self.true_positives[-1])

    @property
    def negatives(self) -> int:
        """Examples that are not."""
        return int(self.false_positives[-1])

    @property
    def recall(self) -> NDArray[np.float64]:
        """Float64 (points,): share of the positives at or above the threshold; NaN without positives."""
        return _share(self.true_positives, np.full_like(self.true_positives, self.positives))

    @property
    def false_positive_rate(self) -> NDArray[np.float64]:
        """Float64 (points,): share of the negatives at or above the threshold; NaN without negatives."""
        return _share(self.false_positives, np.full_like(self.false_positives, self.negatives))

    @property
    def precision(self) -> NDArray[np.float64]:
        """Float64 (points,): share of positives at or above the threshold; 1 where nothing is."""
        found = self.true_positives + self.false_positives
        return np.where(found > 0, self.true_positives / np.maximum(found, 1), 1.0)

    @property
    def roc_auc(self) -> float:
        """As the function `roc_auc` says."""
        pairs = self.positives * self.negatives
        if not pairs:
            return math.nan
        true, false = self.true_positives, self.false_positives
        return int(((true[1:] + true[:-1]) * np.diff(false)).sum()) / (2 * pairs)

    @property
    def average_precision(self) -> float:
        """As the function `average_precision` says."""
        if not self.positives:
            return math.nan
        return float((self.precision[1:] * np.diff(self.true_positives)).sum() / self.positives)

    def at_most(self, false_positive_rate: float) -> int:
        """Index of the lowest threshold, and so the highest recall, with a false positive rate of at most this.

        Parameters
        ----------
        false_positive_rate : float
            From 0 to 1.

        Returns
        -------
        int
        """
        fits = np.flatnonzero(self.false_positives / max(self.negatives, 1) <= false_positive_rate)
        return int(fits[-1])

    def at_least(self, recall: float) -> int:
        """Index of the point with the lowest false positive rate whose recall is at least this.

        Parameters
        ----------
        recall : float
            From 0 to 1.

        Returns
        -------
        int
        """
        return int(np.argmax(self.true_positives / max(self.positives, 1) >= min(recall, self.positives)))


def operating_points(positive: ArrayLike, score: ArrayLike) -> OperatingPoints:
    """Count true and false positives at every threshold of a score.

    Examples of equal score are on the same side of every threshold, so they make one point.

    Parameters
    ----------
    positive : ArrayLike
        Bool (n,).
    score : ArrayLike
        Integers or real numbers (n,), higher for what looks positive.

    Returns
    -------
    OperatingPoints
    """
    positive, score = np.asarray(positive, bool), np.asarray(score)
    if score.dtype.kind in "biu":
        score = score.astype(np.int64)
    order = np.argsort(-score, kind="stable")
    score, positive = score[order], positive[order]
    last = np.flatnonzero(np.append(score[1:] != score[:-1], True)) if len(score) else np.empty(0, np.int64)
    true = np.cumsum(positive, dtype=np.int64)[last]
    whole = score.dtype.kind == "i"
    above = score[:1] + 1 if len(score) and whole else np.array([0 if whole else np.inf], score.dtype)
    return OperatingPoints(
        np.concatenate([above, score[last]]), np.append(0, true), np.append(0, last + 1 - true).astype(np.int64)
    )


def roc_auc(positive: ArrayLike, score: ArrayLike) -> float:
    """Area under the receiver operating characteristic.

    The probability that a positive has a higher score than a negative, ties counting half (J. A. Hanley and
    B. J. McNeil, Radiology 143(1), 1982).

    Parameters
    ----------
    positive : ArrayLike
        Bool (n,).
    score : ArrayLike
        (n,), higher for what looks positive.

    Returns
    -------
    float
        NaN unless there are both positives and negatives.
    """
    return operating_points(positive, score).roc_auc


def average_precision(positive: ArrayLike, score: ArrayLike) -> float:
    """Area under the steps of precision over recall: sum of precision times what recall gains at each threshold.

    Parameters
    ----------
    positive : ArrayLike
        Bool (n,).
    score : ArrayLike
        (n,), higher for what looks positive.

    Returns
    -------
    float
        NaN without positives.
    """
    return operating_points(positive, score).average_precision


# --- probabilities ---------------------------------------------------------------------------------------------


def log_loss(y: ArrayLike, probability: ArrayLike) -> float:
    """Mean negative logarithm, in nats, of the probability of the right class.

    Parameters
    ----------
    y : ArrayLike
        Classes int64 (n,).
    probability : ArrayLike
        Float64 (n, n_classes).

    Returns
    -------
    float
    """
    y, probability = np.asarray(y, np.int64), np.asarray(probability, np.float64)
    if not len(y):
        return math.nan
    right = probability[np.arange(len(y)), y]
    return float(-np.log(np.maximum(right, np.finfo(np.float64).tiny)).mean())


@dataclass(frozen=True, eq=False)
class Reliability:
    """Examples in bins of equal width by a probability, empty bins left out."""

    said: NDArray[np.float64]
    """float64 (bins,): mean probability."""
    true: NDArray[np.float64]
    """float64 (bins,): share of examples for which it came true."""
    examples: NDArray[np.int64]
    """int64 (bins,)"""

    @property
    def error(self) -> float:
        """Mean distance between what was said and what came true, over examples; NaN without any."""
        if not len(self.examples):
            return math.nan
        return float((np.abs(self.said - self.true) * self.examples).sum() / self.examples.sum())


def reliability(came_true: ArrayLike, probability: ArrayLike, bins: int = BINS) -> Reliability:
    """Put examples into bins by a probability.

    Parameters
    ----------
    came_true : ArrayLike
        Bool (n,).
    probability : ArrayLike
        Float64 (n,), from 0 to 1.
    bins : int, default=15
        Bins of equal width.

    Returns
    -------
    Reliability
    """
    came_true, probability = np.asarray(came_true, bool), np.asarray(probability, np.float64)
    at = np.clip(np.ceil(probability * bins).astype(np.int64) - 1, 0, bins - 1)
    examples = np.bincount(at, minlength=bins)
    some = examples > 0
    said = np.bincount(at, weights=probability, minlength=bins)[some] / examples[some]
    true = np.bincount(at, weights=came_true, minlength=bins)[some] / examples[some]
    return Reliability(said, true, examples[some])


def expected_calibration_error(y: ArrayLike, probability: ArrayLike, bins: int = BINS) -> float:
    """Mean distance between the probability of the likeliest class and how often it is right.

    C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.

    Parameters
    ----------
    y : ArrayLike
        Classes int64 (n,).
    probability : ArrayLike
        Float64 (n, n_classes).
    bins : int, default=15
        Bins of equal width.

    Returns
    -------
    float
    """
    probability = np.asarray(probability, np.float64)
    if not len(probability):
        return math.nan
    return reliability(probability.argmax(axis=1) == np.asarray(y), probability.max(axis=1), bins).error


# --- numbers ---------------------------------------------------------------------------------------------------


def r2(y: ArrayLike, value: ArrayLike) -> float:
    """Coefficient of determination: 1 less the squared error over that of the mean; the mean over targets.

    Parameters
    ----------
    y : ArrayLike
        Real numbers (n,) or (n, targets).
    value : ArrayLike
        Answers of the same shape.

    Returns
    -------
    float
        NaN with fewer than two examples. A target that is constant counts 1 if it is met exactly, else 0.
    """
    y, value = _columns(y), _columns(value)
    if len(y) < 2:
        return math.nan
    error, spread = ((y - value) ** 2).sum(axis=0), ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    each = np.where(spread > 0, 1 - error / np.where(spread > 0, spread, 1), np.where(error > 0, 0.0, 1.0))
    return float(each.mean())


def rmse(y: ArrayLike, value: ArrayLike) -> float:
    """Root of the mean squared error; the mean over targets.

    Parameters
    ----------
    y : ArrayLike
        Real numbers (n,) or (n, targets).
    value : ArrayLike
        Answers of the same shape.

    Returns
    -------
    float
    """
    y, value = _columns(y), _columns(value)
    return float(np.sqrt(((y - value) ** 2).mean(axis=0)).mean()) if len(y) else math.nan


def mae(y: ArrayLike, value: ArrayLike) -> float:
    """Mean absolute error; the mean over targets.

    Parameters
    ----------
    y : ArrayLike
        Real numbers (n,) or (n, targets).
    value : ArrayLike
        Answers of the same shape.

    Returns
    -------
    float
    """
    y, value = _columns(y), _columns(value)
    return float(np.abs(y - value).mean()) if len(y) else math.nan


# --- several labels --------------------------------------------------------------------------------------------


def subset_accuracy(y: ArrayLike, answer: ArrayLike) -> float:
    """Share of examples of which every label is right.

    Parameters
    ----------
    y : ArrayLike
        0 and 1 (n, labels).
    answer : ArrayLike
        Answers of the same shape.

    Returns
    -------
    float
    """
    y, answer = np.asarray(y), np.asarray(answer)
    return float((y == answer).all(axis=1).mean()) if len(y) else math.nan


def macro_f1(y: ArrayLike, answer: ArrayLike) -> float:
    """Mean over labels of the harmonic mean of precision and recall.

    Parameters
    ----------
    y : ArrayLike
        0 and 1 (n, labels).
    answer : ArrayLike
        Answers of the same shape.

    Returns
    -------
    float
        Labels that neither occur nor are answered do not count; NaN if there are no others.
    """
    return mean_of_known(of_each_label(y, answer).f1)


# --- summaries -------------------------------------------------------------------------------------------------


def of_two_classes(y: ArrayLike, answer: ArrayLike, score: ArrayLike, positive: int = 1) -> dict[str, float | None]:
    """Metrics of two classes, one of which is the positive one.

    Parameters
    ----------
    y : ArrayLike
        Classes int64 (n,), 0 and 1.
    answer : ArrayLike
        Answers int64 (n,); 2 is no class ("none of these").
    score : ArrayLike
        (n,), higher for what looks like class 1.
    positive : int, default=1
        The class that recall, false positive rate, F1 and average precision are of.

    Returns
    -------
    dict
        balanced_accuracy, roc_auc, average_precision, false_positive_rate, recall and f1, to six digits; None where
        undefined.
    """
    score = np.asarray(score)
    counts = one_versus_rest(y, answer, 2)
    points = operating_points(np.asarray(y) == positive, score if positive == 1 else -score)
    return rounded(
        balanced_accuracy=mean_of_known(counts.recall),
        roc_auc=points.roc_auc,
        average_precision=points.average_precision,
        false_positive_rate=counts.false_positive_rate[positive],
        recall=counts.recall[positive],
        f1=counts.f1[positive],
    )


def of_several_classes(y: ArrayLike, answer: ArrayLike, score: ArrayLike) -> dict[str, float | None]:
    """Metrics of several classes: each against all others, and the mean of those that are defined (macro average).

    Parameters
    ----------
    y : ArrayLike
        Classes int64 (n,).
    answer : ArrayLike
        Answers int64 (n,); n_classes is no class ("none of these").
    score : ArrayLike
        (n, n_classes), higher for what looks like the class; comparable between examples, such as probabilities.

    Returns
    -------
    dict
        As of `of_two_classes`.
    """
    y, score = np.asarray(y), np.asarray(score)
    counts = one_versus_rest(y, answer, score.shape[1])
    positive = y[:, None] == np.arange(score.shape[1])
    return rounded(balanced_accuracy=mean_of_known(counts.recall), **_means(counts, positive, score))


def _means(counts: OneVersusRest, positive: NDArray[np.bool_], score: NDArray[Any]) -> dict[str, float]:
    """Means over classes or labels, by their scores (n, outputs) and where examples have them, of the same shape."""
    points = [operating_points(*each) for each in zip(positive.T, score.T, strict=True)]
    return {
        "roc_auc": mean_of_known([each.roc_auc for each in points]),
        "average_precision": mean_of_known([each.average_precision for each in points]),
        "false_positive_rate": mean_of_known(counts.false_positive_rate),
        "recall": mean_of_known(counts.recall),
        "f1": mean_of_known(counts.f1),
    }


def of_numbers(y: ArrayLike, value: ArrayLike) -> dict[str, float | None]:
    """Metrics of numbers.

    Parameters
    ----------
    y : ArrayLike
        Real numbers (n,) or (n, targets).
    value : ArrayLike
        Answers of the same shape.

    Returns
    -------
    dict
        r2, rmse and mae, the mean over targets, to six digits; None where undefined.
    """
    return rounded(r2=r2(y, value), rmse=rmse(y, value), mae=mae(y, value))


def of_labels(y: ArrayLike, answer: ArrayLike, score: ArrayLike) -> dict[str, float | None]:
    """Metrics of several labels at once.

    Parameters
    ----------
    y : ArrayLike
        0 and 1 (n, labels).
    answer : ArrayLike
        Answers of the same shape.
    score : ArrayLike
        (n, labels), higher for what looks as if it had the label.

    Returns
    -------
    dict
        accuracy (every label right), label_accuracy (mean over labels), f1, roc_auc, average_precision,
        false_positive_rate and recall, each the mean over labels, to six digits; None where undefined.
    """
    y, answer, score = np.asarray(y, bool), np.asarray(answer, bool), np.asarray(score)
    return rounded(
        accuracy=subset_accuracy(y, answer),
        label_accuracy=float((y == answer).mean()) if len(y) else math.nan,
        **_means(of_each_label(y, answer), y, score),
    )


def mean_of_known(values: ArrayLike) -> float:
    """Mean of those values that are no NaN.

    Parameters
    ----------
    values : ArrayLike
        Real numbers (n,).

    Returns
    -------
    float
        NaN if there are none.
    """
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else math.nan


def rounded(**values: float) -> dict[str, float | None]:
    """Values to six significant digits, None for NaN, as JSON has them.

    Parameters
    ----------
    **values : float
        By name.

    Returns
    -------
    dict
    """
    return {name: None if math.isnan(value) else float(f"{value:.{DIGITS}g}") for name, value in values.items()}


# --- shares of few examples ------------------------------------------------------------------------------------


def wilson(right: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % confidence interval of a share (E. B. Wilson, "Probable inference", JASA 22(158), 1927).

    Parameters
    ----------
    right : int
        Examples that count.
    n : int
        All examples.
    z : float, default=1.959964
        Quantile of the normal distribution: 97.5 %.

    Returns
    -------
    tuple of float
        Lower and upper end; 0 and 1 without examples.
    """
    if not n:
        return 0.0, 1.0
    p = right / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _share(some: ArrayLike, of: ArrayLike) -> NDArray[np.float64]:
    """Quotients, NaN where there is nothing to divide by."""
    whole = np.asarray(of, np.float64)
    share = np.full(whole.shape, math.nan)
    np.divide(np.asarray(some, np.float64), whole, out=share, where=whole > 0)
    return share


def _columns(values: ArrayLike) -> NDArray[np.float64]:
    columns = np.asarray(values, np.float64)
    return columns[:, None] if columns.ndim == 1 else columns
