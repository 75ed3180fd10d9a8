"""A classifier of sequences in the manner of scikit-learn; its arrays may be those of aeon and sktime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from lut2hw.data.sequences import SequenceDataset, channels_of
from lut2hw.errors import UsageError
from lut2hw.frontends.base import FrontEnd
from lut2hw.frontends.sequences import Sequences
from lut2hw.model.network import LutNetwork
from lut2hw.sklearn.base import seed_of, threads
from lut2hw.training.options import TrainOptions
from lut2hw.training.streams import train_stream
from lut2hw.training.train import Trained


class StreamClassifier(ClassifierMixin, BaseEstimator):
    """Classify sequences of samples by a network behind a front end, which are hardware together.

    Parameters
    ----------
    front_end : str or FrontEnd
        As of `lut2hw train --front-end`: "auto", or a name with options, as in "kernels,segments=4".
    luts : int, optional
        LUTs of the network; by default as of `lut2hw train`.
    k : int, optional
        Inputs of each LUT.
    channels_first : bool
        Arrays are (n, channels, time), as of aeon and sktime; (n, time, channels) otherwise.
    options : mapping, optional
        Further options of `lut2hw train`, by their names in Python.
    random_state : int, RandomState instance, optional
        Seed; an int gives the same network every time.
    n_jobs : int, optional
        Threads; None for all. The network does not depend on it.

    Attributes
    ----------
    classes_ : NDArray
        Labels, in the order of the columns of `predict_proba`.
    network_ : LutNetwork
        The model, whose `create`, `save` and `front_end` go on from here.
    trained_ : Trained
        What the training says of itself.
    n_features_in_ : int
        Channels of a sample.
    """

    network_: LutNetwork
    trained_: Trained
    classes_: NDArray[Any]

    def __init__(
        self,
        front_end: str | FrontEnd = "auto",
        luts: int | None = None,
        *,
        k: int | None = None,
        channels_first: bool = False,
        options: Mapping[str, Any] | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.front_end = front_end
        self.luts = luts
        self.k = k
        self.channels_first = channels_first
        self.options = options
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(
        self, X: Sequences | ArrayLike | Sequence[ArrayLike], y: ArrayLike, groups: ArrayLike | None = None
    ) -> Self:
        """Learn.

        Parameters
        ----------
        X : array_like of shape (n, time, channels), or list of array_like (time, channels) or (time,)
            Sequences of any lengths.
        y : array_like of shape (n,)
            Labels.
        groups : array_like of shape (n,), optional
            Groups that validation does not divide.

        Returns
        -------
        StreamClassifier
            Itself.
        """
        sequences = self._sequences(X)
        labels = np.asarray(y)
        check_classification_targets(labels)
        if labels.shape != (len(sequences),):
            raise UsageError(f"there are {len(sequences)} sequences but labels of shape {labels.shape}")
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise UsageError("the labels have one class; a classifier needs at least two")
        samples = channels_of(sequences.values)
        group = None
        if groups is not None:
            group = np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)
        data = SequenceDataset(
            "fit",
            samples,
            tuple(map(str, self.classes_.tolist())),
            sequences.mapped(samples.integers_of(sequences.values)),
            numbers.astype(np.int64),
            sequences.take([]).mapped(np.zeros((0, sequences.channels), np.int64)),
            np.zeros(0, np.int64),
            group_train=group,
        )
        given = {"luts": self.luts, "k": self.k, "seed": seed_of(self.random_state), **(self.options or {})}
        with threads(self.n_jobs):
            self.trained_ = train_stream(data, TrainOptions.of(None, **given), front_end=self.front_end)
        self.network_ = self.trained_.network
        self.n_features_in_ = sequences.channels
        return self

    def predict(self, X: Sequences | ArrayLike | Sequence[ArrayLike]) -> NDArray[Any]:
        """Labels (n,) of sequences.

        Parameters
        ----------
        X : array_like
            As of `fit`.
        """
        answers: NDArray[Any] = self.classes_[self.network_.predict(self._read(X))]
        return answers

    def predict_proba(self, X: Sequences | ArrayLike | Sequence[ArrayLike]) -> NDArray[np.float64]:
        """Probabilities (n, n_classes) of sequences.

        Parameters
        ----------
        X : array_like
            As of `fit`.
        """
        return self.network_.predict_proba(self._read(X))

    def _read(self, X: Any) -> Any:
        """X as the network, which has to be there, reads it."""
        check_is_fitted(self, "network_")
        return self._sequences(X)

    def _sequences(self, X: Any) -> Sequences:
        if self.channels_first and not isinstance(X, Sequences):
            X = X.swapaxes(-1, -2) if isinstance(X, np.ndarray) else [np.asarray(each).T for each in X]
        return Sequences.of(X)
