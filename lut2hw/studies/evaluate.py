"""How good a model's answers are on data with labels."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.cluster import cluster_of
from lut2hw.data.dataset import Dataset
from lut2hw.errors import UsageError, unknown_name
from lut2hw.model.network import LutNetwork
from lut2hw.model.probability import temperature_of
from lut2hw.studies import metrics


@dataclass(frozen=True)
class Metric:
    """A row of a table of metrics."""

    name: str
    """As people call it."""
    value: float | None
    """None where undefined."""
    words: str
    """What it says, in a phrase."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model's answers to a split, and what they are worth."""

    network: LutNetwork
    """The model."""
    split: str
    """Split of the data: "train", "test" or "all"."""
    x: NDArray[np.integer]
    """Integers (n, n_features), as `Dataset` holds them."""
    y: NDArray[Any]
    """Labels, as of `Dataset`: classes int64 (n,), numbers float64 (n, targets), labels uint8 (n, labels)."""
    answer: NDArray[Any]
    """Answers like y; of classes n_classes means "none"."""
    scores: NDArray[np.int64]
    """int64 (n, outputs): what hardware counts."""
    seconds: float
    """Time that encoding and answering took."""
    positive: int | None
    """Of two classes that which recall, false positive rate, F1 and average precision are of; None of more classes,
    where they are means of each class against all others.
    """
    metrics: dict[str, float | None]
    """As of `metrics.of_two_classes` or `metrics.of_several_classes`; with a head that rejects also rejected, the
    share of examples answered "none", and answered_accuracy, the share of right ones among the other answers. Of
    numbers and labels as of `metrics.of_numbers` and `metrics.of_labels`.
    """
    targets: dict[str, dict[str, float | None]]
    """Metrics of each number or label alone, by its name; empty of classes."""

    @property
    def accuracy(self) -> float:
        """Share of right answers, of labels those with every label right, to six digits; 0 without examples.

        No answer is no right one.
        """
        if not len(self.y):
            return 0.0
        if self.network.head.kind == "labels":
            return round(metrics.subset_accuracy(self.y, self.answer), 6)
        return round(metrics.accuracy(self.y, self.answer), 6)

    @property
    def majority_accuracy(self) -> float:
        """Accuracy of the answer that is right most often, whatever the example, to six digits."""
        _, counts = np.unique(self.y, axis=0, return_counts=True)
        return round(int(counts.max()) / len(self.y), 6) if len(self.y) else 0.0

    @property
    def heading(self) -> str:
        """What the metrics are of, in words."""
        if not self.network.head.classifies:
            names = self.network.target_names
            what = "number" if self.network.head.kind == "number" else "label"
            return f"{what} {names[0]}" if len(names) == 1 else f"means over {len(names)} {what}s"
        names = self.network.class_names
        if self.positive is None:
            return f"means over {len(names)} classes, each against all others"
        return f"class {names[self.positive]} against {names[1 - self.positive]}"

    def table(self) -> list[Metric]:
        """The metrics by name, each with what it says, for people."""
        found = self.metrics
        if self.network.head.kind == "number":
            return [
                Metric("R2", found["r2"], "share of the variance explained: 1 is exact, 0 what their mean does"),
                Metric("RMSE", found["rmse"], "root of the mean squared error"),
                Metric("MAE", found["mae"], "mean absolute error"),
            ]
        if self.network.head.kind == "labels":
            return [
                Metric("label accuracy", found["label_accuracy"], "share of single labels answered right"),
                Metric("ROC AUC", found["roc_auc"], "how often what has a label scores higher than what has not"),
                Metric("average precision", found["average_precision"], "mean precision over all thresholds"),
                Metric("false positive rate", found["false_positive_rate"], "share of those without it answered so"),
                Metric("recall", found["recall"], "share of those with a label answered so"),
                Metric("F1", found["f1"], "harmonic mean of precision and recall"),
            ]
        confusion = self.confusion
        if self.positive is None:
            name, others = "a class", "the others"
            wrong, right = "share of the others answered as the class", "share of the class answered so"
        else:
            one, other = self.positive, 1 - self.positive
            name, others = self.network.class_names[one], self.network.class_names[other]
            wrong, right = (
                f"{confusion[row, one]:,} of {confusion[row].sum():,} {self.network.class_names[row]} answered {name}"
                for row in (other, one)
            )
        rows = [
            Metric("balanced accuracy", found["balanced_accuracy"], "mean over classes of the share answered right"),
            Metric("ROC AUC", found["roc_auc"], f"how often {name} scores higher than {others}"),
            Metric("average precision", found["average_precision"], "mean precision over all thresholds"),
            Metric("false positive rate", found["false_positive_rate"], wrong),
            Metric("recall", found["recall"], right),
            Metric("F1", found["f1"], "harmonic mean of precision and recall"),
        ]
        if "rejected" in found:
            none = self.network.answer_names[-1]
            rows += [
                Metric("rejected", found["rejected"], f"answered {none}, since the margin is below the least one"),
                Metric("accuracy when answered", found["answered_accuracy"], "right among the other answers"),
            ]
        return rows

    @property
    def confusion(self) -> NDArray[np.int64]:
        """int64 (n_classes, answers): examples by label and answer."""
        rows, columns = self.network.n_classes, len(self.network.answer_names)
        return np.bincount(self.y * columns + self.answer, minlength=rows * columns).reshape(rows, columns)


