"""The operating point of a trained model: its threshold, a margin to reject below, its temperature."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.data.dataset import Dataset
from lut2hw.errors import UsageError
from lut2hw.model.check import MAX_BIAS
from lut2hw.model.network import LutNetwork
from lut2hw.studies import metrics
from lut2hw.studies.evaluate import examples_of, positive_class, two_class_score
from lut2hw.training.temperature import fit_temperature

THRESHOLDS = ("max_fpr", "min_recall", "rate")


@dataclass(frozen=True, eq=False)
class Tuned:
    """A model at its new operating point, and what it does on the data that it was tuned on."""

    network: LutNetwork
    """The model; its `meta["tuned"]` says what was asked."""
    split: str
    """Split that was tuned on."""
    examples: int
    """Of that split."""
    positive: str | None
    """The class that the rates are of; None of more than two, where they are means of each against all others, and of
    labels, where they are means over them.
    """
    threshold: int | list[int] | None
    """The second class is answered where the score of the model as it was given is at least this (of a head with two
    scores their difference); of several labels one of each. With `reject` the least margin of an answer; None if only
    the temperature changed.
    """
    false_positive_rate: float | None
    """Share of the others answered as the positive class."""
    recall: float | None
    """Share of the positive class answered so."""
    false_positives: int
    """Examples counted in `false_positive_rate`."""
    negatives: int
    """Examples of the others."""
    true_positives: int
    """Examples counted in `recall`."""
    positives: int
    """Examples of the positive class."""
    rejected: float | None
    """Share of examples that are answered "none", if the head rejects."""
    answered_accuracy: float | None
    """Share of right answers among the others, if the head rejects."""
    temperature: float | None
    """The temperature fitted, in votes, if it was asked for."""
    calibration_error: tuple[float, float] | None
    """Expected calibration error before and after, on the data tuned on, if a temperature was asked for."""
    notes: tuple[str, ...]
    """What to know of the operating point, in sentences for people."""

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the false positive rate, by the number of examples alone."""
        return metrics.wilson(self.false_positives, self.negatives)

    @property
    def recall_interval(self) -> tuple[float, float]:
        """95 % confidence interval of the recall."""
        return metrics.wilson(self.true_positives, self.positives)


