"""Classifiers."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import logsumexp
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from lut2hw.choices import ClassWeight, Task
from lut2hw.data.dataset import Dataset
from lut2hw.errors import UsageError
from lut2hw.learn.descent_options import DEFAULT_LUTS
from lut2hw.learn.memorize import add_layer
from lut2hw.learn.registry import learner
from lut2hw.model.encoder import Encoder, few_bits, fixed, thermometer
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Layer
from lut2hw.sklearn.base import LutEstimator, held_out, threads
from lut2hw.sklearn.history import Sweep
from lut2hw.sklearn.parameters import CALIBRATION, WARM_START, with_options
from lut2hw.training.options import TrainOptions
from lut2hw.training.temperature import fit_temperature
from lut2hw.training.train import Trained, train


class LutClassifier(ClassifierMixin, LutEstimator):
    """What the classifiers share: one class of several, or several labels of 0 and 1."""

    classes_: NDArray[Any]
    calibration: Any
    _y_options: ClassVar[Mapping[str, Any]] = {"multi_output": True}
    _task = Task.CLASSIFICATION

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Labels of examples: the network's answers.

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.

        Returns
        -------
        NDArray
            (n_samples,), of `classes_`; of several labels 0 and 1 (n_samples, n_labels).
        """
        answers = self._predicted(X)
        return answers.astype(np.int64) if self._task is Task.MULTILABEL else self.classes_[answers]

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probabilities of the classes, by the scores and the network's temperature.

        The temperature is fitted as `calibration` says and kept in the network (`LutNetwork.predict_proba`). The most
        probable class is the answer.

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.

        Returns
        -------
        NDArray[np.float64]
            (n_samples, n_classes), in the order of `classes_`; rows sum to one. Of several labels (n_samples,
            n_labels), each a probability of its own.
        """
        scores = self._scores(X)
        return self.network_.probabilities(scores)

    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Logarithms of `predict_proba`.

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.

        Returns
        -------
        NDArray[np.float64]
            (n_samples, n_classes).
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Votes for each class; of two classes and of labels votes above the threshold.

        The sign is the answer and zero does not occur: half a vote, or for a single LUT -1 or 1.

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.

        Returns
        -------
        NDArray[np.float64]
            (n_samples, n_classes), or of two classes (n_samples,).
        """
        scores = self._scores(X)
        kind = self.network_.head.kind
        if kind == "bit":
            return np.asarray(2.0 * scores[:, 0] - 1.0, np.float64)
        if kind in ("threshold", "labels"):
            return np.asarray((scores[:, 0] if kind == "threshold" else scores) + 0.5, np.float64)
        # As in `predict`, the lowest class wins a tie: less than half a vote apart in all.
        return np.asarray(scores - np.arange(scores.shape[1]) * (0.5 / scores.shape[1]), np.float64)

    def _answers(self, y: Any, reset: bool) -> NDArray[Any]:
        several = type_of_target(y) == "multilabel-indicator"
        if reset:
            self._task = self._task_of(several)
        if several and self._task is Task.MULTILABEL:
            labels = y.toarray() if sparse.issparse(y) else np.asarray(y)
            if not np.isin(labels, (0, 1)).all():
                raise UsageError(f"several labels are columns of 0 and 1, but y holds {np.unique(labels).tolist()}")
            labels = labels.astype(np.uint8)
            if reset:
                self.classes_ = np.arange(labels.shape[1])
            elif labels.shape[1] != len(self.classes_):
                raise UsageError(f"y has {labels.shape[1]} labels, but {len(self.classes_)} were learned")
            return labels
        y = self._one_column(y)
        if reset:
            self._learn_classes(y)
        return self._numbers(y)

    def _task_of(self, several: bool) -> Task:
        """What is learned."""
        if several:
            raise UsageError(
                f"{type(self).__name__} learns one label of each example; DescentClassifier learns several"
            )
        return Task.CLASSIFICATION

    def _one_column(self, y: Any) -> NDArray[Any]:
        if sparse.issparse(y):
            raise UsageError("y is a sparse matrix that is no table of 0 and 1; give labels (n_samples,)")
        if y.ndim == 2 and y.shape[1] > 1:
            raise UsageError(
                f"y has {y.shape[1]} columns that are not all 0 and 1; give one label of each example, or a "
                "classifier for each column (sklearn.multioutput.MultiOutputClassifier)"
            )
        labels: NDArray[Any] = column_or_1d(y, warn=True)
        check_classification_targets(labels)
        return labels

    def _learn_classes(self, y: NDArray[Any]) -> None:
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise UsageError(
                f"{type(self).__name__} needs at least two classes, but the data has one class: {self.classes_[0]!r}"
            )

    def _numbers(self, y: Any, remedy: str = "") -> NDArray[np.int64]:
        """Class numbers of labels."""
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise UsageError(f"y has the label {unknown[0]!r}, which is not in classes {list(self.classes_)}{remedy}")
        numbers: NDArray[np.int64] = np.searchsorted(self.classes_, y)
        return numbers

    def _names(self) -> dict[str, Any]:
        names = tuple(str(each) for each in self.classes_)
        if self._task is Task.MULTILABEL:
            return {"task": self._task, "target_names": tuple(f"y{each}" for each in names)}
        return {"task": self._task, "class_names": names}

    def _loss(self, network: LutNetwork, data: Dataset) -> Callable[[NDArray[np.int64], NDArray[Any]], float]:
        tau = network.meta.get("options", {}).get("tau")
        head = network.head
        if tau is None:
            return lambda scores, y: float((head.answer(scores) != y).mean())
        kind = head.kind
        return lambda scores, y: cross_entropy(kind, scores, y, float(tau))

    def _finished(self, trained: Trained, data: Dataset) -> Trained:
        """The same network with the temperature that fits held-out examples, asked of one trained without them."""
        share = self.calibration
        if share is None:
            return trained
        if not isinstance(share, numbers.Real) or not 0 < float(share) < 1:
            raise UsageError(f"calibration must be a number between 0 and 1, or None, not {share!r}")
        held = held_out(data.y_train, float(share), trained.options.seed)
        rest = data.training(~held)
        if trained.network.head.kind == "bit" or trained.ended == "interrupt" or not held.any():
            return trained
        if self._task is Task.CLASSIFICATION and len(np.unique(rest.y_train)) < 2:
            return trained
        other = train(rest, trained.options, threads=numba.get_num_threads(), watch=ended_after(trained)).network
        if other.head.kind != trained.network.head.kind or other.meta.get("ended") == "interrupt":
            return trained
        temperature = fit_temperature(other, data.x_train[held], data.y_train[held])
        return replace(trained, network=trained.network.with_meta(temperature=temperature))


