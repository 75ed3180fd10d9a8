"""`SequenceDataset`, labelled sequences in splits, and `load_sequences`, which makes one of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.choices import Task
from lut2hw.data import answers, labels
from lut2hw.data.dataset import Dataset, Examples, Schema
from lut2hw.data.series import Series, SeriesOptions, read_series
from lut2hw.data.splits import DEFAULT_TEST_SPLIT, group_rows, parse_split, test_rows
from lut2hw.data.table import Table, listed
from lut2hw.errors import UsageError, unknown_name
from lut2hw.frontends.base import FrontEnd
from lut2hw.frontends.sequences import Sequences
from lut2hw.model.features import Features, check_finite, quantize


@dataclass(frozen=True, eq=False)
class SequenceDataset:
    """Sequences of integers and labels, in splits."""

    name: str
    """The path that it was read from."""
    samples: Features
    """The channels of a sample, and how real numbers became these integers."""
    class_names: tuple[str, ...]
    """As of `Dataset`."""
    train: Sequences
    """Integers."""
    y_train: NDArray[Any]
    """As of `Dataset`."""
    test: Sequences
    """Integers."""
    y_test: NDArray[Any]
    """As of `Dataset`."""
    options: dict[str, Any] = field(default_factory=dict)
    """JSON values from which `load_sequences` makes the same again."""
    notes: tuple[str, ...] = ()
    """What was done to the data, in sentences for people."""
    task: Task = Task.CLASSIFICATION
    """What is learned of the labels."""
    target_names: tuple[str, ...] = ()
    """As of `Dataset`."""
    group_train: NDArray[np.int64] | None = None
    """int64 (n,), group of each training sequence, which validation does not divide; None: each is its own."""

    def through(self, front_end: FrontEnd) -> Dataset:
        """What a front end makes of the sequences, to learn from.

        Parameters
        ----------
        front_end : FrontEnd
            Of the same channels.
        """
        features = front_end.features()
        return Dataset(
            self.name,
            features,
            self.class_names,
            front_end.transform(self.train) if len(self.train) else np.zeros((0, len(features)), np.int64),
            self.y_train,
            front_end.transform(self.test) if len(self.test) else np.zeros((0, len(features)), np.int64),
            self.y_test,
            self.options,
            self.notes,
            None,
            self.task,
            self.target_names,
            None,
            self.group_train,
        )

    def training(self, rows: NDArray[Any]) -> SequenceDataset:
        """These training sequences, and no test split.

        Parameters
        ----------
        rows : NDArray
            Their numbers, or bool (n,).
        """
        return replace(
            self,
            train=self.train.take(rows),
            y_train=self.y_train[rows],
            test=self.test.take([]),
            y_test=self.y_test[:0],
            group_train=None if self.group_train is None else self.group_train[rows],
        )


def load_sequences(
    data: str | Path,
    *,
    task: Task | str | None = None,
    label: str | None = None,
    classes: str | None = None,
    test_split: float | str | None = None,
    test_data: str | Path | None = None,
    ignore: str | None = None,
    sequence_id: str | None = None,
    time: str | None = None,
    group: str | None = None,
    test_group: str | None = None,
    like: Schema | None = None,
    **others: Any,
) -> SequenceDataset:
    """Load labelled sequences.

    Parameters
    ----------
    data : str or Path
        A name of `CATALOGUE` or a folder, of pictures, whose pixels come row by row. A .npz file with `x` (n, time)
        or (n, time, channels), or `samples` end to end (total,) or (total, channels) and the `length` of each
        sequence, and labels `y` or `label`; with `x_train`, `y_train` and `x_test`, `y_test` it has splits of its
        own. A folder with a folder of .wav files for each class, or such folders in `train` and `test`. A .csv or
        .tsv table with a row for each sample. A .ts file of the UCR and UEA archives, of which NAME_TEST.ts beside
        NAME_TRAIN.ts is the test split.
    task : Task or str, optional
        "classification" by default, "regression" or "multilabel".
    label : str, optional
        Array or column of the labels.
    classes : str, optional
        As of `lut2hw.data.load`.
    test_split : float or str, optional
        As of `lut2hw.data.load`; with groups, whole groups are drawn until their sequences are that share.
    test_data : str or Path, optional
        Other data to test with.
    ignore : str, optional
        Columns of a table that are no channels, separated by commas.
    sequence_id, time : str, optional
        Columns of a table that say which sequence a row belongs to, and what its rows are ordered by.
    group : str, optional
        Array or column of groups, such as speakers or machines, that no split divides.
    test_group : str, optional
        Groups to test with, separated by commas.
    like : Schema, optional
        Of a model with a front end: its channels, classes and, where not given here, options are used. Data that it
        does not come from and that has no test split is given whole, as the test split.
    **others
        Options of tables, which are refused.

    Returns
    -------
    SequenceDataset

    Raises
    ------
    UsageError
        In one line that says what is wrong with the data or the options.
    """
    for name, value in others.items():
        if value not in (None, False):
            raise UsageError(f"--{name.replace('_', '-')} is not for sequences; leave it out")
    known: Mapping[str, Any] = {} if like is None else like.options
    same = str(data) == known.get("data")
    asked = Task(task) if task is not None else Task.CLASSIFICATION if like is None else like.task
    if asked is Task.ANOMALY:
        raise UsageError("--task anomaly is not for sequences yet; give --task classification")
    if like is not None:
        heeds = Path(data).suffix == Path(str(known.get("data"))).suffix
        label = label or (known.get("label") if heeds else None)
        classes = classes or known.get("classes")
        if heeds:
            sequence_id, time = sequence_id or known.get("sequence_id"), time or known.get("time")
            ignore = ignore or known.get("ignore")
        if same:
            group, test_group = group or known.get("group"), test_group or known.get("test_group")
            test_data = test_data or known.get("test_data")
            test_split = known.get("test_split") if test_split is None else test_split
    channels = None if like is None else like.features.front_end.samples.names
    reading = SeriesOptions(label, sequence_id, time, group, listed(ignore))
    of_model = replace(reading, channels=_columns_of(data, channels))
    series = read_series(Path(data), reading if like is None else of_model)
    if test_data is not None:
        if series.test is not None:
            raise UsageError(f"{series.name} has a test split of its own; leave --test-data out")
        if test_split is not None or test_group is not None:
            raise UsageError("give --test-data alone, without --test-split and --test-group")
        other = read_series(
            Path(test_data), replace(reading, group=None, channels=_columns_of(test_data, series.channels))
        )
        sequences, y = other.train, other.y_train
        if other.test is not None and other.y_test is not None:
            sequences, y = sequences.joined(other.test), np.concatenate([y, other.y_test])
        series = replace(series, test=sequences, y_test=y)
    elif series.test is not None and (test_split is not None or test_group is not None) and not same:
        raise UsageError(f"{series.name} has a test split of its own; leave --test-split and --test-group out")
    if test_group is not None and group is None:
        raise UsageError("--test-group names groups; give --group, which says what they are")
    found = answers.answers(
        asked,
        Table(series.name, np.zeros((len(series.train), 1)), series.y_train, None, series.y_test),
        groups=labels.parse_groups(classes),
        class_names=None if like is None else like.class_names,
        target_names=None if like is None else like.target_names,
    )
    parts = [(series.train, found.ys[0], series.group)]
    if series.test is not None:
        parts.append((series.test, found.ys[1], None))
    fingerprint = None if series.test is not None else _fingerprint(series.train, found.original[0])
    strata = found.strata
    for index, (x, y, of) in enumerate(parts):
        if y.ndim == 1 and y.dtype.kind == "i" and (y < 0).any():
            there = y >= 0
            parts[index] = (x.take(there), y[there], None if of is None else of[there])
            if index == 0 and strata is not None:
                strata = strata[there]
    x, y, of = parts[0]
    if not len(y):
        raise UsageError(f"{series.name} has no sequence of the classes {classes}")
    if series.test is None:
        whole = like is not None and (known.get("fingerprint") != fingerprint) and test_split is None
        test = np.ones(len(y), bool)
        if not whole:
            split = parse_split(DEFAULT_TEST_SPLIT if test_split is None else test_split)
            test_split = split[1] if split[0] == "share" else f"last:{split[1]:g}"
            if of is not None:
                test = _of_groups(series.name, of, test_group) if test_group else group_rows(of, split[1])
            else:
                test = test_rows(strata, len(y), *split)
        train_part, y_train, of = x.take(~test), y[~test], None if of is None else of[~test]
        test_part, y_test = x.take(test), y[test]
    else:
        (train_part, y_train, of), (test_part, y_test, _) = parts
    if like is None:
        answers.check_trainable(asked, series.name, found, y_train)
    samples = _samples(series, train_part) if like is None else like.features.front_end.samples
    kept = {
        "data": str(data),
        "task": None if asked is Task.CLASSIFICATION else str(asked),
        "label": label,
        "classes": classes,
        "test_split": None if test_group else test_split,
        "test_data": None if test_data is None else str(test_data),
        "fingerprint": fingerprint,
        "ignore": ignore,
        "sequence": True,
        "sequence_id": sequence_id,
        "time": time,
        "group": group,
        "test_group": test_group,
        "front_end": known.get("front_end"),
    }
    notes = list(series.notes)
    if like is None:
        notes += answers.cautions(asked, found.class_names, [y_train, y_test])
    return SequenceDataset(
        series.name,
        samples,
        found.class_names,
        _integers(train_part, samples),
        y_train,
        _integers(test_part, samples),
        y_test,
        {name: value for name, value in kept.items() if value is not None},
        tuple(notes),
        asked,
        found.target_names,
        None if of is None else np.unique(of, return_inverse=True)[1].astype(np.int64),
    )


def sequence_examples(data: str | Path, like: Schema) -> Examples:
    """Sequences whose labels are not known, or do not matter, as features of a model with a front end.

    Parameters
    ----------
    data : str or Path
        As of `load_sequences`, or a folder of .wav files; of data with a test split of its own that is read.
    like : Schema
        Of the model.

    Raises
    ------
    UsageError
        In one line.
    """
    front_end, known = like.features.front_end, like.options
    table = Path(data).suffix != ".npz" and Path(data).is_file()
    reading = SeriesOptions(
        sequence_id=known.get("sequence_id") if table else None,
        time=known.get("time") if table else None,
        channels=_columns_of(data, front_end.samples.names),
        labelled=False,
    )
    series = read_series(Path(data), reading)
    sequences = series.train if series.test is None else series.test
    x = front_end.transform(_integers(sequences, front_end.samples))
    return Examples(series.name, x, np.ones(len(x), bool), series.notes)


def _columns_of(data: str | Path, channels: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Channels to read, of formats that name them."""
    return channels if any(suffix in (".csv", ".tsv") for suffix in Path(data).suffixes) else None


