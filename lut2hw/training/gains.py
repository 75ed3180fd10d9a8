"""What each input of a network saves of the loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw.model.network import LutNetwork

MOST_EXAMPLES = 4096


def gains(
    network: LutNetwork,
    x: NDArray[np.integer],
    loss: Callable[[NDArray[np.int64], NDArray[np.intp]], float],
    *,
    columns: ArrayLike | None = None,
    seed: int = 0,
) -> NDArray[np.float64]:
    """By how much the loss rises when the values of one column are shuffled among the examples.

    All bits of a column move together, and columns are shuffled one at a time, each in the same order (permutation
    importance: L. Breiman, "Random Forests", Machine Learning 45, 2001, section 10). Of more than 4,096 examples a
    random 4,096 decide. A column that the network does not read gains exactly nothing.

    Parameters
    ----------
    network : LutNetwork
        The model.
    x : NDArray[np.integer]
        Integers (n, n_features), as a `Dataset` holds them.
    loss : callable
        Called as loss(scores, rows) with scores int64 (m, len(head.bias)) of the examples in `rows`, intp (m,).
    columns : ArrayLike, optional
        Int (n_features,), the column that each feature belongs to, from 0; None: each is its own.
    seed : int, default=0
        Of the order and of the examples.

    Returns
    -------
    NDArray[np.float64]
        (n_columns,), in units of the loss; negative where shuffling lowers it.
    """
    column = np.arange(len(network.features)) if columns is None else np.asarray(columns)
    rng = np.random.default_rng(seed)
    rows = np.arange(len(x))
    if len(x) > MOST_EXAMPLES:
        rows = np.sort(rng.choice(len(x), MOST_EXAMPLES, replace=False))
    encoded = network.encoder(x[rows])
    shuffled = network.encoder(x[rng.permutation(rows)])
    base = loss(network.scores_packed(encoded, len(rows)), rows)
    out = np.zeros(int(column.max(initial=-1)) + 1)
    of_bit = column[network.encoder.feature]
    for each in np.unique(of_bit):
        mixed = np.where((of_bit == each)[:, None], shuffled, encoded)
        out[each] = loss(network.scores_packed(mixed, len(rows)), rows) - base
    return out
