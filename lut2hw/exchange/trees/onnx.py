"""ONNX models of one tree ensemble to trees (the extra `onnx` reads the file).

Source: ONNX's operators of ai.onnx.ml, `TreeEnsembleClassifier` of versions 1 and 3, and how onnxruntime 1.32 adds up
and decides (onnxruntime/core/providers/cpu/ml/tree_ensemble_aggregator.h). What skl2onnx and onnxmltools write of
tree classifiers is read; a graph that computes anything before or beside the ensemble is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import FormatError, Lut2hwError, shown
from lut2hw.exchange.trees.ensemble import MAX_CLASSES, Tree, TreeEnsemble

_PLAIN = ("Identity", "Cast")
"""Operators through which the features reach the ensemble, and its labels the output."""
_TRUE_IS_LEFT = {"BRANCH_LEQ": ("<=", True), "BRANCH_LT": ("<", True), "BRANCH_GT": ("<=", False),
                 "BRANCH_GTE": ("<", False)}  # fmt: skip
"""By mode: the comparison that sends an example to the left, and whether the left is where the node's is true."""


def parse(data: bytes) -> TreeEnsemble:
    """The bytes of a model to trees.

    Parameters
    ----------
    data : bytes

    Raises
    ------
    FormatError
        If the model is not read. KeyError and the like if it is damaged.
    Lut2hwError
        If the package onnx is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise Lut2hwError("ONNX files are read by the package onnx; run: pip install 'lut2hw[onnx]'") from None
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError:
        raise FormatError("it is not a readable ONNX file") from None
    graph = model.graph
    found = [node for node in graph.node if node.op_type.startswith("TreeEnsemble")]
    if len(found) != 1 or found[0].op_type != "TreeEnsembleClassifier":
        what = ", ".join(sorted({node.op_type for node in found or graph.node})) or "nothing"
        raise FormatError(f"it holds {shown(what)}; a model of one TreeEnsembleClassifier is read")
    node = found[0]
    made_by = {output: each for each in graph.node for output in each.output}
    constants = {each.name for each in graph.initializer}
    inputs = [each for each in graph.input if each.name not in constants]
    if len(inputs) != 1 or _source(node.input[0], made_by) != inputs[0].name:
        raise FormatError("it computes something of its inputs before the trees; save the trees alone")
    if _source(graph.output[0].name, made_by) != node.output[0]:
        raise FormatError("its first output is not the class that the trees give; save the trees alone")
    kind = inputs[0].type.tensor_type.elem_type
    if kind not in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE):
        raise FormatError("its input is not one array of floats; save it with FloatTensorType")
    given = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    width = [each.dim_value for each in inputs[0].type.tensor_type.shape.dim][-1:]
    return _ensemble(given, width[0] if width else 0, kind == onnx.TensorProto.FLOAT)


def _source(name: str, made_by: dict[str, Any]) -> str:
    """The value that a value is, unchanged."""
    while name in made_by and made_by[name].op_type in _PLAIN:
        name = made_by[name].input[0]
    return name


def _ensemble(given: dict[str, Any], width: int, single: bool) -> TreeEnsemble:
    if any(name.endswith("_as_tensor") for name in given):
        raise FormatError("its numbers are 64-bit tensors; save it with FloatTensorType")
    labels = [each.decode() for each in given.get("classlabels_strings", ())]
    labels = labels or [str(each) for each in given["classlabels_int64s"]]
    n_classes = len(labels)
    if not 2 <= n_classes <= MAX_CLASSES:
        raise FormatError(f"it has {n_classes} classes")
    class_of = np.asarray(given["class_ids"], np.int64)
    weight = np.asarray(given["class_weights"], np.float32)
    one = n_classes == 2 and len(set(class_of.tolist())) == 1
    scores = 1 if one else n_classes
    base = np.zeros(scores)
    if len(values := given.get("base_values", ())):
        if len(values) != scores:
            raise FormatError(f"it has {len(values)} base values for {scores} scores")
        base = np.asarray(values, np.float64)
    if one and (weight >= 0).all():
        base = base - 0.5  # votes of one class, which wins with more than half of them
    comparison, trees = _trees(given, class_of, weight, scores)
    read = max((int(tree.feature.max()) for tree in trees), default=0) + 1
    return TreeEnsemble(
        tuple(trees),
        max(width, read),
        tuple(labels),
        base,
        comparison,
        single,
        0,
        None,
        "ONNX TreeEnsembleClassifier",
        single_sums=single,
    )


def _trees(
    given: dict[str, Any], class_of: NDArray[np.int64], weight: NDArray[np.float32], scores: int
) -> tuple[str, list[Tree]]:
    tree_of = np.asarray(given["nodes_treeids"], np.int64)
    number = np.asarray(given["nodes_nodeids"], np.int64)
    modes = [each.decode() for each in given["nodes_modes"]]
    unknown = sorted(set(modes) - {"LEAF", *_TRUE_IS_LEFT})
    kinds = {_TRUE_IS_LEFT[mode][0] for mode in modes if mode in _TRUE_IS_LEFT}
    if unknown or len(kinds) > 1:
        raise FormatError(f"its comparisons {shown(', '.join(sorted(set(modes) - {'LEAF'})))} are not read together")
    leaf = np.array([mode == "LEAF" for mode in modes])
    true_is_left = np.array([mode == "LEAF" or _TRUE_IS_LEFT[mode][1] for mode in modes])
    true, false = (np.asarray(given[f"nodes_{name}nodeids"], np.int64) for name in ("true", "false"))
    to_true = np.asarray(given.get("nodes_missing_value_tracks_true", np.zeros(len(modes))), np.int64) != 0
    left, right = np.where(true_is_left, true, false), np.where(true_is_left, false, true)
    feature = np.where(leaf, -1, np.asarray(given["nodes_featureids"], np.int64))
    threshold = np.where(leaf, 0.0, np.asarray(given["nodes_values"], np.float32).astype(np.float64))
    adds: dict[tuple[int, int], list[int]] = {}
    for i, key in enumerate(zip(given["class_treeids"], given["class_nodeids"], strict=True)):
        adds.setdefault((int(key[0]), int(key[1])), []).append(i)
    trees = []
    for rows in _runs(tree_of):
        at = {int(each): i for i, each in enumerate(number[rows].tolist())}
        value = np.zeros((len(rows), scores))
        for i, row in enumerate(rows.tolist()):
            for each in adds.get((int(tree_of[row]), int(number[row])), ()) if leaf[row] else ():
                value[i, class_of[each] if scores > 1 else 0] += weight[each]

        def numbers(
            child: NDArray[np.int64], rows: NDArray[np.int64] = rows, at: dict[int, int] = at
        ) -> NDArray[np.int64]:
            return np.array([-1 if leaf[row] else at[int(child[row])] for row in rows.tolist()], np.int64)

        # NaN compares false.
        missing_left = np.where(true_is_left, to_true, ~to_true)[rows]
        trees.append(
            Tree(
                feature[rows],
                threshold[rows],
                numbers(left),
                numbers(right),
                value,
                tuple(range(scores)),
                missing_left,
            )
        )
    return kinds.pop() if kinds else "<=", trees


def _runs(tree_of: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Rows of each tree, its root first."""
    for tree in np.unique(tree_of):
        yield np.flatnonzero(tree_of == tree)
