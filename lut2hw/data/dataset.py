"""`Dataset`, and `load`, which makes one of a name or a file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.choices import Task
from lut2hw.data import answers, collections, labels, rows
from lut2hw.data.columns import COLUMN_OPTIONS
from lut2hw.data.formats import heeded, read, refuse_options
from lut2hw.data.named import CATALOGUE
from lut2hw.data.rows import Rows, taken
from lut2hw.data.splits import DEFAULT_TEST_SPLIT, parse_split, test_rows
from lut2hw.data.table import SEVERAL, ReadOptions, Table, listed, some
from lut2hw.data.weights import integer_weights
from lut2hw.errors import UsageError, unknown_name
from lut2hw.model.features import Features, quantize_pieces
from lut2hw.scratch import MEMORY, Scratch

_ROWS = 1 << 11


@dataclass(frozen=True, eq=False)
class Schema:
    """How a model reads data: what `load` needs to bring other data into the same form."""

    features: Features
    """Columns in order, and how real numbers become integers."""
    class_names: tuple[str, ...]
    """Classes in the order of their numbers."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """`Dataset.options` of the data that the model was trained on."""
    task: Task = Task.CLASSIFICATION
    """What the model learned of labels."""
    target_names: tuple[str, ...] = ()
    """Label columns in the order of the model's answers, of tasks with several."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Integer features and labels, in splits."""

    name: str
    """Its name, or the path it was read from."""
    features: Features
    """What the columns are, and how real numbers became these integers."""
    class_names: tuple[str, ...]
    """One per class, in the order of the class numbers; "normal" and "anomaly"; none of regression and multilabel."""
    x_train: NDArray[np.integer]
    """Integers (n, n_features), as the model's encoder reads them; where real numbers were rounded or scaled to make
    them, they are `Quantized`, which `LutNetwork.predict` knows from raw values.
    """
    y_train: NDArray[Any]
    """int64 (n,), positions in `class_names`; regression: float64 (n, targets); multilabel: uint8 (n, labels)."""
    x_test: NDArray[np.integer]
    """Integers (n, n_features), as the model's encoder reads them; where real numbers were rounded or scaled to make
    them, they are `Quantized`, which `LutNetwork.predict` knows from raw values.
    """
    y_test: NDArray[Any]
    """int64 (n,), positions in `class_names`; regression: float64 (n, targets); multilabel: uint8 (n, labels)."""
    options: dict[str, Any] = field(default_factory=dict)
    """JSON values from which `load` makes the same dataset again; kept in a model's meta."""
    notes: tuple[str, ...] = ()
    """What was done to the data, and what to beware of, in sentences for people."""
    reals: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None
    """Train and test features as they were read, if they were not integers."""
    task: Task = Task.CLASSIFICATION
    """What is learned of the labels."""
    target_names: tuple[str, ...] = ()
    """One per column of the labels, of regression and multilabel."""
    weight_train: NDArray[np.int64] | None = None
    """int64 (n,), from 1 to 255: how often a training example counts; None: all once."""
    group_train: NDArray[np.int64] | None = None
    """int64 (n,), group of each training example, which validation does not divide; None: each is its own."""
    scratch: Scratch = MEMORY
    """Where what is made of the examples is put."""

    altered: tuple[NDArray[np.integer], ...] = ()
    """Copies of `x_train` that are learned from, too, each (n, n_features) with the same labels."""
    made_up: int = 0
    """How many training examples, the last ones, nobody has observed (`lut2hw.training.teacher`)."""

    @property
    def schema(self) -> Schema:
        """What `load` needs to read other data like this."""
        return Schema(self.features, self.class_names, self.options, self.task, self.target_names)

    def training(self, rows: NDArray[Any]) -> Dataset:
        """These training examples, and no test split.

        Parameters
        ----------
        rows : NDArray[Any]
            Their numbers, or bool (n,).
        """
        return replace(
            self,
            x_train=taken(self.x_train, rows, self.scratch),
            y_train=self.y_train[rows],
            x_test=self.x_train[:0],
            y_test=self.y_train[:0],
            reals=None,
            weight_train=None if self.weight_train is None else self.weight_train[rows],
            group_train=None if self.group_train is None else self.group_train[rows],
            altered=tuple(each[rows] for each in self.altered),
            made_up=0,
        )

    @property
    def observed(self) -> Dataset:
        """The training examples that are not made up, and no test split; itself if none are."""
        return self.training(np.arange(len(self.y_train) - self.made_up)) if self.made_up else self

    def split(self, name: str) -> tuple[NDArray[np.integer], NDArray[Any]]:
        """Features and labels of "train", "test" or "all".

        Parameters
        ----------
        name : str
            "train", "test" or "all".
        """
        if name == "train":
            return self.x_train, self.y_train
        if name == "test":
            return self.x_test, self.y_test
        if name == "all":
            return np.concatenate([self.x_train, self.x_test]), np.concatenate([self.y_train, self.y_test])
        raise unknown_name("split", name, ("train", "test", "all"))

    def raw(self, name: str) -> NDArray[Any]:
        """Features of a split before they became integers, (n, n_features).

        What was read, where that is known and belongs to the split's integers; else the values that they stand for.

        Parameters
        ----------
        name : str
            "train", "test" or "all".
        """
        x, _ = self.split(name)
        if self.features.unscaled:
            return x
        if self.reals is not None:
            reals = np.concatenate(self.reals) if name == "all" else self.reals[name == "test"]
            if reals.shape == x.shape and (self.features.integers_of(reals) == x).all():
                return reals
        return self.features.real(np.asarray(x))


