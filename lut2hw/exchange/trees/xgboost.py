"""XGBoost models saved as JSON (`save_model("model.json")`) to trees; XGBoost itself is not needed.

Source: XGBoost's documentation, "Introduction to Model IO", its JSON schema (doc/model.schema) and
`XGBClassifier.predict` of version 3.2. Read are models of the boosters gbtree and dart with numerical splits, scalar
leaves, one target and the objectives in `OBJECTIVES`.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import FormatError, UsageError, shown
from lut2hw.exchange.trees.ensemble import MAX_CLASSES, Tree, TreeEnsemble, number_names, strings

BINARY = ("binary:logistic", "binary:logitraw", "binary:hinge", "reg:logistic")
MULTI = ("multi:softmax", "multi:softprob")
NUMBERS = ("reg:squarederror", "reg:linear", "reg:absoluteerror", "reg:pseudohubererror")
"""Objectives whose answer is the sum itself."""
OBJECTIVES = BINARY + MULTI + NUMBERS
CLASSIFIER_ONLY = ("binary:logitraw", "reg:logistic")
"""Objectives whose output is a number, of which only `XGBClassifier.predict` makes a class."""


def from_xgboost(estimator: Any) -> TreeEnsemble:
    """The trees of a fitted `XGBClassifier`, `XGBRFClassifier` or one of their regressors, with its `missing`.

    Raises
    ------
    UsageError
        For any other estimator, or a model that is not read.
    """
    import xgboost

    kinds = (xgboost.XGBClassifier, xgboost.XGBRFClassifier, xgboost.XGBRegressor, xgboost.XGBRFRegressor)
    if type(estimator) not in kinds:
        raise UsageError(f"{type(estimator).__name__} is not read; {', '.join(kind.__name__ for kind in kinds)} are")
    value = json.loads(estimator.get_booster().save_raw("json"))
    missing = estimator.missing
    classifier = type(estimator) in kinds[:2]
    return parse(value, missing=math.nan if missing is None else float(missing), classifier=classifier)


def parse(value: dict[str, Any], *, missing: float = math.nan, classifier: bool | None = None) -> TreeEnsemble:
    """The JSON object of a model to trees.

    Parameters
    ----------
    value : dict
    missing : float
        The value that XGBoost was told to take for missing; the file does not say.
    classifier : bool, optional
        The model is an `XGBClassifier`'s; by default as the file says.

    Raises
    ------
    FormatError
        If the model is not read. KeyError and the like if it is damaged.
    """
    learner = value["learner"]
    objective = learner["objective"]["name"]
    if objective not in OBJECTIVES:
        raise FormatError(f"its objective {shown(str(objective))} is not read; {', '.join(OBJECTIVES)} are")
    attributes = learner.get("attributes") or {}
    if classifier is None:
        classifier = "classifier" in str(attributes.get("scikit_learn", ""))
    if objective in CLASSIFIER_ONLY and not classifier:
        raise FormatError(
            f"its objective {objective} gives numbers, not classes, and the file is not an XGBClassifier's; "
            "train with binary:logistic"
        )
    booster = learner["gradient_booster"]
    if booster["name"] not in ("gbtree", "dart"):
        raise FormatError(f"its booster {shown(str(booster['name']))} is not read; train with gbtree or dart")
    parameters = learner["learner_model_param"]
    if (targets := int(parameters.get("num_target", 1))) > 1:
        raise FormatError(f"it has {targets} targets (num_target); train one model for each")
    numbers_asked = objective in NUMBERS
    n_classes, n_features = int(parameters["num_class"]) or 2, int(parameters["num_feature"])
    if not 2 <= n_classes <= MAX_CLASSES or (objective not in MULTI and n_classes > 2):
        raise FormatError(f"it has {n_classes} classes")
    scores = n_classes if objective in MULTI else 1
    base = _base(parameters["base_score"], scores, objective)
    weights = booster["weight_drop"] if booster["name"] == "dart" else None
    model = booster["gbtree"]["model"] if booster["name"] == "dart" else booster["model"]
    numbers = list(zip(model["trees"], model["tree_info"], strict=True))
    if weights is not None and len(weights) != len(numbers):
        raise FormatError(f"it has {len(weights)} weights for {len(numbers)} trees")
    used, notes = _rounds(model, attributes, scores)
    trees = []
    for number, (tree, c) in enumerate(numbers[:used]):
        if any(tree.get("split_type", [])):
            raise FormatError("it has categorical splits; encode categories as numbers first")
        if int((tree.get("tree_param") or {}).get("size_leaf_vector", 1)) > 1:
            raise FormatError("its leaves are vectors (multi_output_tree); train with one_output_per_tree")
        left, right = (np.asarray(tree[name], np.int64) for name in ("left_children", "right_children"))
        # Thresholds and leaves are 32-bit floats, written in decimal.
        with np.errstate(over="ignore", invalid="ignore"):  # infinity is refused with the rest that is no number
            condition = np.asarray(tree["split_conditions"], np.float32)
            value_of = condition if weights is None else condition * np.float32(weights[number])
        leaf = left < 0
        trees.append(
            Tree(
                np.where(leaf, -1, np.asarray(tree["split_indices"], np.int64)),
                np.where(leaf, 0.0, condition.astype(np.float64)),
                left,
                right,
                np.where(leaf, value_of.astype(np.float64), 0.0)[:, None],
                (int(c) if scores > 1 else 0,),
                np.asarray(tree["default_left"], np.int64).astype(bool) if "default_left" in tree else None,
            )
        )
    names = strings(learner.get("feature_names") or [])
    return TreeEnsemble(
        tuple(trees),
        n_features,
        () if numbers_asked else tuple(map(str, range(n_classes))),
        base,
        "<",
        True,
        0,
        names or None,
        f"XGBoost {objective}",
        missing,
        True,
        notes,
        number_names(1) if numbers_asked else (),
    )


def _rounds(model: dict[str, Any], attributes: dict[str, Any], scores: int) -> tuple[int, tuple[str, ...]]:
    """How many of the trees answer, as `XGBClassifier.predict` takes them, and a note if not all do."""
    total = len(model["trees"])
    ends = model.get("iteration_indptr")
    if ends is None:  # older files
        each = scores * max(1, int((model.get("gbtree_model_param") or {}).get("num_parallel_tree", 1)))
        ends = list(range(0, total + 1, each))
    ends = [int(end) for end in ends]
    if "best_iteration" not in attributes:
        return total, ()
    rounds = int(attributes["best_iteration"]) + 1
    if rounds < 1 or not all(0 <= end <= total for end in ends):
        raise FormatError("its best_iteration or iteration_indptr is not a number of trees")
    if rounds >= len(ends) - 1:
        return total, ()
    return ends[rounds], (
        f"early stopping: the first {rounds} of {len(ends) - 1} rounds answer (best_iteration), as in "
        "XGBClassifier.predict",
    )


def _base(text: str, scores: int, objective: str) -> NDArray[np.float64]:
    """The score without trees: one number, or a list with one per class in newer files.

    The class is 1 where the score is above 0. `XGBClassifier` compares what a model puts out with 1/2, which is a
    score of 1/2 for binary:logitraw.
    """
    value = json.loads(text)
    base = np.asarray(value if isinstance(value, list) else [value], np.float64)
    if len(base) == 1:
        base = np.repeat(base, scores)
    if len(base) != scores:
        raise FormatError(f"its base_score has {len(base)} entries for {scores} scores")
    if objective in ("binary:logistic", "reg:logistic"):
        if not 0 < base[0] < 1:
            raise FormatError("its base_score is not a probability")
        with np.errstate(all="ignore"):  # infinity is refused with the rest that is no number
            base = -np.log(1 / base.astype(np.float32) - 1).astype(np.float64)
    return base - 0.5 if objective == "binary:logitraw" else base
