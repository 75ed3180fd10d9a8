"""`train`: from a data set and options to a model, the one way for the command line, sweeps and estimators."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from lut2hw.choices import Task, Teacher
from lut2hw.cluster import Cluster, cluster_of
from lut2hw.data.dataset import Dataset
from lut2hw.errors import UsageError
from lut2hw.flags import AUTO, flags
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.tasks.registry import TASKS, check_options
from lut2hw.model import encoder as encode
from lut2hw.model.encoder import Encoder
from lut2hw.model.network import LutNetwork
from lut2hw.shards import Place
from lut2hw.training import choose
from lut2hw.training.fill import SURE, Room, Size, default_k, fill, is_local, learns_by_heart, regions_for
from lut2hw.training.like import learn_like, options_like
from lut2hw.training.options import AUTO_BITS, SEARCHED, TrainOptions, all_flags
from lut2hw.training.signal import has_signal
from lut2hw.training.teacher import teach, teacher_of

Progress = Callable[[str, int, int], None]
"""Called as progress(what, steps done, steps in all)."""
Watch = Callable[[Any], bool | None]
"""Called with a `lut2hw.learn.descent.Progress`; True ends training with what there is."""


@dataclass(frozen=True)
class Trained:
    """What a training made."""

    network: LutNetwork
    """The model; its `meta` says how it was made."""
    options: TrainOptions
    """The options with all that was chosen filled in."""
    accuracy: dict[str, float]
    """Share of right answers, to six digits, on each split that has examples; empty for numbers."""
    seconds: float
    """Time that learning took, choices by validation included."""
    size: Size | None = None
    """With a device to fill: the network's size, and the logic cells of the chip."""
    tried: dict[str, dict[Any, float]] = field(default_factory=dict)
    """Of each option chosen by validation, the values tried and their accuracy on held-out examples, or what the task
    has in its place; of "size", the sizes of networks for a device.
    """
    metrics: dict[str, dict[str, float | None]] = field(default_factory=dict)
    """Metrics of each split that has examples, as the task has them."""
    measure: str = "accuracy"
    """The first of them."""
    signal: bool | None = None
    """Of classes, whether answers to the test examples are better than chance; None if too few examples tell."""

    @property
    def ended(self) -> str:
        """Why training ended: "done", "interrupt", "time limit" or "callback"."""
        return str(self.network.meta.get("ended", "done"))


