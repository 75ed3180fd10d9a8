"""`train --like`: other tables for the wiring, encoder and head that a model has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lut2hw.choices import Task
from lut2hw.data.dataset import DEFAULT_TEST_SPLIT, Dataset
from lut2hw.errors import UsageError
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.registry import LEARNERS
from lut2hw.model.network import LutNetwork
from lut2hw.shards import Place
from lut2hw.training.options import TrainOptions
from lut2hw.training.recall import load_like

SHAPING = (
    "luts", "votes", "levels", "inputs", "window", "subspace", "share", "restarts", "layers", "clip_k", "k",
    "threshold", "bits_per_feature", "device", "board", "target", "link", "utilization",
)  # fmt: skip
"""Options that say what a network is like, which the model has said."""


def load_for(data: str | Path, network: LutNetwork, **options: Any) -> Dataset:
    """Load data to learn from as a model reads it.

    Parameters
    ----------
    data : str or Path
        As of `lut2hw.data.load`. Data without a test split that the model was not trained on is split as it is by
        default.
    network : LutNetwork
        The model.
    **options
        As of `lut2hw.data.load`.

    Raises
    ------
    UsageError
    """
    dataset = load_like(data, network, **options)
    if not len(dataset.y_train) and options.get("test_split") is None:
        dataset = load_like(data, network, **{**options, "test_split": DEFAULT_TEST_SPLIT})
    return dataset


def options_like(options: TrainOptions, network: LutNetwork) -> TrainOptions:
    """The options for the learner that made a model.

    Raises
    ------
    UsageError
        If it was not learned here, or an option says what the model has said, or is another learner's.
    """
    name = network.meta.get("learner")
    if name not in LEARNERS or "imported" in network.meta:
        raise UsageError(f"{options.like} was not trained by lut2hw, so that no learner fits it; train anew")
    if name != options.learner.name:
        given = sorted(options.but(like=None).given())
        if given and set(given) != {"seed"}:
            raise UsageError(f"{options.like} was made by --learner {name}; give that, and its options")
        options = TrainOptions.of(name, seed=options.seed, like=options.like)
    for option in options.given():
        if option in SHAPING:
            flag = "-k" if option == "k" else f"--{option.replace('_', '-')}"
            raise UsageError(f"--like keeps what the model is; leave {flag} out")
        if option == "teacher":
            raise UsageError("--like learns from the examples alone; leave --teacher out")
    return options


def learn_like(
    dataset: Dataset,
    options: TrainOptions,
    network: LutNetwork,
    progress: Callable[[str, int, int], None] | None = None,
    *,
    threads: int | None = None,
    watch: Callable[[Any], bool | None] | None = None,
    place: Place | None = None,
) -> LutNetwork:
    """Learn tables for a network, of examples that are read as it reads them; nothing else changes.

    Parameters
    ----------
    dataset : Dataset
        Its training split is learned from.
    options : TrainOptions
        As `options_like` returns them.
    network : LutNetwork
        Where it starts: descent goes on with its tables, memorize counts anew.
    progress, threads, watch, place
        As of `lut2hw.learn.learners.base.Learn`.

    Raises
    ------
    UsageError
        If the examples have other features or classes, or numbers of another scale.
    """
    if dataset.task is Task.ANOMALY or network.front_end is not None:
        raise UsageError("--like is for classes, labels and numbers of tables and images; train anew")
    names = (dataset.features.names, dataset.class_names, dataset.target_names)
    if names != (network.features.names, network.class_names, network.target_names):
        raise UsageError(f"these examples have other features or classes than {options.like}; train anew")
    if not dataset.features.same_scaling(network.features):
        raise UsageError(f"these integers were made with other scales than those of {options.like}; train anew")
    learning, more = options.learning, network.meta.get("options", {})
    if isinstance(learning, DescentOptions):
        kept = {name: more.get(name) for name in ("luts", "votes", "levels", "tau", "margin")}
        kept |= {name: value for name in ("tau", "margin") if (value := getattr(learning, name)) is not None}
        options = options.but(**kept)
    k = more.get("k") if isinstance(learning, DescentOptions) else max(layer.k for layer in network.layers)
    try:
        made = options.learner.learn(
            dataset,
            network.encoder,
            options.learning,
            k=k,
            seed=options.seed,
            threads=threads,
            progress=progress,
            watch=watch,
            like=network,
            place=place,
        )
    except UsageError as error:
        if "warm_start" not in str(error):
            raise
        raise UsageError(
            f"these examples need votes of other weights than those of {options.like}; train anew"
        ) from None
    return made