def tune(
    network: LutNetwork,
    dataset: Dataset,
    *,
    split: str | None = None,
    max_fpr: float | None = None,
    min_recall: float | None = None,
    rate: float | str | None = None,
    reject: int | None = None,
    temperature: bool = False,
    positive: str | None = None,
) -> Tuned:
    """Move the operating point of a trained model; nothing is trained again.

    Parameters
    ----------
    network : LutNetwork
        The model. Its threshold moves by its bias, so that hardware stays what it is but for a constant.
    dataset : Dataset
        Data with labels, as the network reads it: `lut2hw.training.recall.recall` or `load_like`. What holds on them
        holds on others as far as they are alike, and not at all on those the network was trained on.
    split : str, optional
        "train", "test" or "all" of the data. None: test; all of data that the network was not trained on and that has
        no splits.
    max_fpr : float, optional
        The lowest threshold is taken at which at most this share of the negatives is answered positive.
    min_recall : float, optional
        The highest threshold is taken at which at least this share of the positives is answered so.
    rate : float or str, optional
        Events accepted per event, as a share or as in "1000/40e6": a `max_fpr` in the words of a trigger, where
        nearly all events are background.
    reject : int, optional
        Margin in votes below which the answer is "none"; 0: never. Of any number of classes.
    temperature : bool, default=False
        Fit the temperature of `LutNetwork.predict_proba`.
    positive : str, optional
        Name of the positive one of two classes. None: the second one, or that of an earlier tuning.

    Returns
    -------
    Tuned

    Raises
    ------
    UsageError
        In one line that says what to do, if the model cannot be tuned so.
    """
    shares = {"max_fpr": max_fpr, "min_recall": min_recall, "rate": None if rate is None else share_of(rate)}
    asked = {name: value for name, value in shares.items() if value is not None}
    if len(asked) + (reject is not None) > 1:
        raise UsageError("give one of --max-fpr, --min-recall, --rate and --reject; each moves the answers")
    if not asked and reject is None and not temperature:
        raise UsageError("give --max-fpr, --min-recall, --rate, --reject or --temperature: what to tune for")
    for name, value in asked.items():
        if not 0 <= value <= 1:
            raise UsageError(f"--{name.replace('_', '-')} {value:g} must be a share, from 0 to 1")
    head = network.head
    if head.kind == "number":
        raise UsageError(
            "the model answers numbers, which have no threshold to tune; compare its answers in your design"
        )
    if asked and head.kind == "labels":
        if positive is not None:
            raise UsageError("--positive names one of two classes, and the model answers labels; leave it out")
    elif asked:
        _check_two_classes(network, f"--{next(iter(asked)).replace('_', '-')}")
    elif positive is not None:
        raise UsageError("--positive has no effect without --max-fpr, --min-recall or --rate; leave it out")
    if reject is not None:
        _check_reject(network, reject)
    split, x, y = examples_of(dataset, split)
    if not len(y):
        raise UsageError(f"{dataset.name} has no examples in its {split} split; give other --data or another --split")
    scores = network.scores_integers(x)
    number = positive_class(network, positive)
    threshold: int | list[int] | None = None
    notes, tuned = list[str](), network
    if asked and number is None:
        threshold = []
        for t, name in enumerate(network.target_names):
            each, more = _threshold(f"label {name} of {dataset.name}", y[:, t] == 1, scores[:, t], asked)
            threshold.append(each)
            notes += [f"label {name}: {note}" for note in more]
        tuned = network.moved([-each for each in threshold])
    elif asked:
        # Of class 0 the highest score is the lowest one, and it is answered below the threshold.
        score = two_class_score(network, scores)
        threshold, notes = _threshold(dataset.name, y == number, score if number else -score, asked)
        threshold = threshold if number else 1 - threshold
        # Two scores: class 1 wins by one more than class 0, since class 0 wins a tie.
        tuned = network.moved([-threshold] if head.kind == "threshold" else [0, 1 - threshold])
    if reject is not None:
        threshold = reject
        tuned = replace(network, head=replace(head, reject=reject))
    fitted, errors = None, None
    if temperature:
        fitted = fit_temperature(network, x, y)
        tuned = tuned.with_meta(temperature=fitted)
        errors = _calibration_error(network, scores, y), _calibration_error(tuned, scores, y)
    source = _source(network, dataset)
    steps: dict[str, Any] = {**asked, "reject": reject, "temperature": temperature or None}
    for name, value in steps.items():
        if value is not None:
            step = {name: value, "split": split, **source}
            if name in THRESHOLDS and number is not None:
                step["positive"] = network.class_names[number]
            tuned = _with_step(tuned, step)
    if split in ("train", "all") and "data" not in source:
        notes.append(
            "these examples were trained on, so that the scores of others are less sure: tune on data that the "
            "training has not seen"
        )
    answer = tuned.head.answer(scores + (tuned.head.bias - head.bias))
    counts = _counts(network, y, answer)
    classes = slice(None) if number is None else slice(number, number + 1)
    answered = answer < network.n_classes if tuned.head.reject else np.ones(len(y), bool)
    known = metrics.rounded(
        rejected=float((~answered).mean()), answered_accuracy=metrics.accuracy(y[answered], answer[answered])
    )
    false_positive_rate = metrics.mean_of_known(counts.false_positive_rate[classes])
    recall = metrics.mean_of_known(counts.recall[classes])
    return Tuned(
        tuned,
        split,
        len(y),
        None if number is None else network.class_names[number],
        threshold,
        None if math.isnan(false_positive_rate) else false_positive_rate,
        None if math.isnan(recall) else recall,
        int(counts.false_positives[classes].sum()),
        int((counts.examples - counts.positives[classes]).sum()),
        int(counts.true_positives[classes].sum()),
        int(counts.positives[classes].sum()),
        known["rejected"] if tuned.head.reject else None,
        known["answered_accuracy"] if tuned.head.reject else None,
        fitted,
        errors,
        tuple(notes),
    )


def share_of(rate: float | str) -> float:
    """The share that a rate such as "1000/40e6" is.

    Parameters
    ----------
    rate : float or str
        A share, or accepted events and all events with a slash between.

    Raises
    ------
    UsageError
        If it is none.
    """
    try:
        accepted, _, events = str(rate).partition("/")
        share = float(accepted) / (float(events) if events else 1.0)
    except (ValueError, ZeroDivisionError):
        share = math.nan
    if not 0 <= share <= 1:
        raise UsageError(f"--rate {rate} must be accepted events of all events, as in 1000/40e6")
    return share


def _check_two_classes(network: LutNetwork, option: str) -> None:
    if network.n_classes != 2:
        raise UsageError(
            f"{option} moves the threshold between two classes, and the model has {network.n_classes}; train two "
            "groups of them with --classes A,B:C,D, or let the model answer none of them with --reject MARGIN"
        )
    if network.head.kind == "bit":
        raise UsageError(
            f"{option} moves the threshold of a score, and this model's answer is one bit; train one of votes with "
            "--learner descent"
        )


def _check_reject(network: LutNetwork, reject: int) -> None:
    if not 0 <= reject < MAX_BIAS:
        raise UsageError(f"--reject {reject} must be a margin in votes, from 0")
    if network.head.kind == "labels":
        raise UsageError("--reject compares the margin between classes, and the model answers labels; leave it out")
    if not network.head.has_margin:
        raise UsageError(
            "--reject compares the margin of an answer, and this model's answer is one bit; train one of votes with "
            "--learner descent"
        )
    most = network.head.margin_range[1]
    if reject > most:
        raise UsageError(f"--reject {reject} would leave no answer at all: the largest margin is {most}")


