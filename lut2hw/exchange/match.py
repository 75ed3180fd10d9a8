"""Features and classes of a model that was made elsewhere, matched with those of data.

They are matched by name. Where a side has no names but numbers, positions are all there is: for features that is
said, for classes the data must bear it out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import UsageError
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork

DATA_NAMES = "x"
"""What data without names calls its features: x0, x1 and so on."""


def nameless(names: Sequence[str] | None) -> bool:
    """Whether the names say no more than the position: a prefix and 0, 1, 2 and so on, or nothing at all."""
    if not names:
        return True
    match = re.fullmatch(r"(.*?)0", names[0])
    return match is not None and all(name == f"{match[1]}{i}" for i, name in enumerate(names))


def order(model: Sequence[str] | None, data: Sequence[str], name: str, by_position: bool = False) -> list[int]:
    """For each feature of a model its column in the data.

    Parameters
    ----------
    model : sequence of str or None
        Names of the features that the model reads; None if it does not name them.
    data : sequence of str
        Names of the columns.
    name : str
        Of the data, for messages.
    by_position : bool
        Do not look at the names.

    Raises
    ------
    UsageError
        If the names are not the same.
    """
    if model is None or by_position or tuple(model) == tuple(data):
        return list(range(len(data)))
    lacking = [each for each in model if each not in data]
    more = [each for each in data if each not in model]
    if not lacking and not more:
        at = {each: i for i, each in enumerate(data)}
        return [at[each] for each in model]
    if len(lacking) == len(model) == len(data) and (nameless(model) or _made_up(data)):
        return list(range(len(data)))
    if lacking:
        raise UsageError(
            f"the model reads a feature {lacking[0]!r} that {name} does not have ({len(lacking)} of {len(model)} are "
            f"missing; {name} has {_some(more or data)}); rename its columns, or match them by position "
            "(--by-position)"
        )
    raise UsageError(
        f"{name} has {len(more)} feature{'s' * (len(more) != 1)} that the model does not read; leave them out with "
        f"--ignore {','.join(more)}"
    )


def _made_up(names: Sequence[str]) -> bool:
    return all(name == f"{DATA_NAMES}{i}" for i, name in enumerate(names))


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:4])) + (", ..." if len(names) > 4 else "")


def in_order(features: Features, columns: Sequence[int]) -> Features:
    """Features of data in the order in which a model reads them.

    Parameters
    ----------
    features : Features
        Of the data.
    columns : sequence of int
        For each feature of the model its column in the data; every column is one.
    """
    at = list(columns)
    if at == list(range(len(features))):
        return features
    return _reordered(features, at, tuple(features.names[each] for each in at))


def _reordered(features: Features, at: list[int], names: tuple[str, ...]) -> Features:
    """The features of those numbers, under other names."""
    return replace(
        features,
        names=names,
        low=features.low[at],
        high=features.high[at],
        scale=features.scale[at],
        offset=features.offset[at],
        missing=features.missing[at],
        image_shape=None,
    )


def with_columns(network: LutNetwork, columns: Sequence[int], features: Sequence[str]) -> LutNetwork:
    """The network for data whose columns stand in another order.

    Parameters
    ----------
    columns : sequence of int
        For each feature of the network its column in the data; every column is one.
    features : sequence of str
        Names of the columns.
    """
    if list(columns) == list(range(len(columns))):
        return network
    new = _reordered(network.features, np.argsort(columns).tolist(), tuple(features))
    feature = np.asarray(columns, np.int32)[network.encoder.feature]
    return replace(network, encoder=Encoder(new, feature, network.encoder.threshold))


def numbered(names: Sequence[str]) -> bool:
    """Whether classes have no names but their numbers."""
    return nameless([canonical(name) for name in names])


def canonical(name: str) -> str:
    """The name of a class as data have it: whole numbers lose their point."""
    try:
        return str(int(float(name))) if float(name).is_integer() else name
    except (ValueError, OverflowError):
        return name


def class_names(
    model: Sequence[str],
    data: Sequence[str],
    y: NDArray[np.int64],
    answers: NDArray[np.int64],
    name: str,
    sure: bool = False,
) -> tuple[str, ...]:
    """The names of a model's classes as the data have them, in the model's order.

    Parameters
    ----------
    model, data : sequence of str
        Names of the classes.
    y : int64 (n,)
        The data's labels, positions in `data`.
    answers : int64 (n,)
        What the model says of the same examples, positions in `model`.
    name : str
        Of the data, for messages.
    sure : bool
        The model's names are names, even if they are numbers.

    Raises
    ------
    UsageError
        If the names differ, or the model has numbers that the data do not bear out.
    """
    candidates = []
    for names in (tuple(model), tuple(map(canonical, model))):
        if set(data) <= set(names) and len(set(names)) == len(names):
            candidates.append(names)
            break
    if tuple(model) == tuple(data):
        return tuple(model)
    if sure or not numbered(model):
        if not candidates:
            raise UsageError(
                f"the model's classes are {_some(model)} but those of {name} are {_some(data)}; name the model's "
                "classes with --class-names, in its order"
            )
        return candidates[0]
    if len(data) == len(model) and tuple(data) not in candidates:
        candidates.append(tuple(data))
    if not candidates:
        raise UsageError(f"the model has {len(model)} classes but {name} has {len(data)}")
    seen = _counts(answers, y, len(model), len(data))
    right = {
        names: sum(int(seen[i, data.index(each)]) for i, each in enumerate(names) if each in data)
        for names in candidates
    }
    chosen = max(candidates, key=lambda names: right[names])
    best = _assigned(seen)
    moved = {i: j for i, j in best.items() if chosen[i] != data[j]}
    better = sum(int(seen[i, j]) for i, j in moved.items())
    kept = sum(int(seen[i, j]) for i, j in best.items() if i not in moved)
    if significant(better, right[chosen] - kept, len(data)):
        likely = [data[best[i]] if i in best else each for i, each in enumerate(chosen)]
        raise UsageError(
            f"the model numbers its classes and does not name them; in the order {_some(chosen)} it is right on "
            f"{right[chosen] / len(y):.1%} of {name}, in another on {(kept + better) / len(y):.1%}; name them in the "
            f"model's order, perhaps --class-names {','.join(likely)}"
        )
    return chosen


def _counts(answers: NDArray[np.int64], y: NDArray[np.int64], model: int, data: int) -> NDArray[np.int64]:
    """How often each class of the model meets each label, (model, data)."""
    seen = np.zeros((model, data), np.int64)
    np.add.at(seen, (answers, y), 1)
    return seen


def _assigned(seen: NDArray[np.int64]) -> dict[int, int]:
    """The label that each class of a model is, so that it is right most often."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(seen, maximize=True)
    return dict(zip(rows.tolist(), columns.tolist(), strict=True))


def right_at_best(answers: NDArray[np.int64], y: NDArray[np.int64], model: int, data: int) -> NDArray[np.bool_]:
    """bool (n,): the model is right, if its classes are called what fits the labels best."""
    best = _assigned(_counts(answers, y, model, data))
    right: NDArray[np.bool_] = np.array([best.get(i, -1) for i in range(model)])[answers] == y
    return right


def significant(better: int, worse: int, classes: int = 1) -> bool:
    """Whether one way of reading is right more often than another by more than chance.

    Parameters
    ----------
    better, worse : int
        Examples that the one, and the other, answers right where they differ.
    classes : int
        The one is the best of all orders of that many classes, of which some fit well by chance: the largest of n
        normal variables is about sqrt(2 ln n).
    """
    deviations = max(2.0, 1 + math.sqrt(2 * math.lgamma(classes + 1)))
    return better - worse > deviations * math.sqrt(better + worse)
