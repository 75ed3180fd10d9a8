"""What every reader is given and hands over: options, and columns and labels as they stand in the source."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.choices import Task
from lut2hw.errors import UsageError

MAX_BYTES = 4 << 30  # of one array, or of one text file
MAX_CATEGORIES = 20  # values of a column of text that become bits by default


@dataclass(frozen=True)
class ReadOptions:
    """How to read a file; a format refuses those it has no use for."""

    label: str | None = None
    """Name, or position from 0 (from the end if negative), of the column or output that is the label; of tasks with
    several of them, all with commas between."""
    task: Task = Task.CLASSIFICATION
    """What the labels are."""
    weight: str | None = None
    """Column of the weights of the examples, named like `label`."""
    ignore: tuple[str, ...] = ()
    """Columns to leave out, named like `label`."""
    drop_missing: bool = False
    """Leave out rows with missing values, which are NaN in `Table.x_train` otherwise."""
    header: bool | None = None
    """Whether the first line holds the names of the columns. None: yes, but refuse a line that looks like data."""
    max_categories: int | None = None
    """Values of a column of text that become bits; `MAX_CATEGORIES` if None."""
    size: str | None = None
    """WIDTHxHEIGHT that pictures are brought to; that of all of them if None."""
    colour: bool = False
    """Whether pictures are red, green and blue, and not shades of grey."""
    wanted: tuple[str, ...] | None = None
    """Features that a model reads, to make of the columns; no other column is looked at. None: all columns."""
    missing: frozenset[str] | None = None
    """Features whose values may be missing, of those wanted; None: all."""
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Values of columns of text that a model knows, where its features do not tell."""
    labelled: bool = True
    """Whether there are labels to read. If not, `Table.y_train` is all zeros."""
    in_parts: bool = False
    """Read in parts whatever the size."""


@dataclass(eq=False)
class Table:
    """Raw examples."""

    name: str
    x_train: Any
    """Numbers (n, n_features), NaN where a value is missing: an array, or `lut2hw.data.rows.Rows`."""
    y_train: NDArray[Any]
    """Integers or strings (n,), one label each; of tasks with several, numbers (n, targets)."""
    x_test: Any = None
    """The source's own test split, or None if it has none."""
    y_test: NDArray[Any] | None = None
    """The source's own test split, or None if it has none."""
    names: tuple[str, ...] | None = None
    """One per feature if the source names them."""
    target_names: tuple[str, ...] | None = None
    """One per column of the labels, of tasks with several, if the source names them."""
    weight_train: NDArray[Any] | None = None
    """Numbers (n,), the weights of the training examples, if they were asked for."""
    image_shape: tuple[int, ...] | None = None
    """Of one example if it is an image."""
    low: int | None = None
    """The range every feature is known to have, whatever the examples show; None: seen in the data."""
    high: int | None = None
    """The range every feature is known to have, whatever the examples show; None: seen in the data."""
    by_name: bool = False
    """Features are to be matched by name, not by position, when a model reads another file."""
    notes: tuple[str, ...] = ()
    """What was done to the columns, in sentences for people."""
    categories: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Values of the columns of text that have two, of which the features name only the second."""
    kept: NDArray[np.bool_] | None = None
    """Bool (rows of the file,), which of them are examples; None: all are."""


@dataclass(frozen=True)
class Format:
    """A kind of data file: one module with a reader, registered in `lut2hw.data.formats`."""

    name: str
    """For people."""
    suffixes: tuple[str, ...]
    """Endings of its files, lower case with the dot; empty for a format that is a folder."""
    read: Callable[[Path, ReadOptions], Table]
    """Raises `UsageError` in one line that names the file and what is wrong."""
    options: frozenset[str] = frozenset()
    """Fields of `ReadOptions` that it heeds, beside `task`, `labelled`, `wanted`, `missing` and `categories`."""
    holds: Callable[[Path], bool] | None = None
    """Of a format that is a folder: whether this folder is one."""
    read_parts: Callable[[Path, Sequence[Path], ReadOptions], Table] | None = None
    """Reads files as one table, called as read_parts(path for messages, files, options), and gives examples as
    `lut2hw.data.rows.Rows`: of a file that is large, and of the files of a folder. None of formats that are always
    read whole."""


def some(names: list[str] | tuple[str, ...]) -> str:
    """The first names and the last, for an error text."""
    names = [name if name.isprintable() else repr(name) for name in names]
    return ", ".join(names[:8]) + (f", ... {names[-1]}" if len(names) > 8 else "")


def listed(names: str | None) -> tuple[str, ...]:
    """Names with commas between, those that hold a comma in double quotes."""
    if not names:
        return ()
    return tuple(name.strip() for name in next(csv.reader([names], skipinitialspace=True)))


def position(names: Sequence[str], name: str) -> int | None:
    """The column of that name, else at that position."""
    if name.strip() in names:
        return list(names).index(name.strip())
    try:
        return range(len(names))[int(name)]
    except (ValueError, IndexError):
        return None


def label_positions(names: Sequence[str], label: str, task: Task) -> list[int] | None:
    """The columns that `label` names, one but for tasks with several; None if one of them is not there.

    Raises
    ------
    UsageError
        For several columns where the task has one label, and for a column named twice.
    """
    if (whole := position(names, label)) is not None:
        return [whole]
    parts = [position(names, part) for part in listed(label)]
    if not parts or None in parts:
        return None
    found = [part for part in parts if part is not None]
    if len(found) > 1 and task not in SEVERAL:
        raise UsageError(
            f"--label {label} names {len(found)} columns, but --task {task} has one label; several are for --task "
            f"{' or '.join(SEVERAL)}"
        )
    if len(set(found)) < len(found):
        raise UsageError(f"--label {label} names a column twice")
    return found


SEVERAL = (Task.REGRESSION, Task.MULTILABEL)
"""Tasks whose labels are columns of numbers, one or more."""
