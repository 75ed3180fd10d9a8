"""Decision trees, forests and gradient boosting as networks: every comparison becomes a bit of the code, every tree
becomes LUTs, leaf values become integers, and the head adds them.

A tree gives class c the value of its leaf. Values are rounded to integers of `leaf_bits` bits in steps that are the
same for all trees, and bit j of that integer is a boolean function of the tree's comparisons: one LUT, or several
where it reads more than k of them. It votes for class c with weight 2**j. So the only approximation is the rounding:
with T trees the sums are off by at most T / 2 steps, and not at all for whole votes (single trees, forests whose
leaves are pure). The same idea: A. Khataei and K. Bazargan, "TreeLUT", FPGA 2025.
"""

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
from lut2hw.exchange.builder import Builder
from lut2hw.exchange.logic import FormatError, read_bytes, shown
from lut2hw.exchange.trees.thresholds import boundaries, encoder_of, features_of
from lut2hw.files import write_text
from lut2hw.logic import truth
from lut2hw.logic.graph import MUX
from lut2hw.model.check import MAX_K
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head

FORMAT = "lut2hw trees"
MAX_FEATURES = 1 << 17
MAX_CLASSES = 1024
COMPARISONS = ("<=", "<")


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree; node 0 is the root.

    feature: int64 (n_nodes,), -1 for leaves. threshold: float64 (n_nodes,); an example whose feature compares
    true with it goes to `left`, else to `right`, int64 (n_nodes,). value: float64 (n_nodes, n_outputs), of leaves.
    outputs: the classes that the columns of `value` add to.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    outputs: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """A sum of trees as its library computes it, in floating point.

    comparison: "<=" (scikit-learn) or "<" (XGBoost) sends an example to the left. single: features are rounded to
    32-bit floats before they are compared. base: float64, the score without trees, one per class, or one in all for
    two classes decided by a threshold. at_zero: the class of a score of exactly 0 in that case.
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

    def __post_init__(self) -> None:
        check(self)

    def scores(self, x: ArrayLike) -> NDArray[np.float64]:
        """Scores float64 (n, len(base)) of real features (n, n_features)."""
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.n_features:
            raise UsageError(f"expected data of shape (examples, {self.n_features}) but got {x.shape}")
        x = x.astype(np.float32 if self.single else np.float64)
        out = np.tile(self.base, (len(x), 1))
        rows = np.arange(len(x))
        for tree in self.trees:
            at = np.zeros(len(x), np.int64)
            while True:
                inner = tree.feature[at] >= 0
                if not inner.any():
                    break
                values, limit = x[rows, tree.feature[at]], tree.threshold[at]
                left = values <= limit if self.comparison == "<=" else values < limit
                at = np.where(inner, np.where(left, tree.left[at], tree.right[at]), at)
            for column, c in enumerate(tree.outputs):
                out[:, c] += tree.value[at, column]
        return out

    def predict(self, x: ArrayLike) -> NDArray[np.int64]:
        """Class numbers int64 (n,) of real features (n, n_features), in floating point."""
        scores = self.scores(x)
        if scores.shape[1] > 1:
            return np.argmax(scores, axis=1).astype(np.int64)
        return np.where(scores[:, 0] == 0, self.at_zero, scores[:, 0] > 0).astype(np.int64)

    def renamed(self, class_names: Sequence[str]) -> TreeEnsemble:
        """The same with other names of its classes. Errors: `UsageError` if their number differs."""
        if len(class_names) != len(self.class_names):
            raise UsageError(f"the model has {len(self.class_names)} classes but {len(class_names)} names are given")
        return replace(self, class_names=tuple(class_names))

    def save(self, path: str | Path) -> None:
        """Write a JSON file that `load` and `lut2hw import` read."""
        trees = [
            {
                "feature": t.feature.tolist(),
                "threshold": t.threshold.tolist(),
                "left": t.left.tolist(),
                "right": t.right.tolist(),
                "value": t.value.tolist(),
                "outputs": list(t.outputs),
            }
            for t in self.trees
        ]
        text = json.dumps(
            {
                "format": FORMAT,
                "version": 1,
                "source": self.source,
                "n_features": self.n_features,
                "class_names": list(self.class_names),
                "base": self.base.tolist(),
                "comparison": self.comparison,
                "single": self.single,
                "at_zero": self.at_zero,
                "feature_names": None if self.feature_names is None else list(self.feature_names),
                "trees": trees,
            }
        )
        write_text(path, text + "\n")


def _sensible(values: NDArray[np.float64]) -> bool:
    return bool((np.abs(values) < 1e30).all())  # False for NaN


def check(ensemble: TreeEnsemble) -> None:
    """Raise `UsageError` unless every tree is one and fits the rest."""

    def need(condition: Any, what: str) -> None:
        if not bool(condition):
            raise UsageError(f"inconsistent trees: {what}")

    classes = len(ensemble.class_names)
    scores = len(ensemble.base)
    need(2 <= classes <= MAX_CLASSES, f"there must be 2 to {MAX_CLASSES} classes, not {classes}")
    need(scores == classes or (scores == 1 and classes == 2), f"{scores} scores for {classes} classes")
    need(ensemble.base.ndim == 1 and _sensible(ensemble.base), "a base score is not a number of sensible size")
    need(1 <= ensemble.n_features <= MAX_FEATURES, f"{ensemble.n_features} features")
    need(ensemble.comparison in COMPARISONS, f"unknown comparison {ensemble.comparison!r}")
    need(ensemble.at_zero in (0, 1), "at_zero must be 0 or 1")
    need(
        ensemble.feature_names is None or len(ensemble.feature_names) == ensemble.n_features,
        "feature names and features differ in number",
    )
    for number, tree in enumerate(ensemble.trees):
        n = len(tree.feature)
        name = f"tree {number}"
        need(
            n >= 1
            and tree.threshold.shape == tree.left.shape == tree.right.shape == (n,)
            and tree.value.shape == (n, len(tree.outputs)),
            f"the arrays of {name} differ in length",
        )
        need(all(0 <= c < scores for c in tree.outputs), f"{name} adds to a class that is not there")
        inner = tree.feature >= 0
        need((tree.feature < ensemble.n_features).all(), f"{name} reads a feature that is not there")
        need(
            np.isfinite(tree.threshold[inner]).all() and _sensible(tree.value[~inner]),
            f"{name} has a number that is not finite or not of sensible size",
        )
        children = np.concatenate([tree.left[inner], tree.right[inner]])
        need(
            ((children > 0) & (children < n)).all() and len(np.unique(children)) == len(children),
            f"{name} is not a tree",
        )
        # Every node has one parent at most, so what the root reaches is a tree.


def to_network(
    ensemble: TreeEnsemble, features: Features | None = None, *, leaf_bits: int = 8, k: int = 6
) -> LutNetwork:
    """The network of an ensemble.

    features: of the data, which makes the comparisons exact on it; None takes ranges from the thresholds alone.
    leaf_bits: bits of the leaf values as integers. k: inputs of a LUT at most, 3 to 20.
    """
    if not 1 <= leaf_bits <= 20:
        raise UsageError(f"leaf values need 1 to 20 bits, not {leaf_bits}")
    if not 3 <= k <= MAX_K:
        raise UsageError(f"the LUTs of trees have 3 to {MAX_K} inputs, not {k}")
    strict = ensemble.comparison == "<="  # to the right goes what is greater
    inner = [np.flatnonzero(tree.feature >= 0) for tree in ensemble.trees]
    both = list(zip(ensemble.trees, inner, strict=True))
    read = np.concatenate([np.zeros(0, np.int64), *(tree.feature[at] for tree, at in both)])
    limits = np.concatenate([np.zeros(0), *(tree.threshold[at] for tree, at in both)])
    if features is None:
        features = features_of(ensemble.n_features, read, limits, ensemble.feature_names)
    elif len(features) != ensemble.n_features:
        raise UsageError(f"the trees read {ensemble.n_features} features but the data have {len(features)}")
    least = boundaries(features, read, limits, strict=strict, single=ensemble.single)
    known = (features.low[read] < least) & (least <= features.high[read])
    pairs = sorted({(int(f), int(t)) for f, t in zip(read[known], least[known], strict=True)})
    if not pairs:
        raise UsageError("no comparison of the trees can come out both ways on this data; nothing is left to build")
    bit = {pair: number for number, pair in enumerate(pairs)}

    builder = Builder(len(bit))
    step = _step(ensemble, leaf_bits)
    votes: dict[tuple[int, int], int] = {}  # by (class, node)
    bias = ensemble.base / step
    at = 0
    for tree, nodes in zip(ensemble.trees, inner, strict=True):
        # Per inner node: a bit of the code, or a side that all examples take.
        goes: dict[int, int | bool] = {}
        for node, f, t in zip(
            nodes.tolist(), read[at : at + len(nodes)].tolist(), least[at : at + len(nodes)].tolist(), strict=True
        ):
            goes[node] = bit.get((f, t), t <= int(features.low[f]))
        at += len(nodes)
        order = _order(tree, goes)
        for column, c in enumerate(tree.outputs):
            leaves = [node for node in order if node not in goes]
            values = tree.value[leaves, column]  # what the others hold is anything
            least_value = values.min()
            whole = np.zeros(len(tree.value), np.int64)
            whole[leaves] = np.rint((values - least_value) / step)
            bias[c] += least_value / step
            for j in range(int(whole[leaves].max()).bit_length()):
                node_or_constant = _function(tree, order, goes, (whole >> j & 1).tolist(), builder, k)
                if node_or_constant is True:
                    bias[c] += 1 << j
                elif node_or_constant is not False:
                    key = (c, node_or_constant)
                    votes[key] = votes.get(key, 0) + (1 << j)
    return _network(ensemble, features, pairs, builder, votes, bias)


def _step(ensemble: TreeEnsemble, leaf_bits: int) -> float:
    """Value of one unit: the widest range of one tree's leaves gets all the bits."""
    widest = 0.0
    for tree in ensemble.trees:
        leaves = tree.value[tree.feature < 0]
        if leaves.size:
            widest = max(widest, float((leaves.max(axis=0) - leaves.min(axis=0)).max()))
    return widest / ((1 << leaf_bits) - 1) or 1.0


