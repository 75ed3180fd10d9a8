"""The order of things: sweeps over flat votes, growth, sweeps again, and when to end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lut2hw.learn.descent.growth import grow
from lut2hw.learn.descent.moves import OutOfTime, Trainer
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.graph import Graph
from lut2hw.model.network import LutNetwork


@dataclass(frozen=True)
class Progress:
    """State after one sweep, for a progress display."""

    stage: str
    sweep: int
    sweeps: int
    luts: int
    loss: float
    """Mean training loss per example, in nats for classes; never rises while the loss stays."""
    train: float
    """Accuracies, or what the loss takes in their place; validation is None without a validation split."""
    validation: float | None
    """Accuracies, or what the loss takes in their place; validation is None without a validation split."""
    accepted: int
    """Inputs that moved to a better signal."""
    seconds: float
    tau: float
    """Temperature of the loss."""
    network: Callable[[], LutNetwork]
    """Makes the network as it stands after this sweep; to be called before the next."""


Watch = Callable[[Progress], bool | None]
"""Called after every sweep; True ends training with what there is."""


class _Stopped(Exception):
    pass


def run(
    trainer: Trainer,
    grown: int,
    options: DescentOptions,
    progress: Watch,
    start: float,
    network: Callable[[], LutNetwork],
) -> tuple[Graph, str]:
    """All stages.

    Parameters
    ----------
    grown : int
        LUTs to add to the votes.
    start : float
        When it began, by `time.monotonic`.
    network : Callable[[], LutNetwork]
        Makes the network as it stands.

    Returns
    -------
    graph : Graph
        The best there was.
    ended : str
        Why training ended: "done", "time limit", "interrupt" or "callback".
    """
    best: tuple[float, Graph | None] = (-float("inf"), None)
    stages = trainer.levels if grown else 1
    shares = [0] + [grown * (s + 1) // (stages - 1) - grown * s // (stages - 1) for s in range(stages - 1)]
    try:
        for stage, share in enumerate(shares):
            best, waited = (-float("inf"), None), 0  # a stage of growth starts where the one before ended
            if share:
                grow(trainer, share)
            last = None
            plan = [False] * options.sweeps + [True, False] * (options.restarts if stage == len(shares) - 1 else 0)
            for sweep, restart in enumerate(plan):
                trainer.accepted = 0
                if restart or (stage == 0 and sweep == 0):
                    trainer.sweep(2 * trainer.k, trainer.sample, restart, trainer.loss.ordered and not restart)
                else:
                    trainer.sweep()
                trainer.settle()
                loss = trainer.total_loss()
                score = trainer.score(held=True) if trainer.problem.held else None
                now = Progress(
                    "votes" if stage == 0 else f"growth {stage}",
                    sweep + 1,
                    len(plan),
                    len(trainer.graph),
                    trainer.loss.mean(loss),
                    trainer.score(),
                    score,
                    trainer.accepted,
                    time.monotonic() - start,
                    trainer.loss.tau,
                    network,
                )
                stop = progress(now)
                waited += 1
                if score is not None and score > best[0]:
                    best, waited = (score, trainer.graph.copy()), 0
                if stop is True:
                    raise _Stopped
                if score is not None and waited >= options.patience:
                    break
                if loss == last and not restart and not any(plan):
                    break
                last = loss
    except OutOfTime:
        return best[1] or trainer.graph.copy(), "time limit"
    except KeyboardInterrupt:
        return best[1] or trainer.graph.copy(), "interrupt"
    except _Stopped:
        return best[1] or trainer.graph.copy(), "callback"
    return best[1] or trainer.graph.copy(), "done"
