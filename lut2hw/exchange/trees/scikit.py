"""Fitted scikit-learn classifiers and regressors to trees.

An estimator is recognised by its exact class, since any attribute may mean something else in another. Read are
single trees, forests, gradient boosting and histogram gradient boosting, AdaBoost, and Bagging and Voting over them
where the answer is a sum over trees. Sources: the classes' own `predict` in scikit-learn 1.9.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import UsageError
from lut2hw.exchange.trees.ensemble import Tree, TreeEnsemble, label_name, number_names

READ = (
    "DecisionTreeClassifier, ExtraTreeClassifier, RandomForestClassifier, ExtraTreesClassifier, "
    "GradientBoostingClassifier, HistGradientBoostingClassifier, AdaBoost, Bagging and Voting of trees, and the "
    "regressors of these names up to HistGradientBoostingRegressor"
)

BOOSTERS = ("xgboost", "lightgbm", "catboost")
"""Libraries whose estimators have a reader of their own: `from_NAME` in the module of that name."""


@dataclass(frozen=True)
class _Sum:
    """What an estimator's answer is the sum of; the other attributes as in `TreeEnsemble`."""

    trees: list[Tree]
    base: NDArray[np.float64]
    single: bool = True
    at_zero: int = 1


def from_sklearn(estimator: Any, class_names: Sequence[str] | None = None) -> TreeEnsemble:
    """The trees of a fitted classifier of scikit-learn, XGBoost, LightGBM or CatBoost.

    Parameters
    ----------
    estimator : a fitted classifier
        Decision and extra trees, random forests and extra trees, gradient boosting and histogram gradient boosting,
        `AdaBoostClassifier` and hard `VotingClassifier` of single trees, `BaggingClassifier` and soft
        `VotingClassifier` of trees and forests; regressors of the first four kinds, whose answer is the sum itself.
        Subclasses are refused: they may predict in another way.
    class_names : sequence of str, optional
        One for each class; by default `estimator.classes_`.

    Returns
    -------
    TreeEnsemble
        Its `predict` gives the estimator's own answers, as positions in `estimator.classes_`.

    Raises
    ------
    UsageError
        For any other estimator, several outputs or categorical splits.
    """
    kind = _name(estimator)
    library = type(estimator).__module__.split(".")[0]
    if library in BOOSTERS:
        module = importlib.import_module(f"lut2hw.exchange.trees.{library}")
        boosted: TreeEnsemble = getattr(module, f"from_{library}")(estimator)
        return boosted if class_names is None else boosted.renamed(class_names)
    numbers = _number_readers().get(type(estimator))
    if numbers is not None:
        return _regressor(estimator, numbers, class_names)
    reader = _readers().get(type(estimator))
    if reader is None:
        raise UsageError(f"{kind} is not read; scikit-learn's {READ} are")
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(estimator)
    if isinstance(estimator.classes_, list) or np.ndim(estimator.classes_) != 1:
        raise UsageError(f"{kind} is not a classifier with one output")
    read = reader(estimator)
    given = getattr(estimator, "feature_names_in_", None)
    labels = np.asarray(estimator.classes_)
    return TreeEnsemble(
        tuple(read.trees),
        int(estimator.n_features_in_),
        tuple(class_names) if class_names is not None else tuple(map(label_name, labels.tolist())),
        read.base,
        "<=",
        read.single,
        read.at_zero,
        None if given is None else tuple(map(str, given)),
        f"scikit-learn {kind}",
    )


def _name(estimator: Any) -> str:
    return type(estimator).__name__


def _readers() -> dict[type, Callable[[Any], _Sum]]:
    """Readers by exact class."""
    from sklearn import ensemble, tree

    return {
        tree.DecisionTreeClassifier: _single,
        tree.ExtraTreeClassifier: _single,
        ensemble.RandomForestClassifier: _mean,
        ensemble.ExtraTreesClassifier: _mean,
        ensemble.BaggingClassifier: _mean,
        ensemble.GradientBoostingClassifier: _boosting,
        ensemble.HistGradientBoostingClassifier: _histogram,
        ensemble.AdaBoostClassifier: _ada,
        ensemble.VotingClassifier: _voting,
    }


def _number_readers() -> dict[type, Callable[[Any], _Sum]]:
    """Readers of regressors by exact class."""
    from sklearn import ensemble, tree

    return {
        tree.DecisionTreeRegressor: _mean_number,
        tree.ExtraTreeRegressor: _mean_number,
        ensemble.RandomForestRegressor: _mean_number,
        ensemble.ExtraTreesRegressor: _mean_number,
        ensemble.GradientBoostingRegressor: _boosted_number,
        ensemble.HistGradientBoostingRegressor: _histogram_number,
    }


