"""Answers for data whose labels are not known."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lut2hw.data.dataset import load_examples
from lut2hw.model.network import LutNetwork
from lut2hw.training.recall import schema_of


@dataclass(frozen=True, eq=False)
class Predictions:
    """A network's answers, one for each row of the data."""

    name: str
    """The data's."""
    class_names: tuple[str, ...]
    """The network's."""
    kept: NDArray[np.bool_]
    """bool (rows,): which rows have an answer; those with missing values have none."""
    classes: NDArray[np.int64]
    """int64 (answers,): class numbers, of the rows that are kept."""
    scores: NDArray[np.int64]
    """int64 (answers, outputs): what hardware counts, a score a class, or one of two classes."""
    margin: NDArray[np.int64]
    """int64 (answers,): by how much the answer won, as of `Head.margin`."""
    notes: tuple[str, ...] = ()
    """What to know of the data, such as values never seen in training, in sentences for people."""

    def to_csv(self) -> str:
        """A table with a row for each row of the data, in its order; rows without an answer have empty cells.

        Columns: class, then "score CLASS" for each class (or "score" of two classes), then margin.
        """
        outputs = self.scores.shape[1]
        names = ["score"] if outputs == 1 else [f"score {name}" for name in self.class_names]
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(["class", *names, "margin"])
        answers = zip(self.classes.tolist(), self.scores.tolist(), self.margin.tolist(), strict=True)
        for kept in self.kept.tolist():
            if kept:
                number, scores, margin = next(answers)
                table.writerow([self.class_names[number], *scores, margin])
            else:
                table.writerow([""] * (outputs + 2))
        return text.getvalue()


def predict(
    network: LutNetwork, data: str | Path, *, drop_missing: bool | None = None, header: bool | None = None
) -> Predictions:
    """Answer every example of `data` as `network` does.

    Parameters
    ----------
    network : LutNetwork
    data : str or Path
        As of `lut2hw.data.load`; labels are not needed, and columns that the network does not read are not looked at.
        Of data with a test split of its own that is answered, else all of it.
    drop_missing : bool, optional
        Give rows with missing values no answer; they are an error otherwise. None: as in training.
    header : bool, optional
        Whether the first line of a .csv holds names. None: as in training.

    Returns
    -------
    Predictions

    Raises
    ------
    UsageError
        In one line that says what is wrong with the data.
    """
    examples = load_examples(data, schema_of(network), drop_missing=drop_missing, header=header)
    scores = network.scores_packed(network.encoder(examples.x), len(examples.x))
    return Predictions(
        examples.name,
        network.class_names,
        examples.kept,
        network.head.answer(scores),
        scores,
        network.head.margin(scores),
        examples.notes,
    )
