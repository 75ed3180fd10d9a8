"""The learners as scikit-learn estimators."""

from __future__ import annotations

import inspect
import math
import numbers
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from lut2hw.data.dataset import Dataset
from lut2hw.errors import UsageError
from lut2hw.flags import Flag, flags
from lut2hw.learn.descent_options import DEFAULT_LUTS
from lut2hw.learn.memorize import add_layer
from lut2hw.learn.registry import learner
from lut2hw.model.encoder import Encoder, fixed, thermometer, usual_bits
from lut2hw.model.features import Features, quantize
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Layer
from lut2hw.training.options import TrainOptions
from lut2hw.training.train import Trained, train

C = TypeVar("C", bound=type)

_OWN = {
    "image_shape": ("tuple of int", "Shape of each example if it is an image: rows and columns, or with channels."),
    "random_state": (
        "int, RandomState instance",
        "Seed (--seed of the command); an int gives the same network every time.",
    ),
    "n_jobs": ("int", "Threads; None and -1 mean all that numba is set to use. The network does not depend on it."),
}
"""Parameters that are no options of `lut2hw train`, with types and texts."""


def _options(name: str) -> dict[str, Flag]:
    """Options of `lut2hw train` with this learner, those of the learner first."""
    every = {name: each for name, each in flags(TrainOptions).items() if name != "seed"}
    own = dict(flags(learner(name).Options))
    first = next(iter(own))
    return {first: own.pop(first), "k": every.pop("k"), **own, **every}


def _with_options(name: str, **defaults: Any) -> Callable[[C], C]:
    """Give an estimator the options of `lut2hw train` with a learner as parameters; the first two by position."""

    def decorate(estimator: C) -> C:
        options = _options(name)
        place = inspect.Parameter
        parameters = [place("self", place.POSITIONAL_OR_KEYWORD)]
        text = []
        for number, (field, each) in enumerate(options.items()):
            kind = place.POSITIONAL_OR_KEYWORD if number < 2 else place.KEYWORD_ONLY
            default = defaults.get(field, each.default)
            parameters.append(place(field, kind, default=default))
            words = each.help.removeprefix(f"{name}: ").replace(f"{name}, images: ", "for images: ")
            shown = "" if each.default is not None or each.shown is None else f" By default {each.shown}."
            text.append(_entry(field, _type(each), default, words[0].upper() + words[1:] + shown))
        for field, (type_, words) in _OWN.items():
            parameters.append(place(field, place.KEYWORD_ONLY, default=None))
            text.append(_entry(field, type_, None, words))
        signature = inspect.Signature(parameters)

        def __init__(self: Any, *arguments: Any, **named: Any) -> None:
            bound = signature.bind(self, *arguments, **named)
            bound.apply_defaults()
            for field in signature.parameters:
                if field != "self":
                    setattr(self, field, bound.arguments[field])

        __init__.__signature__ = signature  # type: ignore[attr-defined]
        estimator.__init__ = __init__  # type: ignore[misc]
        if estimator.__doc__:
            estimator.__doc__ = estimator.__doc__.replace(
                "    (Parameters: the options of `lut2hw train`.)",
                "\n".join(["    Parameters", "    ----------", *text]),
            )
        return estimator

    return decorate


def _type(each: Flag) -> str:
    word = "sequence of int" if each.kind is tuple else each.kind.__name__
    return word + ' or "auto"' * each.auto


