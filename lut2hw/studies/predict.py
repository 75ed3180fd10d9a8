"""Answers for data whose labels are not known."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.model.network import LutNetwork
from lut2hw.training.recall import examples_like


@dataclass(frozen=True, eq=False)
class Predictions:
    """A network's answers, one for each row of the data."""

    name: str
    """The data's."""
    class_names: tuple[str, ...]
    """Of the classes that the network can answer, `LutNetwork.answer_names`; none of numbers or labels."""
    target_names: tuple[str, ...]
    """Of the numbers or labels; none where the network answers classes."""
    kept: NDArray[np.bool_]
    """bool (rows,): which rows have an answer; those with missing values have none."""
    answers: NDArray[Any]
    """Of the rows that are kept, as `LutNetwork.predict` gives them: class numbers int64 (answers,), values float64
    (answers,) or (answers, targets), or labels uint8 (answers, labels).
    """
    scores: NDArray[np.int64]
    """int64 (answers, outputs): what hardware counts, a score a class, or one of two classes."""
    margin: NDArray[np.int64]
    """int64 (answers,): by how much the answer won, as of `Head.margin`; 0 of numbers and labels."""
    notes: tuple[str, ...] = ()
    """What to know of the data, such as values never seen in training, in sentences for people."""
    probabilities: NDArray[np.float64] | None = None
    """float64 (answers, classes or labels), as `LutNetwork.predict_proba` gives them, if they were asked for."""

    def to_csv(self) -> str:
        """A table with a row for each row of the data, in its order; rows without an answer have empty cells.

        Columns: class, then "score CLASS" for each class (or "score" of two classes), then margin. Of numbers a
        column for each under its name; of labels a column of 0 and 1 for each, then "score LABEL" for each. If asked
        for, "probability CLASS" or "probability LABEL" for each at the end, to six digits.
        """
        outputs, names, rows = self.scores.shape[1], list(self.target_names), list[list[Any]]()
        if self.class_names:
            # "none" has no score
            scored = ["score"] if outputs == 1 else [f"score {name}" for name in self.class_names[:outputs]]
            names = ["class", *scored, "margin"]
            answers = zip(self.answers.tolist(), self.scores.tolist(), self.margin.tolist(), strict=True)
            rows = [[self.class_names[number], *scores, margin] for number, scores, margin in answers]
        elif self.answers.dtype == np.uint8:
            names += [f"score {name}" for name in self.target_names]
            rows = np.concatenate([self.answers, self.scores], axis=1).tolist()
        else:
            rows = self.answers.reshape(-1, outputs).tolist()
        if self.probabilities is not None:
            likely = self.class_names[: self.probabilities.shape[1]] or self.target_names
            names += [f"probability {name}" for name in likely]
            shares = self.probabilities.tolist()
            rows = [[*row, *(f"{each:.6g}" for each in own)] for row, own in zip(rows, shares, strict=True)]
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(names)
        answered = iter(rows)
        for kept in self.kept.tolist():
            table.writerow(next(answered) if kept else [""] * len(names))
        return text.getvalue()


def predict(
    network: LutNetwork,
    data: str | Path,
    *,
    drop_missing: bool | None = None,
    header: bool | None = None,
    probabilities: bool = False,
) -> Predictions:
    """Answer every example of `data` as `network` does.

    Parameters
    ----------
    network : LutNetwork
    data : str or Path
        As of `lut2hw.data.load`; labels are not needed, and columns that the network does not read are not looked at.
        Of data with a test split of its own that is answered, else all of it.
    drop_missing : bool, optional
        Give rows with missing values no answer; otherwise they are an error unless the network was trained with some.
        None: as in training.
    header : bool, optional
        Whether the first line of a .csv holds names. None: as in training.
    probabilities : bool, default=False
        Say how likely each class or label is, by the model's temperature.

    Returns
    -------
    Predictions

    Raises
    ------
    UsageError
        In one line that says what is wrong with the data, or that the model has no probabilities.
    """
    if probabilities:  # before any work: whether it has them
        network.probabilities(np.zeros((0, len(network.head.bias)), np.int64))
    examples = examples_like(data, network, drop_missing=drop_missing, header=header)
    scores = network.scores_integers(examples.x)
    return Predictions(
        examples.name,
        network.answer_names,
        network.target_names,
        examples.kept,
        network.head.answer(scores),
        scores,
        network.head.margin(scores),
        examples.notes,
        network.probabilities(scores) if probabilities else None,
    )
