"""`train_descent`: from a data set and options to a network."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numba
import numpy as np
from numpy.typing import NDArray

from lut2hw import bits
from lut2hw.choices import Task, Teacher
from lut2hw.data import Dataset
from lut2hw.errors import UsageError
from lut2hw.flags import AUTO
from lut2hw.kernels import memory
from lut2hw.kernels.threads import alone
from lut2hw.learn.descent.candidates import Candidates
from lut2hw.learn.descent.moves import Trainer
from lut2hw.learn.descent.problem import Problem, encode_examples
from lut2hw.learn.descent.result import network_of
from lut2hw.learn.descent.resume import bits_of, resume, with_bits_of, with_tables_of
from lut2hw.learn.descent.schedule import SWEEPS, Progress, Watch, run
from lut2hw.learn.descent.shards import one, several
from lut2hw.learn.descent.softmax import TABLE_MARGIN, TAU_FACTORS, default_tau, table_taus
from lut2hw.learn.descent.state import Kept, digest
from lut2hw.learn.descent_options import DEFAULT_LUTS, MAX_K, DescentOptions
from lut2hw.learn.graph import Graph
from lut2hw.learn.look import likely_look, quick_look
from lut2hw.learn.regions import regions_of
from lut2hw.learn.tasks import anomaly
from lut2hw.learn.tasks.registry import TASKS, check_options
from lut2hw.learn.weights import class_weights, example_weights
from lut2hw.model.encoder import Encoder
from lut2hw.model.network import LutNetwork
from lut2hw.shards import Place

State = tuple[Path, bool]
_SMALL = 4000  # examples below which a second thread costs more than it gains


def _look(dataset: Dataset, encoder: Encoder, options: DescentOptions, tau: float, **how: Any) -> LutNetwork | None:
    """The network of `tau`, or of as many times that as does better, after one sweep over few examples."""
    # Copies are left out: of a few originals they would hide how much is learned by heart.
    options = replace(
        options,
        sweeps=1,
        restarts=0,
        validation=0.0,
        augment="none",
        time_limit=options.time_limit and options.time_limit / 20,
    )
    return quick_look(
        dataset,
        lambda part, factor: train_descent(part, encoder, options=options, tau=factor * tau, **how),
        TAU_FACTORS,
        seed=how["seed"],
    )


TABLE_SWEEPS = 2  # by default, of tables above the default temperature
LEAN = 50  # examples of each of several classes, of fewer of which an entry cannot ask for evidence
LOOKED = 200  # LUTs of the networks by which a temperature is chosen for a table


def _look_at_table(
    dataset: Dataset, encoder: Encoder, options: DescentOptions, n_classes: int, **how: Any
) -> tuple[float, LutNetwork | None]:
    """The temperature that suits a table, found with one sweep of small networks over few examples.

    Also returned is a network whose training was interrupted.
    """
    luts, votes, k = how["luts"], cast("int", options.votes), how["k"]
    small = min(luts, max(LOOKED, n_classes)) if votes == luts else luts
    looked = replace(
        options,
        votes=small if votes == luts else votes,
        sweeps=1,
        restarts=0,
        validation=0.0,
        time_limit=options.time_limit and options.time_limit / 20,
    )
    order = [0, 1, 2]
    if n_classes > 2 and len(dataset.y_train) < LEAN * n_classes:
        order = [1, 0, 2]
    taus = table_taus(cast("int", looked.votes), n_classes, k)
    if len({*taus}) == 1:  # too few votes for more than one
        return table_taus(votes, n_classes, k)[0], None
    likelihood = TASKS[dataset.task].likelihood
    assert likelihood is not None
    of_class = class_weights(dataset, options.class_weight)

    def judged(network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any]) -> NDArray[np.float64]:
        each = likelihood(network, x, y)
        return each if of_class is None else each * of_class[y]

    best, interrupted = likely_look(
        dataset,
        lambda part, i: train_descent(part, encoder, options=looked, tau=taus[order[i]], **{**how, "luts": small}),
        len(taus),
        judged,
        seed=how["seed"],
    )
    return table_taus(votes, n_classes, k)[order[best]], interrupted


def train_descent(
    dataset: Dataset,
    encoder: Encoder,
    *,
    luts: int | None = None,
    k: int = 4,
    seed: int = 0,
    threads: int | None = None,
    options: DescentOptions | None = None,
    progress: Watch | None = None,
    start: LutNetwork | None = None,
    tables_only: bool = False,
    place: Place | None = None,
    state: State | None = None,
    **changes: Any,
) -> LutNetwork:
    """Train a network of `luts` k-input LUTs; see `lut2hw.learn.descent` for the method.

    Parameters
    ----------
    luts : int, optional
        500 by default.
    options : DescentOptions, optional
        `DescentOptions`, with single ones given as keywords.
    threads : int, optional
        None uses all cores; the result does not depend on it.
    progress : Watch, optional
        Called after every sweep; True ends training with what there is, and so do an interrupt (Ctrl-C) and the time
        limit. Two classes give a "threshold" head, more an "argmax" head.

    start : LutNetwork, optional
        A network that was trained with these options on the same features, to go on with; nothing is grown then.
    tables_only : bool
        Of `start` only tables change: it keeps wiring, encoder, head and constants.
    place : Place, optional
        Where the examples are held, in shards; None is in this process. The network does not depend on it.
    state : tuple of Path and bool, optional
        A file in which the state is kept after each sweep until training is done, and whether to go on from there.

    Raises
    ------
    UsageError
    """
    how: dict[str, Any] = {
        "luts": luts,
        "k": k,
        "seed": seed,
        "threads": threads,
        "progress": progress,
        "start": start,
        "tables_only": tables_only,
        "place": place,
        "state": state,
    }
    with alone(threads == 1 or len(dataset.y_train) < _SMALL):  # the outermost training decides
        return _train(dataset, encoder, options=replace(options or DescentOptions(), **changes), **how)


def _train(
    dataset: Dataset,
    encoder: Encoder,
    *,
    luts: int | None,
    k: int,
    seed: int,
    threads: int | None,
    options: DescentOptions,
    progress: Watch | None,
    start: LutNetwork | None,
    tables_only: bool,
    place: Place | None,
    state: State | None,
) -> LutNetwork:
    if AUTO in (options.luts, options.levels, options.tau):
        raise UsageError("luts, levels and tau are chosen by lut2hw.training.train alone; give numbers")
    if options.teacher not in (None, Teacher.NONE):
        raise UsageError("teachers are asked by lut2hw.training.train alone; leave teacher out")
    luts = luts or cast("int | None", options.luts) or DEFAULT_LUTS
    options = replace(
        options,
        luts=luts,
        inputs=options.inputs or 0,
        window=options.window or 0,
        subspace=float(options.subspace or 0),
    )
    if dataset.task is Task.ANOMALY:
        learn_two = partial(
            train_descent,
            encoder=encoder,
            luts=luts,
            k=k,
            seed=seed,
            threads=threads,
            options=options,
            progress=progress,
            place=place,
            state=state,
        )
        return anomaly.train(dataset, learn_two, seed)
    task = TASKS[dataset.task]
    check_options(dataset.task, options)
    n_classes = task.outputs(dataset)
    what = "classes: each class" if dataset.task is Task.CLASSIFICATION else "outputs: each"
    if not 1 <= k <= MAX_K:
        raise UsageError(f"descent trains LUTs of 1 to {MAX_K} inputs, not {k}")
    if luts < n_classes:
        raise UsageError(f"{luts} LUTs are too few for {n_classes} {what} needs a vote at least")
    began = time.monotonic()
    rng = np.random.default_rng(seed)
    votes = options.votes or (luts if options.levels in (None, 1) else luts // (5 if k <= 4 else 2))
    votes = min(luts, max(n_classes, votes))
    levels = cast("int | None", options.levels) or (1 if votes == luts else 3)
    most = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    threads = min(threads or most, most)
    if len(dataset.y_train) < _SMALL:
        threads = 1
    tau = cast("float | None", options.tau) or default_tau(votes, n_classes, k)
    is_table = dataset.task is Task.CLASSIFICATION and dataset.features.image_shape is None
    if options.tau is None and task.has_tau:
        sized = replace(options, votes=votes, levels=levels)
        more = {"luts": luts, "k": k, "seed": seed, "threads": threads}
        if is_table:
            tau, look = _look_at_table(dataset.observed, encoder, sized, n_classes, **more)
        else:
            look = _look(dataset, encoder, sized, tau, **more)
            tau = tau if look is None else look.meta["options"]["tau"]
        if look is not None and look.meta["ended"] == "interrupt":
            return look
    smooth = is_table and tau > default_tau(votes, n_classes, k)
    if options.margin is None:
        options = replace(options, margin=TABLE_MARGIN if smooth else task.margin)
    if options.sweeps is None:
        options = replace(options, sweeps=TABLE_SWEEPS if smooth and votes == luts else SWEEPS)
    if start is not None:
        encoder = with_bits_of(encoder, start)
    weight = example_weights(dataset, options.class_weight)
    if place is None:
        _need(len(dataset.y_train), len(encoder), luts, n_classes)
    examples, n_held = encode_examples(dataset, encoder, options, rng, weight)
    columns, label, weight = examples.code, examples.label, examples.weight
    del examples
    curve: list[list[Any]] = []  # kept in the model, for its report

    def record(now: Progress) -> bool | None:
        curve.append([now.stage, now.luts, round(now.loss, 6), round(now.train, 6), now.validation])
        return None if progress is None else progress(now)

    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        draws = int(rng.integers(1 << 62))

        def make(columns: bits.Packed, encoder: Encoder) -> Trainer:
            fresh = np.random.default_rng(draws)
            wanted = () if start is None else bits_of(encoder, start)
            problem = Problem(columns, len(label), fresh, n_held, wanted, task.rarest(label[: len(label) - n_held]))
            return Trainer(
                problem,
                task.loss(problem, label, dataset, votes=votes, tau=tau, weight=weight, options=options),
                luts=luts,
                votes=votes,
                k=k,
                rng=fresh,
                threads=threads,
                proposals=options.proposals,
                margin=options.margin or 0.0,
                levels=levels,
                share=options.share,
                regions=regions(encoder),
                shards=one if place is None else partial(several, place=place),
            )

        regions = partial(regions_of, dataset, window=options.window or 0, subspace=options.subspace or 0.0)
        if options.inputs and options.inputs < len(columns) and start is None:
            read = most_read(make(columns, encoder), options.inputs)
            columns = columns[read]
            encoder = Encoder(encoder.features, encoder.feature[read], encoder.threshold[read])
        trainer = make(columns, encoder)
        del columns
        order = [] if start is None else resume(trainer, start, encoder, settle=not tables_only)
        if options.time_limit is not None:
            trainer.deadline = began + options.time_limit
        names = (dataset.class_names, dataset.target_names)

        def made(graph: Graph) -> LutNetwork:
            if tables_only and start is not None:
                return with_tables_of(trainer, graph, start, order)
            return network_of(trainer, graph, encoder, *names)

        current = partial(made, trainer.graph)
        kept = None
        if state is not None:
            size = {"luts": luts, "k": k, "votes": votes, "levels": levels, "tau": tau, "seed": seed}
            kept = Kept(state[0], digest(trainer, [stated(options), size]), state[1])
        grown = luts - votes if start is None else 0
        graph, ended = run(trainer, grown, options, record, began, current, kept, curve, tables_only)
        network = made(graph)
        trainer.shards.close()
        if kept is not None and ended == "done":
            kept.remove()
    finally:
        numba.set_num_threads(before)
    return network.with_meta(
        learner="descent",
        seed=seed,
        options={
            **stated(options),
            "luts": luts,
            "k": k,
            "votes": votes,
            "levels": levels,
            **({"tau": tau} if task.has_tau else {"tau": None}),
        },
        ended=ended,
        curve=curve,
        **({} if start is None or tables_only else {"resumed": True}),
    )


def _need(n: int, n_bits: int, luts: int, outputs: int) -> None:
    """Raise `UsageError` if memory is short of what learning takes: bits by signal and by example, and scores."""
    memory.need(
        n * (2 * n_bits + luts) // 8 + n * (4 * Candidates.words(n_bits) + 16 + 4 * outputs),
        f"{n:,} examples of {n_bits:,} encoded bits and {luts:,} LUTs",
        "use fewer examples, fewer bits per feature or fewer LUTs; or --learner memorize with --scratch DIR",
    )


def stated(options: DescentOptions) -> dict[str, Any]:
    """Options as a model's meta states them: those of some tasks alone only where they are given."""
    return {
        name: value
        for name, value in asdict(options).items()
        if value is not None or name not in ("loss", "class_weight", "teacher")
    }


