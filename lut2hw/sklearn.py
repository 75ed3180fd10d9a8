"""The learners as scikit-learn estimators."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

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
from lut2hw.learn.descent import train_descent
from lut2hw.learn.memorize import add_layer, memorize
from lut2hw.model.encoder import Encoder, fixed, thermometer, usual_bits
from lut2hw.model.features import Features, quantize
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Layer


class _LutClassifier(ClassifierMixin, BaseEstimator):
    """What the estimators share: data in, answers out."""

    network_: LutNetwork
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

    def _encoder(self, features: Features, integers: NDArray[np.int64]) -> Encoder:
        if self.threshold is not None:
            return fixed(features, self.threshold)
        return thermometer(
            features, integers, usual_bits(features) if self.bits_per_feature is None else self.bits_per_feature
        )

    def _seed(self) -> int:
        if isinstance(self.random_state, numbers.Integral):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))


class MemorizeClassifier(_LutClassifier):
    """Network of lookup tables, filled by memorization.

    S. Chatterjee, "Learning and Memorization", ICML 2018: each LUT reads `k` random signals of the layer before it;
    entry p of its table is the majority of the training labels that show pattern p. See `lut2hw.learn.memorize` for
    tasks of more than two classes.

    Parameters
    ----------
    layers : sequence of int, default=(1000, 1000)
        LUTs in each layer. Two classes end in one more LUT; `()` is then that LUT alone.
    k : int, default=6
        Inputs of each LUT. A layer of fewer signals than that is read whole.
    threshold : float or None, default=None
        One bit per feature, `x >= threshold`.
    bits_per_feature : int or None, default=None
        Thresholds of the thermometer code at quantiles of the training data, if `threshold` is None. None: 3, or 8
        for at most 32 features.
    random_state : int, RandomState instance or None, default=None
        Seed of wiring and ties; an int gives the same network every time.
    n_jobs : int or None, default=None
        Threads; None and -1 mean all that numba is set to use. The network does not depend on it.

    Attributes
    ----------
    network_ : LutNetwork
        The trained network, ready to compile.
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

    def __init__(
        self,
        layers: Sequence[int] = (1000, 1000),
        k: int = 6,
        *,
        threshold: float | None = None,
        bits_per_feature: int | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.layers = layers
        self.k = k
        self.threshold = threshold
        self.bits_per_feature = bits_per_feature
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: ArrayLike) -> MemorizeClassifier:
        """Learn from X of shape (n_samples, n_features), dense or sparse, and labels y of shape (n_samples,)."""
        integers, y_number, features = self._examples(X, y)
        encoder = self._encoder(features, integers)
        for name in ("_hidden", "_first_encoder", "_first_seed"):
            self.__dict__.pop(name, None)
        with _threads(self.n_jobs):
            self.network_ = memorize(
                encoder,
                encoder(integers),
                y_number,
                [str(c) for c in self.classes_],
                layers=self._widths(),
                k=self.k,
                seed=self._seed(),
                clip_k=True,
            )
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> MemorizeClassifier:
        """Add one layer to the network, trained on X and y; the first call chooses encoder, classes and first layer.

        Layers are trained one after the other and never again, so that each may see other examples: a layer learns
        from the outputs that the layers before it give on X. After each call the network is complete, ends in that
        layer and can predict; the last LUT of a two-class network is replaced. The widths are those of `layers`,
        whose last is used again for calls beyond its end.

        classes : all labels, needed in the first call if y lacks some.
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
                k=self.k,
                seed=self._first_seed,
            )
        return self

    def _widths(self) -> list[int]:
        widths = [int(width) for width in np.atleast_1d(np.asarray(self.layers, np.int64))]
        n_classes = len(self.classes_)
        if n_classes > 2 and widths:
            widths[-1] = max(widths[-1], n_classes)
        return widths


class DescentClassifier(_LutClassifier):
    """Network of lookup tables, trained by coordinate descent on the cross-entropy; see `lut2hw.learn.descent`.

    Parameters
    ----------
    luts : int, default=500
        LUTs in the network.
    k : int, default=4
        Inputs of each LUT, 1 to 8.
    votes : int or None, default=None
        LUTs that are counted; the others are grown at their inputs. None lets k decide.
    levels : int or None, default=None
        LUTs in a row from an input bit to a vote, at most.
    sweeps : int, default=8
        Visits of every LUT after each stage of growth, at most.
    proposals : int, default=0
        Signals tried at each input; 0 is all of them.
    tau : float or None, default=None
        Temperature of the softmax, in votes. None: by the number of votes of a class.
    margin : float, default=0.0
        Evidence that an entry of a table needs, in examples of the largest effect.
    validation_fraction : float, default=0.0
        Share of the training data held out to keep the best sweep.
    n_iter_no_change : int, default=3
        Sweeps without a better validation accuracy after which a stage ends.
    time_limit : float or None, default=None
        Seconds after which training ends with what there is.
    threshold : float or None, default=None
        One bit per feature, `x >= threshold`.
    bits_per_feature : int or None, default=None
        Thresholds of the thermometer code at quantiles of the training data, if `threshold` is None. None: 3, or 8
        for at most 32 features.
    random_state : int, RandomState instance or None, default=None
        Seed; an int gives the same network every time.
    n_jobs : int or None, default=None
        Threads; None and -1 mean all that numba is set to use. The network does not depend on it.

    Attributes
    ----------
    network_ : LutNetwork
        The trained network, ready to compile.
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

    def __init__(
        self,
        luts: int = 500,
        k: int = 4,
        *,
        votes: int | None = None,
        levels: int | None = None,
        sweeps: int = 8,
        proposals: int = 0,
        tau: float | None = None,
        margin: float = 0.0,
        validation_fraction: float = 0.0,
        n_iter_no_change: int = 3,
        time_limit: float | None = None,
        threshold: float | None = None,
        bits_per_feature: int | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.luts = luts
        self.k = k
        self.votes = votes
        self.levels = levels
        self.sweeps = sweeps
        self.proposals = proposals
        self.tau = tau
        self.margin = margin
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.time_limit = time_limit
        self.threshold = threshold
        self.bits_per_feature = bits_per_feature
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: ArrayLike) -> DescentClassifier:
        """Learn from X of shape (n_samples, n_features), dense or sparse, and labels y of shape (n_samples,)."""
        x, number, features = self._examples(X, y)
        data = Dataset("X", features, tuple(str(c) for c in self.classes_), x, number, x[:0], number[:0])
        with _threads(self.n_jobs):
            self.network_ = train_descent(
                data,
                self._encoder(features, x),
                luts=self.luts,
                k=self.k,
                seed=self._seed(),
                votes=self.votes,
                threads=numba.get_num_threads(),
                levels=self.levels,
                sweeps=self.sweeps,
                proposals=self.proposals,
                tau=self.tau,
                margin=self.margin,
                validation=self.validation_fraction,
                patience=self.n_iter_no_change,
                time_limit=self.time_limit,
            )
        return self


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
