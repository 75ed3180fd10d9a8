"""What every reader of trees makes: trees of real comparisons and their sum, as the source library computes it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw.errors import UsageError
from lut2hw.files import write_text

FORMAT = "lut2hw trees"
VERSION = 1
MAX_FEATURES = 1 << 17
MAX_CLASSES = 1024
COMPARISONS = ("<=", "<")


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree; node 0 is the root.

    Attributes
    ----------
    feature : int64 (n_nodes,)
        The feature a node compares, -1 for leaves.
    threshold : float64 (n_nodes,)
        An example whose feature compares true with it goes to `left`, else to `right`. With "<=" it may be
        infinite: then all numbers go to the left.
    left, right : int64 (n_nodes,)
        Numbers of the children.
    value : float64 (n_nodes, len(outputs))
        What a leaf adds; anything for other nodes.
    outputs : tuple of int
        The scores that the columns of `value` add to.
    missing_left : bool (n_nodes,) or None
        Where an example without a value goes. None if the tree does not say.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    outputs: tuple[int, ...]
    missing_left: NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """A sum of trees as its library computes it, in floating point.

    Attributes
    ----------
    trees : tuple of Tree
    n_features : int
    class_names : tuple of str
    base : float64 (n_classes,) or (1,)
        The scores without trees: one for each class, of which the highest wins, or one alone that is compared with 0
        for two classes.
    comparison : str
        "<=" (scikit-learn) or "<" (XGBoost) sends an example to the left.
    single : bool
        Features are rounded to 32-bit floats before they are compared.
    at_zero : int
        The class of a score of exactly 0, where there is one score.
    feature_names : tuple of str or None
        None if the model does not name its features.
    source : str
        Library and kind of model, for people.
    missing : float
        A value that counts as missing beside NaN; NaN for none.
    single_sums : bool
        Scores are added up in 32-bit floats.
    notes : tuple of str
        What a user should know of how the model was read, in sentences.
    target_names : tuple of str
        One for each number that the trees answer, which is its score; none where the answer is a class. There are no
        classes then.
    """

    trees: tuple[Tree, ...]
    n_features: int
    class_names: tuple[str, ...]
    base: NDArray[np.float64]
    comparison: str = "<="
    single: bool = True
    at_zero: int = 1
    feature_names: tuple[str, ...] | None = None
    source: str = ""
    missing: float = math.nan
    single_sums: bool = False
    notes: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check(self)

    def scores(self, x: ArrayLike) -> NDArray[np.float64]:
        """Scores of real features.

        Parameters
        ----------
        x : array (n, n_features)
            NaN, and the value `missing`, go where the trees send missing values.

        Returns
        -------
        float64 (n, len(base))

        Raises
        ------
        UsageError
            If the shape is wrong, or a value is missing and a tree does not say where it goes.
        """
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.n_features:
            raise UsageError(f"expected data of shape (examples, {self.n_features}) but got {x.shape}")
        x = x.astype(np.float32 if self.single else np.float64)
        lacking = np.isnan(x) | (x == x.dtype.type(self.missing))
        some = bool(lacking.any())
        if some and any(tree.missing_left is None for tree in self.trees):
            raise UsageError("a value is missing, and the trees do not say where it goes")
        kind = np.float32 if self.single_sums else np.float64
        out = np.tile(self.base.astype(kind), (len(x), 1))
        rows = np.arange(len(x))
        for tree in self.trees:
            at = np.zeros(len(x), np.int64)
            while True:
                inner = tree.feature[at] >= 0
                if not inner.any():
                    break
                feature, limit = tree.feature[at], tree.threshold[at]
                values = x[rows, feature]
                left = values <= limit if self.comparison == "<=" else values < limit
                if some and tree.missing_left is not None:
                    left = np.where(lacking[rows, feature], tree.missing_left[at], left)
                at = np.where(inner, np.where(left, tree.left[at], tree.right[at]), at)
            for column, c in enumerate(tree.outputs):
                out[:, c] += tree.value[at, column].astype(kind)
        return out.astype(np.float64)

    def predict(self, x: ArrayLike) -> NDArray[Any]:
        """Class numbers int64 (n,) of real features (n, n_features), in floating point.

        Of trees that answer numbers, these: float64 (n,), or (n, targets) of several.

        Parameters
        ----------
        x : ArrayLike
            Features (n, n_features), as the trees were trained on.
        """
        scores = self.scores(x)
        if self.target_names:
            return scores[:, 0] if scores.shape[1] == 1 else scores
        if scores.shape[1] > 1:
            best: NDArray[np.int64] = scores.argmax(axis=1)
            return best
        return np.where(scores[:, 0] == 0, self.at_zero, scores[:, 0] > 0).astype(np.int64)

    def renamed(self, class_names: Sequence[str]) -> TreeEnsemble:
        """The same with other names of its classes, one for each class number.

        Parameters
        ----------
        class_names : Sequence[str]
            One per class, in the ensemble's order.

        Raises
        ------
        UsageError
            If their number differs.
        """
        if self.target_names:
            raise UsageError("the model answers numbers and has no classes to name")
        if len(class_names) != len(self.class_names):
            raise UsageError(f"the model has {len(self.class_names)} classes but {len(class_names)} names are given")
        return replace(self, class_names=tuple(class_names))

    def reordered(self, order: Sequence[int], feature_names: tuple[str, ...]) -> TreeEnsemble:
        """The same for data whose columns stand in another order.

        Parameters
        ----------
        order : sequence of int
            For each feature of the model its column in the data.
        feature_names : tuple of str
            The names of all columns of the data.
        """
        at = np.asarray(order, np.int64)
        trees = tuple(
            replace(tree, feature=np.where(tree.feature < 0, -1, at[np.maximum(tree.feature, 0)]))
            for tree in self.trees
        )
        return replace(self, trees=trees, n_features=len(feature_names), feature_names=feature_names)

    def save(self, path: str | Path) -> None:
        """Write a JSON file that `lut2hw.exchange.trees.load` and `lut2hw import` read.

        Parameters
        ----------
        path : str | Path
            File to write (.json).
        """
        trees = [
            {
                "feature": t.feature.tolist(),
                "threshold": t.threshold.tolist(),
                "left": t.left.tolist(),
                "right": t.right.tolist(),
                "value": t.value.tolist(),
                "outputs": list(t.outputs),
            }
            | ({} if t.missing_left is None else {"missing_left": t.missing_left.astype(int).tolist()})
            for t in self.trees
        ]
        text = json.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "source": self.source,
                "n_features": self.n_features,
                "class_names": list(self.class_names),
                "base": self.base.tolist(),
                "comparison": self.comparison,
                "single": self.single,
                "at_zero": self.at_zero,
                "feature_names": None if self.feature_names is None else list(self.feature_names),
                "missing": None if math.isnan(self.missing) else self.missing,
                "single_sums": self.single_sums,
                "notes": list(self.notes),
                **({"target_names": list(self.target_names)} if self.target_names else {}),
                "trees": trees,
            }
        )
        write_text(path, text + "\n")


def strings(values: Iterable[Any]) -> tuple[str, ...]:
    """A list of JSON strings as a tuple."""
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise UsageError("names must be a list of strings")
    return tuple(values)


def number_names(count: int) -> tuple[str, ...]:
    """Names of as many numbers that a model does not name."""
    return ("y",) if count == 1 else tuple(f"y{i}" for i in range(count))


def label_name(label: Any) -> str:
    """A label as data sets name it: whole numbers lose their point."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def _sensible(values: NDArray[np.float64]) -> bool:
    return bool((np.abs(values) < 1e30).all())  # False for NaN