def train(
    dataset: Dataset,
    options: TrainOptions | None = None,
    progress: Progress | None = None,
    *,
    threads: int | None = None,
    watch: Watch | None = None,
    start: LutNetwork | None = None,
    client: Any = None,
    state: str | Path | None = None,
    resume: bool = False,
) -> Trained:
    """Train a network.

    Parameters
    ----------
    dataset : Dataset
        What to learn from. The test split is not looked at but to say the accuracy on it.
    options : TrainOptions, optional
        How; `TrainOptions.of(luts=100, seed=3)` takes single ones by name.
    progress : callable, optional
        Called as progress(what, steps done, steps in all).
    threads : int, optional
        None for all that numba is set to use; the network does not depend on it.
    watch : callable, optional
        descent: called after every sweep with a `lut2hw.learn.descent.Progress`; True ends training with what there
        is. Not of trainings that choose an option by validation, but with a device to fill of each size tried.
    start : LutNetwork, optional
        descent: a network of the same features and classes to go on with, whose size is kept: further sweeps over all
        of its LUTs, which lower the loss of these examples or leave it.
    client : distributed.Client, optional
        A Dask cluster whose workers hold the examples of the network that is made, and do the trials that choose an
        option. The network does not depend on it.
    state : str or Path, optional
        descent: a file in which the state is kept after each sweep until training is done. Not with a device.
    resume : bool, default=False
        Go on from that file, to the same network; options are chosen anew before.

    Returns
    -------
    Trained
        Its network is the same, byte for byte, for the same data and options, unless a time limit, an interrupt
        (Ctrl-C) or `watch` ended training early.

    Raises
    ------
    UsageError
        If the data cannot be learned from with these options.
    """
    options = options or TrainOptions()
    if dataset.task is not Task.CLASSIFICATION and not isinstance(options.learning, DescentOptions):
        raise UsageError(
            f"--learner {options.learner.name} learns classes alone; give --learner descent for --task {dataset.task}"
        )
    if isinstance(options.learning, DescentOptions) and options.like is None:
        check_options(dataset.task, options.learning)
    began = time.perf_counter()
    if start is not None:
        options = _of_start(options, dataset, start)
    run = _Run(dataset, options, progress, threads, watch)
    run.start, run.cluster = start, cluster_of(client)
    if resume and (options.place is not None or options.like is not None):
        what = "fills a device" if options.like is None else "learns tables alone"
        raise UsageError(f"a training that {what} keeps no state; leave --resume out")
    run.state = None if state is None or options.place is not None else (Path(state), resume)
    if options.like is None:
        network = run.whole()
    else:
        if start is not None:
            raise UsageError("like and start both say where to begin; give one of them")
        model = LutNetwork.load(options.like)
        run.options = options = options_like(options, model)
        network = learn_like(dataset, options, model, progress, threads=threads, watch=watch, place=run.cluster)
    seconds = time.perf_counter() - began
    task, found = TASKS[dataset.task], {}
    for done, split in enumerate(("train", "test")):
        if progress is not None:
            progress("scoring", done, 2)
        x, y = dataset.split(split)
        if len(y):
            found[split] = task.metrics(network, x, y)
    if progress is not None:
        progress("scoring", 2, 2)
    network = network.with_meta(
        data=dataset.options,
        **meta_of(run.options),
        **({"tried": run.tried} if run.tried else {}),
        **run.more_meta(options),
        **{f"{split}_{name}": value for split, each in found.items() for name, value in each.items()},
    )
    accuracy = {split: share for split, each in found.items() if (share := each.get("accuracy")) is not None}
    signal = None
    if dataset.task is Task.CLASSIFICATION and len(dataset.y_train):
        signal = has_signal(network, dataset.x_test, dataset.y_test, int(np.bincount(dataset.y_train).argmax()))
    return Trained(network, run.options, accuracy, seconds, run.size, run.tried, found, task.measure, signal)


