"""Regressors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import RegressorMixin

from lut2hw.choices import Task
from lut2hw.data.dataset import Dataset
from lut2hw.data.frames import is_frame
from lut2hw.errors import UsageError
from lut2hw.learn.descent.separable import SQUARED, constant, costs
from lut2hw.model.network import LutNetwork
from lut2hw.sklearn.base import LutEstimator
from lut2hw.sklearn.history import Sweep
from lut2hw.sklearn.parameters import WARM_START, with_options


@with_options("descent", WARM_START, without=("class_weight", "tau", "teacher"))
class DescentRegressor(RegressorMixin, LutEstimator):
    """Numbers as sums of weighted lookup tables in fixed point, trained by coordinate descent.

    (Parameters: the options of `lut2hw train`.)

    Attributes
    ----------
    network_ : LutNetwork
        The trained network, ready to compile; its head says how many bits follow the binary point.
    trained_ : Trained
        How it was trained: options with all that was chosen, metrics, time.
    n_iter_ : int
        Sweeps that were made.
    loss_curve_ : list of float
        Training loss after each of them, as a share of what the best constant loses.
    feature_importances_ : ndarray of shape (n_features_in_,)
        By how much the training loss rises when the values of a feature are shuffled among the training
        examples, all of its bits together (`lut2hw.training.gains.gains`). Less than nothing counts as nothing, and
        the sum is one, or zero where no feature matters.
    evals_result_ : dict of str to dict of str to list of float
        Of the first `eval_set` as "validation_0", of the second as "validation_1" and so on: "loss" (as in
        `loss_curve_`), "r2", "rmse" and "mae" after each sweep.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if `fit` was given a frame with string column names.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from lut2hw import DescentRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> DescentRegressor(luts=100, random_state=0).fit(X, y).score(X, y) > 0.5
    True
    """

    _learner = "descent"
    _task = Task.REGRESSION
    _y_options: ClassVar[Mapping[str, Any]] = {"multi_output": True, "y_numeric": True}
    loss: Any

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
    ) -> DescentRegressor:
        """Learn from X of shape (n_samples, n_features), dense or sparse, and numbers y.

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.
        y : ArrayLike
            Numbers (n_samples,), or several targets (n_samples, n_targets).
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
        columns = getattr(y, "columns", None) if is_frame(y) else None
        self._target_names = None if columns is None else tuple(map(str, columns))
        self._train(
            X, y, eval_set=eval_set, verbose=verbose, callbacks=callbacks, client=client, sample_weight=sample_weight
        )
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Numbers of examples: the network's answers.

        Parameters
        ----------
        X : ArrayLike
            Array-like or frame (n_samples, n_features), dense or sparse.

        Returns
        -------
        NDArray[np.float64]
            (n_samples,), or (n_samples, n_targets) if `fit` was given y of two dimensions.
        """
        values = np.asarray(self._predicted(X), np.float64)
        return values if self._flat else values.reshape(len(values), -1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _answers(self, y: Any, reset: bool) -> NDArray[Any]:
        numbers = np.asarray(y, np.float64)
        table = numbers.reshape(len(numbers), -1)
        if reset:
            self._flat, self._n_targets = numbers.ndim == 1, table.shape[1]
        elif table.shape[1] != self._n_targets:
            raise UsageError(f"y has {table.shape[1]} targets, but {self._n_targets} were learned")
        return table

    def _names(self) -> dict[str, Any]:
        names = self._target_names
        if names is None:
            names = ("y",) if self._n_targets == 1 else tuple(f"y{i}" for i in range(self._n_targets))
        return {"task": self._task, "target_names": names}

    def _loss(self, network: LutNetwork, data: Dataset) -> Callable[[NDArray[np.int64], NDArray[Any]], float]:
        kind, head = self.loss or SQUARED, network.head
        y = data.y_train
        usual = float(costs(kind, constant(kind, y) - y).sum(axis=1).mean()) or 1.0

        def loss(scores: NDArray[np.int64], y: NDArray[Any]) -> float:
            return float(costs(kind, head.answer(scores).reshape(y.shape) - y).sum(axis=1).mean()) / usual

        return loss
