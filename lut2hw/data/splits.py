"""Examples to train on and to test with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import UsageError

DEFAULT_TEST_SPLIT = 0.25
FEW_EXAMPLES = 30
"""Below so many test examples the 95% confidence interval of an accuracy is wider than about 0.2."""


def parse_split(split: float | str) -> tuple[str, float]:
    """("share" | "last", share) of 0.2, "0.2" or "last:0.2".

    Raises
    ------
    UsageError
    """
    kind, _, text = str(split).rpartition(":")
    try:
        share = float(text)
    except ValueError:
        share = float("nan")
    if kind not in ("", "last") or share != share:
        raise UsageError(f"--test-split must be a share, as 0.2, or last:0.2 for the last rows, not {split}")
    if not 0 < share < 1:
        raise UsageError(f"--test-split must be between 0 and 1, not {share:g}")
    return kind or "share", share


def test_rows(y: NDArray[np.int64] | None, n: int, kind: str, share: float) -> NDArray[np.bool_]:
    """bool (n,): the examples of the test split.

    "share": that share of every class, or of all where there are none (y is None); which examples depends on the data
    alone, with at least one left to train on. "last": that share of the rows at the end, for data in the order of
    time.
    """
    test = np.zeros(n, bool)
    if kind == "last":
        test[n - round(share * n) :] = True
        if test.all():
            test[0] = False
        if y is not None and test.any() and (y[~test] == y[0]).all():
            raise UsageError(f"all rows before the last {share:g} have one class; choose another --test-split")
    else:
        rng = np.random.default_rng(0)
        strata = np.zeros(n, np.int64) if y is None else y
        for value in np.unique(strata):
            members = rng.permutation(np.flatnonzero(strata == value))
            test[members[: min(round(share * len(members)), len(members) - 1)]] = True
    if not test.any():
        raise UsageError(f"a test split of {share:g} leaves no example to test with; choose a larger --test-split")
    return test


def group_rows(group: NDArray[np.str_], share: float) -> NDArray[np.bool_]:
    """bool (n,): the examples of the test split, whole groups of them.

    Groups are drawn until they have that share of the examples; which ones depends on their names alone, and at least
    one is left to train on.
    """
    names, number = np.unique(group, return_inverse=True)
    if len(names) < 2:
        raise UsageError(f"all sequences are of the group {names[0]!r}; at least two groups are needed for a split")
    test = np.zeros(len(group), bool)
    for index in np.random.default_rng(0).permutation(len(names))[:-1]:
        if test.any() and test.mean() >= share:
            break
        test |= number == index
    return test
