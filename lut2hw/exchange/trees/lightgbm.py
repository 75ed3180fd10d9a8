"""LightGBM models saved as text (`booster_.save_model("model.txt")`) to trees; LightGBM itself is not needed.

Source: LightGBM 4.7, `GBDT::SaveModelToString` (src/boosting/gbdt_model_text.cpp) and `Tree::NumericalDecision`
(include/LightGBM/tree.h). Read are the boostings gbdt, dart and rf with numerical splits, constant leaves and the
objectives in `OBJECTIVES`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import FormatError, UsageError, shown
from lut2hw.exchange.trees.ensemble import MAX_CLASSES, Tree, TreeEnsemble, number_names

NUMBERS = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
"""Objectives whose answer is the sum itself."""
OBJECTIVES = ("binary", "multiclass", "multiclassova", *NUMBERS)
_CATEGORICAL, _DEFAULT_LEFT, _MISSING = 1, 2, 3  # bits of decision_type, and what is left of it above them
_NONE, _ZERO, _NAN = range(3)  # what counts as missing at a node


def is_lightgbm(data: bytes) -> bool:
    """Whether a file begins as LightGBM's text does."""
    return data.lstrip(b"\xef\xbb\xbf").split(b"\n", 2)[:2] in ([b"tree", b"version=v4"], [b"tree", b"version=v3"])


def from_lightgbm(estimator: Any) -> TreeEnsemble:
    """The trees of a fitted `LGBMClassifier` or `LGBMRegressor`.

    Raises
    ------
    UsageError
        For any other estimator, or a model that is not read.
    """
    import lightgbm

    if type(estimator) not in (lightgbm.LGBMClassifier, lightgbm.LGBMRegressor):
        raise UsageError(f"{type(estimator).__name__} is not read; LGBMClassifier and LGBMRegressor are")
    ensemble = parse(estimator.booster_.model_to_string())
    if type(estimator) is lightgbm.LGBMRegressor:
        return ensemble
    return ensemble.renamed(tuple(map(str, estimator.classes_)))


def parse(text: str) -> TreeEnsemble:
    """The text of a model to trees.

    Parameters
    ----------
    text : str

    Raises
    ------
    FormatError
        If the model is not read. KeyError and the like if it is damaged.
    """
    head, *blocks = text.split("end of trees", 1)[0].split("\nTree=")
    about = _fields(head)
    objective, *details = about.get("objective", "none").split()
    if objective not in OBJECTIVES:
        raise FormatError(f"its objective {shown(objective)} is not read; {', '.join(OBJECTIVES)} are")
    answers_number = objective in NUMBERS
    if answers_number and "sqrt" in details:
        raise FormatError("its answer is the square of its sum (reg_sqrt); train without it")
    n_classes = int(about["num_class"])
    scores = n_classes if objective.startswith("multiclass") else 1
    n_classes = max(2, n_classes)
    if (
        not 2 <= n_classes <= MAX_CLASSES
        or int(about["num_tree_per_iteration"]) != scores
        or not (details or answers_number)
    ):
        raise FormatError(f"it has {n_classes} classes and {about['num_tree_per_iteration']} trees a round")
    names = about["feature_names"].split(" ")
    n_features = int(about["max_feature_idx"]) + 1
    kinds: set[int] = set()
    trees = [_tree(_fields(block), number % scores, kinds) for number, block in enumerate(blocks)]
    if not trees or len(trees) % scores:
        raise FormatError(f"it has {len(trees)} trees for {scores} scores")
    if _ZERO in kinds and len(kinds) > 1:
        raise FormatError("zeros are missing values of some of its features alone; train with one zero_as_missing")
    if answers_number and "average_output" in head.splitlines():
        trees = [replace(tree, value=tree.value / len(trees)) for tree in trees]
    return TreeEnsemble(
        tuple(trees),
        n_features,
        () if answers_number else tuple(map(str, range(n_classes))),
        np.zeros(scores),
        "<=",
        False,
        0,
        None if names == [f"Column_{i}" for i in range(n_features)] else tuple(names),
        f"LightGBM {objective}",
        0.0 if _ZERO in kinds else math.nan,
        target_names=number_names(1) if answers_number else (),
    )


def _fields(block: str) -> dict[str, str]:
    """The lines name=value of a part of the text."""
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _tree(block: dict[str, str], output: int, kinds: set[int]) -> Tree:
    """One tree; what counts as missing at its nodes is added to `kinds`."""
    leaves = int(block["num_leaves"])
    if int(block.get("num_cat", 0)):
        raise FormatError("it has categorical splits; encode categories as numbers first")
    if int(block.get("is_linear", 0)):
        raise FormatError("its leaves are linear models (linear_tree); train with constant leaves")
    inner = leaves - 1

    def numbers(name: str, count: int, kind: type) -> NDArray[Any]:
        values = np.array(block[name].split() if count else [], np.float64 if kind is float else np.int64)
        if values.shape != (count,):
            raise FormatError(f"a tree has {len(values)} entries of {name} instead of {count}")
        return values

    decision = numbers("decision_type", inner, int)
    missing = decision >> 2 & _MISSING
    if (decision & _CATEGORICAL).any() or (missing > _NAN).any():
        raise FormatError("it has splits of a kind that is not known")
    kinds.update(missing.tolist())
    threshold = numbers("threshold", inner, float)
    # ~i is leaf i, which follows the inner nodes here.
    left, right = (
        np.where(child < 0, inner + ~child, child)
        for child in (numbers("left_child", inner, int), numbers("right_child", inner, int))
    )
    # Where nothing counts as missing, NaN is taken for zero.
    to_left = np.where(missing == _NONE, threshold >= 0, (decision & _DEFAULT_LEFT) > 0)
    none = np.full(leaves, -1, np.int64)
    return Tree(
        np.concatenate([numbers("split_feature", inner, int), none]),
        np.concatenate([threshold, np.zeros(leaves)]),
        np.concatenate([left, none]),
        np.concatenate([right, none]),
        np.concatenate([np.zeros(inner), numbers("leaf_value", leaves, float)])[:, None],
        (output,),
        np.concatenate([to_left, np.zeros(leaves, bool)]),
    )
