"""What an estimator shows and keeps of its training, sweep by sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lut2hw.errors import UsageError
from lut2hw.model.network import LutNetwork

Measure = Callable[[LutNetwork, NDArray[np.integer], Any, float | None], Mapping[str, float]]
"""Called as measure(network, integers, answers, temperature of the loss)."""


@dataclass(frozen=True)
class Sweep:
    """What a callback of `fit` is given after each sweep."""

    number: int
    """From 0, over all stages; what `n_iter_` counts."""
    stage: str
    """Which part of the training it belongs to."""
    luts: int
    """LUTs in the network so far."""
    loss: float
    """Mean training loss, what `loss_curve_` holds."""
    evals: Mapping[str, Mapping[str, float]]
    """Of each `eval_set` its metrics after this sweep, as in `evals_result_`."""
    network: Callable[[], LutNetwork]
    """Makes the network as it stands; to be called before the callback returns."""


class History:
    """Watches a training: measures `eval_set`, prints, and asks the callbacks.

    Parameters
    ----------
    examples : sequence of (integers, answers)
        Of each `eval_set`.
    measure : callable
        Gives the metrics of a network.
    verbose : bool or int
        Print after every sweep, or every so many.
    callbacks : sequence of callable
        Each is called with a `Sweep`; True of any ends the training.
    """

    def __init__(
        self,
        examples: Sequence[tuple[NDArray[np.integer], Any]],
        measure: Measure,
        verbose: bool | int,
        callbacks: Sequence[Callable[[Sweep], bool | None]] | None,
    ) -> None:
        self.examples, self.measure = examples, measure
        self.verbose, self.callbacks = int(verbose), list(callbacks or ())
        self.evals: dict[str, dict[str, list[float]]] = {}
        self.number = 0

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do after a sweep."""
        return not (self.examples or self.verbose or self.callbacks)

    def __call__(self, now: Any) -> bool:
        """After a sweep, with a `lut2hw.learn.descent.Progress`."""
        if now.stage == "votes" and now.sweep == 1:  # the first: filling a device trains several sizes in turn
            self.evals, self.number = {}, 0
        return self._after(now.stage, now.luts, now.loss, now.tau, now.network)

    def end(self, network: LutNetwork) -> None:
        """After the training of a learner that has no sweeps."""
        if not self.number and not self.idle:
            self._after("whole", network.n_luts, float("nan"), None, lambda: network)

    def _after(self, stage: str, luts: int, loss: float, tau: float | None, make: Callable[[], LutNetwork]) -> bool:
        made: list[LutNetwork] = []

        def network() -> LutNetwork:
            made[:] = made or [make()]
            return made[0]

        evals = {
            f"validation_{i}": dict(self.measure(network(), x, y, tau)) for i, (x, y) in enumerate(self.examples)
        }
        for name, metrics in evals.items():
            for metric, value in metrics.items():
                self.evals.setdefault(name, {}).setdefault(metric, []).append(value)
        if self.verbose and self.number % self.verbose == 0:
            parts = [f"{luts} LUTs"] + [f"loss {loss:.5f}"] * (loss == loss)
            parts += [
                f"{name}-{metric} {value:.5f}" for name, each in evals.items() for metric, value in each.items()
            ]
            print(f"[{self.number}] {stage}: {', '.join(parts)}")
        sweep = Sweep(self.number, stage, luts, loss, evals, network)
        self.number += 1
        ends = [callback(sweep) is True for callback in self.callbacks]  # each of them is called
        return any(ends)


def pairs(eval_set: Any) -> list[tuple[Any, Any]]:
    """The `eval_set` of a call: one pair, or a list of pairs, of examples and answers."""
    if eval_set is None:
        return []
    if isinstance(eval_set, tuple) and len(eval_set) == 2 and not isinstance(eval_set[0], tuple):
        return [eval_set]
    found = list(eval_set)
    if not all(isinstance(each, tuple | list) and len(each) == 2 for each in found):
        raise UsageError("eval_set must be a pair (X, y) or a list of such pairs")
    return [(each[0], each[1]) for each in found]
