"""Outlier detectors."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OutlierMixin

from lut2hw.choices import Task
from lut2hw.data.dataset import Dataset
from lut2hw.errors import UsageError
from lut2hw.model.network import LutNetwork
from lut2hw.sklearn.base import NONE, LutEstimator
from lut2hw.sklearn.history import Sweep
from lut2hw.sklearn.parameters import with_options
from lut2hw.training.train import Trained

_CONTAMINATION: dict[str, tuple[str, Any, str]] = {
    "contamination": (
        'float or "auto"',
        0.1,
        "Share of the training examples that are answered as outliers, at most: it sets the threshold of the "
        'network. "auto" leaves the one it was trained with.',
    )
}


@with_options("descent", _CONTAMINATION, without=("class_weight", "loss", "augment", "teacher", "like"))
class DescentOutlierDetector(OutlierMixin, LutEstimator):
    """Tells what is like the training examples from what is not, by lookup tables trained by coordinate descent.

    No outliers are needed to train: the examples are learned against others made of their own columns
    (`lut2hw.learn.tasks.anomaly`).

    (Parameters: the options of `lut2hw train`.)

    Attributes
    ----------
    network_ : LutNetwork
        The trained network, ready to compile: of classes "normal" and "anomaly", the score higher for the latter.
    trained_ : Trained
        How it was trained: options with all that was chosen, time.
    offset_ : float
        `decision_function` is `score_samples` less this.
    n_iter_ : int
        Sweeps that were made.
    loss_curve_ : list of float
        Mean training loss after each of them, in nats.
    feature_importances_ : ndarray of shape (n_features_in_,)
        By how much the training examples look more unusual when the values of a feature are shuffled among them, all
        of its bits together (`lut2hw.training.gains.gains`). Less than nothing counts as nothing, and the sum is one,
        or zero where no feature matters.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if `fit` was given a frame with string column names.

    Examples
    --------
    >>> import numpy as np
    >>> from lut2hw import DescentOutlierDetector
    >>> t = np.random.default_rng(0).uniform(0, 6, (500, 1))
    >>> detector = DescentOutlierDetector(luts=100, random_state=0).fit(np.hstack([np.sin(t), np.cos(t)]))
    >>> bool(np.greater(*detector.score_samples([[0.6, 0.8], [0.0, 0.0]])))
    True
    """

    _learner = "descent"
    _task = Task.ANOMALY
    contamination: Any

    def fit(
        self,
        X: ArrayLike,
        y: None = None,
        *,
        verbose: bool | int = False,
        callbacks: Sequence[Callable[[Sweep], bool | None]] | None = None,
        client: Any = None,
    ) -> DescentOutlierDetector:
        """Learn what examples X of shape (n_samples, n_features), dense or sparse, are like.

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse: normal ones, but for a few.
        y : None
            Not looked at.
        verbose : bool or int, default=False
            Print a line after each sweep, or each so many.
        callbacks : sequence of callable, optional
            Each is called with a `lut2hw.sklearn.Sweep` after every sweep; True of any of them ends training.
        client : distributed.Client, optional
            A Dask cluster that trains; the network does not depend on it.
        """
        share = self.contamination
        if share != "auto" and not (isinstance(share, numbers.Real) and 0 < float(share) <= 0.5):
            raise UsageError(f'contamination must be above 0 and up to 0.5, or "auto", not {share!r}')
        self._train(X, NONE, verbose=verbose, callbacks=callbacks, client=client)
        del self.evals_result_
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Whether examples are like those trained on: the network's answers.

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.

        Returns
        -------
        NDArray[np.int64]
            (n_samples,), 1 for what is, -1 for outliers.
        """
        return np.where(self._predicted(X) == 1, -1, 1)

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """How usual examples are: the votes that the hardware counts, with the other sign.

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.

        Returns
        -------
        NDArray[np.float64]
            (n_samples,), the lower the more unusual; `contamination` does not change it.
        """
        scores = self._scores(X)
        return -self.network_.unmoved_scores(scores)[:, 0].astype(np.float64)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Votes that an example is away from the other answer.

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.

        Returns
        -------
        NDArray[np.float64]
            (n_samples,), negative for outliers; zero does not occur.
        """
        scores = self.score_samples(X)
        return scores - self.offset_

    def _names(self) -> dict[str, Any]:
        return {"task": self._task, "class_names": ("normal", "anomaly")}

    def _loss(self, network: LutNetwork, data: Dataset) -> Callable[[NDArray[np.int64], NDArray[Any]], float]:
        return lambda scores, y: float(scores[:, 0].mean())

    def _metrics(self, network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any]) -> Mapping[str, float]:
        return {}

    def _finished(self, trained: Trained, data: Dataset) -> Trained:
        """The network with the threshold that `contamination` asks for."""
        self.offset_ = 0.5
        if self.contamination == "auto":
            return trained
        network = trained.network
        scores = network.scores_integers(data.x_train)[:, 0]
        # An alarm from the least score that few enough examples reach.
        values, counts = np.unique(scores, return_counts=True)
        above = np.cumsum(counts[::-1])[::-1]
        few = values[above <= float(self.contamination) * len(scores) + 1e-9]
        least = int(few[0]) if len(few) else int(values[-1]) + 1
        self.offset_ -= least
        return replace(trained, network=network.moved([-least]))
