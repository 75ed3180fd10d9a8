"""`Dataset`, and `load`, which makes one of a name or a file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.data.files import read, refuse_csv_options
from lut2hw.data.named import CATALOGUE
from lut2hw.data.table import Table
from lut2hw.errors import UsageError, unknown_name
from lut2hw.model.features import Features, check_finite, quantize
from lut2hw.model.network import LutNetwork

MAX_CLASSES = 1024
DEFAULT_TEST_SPLIT = 0.25


@dataclass(frozen=True, eq=False)
class Dataset:
    """Integer features and class numbers, in splits.

    x_train, x_test: integers (n, n_features); y_train, y_test: int64 (n,), positions in `class_names`.
    features: what the columns are, and how real numbers became these integers.
    options: JSON values from which `load` makes the same dataset again; kept in a model's meta.
    notes: what was done to the columns of a table, in sentences for people.
    """

    name: str
    features: Features
    class_names: tuple[str, ...]
    x_train: NDArray[np.integer]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.integer]
    y_test: NDArray[np.int64]
    options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def split(self, name: str) -> tuple[NDArray[np.integer], NDArray[np.int64]]:
        """Features and classes of "train", "test" or "all"."""
        if name == "train":
            return self.x_train, self.y_train
        if name == "test":
            return self.x_test, self.y_test
        if name == "all":
            return np.concatenate([self.x_train, self.x_test]), np.concatenate([self.y_train, self.y_test])
        raise unknown_name("split", name, ("train", "test", "all"))


def load(
    data: str | Path,
    *,
    label: str | None = None,
    classes: str | None = None,
    test_split: float | None = None,
    ignore: str | None = None,
    drop_missing: bool | None = None,
    like: LutNetwork | None = None,
) -> Dataset:
    """Load a named dataset or a file.

    data: a name of `CATALOGUE`, or the path of a .npz, .csv or .pla file or of a folder with idx.gz files.
    label: the column (.csv) or output (.pla) that is the label; a .csv has "label" unless told.
    classes: groups of labels that become the classes, labels separated by commas and groups by colons, as in
        "0,1,2,3,4:5,6,7,8,9"; examples with other labels are left out. None: every label is a class.
    test_split: share of the examples to test with, for data without a test split of its own (0.25 if None). The
        share is taken from every class; which examples depends on the data alone.
    ignore: columns of a .csv to leave out, separated by commas. drop_missing: leave out its lines that lack a value.
    like: a model whose features, classes and, where not given here, options are used. Data that the model was not
        trained on and that has no test split of its own is given whole, as the test split.
    """
    if like is not None:
        label = label or _option(like, "label")
        if drop_missing is None and Path(data).suffix.lower() in (".csv", ".tsv"):
            drop_missing = _option(like, "drop_missing")
    table = _read(
        str(data),
        label,
        ignore=ignore.split(",") if ignore else (),
        drop_missing=bool(drop_missing),
        wanted=None if like is None else like.features.names,
    )
    if like is not None:
        classes = classes or _option(like, "classes")
        _check_like(table, like)
    groups = _groups(classes)
    own_split = table.x_test is not None
    if own_split and test_split is not None:
        raise UsageError(f"{table.name} has a test split of its own; leave --test-split out")
    if test_split is not None and not 0 < test_split < 1:
        raise UsageError(f"--test-split must be between 0 and 1, not {test_split:g}")
    labels = [_labels(table.name, y) for y in (table.y_train, table.y_test) if y is not None]
    xs = [table.x_train] if table.x_test is None else [table.x_train, table.x_test]
    for x in xs:
        check_finite(x, table.names)
    fingerprint = None if own_split else _fingerprint(xs[0], labels[0])
    names = like.class_names if like is not None else _class_names(table.name, labels, groups)
    ys = []
    for i, y in enumerate(labels):
        number = _numbers(table.name, y, names, groups)
        if (number < 0).any():
            xs[i] = xs[i][number >= 0]
            number = number[number >= 0]
        ys.append(number)
    if not len(ys[0]):
        raise UsageError(f"{table.name} has no example of the classes {classes}")
    present = np.unique(ys[0])
    if like is None and len(present) < 2:
        raise UsageError(
            f"{table.name} has a single class, {names[present[0]]!r}, to train on; at least two are needed"
        )
    if not own_split:
        if like is not None and test_split is None:
            test_split = _option(like, "test_split") if _option(like, "fingerprint") == fingerprint else 0.0
        share = DEFAULT_TEST_SPLIT if test_split is None else test_split
        test = _stratified(ys[0], share) if share else np.ones(len(ys[0]), bool)
        xs, ys = [xs[0][~test], xs[0][test]], [ys[0][~test], ys[0][test]]
        test_split = share
    features = _features(table, xs[0]) if like is None else like.features
    options = {
        "data": str(data),
        "label": label,
        "classes": classes,
        "test_split": test_split,
        "fingerprint": fingerprint,
        "ignore": ignore,
        "drop_missing": drop_missing or None,
    }
    # Bytes stay bytes: eight times less memory than int64.
    x_train, x_test = (x if x.dtype.kind in "iu" and features.unscaled else features.integers_of(x) for x in xs)
    return Dataset(
        table.name,
        features,
        names,
        x_train,
        ys[0],
        x_test,
        ys[1],
        {key: value for key, value in options.items() if value is not None},
        table.notes,
    )


def recall(network: LutNetwork) -> Dataset:
    """The dataset that `network` was trained on, by the options in its meta."""
    data = _option(network, "data")
    if not isinstance(data, str):
        raise UsageError("the model does not say which data it was trained on; give --data")
    try:
        return load(data, like=network)
    except UsageError as error:
        raise UsageError(f"{error}; the model was trained on it, --data gives other data") from None


def _option(network: LutNetwork, key: str) -> Any:
    options = network.meta.get("data")
    return options.get(key) if isinstance(options, dict) else None


def _read(data: str, label: str | None, **csv: Any) -> Table:
    if data in CATALOGUE:
        refuse_csv_options(data, csv)
        return CATALOGUE[data].reader(data)
    path = Path(data)
    if path.exists() or path.suffix or len(path.parts) > 1:
        return read(path, label, **csv)
    for suffix in (".csv", ".npz", ".pla"):
        if path.with_name(data + suffix).exists():
            raise UsageError(f"unknown dataset {data!r}; did you mean the file {data + suffix}?")
    raise unknown_name("dataset", data, CATALOGUE)


def _check_like(table: Table, model: LutNetwork) -> None:
    """Bring the columns into the model's order, by name where the source has names."""
    wanted = model.features.names
    if table.by_name and table.names is not None:
        at = {name: i for i, name in enumerate(table.names)}
        lacking = [name for name in wanted if name not in at]
        if lacking:
            raise UsageError(
                f"{table.name} has no column {lacking[0]!r}, which the model reads "
                f"({len(lacking)} of its {len(wanted)} features are missing)"
            )
        if table.names != wanted:
            table.x_train = table.x_train[:, [at[name] for name in wanted]]
            table.names = wanted
    elif table.x_train.shape[1] != len(wanted):
        raise UsageError(
            f"{table.name} has {table.x_train.shape[1]} features but the model reads {len(wanted)}; "
            "give data like that it was trained on"
        )


