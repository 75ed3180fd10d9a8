"""What the estimators share: examples in, answers out."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_array, check_is_fitted, check_X_y, validate_data

from lut2hw import bits
from lut2hw.choices import Task
from lut2hw.data.columns import OTHER
from lut2hw.data.dataset import Dataset
from lut2hw.data.frames import FrameColumns, is_frame, is_numeric, read_frame
from lut2hw.data.table import MAX_CATEGORIES, ReadOptions
from lut2hw.data.weights import integer_weights
from lut2hw.errors import UsageError
from lut2hw.learn.tasks.registry import TASKS
from lut2hw.model.features import Features, quantize
from lut2hw.model.network import LutNetwork
from lut2hw.sklearn.history import History, Sweep, pairs
from lut2hw.sklearn.parameters import options_of
from lut2hw.training.gains import gains
from lut2hw.training.options import TrainOptions
from lut2hw.training.train import Trained, train

NONE = "no_validation"
"""What scikit-learn takes for no labels."""


class LutEstimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """What the estimators share; a kind of answers adds `_task`, `_answers`, `_names` and `_loss`."""

    network_: LutNetwork
    trained_: Trained
    max_categories: Any
    image_shape: Any
    random_state: Any
    n_jobs: Any

    warm_start: Any = False
    _start: LutNetwork | None = None
    """The network to go on with, while `fit` runs."""
    _learner: str
    """Name of the learner."""
    _task: Task
    """What is learned."""
    _y_options: ClassVar[Mapping[str, Any]] = {}
    """How scikit-learn is to look at labels."""

    # --- what a kind of answers says --------------------------------------------------------------------------------

    def _answers(self, y: Any, reset: bool) -> NDArray[Any]:
        """Labels as `Dataset` has them; learn what they are if `reset`."""
        raise NotImplementedError

    def _names(self) -> dict[str, Any]:
        """Task and names of the answers, as fields of a `Dataset`."""
        raise NotImplementedError

    def _loss(self, network: LutNetwork, data: Dataset) -> Callable[[NDArray[np.int64], NDArray[Any]], float]:
        """Called as loss(scores, answers): what `feature_importances_` is measured in."""
        raise NotImplementedError

    def _metrics(self, network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any]) -> Mapping[str, float]:
        """Of the network as it stands, for `evals_result_`, beside the loss."""
        found = TASKS[self._task].metrics(network, x, y)
        return {name: value for name, value in found.items() if value is not None}

    # --- outputs of LUTs --------------------------------------------------------------------------------------------

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
        integers = self._read(X)
        network = self.network_
        with threads(self.n_jobs):
            signals = network.signals(network.encoder(integers))[len(network.encoder) :]
        return np.ascontiguousarray(bits.unpack(signals, len(integers)).T.astype(np.uint8))

    @property
    def _n_features_out(self) -> int:
        return self.network_.n_luts

    # --- answers ----------------------------------------------------------------------------------------------------

    def _read(self, X: ArrayLike) -> NDArray[np.int64]:
        """X as the network, which has to be there, reads it."""
        check_is_fitted(self, "network_")
        return self._integers(self._validated(X, reset=False))

    def _predicted(self, X: ArrayLike) -> NDArray[Any]:
        integers = self._read(X)
        with threads(self.n_jobs):
            return self.network_.predict_integers(integers)

    def _scores(self, X: ArrayLike) -> NDArray[np.int64]:
        integers = self._read(X)
        with threads(self.n_jobs):
            return self.network_.scores_integers(integers)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    # --- examples ---------------------------------------------------------------------------------------------------

    def _validated(self, X: Any, reset: bool, y: Any = NONE) -> Any:
        """Numbers (n, n_features) of X, dense or sparse, and y if it is given; `_columns` says what was made of X."""
        how = {"ensure_all_finite": "allow-nan", **({} if isinstance(y, str) else self._y_options)}
        if not is_frame(X) or is_numeric(X):
            if reset:
                self._columns: FrameColumns | None = None
            elif self._columns is not None and not is_frame(X):
                raise UsageError(
                    f"{type(self).__name__} was fitted to a frame with columns that are no numbers; give one like it"
                )
            if self._columns is None:
                return validate_data(self, X, y=y, reset=reset, accept_sparse="csr", dtype="numeric", **how)
        validate_data(self, X, y=y, reset=reset, skip_check_array=True)
        columns = self._read_frame(X, reset)
        return check_array(columns.x, input_name="X", **how) if isinstance(y, str) else check_X_y(columns.x, y, **how)

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

    def _features(self, X: Any) -> Features:
        """Ranges and scales of validated X, or those of the network to go on with."""
        if self._start is not None:
            return self._start.features
        dense, names = _dense(X), self._feature_names()
        if dense.dtype.kind == "f":
            return quantize(dense, names)
        return Features.integers(dense.min(axis=0), dense.max(axis=0), names)

    def _integers(self, X: Any, features: Features | None = None) -> NDArray[np.int64]:
        """Validated X as the network reads it."""
        return (self.network_.features if features is None else features).integers_of(_dense(X))

    # --- training ---------------------------------------------------------------------------------------------------

    def _train(
        self,
        X: Any,
        y: Any,
        *,
        eval_set: Any = None,
        verbose: bool | int = False,
        callbacks: Sequence[Callable[[Sweep], bool | None]] | None = None,
        sample_weight: Any = None,
        client: Any = None,
    ) -> None:
        """Train `network_` as `lut2hw train` does."""
        self._client = client
        self._start = self.network_ if self.warm_start and hasattr(self, "network_") else None
        try:
            self._fit(self._prepared(X, y, eval_set, verbose, callbacks, sample_weight))
        finally:
            self.__dict__.pop("_start")
            self.__dict__.pop("_client", None)

    def _fit(self, prepared: tuple[Dataset, History, TrainOptions]) -> None:
        data, history, options = prepared
        watch = None if history.idle else history
        with threads(self.n_jobs):
            trained = train(
                data,
                options,
                threads=numba.get_num_threads(),
                watch=watch,
                start=self._start,
                client=getattr(self, "_client", None),
            )
            history.end(trained.network)
            trained = self._finished(trained, data)
        self.network_, self.trained_, self.evals_result_ = trained.network, trained, history.evals
        curve = trained.network.meta.get("curve")
        if curve:
            self.n_iter_ = len(curve)
            self.loss_curve_ = [float(row[2]) for row in curve]
        self._weigh(data, options.seed)

    def _prepared(
        self, X: Any, y: Any, eval_set: Any, verbose: bool | int, callbacks: Any, sample_weight: Any
    ) -> tuple[Dataset, History, TrainOptions]:
        """What `train` is given."""
        anew = self._start is None
        X, y = self._validated(X, anew, y) if not isinstance(y, str) else (self._validated(X, anew), y)
        if X.shape[0] < 2:
            raise UsageError(f"{type(self).__name__} cannot learn from 1 sample; give two at least")
        weight = self._weights(sample_weight, X, y)
        rows = None if weight is None or (weight > 0).all() else np.flatnonzero(weight > 0)
        if rows is not None and weight is not None:  # what does not count is not there
            X, y, weight = X[rows], y[rows] if not isinstance(y, str) else y, weight[rows]
        answers = self._answers(y, reset=anew) if not isinstance(y, str) else np.zeros(X.shape[0], np.int64)
        features = self._features(X)
        like = getattr(self, "like", None)
        if like is not None:
            own = LutNetwork.load(like).features
            if len(own) != len(features):
                raise UsageError(f"X has {len(features)} features, {like} reads {len(own)}")
            features = own
        x = self._integers(X, features)
        if self.image_shape is not None:
            shape = tuple(int(side) for side in self.image_shape)
            if math.prod(shape) != x.shape[1]:
                raise UsageError(f"image_shape {shape} does not fit examples of {x.shape[1]} features")
            features = replace(features, image_shape=shape)
        counts = None if weight is None else integer_weights(weight)
        if counts is not None and (counts == 1).all():
            counts = None
        data = Dataset(
            "X",
            features,
            x_train=x,
            y_train=answers,
            x_test=x[:0],
            y_test=answers[:0],
            options=self._data_options(),
            weight_train=counts,
            **{"class_names": (), **self._names()},
        )
        evaluated = []
        for more, labels in pairs(eval_set):
            checked, labels = self._validated(more, False, labels)
            evaluated.append((self._integers(checked, features), self._answers(labels, reset=False)))

        def measure(network: LutNetwork, x: NDArray[np.integer], y: Any, tau: float | None) -> Mapping[str, float]:
            if tau is None:
                return self._metrics(network, x, y)
            loss = (
                self._loss(network, data) if tau == 0 else self._loss(network.with_meta(options={"tau": tau}), data)
            )
            scores = network.scores_integers(x)
            return {"loss": loss(scores, y), **self._metrics(network, x, y)}

        return data, History(evaluated, measure, verbose, callbacks), self._train_options()

    def _weights(self, sample_weight: Any, X: Any, y: Any) -> NDArray[np.float64] | None:
        """Weights of the examples, real numbers; None if all count once."""
        if sample_weight is None:
            return None
        return np.asarray(_check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True))

    def _finished(self, trained: Trained, data: Dataset) -> Trained:
        """What was trained, with what is fitted after it."""
        return trained

    def _data_options(self) -> dict[str, Any]:
        """What a file needs to be read as X was, as `Dataset.options`."""
        categories = {} if self._columns is None else self._columns.categories
        return {"categories": {name: list(values) for name, values in categories.items()}} if categories else {}

    def _weigh(self, data: Dataset, seed: int) -> None:
        """`feature_importances_` of the network, by the training examples."""
        loss, y = self._loss(self.network_, data), data.y_train
        of = None if self._columns is None else self._columns.column
        with threads(self.n_jobs):
            found = gains(self.network_, data.x_train, lambda s, rows: loss(s, y[rows]), columns=of, seed=seed)
        gained = np.maximum(found, 0.0)
        self.feature_importances_ = gained / (gained.sum() or 1.0)

    def _train_options(self) -> TrainOptions:
        return TrainOptions.of(self._learner, **self._given(), seed=self._seed())

    def _given(self) -> dict[str, Any]:
        """Options of the training by name."""
        return {field: getattr(self, field) for field in options_of(self._learner) if hasattr(self, field)}

    def _seed(self) -> int:
        return seed_of(self.random_state)


def seed_of(random_state: Any) -> int:
    """The seed that a `random_state` of scikit-learn gives."""
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _dense(X: Any) -> NDArray[Any]:
    return np.asarray(X.toarray() if sparse.issparse(X) else X)


def held_out(y: NDArray[Any], share: float, seed: int) -> NDArray[np.bool_]:
    """bool (n,): about that share of the examples, of every class as many as it has of all."""
    order = np.random.default_rng(seed).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")] if y.ndim == 1 else order
    turn = np.floor((np.arange(len(y)) + 0.5) * share)
    held = np.zeros(len(y), bool)
    held[order[np.flatnonzero(np.diff(turn, prepend=0.0))]] = True
    return held


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