def _regressor(estimator: Any, reader: Callable[[Any], _Sum], class_names: Sequence[str] | None) -> TreeEnsemble:
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(estimator)
    if class_names is not None:
        raise UsageError(f"{_name(estimator)} answers numbers and has no classes to name")
    read = reader(estimator)
    given = getattr(estimator, "feature_names_in_", None)
    return TreeEnsemble(
        tuple(read.trees),
        int(estimator.n_features_in_),
        (),
        read.base,
        "<=",
        read.single,
        feature_names=None if given is None else tuple(map(str, given)),
        source=f"scikit-learn {_name(estimator)}",
        target_names=number_names(len(read.base)),
    )


def _mean_number(estimator: Any) -> _Sum:
    """The mean of the leaves' values."""
    members = getattr(estimator, "estimators_", [estimator])
    outputs = range(estimator.n_outputs_)
    trees = [_tree(each.tree_, each.tree_.value[:, :, 0] / len(members), outputs) for each in members]
    return _Sum(trees, np.zeros(len(outputs)))


def _boosted_number(estimator: Any) -> _Sum:
    """Every loss of GradientBoostingRegressor answers its raw sum."""
    from sklearn.dummy import DummyRegressor

    if not (type(estimator.init_) is DummyRegressor or estimator.init_ == "zero"):
        raise UsageError("gradient boosting that starts from another estimator is not read; leave init out")
    start = np.zeros((1, estimator.n_features_in_), np.float32)
    trees = [
        _tree(tree.tree_, tree.tree_.value[:, 0, :] * estimator.learning_rate, (0,))
        for (tree,) in estimator.estimators_
    ]
    return _Sum(trees, np.asarray(estimator._raw_predict_init(start)[0], np.float64))


def _histogram_number(estimator: Any) -> _Sum:
    if estimator.loss in ("poisson", "gamma"):
        raise UsageError(
            f"HistGradientBoostingRegressor with the loss {estimator.loss} answers the exponential of its sum, which "
            "is not read; train with squared_error"
        )
    return _histogram(estimator)


def _is_single(estimator: Any) -> bool:
    from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

    return type(estimator) in (DecisionTreeClassifier, ExtraTreeClassifier) and estimator.n_outputs_ == 1


def _single(estimator: Any) -> _Sum:
    """The answer of a single tree is the class of the leaf, whatever its share."""
    classes = len(estimator.classes_)
    return _Sum([_tree(estimator.tree_, _best(estimator), range(classes))], np.zeros(classes))


def _mean(estimator: Any) -> _Sum:
    """The class of the highest mean of leaf shares; the sum has the same."""
    classes = len(estimator.classes_)
    return _Sum(list(_shares_of(estimator, range(classes), 1.0)), np.zeros(classes))


def _boosting(estimator: Any) -> _Sum:
    from sklearn.dummy import DummyClassifier

    if not (type(estimator.init_) is DummyClassifier or estimator.init_ == "zero"):
        raise UsageError("gradient boosting that starts from another estimator is not read; leave init out")
    start = np.zeros((1, estimator.n_features_in_), np.float32)
    trees = [
        _tree(tree.tree_, tree.tree_.value[:, 0, :] * estimator.learning_rate, (c,))
        for stage in estimator.estimators_
        for c, tree in enumerate(stage)
    ]
    return _Sum(trees, np.asarray(estimator._raw_predict_init(start)[0], np.float64))


def _histogram(estimator: Any) -> _Sum:
    if estimator.is_categorical_ is not None and np.any(estimator.is_categorical_):
        raise UsageError("categorical splits are not read; encode categories as numbers first")
    trees = []
    for stage in estimator._predictors:
        for c, predictor in enumerate(stage):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            trees.append(
                Tree(
                    np.where(leaf, -1, nodes["feature_idx"].astype(np.int64)),
                    np.where(leaf, 0.0, nodes["num_threshold"]),
                    nodes["left"].astype(np.int64),
                    nodes["right"].astype(np.int64),
                    nodes["value"].astype(np.float64)[:, None],
                    (c,),
                    nodes["missing_go_to_left"].astype(bool),
                )
            )
    return _Sum(trees, np.asarray(estimator._baseline_prediction, np.float64).reshape(-1), single=False, at_zero=0)


def _ada(estimator: Any) -> _Sum:
    """Each tree adds its weight w to the class it names, and -w / (classes - 1) to the others.

    Source: J. Zhu et al., "Multi-class AdaBoost", Statistics and its Interface 2, 2009 (SAMME).
    """
    classes = len(estimator.classes_)
    if getattr(estimator, "algorithm", "SAMME") not in ("SAMME", "deprecated"):
        raise UsageError(f"AdaBoostClassifier with algorithm {estimator.algorithm} is not read; fit it with SAMME")
    if classes < 2:
        raise UsageError("AdaBoostClassifier knows a single class; at least two are needed")
    trees = []
    for each, weight in zip(estimator.estimators_, estimator.estimator_weights_, strict=False):
        if not _is_single(each):
            raise _refused(estimator, each, "single trees")
        votes = np.full((len(each.tree_.feature), classes), -1 / (classes - 1) * weight)
        at = np.searchsorted(estimator.classes_, each.classes_)
        votes[np.arange(len(votes)), at[_best(each).argmax(axis=1)]] = weight
        trees.append(_tree(each.tree_, votes, range(classes)))
    return _Sum(trees, np.zeros(classes))


