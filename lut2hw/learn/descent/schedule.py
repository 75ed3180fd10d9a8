"""The order of things: sweeps over flat votes, growth, sweeps again, and when to end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lut2hw.learn.descent.growth import grow
from lut2hw.learn.descent.moves import OutOfTime, Trainer
from lut2hw.learn.descent.state import Kept, Position
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.graph import Graph
from lut2hw.model.network import LutNetwork

SWEEPS = 8  # after each growth, by default


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
    kept: Kept | None = None,
    curve: list[list[Any]] | None = None,
    tables_only: bool = False,
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
    kept : Kept, optional
        Where the state is kept after each sweep, and taken from.
    curve : list, optional
        What has been reported; part of the state.
    tables_only : bool
        No input moves, and no constant.

    Returns
    -------
    graph : Graph
        The best there was.
    ended : str
        Why training ended: "done", "time limit", "interrupt" or "callback".
    """
    curve = [] if curve is None else curve
    at = Position() if kept is None else kept.load(trainer)
    curve[:] = at.curve
    at.curve = curve
    stages = trainer.levels if grown else 1
    shares = [0] + [grown * (s + 1) // (stages - 1) - grown * s // (stages - 1) for s in range(stages - 1)]
    resumed = at.sweep >= 0
    try:
        for stage in range(at.stage, len(shares)):
            if not resumed:
                # A stage of growth starts where the one before ended.
                at.stage, at.sweep, at.ended, at.last, at.waited, at.best, at.graph = (
                    stage,
                    -1,
                    False,
                    None,
                    0,
                    None,
                    None,
                )
                if shares[stage]:
                    grow(trainer, shares[stage])
            resumed = False
            restarts = options.restarts if stage == len(shares) - 1 else 0
            plan = [False] * (options.sweeps or SWEEPS) + [True, False] * restarts
            while not at.ended and at.sweep + 1 < len(plan):
                sweep, restart = at.sweep + 1, plan[at.sweep + 1]
                trainer.accepted = 0
                if tables_only:
                    trainer.sweep(0)
                elif restart or (stage == 0 and sweep == 0):
                    trainer.sweep(2 * trainer.k, trainer.sample, restart, trainer.loss.ordered and not restart)
                else:
                    trainer.sweep()
                if not tables_only:
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
                at.waited += 1
                if score is not None and (at.best is None or score > at.best):
                    at.best, at.graph, at.waited = score, trainer.graph.copy(), 0
                if stop is True:
                    raise _Stopped
                waited = score is not None and at.waited >= options.patience
                at.ended = waited or (loss == at.last and not restart and not any(plan))
                at.sweep, at.last = sweep, loss
                if kept is not None:
                    kept.save(trainer, at)
    except OutOfTime:
        return at.graph or trainer.graph.copy(), "time limit"
    except KeyboardInterrupt:
        return at.graph or trainer.graph.copy(), "interrupt"
    except _Stopped:
        return at.graph or trainer.graph.copy(), "callback"
    return at.graph or trainer.graph.copy(), "done"
