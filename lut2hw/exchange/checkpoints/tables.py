"""Networks that are truth tables already, as LogicNets, PolyLUT and NeuraLUT make them of trained neurons.

A NumPy archive of plain arrays, level by level, which a few lines write from any such tool:

    numpy.savez("tables.npz", classes=5, inputs=64, groups=groups, weights=weights,
                **{"0.wiring": ..., "0.tables": ..., "1.wiring": ..., "1.tables": ...})

| array | shape | content |
| --- | --- | --- |
| `N.wiring` | (n, k) | numbers of the outputs of level N - 1 that each table reads, for level 0 of the inputs |
| `N.tables` | (n, 2**k) | 0 or 1; input l of a table is bit l of its index |
| `groups` | (n of the last level,) | the class that each output votes for |
| `weights` | the same | what it counts, 1 by default; 2**j for bit j of a word, -2**j for its sign |
| `bias` | (classes,) | what a class has without votes, 0 by default |
| `classes` | | how many there are |
| `inputs` | | number of the input bits, features of the values 0 and 1 |
| `thresholds` | (n_features, bits) | instead of `inputs`: as of `lut2hw.exchange.checkpoints.dwn` |

A neuron of words with b bits is b tables, one for each bit of what it puts out, over all bits of what it reads. The
class of the highest sum wins, and of equal sums the lowest.

Y. Umuroglu et al., "LogicNets", FPL 2020; M. Andronic and G. Constantinides, "NeuraLUT", FPL 2024.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import FormatError, UsageError
from lut2hw.exchange.builder import table_of
from lut2hw.exchange.checkpoints import arrays as checkpoints
from lut2hw.exchange.logic import MAX_INPUTS
from lut2hw.model.check import MAX_K
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head

NAME = "truth tables"
MAX_WEIGHT = 1 << 24


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
    levels = checkpoints.numbered(arrays, "tables")
    if levels != list(range(len(levels))) or not levels:
        raise FormatError("its levels are not numbered 0, 1, 2 and so on")
    classes = checkpoints.classes(arrays, class_names)
    given = "thresholds" in arrays
    count = (
        checkpoints.need(arrays, "thresholds", ndim=2).size
        if given
        else checkpoints.number(arrays, "inputs", 1, MAX_INPUTS)
    )
    encoder, builder, nodes = checkpoints.start(arrays, features, count)
    for i in levels:
        wiring = checkpoints.need(arrays, f"{i}.wiring", ndim=2, kinds="iu").astype(np.int64)
        tables = checkpoints.need(arrays, f"{i}.tables", ndim=2)
        n, k = wiring.shape
        if not n or not 1 <= k <= MAX_K or tables.shape != (n, 1 << k):
            raise FormatError(
                f"level {i} has wiring {wiring.shape} and tables {tables.shape}, not (n, k) and (n, 2**k) with k "
                f"from 1 to {MAX_K}"
            )
        if not np.isin(tables, (0, 1)).all():
            raise FormatError(f"array {i}.tables has entries that are neither 0 nor 1")
        if wiring.min() < 0 or wiring.max() >= len(nodes):
            raise FormatError(f"level {i} reads an input that is not there")
        ones = tables.astype(bool)
        nodes = [
            builder.lut([nodes[each] for each in row], table_of(ones[j])) for j, row in enumerate(wiring.tolist())
        ]
    groups = _whole(arrays, "groups", len(nodes), 0, classes - 1)
    weights = _whole(arrays, "weights", len(nodes), -MAX_WEIGHT, MAX_WEIGHT, 1)
    bias = _whole(arrays, "bias", classes, -(1 << 40), 1 << 40, 0)
    names = class_names or tuple(map(str, range(classes)))
    if len(names) != classes:
        raise UsageError(f"the file has {classes} classes but {len(names)} names are given")
    layers, signal = builder.layers()
    head = Head("argmax", signal[nodes].astype(np.int32), groups.astype(np.int32), weights.astype(np.int32), bias)
    return LutNetwork(encoder, layers, head, names, {"imported": NAME})


def _whole(
    arrays: dict[str, NDArray[Any]], name: str, count: int, least: int, most: int, otherwise: int | None = None
) -> NDArray[np.int64]:
    """Whole numbers of that name, or as many of `otherwise`."""
    if name not in arrays and otherwise is not None:
        return np.full(count, otherwise, np.int64)
    value = checkpoints.need(arrays, name, ndim=1, kinds="iu").astype(np.int64)
    if len(value) != count or value.min() < least or value.max() > most:
        raise FormatError(f"its {name} must be {count} whole numbers from {least} to {most}")
    return value