def load(
    data: str | Path | Any,
    *,
    task: Task | str | None = None,
    label: str | None = None,
    classes: str | None = None,
    normal: str | None = None,
    weight: str | None = None,
    test_split: float | str | None = None,
    test_data: str | Path | None = None,
    ignore: str | None = None,
    drop_missing: bool | None = None,
    header: bool | None = None,
    max_categories: int | None = None,
    size: str | None = None,
    colour: bool | None = None,
    like: Schema | None = None,
    scratch: str | Path | None = None,
) -> Dataset:
    """Load a named dataset or a file.

    Parameters
    ----------
    data : str or Path
        A name of `CATALOGUE`, or the path of a table (.csv, .tsv, .txt, .data, .arff, .parquet, .arrow, .feather),
        of arrays (.npz, .npy), of a .libsvm or .pla file (text also as .gz or .zip), or of a folder with idx.gz
        files, .npy files, or pictures in a folder for each class. From Python also a Dask frame, or Dask arrays
        (x, y) of examples and labels, which are computed partition by partition; a model does not know these again.
    task : Task or str, optional
        What to learn of the labels: "classification" by default, "regression", "multilabel" or "anomaly".
    label : str, optional
        The column of a table or output (.pla) that is the label, by name or by position from 0, -1 being the last;
        "label" by default. The array (.npz) or the file (.npy) of the labels. Several columns or outputs for
        regression and multilabel, separated by commas, as of `ignore`.
    classes : str, optional
        Groups of labels that become the classes, labels separated by commas and groups by colons, as in
        "0,1,2,3,4:5,6,7,8,9"; examples with other labels are left out, and labels with commas or colons are in double
        quotes. None: every label is a class.
    normal : str, optional
        The label of normal rows for an anomaly task (several separated by commas): the training split holds those
        alone, the test split a share of them and all others. None: all rows are normal.
    weight : str, optional
        Column of a .csv with the weights of the rows in training, by name or position; see
        `lut2hw.data.weights.integer_weights`. Rows of weight 0 are not trained on.
    test_split : float or str, optional
        Share of the examples to test with, for data without a test split of its own (0.25 by default), taken from
        every class; which examples depends on the data alone. "last:0.2" takes the last rows instead.
    test_data : str or Path, optional
        Other data to test with; its columns are matched by name, and all of it is used.
    ignore : str, optional
        Columns of a .csv to leave out, by name or position, separated by commas; names with commas in double quotes.
    drop_missing : bool, optional
        Leave out rows of a .csv or .npz with missing values. Otherwise a missing value is a value of its own
        (`Features.missing`), but for labels and weights, where it is an error.
    header : bool, optional
        Whether the first line of a .csv holds names. None: it does, but a line that looks like an example is refused.
        Without a header the columns are called x0, x1 and so on.
    max_categories : int, optional
        Values of a column of text that become bits (20 by default); the rarer ones share one.
    size : str, optional
        WIDTHxHEIGHT that the pictures of a folder are brought to, as in "28x28"; by default the one they all have.
    colour : bool, optional
        Take red, green and blue of pictures, which are shades of grey otherwise.
    like : Schema, optional
        Of a model (`lut2hw.training.recall.schema_of`) or another dataset: its features, classes and, where not given
        here, options are used. Data that it does not come from and that has no test split of its own is given
        whole, as the test split.
    scratch : str or Path, optional
        Folder on a disk: data is read in parts, and what is made of it is put into files there, which have no names,
        so that it may be larger than memory; the one that LUT2HW_SCRATCH names by default. The result is the same.
        Folders of .parquet, .arrow, .csv or .npz files are parts of one table, which are always read one after the
        other, as are .parquet, .arrow, .csv and .npy files beyond 256 MiB.

    Returns
    -------
    Dataset

    Raises
    ------
    UsageError
        In one line that says what is wrong with the data or the options.
    """
    if like is not None and like.features.front_end is not None:
        raise UsageError("the model has a front end and reads sequences; load them with load_sequences")
    options = dict(like.options) if like is not None else {}
    task = _task(task, like)
    room = _room(scratch)
    given, kind = data, collections.collection(data)
    data = str(data) if kind is None else kind
    if like is not None:
        has = heeded(Path(data)) if kind is None else COLUMN_OPTIONS
        label = options.get("label") if label is None and "label" in has else label
        drop_missing = options.get("drop_missing") if drop_missing is None and "drop_missing" in has else drop_missing
        header = options.get("header") if header is None and "header" in has else header
        if "size" in has:
            size = options.get("size") if size is None else size
            colour = options.get("colour") if colour is None else colour
        if str(data) == options.get("data"):
            weight = options.get("weight") if weight is None else weight
        classes = classes or options.get("classes")
        normal = normal or options.get("normal")
    answers.check_options(task, classes=classes, normal=normal, label=label)
    if max_categories is not None and max_categories < 1:
        raise UsageError(f"--max-categories must be at least 1, not {max_categories}")
    reading = ReadOptions(
        task=task,
        label=label,
        weight=weight,
        ignore=listed(ignore),
        drop_missing=bool(drop_missing),
        header=header,
        max_categories=max_categories,
        size=size,
        colour=bool(colour),
        wanted=None if like is None else like.features.names,
        missing=None if like is None else _may_lack(like.features),
        categories=_categories(options),
        labelled=answers.has_labels(task, normal),
        in_parts=room.folder is not None,
    )
    table = _read(data, reading) if kind is None else collections.read_collection(given, reading)
    groups = labels.parse_groups(classes)
    if like is not None:
        _arrange(table, like.features.names, "the model")
        if test_data is None and str(data) == options.get("data"):
            test_data = options.get("test_data")
    own_split = table.x_test is not None
    if test_data is not None:
        if own_split:
            raise UsageError(f"{table.name} has a test split of its own; leave --test-data out")
        if test_split is not None:
            raise UsageError("give --test-data or --test-split, not both")
        table = _with_test_data(table, str(test_data), reading)
    elif own_split and test_split is not None:
        raise UsageError(f"{table.name} has a test split of its own; leave --test-split out")
    split = None if test_split is None else parse_split(test_split)
    found = answers.answers(
        task,
        table,
        groups=groups,
        normal=normal,
        class_names=None if like is None else like.class_names,
        target_names=None if like is None else like.target_names,
    )
    xs = [table.x_train] if table.x_test is None else [table.x_train, table.x_test]
    ys, weights = list(found.ys), table.weight_train
    for x in xs:
        rows.check(x, table.names, True if like is None else like.features.missing)
    fingerprint = None if own_split else _fingerprint(xs[0], found.original[0])
    notes = list(table.notes)
    if like is None and task is Task.ANOMALY and len(ys) > 1 and (away := int((ys[0] == answers.ANOMALY).sum())):
        notes.append(f"{away:,} of {len(ys[0]):,} rows to train on are not normal and are left out")
        ys[0] = np.where(ys[0] == answers.ANOMALY, -1, ys[0])
    strata = found.strata
    for i, y in enumerate(ys):
        if y.ndim == 1 and (y < 0).any():
            there = y >= 0
            xs[i], ys[i] = rows.where(xs[i], there), y[there]
            if i == 0:
                weights = None if weights is None else weights[there]
                strata = None if strata is None else strata[there]
    if not len(ys[0]):
        raise UsageError(f"{table.name} has no example of the classes {classes}")
    if like is None:
        answers.check_trainable(task, table.name, found, ys[0])
    if len(xs) == 1:
        same = like is None or options.get("fingerprint") == fingerprint
        if split is None and (like is None or (same and options.get("test_split") != 0.0)):
            test_split = options.get("test_split", DEFAULT_TEST_SPLIT)
            split = parse_split(test_split)
        test = np.ones(len(ys[0]), bool)
        if split is not None:
            if task is Task.ANOMALY and split[0] == "last":
                strata = None
            test = test_rows(strata, len(ys[0]), *split)
            if task is Task.ANOMALY:
                test |= ys[0] == answers.ANOMALY
                if test.all():
                    raise UsageError(
                        f"no normal row of {table.name} is left to train on; choose another --test-split"
                    )
        xs, ys = [rows.where(xs[0], each) for each in (~test, test)], [ys[0][~test], ys[0][test]]
        weights = None if weights is None else weights[~test]
        test_split = 0.0 if split is None else split[1] if split[0] == "share" else f"last:{split[1]:g}"
        if like is None:
            answers.check_trainable(task, table.name, found, ys[0])
    weight_train = None
    if weights is not None and like is not None and not len(weights):
        weights = None
    if weights is not None:
        if (weights == 0).any():
            xs[0], ys[0] = rows.where(xs[0], weights > 0), ys[0][weights > 0]
            weights = weights[weights > 0]
        if not len(weights):
            raise UsageError(f"the weights of {table.name} are 0 in every row to train on; choose another --weight")
        weight_train = integer_weights(weights)
    if like is None:
        features = _features(table, xs)
        notes += _gaps(features, xs)
    else:
        features = like.features
    kept = {
        "data": str(data),
        "task": None if task is Task.CLASSIFICATION else str(task),
        "label": label,
        "classes": classes,
        "normal": normal,
        "weight": weight,
        "test_split": test_split,
        "test_data": None if test_data is None else str(test_data),
        "fingerprint": fingerprint,
        "ignore": ignore,
        "drop_missing": drop_missing or None,
        "header": header,
        "max_categories": max_categories,
        "size": size,
        "colour": colour or None,
        "categories": {name: list(values) for name, values in table.categories.items()} or None,
    }
    if str(data) == options.get("data"):  # a model's own data: what made its features belongs to them
        kept |= {name: options.get(name) for name in ("ignore", "max_categories", "categories") if kept[name] is None}
    integers = [_integers(x, features, room) for x in xs]
    if like is None:
        notes += answers.cautions(task, found.class_names, ys)
    return Dataset(
        table.name,
        features,
        found.class_names,
        integers[0],
        ys[0],
        integers[1],
        ys[1],
        {key: value for key, value in kept.items() if value is not None},
        tuple(notes),
        None if features.unscaled or any(isinstance(x, Rows) for x in xs) else (xs[0], xs[1]),
        task,
        found.target_names,
        weight_train,
        scratch=room,
    )


