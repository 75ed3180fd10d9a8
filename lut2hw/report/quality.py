"""What a report shows of how good answers are, at the model's threshold and at all others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.model.network import LutNetwork
from lut2hw.model.probability import temperature_of
from lut2hw.report import curves
from lut2hw.studies import metrics
from lut2hw.studies.evaluate import one_score_a_class, positive_class, two_class_score

MOST_TARGETS = 4  # of which there are figures


@dataclass(frozen=True)
class Shown:
    """A figure on answers."""

    title: str
    """Of the figure."""
    text: str
    """What it shows, in sentences."""
    body: str
    """SVG."""


def figures_of(
    network: LutNetwork, y: NDArray[Any], answer: NDArray[Any], scores: NDArray[np.int64], name: str
) -> list[Shown]:
    """Figures on the answers to a split.

    Parameters
    ----------
    network : LutNetwork
        The model.
    y : NDArray
        Labels, as of `Dataset`.
    answer : NDArray
        Answers, as of `LutNetwork.predict`.
    scores : NDArray[np.int64]
        int64 (n, outputs).
    name : str
        Of the split, in words.

    Returns
    -------
    list of Shown
        None where they would show nothing, such as of one class only.
    """
    kind = network.head.kind
    if not len(y) or kind == "bit":
        return []
    if kind == "number":
        return _numbers(network, y.reshape(len(y), -1), answer.reshape(len(y), -1), name)
    if kind == "labels":
        named = list(zip(network.target_names, (y == 1).T, scores.T, strict=True))
        found = _curves(named, "Examples with each label against those without it", name)
        return [*found, *_reliability(network, y, scores, name)]
    number = positive_class(network)
    if number is None:
        ranks = one_score_a_class(network, scores)
        named = [(label, y == c, ranks[:, c]) for c, label in enumerate(network.class_names)]
        return [*_curves(named, "Each class against the others", name), *_reliability(network, y, scores, name)]
    score = two_class_score(network, scores)
    return [
        *_one_curve(network, number, y, answer, score, name),
        *_scores(network, y, score, name),
        *_reliability(network, y, scores, name),
    ]


def _one_curve(
    network: LutNetwork,
    number: int,
    y: NDArray[np.int64],
    answer: NDArray[np.int64],
    score: NDArray[np.int64],
    name: str,
) -> list[Shown]:
    """Curves of two classes, with the point at which the model is."""
    positive = y == number
    points = metrics.operating_points(positive, score if number else -score)
    if not points.positives or not points.negatives:
        return []
    area, precise = (
        each(positive, score if number else -score) for each in (metrics.roc_auc, metrics.average_precision)
    )
    said = answer == number
    true, false = int((said & positive).sum()), int((said & ~positive).sum())
    rate, recall = false / points.negatives, true / points.positives
    label = network.class_names[number]
    out = [
        Shown(
            "ROC",
            f"{label} found against others taken for it, of the {name} set, at every threshold; area {area:.4f}. The "
            f"dot is where the model is: recall {recall:.4f} at a false positive rate of {rate:.4g}.",
            curves.roc([(label, area, points)], (rate, recall), "roc"),
        )
    ]
    here = (recall, true / (true + false)) if true + false else None
    dot = f" The dot is where the model is: precision {here[1]:.4f}." if here else ""
    text = f"How many of the answers {label} are right, and how many of them are found; average {precise:.4f}.{dot}"
    return [
        *out,
        Shown("Precision and recall", text, curves.precision_recall([(label, precise, points)], here, "precision")),
    ]


def _curves(named: list[tuple[str, NDArray[np.bool_], NDArray[np.int64]]], what: str, name: str) -> list[Shown]:
    """Curves of each class or label against all others, the worst ones first."""
    out = []
    for title, measure, draw, words in (
        ("ROC", metrics.roc_auc, curves.roc, "recall against false positives at every threshold; mean area"),
        (
            "Precision and recall",
            metrics.average_precision,
            curves.precision_recall,
            "precision against recall at every threshold; mean",
        ),
    ):
        known = []
        for label, positive, score in named:
            area = measure(positive, score)
            if not math.isnan(area) and not positive.all():
                known.append((label, area, metrics.operating_points(positive, score)))
        if not known:
            return []
        known.sort(key=lambda curve: curve[1])
        mean = metrics.mean_of_known([area for _, area, _ in known])
        worst = f" The {curves.NAMED} worst have colours." if len(known) > curves.NAMED else ""
        text = f"{what}, of the {name} set: {words} {mean:.4f}.{worst}"
        out.append(Shown(title, text, draw(known, None, title.partition(" ")[0].lower())))
    return out


def _scores(network: LutNetwork, y: NDArray[np.int64], score: NDArray[np.int64], name: str) -> list[Shown]:
    (first, second), reject = network.class_names, network.head.reject
    # A threshold is between -1 and 0; of equal scores of two classes the first wins.
    lines = (-reject, reject) if network.head.kind == "threshold" else (min(1, 1 - reject), max(1, reject))
    text = f"Of the {name} set, by label; {second} is answered to the right of the line, {first} to the left"
    text = text.replace("line", "lines") + ", and none between." if reject else text + "."
    return [Shown("Scores", text, curves.scores(score, y == 1, lines, (first, second)))]


def _reliability(network: LutNetwork, y: NDArray[np.int64], scores: NDArray[np.int64], name: str) -> list[Shown]:
    temperature = temperature_of(network.meta)
    if temperature is None:
        return []
    probability = network.probabilities(scores)
    if network.head.kind == "labels":
        found = metrics.reliability(y.ravel() == 1, probability.ravel())
        what = "the probability of a label, whichever it is,"
    elif network.n_classes == 2:
        found = metrics.reliability(y == 1, probability[:, 1])
        what = f"the probability of {network.class_names[1]}"
    else:
        found = metrics.reliability(probability.argmax(axis=1) == y, probability.max(axis=1))
        what = "the probability of the likeliest class"
    made = "fitted" if "temperature" in network.meta else "of training; lut2hw tune --temperature fits one"
    text = (
        f"Whether {what} comes true in the {name} set as often as it says, which is on the line; the mean distance "
        f"is {found.error:.4f}. The larger the dot, the more examples. Temperature {temperature:.4g}, {made}."
    )
    return [Shown("Reliability", text, curves.reliability(found))]


def _numbers(network: LutNetwork, y: NDArray[np.float64], value: NDArray[np.float64], name: str) -> list[Shown]:
    out = []
    for number, target in enumerate(network.target_names[:MOST_TARGETS]):
        true, said = y[:, number], value[:, number]
        of = f" of {target}" if len(network.target_names) > 1 else ""
        error = said - true
        out += [
            Shown(
                f"Answered against true{of}",
                f"{target} of the {name} set; on the line every answer is exact. R2 {metrics.r2(true, said):.4f}.",
                curves.predicted(true, said, f"predicted{number}"),
            ),
            Shown(
                f"Errors{of}",
                f"Answered less true {target}: mean {error.mean():.4g}, RMSE {metrics.rmse(true, said):.4g}, half of "
                f"them below {np.median(np.abs(error)):.4g}. The farthest 1% are in the outer bars.",
                curves.errors(true, said, f"errors{number}"),
            ),
        ]
    return out
