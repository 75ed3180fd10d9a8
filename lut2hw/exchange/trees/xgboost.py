"""XGBoost models saved as JSON (`Booster.save_model("model.json")`) to trees; XGBoost itself is not needed.

Source: XGBoost's documentation, "Introduction to Model IO" and its JSON schema (doc/model.schema). Read are models of
the booster gbtree with numerical splits and the objectives binary:logistic, binary:logitraw, binary:hinge,
multi:softmax and multi:softprob.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from lut2hw.exchange.logic import FormatError, shown
from lut2hw.exchange.trees.ensemble import MAX_CLASSES, Tree, TreeEnsemble, strings

BINARY = ("binary:logistic", "binary:logitraw", "binary:hinge")
MULTI = ("multi:softmax", "multi:softprob")


def parse(value: dict[str, Any]) -> TreeEnsemble:
    """The JSON object of a model to trees. Errors: `FormatError`, or KeyError and the like if it is damaged."""
    learner = value["learner"]
    objective = learner["objective"]["name"]
    if objective not in BINARY + MULTI:
        raise FormatError(
            f"its objective {shown(str(objective))} is not classification; {', '.join(BINARY + MULTI)} are read"
        )
    booster = learner["gradient_booster"]
    if booster["name"] != "gbtree":
        raise FormatError(f"its booster {shown(str(booster['name']))} is not read; train with gbtree")
    parameters = learner["learner_model_param"]
    n_classes, n_features = int(parameters["num_class"]) or 2, int(parameters["num_feature"])
    if not 2 <= n_classes <= MAX_CLASSES:
        raise FormatError(f"it has {n_classes} classes")
    scores = n_classes if objective in MULTI else 1
    base = _base(parameters["base_score"], scores, objective == "binary:logistic")
    model = booster["model"]
    trees = []
    for tree, c in zip(model["trees"], model["tree_info"], strict=True):
        if any(tree.get("split_type", [])):
            raise FormatError("it has categorical splits; encode categories as numbers first")
        left, right = (np.asarray(tree[name], np.int64) for name in ("left_children", "right_children"))
        # Thresholds and leaves are 32-bit floats, written in decimal.
        with np.errstate(over="ignore"):  # infinity is refused with the rest that is no number
            condition = np.asarray(tree["split_conditions"], np.float32).astype(np.float64)
        leaf = left < 0
        trees.append(
            Tree(
                np.where(leaf, -1, np.asarray(tree["split_indices"], np.int64)),
                np.where(leaf, 0.0, condition),
                left,
                right,
                np.where(leaf, condition, 0.0)[:, None],
                (int(c) if scores > 1 else 0,),
            )
        )
    names = strings(learner.get("feature_names") or [])
    return TreeEnsemble(
        tuple(trees),
        n_features,
        tuple(map(str, range(n_classes))),
        base,
        "<",
        True,
        0,
        names or None,
        f"XGBoost {objective}",
    )


def _base(text: str, scores: int, logistic: bool) -> np.ndarray:
    """The score without trees: one number, or a list with one per class in newer files."""
    value = json.loads(text)
    base = np.asarray(value if isinstance(value, list) else [value], np.float64)
    if len(base) == 1:
        base = np.repeat(base, scores)
    if len(base) != scores:
        raise FormatError(f"its base_score has {len(base)} entries for {scores} scores")
    if logistic:
        if not 0 < base[0] < 1:
            raise FormatError("its base_score is not a probability")
        base = np.array([math.log(base[0] / (1 - base[0]))])
    return base
