"""`train_stream`: from sequences to a model with a front end, which holds no more of it than the network reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from lut2hw.data.sequences import SequenceDataset
from lut2hw.errors import UsageError
from lut2hw.flags import AUTO
from lut2hw.frontends.altered import varied
from lut2hw.frontends.base import FrontEnd
from lut2hw.frontends.registry import FRONT_ENDS, fit
from lut2hw.learn.descent_options import DescentOptions, varies
from lut2hw.learn.tasks.registry import TASKS
from lut2hw.model.encoder import Encoder
from lut2hw.model.network import LutNetwork
from lut2hw.training.choose import folds
from lut2hw.training.options import TrainOptions
from lut2hw.training.train import Progress, Trained, Watch, train

ENOUGH = 400
"""Held-out sequences that tell front ends apart: more folds are trained until there are so many."""
TRIAL_LUTS = 100
"""LUTs of the networks that front ends are compared with, where nobody says."""
LONGEST_WINDOW = 512
"""Samples of usual sequences up to which a window is tried."""


def train_stream(
    sequences: SequenceDataset,
    options: TrainOptions | None = None,
    progress: Progress | None = None,
    *,
    front_end: FrontEnd | str = AUTO,
    threads: int | None = None,
    watch: Watch | None = None,
) -> Trained:
    """Train a network on what a front end makes of sequences.

    Parameters
    ----------
    sequences : SequenceDataset
        What to learn from.
    options : TrainOptions, optional
        As of `lut2hw.training.train.train`.
    progress : callable, optional
        Called as progress(what, steps done, steps in all).
    front_end : FrontEnd or str
        As of `lut2hw.frontends.fit`, which fits it to the training split; "auto" takes the kind that does best on
        held-out training sequences; or one that is made already.
    threads, watch
        As of `lut2hw.training.train.train`.

    Returns
    -------
    Trained
        Of a network whose features are those of the front end that it reads, no others. `tried["front_end"]` has the
        accuracy of each kind that was tried.

    Raises
    ------
    UsageError
        If the data cannot be learned from with these options.
    """
    options = options or TrainOptions()
    tried: dict[Any, float] = {}
    name = front_end if isinstance(front_end, str) else None
    if front_end == AUTO:
        tried = _compare(sequences, options, progress, threads)
        front_end = max(tried, key=tried.__getitem__)
    if isinstance(front_end, str):
        front_end = fit(front_end, sequences.train, sequences.samples, options.seed)
    if name is not None:
        sequences = replace(sequences, options={**sequences.options, "front_end": name})
    if progress is not None:
        progress(front_end.kind, 0, 1)
    dataset = sequences.through(front_end)
    if isinstance(options.learning, DescentOptions):
        copies = []
        for number in range(varies(options.learning.augment)):
            rng = np.random.default_rng((options.seed, number))
            copies.append(front_end.transform(varied(sequences.train, front_end.samples, rng)))
        dataset = replace(dataset, altered=tuple(copies))
    if progress is not None:
        progress(front_end.kind, 1, 1)
    trained = train(dataset, options, progress, threads=threads, watch=watch)
    network = pruned(trained.network)
    if tried:
        network = network.with_meta(front_ends=tried)
        trained = replace(trained, tried={"front_end": tried, **trained.tried})
    return replace(trained, network=network)


def _compare(
    sequences: SequenceDataset, options: TrainOptions, progress: Progress | None, threads: int | None
) -> dict[Any, float]:
    """Share of held-out sequences answered right with each kind of front end, or what the task has in its place."""
    learning = options.learning
    if isinstance(learning, DescentOptions) and (learning.luts, learning.votes, options.place) == (None, None, None):
        options = options.but(luts=TRIAL_LUTS)
    if isinstance(learning, DescentOptions) and varies(learning.augment):
        options = options.but(augment="none")
    n = len(sequences.train)
    parts = folds(n, options.seed, sequences.group_train)
    parts = parts[: max(1, -(-ENOUGH * len(parts) // n))]
    task, right = TASKS[sequences.task], {}
    given = learning if isinstance(learning, DescentOptions) else DescentOptions()
    kinds = [kind for kind in FRONT_ENDS if kind != "window" or np.median(sequences.train.length) <= LONGEST_WINDOW]
    refused: UsageError | None = None
    for done, kind in enumerate(kinds):
        if progress is not None:
            progress("choosing front end", done, len(kinds))
        gains = []
        try:
            for rest, held in parts:
                part = sequences.training(rest)
                made = fit(kind, part.train, sequences.samples, options.seed)
                dataset = part.through(made)
                x, y = made.transform(sequences.train.take(held)), sequences.y_train[held]
                network = train(dataset, options, threads=threads).network
                if network.meta.get("ended") == "interrupt":
                    raise KeyboardInterrupt
                gains.append(task.gain(network, x, y, dataset, given))
        except UsageError as error:
            refused = error
            continue
        right[kind] = round(float(np.concatenate(gains).mean()), 6)
    if progress is not None:
        progress("choosing front end", len(kinds), len(kinds))
    if not right:
        raise refused or UsageError("no front end can be tried")
    return right


def pruned(network: LutNetwork) -> LutNetwork:
    """The same network with the encoder bits and features alone that its LUTs and head read.

    Parameters
    ----------
    network : LutNetwork
        With a front end; its features become those that are read, and its front end makes no others.
    """
    front_end, encoder = network.front_end, network.encoder
    n = len(encoder)
    read = [layer.wiring.ravel() for layer in network.layers]
    signals = np.unique(np.concatenate([network.head.signal, *read]))
    bits = signals[signals < n]
    used = np.unique(encoder.feature[bits])
    used = used if len(used) else np.zeros(1, np.int32)
    features = front_end.only(used).features()
    number = np.concatenate([np.zeros(n, np.int64), len(bits) + np.arange(network.n_luts)])
    number[bits] = np.arange(len(bits))
    return replace(
        network,
        encoder=Encoder(
            features, np.searchsorted(used, encoder.feature[bits]).astype(np.int32), encoder.threshold[bits].copy()
        ),
        layers=tuple(replace(layer, wiring=number[layer.wiring].astype(np.int32)) for layer in network.layers),
        head=replace(network.head, signal=number[network.head.signal].astype(np.int32)),
    )
