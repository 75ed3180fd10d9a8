"""What is to be learned of the labels, task by task: class numbers, numbers, bits, or normal and not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.choices import Task
from lut2hw.data import labels
from lut2hw.data.splits import FEW_EXAMPLES
from lut2hw.data.table import Table, listed, some
from lut2hw.errors import UsageError, unknown_name

NORMAL, ANOMALY = 0, 1
ANOMALY_NAMES = ("normal", "anomaly")


@dataclass
class Answers:
    """Labels of one or two splits as a task has them."""

    ys: list[NDArray[Any]]
    """Of each split: int64 (n,), -1 for examples that are left out; float64 (n, targets); or uint8 (n, labels)."""
    class_names: tuple[str, ...]
    target_names: tuple[str, ...]
    original: list[NDArray[Any]]
    """The labels before that, (n,) or (n, targets), by which data is known again."""
    strata: NDArray[np.int64] | None = None
    """int64 (n,), what a random test split takes a share of each of; None: of all."""


def check_options(task: Task, *, classes: str | None, normal: str | None, label: str | None) -> None:
    """Raise `UsageError` for options that do not go together."""
    if classes is not None and task is not Task.CLASSIFICATION:
        raise UsageError(
            f"--classes groups the labels of --task {Task.CLASSIFICATION}; leave it out of --task {task}"
        )
    if normal is not None and task is not Task.ANOMALY:
        raise UsageError(f"--normal is for --task {Task.ANOMALY}; give that too, or leave --normal out")
    if task is Task.ANOMALY and label is not None and normal is None:
        raise UsageError(f"which value of --label {label} is normal? give --normal VALUE")


def has_labels(task: Task, normal: str | None) -> bool:
    """Whether labels are read: all rows are normal to an anomaly task where nobody says which."""
    return task is not Task.ANOMALY or normal is not None


def answers(
    task: Task,
    table: Table,
    *,
    groups: labels.Groups | None = None,
    normal: str | None = None,
    class_names: tuple[str, ...] | None = None,
    target_names: tuple[str, ...] | None = None,
) -> Answers:
    """The labels of a table as `task` has them, with the classes or targets of a model if those are given.

    Raises
    ------
    UsageError
        For labels that the task cannot have.
    """
    ys = [y for y in (table.y_train, table.y_test) if y is not None]
    match task:
        case Task.CLASSIFICATION:
            return _classes(table.name, ys, groups, class_names)
        case Task.ANOMALY:
            return _normal_or_not(table.name, ys, normal)
        case _:
            return _columns(task, table, ys, target_names)


def _classes(
    name: str, ys: list[NDArray[Any]], groups: labels.Groups | None, known: tuple[str, ...] | None
) -> Answers:
    texts: list[NDArray[np.str_]] = [labels.as_text(name, y) for y in ys]
    names = known if known is not None else labels.class_names(name, texts, groups)
    numbers = [labels.numbers(name, y, names, groups) for y in texts]
    # The split goes by the data's own order of classes, whatever the model's.
    own = names if groups is not None else labels.class_names(name, texts, None)
    place = np.array([own.index(each) if each in own else len(own) for each in names])
    strata = np.where(numbers[0] >= 0, place[numbers[0]], -1)
    return Answers(numbers, names, (), texts, strata)


def _normal_or_not(name: str, ys: list[NDArray[Any]], normal: str | None) -> Answers:
    if normal is None:
        zeros = [np.zeros(len(y), np.int64) for y in ys]
        return Answers(zeros, ANOMALY_NAMES, (), zeros, zeros[0])
    texts: list[NDArray[np.str_]] = [labels.as_text(name, y) for y in ys]
    values = sorted({str(label) for y in texts for label in np.unique(y)})
    chosen = (normal,) if normal in values else listed(normal)
    for value in chosen:
        if value not in values:
            raise unknown_name(f"label of {name} in --normal", value, values)
    if not np.isin(texts[0], chosen).any():
        raise UsageError(f"{name} has no row with the label {normal!r} to train on; choose another --normal")
    numbers = [np.where(np.isin(y, chosen), NORMAL, ANOMALY) for y in texts]
    return Answers(numbers, ANOMALY_NAMES, (), texts, numbers[0])


def _columns(task: Task, table: Table, ys: list[NDArray[Any]], known: tuple[str, ...] | None) -> Answers:
    ys = [y[:, None] if y.ndim == 1 else y for y in ys]
    n = ys[0].shape[1]
    names = known or table.target_names or (("y",) if n == 1 else tuple(f"y{i}" for i in range(n)))
    if any(y.shape[1] != len(names) for y in ys):
        raise UsageError(f"{table.name} has {n} label columns but {len(names)} are expected: {some(names)}")
    numbers: list[NDArray[np.float64]] = [_numbers(task, table.name, names, y) for y in ys]
    if task is Task.MULTILABEL:
        numbers = [y.astype(np.uint8) for y in numbers]
    return Answers(numbers, (), names, numbers)


def _numbers(task: Task, table: str, names: tuple[str, ...], y: NDArray[Any]) -> NDArray[np.float64]:
    if y.dtype.kind not in "biuf":
        raise UsageError(f"labels of {table} must be numbers for --task {task}, not {y.dtype}")
    out = y.astype(np.float64)
    if not np.isfinite(out).all():
        row, column = np.argwhere(~np.isfinite(out))[0]
        raise UsageError(
            f"label {names[column]!r} of example {row} of {table} is {out[row, column]}; remove missing labels first"
        )
    if task is Task.MULTILABEL and not np.isin(out, (0, 1)).all():
        row, column = np.argwhere(~np.isin(out, (0, 1)))[0]
        raise UsageError(
            f"label {names[column]!r} of {table} is {out[row, column]:g}; --task {task} takes labels of 0 and 1"
        )
    return out


def check_trainable(task: Task, name: str, found: Answers, y: NDArray[Any]) -> None:
    """Raise `UsageError` if there is nothing to learn from training labels `y`."""
    if task is Task.CLASSIFICATION:
        present = np.unique(y)
        if len(present) < 2:
            raise UsageError(
                f"{name} has a single class, {found.class_names[present[0]]!r}, to train on; at least two are needed"
            )
    elif task is not Task.ANOMALY:
        for column, target in enumerate(found.target_names):
            if (y[:, column] == y[0, column]).all():
                raise UsageError(
                    f"label {target!r} of {name} is {y[0, column]:g} in every row to train on, which leaves nothing "
                    "to learn; choose another --label"
                )


def cautions(task: Task, names: tuple[str, ...], ys: Sequence[NDArray[Any]]) -> list[str]:
    """What to beware of, before anybody believes a result."""
    out = []
    if task is Task.CLASSIFICATION and labels.looks_like_a_quantity(names):
        out.append(
            f"the labels are {len(names)} different numbers, each of which becomes a class of its own; if they are "
            f"amounts, use --task {Task.REGRESSION}, or group them with --classes"
        )
    if task is Task.ANOMALY and not (ys[1] == ANOMALY).any():
        out.append(
            "there is no anomaly to test with, so that nothing says how many are found; --label COLUMN --normal "
            "VALUE says which rows are none"
        )
    what = "an error" if task is Task.REGRESSION else "an accuracy"
    for split, y in (("train on", ys[0]), ("test with", ys[1])):
        if len(y) < FEW_EXAMPLES:
            out.append(f"only {len(y)} example{'s' * (len(y) != 1)} to {split}: {what} on so few says little")
    return out