def _counts(network: LutNetwork, y: NDArray[Any], answer: NDArray[Any]) -> metrics.OneVersusRest:
    """Counts of each class against all others, or of each label against the examples without it."""
    if network.head.classifies:
        return metrics.one_versus_rest(y, answer, network.n_classes)
    return metrics.of_each_label(y, answer)


def _threshold(
    data: str, positive: NDArray[np.bool_], score: NDArray[np.int64], asked: dict[str, float]
) -> tuple[int, list[str]]:
    """The least score that is answered as positive, and what to know of it."""
    points = metrics.operating_points(positive, score)
    (name, share), notes = next(iter(asked.items())), []
    few = "a {0} of {1:g} cannot be told on {2} {3}: one alone is a share of {4:.2g}; {5:,} or more tell it"
    if name == "min_recall":
        if not points.positives:
            raise UsageError(f"{data} has no positive examples to reach a recall on")
        at = points.at_least(share)
        if 0 < 1 - share < 1 / points.positives:
            enough = math.ceil(1 / (1 - share))
            notes = [few.format("recall", share, f"{points.positives:,}", "positives", 1 / points.positives, enough)]
    else:
        if not points.negatives:
            raise UsageError(f"{data} has only positive examples; a false positive rate needs others")
        at = points.at_most(share)
        if 0 < share < 1 / points.negatives:
            enough = math.ceil(1 / share)
            notes = [
                few.format(
                    "false positive rate", share, f"{points.negatives:,}", "negatives", 1 / points.negatives, enough
                )
            ]
        if points.positives and not points.true_positives[at]:
            notes.append("no threshold with this false positive rate finds any of the positives in these data")
    return int(points.threshold[at]), notes


def _with_step(network: LutNetwork, step: dict[str, Any]) -> LutNetwork:
    """The network whose meta has one more step of tuning, in the place of an earlier one of its kind."""

    def kind(each: dict[str, Any]) -> str:
        return next((name for name in ("reject", "temperature") if name in each), "threshold")

    steps = [each for each in network.meta.get("tuned", []) if kind(each) != kind(step)]
    return network.with_meta(tuned=[*steps, step])


def _source(network: LutNetwork, dataset: Dataset) -> dict[str, Any]:
    """What a command gives for these data, if they are not those that the network was trained on."""
    own = network.meta.get("data")
    own = own if isinstance(own, dict) else {}
    source: dict[str, Any]
    if not dataset.options or dataset.options.get("data") != own.get("data"):
        source = {"data": dataset.options.get("data")}
    elif dataset.options.get("fingerprint") == own.get("fingerprint"):
        source = {}
    else:
        source = {"data": own.get("data")}
    changed = {name: dataset.options.get(name) for name in ("label", "classes")}
    return source | {name: value for name, value in changed.items() if value is not None and value != own.get(name)}


def _calibration_error(network: LutNetwork, scores: NDArray[np.int64], y: NDArray[np.int64]) -> float:
    try:
        likely = network.probabilities(scores)
        if network.head.kind == "labels":
            return round(metrics.reliability(y.ravel() == 1, likely.ravel()).error, metrics.DIGITS)
        return round(metrics.expected_calibration_error(y, likely), metrics.DIGITS)
    except UsageError:  # no temperature until now
        return math.nan


def commands(network: LutNetwork, model: str) -> list[str] | None:
    """The commands that tune a model again, in place, after the one that trains it.

    Parameters
    ----------
    network : LutNetwork
        A tuned model, by its meta.
    model : str
        Model file.

    Returns
    -------
    list of str or None
        None if the data came from no file.
    """
    out = []
    for step in network.meta.get("tuned", ()):
        words = ["lut2hw", "tune", model]
        for name in (*THRESHOLDS, "reject", "positive", "data", "label", "classes", "split"):
            if name in step:
                if step[name] is None:
                    return None
                words += [f"--{name.replace('_', '-')}", str(step[name])]
        words += ["--temperature"] * bool(step.get("temperature"))
        out.append(shlex.join([*words, "-o", model]))
    return out


def as_json(tuned: Tuned) -> dict[str, Any]:
    """The operating point as JSON values."""
    out: dict[str, Any] = {
        "split": tuned.split,
        "examples": tuned.examples,
        "positive": tuned.positive,
        "threshold": tuned.threshold,
        "bias": tuned.network.head.bias.tolist(),
        "false_positive_rate": tuned.false_positive_rate,
        "recall": tuned.recall,
        "false_positives": tuned.false_positives,
        "negatives": tuned.negatives,
        "true_positives": tuned.true_positives,
        "positives": tuned.positives,
        "false_positive_rate_interval": [round(end, metrics.DIGITS) for end in tuned.interval],
        "recall_interval": [round(end, metrics.DIGITS) for end in tuned.recall_interval],
    }
    if tuned.rejected is not None:
        out |= {"rejected": tuned.rejected, "answered_accuracy": tuned.answered_accuracy}
    if tuned.temperature is not None and tuned.calibration_error is not None:
        before, after = tuned.calibration_error
        out |= {"temperature": tuned.temperature, "calibration_error": after, "calibration_error_before": before}
    return out