def _entry(field: str, type_: str, default: Any, words: str) -> str:
    body = textwrap.fill(words, 112, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return f"    {field} : {type_}{' or None' if default is None else ''}, default={default!r}\n{body}"


class _LutClassifier(ClassifierMixin, BaseEstimator):
    """What the estimators share: data in, answers out."""

    network_: LutNetwork
    trained_: Trained
    image_shape: Any
    random_state: Any
    n_jobs: Any
    _hidden: list[Layer]  # of the layers that partial_fit has added

    def predict(self, X: ArrayLike) -> NDArray:
        """Labels of X, shape (n_samples,)."""
        check_is_fitted(self, "network_")
        integers = self._integers(self._validated(X, reset=False))
        with _threads(self.n_jobs):
            return self.classes_[self.network_.predict_integers(integers)]

    def decision_function(self, X: ArrayLike) -> NDArray[np.floating]:
        """Votes for each class, (n_samples, n_classes); of two classes, (n_samples,): votes above the threshold.

        The sign is the answer and zero does not occur: half a vote, or for a single LUT -1 or 1.
        """
        check_is_fitted(self, "network_")
        integers = self._integers(self._validated(X, reset=False))
        with _threads(self.n_jobs):
            scores = self.network_.scores_packed(self.network_.encoder(integers), len(integers))
        if self.network_.head.kind == "bit":
            return np.asarray(2.0 * scores[:, 0] - 1.0, np.float64)
        if self.network_.head.kind == "threshold":
            return np.asarray(scores[:, 0] + 0.5, np.float64)
        # As in `predict`, the lowest class wins a tie: less than half a vote apart in all.
        return np.asarray(scores - np.arange(scores.shape[1]) * (0.5 / scores.shape[1]), np.float64)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _validated(self, X: ArrayLike, reset: bool, **with_y: Any) -> Any:
        return validate_data(self, X, reset=reset, accept_sparse="csr", dtype="numeric", **with_y)

    def _examples(
        self, X: Any, y: Any, classes: ArrayLike | None = None, reset: bool = True
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Features]:
        X, y = self._validated(X, reset, y=y)
        check_classification_targets(y)
        if reset:
            self.classes_ = np.unique(y) if classes is None else np.unique(np.asarray(classes))
            if len(self.classes_) < 2:
                raise UsageError(
                    f"{type(self).__name__} needs at least two classes, but the data has one class: "
                    f"{self.classes_[0]!r}"
                )
        elif classes is not None and not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
            raise UsageError(
                f"classes={classes!r} is not the same as on last call to partial_fit, which was {self.classes_!r}"
            )
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise UsageError(
                f"y has the label {unknown[0]!r}, which is not in classes {list(self.classes_)}; give "
                "all classes in the first call"
            )
        number = np.searchsorted(self.classes_, y)
        dense = X.toarray() if sparse.issparse(X) else X
        names = tuple(getattr(self, "feature_names_in_", [f"x{i}" for i in range(dense.shape[1])]))
        if not reset:
            features = self._first_encoder.features
        elif dense.dtype.kind == "f":
            features = quantize(dense, names)
        else:
            features = Features.integers(dense.min(axis=0), dense.max(axis=0), names)
        return self._integers(dense, features), number, features

    def _integers(self, X: Any, features: Features | None = None) -> NDArray[np.int64]:
        dense = X.toarray() if sparse.issparse(X) else X
        return (self.network_.features if features is None else features).integers_of(dense)

    def _train(self, X: ArrayLike, y: ArrayLike, name: str) -> None:
        """Train `network_` as `lut2hw train` does."""
        x, number, features = self._examples(X, y)
        if self.image_shape is not None:
            shape = tuple(int(side) for side in self.image_shape)
            if math.prod(shape) != x.shape[1]:
                raise UsageError(f"image_shape {shape} does not fit examples of {x.shape[1]} features")
            features = replace(features, image_shape=shape)
        data = Dataset("X", features, tuple(str(c) for c in self.classes_), x, number, x[:0], number[:0])
        with _threads(self.n_jobs):
            trained = train(data, self._train_options(name), threads=numba.get_num_threads())
        self.network_, self.trained_ = trained.network, trained

    def _train_options(self, name: str) -> TrainOptions:
        given = {field: getattr(self, field) for field in _options(name)}
        return TrainOptions.of(name, **given, seed=self._seed())

    def _seed(self) -> int:
        if isinstance(self.random_state, numbers.Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))