def _task(task: Task | str | None, like: Schema | None) -> Task:
    if task is not None and task not in list(Task):
        raise unknown_name("task", str(task), [str(each) for each in Task])
    if like is None:
        return Task.CLASSIFICATION if task is None else Task(task)
    if task is not None and task != like.task:
        raise UsageError(f"the model was trained for --task {like.task}, not {task}; leave --task out")
    return like.task


@dataclass(frozen=True, eq=False)
class Examples:
    """Features without labels, in the form a model reads."""

    name: str
    """Its name, or the path it was read from."""
    x: NDArray[np.integer]
    """Integers (n, n_features), as `Dataset` holds them."""
    kept: NDArray[np.bool_]
    """Bool (rows,), which rows of the source are examples, all of them unless rows with missing values were to be
    left out.
    """
    notes: tuple[str, ...] = ()
    """As of `Dataset`."""


def load_examples(
    data: str | Path, like: Schema, *, drop_missing: bool | None = None, header: bool | None = None
) -> Examples:
    """Load data whose labels are not known, or do not matter, in the form of `like`.

    Parameters
    ----------
    data : str | Path
        As of `load`; of data with a test split of its own that is read, else all of it.
    like : Schema
        Features, classes and options that a model was trained with.
    drop_missing, header : bool, optional
        As of `load`.

    Raises
    ------
    UsageError
        In one line.
    """
    has = heeded(Path(data))
    drop_missing = (
        like.options.get("drop_missing") if drop_missing is None and "drop_missing" in has else drop_missing
    )
    header = like.options.get("header") if header is None and "header" in has else header
    reading = ReadOptions(
        drop_missing=bool(drop_missing),
        header=header,
        wanted=like.features.names,
        missing=_may_lack(like.features),
        size=like.options.get("size") if "size" in has else None,
        colour=bool(like.options.get("colour")) and "colour" in has,
        categories=_categories(like.options),
        labelled=False,
        in_parts=(room := _room(None)).folder is not None,
    )
    table = _read(str(data), reading)
    if table.x_test is not None:
        table = replace(table, x_train=table.x_test, x_test=None, y_test=None)
    _arrange(table, like.features.names, "the model")
    x = table.x_train
    rows.check(x, table.names, like.features.missing)
    kept = np.ones(len(x), bool) if table.kept is None else table.kept
    return Examples(table.name, _integers(x, like.features, room), kept, table.notes)