def most_read(trainer: Trainer, count: int) -> NDArray[np.int64]:
    """The `count` encoder bits that the votes read most after two sweeps, in order."""
    trainer.sweep(2 * trainer.k, trainer.sample, ordered=trainer.loss.ordered)
    trainer.sweep()
    reads = np.bincount(trainer.graph.wiring[: len(trainer.graph)].ravel(), minlength=trainer.n_bits)
    best = np.lexsort((trainer.problem.signal, -reads))[:count]
    return np.sort(trainer.problem.signal[best]).astype(np.int64)


def learn(
    dataset: Dataset,
    encoder: Encoder,
    *,
    options: DescentOptions | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    watch: Watch | None = None,
    **more: Any,
) -> LutNetwork:
    """`train_descent` with the progress of all learners: progress(what, sweeps done, sweeps in all)."""

    def show(now: Progress) -> bool | None:
        if progress is not None:
            held = "" if now.validation is None else f", validation {now.validation:.4f}"
            progress(
                f"{now.stage}, {now.luts} LUTs: loss {now.loss:.4f}, train {now.train:.4f}{held}, "
                f"{now.accepted} moves",
                now.sweep,
                now.sweeps,
            )
        return None if watch is None else watch(now)

    return train_descent(dataset, encoder, options=options, progress=show, **more)
