"""A teacher answers made-up examples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from lut2hw.choices import Teacher
from lut2hw.data import Dataset
from lut2hw.errors import UsageError
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.model.features import Features, quantize
from lut2hw.model.network import to_bytes
from lut2hw.training import teacher
from lut2hw.training.options import TrainOptions
from lut2hw.training.train import train


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher, "TREES", 30)


def table(rule: str = "corner", n: int = 120, missing: bool = False) -> Dataset:
    """Four columns, of which two say the class."""
    rng = np.random.default_rng(3)
    x = rng.integers(0, 30, (n, 4))
    y = {"corner": (x[:, 0] > 15) & (x[:, 1] > 9), "line": x[:, 0] > x[:, 1], "xor": (x[:, 0] > 15) ^ (x[:, 1] > 15)}
    features = Features.integers([0] * 4, [29] * 4)
    if missing:
        real = np.where(rng.random(x.shape) < 0.1, np.nan, x / 7)
        features = quantize(real, features.names)
        x = features.quantized(real)
    return Dataset("made", features, ("no", "yes"), x, y[rule].astype(np.int64), x[:0], np.zeros(0, np.int64))


def test_examples_are_made_of_neighbours() -> None:
    x = np.concatenate([np.arange(20).reshape(10, 2), 1000 + np.arange(20).reshape(10, 2)])
    origin, made = teacher.make_up(x, 70, np.random.default_rng(0))
    assert origin.tolist() == [i % 20 for i in range(70)]
    for i, row in zip(origin, made, strict=True):
        assert (row[:, None] == x.T).any(axis=1).all()  # each value is one of its column
        assert (row >= 1000).all() == (i >= 10)  # and no group takes values of the other
    assert (made != x[origin]).any() and (made == x[origin]).any()


def test_the_teacher_answers_them() -> None:
    dataset = replace(table(), weight_train=np.arange(120) % 3, group_train=np.arange(120) // 2)
    taught = teacher.teach(dataset, Teacher.FOREST, DescentOptions(), 5)
    n, made = len(dataset.y_train), taught.made_up
    assert made == teacher.TIMES * n == len(taught.y_train) - n
    assert (taught.x_train[:n] == dataset.x_train).all() and (taught.y_train[:n] == dataset.y_train).all()
    assert taught.weight_train is not None and taught.weight_train.tolist() == [i % 120 % 3 for i in range(n + made)]
    assert taught.group_train is not None and taught.group_train.tolist() == [i % 120 // 2 for i in range(n + made)]
    forest = RandomForestClassifier(teacher.TREES, random_state=5)
    forest.fit(dataset.x_train, dataset.y_train, sample_weight=dataset.weight_train)
    assert (forest.predict(taught.x_train[n:]) == taught.y_train[n:]).mean() > 0.99  # but for equal shares
    observed = taught.observed
    assert len(observed.y_train) == n and observed.made_up == 0 and dataset.observed is dataset


@pytest.mark.parametrize("kind", [each for each in Teacher if each not in (Teacher.AUTO, Teacher.NONE)])
def test_teachers_take_missing_values(kind: Teacher) -> None:
    taught = teacher.teach(table(missing=True), kind, DescentOptions(), 0)
    assert taught.made_up and taught.features.missing.all()
    assert (taught.x_train[-taught.made_up :] == taught.features.low).any()


@pytest.mark.parametrize(("rule", "linear"), [("line", True), ("xor", False)])
def test_the_better_teacher_is_taken(rule: str, linear: bool) -> None:
    options = DescentOptions(teacher=Teacher.AUTO)
    assert (teacher.teacher_of(table(rule), options, 0) is Teacher.LINEAR) == linear


def test_a_network_learns_of_it() -> None:
    options = TrainOptions.of(luts=10, sweeps=1, teacher="auto")
    first, again = (train(table("line"), options, threads=threads) for threads in (1, 2))
    assert first.network.meta["taught"] == {"teacher": "linear", "made_up": 960}
    assert to_bytes(first.network) == to_bytes(again.network)
    alone = train(table("line"), options.but(teacher=Teacher.NONE)).network
    x = table("line").x_train
    assert "taught" not in alone.meta and (alone.scores_integers(x) != first.network.scores_integers(x)).any()


IMAGE = replace(table(), features=Features.integers([0] * 4, [29] * 4, image_shape=(2, 2)))


@pytest.mark.parametrize(
    ("dataset", "options", "why"),
    [
        (IMAGE, {}, "not for images"),
        (table(), {"validation": 0.2}, "--validation"),
        (table(n=8), {}, "needs 10"),
        (replace(table(), y_train=np.ones(120, np.int64)), {}, "two classes"),
        (table(n=teacher.MOST_TAUGHT + 1), {}, "20,000"),
        (replace(table(), task="regression"), {}, "--task regression"),
    ],
)
def test_where_there_is_none(dataset: Dataset, options: dict, why: str) -> None:
    asked = DescentOptions(teacher=Teacher.FOREST, **options)
    with pytest.raises(UsageError, match=why):
        teacher.teacher_of(dataset, asked, 0)
    assert teacher.teacher_of(dataset, replace(asked, teacher=None), 0) is Teacher.NONE
