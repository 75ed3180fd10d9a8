"""`read`: a file of another tool as a network, matched with the data that it is for and measured on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lut2hw.choices import Task
from lut2hw.errors import UsageError
from lut2hw.exchange import match, registry
from lut2hw.exchange.circuit import identifier
from lut2hw.model.network import LutNetwork

if TYPE_CHECKING:
    from lut2hw.data.dataset import Dataset
    from lut2hw.exchange.trees.ensemble import TreeEnsemble

STAND_INS = (0.0, -1.0, -999.0, -9999.0)
"""Numbers that stand for a missing value in many tables."""


@dataclass(frozen=True, eq=False)
class Imported:
    """A model of another tool.

    Attributes
    ----------
    network : LutNetwork
    source : str
        What it was, for people.
    notes : tuple of str
        What was decided on the way, in sentences.
    original : TreeEnsemble or None
        The model as its library computes it, in floating point; None if the network is exact.
    accuracy : dict of str to float
        By split of the data, if there are any.
    agreement : dict of str to float
        Share of the examples of a split on which the network answers as `original` does on the unrounded data; of
        numbers, as near as their rounding allows: (trees + 1) / 2 steps.
    """

    network: LutNetwork
    source: str
    notes: tuple[str, ...] = ()
    original: TreeEnsemble | None = None
    accuracy: dict[str, float] = field(default_factory=dict)
    agreement: dict[str, float] = field(default_factory=dict)


def read(
    path: str | Path,
    *,
    data: Dataset | None = None,
    class_names: Sequence[str] | None = None,
    by_position: bool = False,
    missing: float | None = None,
    leaf_bits: int = 8,
    k: int = 6,
    outputs: str = "auto",
    output: str | None = None,
) -> Imported:
    """Any file that can be imported, by its ending and content.

    Features and classes are matched with those of the data by name. A model without names of its own is matched by
    position; of its classes the data must not say otherwise.

    Parameters
    ----------
    path : str or Path
    data : Dataset, optional
        That the model is for. Gives ranges and steps of the features and names of the classes, and the network is
        measured on it.
    class_names : sequence of str, optional
        Names of the model's classes, in the model's order.
    by_position : bool
        Match features by position, whatever their names.
    missing : float, optional
        Trees: the number that XGBoost was told to take for missing (`missing=`), which its file does not say. By
        default NaN, unless the data show that it cannot be.
    leaf_bits, k : int
        Trees: see `lut2hw.exchange.trees.to_network`.
    outputs, output : str
        Logic: see `lut2hw.exchange.logic.to_network`.

    Returns
    -------
    Imported

    Raises
    ------
    UsageError
        In one line, if the file is damaged, not of a kind that is read, or does not fit the data.
    """
    form = registry.for_reading(path)
    if by_position and data is None:
        raise UsageError("features are matched with those of data; give --data, or leave --by-position out")
    known = (Task.CLASSIFICATION, Task.REGRESSION) if form.kind == "trees" else (Task.CLASSIFICATION,)
    if data is not None and data.task not in known:
        raise UsageError(f"models are imported for classes, not for --task {data.task}; leave it out")
    names = None if class_names is None else tuple(class_names)
    if form.kind == "trees":
        made = _trees(path, data, names, by_position, missing, leaf_bits, k)
    elif missing is not None:
        raise UsageError(f"a value for missing is for trees, which {path} is not")
    elif form.kind == "logic":
        made = _logic(form, path, data, names, by_position, outputs, output)
    else:
        made = _checkpoint(path, data, names, by_position)
    if data is not None:
        if len(made.network.features) != len(data.features):
            raise UsageError(
                f"{path} reads {len(made.network.features)} inputs but {data.name} has {len(data.features)} features"
            )
        numbers = bool(made.network.target_names)
        made = _compared(made, data) if numbers else _measured(made, data, class_names is not None)
    return replace(made, network=made.network.with_meta(imported=made.source))


def _numbers(data: Dataset | None) -> tuple[str, ...] | None:
    """As many class numbers as the data have classes."""
    return None if data is None else tuple(map(str, range(len(data.class_names))))


def _checkpoint(
    path: str | Path, data: Dataset | None, class_names: tuple[str, ...] | None, by_position: bool
) -> Imported:
    from lut2hw.exchange.checkpoints.file import load

    found = load(path)
    about = found.about
    if data is None:
        network = found.network(None, class_names)
        notes = ("features are raw: the file's scaler is in the thresholds",) if about.mean is not None else ()
        return Imported(network, str(network.meta["imported"]), notes)
    own = data.features.names
    names = about.feature_names
    columns = match.order(names, own, data.name, by_position) if names else list(range(len(own)))
    numbers = match.numbered(data.class_names) and not set(data.class_names) <= set(about.class_names or ())
    if class_names is None and (about.class_names is None or numbers):
        class_names = _numbers(data)
    features = match.in_order(data.features, columns)
    scaled = about.mean is not None and found.scaled(data.raw("all")[:, columns])
    network = found.network(features, class_names, scaled=scaled)
    said = []
    if about.mean is not None:
        said.append(
            f"{data.name} is taken as scaled by the file's scaler already, by its means and deviations"
            if scaled
            else "features are raw: the file's scaler is in the thresholds"
        )
    return Imported(
        match.with_columns(network, columns, own),
        str(network.meta["imported"]),
        (*_positions(names, columns, data), *said),
    )


def _logic(
    form: registry.Format,
    path: str | Path,
    data: Dataset | None,
    class_names: tuple[str, ...] | None,
    by_position: bool,
    outputs: str,
    output: str | None,
) -> Imported:
    classes = len(data.class_names) if data is not None and class_names is None else None
    network = form.load().read(path, outputs=outputs, output=output, class_names=class_names, classes=classes)
    source = Path(path).suffix[1:].upper()
    if data is None or len(network.features) != len(data.features):
        return Imported(network, source)
    known = {}
    for name in data.features.names:
        for plain in (identifier(name), name):  # as lut2hw itself exports them, and as they are
            known.update({f"{plain}_ge_1": name, f"{plain}[0]": name, plain: name})
    own = network.features.names
    read = [known.get(each, each) for each in own]
    names = read if len(set(read)) == len(read) else own
    columns = match.order(names, data.features.names, data.name, by_position)
    return Imported(
        match.with_columns(network, columns, data.features.names), source, _positions(names, columns, data)
    )


def _positions(names: Sequence[str] | None, columns: Sequence[int], data: Dataset) -> tuple[str, ...]:
    """A note if names differ and position decides."""
    own = data.features.names
    if (
        names is None
        or match.nameless(names)
        or all(own[at] == name for name, at in zip(names, columns, strict=True))
    ):
        return ()
    return (f"features are matched by position: {names[0]!r} is {own[0]!r} of {data.name}, and so on",)


def _trees(
    path: str | Path,
    data: Dataset | None,
    class_names: tuple[str, ...] | None,
    by_position: bool,
    missing: float | None,
    leaf_bits: int,
    k: int,
) -> Imported:
    from lut2hw.exchange.trees.file import load
    from lut2hw.exchange.trees.network import to_network

    ensemble = load(path, missing=missing)
    if class_names is not None:
        ensemble = ensemble.renamed(class_names)
    notes = ensemble.notes
    if data is not None and (data.task is Task.REGRESSION) != bool(ensemble.target_names):
        raise UsageError(
            f"{path} answers {'numbers' if ensemble.target_names else 'classes'}; "
            f"{'give' if ensemble.target_names else 'leave out'} --task regression"
        )
    source = f"{ensemble.source or 'trees'}, {len(ensemble.trees)} trees"
    if data is None:
        return Imported(to_network(ensemble, leaf_bits=leaf_bits, k=k), source, notes, ensemble)
    own = data.features.names
    names = ensemble.feature_names
    if ensemble.n_features != len(own) and names is None:
        raise UsageError(f"the trees read {ensemble.n_features} features but {data.name} has {len(own)}")
    columns = match.order(names, own, data.name, by_position)
    notes += _positions(names, columns, data)
    ensemble = ensemble.reordered(columns, own)
    numbers = data.raw("all")
    if missing is None and math.isnan(ensemble.missing) and ensemble.single_sums and not ensemble.target_names:
        notes += _about_missing(ensemble, data)
    # Only where the rounding of the data changes an answer do features need finer steps.
    rounded = data.features.real(data.features.clip(data.features.integers_of(numbers)))
    exact = (ensemble.predict(rounded) == ensemble.predict(numbers)).all()
    network = to_network(ensemble, data.features, examples=None if exact else numbers, leaf_bits=leaf_bits, k=k)
    return Imported(network, source, notes, ensemble)


def _about_missing(ensemble: TreeEnsemble, data: Dataset) -> tuple[str, ...]:
    """A note if it matters whether zeros of the data stand for missing values, which XGBoost's file does not say.

    A model that is right more often if some number does is refused: one that is overlooked gives wrong answers in
    silence.
    """
    if any(tree.missing_left is None for tree in ensemble.trees):
        return ()
    numbers, y = data.raw("all"), data.split("all")[1]
    sizes = len(ensemble.class_names), len(data.class_names)
    answers = ensemble.predict(numbers)
    plain = match.right_at_best(answers, y, *sizes)
    notes: tuple[str, ...] = ()
    for value in STAND_INS:
        if not (numbers == value).any():
            continue
        others = replace(ensemble, missing=value).predict(numbers)
        right = match.right_at_best(others, y, *sizes)
        if match.significant(int((right & ~plain).sum()), int((plain & ~right).sum())):
            raise UsageError(
                f"the trees are right more often on {data.name} if {value:g} counts as missing; say what XGBoost was "
                f"told, --missing {value:g} or --missing nan"
            )
        if value == 0 and (differ := int((others != answers).sum())):
            notes = (
                f"zeros are taken for numbers; if XGBoost was told missing=0 (its file does not say), {differ:,} "
                f"of {len(y):,} answers differ: then give --missing 0, else --missing nan",
            )
    return notes


def _measured(made: Imported, data: Dataset, sure: bool) -> Imported:
    """With class names of the data, accuracies and agreement."""
    network = made.network
    numbers, y = data.raw("all"), data.split("all")[1]
    answers = network.predict(numbers)
    names = match.class_names(network.class_names, data.class_names, y, answers, data.name, sure)
    network = replace(network, class_names=names)
    at = np.array([data.class_names.index(name) if name in data.class_names else -1 for name in names])
    accuracy, agreement = {}, {}
    for split in ("train", "test"):
        numbers, y = data.raw(split), data.split(split)[1]
        if not len(y):
            continue
        answers = network.predict(numbers)
        accuracy[split] = _share(at[answers] == y)
        if made.original is not None:
            agreement[split] = _share(answers == made.original.predict(numbers))
    network = network.with_meta(
        data=data.options, **{f"{split}_accuracy": value for split, value in accuracy.items()}
    )
    return replace(made, network=network, accuracy=accuracy, agreement=agreement)


def _compared(made: Imported, data: Dataset) -> Imported:
    """Numbers with what the library answers: how often within their rounding, and the largest difference."""
    assert made.original is not None and made.network.head.fraction is not None
    if len(made.network.target_names) != len(data.target_names):
        raise UsageError(
            f"the trees answer {len(made.network.target_names)} numbers but {data.name} has {len(data.target_names)}"
        )
    steps = np.ldexp(1.0, -made.network.head.fraction)
    bound = (len(made.original.trees) + 1) / 2 * steps
    agreement, most = {}, 0.0
    for split in ("train", "test"):
        numbers = data.raw(split)
        if not len(numbers):
            continue
        apart = np.abs(made.network.predict(numbers) - made.original.predict(numbers)).reshape(len(numbers), -1)
        agreement[split] = _share((apart <= bound * (1 + 1e-6)).all(axis=1))
        most = max(most, float(apart.max()))
    note = (
        f"numbers come in steps of {', '.join(f'{step:g}' for step in steps)}, at most {most:.4g} from what the "
        "library says"
    )
    network = replace(made.network, target_names=data.target_names).with_meta(data=data.options)
    return replace(made, network=network, agreement=agreement, notes=(*made.notes, note))


def _share(right: np.ndarray) -> float:
    return round(float(right.mean()), 6)
