"""torch_dwn checkpoints (Bacellar et al., "Differentiable Weightless Neural Networks", ICML 2024) as networks.

From a file of `torch.save` (`torchfile`), or a NumPy archive of the state_dict of a Sequential of LUTLayers that ends
in GroupSum; PyTorch is not needed here:

    arrays = {name: value.cpu().numpy() for name, value in model.state_dict().items()}
    numpy.savez("model.npz", classes=10, thresholds=thermometer.thresholds.numpy(), **arrays)

Read are `N.luts` (n_luts, 2**n), an entry greater than 0 is a one; `N.mapping` (n_luts, n), or for a learned mapping
`N.mapping.weights` (n_inputs, n_luts * n), whose largest weight by column is the input. Input l of a LUT is bit l of
its index. `thresholds` (n_features, bits) as the thermometer has them, in the units of the data: input
feature * bits + j is `x[feature] > thresholds[feature, j]`; without it the inputs are features of the values 0 and 1,
and `inputs` gives their number if the mapping is not a learned one. `permutation` is GroupSum's `randperm`, if used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import FormatError
from lut2hw.exchange.builder import table_of
from lut2hw.exchange.checkpoints import arrays as checkpoints
from lut2hw.exchange.logic import MAX_INPUTS
from lut2hw.model.check import MAX_K
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork

NAME = "DWN"


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
    numbers = checkpoints.numbered(arrays, "luts")
    if not numbers:
        raise FormatError("it has no array '0.luts'")
    classes = checkpoints.classes(arrays, class_names)
    if "thresholds" in arrays:
        count = checkpoints.need(arrays, "thresholds", ndim=2).size
    elif f"{numbers[0]}.mapping.weights" in arrays:
        count = len(checkpoints.need(arrays, f"{numbers[0]}.mapping.weights", ndim=2))
    else:
        count = checkpoints.number(arrays, "inputs", 1, MAX_INPUTS)
    encoder, builder, nodes = checkpoints.start(arrays, features, count)
    for i in numbers:
        luts = checkpoints.need(arrays, f"{i}.luts", ndim=2)
        n_luts, entries = luts.shape
        n = max(entries, 1).bit_length() - 1
        if entries != 1 << n or not 1 <= n <= MAX_K or not n_luts:
            raise FormatError(f"array {i}.luts has {n_luts} x {entries} entries, not LUTs of 1 to {MAX_K} inputs")
        mapping = _mapping(arrays, i, n_luts, n, len(nodes))
        ones = luts > 0
        nodes = [
            builder.lut([nodes[each] for each in row], table_of(ones[j])) for j, row in enumerate(mapping.tolist())
        ]
    if "permutation" in arrays:
        order = checkpoints.need(arrays, "permutation", ndim=1, kinds="iu")
        if sorted(order.tolist()) != list(range(len(nodes))):
            raise FormatError("its permutation is none of the last layer's LUTs")
        nodes = [nodes[each] for each in order.tolist()]
    return checkpoints.group_sum(builder, nodes, classes, encoder, class_names, {"imported": NAME})


def _mapping(arrays: dict[str, NDArray[Any]], i: int, n_luts: int, n: int, n_inputs: int) -> NDArray[np.int64]:
    if f"{i}.mapping.weights" in arrays:
        weights = checkpoints.need(arrays, f"{i}.mapping.weights", ndim=2)
        if weights.shape != (n_inputs, n_luts * n):
            raise FormatError(f"array {i}.mapping.weights is {weights.shape}, not {(n_inputs, n_luts * n)}")
        highest: NDArray[np.int64] = weights.argmax(axis=0).reshape(n_luts, n)
        return highest
    mapping = checkpoints.need(arrays, f"{i}.mapping", ndim=2, kinds="iu").astype(np.int64)
    if mapping.shape != (n_luts, n):
        raise FormatError(f"array {i}.mapping is {mapping.shape}, not {(n_luts, n)}")
    if mapping.min() < 0 or mapping.max() >= n_inputs:
        raise FormatError(f"layer {i} reads an input that is not there")
    return mapping
