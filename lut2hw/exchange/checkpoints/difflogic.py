"""difflogic checkpoints (Petersen et al., "Deep Differentiable Logic Gate Networks", NeurIPS 2022) as networks.

From a file of `torch.save(model, ...)` (`torchfile`), or a NumPy archive; PyTorch is not needed here. The model is a
Sequential of LogicLayers that ends in GroupSum. Its connections are not in the state_dict, so an archive is made by

    layers = [each for each in model if isinstance(each, difflogic.LogicLayer)]
    arrays = {"classes": model[-1].k, "inputs": layers[0].in_dim}
    for i, layer in enumerate(layers):
        arrays[f"{i}.weights"] = layer.weights.detach().cpu().numpy()        # (out_dim, 16)
        arrays[f"{i}.a"], arrays[f"{i}.b"] = (each.cpu().numpy() for each in layer.indices)
    numpy.savez("model.npz", **arrays)

Add `thresholds` (n_features, bits) if the inputs are not features of the values 0 and 1: input feature * bits + j is
then `x[feature] > thresholds[feature, j]`, in the units of the data. Gate i is the i-th of the 16 functions in the
order of difflogic's `functional.py`, and the largest weight chooses it, as in the library's evaluation mode.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import FormatError
from lut2hw.exchange.builder import Builder
from lut2hw.exchange.checkpoints import arrays as checkpoints
from lut2hw.exchange.logic import MAX_INPUTS
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork

NAME = "difflogic"

# Entry of the gate's number for (a, b): difflogic lists 00, 01, 10, 11 from the most significant bit down.
GATES = tuple(
    sum((gate >> (3 - (2 * a + b)) & 1) << (a + 2 * b) for a in (0, 1) for b in (0, 1)) for gate in range(16)
)
"""Truth tables of the 16 gates, input a the least significant bit of the index."""


def parse(
    arrays: dict[str, NDArray[Any]], features: Features | None = None, class_names: tuple[str, ...] | None = None
) -> LutNetwork:
    """Arrays by name to a network.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Those of the file, as said above.
    features : Features, optional
        Of the data it is for; see `checkpoints.inputs` for what None means.
    class_names : tuple of str, optional
        One per class; None: 0, 1 and so on.

    Raises
    ------
    FormatError
    """
    numbers = checkpoints.numbered(arrays, "weights")
    if not numbers:
        raise FormatError("it has no array '0.weights'")
    classes = checkpoints.classes(arrays, class_names)
    count = checkpoints.number(arrays, "inputs", 1, MAX_INPUTS)
    encoder, builder, nodes = checkpoints.start(arrays, features, count)
    for i in numbers:
        weights = checkpoints.need(arrays, f"{i}.weights", ndim=2)
        a, b = (checkpoints.need(arrays, f"{i}.{side}", ndim=1, kinds="iu").astype(np.int64) for side in "ab")
        if weights.shape[1] != 16 or not len(weights) == len(a) == len(b) or not len(a):
            raise FormatError(f"the arrays of layer {i} do not have the shapes (n, 16), (n,) and (n,)")
        if min(a.min(), b.min()) < 0 or max(a.max(), b.max()) >= len(nodes):
            raise FormatError(f"layer {i} reads an input that is not there")
        nodes = [
            _gate(builder, nodes[x], nodes[y], GATES[gate])
            for x, y, gate in zip(a.tolist(), b.tolist(), weights.argmax(axis=1).tolist(), strict=True)
        ]
    if len(nodes) % classes:
        raise FormatError(f"its last layer has {len(nodes)} gates, not a multiple of its {classes} classes")
    return checkpoints.group_sum(builder, nodes, classes, encoder, class_names, {"imported": NAME})


def _gate(builder: Builder, a: int, b: int, table: int) -> int:
    if table == 0b1010:
        return a
    if table == 0b1100:
        return b
    return builder.lut((a, b), table)