def _order(tree: Tree, goes: dict[int, int | bool]) -> list[int]:
    """Nodes that some example can reach, parents first; nodes where all take one side are passed through."""
    order, stack = [], [0]
    while stack:
        node = stack.pop()
        order.append(node)
        side = goes.get(node)
        if side is None:
            continue
        if side is not True:
            stack.append(int(tree.left[node]))
        if side is not False:
            stack.append(int(tree.right[node]))
    return order


def _function(
    tree: Tree, order: Sequence[int], goes: dict[int, int | bool], leaf: Sequence[int], builder: Builder, k: int
) -> int | bool:
    """The builder's node of a boolean function given by its values at the leaves, or a constant."""
    made: dict[int, tuple[tuple[int, ...], int]] = {}  # by tree node: what it reads (builder's nodes), and the table
    for node in reversed(order):
        side = goes.get(node)
        if side is None:
            made[node] = (), leaf[node] & 1
        elif side is True or side is False:
            made[node] = made.pop(int(tree.right[node] if side else tree.left[node]))
        else:
            made[node] = _mux(side, made.pop(int(tree.left[node])), made.pop(int(tree.right[node])), builder, k)
    reads, table = made[0]
    if not reads:
        return bool(table)
    return reads[0] if reads == (reads[0],) and table == 0b10 else builder.lut(reads, table)


