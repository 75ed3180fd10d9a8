"""Options chosen by validation: networks are trained with each candidate and judged on examples held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, KFold

from lut2hw.data import Dataset
from lut2hw.errors import UsageError
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.tasks.registry import TASKS
from lut2hw.model import encoder as encode
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.training.options import AUTO_BITS, TrainOptions
from lut2hw.training.temperature import fit_temperature

AUTO_LEVELS = (1, 2, 3)
AUTO_LUTS = (10, 20, 40, 80, 160, 500)
FEW = 0.5  # standard errors by which fewer LUTs may be worse
AUTO_TAU = (1.0, 2.0, 4.0)  # times the default temperature
FOLDS = 5
ENOUGH = 2000  # held-out examples that tell candidates apart: more folds are trained until there are so many

T = TypeVar("T", int, float, str)
Progress = Callable[[str, int, int], None]
Train = Callable[[Dataset], LutNetwork]
Ahead = Callable[[list[T], int], list[list[LutNetwork | UsageError]]]
Gain = Callable[[LutNetwork, NDArray[np.integer], NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True)
class Choice(Generic[T]):
    """best: the candidate that did best. accuracy: of each on held-out examples, or what a task has in its place."""

    best: T
    accuracy: dict[T, float]


def choose(
    dataset: Dataset,
    candidates: Mapping[T, Train],
    *,
    what: str = "options",
    seed: int = 0,
    progress: Progress | None = None,
    stop: int | None = None,
    few: float | None = None,
    options: DescentOptions | None = None,
    gain: Gain | None = None,
    ahead: Ahead[T] | None = None,
    also: Gain | None = None,
) -> Choice[T]:
    """The candidate whose networks do best on training examples held out of them: are right most often.

    Parameters
    ----------
    candidates : Mapping[T, Train]
        By name, what makes the network of a data set, whose test split is empty. A fifth of the training examples is
        held out, and up to all fifths in turn while fewer than `ENOUGH` examples have been judged. Of equals the
        first wins; candidates that refuse the data are left out. The test split is not looked at.
    stop : int, optional
        The rest is not tried after so many in a row that are no better than the best before them.
    few : float, optional
        Take the first candidate that is worse than the best by no more than so many standard errors of the
        difference, instead of the best: the paired form of the rule of one standard error (L. Breiman et al.,
        "Classification and Regression Trees", 1984).
    gain : callable, optional
        Called as gain(network, x, y): how good each answer is. None: as the task says.
    also : callable, optional
        With `few`, another gain; the later of the candidates that both take is taken.
    options : DescentOptions, optional
        Say what is best where the task alone does not: the loss of numbers, and weights of classes.
    ahead : callable, optional
        Called as ahead(names, parts): trains all candidates on the first so many of `folds` at once, elsewhere, and
        returns a network, or why the data are refused, for each and each.

    Raises
    ------
    UsageError
        If all refuse; KeyboardInterrupt if a training was interrupted.
    """
    x, y = dataset.x_train, dataset.y_train
    n = len(y)
    if n < FOLDS:
        raise UsageError(f"{n} training examples are too few to choose {what} by validation; give one")
    splits = folds(n, seed, dataset.group_train)[: -(-ENOUGH * FOLDS // n)]
    judged = sum(len(held) for _, held in splits)
    right: dict[T, float] = {}
    gains: dict[T, NDArray[Any]] = {}
    others: dict[T, NDArray[Any]] = {}
    task = TASKS[dataset.task]
    options = options or DescentOptions()
    refused: UsageError | None = None
    waited = 0
    if progress is not None:
        progress(f"choosing {what}", 0, len(candidates))
    made = None if ahead is None else ahead(list(candidates), len(splits))
    for done, (name, train) in enumerate(candidates.items()):
        if progress is not None:
            progress(f"choosing {what}", done, len(candidates))
        parts, more = [], []
        try:
            for fold, (rest, held) in enumerate(splits):
                network = train(dataset.training(rest)) if made is None else made[done][fold]
                if isinstance(network, UsageError):
                    raise network
                if network.meta.get("ended") == "interrupt":
                    raise KeyboardInterrupt
                parts.append(
                    task.gain(network, x[held], y[held], dataset, options)
                    if gain is None
                    else gain(network, x[held], y[held])
                )
                if also is not None:
                    more.append(also(network, x[held], y[held]))
        except UsageError as error:  # fewer bits than a LUT has inputs, or a device that is too small for so many
            refused = error
            continue
        gains[name] = np.concatenate(parts)
        if more:
            others[name] = np.concatenate(more)
        hits = gains[name].sum().item()
        waited = waited + 1 if right and hits <= max(right.values()) else 0
        right[name] = hits
        if stop is not None and waited >= stop:
            break
    if refused is not None and not right:
        raise refused
    if progress is not None:
        progress(f"choosing {what}", len(candidates), len(candidates))
    best = max(right, key=right.__getitem__)
    if few is not None:
        taken = {_first(each, few) for each in (gains, others) if each}
        best = [name for name in gains if name in taken][-1]
    return Choice(best, {name: round(hits / judged, 6) for name, hits in right.items()})


def folds(
    n: int, seed: int, group: NDArray[np.int64] | None = None
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Parts of the training examples to train on and to judge on.

    Parameters
    ----------
    n : int
        Examples.
    seed : int
        Of the draw.
    group : NDArray, optional
        int64 (n,), groups that are not divided.

    Raises
    ------
    UsageError
        If there is a single group.
    """
    state = seed % (1 << 32)
    if group is None:
        return list(KFold(FOLDS, shuffle=True, random_state=state).split(np.arange(n)))
    groups = len(np.unique(group))
    if groups < 2:
        raise UsageError(
            "all training examples are of one group, which validation does not divide; leave --group out"
        )
    return list(GroupKFold(min(FOLDS, groups), shuffle=True, random_state=state).split(np.arange(n), groups=group))