class _Run:
    """One training: `options` with ever more of them chosen."""

    def __init__(
        self,
        dataset: Dataset,
        options: TrainOptions,
        progress: Progress | None,
        threads: int | None,
        watch: Watch | None,
    ) -> None:
        self.dataset, self.options, self.progress, self.threads = dataset, options, progress, threads
        self.watch = watch
        self.start: LutNetwork | None = None
        self.cluster: Cluster | None = None
        self.state: tuple[Path, bool] | None = None
        self.tried: dict[str, dict[Any, float]] = {}
        self.size: Size | None = None
        self.chosen: Size | None = None
        self.place = options.place
        self.teacher = Teacher.NONE
        self.lessons: dict[bytes, Dataset] = {}
        k, learner = options.k, options.learner
        if k is None:
            k = learner.k if self.place is None else default_k(self.place.target)
        self.options = options = options.but(k=k)
        self.counts: Sequence[int] = ()
        if options.threshold is None:
            counts = AUTO_BITS if options.bits_per_feature == AUTO else options.bits_per_feature
            self.counts = counts or (choose.default_bits(dataset.features, options),)

    @property
    def _learning(self) -> DescentOptions | None:
        learning = self.options.learning
        return learning if isinstance(learning, DescentOptions) else None

    def whole(self) -> LutNetwork:
        """Choose what is to be chosen, and learn from all training examples."""
        if self._learning is not None:
            if self.progress is not None and self._learning.teacher not in (None, Teacher.NONE):
                self.progress("training the teacher", 0, 1)
            self.teacher = teacher_of(self.dataset, self._learning, self.options.seed)
        auto = {name for name in ("luts", "levels", "tau") if self.options.given().get(name) == AUTO}
        if _chooses_luts(self.dataset, self.options):
            auto.add("luts")
        self.options = self.options.but(**dict.fromkeys(auto))
        if len(self.counts) > 1:
            bits = choose.choose_bits(
                self.dataset,
                self._learn,
                self.counts,
                seed=self.options.seed,
                progress=self.progress,
                options=self._learning,
                ahead=self._ahead(None),
            )
            self.counts, self.tried["bits_per_feature"] = (bits.best,), bits.accuracy
        if self.counts:
            self.options = self.options.but(bits_per_feature=tuple(self.counts))
        for name, chooser in (
            ("luts", choose.choose_luts),
            ("levels", choose.choose_levels),
            ("tau", choose.choose_tau),
        ):
            if name in auto:
                # Temperatures are multiples of what the first trial takes by itself: one after the other, here.
                elsewhere: dict[str, Any] = {} if name == "tau" else {"ahead": self._ahead(name)}
                chosen = chooser(
                    self.dataset,
                    self._with(name),
                    seed=self.options.seed,
                    progress=self.progress,
                    options=self._learning,
                    **elsewhere,
                )
                self.options = self.options.but(**{name: chosen.best})
                self.tried[name] = chosen.accuracy
            if name == "luts" and self.place is not None and not auto & {"luts", "levels"}:
                self._choose_size()
        options = self.options
        network = self._learn(
            self.dataset,
            self._encoder(self.dataset),
            self.progress,
            once=options.given().get("time_limit") is not None,
            watch=self.watch,
            start=self.start,
            whole=True,
        )
        if self.size is not None:
            self.options = _sized(self.options, self.size)
        return network

    def more_meta(self, asked: TrainOptions) -> dict[str, Any]:
        """What a command that repeats the training needs to know besides `meta_of` and `tried`."""
        more: dict[str, Any] = {}
        if self.teacher is not Teacher.NONE:
            more["taught"] = {"teacher": self.teacher.value, "made_up": self._taught(self.dataset).made_up}
        bits = self.tried.get("bits_per_feature")
        counts = AUTO_BITS if asked.bits_per_feature == AUTO else asked.bits_per_feature
        if bits is not None and counts is not None and sorted(bits) != sorted(set(counts)):
            more["asked_bits"] = list(counts)  # some of them were not tried, or refused
        if self.size is not None and self.tried:
            # The size was another one in each trial.
            more["filled"] = {
                name: value for name in (*PLACED, *FILLED) if (value := asked.given().get(name)) is not None
            }
        return more

    def _ahead(self, name: str | None) -> choose.Ahead[int] | None:
        """Trains with values of an option (None: thresholds per feature) on the cluster; None if there is none."""
        cluster = self.cluster
        if cluster is None:
            return None

        def trained(values: list[int], parts: int) -> list[list[LutNetwork | UsageError]]:
            data, tasks = cluster.share(self.dataset), []
            for value in values:
                options = self.options if name is None else self.options.but(**{name: value})
                counts = (value,) if name is None else self.counts
                tasks += [(data, part, options, counts, self.teacher) for part in range(parts)]
            made = cluster.map(_trial, tasks)
            return [made[at : at + parts] for at in range(0, len(made), parts)]

        return trained

    def _with(self, name: str) -> Callable[[Dataset, Any], LutNetwork]:
        def make(part: Dataset, value: Any) -> LutNetwork:
            self.options = self.options.but(**{name: value})
            return self._learn(part, self._encoder(part))

        return make

    def _encoder(self, dataset: Dataset) -> Encoder:
        if self.options.threshold is not None:
            return encode.fixed(dataset.features, self.options.threshold)
        return choose.quantile_encoder(dataset, self.counts[0], self._learning)

    def _learn(
        self,
        dataset: Dataset,
        encoder: Encoder,
        progress: Progress | None = None,
        once: bool = True,
        watch: Watch | None = None,
        start: LutNetwork | None = None,
        whole: bool = False,
    ) -> LutNetwork:
        options = self.options
        place = self.place
        where = self.cluster if whole else None
        if place is None:
            return self._call(options, dataset, encoder, progress, watch, start, where, self.state if whole else None)
        room = self._room(dataset, encoder)
        options = self.options
        network, self.size = fill(
            lambda size: self._call(_sized(options, size), dataset, encoder, progress, watch, None, where),
            room,
            self.chosen,
            once=once or self.chosen is not None,
        )
        return network

    def _room(self, dataset: Dataset, encoder: Encoder) -> Room:
        """What the network is to fit into, once it is said which regions votes read there."""
        options, place = self.options, self.place
        assert place is not None
        given, image = options.given(), dataset.features.image_shape
        if not {"window", "subspace"} & given.keys():
            options = options.but(**regions_for(place.target, place.device, options.utilization, image))
            self.options, given = options, options.given()
        outputs = TASKS[dataset.task].outputs(dataset)
        return Room(
            encoder,
            max(2, outputs) if dataset.task in (Task.CLASSIFICATION, Task.ANOMALY) else outputs,
            place.target,
            place.device,
            options.k or default_k(place.target),
            options.utilization,
            is_local(image, window=given.get("window", 0), subspace=given.get("subspace", 0.0)),
            place.link,
            dataset.task,
        )

    def _choose_size(self) -> None:
        """Choose flat or deep and the number of LUTs for the device by validation, where few examples leave it open
        and nothing else says it.
        """
        given, dataset = self.options.given(), self.dataset
        if {"votes", "levels", "inputs", "time_limit"} & given.keys() or len(dataset.y_train) < choose.FOLDS:
            return
        room = self._room(dataset, self._encoder(dataset))
        top = room.largest()
        if not learns_by_heart(top, room.k, dataset.y_train, dataset.task):
            return
        options, budget = self.options, room.budget
        sizes: dict[str, Size] = {}
        accuracy: dict[str, float] = {}

        def trainer(size: Size) -> Callable[[Dataset], LutNetwork]:
            def make(part: Dataset) -> LutNetwork:
                encoder = self._encoder(part)
                if size.cells <= SURE * budget:
                    return self._call(_sized(options, size), part, encoder, None, None)
                return fill(
                    lambda each: self._call(_sized(options, each), part, encoder, None, None),
                    self._room(part, encoder),
                    size,
                    once=True,
                )[0]

            return make

        for flat in (True, False):
            least = 0 if flat else sizes[max(accuracy, key=accuracy.__getitem__)].luts
            rungs = {size.name: size for size in room.ladder(flat, least)}
            found = choose.choose(
                dataset,
                {name: trainer(size) for name, size in rungs.items()},
                what="a size",
                seed=options.seed,
                progress=self.progress,
                options=self._learning,
                stop=2,
            )
            sizes |= rungs
            accuracy |= found.accuracy
        self.tried["size"] = accuracy
        best = sizes[max(accuracy, key=accuracy.__getitem__)]
        if best != top:
            self.chosen = best

    def _taught(self, dataset: Dataset) -> Dataset:
        """The examples with those that the teacher answers; it is asked once for each part that is trained on."""
        assert self._learning is not None
        key = sha256(dataset.x_train.tobytes()).digest() + sha256(dataset.y_train.tobytes()).digest()
        if key not in self.lessons:
            self.lessons[key] = teach(dataset, self.teacher, self._learning, self.options.seed)
        return self.lessons[key]

    def _call(
        self,
        options: TrainOptions,
        dataset: Dataset,
        encoder: Encoder,
        progress: Progress | None,
        watch: Watch | None,
        start: LutNetwork | None = None,
        where: Place | None = None,
        state: tuple[Path, bool] | None = None,
    ) -> LutNetwork:
        learner, learning = options.learner, options.learning
        if isinstance(learning, DescentOptions):
            learning = replace(learning, teacher=None)
            if self.teacher is not Teacher.NONE:
                dataset = self._taught(dataset)
        return learner.learn(
            dataset,
            encoder,
            learning,
            k=options.k or learner.k,
            seed=options.seed,
            threads=self.threads,
            progress=progress,
            watch=watch,
            start=start,
            place=where,
            state=state,
        )