@_with_options("memorize", layers=(1000, 1000), clip_k=True)
class MemorizeClassifier(_LutClassifier):
    """Network of lookup tables, filled by memorization.

    S. Chatterjee, "Learning and Memorization", ICML 2018: each LUT reads `k` random signals of the layer before it;
    entry p of its table is the majority of the training labels that show pattern p. See `lut2hw.learn.memorize` for
    tasks of more than two classes. Layers narrower than the classes are widened to them.

    (Parameters: the options of `lut2hw train`.)

    Attributes
    ----------
    network_ : LutNetwork
        The trained network, ready to compile.
    trained_ : Trained
        How it was trained: options with all that was chosen, accuracy, time (of `fit` alone).
    classes_ : ndarray of shape (n_classes,)
        Labels in the order of the network's class numbers.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if `fit` was given a frame with string column names.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from lut2hw import MemorizeClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> round(MemorizeClassifier(random_state=0).fit(X, y).score(X, y), 2) > 0.95
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> MemorizeClassifier:
        """Learn from X of shape (n_samples, n_features), dense or sparse, and labels y of shape (n_samples,).

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.
        y : ArrayLike
            Labels (n_samples,).
        """
        for name in ("_hidden", "_first_encoder", "_first_seed"):
            self.__dict__.pop(name, None)
        self._train(X, y, "memorize")
        return self

    def _train_options(self, name: str) -> TrainOptions:
        return super()._train_options(name).but(layers=tuple(self._widths()))

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> MemorizeClassifier:
        """Add one layer to the network, trained on X and y; the first call chooses encoder, classes and first layer.

        Layers are trained one after the other and never again, so that each may see other examples: a layer learns
        from the outputs that the layers before it give on X. After each call the network is complete, ends in that
        layer and can predict; the last LUT of a two-class network is replaced. The widths are those of `layers`,
        whose last is used again for calls beyond its end.

        classes : all labels, needed in the first call if y lacks some.

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.
        y : ArrayLike
            Labels (n_samples,).
        classes : ArrayLike, optional
            All labels, needed in the first call if `y` lacks some.
        """
        first = not hasattr(self, "_first_encoder")
        integers, y_number, features = self._examples(X, y, classes, reset=first)
        if first:
            self._first_encoder = self._encoder(features, integers)
            self._first_seed = self._seed()
        hidden: list[Layer] = [] if first else self._hidden
        widths = self._widths() or [1]
        with _threads(self.n_jobs):
            self._hidden, self.network_ = add_layer(
                hidden,
                self._first_encoder,
                self._first_encoder(integers),
                y_number,
                [str(c) for c in self.classes_],
                width=widths[min(len(hidden), len(widths) - 1)],
                k=learner("memorize").k if self.k is None else self.k,
                seed=self._first_seed,
            )
        return self

    def _encoder(self, features: Features, integers: NDArray[np.int64]) -> Encoder:
        if self.threshold is not None:
            return fixed(features, self.threshold)
        bits = usual_bits(features) if self.bits_per_feature is None else self.bits_per_feature
        if not isinstance(bits, numbers.Integral):
            raise UsageError("partial_fit cannot choose bits_per_feature by validation; give one number")
        return thermometer(features, integers, int(bits))

    def _widths(self) -> list[int]:
        widths = [int(width) for width in np.atleast_1d(np.asarray(self.layers, np.int64))]
        n_classes = len(self.classes_)
        if n_classes > 2 and widths:
            widths[-1] = max(widths[-1], n_classes)
        return widths


@_with_options("descent")
class DescentClassifier(_LutClassifier):
    """Network of lookup tables, trained by coordinate descent on the cross-entropy; see `lut2hw.learn.descent`.

    (Parameters: the options of `lut2hw train`.)

    Attributes
    ----------
    network_ : LutNetwork
        The trained network, ready to compile.
    trained_ : Trained
        How it was trained: options with all that was chosen, accuracy, time (of `fit` alone).
    classes_ : ndarray of shape (n_classes,)
        Labels in the order of the network's class numbers.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if `fit` was given a frame with string column names.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from lut2hw import DescentClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> round(DescentClassifier(luts=100, random_state=0).fit(X, y).score(X, y), 2) > 0.95
    True
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> DescentClassifier:
        """Learn from X of shape (n_samples, n_features), dense or sparse, and labels y of shape (n_samples,).

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.
        y : ArrayLike
            Labels (n_samples,).
        """
        self._train(X, y, "descent")
        return self

    def _train_options(self, name: str) -> TrainOptions:
        options = super()._train_options(name)
        # No choice by validation inside of each fold of a grid search, unless it is asked for.
        return options.but(luts=DEFAULT_LUTS) if self.luts is None and self.device is None else options


@contextmanager
def _threads(n_jobs: int | None) -> Iterator[None]:
    """Let numba and the kernels use `n_jobs` threads; None and -1 leave it as it is."""
    before = numba.get_num_threads()
    if n_jobs is None or n_jobs == -1:
        yield
        return
    if not isinstance(n_jobs, numbers.Integral) or n_jobs < 1:
        raise UsageError(f"n_jobs must be -1, None or a positive whole number, not {n_jobs!r}")
    numba.set_num_threads(min(int(n_jobs), numba.config.NUMBA_NUM_THREADS))
    try:
        yield
    finally:
        numba.set_num_threads(before)
