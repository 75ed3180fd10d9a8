"""How often each training example counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lut2hw.choices import ClassWeight, Task
from lut2hw.data import Dataset
from lut2hw.data.weights import integer_weights

RARE = 50
"""A class counts more by default if the most frequent one has more than so many times its examples."""
UNEVEN = 2
"""Classes whose numbers of examples differ by no more than so many times have the thresholds of all examples."""


def example_weights(dataset: Dataset, class_weight: ClassWeight | None) -> NDArray[np.int64] | None:
    """Weights of the training examples, their own times those of their classes.

    Balanced classes count the same all together. By default they do as they are, but where one is rare each counts by
    the root of that: then errors on a rare class are worth avoiding, and a hint is not yet an alarm.

    Parameters
    ----------
    dataset : Dataset
        Its labels and weights.
    class_weight : ClassWeight, optional
        As of `DescentOptions`.

    Returns
    -------
    NDArray[np.int64] or None
        int64 (n,) from 1 to 255, 0 where an example's own is; None if all count once.
    """
    own, of_class = dataset.weight_train, class_weights(dataset, class_weight)
    if of_class is None:
        return own
    return integer_weights(of_class[dataset.y_train] * (1 if own is None else own))


def class_weights(dataset: Dataset, class_weight: ClassWeight | None) -> NDArray[np.float64] | None:
    """How often an example of each class counts, float64 (n_classes,), the most frequent one once; None if all do."""
    if dataset.task is not Task.CLASSIFICATION or class_weight is ClassWeight.EQUAL:
        return None
    counts = np.bincount(dataset.y_train, minlength=len(dataset.class_names))
    found = counts[counts > 0]
    if class_weight is ClassWeight.BALANCED:
        power = 1.0
    elif len(found) and found.max() > RARE * found.min():
        power = 0.5
    else:
        return None
    return np.asarray((found.max() / np.maximum(counts, 1)) ** power)


def quantile_weights(dataset: Dataset, class_weight: ClassWeight | None) -> NDArray[np.int64] | None:
    """How often each training example counts in the quantiles that become thresholds.

    Half of what counts are the examples as they are, half the classes, each the same: quantiles of all examples pass
    by where a rare class lives.

    Parameters
    ----------
    dataset : Dataset
        Its labels.
    class_weight : ClassWeight, optional
        As of `DescentOptions`; "equal" leaves it out.

    Returns
    -------
    NDArray[np.int64] or None
        int64 (n,); None if all count the same, as where no class has more than `UNEVEN` times as many examples as
        another.
    """
    if dataset.task is not Task.CLASSIFICATION or class_weight is ClassWeight.EQUAL or not len(dataset.y_train):
        return None
    counts = np.bincount(dataset.y_train, minlength=len(dataset.class_names))
    found = counts[counts > 0]
    if found.max() <= UNEVEN * found.min():
        return None
    of_class = np.rint((1 << 16) * (1 + len(dataset.y_train) / (len(found) * np.maximum(counts, 1)))).astype(np.int64)
    return np.asarray(of_class[dataset.y_train])