def _samples(series: Series, train: Sequences) -> Features:
    """Names, ranges and scaling of channels, from the training sequences."""
    known = None if series.low is None or series.high is None else (series.low, series.high)
    made = channels_of(train.values, series.channels, known)
    if train.values.dtype.kind != "f" and (int(made.low.min()) < -(1 << 31) or int(made.high.max()) > 1 << 31):
        raise UsageError(f"samples of {series.name} are beyond 32 bits; scale them down first")
    return made


def channels_of(
    values: NDArray[Any], names: tuple[str, ...] | None = None, known: tuple[int, int] | None = None
) -> Features:
    """Channels of samples: real numbers become integers, whole ones have the range that is known or seen.

    Parameters
    ----------
    values : NDArray
        Numbers (samples, channels).
    names : tuple of str, optional
        One per channel; None: `x`, or `x0` and so on of several.
    known : (int, int), optional
        Least and greatest value of every channel of whole numbers.

    Raises
    ------
    UsageError
        For what is no finite number.
    """
    n = values.shape[1]
    names = names or (("x",) if n == 1 else tuple(f"x{i}" for i in range(n)))
    check_finite(values, names)
    if values.dtype.kind == "f":
        return quantize(values, names)
    if known is not None:
        return Features.integers(np.full(n, known[0]), np.full(n, known[1]), names)
    return Features.integers(values.min(axis=0).astype(np.int64), values.max(axis=0).astype(np.int64), names)