def _mux(
    select: int, low: tuple[tuple[int, ...], int], high: tuple[tuple[int, ...], int], builder: Builder, k: int
) -> tuple[tuple[int, ...], int]:
    """`high` if the bit `select` else `low`; the wider one gets a LUT of its own where that reads too much."""
    if low == high:
        return low
    while True:
        reads = tuple(sorted({select, *low[0], *high[0]}))
        if len(reads) <= k:
            break
        if len(low[0]) >= len(high[0]):
            low = (builder.lut(*low),), 0b10
        else:
            high = (builder.lut(*high),), 0b10
    n = len(reads)
    ones = truth.full(n)
    place = {node: truth.var(i, n) for i, node in enumerate(reads)}
    low_table, high_table = (truth.apply(table, [place[node] for node in own], ones) for own, table in (low, high))
    table = truth.apply(MUX, [low_table, high_table, place[select]], ones)
    for i in reversed(range(n)):  # an input of equal cofactors is no input
        if not truth.depends(table, len(reads), i):
            table = truth.cofactors(table, len(reads), i)[0]
            reads = reads[:i] + reads[i + 1 :]
    return reads, table


def _network(
    ensemble: TreeEnsemble,
    features: Features,
    pairs: Sequence[tuple[int, int]],
    builder: Builder,
    votes: dict[tuple[int, int], int],
    bias: NDArray[np.float64],
) -> LutNetwork:
    layers, signal = builder.layers()
    keys = sorted(votes)
    weight = [votes[key] for key in keys]
    argmax = len(bias) > 1
    if not (np.abs(bias) < 1 << 40).all():
        raise UsageError("the scores without trees are too large beside the leaves'")
    if argmax:
        whole = [int(each) for each in np.rint(bias - bias.min())]
        divisor = math.gcd(*weight, *whole) or 1
    else:
        # Class 1 if the sum is positive, or zero where zero counts.
        whole = [
            math.floor(round(float(bias[0]), 6)) if ensemble.at_zero else math.ceil(round(float(bias[0]), 6)) - 1
        ]
        divisor = math.gcd(*weight) or 1
    if any(abs(each) >= 1 << 31 for each in weight) or any(abs(each) >= 1 << 40 for each in whole):
        raise UsageError("the leaf sums need more than 31 bits; use fewer leaf bits")
    head = Head(
        "argmax" if argmax else "threshold",
        signal[[node for _, node in keys]].astype(np.int32),
        np.array([c for c, _ in keys], np.int32),
        np.array([w // divisor for w in weight], np.int32),
        np.array([b // divisor for b in whole], np.int64),
    )
    return LutNetwork(
        encoder_of(features, pairs),
        layers,
        head,
        ensemble.class_names,
        {"imported": ensemble.source} if ensemble.source else {},
    )


# --- files ------------------------------------------------------------------------------------------------------


def load(path: str | Path) -> TreeEnsemble:
    """Read trees from JSON: what `TreeEnsemble.save` wrote, or an XGBoost model. Errors: `FormatError`."""
    data = read_bytes(path)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise FormatError(f"{path} is not a readable JSON file") from None
    try:
        if isinstance(value, dict) and "learner" in value:
            from lut2hw.exchange.trees import xgboost

            return xgboost.parse(value)
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise FormatError("it is neither an XGBoost model nor trees saved by lut2hw")
        if value.get("version") != 1:
            raise FormatError(f"its version is {shown(str(value.get('version')))}, this lut2hw reads 1")
        trees = tuple(
            Tree(
                np.asarray(t["feature"], np.int64),
                np.asarray(t["threshold"], np.float64),
                np.asarray(t["left"], np.int64),
                np.asarray(t["right"], np.int64),
                np.asarray(t["value"], np.float64),
                tuple(int(c) for c in t["outputs"]),
            )
            for t in value["trees"]
        )
        names = value["feature_names"]
        return TreeEnsemble(
            trees,
            int(value["n_features"]),
            strings(value["class_names"]),
            np.asarray(value["base"], np.float64),
            value["comparison"],
            bool(value["single"]),
            int(value["at_zero"]),
            None if names is None else strings(names),
            str(value["source"]),
        )
    except FormatError as error:
        raise FormatError(f"cannot use {path}: {error}") from None
    except UsageError as error:
        raise FormatError(f"cannot use {path}: {error}") from None
    except MemoryError:
        raise FormatError(f"{path} needs more memory than there is") from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, IndexError) as error:
        raise FormatError(f"cannot use {path}: it is damaged ({type(error).__name__})") from None


def strings(values: Iterable[Any]) -> tuple[str, ...]:
    """A list of JSON strings as a tuple."""
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise FormatError("names must be a list of strings")
    return tuple(values)


# --- scikit-learn -----------------------------------------------------------------------------------------------


def from_sklearn(estimator: Any, class_names: Sequence[str] | None = None) -> TreeEnsemble:
    """The trees of a fitted scikit-learn classifier.

    Decision and extra trees, random forests and extra trees (their mean of leaf shares), gradient boosting and
    histogram gradient boosting. class_names: `estimator.classes_` as strings if None.
    Errors: `UsageError` for other estimators, several outputs, missing values or categorical splits.
    """
    from sklearn.utils.validation import check_is_fitted

    kind = type(estimator).__name__
    check_is_fitted(estimator)
    if isinstance(getattr(estimator, "classes_", None), list) or not hasattr(estimator, "classes_"):
        raise UsageError(f"{kind} is not a classifier with one output")
    names = tuple(class_names if class_names is not None else map(str, estimator.classes_.tolist()))
    n = int(estimator.n_features_in_)
    given = getattr(estimator, "feature_names_in_", None)
    feature_names = None if given is None else tuple(map(str, given))
    classes = len(estimator.classes_)

    def made(trees: Iterable[Tree], base: NDArray[np.float64], single: bool = True, at_zero: int = 1) -> TreeEnsemble:
        return TreeEnsemble(
            tuple(trees), n, names, base, "<=", single, at_zero, feature_names, f"scikit-learn {kind}"
        )

    if hasattr(estimator, "_predictors"):  # histogram gradient boosting
        base = np.asarray(estimator._baseline_prediction, np.float64).reshape(-1)
        trees = []
        for stage in estimator._predictors:
            for c, predictor in enumerate(stage):
                nodes = predictor.nodes
                if nodes["is_categorical"].any():
                    raise UsageError("categorical splits are not read; encode categories as numbers first")
                leaf = nodes["is_leaf"].astype(bool)
                trees.append(
                    Tree(
                        np.where(leaf, -1, nodes["feature_idx"].astype(np.int64)),
                        np.where(leaf, 0.0, nodes["num_threshold"]),
                        nodes["left"].astype(np.int64),
                        nodes["right"].astype(np.int64),
                        nodes["value"].astype(np.float64)[:, None],
                        (c,),
                    )
                )
        return made(trees, base, single=False, at_zero=0)
    if hasattr(estimator, "estimators_") and hasattr(estimator, "init_"):  # gradient boosting
        from sklearn.dummy import DummyClassifier

        if not (isinstance(estimator.init_, DummyClassifier) or estimator.init_ == "zero"):
            raise UsageError("gradient boosting that starts from another estimator is not read; leave init out")
        base = estimator._raw_predict_init(np.zeros((1, n), np.float32))[0].astype(np.float64)
        trees = [
            _sklearn_tree(tree.tree_, tree.tree_.value[:, 0, :] * estimator.learning_rate, (c,))
            for stage in estimator.estimators_
            for c, tree in enumerate(stage)
        ]
        return made(trees, base)
    if hasattr(estimator, "estimators_") and all(hasattr(tree, "tree_") for tree in estimator.estimators_):
        trees = [_sklearn_tree(tree.tree_, _shares(tree.tree_), range(classes)) for tree in estimator.estimators_]
        return made(trees, np.zeros(classes))
    if hasattr(estimator, "tree_"):
        # The answer of a single tree is the class of the leaf, whatever its share.
        best = np.eye(classes)[_shares(estimator.tree_).argmax(axis=1)]
        return made([_sklearn_tree(estimator.tree_, best, range(classes))], np.zeros(classes))
    raise UsageError(f"{kind} is not read; trees, forests and gradient boosting of scikit-learn are")


def _shares(tree: Any) -> NDArray[np.float64]:
    value = tree.value[:, 0, :]
    return value / value.sum(axis=1, keepdims=True)


def _sklearn_tree(tree: Any, value: NDArray[np.float64], outputs: Iterable[int]) -> Tree:
    leaf = tree.children_left < 0
    return Tree(
        np.where(leaf, -1, tree.feature).astype(np.int64),
        np.where(leaf, 0.0, tree.threshold),
        tree.children_left.astype(np.int64),
        tree.children_right.astype(np.int64),
        np.ascontiguousarray(value, np.float64),
        tuple(outputs),
    )