def _voting(estimator: Any) -> _Sum:
    classes = len(estimator.classes_)
    trees = []
    for each, weight in zip(estimator.estimators_, _weights(estimator), strict=True):
        outputs = np.asarray(each.classes_, np.int64)  # they were fitted on class numbers
        if estimator.voting == "soft":
            trees += list(_shares_of(each, outputs, weight, estimator))
        elif not _is_single(each):
            raise _refused(estimator, each, "single trees, or of forests with voting='soft',")
        else:
            trees.append(_tree(each.tree_, _best(each) * weight, outputs))
    return _Sum(trees, np.zeros(classes))


def _weights(voting: Any) -> list[float]:
    """One for each estimator that was fitted."""
    used = [i for i, (_, each) in enumerate(voting.estimators) if not isinstance(each, str)]  # not "drop"
    return [1.0 if voting.weights is None else float(voting.weights[i]) for i in used]


def _shares_of(
    estimator: Any,
    outputs: Iterable[int],
    weight: float,
    above: Any = None,
    features: NDArray[np.int64] | None = None,
) -> Iterator[Tree]:
    """The trees whose leaf shares add up to `weight` times the estimator's `predict_proba`.

    Forests at the top keep whole shares, which only scales the sum: votes of pure leaves stay whole numbers.
    """
    from sklearn.ensemble import BaggingClassifier, ExtraTreesClassifier, RandomForestClassifier, VotingClassifier

    columns = np.asarray(list(outputs), np.int64)
    kind = type(estimator)
    if _is_single(estimator):
        value = _shares(estimator.tree_)
        yield _tree(estimator.tree_, value if weight == 1 else value * weight, columns, features)
        return
    nested = above is not None
    members: list[tuple[Any, NDArray[np.int64], NDArray[np.int64] | None]]
    if kind in (RandomForestClassifier, ExtraTreesClassifier):
        members = [(each, columns, None) for each in estimator.estimators_]
    elif kind is BaggingClassifier:
        members = [
            (each, columns[np.asarray(each.classes_, np.int64)], np.asarray(own, np.int64))
            for each, own in zip(estimator.estimators_, estimator.estimators_features_, strict=True)
        ]
    elif kind is VotingClassifier and estimator.voting == "soft" and nested:
        total = sum(_weights(estimator))
        for tree in _voting(estimator).trees:
            yield _moved(tree, weight / total, columns, features)
        return
    else:
        raise _refused(above if nested else estimator, estimator, "trees and forests")
    share = weight / len(members) if nested else weight
    for each, own_columns, own_features in members:
        wanted = features
        if own_features is not None:
            wanted = own_features if features is None else features[own_features]
        yield from _shares_of(each, own_columns, share, estimator, wanted)


def _moved(tree: Tree, weight: float, columns: NDArray[np.int64], features: NDArray[np.int64] | None) -> Tree:
    """The tree with other outputs and features."""
    feature = tree.feature
    if features is not None:
        feature = np.where(feature < 0, -1, features[np.maximum(feature, 0)])
    return Tree(
        feature,
        tree.threshold,
        tree.left,
        tree.right,
        tree.value * weight,
        tuple(int(columns[c]) for c in tree.outputs),
        tree.missing_left,
    )


def _refused(above: Any, each: Any, what: str) -> UsageError:
    return UsageError(f"{_name(above)} of {_name(each)} is not read; {_name(above)} of {what} is")


def _shares(tree: Any) -> NDArray[np.float64]:
    value: NDArray[np.float64] = tree.value[:, 0, :]
    shares: NDArray[np.float64] = value / value.sum(axis=1, keepdims=True)
    return shares


def _best(estimator: Any) -> NDArray[np.float64]:
    """One for the class of each node, zero for the others."""
    best: NDArray[np.float64] = np.eye(len(estimator.classes_))[_shares(estimator.tree_).argmax(axis=1)]
    return best


def _tree(
    tree: Any, value: NDArray[np.float64], outputs: Iterable[int], features: NDArray[np.int64] | None = None
) -> Tree:
    leaf = tree.children_left < 0
    feature = np.asarray(tree.feature, np.int64)
    if features is not None:
        feature = features[np.maximum(feature, 0)]
    return Tree(
        np.where(leaf, -1, feature).astype(np.int64),
        np.where(leaf, 0.0, tree.threshold),
        tree.children_left.astype(np.int64),
        tree.children_right.astype(np.int64),
        np.ascontiguousarray(value, np.float64),
        tuple(map(int, outputs)),
        np.asarray(tree.missing_go_to_left, bool),
    )
