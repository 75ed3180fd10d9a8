"""What the estimators share: examples in, answers out."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_is_fitted, check_X_y, validate_data

from lut2hw import bits
from lut2hw.data.columns import OTHER
from lut2hw.data.dataset import Dataset
from lut2hw.data.frames import FrameColumns, is_frame, is_numeric, read_frame
from lut2hw.data.table import MAX_CATEGORIES, ReadOptions
from lut2hw.errors import UsageError
from lut2hw.model.features import Features, quantize
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Layer
from lut2hw.sklearn.history import History, Sweep, pairs
from lut2hw.sklearn.parameters import options_of
from lut2hw.training.gains import gains
from lut2hw.training.options import TrainOptions
from lut2hw.training.temperature import fit_temperature
from lut2hw.training.train import Trained, train


class LutClassifier(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClassifierMixin, BaseEstimator):
    """What the classifiers share."""

    network_: LutNetwork
    trained_: Trained
    calibration: Any
    max_categories: Any
    image_shape: Any
    random_state: Any
    n_jobs: Any
    _hidden: list[Layer]  # of the layers that partial_fit has added

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Labels of examples: the network's answers.

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.

        Returns
        -------
        NDArray
            (n_samples,), of `classes_`.
        """
        check_is_fitted(self, "network_")
        integers = self._integers(self._validated(X, reset=False))
        with threads(self.n_jobs):
            labels: NDArray[Any] = self.classes_[self.network_.predict_integers(integers)]
        return labels

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
            (n_samples, n_classes), in the order of `classes_`; rows sum to one.
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
        """Votes for each class; of two classes votes above the threshold.

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
        if self.network_.head.kind == "bit":
            return np.asarray(2.0 * scores[:, 0] - 1.0, np.float64)
        if self.network_.head.kind == "threshold":
            return np.asarray(scores[:, 0] + 0.5, np.float64)
        # As in `predict`, the lowest class wins a tie: less than half a vote apart in all.
        return np.asarray(scores - np.arange(scores.shape[1]) * (0.5 / scores.shape[1]), np.float64)

    def transform(self, X: ArrayLike) -> NDArray[np.uint8]:
        """Outputs of all LUTs as features of 0 and 1, in the order of the network's layers.

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.

        Returns
        -------
        NDArray[np.uint8]
            (n_samples, n_luts); a frame after `set_output(transform="pandas")` or "polars".
        """
        check_is_fitted(self, "network_")
        integers = self._integers(self._validated(X, reset=False))
        network = self.network_
        with threads(self.n_jobs):
            signals = network.signals(network.encoder(integers))[len(network.encoder) :]
        return np.ascontiguousarray(bits.unpack(signals, len(integers)).T.astype(np.uint8))

    def _scores(self, X: ArrayLike) -> NDArray[np.int64]:
        check_is_fitted(self, "network_")
        integers = self._integers(self._validated(X, reset=False))
        with threads(self.n_jobs):
            return self.network_.scores_packed(self.network_.encoder(integers), len(integers))

    @property
    def _n_features_out(self) -> int:
        return self.network_.n_luts

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _validated(self, X: Any, reset: bool, y: Any = "no_validation") -> Any:
        """Numbers (n, n_features) of X, dense or sparse, and y if it is given; `_columns` says what was made of X."""
        if not is_frame(X) or is_numeric(X):
            if reset:
                self._columns: FrameColumns | None = None
            elif self._columns is not None and not is_frame(X):
                raise UsageError(
                    f"{type(self).__name__} was fitted to a frame with columns that are no numbers; give one like it"
                )
            if self._columns is None:
                return validate_data(self, X, y=y, reset=reset, accept_sparse="csr", dtype="numeric")
        validate_data(self, X, y=y, reset=reset, skip_check_array=True)
        columns = self._read_frame(X, reset)
        alone = isinstance(y, str)
        return check_array(columns.x, input_name="X") if alone else check_X_y(columns.x, y)

    def _read_frame(self, X: Any, reset: bool) -> FrameColumns:
        if reset:
            self._columns = columns = read_frame(X, ReadOptions(max_categories=self._most_categories()))
            rest = [name.removesuffix(OTHER) for name in columns.names if name.endswith(OTHER)]
            for name in rest:
                warnings.warn(
                    f"column {name!r} has more than {self.max_categories or MAX_CATEGORIES} values: the rarer ones "
                    "share one bit; max_categories takes more",
                    UserWarning,
                    stacklevel=5,
                )
            return columns
        if self._columns is None:
            names, categories = self._feature_names(), {}
        else:
            names, categories = self._columns.names, self._columns.categories
        columns = read_frame(X, ReadOptions(wanted=names, categories=categories))
        for note in columns.notes:
            warnings.warn(note, UserWarning, stacklevel=5)
        return columns

    def _most_categories(self) -> int | None:
        most = self.max_categories
        if most is not None and not (isinstance(most, numbers.Integral) and int(most) >= 1):
            raise UsageError(f"max_categories must be a whole number from 1, or None, not {most!r}")
        return None if most is None else int(most)

    def _feature_names(self) -> tuple[str, ...]:
        """Of what the network reads."""
        if self._columns is not None:
            return self._columns.names
        return tuple(getattr(self, "feature_names_in_", [f"x{i}" for i in range(self.n_features_in_)]))

    def _examples(
        self, X: Any, y: Any, classes: ArrayLike | None = None, reset: bool = True
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Features]:
        X, y = self._validated(X, reset, y)
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
        number = self._numbers(y, "; give all classes in the first call")
        dense = X.toarray() if sparse.issparse(X) else X
        names = self._feature_names()
        if not reset:
            features = self._first_encoder.features
        elif dense.dtype.kind == "f":
            features = quantize(dense, names)
        else:
            features = Features.integers(dense.min(axis=0), dense.max(axis=0), names)
        return self._integers(dense, features), number, features

    def _numbers(self, y: Any, remedy: str = "") -> NDArray[np.int64]:
        """Class numbers of labels."""
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise UsageError(f"y has the label {unknown[0]!r}, which is not in classes {list(self.classes_)}{remedy}")
        numbers: NDArray[np.int64] = np.searchsorted(self.classes_, y)
        return numbers

    def _integers(self, X: Any, features: Features | None = None) -> NDArray[np.int64]:
        dense = X.toarray() if sparse.issparse(X) else X
        return (self.network_.features if features is None else features).integers_of(dense)

    def _train(
        self,
        X: ArrayLike,
        y: ArrayLike,
        name: str,
        eval_set: Any,
        verbose: bool | int,
        callbacks: Sequence[Callable[[Sweep], bool | None]] | None,
    ) -> None:
        """Train `network_` as `lut2hw train` does."""
        x, number, features = self._examples(X, y)
        if self.image_shape is not None:
            shape = tuple(int(side) for side in self.image_shape)
            if math.prod(shape) != x.shape[1]:
                raise UsageError(f"image_shape {shape} does not fit examples of {x.shape[1]} features")
            features = replace(features, image_shape=shape)
        names = tuple(str(c) for c in self.classes_)
        data = Dataset("X", features, names, x, number, x[:0], number[:0], self._data_options())
        history = History(self._evaluated(eval_set, features), self._metrics, verbose, callbacks)
        options = self._train_options(name)
        with threads(self.n_jobs):
            trained = train(data, options, threads=numba.get_num_threads(), watch=None if history.idle else history)
            history.end(trained.network)
            trained = self._calibrated(trained, data)
        self.network_, self.trained_, self.evals_result_ = trained.network, trained, history.evals
        curve = trained.network.meta.get("curve")
        if curve:
            self.n_iter_ = len(curve)
            self.loss_curve_ = [float(row[2]) for row in curve]
        self._weigh(x, number, options.seed)

    def _calibrated(self, trained: Trained, data: Dataset) -> Trained:
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
        if len(np.unique(rest.y_train)) < 2:
            return trained
        other = train(rest, trained.options, threads=numba.get_num_threads(), watch=ended_after(trained)).network
        if other.head.kind != trained.network.head.kind or other.meta.get("ended") == "interrupt":
            return trained
        temperature = fit_temperature(other, data.x_train[held], data.y_train[held])
        return replace(trained, network=trained.network.with_meta(temperature=temperature))

    def _data_options(self) -> dict[str, Any]:
        """What a file needs to be read as X was, as `Dataset.options`."""
        categories = {} if self._columns is None else self._columns.categories
        return {"categories": {name: list(values) for name, values in categories.items()}} if categories else {}

    def _evaluated(self, eval_set: Any, features: Features) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        out = []
        for X, y in pairs(eval_set):
            checked, labels = self._validated(X, False, y)
            out.append((self._integers(checked, features), self._numbers(labels)))
        return out

    def _metrics(
        self, network: LutNetwork, x: NDArray[np.integer], y: NDArray[np.int64], tau: float | None
    ) -> Mapping[str, float]:
        with threads(self.n_jobs):
            scores = network.scores_packed(network.encoder(x), len(x))
        loss = {} if tau is None else {"loss": cross_entropy(network, scores, y, tau)}
        return {**loss, "accuracy": float((network.head.answer(scores) == y).mean())}

    def _weigh(self, x: NDArray[np.int64], y: NDArray[np.int64], seed: int) -> None:
        """`feature_importances_` of the network, by the training examples."""
        network = self.network_
        tau = network.meta.get("options", {}).get("tau")

        def loss(scores: NDArray[np.int64], rows: NDArray[np.intp]) -> float:
            if tau is None:
                return float((network.head.answer(scores) != y[rows]).mean())
            return cross_entropy(network, scores, y[rows], float(tau))

        of = None if self._columns is None else self._columns.column
        with threads(self.n_jobs):
            gained = np.maximum(gains(network, x, loss, columns=of, seed=seed), 0.0)
        self.feature_importances_ = gained / (gained.sum() or 1.0)

    def _train_options(self, name: str) -> TrainOptions:
        given = {field: getattr(self, field) for field in options_of(name)}
        return TrainOptions.of(name, **given, seed=self._seed())

    def _seed(self) -> int:
        if isinstance(self.random_state, numbers.Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))


def held_out(y: NDArray[Any], share: float, seed: int) -> NDArray[np.bool_]:
    """bool (n,): about that share of the examples, of every class as many as it has of all."""
    order = np.random.default_rng(seed).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")] if y.ndim == 1 else order
    turn = np.floor((np.arange(len(y)) + 0.5) * share)
    held = np.zeros(len(y), bool)
    held[order[np.flatnonzero(np.diff(turn, prepend=0.0))]] = True
    return held


def ended_after(trained: Trained) -> Callable[[Any], bool] | None:
    """Ends another training after as many sweeps, if a callback ended this one."""
    left = len(trained.network.meta.get("curve", ()))

    def watch(_: Any) -> bool:
        nonlocal left
        left -= 1
        return left <= 0

    return watch if trained.ended == "callback" else None


def cross_entropy(network: LutNetwork, scores: NDArray[np.int64], y: NDArray[np.int64], tau: float) -> float:
    """Mean loss in nats at a temperature, as descent has it: of the votes for each class, ties counted as ties."""
    if network.head.kind == "threshold":  # the score is the votes for class 1 less those for class 0, less one
        margin = (scores[:, 0] + 1) / tau
        return float(np.logaddexp(0.0, np.where(y == 1, -margin, margin)).mean())
    logits = scores / tau
    return float((logsumexp(logits, axis=1) - logits[np.arange(len(y)), y]).mean())


@contextmanager
def threads(n_jobs: int | None) -> Iterator[None]:
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