def _trial(
    dataset: Dataset, part: int, options: TrainOptions, counts: Sequence[int], teacher: Teacher
) -> LutNetwork | UsageError:
    """The network of one of the parts that `choose` trains on, or why it is refused."""
    rest, _ = choose.folds(len(dataset.y_train), options.seed, dataset.group_train)[part]
    run = _Run(dataset.training(rest), options, None, None, None)
    run.teacher = teacher
    run.counts = counts
    try:
        return run._learn(run.dataset, run._encoder(run.dataset))
    except UsageError as error:
        return error


def _chooses_luts(dataset: Dataset, options: TrainOptions) -> bool:
    """Whether the number of LUTs is chosen by default: of tables, where nothing else says it or bounds the time."""
    learning = options.learning
    return (
        isinstance(learning, DescentOptions)
        and (learning.luts, learning.votes, learning.time_limit, options.place) == (None, None, None, None)
        and dataset.features.image_shape is None
        and len(dataset.y_train) >= choose.FOLDS
        and TASKS[dataset.task].outputs(dataset) <= max(choose.AUTO_LUTS)
    )


PLACED = ("device", "target", "board", "link", "utilization")
FILLED = ("luts", "votes", "levels", "inputs")
"""Options that the size of a filled device gives, if they are not given."""