def _integers(sequences: Sequences, samples: Features) -> Sequences:
    if sequences.channels != len(samples):
        raise UsageError(f"samples have {sequences.channels} channels but {len(samples)} are expected")
    if not len(sequences):
        return sequences.mapped(sequences.values.astype(np.int64))
    return sequences.mapped(samples.integers_of(sequences.values))


def _of_groups(name: str, group: NDArray[np.str_], wanted: str) -> NDArray[np.bool_]:
    known = np.unique(group).tolist()
    chosen = (wanted,) if wanted in known else listed(wanted)
    for each in chosen:
        if each not in known:
            raise unknown_name(f"group of {name}", each, known)
    test = np.isin(group, chosen)
    if test.all():
        raise UsageError(f"--test-group {wanted} leaves no group of {name} to train on")
    return test


def _fingerprint(sequences: Sequences, y: NDArray[Any]) -> str:
    sha = hashlib.sha256(repr((sequences.values.shape, sequences.values.dtype.str)).encode())
    sha.update(np.ascontiguousarray(sequences.values).data)
    sha.update(sequences.length.astype("<i8").tobytes())
    sha.update("\0".join(y.tolist()).encode() if y.dtype.kind == "U" else np.ascontiguousarray(y).tobytes())
    return sha.hexdigest()[:16]
