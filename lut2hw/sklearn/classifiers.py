"""Classifiers."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lut2hw.errors import UsageError
from lut2hw.learn.descent_options import DEFAULT_LUTS
from lut2hw.learn.memorize import add_layer
from lut2hw.learn.registry import learner
from lut2hw.model.encoder import Encoder, fixed, thermometer, usual_bits
from lut2hw.model.features import Features
from lut2hw.model.parts import Layer
from lut2hw.sklearn.base import LutClassifier, threads
from lut2hw.sklearn.history import Sweep
from lut2hw.sklearn.parameters import CALIBRATION, with_options
from lut2hw.training.options import TrainOptions


@with_options("memorize", CALIBRATION, layers=(1000, 1000), clip_k=True)
class MemorizeClassifier(LutClassifier):
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
    feature_importances_ : ndarray of shape (n_features_in_,)
        By how much the share of wrong answers rises when the values of a feature are shuffled among the training
        examples, all of its bits together (`lut2hw.training.gains.gains`). Less than nothing counts as nothing, and
        the sum is one, or zero where no feature matters.
    evals_result_ : dict of str to dict of str to list of float
        Of the first `eval_set` as "validation_0", of the second as "validation_1" and so on: "accuracy", one number.
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

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        eval_set: Any = None,
        verbose: bool | int = False,
        callbacks: Sequence[Callable[[Sweep], bool | None]] | None = None,
    ) -> MemorizeClassifier:
        """Learn from X of shape (n_samples, n_features), dense or sparse, and labels y of shape (n_samples,).

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.
        y : ArrayLike
            Labels (n_samples,).
        eval_set : tuple or list of tuples, optional
            Pairs (X, y) to measure when training is done; see `evals_result_`. They are not learned from.
        verbose : bool or int, default=False
            Print a line after training.
        callbacks : sequence of callable, optional
            Each is called with a `lut2hw.sklearn.Sweep` after training.
        """
        for name in ("_hidden", "_first_encoder", "_first_seed"):
            self.__dict__.pop(name, None)
        self._train(X, y, "memorize", eval_set, verbose, callbacks)
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
        with threads(self.n_jobs):
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
        self._weigh(integers, y_number, self._first_seed)
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


@with_options("descent", CALIBRATION)
class DescentClassifier(LutClassifier):
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
    n_iter_ : int
        Sweeps that were made.
    loss_curve_ : list of float
        Mean training loss after each of them, in nats.
    feature_importances_ : ndarray of shape (n_features_in_,)
        By how much the training loss rises when the values of a feature are shuffled among the training
        examples, all of its bits together (`lut2hw.training.gains.gains`). Less than nothing counts as nothing, and
        the sum is one, or zero where no feature matters.
    evals_result_ : dict of str to dict of str to list of float
        Of the first `eval_set` as "validation_0", of the second as "validation_1" and so on: "loss" (as in
        `loss_curve_`) and "accuracy" after each sweep.
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

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        eval_set: Any = None,
        verbose: bool | int = False,
        callbacks: Sequence[Callable[[Sweep], bool | None]] | None = None,
    ) -> DescentClassifier:
        """Learn from X of shape (n_samples, n_features), dense or sparse, and labels y of shape (n_samples,).

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.
        y : ArrayLike
            Labels (n_samples,).
        eval_set : tuple or list of tuples, optional
            Pairs (X, y) to measure after every sweep; see `evals_result_`. They are not learned from.
        verbose : bool or int, default=False
            Print a line after each sweep, or each so many.
        callbacks : sequence of callable, optional
            Each is called with a `lut2hw.sklearn.Sweep` after every sweep; True of any of them ends training.
        """
        self._train(X, y, "descent", eval_set, verbose, callbacks)
        return self

    def _train_options(self, name: str) -> TrainOptions:
        options = super()._train_options(name)
        # No choice by validation inside of each fold of a grid search, unless it is asked for.
        return options.but(luts=DEFAULT_LUTS) if self.luts is None and options.place is None else options