def _sized(options: TrainOptions, size: Size) -> TrainOptions:
    """The options of a network of that size, instead of those of a device."""
    levels = 1 if size.flat else 3
    sized = {"luts": size.luts, "votes": size.votes, "levels": levels, "inputs": size.inputs}
    return options.but(**dict.fromkeys(PLACED), **{**sized, **_given_of(options, FILLED)})


def _of_start(options: TrainOptions, dataset: Dataset, start: LutNetwork) -> TrainOptions:
    """The options of a network that is to go on, with the size that it has."""
    made = start.meta.get("options")
    if start.meta.get("learner") != "descent" or not isinstance(made, dict) or not isinstance(made.get("k"), int):
        raise UsageError("only a network that descent has trained can be gone on with; start anew")
    if dataset.task is Task.ANOMALY:
        raise UsageError("a network of --task anomaly cannot be gone on with; start anew")
    names = (dataset.features.names, dataset.class_names, dataset.target_names)
    if names != (start.features.names, start.class_names, start.target_names):
        raise UsageError("these examples have other features or classes than the network; start anew")
    if not dataset.features.same_scaling(start.features):
        raise UsageError("these integers were made with other scales than the network's; start anew")
    size = {name: made.get(name) for name in ("luts", "votes", "levels", "tau")}
    bits = start.meta.get("bits_per_feature")
    if options.bits_per_feature is None and options.threshold is None and isinstance(bits, int):
        size["bits_per_feature"] = (bits,)
    return options.but(**dict.fromkeys(PLACED), **size, k=made["k"])


def _given_of(options: TrainOptions, names: Sequence[str]) -> dict[str, Any]:
    given = options.given()
    return {name: given[name] for name in names if name in given}


def meta_of(options: TrainOptions) -> dict[str, Any]:
    """Options as JSON values for a model's meta: all that were given or chosen, and those that every model states."""
    stated = {
        name: getattr(options.learning, name) for name, each in flags(type(options.learning)).items() if each.stated
    }
    out = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in {**stated, **options.given()}.items()
    }
    out |= {"learner": options.learner.name, "k": options.k, "seed": options.seed, "threshold": options.threshold}
    bits = options.bits_per_feature
    out["bits_per_feature"] = bits[0] if isinstance(bits, tuple) else None
    return out


def options_of(meta: Any) -> TrainOptions | None:
    """The options that train a model again, byte for byte, by its meta; None if it does not say.

    A model ended by a time limit, an interrupt or a callback is repeated up to where that happened.
    """
    if (
        not isinstance(meta, dict)
        or "imported" in meta
        or "resumed" in meta
        or not isinstance(meta.get("learner"), str)
    ):
        return None
    tried, filled = meta.get("tried"), meta.get("filled")
    tried = tried if isinstance(tried, dict) else {}
    filled = filled if isinstance(filled, dict) else None
    given = {name: meta[name] for name in all_flags() if meta.get(name) is not None}
    for name in tried.keys() & set(SEARCHED):
        given[name] = AUTO
    if "bits_per_feature" in tried:
        given["bits_per_feature"] = meta.get("asked_bits") or sorted(
            int(count) for count in tried["bits_per_feature"]
        )
    if filled is not None:
        for name in FILLED:
            given.pop(name, None)
        given |= filled
    try:
        return TrainOptions.of(meta["learner"], **given)
    except (UsageError, TypeError, ValueError):
        return None