def ended_after(trained: Trained) -> Callable[[Any], bool] | None:
    """Ends another training after as many sweeps, if a callback ended this one."""
    left = len(trained.network.meta.get("curve", ()))

    def watch(_: Any) -> bool:
        nonlocal left
        left -= 1
        return left <= 0

    return watch if trained.ended == "callback" else None


def cross_entropy(kind: str, scores: NDArray[np.int64], y: NDArray[Any], tau: float) -> float:
    """Mean loss in nats at a temperature as descent has it: of the votes for each class, or of each label."""
    if kind == "labels":
        return float(np.logaddexp(0.0, np.where(y == 1, -scores, scores) / tau).mean())
    if kind == "threshold":  # the score is the votes for class 1 less those for class 0, less one
        margin = (scores[:, 0] + 1) / tau
        return float(np.logaddexp(0.0, np.where(y == 1, -margin, margin)).mean())
    logits = scores / tau
    return float((logsumexp(logits, axis=1) - logits[np.arange(len(y)), y]).mean())


_DEFAULTS: dict[str, Any] = {"layers": (1000, 1000), "clip_k": True}


@with_options("memorize", CALIBRATION, **_DEFAULTS)
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

    _learner = "memorize"
    _first_encoder: Encoder
    _first_seed: int
    _hidden: list[Layer]  # of the layers that partial_fit has added

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        eval_set: Any = None,
        verbose: bool | int = False,
        callbacks: Sequence[Callable[[Sweep], bool | None]] | None = None,
        client: Any = None,
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
        client : distributed.Client, optional
            A Dask cluster that trains; the network does not depend on it.
        """
        for name in ("_hidden", "_first_encoder", "_first_seed"):
            self.__dict__.pop(name, None)
        self._train(X, y, eval_set=eval_set, verbose=verbose, callbacks=callbacks, client=client)
        return self

    def _given(self) -> dict[str, Any]:
        given = super()._given()
        if self.like is None:
            return given
        return {name: value for name, value in given.items() if value != _DEFAULTS.get(name, ())}  # the model says it

    def _train_options(self) -> TrainOptions:
        options = super()._train_options()
        return options if options.like is not None else options.but(layers=tuple(self._widths()))

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
        checked, y = self._validated(X, first, y)
        y = self._one_column(y)
        self._check_classes(y, classes, first)
        features = self._features(checked) if first else self._first_encoder.features
        integers, y_number = (
            self._integers(checked, features),
            self._numbers(y, "; give all classes in the first call"),
        )
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
        data = Dataset("X", features, self.network_.class_names, integers, y_number, integers[:0], y_number[:0])
        self._weigh(data, self._first_seed)
        return self

    def _check_classes(self, y: NDArray[Any], classes: ArrayLike | None, first: bool) -> None:
        if first:
            self._learn_classes(y if classes is None else np.asarray(classes))
        elif classes is not None and not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
            raise UsageError(
                f"classes={classes!r} is not the same as on last call to partial_fit, which was {self.classes_!r}"
            )

    def _encoder(self, features: Features, integers: NDArray[np.int64]) -> Encoder:
        if self.threshold is not None:
            return fixed(features, self.threshold)
        bits = few_bits(features) if self.bits_per_feature is None else self.bits_per_feature
        if not isinstance(bits, numbers.Integral):
            raise UsageError("partial_fit cannot choose bits_per_feature by validation; give one number")
        return thermometer(features, integers, int(bits), rounded=features.image_shape is None)

    def _widths(self) -> list[int]:
        widths = [int(width) for width in np.atleast_1d(np.asarray(self.layers, np.int64))]
        n_classes = len(self.classes_)
        if n_classes > 2 and widths:
            widths[-1] = max(widths[-1], n_classes)
        return widths


@with_options("descent", CALIBRATION | WARM_START, without=("loss",))
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

    _learner = "descent"
    class_weight: Any

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        eval_set: Any = None,
        verbose: bool | int = False,
        callbacks: Sequence[Callable[[Sweep], bool | None]] | None = None,
        client: Any = None,
    ) -> DescentClassifier:
        """Learn from X of shape (n_samples, n_features), dense or sparse, and labels y.

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.
        y : ArrayLike
            Labels (n_samples,), or 0 and 1 of several labels (n_samples, n_labels), dense or sparse.
        sample_weight : ArrayLike, optional
            How often each example counts (n_samples,). Real numbers become whole ones from 1 to 255 in proportion
            (`lut2hw.data.weights.integer_weights`), so that sums stay exact; what counts 0 is left out.
        eval_set : tuple or list of tuples, optional
            Pairs (X, y) to measure after every sweep; see `evals_result_`. They are not learned from.
        verbose : bool or int, default=False
            Print a line after each sweep, or each so many.
        callbacks : sequence of callable, optional
            Each is called with a `lut2hw.sklearn.Sweep` after every sweep; True of any of them ends training.
        client : distributed.Client, optional
            A Dask cluster that trains; the network does not depend on it.
        """
        self._train(
            X, y, eval_set=eval_set, verbose=verbose, callbacks=callbacks, client=client, sample_weight=sample_weight
        )
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _task_of(self, several: bool) -> Task:
        return Task.MULTILABEL if several else Task.CLASSIFICATION

    def _weights(self, sample_weight: Any, X: Any, y: Any) -> NDArray[np.float64] | None:
        weight = super()._weights(sample_weight, X, y)
        if not isinstance(self.class_weight, Mapping):
            return weight
        # scikit-learn's own: a number for each label, 1 where there is none.
        of_class: NDArray[np.float64] = compute_sample_weight(dict(self.class_weight), self._one_column(y))
        return of_class if weight is None else weight * of_class

    def _given(self) -> dict[str, Any]:
        given = super()._given()
        return given | {"class_weight": ClassWeight.EQUAL} if isinstance(self.class_weight, Mapping) else given

    def _train_options(self) -> TrainOptions:
        options = super()._train_options()
        # No choice by validation inside of each fold of a grid search, unless it is asked for.
        free = self.luts is None and options.place is None and options.like is None
        return options.but(luts=DEFAULT_LUTS) if free else options