def _first(gains: Mapping[T, NDArray[Any]], few: float) -> T:
    """The first candidate that is worse than the best by no more than so many standard errors of the difference."""
    top = gains[max(gains, key=lambda name: gains[name].sum().item())] * 1.0
    return next(name for name, each in gains.items() if (top - each).sum() <= few * _error(top - each))


def _error(difference: NDArray[np.float64]) -> float:
    """Standard error of what these sum to."""
    return float(difference.std() * len(difference) ** 0.5)


def _fitted(dataset: Dataset) -> Gain | None:
    """The logarithm of the probability of each right answer, with the temperature that fits the examples best."""
    likelihood = TASKS[dataset.task].likelihood
    if likelihood is None:
        return None

    def gain(network: LutNetwork, x: NDArray[np.integer], y: NDArray[Any]) -> NDArray[Any]:
        return likelihood(network.with_meta(temperature=fit_temperature(network, x, y)), x, y)

    return gain


def default_bits(features: Features, options: TrainOptions) -> int:
    """Thresholds per feature where the options do not say.

    Parameters
    ----------
    features : Features
        The raw inputs.
    options : TrainOptions
        Few if a device is to be filled, and for learners that draw their wiring at random.
    """
    many = isinstance(options.learning, DescentOptions) and options.place is None
    return encode.usual_bits(features) if many else encode.few_bits(features)


def quantile_encoder(dataset: Dataset, count: int, options: DescentOptions | None = None) -> Encoder:
    """The thermometer code that a training makes of its examples.

    Parameters
    ----------
    dataset : Dataset
        What is to be learned.
    count : int
        Thresholds of each feature, at most. Those of tables are moved to round numbers near by.
    options : DescentOptions, optional
        None for learners that know no weights of classes.
    """
    x, weight = (dataset.x_train, None) if options is None else TASKS[dataset.task].seen(dataset, options)
    rounded = dataset.features.image_shape is None
    return encode.thermometer(dataset.features, x, count, weight=weight, rounded=rounded)


def choose_bits(
    dataset: Dataset,
    train: Callable[[Dataset, Encoder], LutNetwork],
    counts: Sequence[int] = AUTO_BITS,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    options: DescentOptions | None = None,
    ahead: Ahead[int] | None = None,
) -> Choice[int]:
    """The number of thresholds per feature, of `counts`, with which `train` does best; of equals, the fewest."""

    def trainer(count: int) -> Train:
        return lambda part: train(part, quantile_encoder(part, count, options))

    candidates: dict[int, Train] = {}
    bits = 0
    for count in sorted(set(counts)):
        more = len(quantile_encoder(dataset, count, options))
        if more == bits:  # no feature has more values to tell apart
            break
        bits, candidates[count] = more, trainer(count)
    return choose(
        dataset, candidates, what="bits per feature", seed=seed, progress=progress, options=options, ahead=ahead
    )


def choose_luts(
    dataset: Dataset,
    train: Callable[[Dataset, int], LutNetwork],
    counts: Sequence[int] = AUTO_LUTS,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    options: DescentOptions | None = None,
    ahead: Ahead[int] | None = None,
) -> Choice[int]:
    """The fewest LUTs, of `counts`, with which `train(dataset, luts)` does nearly as well as with the best.

    They do so by their answers or by the probability of the right ones, if that asks for more LUTs.
    """

    def trainer(luts: int) -> Train:
        return lambda part: train(part, luts)

    return choose(
        dataset,
        {luts: trainer(luts) for luts in sorted(set(counts))},
        what="luts",
        seed=seed,
        progress=progress,
        options=options,
        ahead=ahead,
        few=FEW,
        also=_fitted(dataset),
    )


def choose_levels(
    dataset: Dataset,
    train: Callable[[Dataset, int], LutNetwork],
    counts: Sequence[int] = AUTO_LEVELS,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    options: DescentOptions | None = None,
    ahead: Ahead[int] | None = None,
) -> Choice[int]:
    """LUTs in a row, of `counts`, with which `train(dataset, levels)` does best; of equals, the fewest."""

    def trainer(levels: int) -> Train:
        return lambda part: train(part, levels)

    return choose(
        dataset,
        {levels: trainer(levels) for levels in sorted(set(counts))},
        what="levels",
        seed=seed,
        progress=progress,
        options=options,
        ahead=ahead,
    )


def choose_tau(
    dataset: Dataset,
    train: Callable[[Dataset, float | None], LutNetwork],
    factors: Sequence[float] = AUTO_TAU,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    options: DescentOptions | None = None,
) -> Choice[float]:
    """The temperature with which `train(dataset, tau)` makes held-out answers most probable, of `factors` times what
    the first fold takes by itself (tau is None).

    A difference of a few right answers is chance; probabilities say sooner what is learned by heart. They are made
    with the temperature that fits the held-out answers best, whatever that of training is.
    """
    default = 0.0

    def trainer(factor: float) -> Train:
        def make(part: Dataset) -> LutNetwork:
            nonlocal default
            network = train(part, factor * default or None)
            default = default or network.meta["options"]["tau"]
            return network

        return make

    choice = choose(
        dataset,
        {factor: trainer(factor) for factor in dict.fromkeys([1.0, *factors])},
        what="tau",
        seed=seed,
        progress=progress,
        options=options,
        gain=_fitted(dataset),
    )
    return Choice(round(choice.best * default, 6), {round(f * default, 6): a for f, a in choice.accuracy.items()})