def majority_accuracy(y: NDArray[np.int64]) -> float:
    """Accuracy of the answer that is right most often, whatever the example: what a model must beat.

    Parameters
    ----------
    y : NDArray[np.int64]
        Class numbers (n,).

    Returns
    -------
    float
        0 for no examples.
    """
    return float(np.bincount(y).max() / len(y)) if len(y) else 0.0


def _categories(options: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Values of columns of text in a model's options, which may come from anybody."""
    given = options.get("categories")
    if not isinstance(given, dict):
        return {}
    return {str(name): tuple(map(str, values)) for name, values in given.items() if isinstance(values, list)}


def _read(data: str, reading: ReadOptions) -> Table:
    if data in CATALOGUE:
        refuse_options(data, reading)
        return CATALOGUE[data].reader(data)
    path = Path(data)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return read(path, reading)
    for suffix in (".csv", ".npz", ".pla"):
        if path.with_name(data + suffix).exists():
            raise UsageError(f"unknown dataset {data!r}; did you mean the file {data + suffix}?")
    raise unknown_name("dataset", data, CATALOGUE)


def _with_test_data(table: Table, data: str, reading: ReadOptions) -> Table:
    """The table with all of other data as its test split."""
    names = table.names
    wanted = reading.wanted if reading.wanted is not None else names
    known = {**reading.categories, **table.categories}
    has = heeded(Path(data))
    reading = replace(
        reading,
        label=reading.label if "label" in has else None,
        weight=None,
        drop_missing=reading.drop_missing and "drop_missing" in has,
        header=reading.header if "header" in has else None,
        size=reading.size if "size" in has else None,
        colour=reading.colour and "colour" in has,
    )
    other = _read(data, replace(reading, ignore=(), max_categories=None, wanted=wanted, categories=known))
    if names is None:
        names = tuple(f"x{i}" for i in range(table.x_train.shape[1]))
    _arrange(other, names, table.name)
    x, y = other.x_train, other.y_train
    if other.x_test is not None and other.y_test is not None:
        x, y = rows.joined(x, other.x_test), np.concatenate([y, other.y_test])
    ys = [table.y_train, y]
    if reading.task in SEVERAL:
        if wrong := [each.shape for each in ys if each.shape[1:] != ys[0].shape[1:]]:
            raise UsageError(f"labels of {table.name} and {other.name} have shapes {ys[0].shape} and {wrong[0]}")
    elif reading.labelled:
        ys = [labels.as_text(name, each) for name, each in ((table.name, table.y_train), (other.name, y))]
    return replace(table, y_train=ys[0], x_test=x, y_test=ys[1], notes=(*table.notes, *other.notes))


def _arrange(table: Table, wanted: tuple[str, ...], reader: str) -> None:
    """Bring the columns into the order of `wanted`, by name where the source has names."""
    if table.by_name and table.names is not None:
        at = {name: i for i, name in enumerate(table.names)}
        lacking = [name for name in wanted if name not in at]
        if lacking:
            raise UsageError(
                f"{table.name} has no column {lacking[0]!r}, which {reader} reads "
                f"({len(lacking)} of its {len(wanted)} features are missing)"
            )
        if table.names != wanted:
            table.x_train = rows.columns(table.x_train, [at[name] for name in wanted])
            table.names = wanted
    elif table.x_train.shape[1] != len(wanted):
        raise UsageError(
            f"{table.name} has {table.x_train.shape[1]} features but {reader} reads {len(wanted)}; "
            "give data like that it was trained on"
        )


def _fingerprint(x: NDArray[Any] | Rows, y: NDArray[Any]) -> str:
    sha = hashlib.sha256(repr((x.shape, x.dtype.str)).encode())
    for piece in rows.pieces(x):
        sha.update(np.ascontiguousarray(piece, x.dtype).data)
    if y.dtype.kind == "U":
        for first in range(0, len(y), 1 << 16):
            sha.update(("\0" * (first > 0) + "\0".join(y[first : first + (1 << 16)].tolist())).encode())
    else:
        sha.update(np.ascontiguousarray(y).tobytes())
    return sha.hexdigest()[:16]


def _integers(x: NDArray[Any] | Rows, features: Features, scratch: Scratch) -> NDArray[np.integer]:
    """What `features` make of raw `x`; bytes stay bytes, which take an eighth of the memory."""
    if isinstance(x, Rows):
        return rows.stored(x, features, scratch)
    if not features.unscaled:
        return features.quantized(x)
    return x if x.dtype.kind in "iu" else features.integers_of(x)


def _room(folder: str | Path | None) -> Scratch:
    """The scratch folder that is given, or that the environment names, or memory."""
    folder = folder or os.environ.get("LUT2HW_SCRATCH")
    return Scratch(Path(folder)) if folder else MEMORY


def _may_lack(features: Features) -> frozenset[str]:
    return frozenset(np.array(features.names, object)[features.missing].tolist())


def _gaps(features: Features, xs: list[NDArray[Any] | Rows]) -> list[str]:
    """What to say of missing values."""
    if not features.missing.any():
        return []
    count = sum(rows.gaps(x)[1] for x in xs)
    names = [features.names[i] for i in np.flatnonzero(features.missing)]
    return [
        f"{count:,} of {sum(map(len, xs)):,} rows have missing values, which are learned as a value of their own: "
        f"{some(names)}"
    ]


def _features(table: Table, xs: list[NDArray[Any] | Rows]) -> Features:
    """Names, ranges and scaling, from the training examples; what may be missing, from all."""
    x = xs[0]
    names = table.names or tuple(f"x{i}" for i in range(x.shape[1]))
    found = [rows.gaps(each) for each in xs]
    missing = np.any([columns for columns, _, _ in found], axis=0)
    if x.dtype.kind == "f" or missing.any():
        if found[0][2]:
            raise UsageError(f"{table.name} has no values to train on, all are missing (nan)")
        real = np.float64 if x.dtype.kind != "f" else x.dtype

        def pieces() -> Iterator[NDArray[Any]]:
            for piece in rows.pieces(x):  # by some rows, which the cache holds
                yield from (piece[at : at + _ROWS].astype(real, copy=False) for at in range(0, len(piece), _ROWS))

        return quantize_pieces(pieces, names, table.image_shape, missing)
    if table.low is not None:
        low, high = np.full(x.shape[1], table.low), np.full(x.shape[1], table.high)
    else:
        ends = [(piece.min(axis=0), piece.max(axis=0)) for piece in rows.pieces(x)]
        low, high = np.min([low for low, _ in ends], axis=0), np.max([high for _, high in ends], axis=0)
    if int(low.min()) < -(1 << 62) or int(high.max()) > 1 << 62:
        raise UsageError(f"{table.name} holds numbers beyond 62 bits; scale them down first")
    return Features.integers(low.astype(np.int64), high.astype(np.int64), names, table.image_shape)