def evaluate(
    network: LutNetwork,
    dataset: Dataset,
    split: str | None = None,
    *,
    positive: str | None = None,
    client: Any = None,
) -> Evaluation:
    """Answer a split and say how good the answers are.

    Parameters
    ----------
    network : LutNetwork
        The model.
    dataset : Dataset
        Data as the network reads it: `lut2hw.training.recall.recall` or `load_like`.
    split : str, optional
        "train", "test" or "all". None: test; all of data that the network was not trained on and that has no splits.
    positive : str, optional
        Of two classes, the name of the one that recall and false positive rate are of. None: that for which the
        operating point was tuned, else the second one.

    client : distributed.Client, optional
        A Dask cluster that answers, each worker some of the examples.

    Returns
    -------
    Evaluation

    Raises
    ------
    UsageError
        In one line.
    """
    split, x, y = examples_of(dataset, split)
    number = positive_class(network, positive)
    targets: dict[str, dict[str, float | None]] = {}
    network.predict_integers(x[:64])  # compile outside of the timing
    began = time.perf_counter()
    cluster = cluster_of(client)
    if cluster is None:
        scores = network.scores_integers(x)
    else:
        shared, rows = cluster.share(network), max(1, min(_AT_ONCE, -(-len(y) // cluster.count)))
        parts = cluster.map(_scores, [(shared, np.asarray(x[at : at + rows])) for at in range(0, len(y), rows)])
        scores = np.concatenate(parts or [_scores(network, x)])
    answer = network.head.answer(scores)
    seconds = time.perf_counter() - began
    if not network.head.classifies:
        answer = answer.reshape(y.shape)
        if network.head.kind == "number":
            found = metrics.of_numbers(y, answer)
            for t, name in enumerate(network.target_names):
                targets[name] = metrics.of_numbers(y[:, t], answer[:, t])
        else:
            found = metrics.of_labels(y, answer, scores)
            for t, name in enumerate(network.target_names):
                targets[name] = metrics.of_labels(y[:, t : t + 1], answer[:, t : t + 1], scores[:, t : t + 1])
                del targets[name]["label_accuracy"]  # which is its accuracy
    elif number is not None:
        found = metrics.of_two_classes(y, answer, two_class_score(network, scores), number)
    else:
        found = metrics.of_several_classes(y, answer, one_score_a_class(network, scores))
    if network.head.reject:
        answered = answer < network.n_classes
        found |= metrics.rounded(
            rejected=float((~answered).mean()) if len(y) else np.nan,
            answered_accuracy=metrics.accuracy(y[answered], answer[answered]),
        )
    return Evaluation(network, split, x, y, answer, scores, seconds, number, found, targets)


_AT_ONCE = 1 << 18  # examples that a worker is sent


def _scores(network: LutNetwork, x: NDArray[np.integer]) -> NDArray[np.int64]:
    return network.scores_packed(network.encoder(x), len(x))


def examples_of(dataset: Dataset, split: str | None) -> tuple[str, NDArray[np.integer], NDArray[np.int64]]:
    """The split that is meant, and its features and classes.

    Parameters
    ----------
    dataset : Dataset
        Data as a network reads it.
    split : str, optional
        "train", "test" or "all". None: test, or all of data without splits.

    Raises
    ------
    UsageError
        If data without splits has no such one.
    """
    if not len(dataset.y_train):
        if split not in (None, "all"):
            raise UsageError(
                f"{dataset.name} has no {split} split, and the model was not trained on it; leave "
                "--split out to use all of it"
            )
        split = "all"
    split = split or "test"
    return split, *dataset.split(split)


def positive_class(network: LutNetwork, name: str | None = None) -> int | None:
    """Number of the positive one of two classes; None of more classes.

    Parameters
    ----------
    network : LutNetwork
        The model.
    name : str, optional
        Of the class. None: that for which the operating point was tuned, else the second one.

    Raises
    ------
    UsageError
        For an unknown name, and a name where there are more classes.
    """
    names = network.class_names
    if not network.head.classifies:
        if name is not None:
            raise UsageError("--positive names one of two classes, and the model answers none; leave it out")
        return None
    if len(names) != 2:
        if name is not None:
            raise UsageError(
                f"--positive names one of two classes, and the model has {len(names)}, each of which counts against "
                "the others; leave it out"
            )
        return None
    if name is None:
        for step in network.meta.get("tuned", ()):
            name = step.get("positive", name)
        return names.index(name) if name in names else 1
    if name not in names:
        raise unknown_name("class", name, names)
    return names.index(name)


def two_class_score(network: LutNetwork, scores: NDArray[np.int64]) -> NDArray[np.int64]:
    """One score of two classes, int64 (n,): that of class 1 less that of class 0, or the only one."""
    return scores[:, 0] if scores.shape[1] == 1 else scores[:, 1] - scores[:, 0]


def one_score_a_class(network: LutNetwork, scores: NDArray[np.int64]) -> NDArray[np.float64]:
    """Scores float64 (n, n_classes) that rank examples by how much they look like each class.

    Probabilities if the model has a temperature, else by how much the class is ahead of the best other one.
    """
    if temperature_of(network.meta) is not None:
        return network.probabilities(scores)
    top = np.sort(scores, axis=1)[:, -2:]
    return (scores - np.where(scores == top[:, 1:], top[:, :1], top[:, 1:])).astype(np.float64)


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as JSON values."""
    network = evaluation.network
    speed = {
        "examples": len(evaluation.y),
        "examples_per_second": round(len(evaluation.y) / max(evaluation.seconds, 1e-9)),
    }
    if network.head.kind == "number":
        return {**evaluation.metrics, **speed, "targets": evaluation.targets}
    majority = {"majority_accuracy": evaluation.majority_accuracy}
    if network.head.kind == "labels":
        return {**evaluation.metrics, **majority, **speed, "labels": evaluation.targets}
    return {
        "accuracy": evaluation.accuracy,
        **majority,
        **({} if evaluation.positive is None else {"positive": network.class_names[evaluation.positive]}),
        **evaluation.metrics,
        **speed,
        "classes": list(network.class_names),
        **({"answers": list(network.answer_names)} if network.head.reject else {}),
        "confusion": evaluation.confusion.tolist(),
    }