def check(ensemble: TreeEnsemble) -> None:
    """Raise `UsageError` unless every tree is one and fits the rest."""

    def need(condition: Any, what: str) -> None:
        if not bool(condition):
            raise UsageError(f"inconsistent trees: {what}")

    classes = len(ensemble.class_names)
    scores = len(ensemble.base)
    if ensemble.target_names:
        targets = len(ensemble.target_names)
        need(not classes, "numbers and classes are answered at once")
        need(targets == scores <= MAX_CLASSES, f"{scores} scores for {targets} numbers")
        need(len(set(ensemble.target_names)) == targets, "two numbers have the same name")
    else:
        need(2 <= classes <= MAX_CLASSES, f"there must be 2 to {MAX_CLASSES} classes, not {classes}")
        need(len(set(ensemble.class_names)) == classes, "two classes have the same name")
        need(scores == classes or (scores == 1 and classes == 2), f"{scores} scores for {classes} classes")
    need(ensemble.base.ndim == 1 and _sensible(ensemble.base), "a base score is not a number of sensible size")
    need(1 <= ensemble.n_features <= MAX_FEATURES, f"{ensemble.n_features} features")
    need(ensemble.comparison in COMPARISONS, f"unknown comparison {ensemble.comparison!r}")
    need(ensemble.at_zero in (0, 1), "at_zero must be 0 or 1")
    need(not math.isinf(ensemble.missing), "the value that counts as missing is infinite")
    names = ensemble.feature_names
    need(names is None or len(names) == ensemble.n_features, "feature names and features differ in number")
    need(names is None or len(set(names)) == len(names), "two features have the same name")
    for number, tree in enumerate(ensemble.trees):
        n = len(tree.feature)
        name = f"tree {number}"
        need(
            n >= 1
            and tree.threshold.shape == tree.left.shape == tree.right.shape == (n,)
            and tree.value.shape == (n, len(tree.outputs))
            and (tree.missing_left is None or tree.missing_left.shape == (n,)),
            f"the arrays of {name} differ in length",
        )
        need(all(0 <= c < scores for c in tree.outputs), f"{name} adds to a class that is not there")
        inner = tree.feature >= 0
        need((tree.feature < ensemble.n_features).all(), f"{name} reads a feature that is not there")
        limits = tree.threshold[inner]
        if ensemble.comparison == "<=":
            limits = limits[limits != math.inf]  # all numbers go to the left
        need(
            np.isfinite(limits).all() and _sensible(tree.value[~inner]),
            f"{name} has a number that is not finite or not of sensible size",
        )
        children = np.concatenate([tree.left[inner], tree.right[inner]])
        need(
            ((children > 0) & (children < n)).all() and len(np.unique(children)) == len(children),
            f"{name} is not a tree",
        )
        # Every node has one parent at most, so what the root reaches is a tree.
