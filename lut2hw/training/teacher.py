"""A teacher: a larger model answers made-up examples, and the network learns from these, too.

A model that generalizes better than a small one answers as many examples as the small one needs (P. Domingos,
"Knowledge Acquisition from Examples via Multiple Models", ICML 1997; C. Bucila, R. Caruana, A. Niculescu-Mizil,
"Model Compression", KDD 2006). Examples are made up where the data are: each has some columns of a training example,
and the others of one of its nearest neighbours.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.choices import Task, Teacher
from lut2hw.data import Dataset
from lut2hw.errors import UsageError
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.weights import example_weights

TIMES = 8
"""Made-up examples for each training example."""
MOST = 4000
"""Made-up examples, at most."""
MOST_TAUGHT = 20_000
"""Training examples beyond which there is no teacher."""
NEIGHBOURS = 5
TREES = 200
FOLDS = 5
LEAST_SHARE = 1e-2
"""Probabilities count as no smaller where teachers are compared."""
_PLACES = 9  # decimal ones of probabilities that count: sums of real numbers differ in the last ones


def refusal(dataset: Dataset, options: DescentOptions) -> str | None:
    """Why no teacher can help to learn these data; None if one can.

    Parameters
    ----------
    dataset : Dataset
        What is to be learned.
    options : DescentOptions
        How.
    """
    n = len(dataset.y_train)
    if dataset.task is not Task.CLASSIFICATION:
        return f"is for classes, not for --task {dataset.task}; leave it out"
    if dataset.features.image_shape is not None:
        return "is for tables, not for images; leave it out"
    if dataset.features.front_end is not None:
        return "is for tables, not for sequences; leave it out"
    if n > MOST_TAUGHT:
        return f"is for up to {MOST_TAUGHT:,} training examples, not {n:,}; leave it out"
    if options.validation:
        return "knows the examples that --validation holds out; leave one of the two out"
    if len(np.unique(dataset.y_train)) < 2 or n < 2 * FOLDS:
        return f"needs {2 * FOLDS} training examples of two classes; leave it out"
    return None


def teacher_of(dataset: Dataset, options: DescentOptions, seed: int) -> Teacher:
    """The teacher that a training has: the one asked for, none by default.

    Parameters
    ----------
    dataset : Dataset
        What is to be learned.
    options : DescentOptions
        How.
    seed : int
        Of teachers that are compared.

    Returns
    -------
    Teacher
        "auto" is what it stands for: of forest, extra trees and the linear model the one that finds the training
        examples most probable that it was not trained on.

    Raises
    ------
    UsageError
        If one is asked for that cannot help.
    """
    asked = options.teacher
    if asked is None or asked is Teacher.NONE:
        return Teacher.NONE
    if (why := refusal(dataset, options)) is not None:
        raise UsageError(f"--teacher {why}")
    return _best(dataset, options, seed) if asked is Teacher.AUTO else asked


def teach(dataset: Dataset, kind: Teacher, options: DescentOptions, seed: int) -> Dataset:
    """The training examples, and after them made-up ones that a teacher which has learned from them answers.

    Parameters
    ----------
    dataset : Dataset
        Of classes, as `refusal` wants it.
    kind : Teacher
        Which teacher, not `Teacher.AUTO`.
    options : DescentOptions
        They say how much examples count.
    seed : int
        Of the teacher and of the made-up examples.

    Returns
    -------
    Dataset
        With `made_up` examples. The same for any number of threads.
    """
    from threadpoolctl import threadpool_limits  # scikit-learn brings it

    x, real = np.asarray(dataset.x_train), dataset.features.real
    known, y = np.unique(dataset.y_train, return_inverse=True)
    with threadpool_limits(1), warnings.catch_warnings():  # so that sums have one order
        warnings.simplefilter("ignore")
        origin, made = make_up(x, min(TIMES * len(y), MOST), np.random.default_rng([1, seed]))
        model = _fitted(kind, real(x), y, example_weights(dataset, options.class_weight), seed)
        shares = model.predict_proba(real(made))
    answer = known[shares.round(_PLACES).argmax(axis=1)].astype(dataset.y_train.dtype)
    weight, group = dataset.weight_train, dataset.group_train
    return replace(
        dataset,
        x_train=np.concatenate([x, made]),
        y_train=np.concatenate([dataset.y_train, answer]),
        weight_train=None if weight is None else np.concatenate([weight, weight[origin]]),
        group_train=None if group is None else np.concatenate([group, group[origin]]),
        reals=None,
        made_up=len(made),
    )


def make_up(
    x: NDArray[np.integer], count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.integer]]:
    """Examples that lie where those given lie.

    Parameters
    ----------
    x : NDArray[np.integer]
        Integers (n, n_features).
    count : int
        How many to make.
    rng : np.random.Generator
        Draws one of the nearest neighbours, the share of columns that stay, and which stay.

    Returns
    -------
    tuple[NDArray, NDArray]
        int64 (count,), the example that each comes from, all in turn; the made-up ones (count, n_features).
    """
    from sklearn.neighbors import NearestNeighbors

    n, columns = x.shape
    spread = x.std(axis=0)
    scaled = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1)
    near = NearestNeighbors(n_neighbors=min(NEIGHBOURS, n - 1)).fit(scaled).kneighbors(return_distance=False)
    origin = np.arange(count) % n
    other = near[origin, rng.integers(near.shape[1], size=count)]
    stays = rng.random((count, columns)) < rng.random((count, 1))
    return origin, np.where(stays, x[origin], x[other])


def _forest(seed: int, judged: bool) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(TREES, random_state=seed, oob_score=judged)


def _extra(seed: int, judged: bool) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(TREES, random_state=seed, bootstrap=True, oob_score=judged)


def _boosting(seed: int, judged: bool) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(random_state=seed)


def _linear(seed: int, judged: bool) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    imputer = SimpleImputer(add_indicator=True, keep_empty_features=True)
    return make_pipeline(imputer, StandardScaler(), LogisticRegression(max_iter=1000))


_MAKE: dict[Teacher, Callable[[int, bool], Any]] = {
    Teacher.FOREST: _forest,
    Teacher.EXTRA: _extra,
    Teacher.BOOSTING: _boosting,
    Teacher.LINEAR: _linear,
}
"""Called as make(seed, judged): a classifier of scikit-learn; judged: with answers to out-of-bag examples."""
_COMPARED = (Teacher.FOREST, Teacher.EXTRA, Teacher.LINEAR)


def _fitted(
    kind: Teacher,
    x: NDArray[Any],
    y: NDArray[np.int64],
    weight: NDArray[np.int64] | None,
    seed: int,
    judged: bool = False,
) -> Any:
    model = _MAKE[kind](seed % (1 << 32), judged)
    name = f"{model.steps[-1][0]}__sample_weight" if hasattr(model, "steps") else "sample_weight"
    return model.fit(x, y, **{name: weight})


def _best(dataset: Dataset, options: DescentOptions, seed: int) -> Teacher:
    """The teacher that finds the training examples most probable: out of bag, or in cross-validation."""
    from sklearn.model_selection import KFold
    from threadpoolctl import threadpool_limits

    x = dataset.features.real(np.asarray(dataset.x_train))
    known, y = np.unique(dataset.y_train, return_inverse=True)
    weight = example_weights(dataset, options.class_weight)
    found = {}
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an example that is in every bag, a model that has not converged
        for kind in _COMPARED:
            shares = np.full((len(y), len(known)), np.nan)
            if kind is not Teacher.LINEAR:
                shares = _fitted(kind, x, y, weight, seed, judged=True).oob_decision_function_
            else:
                for rest, held in KFold(FOLDS, shuffle=True, random_state=seed % (1 << 32)).split(x):
                    some = None if weight is None else weight[rest]
                    there = np.unique(y[rest])
                    if len(there) > 1:
                        shares[held[:, None], there] = _fitted(kind, x[rest], y[rest], some, seed).predict_proba(
                            x[held]
                        )
            right = np.nan_to_num(shares[np.arange(len(y)), y])
            loss = -np.log(np.maximum(right, LEAST_SHARE))
            found[kind] = round(float(np.average(loss, weights=weight)), _PLACES)
    return min(found, key=found.__getitem__)