def _fingerprint(x: NDArray, y: NDArray) -> str:
    sha = hashlib.sha256(repr((x.shape, x.dtype.str)).encode())
    sha.update(np.ascontiguousarray(x).data)
    sha.update("\0".join(y.tolist()).encode())
    return sha.hexdigest()[:16]


def _labels(name: str, y: NDArray) -> NDArray[np.str_]:
    """Labels as strings; whole numbers lose their point."""
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise UsageError(f"a label of {name} is {y[~np.isfinite(y)][0]}; remove missing labels first")
        if (y != np.rint(y)).any():
            raise UsageError(f"a label of {name} is {y[y != np.rint(y)][0]:g}; labels must be classes, not reals")
        y = y.astype(np.int64)
    if y.dtype.kind not in "biuSU":
        raise UsageError(f"labels of {name} must be whole numbers or strings, not {y.dtype}")
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "replace")
    values, inverse = np.unique(y, return_inverse=True)
    if len(values) > MAX_CLASSES:
        raise UsageError(f"{name} has {len(values)} different labels; at most {MAX_CLASSES} classes are possible")
    return values.astype(np.str_)[inverse]


def _groups(classes: str | None) -> tuple[tuple[str, ...], ...] | None:
    if classes is None:
        return None
    groups = tuple(tuple(label.strip() for label in group.split(",")) for group in classes.split(":"))
    flat = [label for group in groups for label in group]
    if len(groups) < 2 or not all(flat):
        raise UsageError(f"--classes {classes} must be two or more groups of labels, as in 0,1,2,3,4:5,6,7,8,9")
    if len(set(flat)) < len(flat):
        raise UsageError(f"--classes {classes} names a label twice")
    return groups


def _class_names(
    name: str, labels: list[NDArray[np.str_]], groups: tuple[tuple[str, ...], ...] | None
) -> tuple[str, ...]:
    known = sorted({str(label) for y in labels for label in np.unique(y)}, key=_natural)
    if groups is None:
        return tuple(known)
    for label in (label for group in groups for label in group):
        if label not in known:
            raise unknown_name(f"label of {name} in --classes", label, known)
    return tuple(",".join(group) for group in groups)


def _natural(label: str) -> tuple[int, int, str]:
    """Whole numbers by value and before other text."""
    try:
        return (0, int(label), label)
    except ValueError:
        return (1, 0, label)


def _numbers(
    name: str, y: NDArray[np.str_], names: tuple[str, ...], groups: tuple[tuple[str, ...], ...] | None
) -> NDArray[np.int64]:
    """Class numbers; -1 for labels outside every group."""
    members = groups if groups is not None else tuple((each,) for each in names)
    number = {label: i for i, group in enumerate(members) for label in group}
    values, inverse = np.unique(y, return_inverse=True)
    if groups is None:
        for value in values:
            if value not in number:
                raise unknown_name(f"label of {name} for this model", str(value), names)
    return np.array([number.get(str(value), -1) for value in values], np.int64)[inverse]


def _stratified(y: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """bool (n,): the examples of the test split, `share` of every class and at least one left to train on."""
    rng = np.random.default_rng(0)
    test = np.zeros(len(y), bool)
    for value in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == value))
        test[members[: min(round(share * len(members)), len(members) - 1)]] = True
    if not test.any():
        raise UsageError(f"a test split of {share:g} leaves no example to test with; choose a larger --test-split")
    return test


def _features(table: Table, x: NDArray) -> Features:
    """Names, ranges and scaling, from the training examples."""
    names = table.names or tuple(f"x{i}" for i in range(x.shape[1]))
    if x.dtype.kind == "f":
        return quantize(x, names, table.image_shape)
    low = np.full(x.shape[1], table.low) if table.low is not None else x.min(axis=0)
    high = np.full(x.shape[1], table.high) if table.high is not None else x.max(axis=0)
    if int(low.min()) < -(1 << 62) or int(high.max()) > 1 << 62:
        raise UsageError(f"{table.name} holds numbers beyond 62 bits; scale them down first")
    return Features.integers(low.astype(np.int64), high.astype(np.int64), names, table.image_shape)
