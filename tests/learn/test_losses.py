"""Losses of numbers and labels, and weights of examples: kernels against NumPy, effects against brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw import bits
from lut2hw.choices import ClassWeight, Task
from lut2hw.data import Dataset
from lut2hw.errors import UsageError
from lut2hw.learn.descent.growth import grow
from lut2hw.learn.descent.loss import Loss
from lut2hw.learn.descent.moves import Trainer
from lut2hw.learn.descent.problem import Problem
from lut2hw.learn.descent.separable import Labels, Numbers, Separable, constant, costs, signs, size
from lut2hw.learn.descent.softmax import Softmax
from lut2hw.learn.descent.train import train_descent
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.tasks.anomaly import ALARMS
from lut2hw.learn.tasks.registry import TASKS
from lut2hw.learn.weights import example_weights, quantile_weights
from lut2hw.model import encoder as encode
from lut2hw.model.features import Features
from lut2hw.model.network import from_bytes, to_bytes
from lut2hw.studies import metrics
from lut2hw.training.choose import choose
from lut2hw.training.options import TrainOptions
from lut2hw.training.train import options_of, train

KINDS = ["squared", "absolute", "quantile:0.8", "labels", "softmax"]


def made_up(kind: str, seed: int, n: int = 120, weighted: bool = False, **options) -> Trainer:
    """A trainer on random bits with hidden LUTs, some of them shared, after a sweep."""
    rng = np.random.default_rng(seed)
    code = rng.integers(0, 2, (9, n))
    weight = rng.integers(1, 256, n) if weighted else None
    problem = Problem(bits.pack(code), n, rng)
    loss: Loss
    if kind == "softmax":
        loss = Softmax(problem, code[:3].sum(axis=0) % 3, 3, votes=6, tau=0.9, weight=weight)
    elif kind == "labels":
        y = np.stack([code[0] ^ code[1], code[2] & code[3]], axis=1)
        loss = Labels(problem, y, votes=6, tau=1.1, weight=weight)
    else:
        y = np.stack([code[0] * 3 + code[1] + rng.normal(size=n), 1000 + code[2] * rng.normal(size=n)], axis=1)
        loss = Numbers(problem, y, kind=kind, votes=6, weight=weight)
    trainer = Trainer(problem, loss, luts=12, votes=6, k=3, rng=rng, threads=2, levels=3, **options)
    trainer.sweep(ordered=loss.ordered)
    grow(trainer, 3)
    grow(trainer, 3)
    graph = trainer.graph
    for _ in range(8):
        lut = int(rng.integers(len(graph)))
        lower = [each for each in range(6, len(graph)) if graph.level[each] < graph.level[lut]]
        slots = np.flatnonzero(graph.wiring[lut] < trainer.n_bits)
        if lower and len(slots):
            wiring = graph.wiring[lut].copy()
            wiring[rng.choice(slots)] = trainer.n_bits + rng.choice(lower)
            trainer.rewire(lut, wiring)
            trainer.update(lut)
    return trainer


def losses(trainer: Trainer, forced: dict[int, int] | None = None) -> np.ndarray:
    """Integer loss of every example times its weight, from wiring, tables and the definition alone."""
    graph, loss, done = trainer.graph, trainer.loss, {}
    code = bits.unpack(trainer.shard.columns[: trainer.n_bits], trainer.n)

    def output(lut: int) -> np.ndarray:
        if lut not in done:
            reads = [code[s] if s < trainer.n_bits else output(s - trainer.n_bits) for s in graph.wiring[lut]]
            done[lut] = graph.table[lut][sum(each.astype(int) << j for j, each in enumerate(reads))].astype(int)
            if forced and lut in forced:
                done[lut] = np.full(trainer.n, forced[lut])
        return done[lut]

    scores = np.zeros((loss.n_outputs, trainer.n), int)
    for vote in graph.votes:
        scores[graph.class_of[vote]] += graph.weight[vote] * output(vote)
    if isinstance(loss, Separable):
        scores += loss.bias[:, None]
        at = np.clip(loss.zero + scores - loss.target, 0, len(loss.table) - 1)
        each = loss.table[at].sum(axis=0, dtype=np.int64)
    else:
        assert isinstance(loss, Softmax)
        u = loss.w[loss.zero + scores - scores[loss.label, np.arange(trainer.n)]].sum(axis=0)
        each = loss.table[(u.astype(np.float32).view(np.int32) >> 13) - loss.base].astype(np.int64)
    weight = loss.weight
    return each * (weight if weight is not None and len(weight) else 1)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), kind=st.sampled_from(KINDS), weighted=st.booleans())
def test_effects_are_the_change_in_loss(seed: int, kind: str, weighted: bool) -> None:
    """But for what the shift cuts off, less than one unit of 2**shift."""
    trainer = made_up(kind, seed, weighted=weighted)
    listed, exact = np.zeros(trainer.n), []
    for lut in range(len(trainer.graph)):
        fits, listing = trainer.lister(lut)(trainer.graph.wiring[lut]), trainer.shard.listing
        count = listing.n
        true = losses(trainer, {lut: 1}) - losses(trainer, {lut: 0})
        assert fits and count == (true != 0).sum()
        if not count:
            continue
        listed[:] = 0
        index = listing.index[:count]
        listed[index] = listing.effect[:count]
        assert np.abs(listed).max() * listing.chunk < 1 << 15
        scale = 2.0 ** np.rint(np.log2(np.abs(true).max() / max(1, np.abs(listed).max())))
        assert (np.abs(listed * scale - true) < scale).all() or (np.abs(listed * scale / 2 - true) < scale / 2).all()
        exact.append(trainer.exact)
        if trainer.exact and scale == 1:
            assert (listed == true).all()
    if not weighted and kind in ("squared", "labels", "softmax"):
        assert all(exact)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_loss_never_rises(kind: str, weighted: bool) -> None:
    trainer = made_up(kind, 7, weighted=weighted)
    assert trainer.total_loss() == losses(trainer).sum()
    for lut in range(len(trainer.graph)):
        before = trainer.total_loss()
        trainer.visit(lut)
        assert trainer.total_loss() <= before
    before = trainer.total_loss()
    trainer.settle()
    assert losses(trainer).sum() == trainer.total_loss() <= before


@given(st.integers(1, 300), st.integers(1, 4))
def test_half_of_the_votes_count_down(votes: int, outputs: int) -> None:
    sign = signs(votes, outputs)
    for t in range(outputs):
        assert abs(int(sign[t::outputs].sum())) <= 1


@given(st.integers(1, 3000), st.floats(0, 1500))
def test_votes_count_one_power_of_two_and_reach_far_enough(count: int, spread: float) -> None:
    each = size(count, spread)
    assert each >= 1 and each & (each - 1) == 0
    assert count * each >= 2.8 * spread  # 4 standard deviations, rounded to a power of two


@given(st.sampled_from(["squared", "absolute", "quantile:0.25"]), st.integers(0, 99))
def test_the_constant_loses_least(kind: str, seed: int) -> None:
    y = np.random.default_rng(seed).normal(size=(101, 1)) ** 3
    best = costs(kind, constant(kind, y) - y).sum()
    assert all(best <= costs(kind, each - y).sum() + 1e-9 for each in np.linspace(y.min(), y.max(), 50))


def table(x: np.ndarray, y: np.ndarray, task: Task, n_test: int, **more) -> Dataset:
    """A data set of integers whose last rows are the test split."""
    features = Features.integers(x.min(axis=0), x.max(axis=0))
    cut = len(x) - n_test
    names = () if "class_names" in more else tuple(f"y{t}" for t in range(np.ndim(y) and y.shape[1]))
    return Dataset(
        "made up",
        features,
        more.pop("class_names", ()),
        x[:cut],
        y[:cut],
        x[cut:],
        y[cut:],
        task=task,
        target_names=names,
        **more,
    )


@pytest.fixture(scope="module")
def numbers() -> Dataset:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 100, (2000, 4))
    first = 10 * np.sin(x[:, 0] / 20) + x[:, 1] / 10
    y = np.stack([first + rng.normal(size=2000), 1e6 + 1e-3 * (x[:, 2] - first)], axis=1)
    return table(x, y, Task.REGRESSION, 500)


def test_numbers_are_learned_in_their_own_units(numbers: Dataset) -> None:
    trained = train(numbers, TrainOptions.of(luts=120, k=4, sweeps=3))
    network = trained.network
    assert network.head.kind == "number" and network.target_names == ("y0", "y1") and not network.class_names
    assert (network.head.weight == 1).all()  # all votes count the same, and scores are in units of one
    value = network.predict(numbers.x_test)
    assert (
        metrics.r2(numbers.y_test[:, :1], value[:, :1]) > 0.9
        and metrics.r2(numbers.y_test[:, 1:], value[:, 1:]) > 0.9
    )
    assert trained.metrics["test"] == metrics.of_numbers(numbers.y_test, value) and trained.accuracy == {}
    assert network.meta["test_r2"] == trained.metrics["test"]["r2"]
    again = from_bytes(to_bytes(network))
    assert (again.predict(numbers.x_test) == value).all()


def test_hidden_luts_serve_numbers_and_bytes_do_not_depend_on_threads(
    numbers: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lut2hw.learn.descent import train as module

    monkeypatch.setattr(module, "_SMALL", 0)
    coder = encode.thermometer(numbers.features, numbers.x_train, 6)
    weighted = replace(numbers, weight_train=np.arange(len(numbers.y_train)) % 9 + 1)
    nets = [
        train_descent(weighted, coder, luts=50, votes=20, levels=3, sweeps=2, validation=0.2, threads=threads)
        for threads in (1, 2)
    ]
    assert to_bytes(nets[0]) == to_bytes(nets[1]) and len(nets[0].layers) > 1
    value = nets[0].predict(numbers.x_test)
    assert metrics.r2(numbers.y_test[:, :1], value[:, :1]) > 0.7


@pytest.mark.parametrize("q", [0.1, 0.5, 0.9])
def test_a_quantile_is_exceeded_by_the_rest(numbers: Dataset, q: float) -> None:
    one = replace(numbers, y_train=numbers.y_train[:, :1], y_test=numbers.y_test[:, :1], target_names=("y0",))
    loss = "absolute" if q == 0.5 else f"quantile:{q}"
    network = train(one, TrainOptions.of(luts=40, sweeps=2, loss=loss)).network
    value = network.predict(one.x_test)
    assert value.shape == (500,)
    assert (one.y_test[:, 0] <= value).mean() == pytest.approx(q, abs=0.12)


def test_constant_targets_are_answered() -> None:
    x = np.arange(40).reshape(20, 2)
    network = train(table(x, np.full((20, 1), -7.25), Task.REGRESSION, 5), TrainOptions.of(luts=10)).network
    assert (network.predict(x) == -7.25).all()


def test_several_labels_share_hidden_luts() -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 2, (3000, 12))
    y = np.stack([x[:, 0] ^ x[:, 1], x[:, 0] ^ x[:, 1] ^ x[:, 2], x[:, 3] & x[:, 4]], axis=1).astype(np.uint8)
    dataset = table(x, y, Task.MULTILABEL, 1000)
    trained = train(dataset, TrainOptions.of(luts=45, votes=15, levels=2, sweeps=3, bits_per_feature=1))
    assert trained.network.head.kind == "labels"
    assert trained.metrics["test"]["label_accuracy"] > 0.98
    assert trained.accuracy["test"] == trained.metrics["test"]["accuracy"]
    assert (trained.network.predict(dataset.x_test) == dataset.y_test).mean() > 0.98


def test_normal_examples_alone_tell_what_is_not() -> None:
    """Anomalies have usual values in each column, but not together."""
    rng = np.random.default_rng(2)
    base = rng.integers(0, 50, (3000, 1))
    normal = np.concatenate(
        [base, base + rng.integers(0, 5, (3000, 1)), 60 - base, rng.integers(0, 50, (3000, 2))], axis=1
    )
    odd = rng.permuted(normal[:500], axis=0)
    x = np.concatenate([normal, odd])
    y = np.repeat([0, 1], [3000, 500])
    dataset = table(x, y, Task.ANOMALY, 1000, class_names=("normal", "anomaly"))
    trained = train(dataset, TrainOptions.of(luts=60))
    assert trained.network.head.kind == "threshold" and trained.network.class_names == ("normal", "anomaly")
    found = trained.metrics["test"]
    assert found["roc_auc"] > 0.95 and found["false_positive_rate"] <= 3 * ALARMS
    assert found["recall"] > 0.5


def rare(n: int, share: float, seed: int = 3, n_test: int = 1000) -> Dataset:
    rng = np.random.default_rng(seed)
    y = (rng.random(n + n_test) < share).astype(np.int64)
    x = rng.normal(size=(n + n_test, 6)) + 1.5 * y[:, None] * np.array([1, 1, 1, 0, 0, 0])
    x = np.rint(100 * x).astype(np.int64)
    return table(x, y, Task.CLASSIFICATION, n_test, class_names=("usual", "rare"))


@pytest.mark.slow
def test_one_in_a_thousand_is_found() -> None:
    dataset = rare(40_000, 1e-3, n_test=200_000)
    network = train(dataset, TrainOptions.of(luts=60)).network
    found = metrics.one_versus_rest(dataset.y_test, network.predict(dataset.x_test), 2)
    assert found.recall[1] > 0.1 and found.false_positive_rate[1] < 0.01
    points = metrics.operating_points(dataset.y_test == 1, network.scores(dataset.x_test)[:, 0])
    assert points.recall[points.false_positive_rate <= 1e-3].max() > 0.1  # knowing all, .31


def test_one_in_two_hundred_is_found() -> None:
    dataset = rare(6000, 1 / 200, n_test=30_000)
    found = {}
    for weight in (None, *ClassWeight):
        network = train(dataset, TrainOptions.of(luts=40, class_weight=weight, sweeps=2)).network
        found[weight] = metrics.one_versus_rest(dataset.y_test, network.predict(dataset.x_test), 2).recall[1]
    assert found[ClassWeight.BALANCED] > found[None] > found[ClassWeight.EQUAL] and found[None] > 0.15


def test_classes_that_are_not_rare_count_as_they_are() -> None:
    balanced = rare(3000, 0.1)
    assert example_weights(balanced, None) is None
    weights = example_weights(balanced, ClassWeight.BALANCED)
    assert weights is not None
    sums = np.bincount(balanced.y_train, weights)
    assert sums[0] == pytest.approx(sums[1], rel=0.1)
    assert example_weights(rare(3000, 0.01), None) is not None
    assert example_weights(rare(3000, 0.01), ClassWeight.EQUAL) is None


def test_half_of_the_thresholds_look_at_classes_alike() -> None:
    few = rare(3000, 0.02)
    weight = quantile_weights(few, None)
    assert weight is not None
    share = np.bincount(few.y_train, weight) / weight.sum()
    assert share[1] == pytest.approx((few.y_train.mean() + 0.5) / 2, abs=1e-3)
    assert quantile_weights(few, ClassWeight.EQUAL) is None
    even = rare(3000, 0.4)
    assert quantile_weights(even, None) is None  # thresholds stay those of all examples


def test_a_bit_of_few_examples_that_are_a_class_is_kept() -> None:
    """45 of 100,000 examples, told by one bit: fewer than a 2,000th, but all of their class."""
    rng = np.random.default_rng(0)
    y = np.zeros(100_000, np.int64)
    y[:45] = 1
    x = np.stack([y, *rng.integers(0, 2, (3, len(y)))], axis=1)
    order = rng.permutation(len(y))
    dataset = table(x[order], y[order], Task.CLASSIFICATION, 50_000, class_names=("usual", "rare"))
    options = TrainOptions.of(luts=4, sweeps=2, bits_per_feature=1, class_weight=ClassWeight.EQUAL)
    network = train(dataset, options).network
    assert (network.predict(dataset.x_test) == dataset.y_test).all()
    labels = np.stack([dataset.y_train, 1 - dataset.y_train, x[order][50_000:, 1]], axis=1)
    assert TASKS[Task.MULTILABEL].rarest(labels) == TASKS[Task.CLASSIFICATION].rarest(dataset.y_train)
    assert TASKS[Task.REGRESSION].rarest(labels) is None


def test_an_example_of_weight_three_counts_as_three() -> None:
    """Scores of votes trained on repeated examples and on weighted ones cost the same."""
    rng = np.random.default_rng(0)
    code, label = rng.integers(0, 2, (5, 100)), rng.integers(0, 3, 100)
    weight = rng.integers(1, 4, 100)
    totals = []
    for rows, counts in ((np.arange(100), weight), (np.repeat(np.arange(100), weight), None)):
        problem = Problem(bits.pack(code[:, rows]), len(rows), np.random.default_rng(1))
        loss = Softmax(problem, label[rows], 3, votes=6, tau=1.0, weight=counts)
        trainer = Trainer(problem, loss, luts=6, votes=6, k=3, rng=np.random.default_rng(2), threads=1)
        assert trainer.lister(0)(trainer.graph.wiring[0])
        totals.append((trainer.total_loss(), trainer.histogram(0), trainer.saved.tolist()))
    assert totals[0][0] == totals[1][0] and trainer.exact
    weighted, repeated = (np.array(each[2]) for each in totals)
    scale = np.abs(repeated).max() // np.abs(weighted).max()  # zeros in common are left out
    assert (weighted * scale == repeated).all()


@pytest.mark.parametrize(
    ("options", "task", "words"),
    [
        ({"loss": "absolute"}, Task.CLASSIFICATION, "--loss has no effect on --task classification"),
        ({"class_weight": "balanced"}, Task.REGRESSION, "--class-weight has no effect"),
        ({"tau": "auto"}, Task.REGRESSION, "--tau has no effect"),
        ({"learner": "memorize"}, Task.REGRESSION, "learns classes alone"),
        ({"luts": 1}, Task.REGRESSION, "too few for 2 outputs"),
    ],
)
def test_options_of_other_tasks_are_refused(numbers: Dataset, options: dict, task: Task, words: str) -> None:
    dataset = numbers if task is Task.REGRESSION else rare(60, 0.5)
    options = dict(options)
    with pytest.raises(UsageError, match=words):
        train(dataset, TrainOptions.of(options.pop("learner", None), **options))


@pytest.mark.parametrize("loss", ["", "cubic", "quantile", "quantile:2", "quantile:x"])
def test_losses_are_checked(loss: str) -> None:
    with pytest.raises(UsageError, match="unknown loss"):
        DescentOptions(loss=loss)


def test_luts_are_chosen_by_what_a_task_takes_for_good(numbers: Dataset) -> None:
    """And the options in the model's meta say so."""
    small = numbers.training(np.arange(600))
    trained = train(small, TrainOptions.of(sweeps=1, bits_per_feature=4))
    assert set(trained.tried) == {"luts"} and max(trained.tried["luts"].values()) > 0.5
    again = options_of(trained.network.meta)
    assert again is not None and again.given()["luts"] == "auto"
    assert to_bytes(train(small, again).network) == to_bytes(trained.network)
    first = choose(
        small, {luts: lambda part, n=luts: train(part, TrainOptions.of(luts=n)).network for luts in (4, 60)}
    )
    assert first.best == 60
