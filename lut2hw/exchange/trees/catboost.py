"""CatBoost models saved as JSON (`save_model("model.json", format="json")`) to trees; CatBoost itself is not needed.

Source: CatBoost 1.2, "Model JSON description" of its documentation and `catboost/libs/model/model_export`. Read are
classifiers of numbers, symmetric trees and others, of the losses in `LOSSES`.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import FormatError, UsageError, shown
from lut2hw.exchange.trees.ensemble import MAX_CLASSES, Tree, TreeEnsemble, label_name

BINARY = ("Logloss", "CrossEntropy")
LOSSES = (*BINARY, "MultiClass", "MultiClassOneVsAll")
MAX_DEPTH = 16


def is_catboost(value: Any) -> bool:
    """Whether a JSON value is a CatBoost model."""
    return isinstance(value, dict) and "features_info" in value and "model_info" in value


def from_catboost(estimator: Any) -> TreeEnsemble:
    """The trees of a fitted `CatBoostClassifier`.

    Raises
    ------
    UsageError
        For any other estimator, or a model that is not read.
    """
    import catboost

    if type(estimator) is not catboost.CatBoostClassifier:
        raise UsageError(f"{type(estimator).__name__} is not read; CatBoostClassifier is")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        estimator.save_model(str(path), format="json")
        value = json.loads(path.read_bytes())
    return parse(value)


def parse(value: dict[str, Any]) -> TreeEnsemble:
    """The JSON object of a model to trees.

    Parameters
    ----------
    value : dict

    Raises
    ------
    FormatError
        If the model is not read. KeyError and the like if it is damaged.
    """
    about = value["model_info"]
    parameters = about["params"]
    if isinstance(parameters, str):
        parameters = json.loads(parameters)
    loss = parameters["loss_function"]["type"]
    if loss not in LOSSES:
        raise FormatError(f"its loss {shown(str(loss))} is not classification; {', '.join(LOSSES)} are")
    info = value["features_info"]
    if set(info) - {"float_features"}:
        raise FormatError("it has features of text or categories; encode them as numbers first")
    if about.get("binclass_probability_threshold") is not None:
        raise FormatError("it has a probability threshold of its own; save it without, and use `lut2hw tune`")
    features = info["float_features"]
    if [int(each["flat_feature_index"]) for each in features] != list(range(len(features))):
        raise FormatError("its features are not numbered from 0")
    names = tuple(str(each.get("feature_id", "")) for each in features)
    # NaN is below all borders or above them.
    low = np.array([each["nan_value_treatment"] != "AsTrue" for each in features], bool)
    labels = (about.get("class_params") or {}).get("class_names")
    scale, base = value["scale_and_bias"]
    bias = np.asarray(base, np.float64)
    if labels is None:
        labels = list(range(2 if len(bias) == 1 else len(bias)))
    scores = 1 if loss in BINARY else len(labels)
    if not 2 <= len(labels) <= MAX_CLASSES or len(bias) not in (1, scores):
        raise FormatError(f"it has {len(labels)} classes and {len(bias)} scores")
    if "oblivious_trees" in value:
        trees = [_symmetric(each, scores, float(scale), low) for each in value["oblivious_trees"]]
    else:
        trees = [_branching(each, scores, float(scale), low) for each in value["trees"]]
    return TreeEnsemble(
        tuple(trees),
        len(features),
        tuple(map(label_name, labels)),
        np.repeat(bias, scores) if len(bias) == 1 else bias,
        "<=",
        True,
        0,
        names if len(set(names)) == len(names) and all(names) and not _numbered(names) else None,
        f"CatBoost {loss}",
    )


def _numbered(names: tuple[str, ...]) -> bool:
    """Whether features are called by their numbers, as those without names are."""
    return names == tuple(map(str, range(len(names))))


def _split(split: dict[str, Any], low: NDArray[np.bool_]) -> tuple[int, float, bool]:
    """Feature, border (32 bits) and whether NaN is below it: what is above goes to the right."""
    if split["split_type"] != "FloatFeature":
        raise FormatError("it has splits of categories; encode categories as numbers first")
    feature = int(split["float_feature_index"])
    return feature, float(np.float32(split["border"])), bool(low[feature])


def _symmetric(tree: dict[str, Any], scores: int, scale: float, low: NDArray[np.bool_]) -> Tree:
    """A tree with the same split at all nodes of a level: split i is bit i of a leaf's number."""
    splits = [_split(each, low) for each in tree["splits"] or ()]
    depth = len(splits)
    if depth > MAX_DEPTH:
        raise FormatError(f"a tree is {depth} splits deep")
    leaves = np.asarray(tree["leaf_values"], np.float64).reshape(1 << depth, scores) * scale
    inner = (1 << depth) - 1
    # Node i of a heap has children 2 * i + 1 and 2 * i + 2; the root asks for the highest bit.
    level = [int(i + 1).bit_length() - 1 for i in range(inner)]
    asked = [splits[depth - 1 - each] for each in level]
    none = np.full(1 << depth, -1, np.int64)
    at = np.arange(inner, dtype=np.int64)
    return Tree(
        np.concatenate([np.array([each[0] for each in asked], np.int64), none]),
        np.concatenate([np.array([each[1] for each in asked], np.float64), np.zeros(1 << depth)]),
        np.concatenate([2 * at + 1, none]),
        np.concatenate([2 * at + 2, none]),
        np.concatenate([np.zeros((inner, scores)), leaves]),
        tuple(range(scores)),
        np.concatenate([np.array([each[2] for each in asked], bool), np.zeros(1 << depth, bool)]),
    )


def _branching(tree: dict[str, Any], scores: int, scale: float, low: NDArray[np.bool_]) -> Tree:
    """A tree of nested objects."""
    feature: list[int] = []
    threshold: list[float] = []
    missing: list[bool] = []
    children: list[list[int]] = []
    value: list[NDArray[np.float64]] = []
    waiting: list[tuple[dict[str, Any], int, int]] = [(tree, -1, 0)]
    while waiting:
        node, parent, side = waiting.pop()
        if parent >= 0:
            children[parent][side] = len(feature)
        if "split" in node:
            f, border, below = _split(node["split"], low)
            waiting += [(node["right"], len(feature), 1), (node["left"], len(feature), 0)]
            leaf = np.zeros(scores)
        else:
            f, border, below = -1, 0.0, False
            leaf = np.broadcast_to(np.asarray(node["value"], np.float64) * scale, (scores,))
        feature.append(f)
        threshold.append(border)
        missing.append(below)
        children.append([-1, -1])
        value.append(leaf)
    both = np.array(children, np.int64)
    return Tree(
        np.array(feature, np.int64),
        np.array(threshold, np.float64),
        both[:, 0],
        both[:, 1],
        np.array(value, np.float64),
        tuple(range(scores)),
        np.array(missing, bool),
    )
