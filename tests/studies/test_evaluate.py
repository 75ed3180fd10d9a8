"""Evaluations: the numbers of `studies.metrics`, of the answers of the network, for every kind of answer."""

from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics as reference
from helpers.networks import random_network

from lut2hw.choices import Task
from lut2hw.cli import learning
from lut2hw.data.dataset import Dataset
from lut2hw.errors import UsageError
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head
from lut2hw.studies.evaluate import as_json, evaluate


def dataset(network, y, x, task=Task.CLASSIFICATION):
    names, targets = network.class_names, network.target_names
    return Dataset("random", network.features, names, x[:0], y[:0], x, y, task=task, target_names=targets)


def inputs(network, n=200):
    features = network.features
    return np.random.default_rng(0).integers(features.low, features.high + 1, (n, len(features)))


def test_two_classes():
    network = random_network(2, head="threshold")
    x = inputs(network)
    y = np.where(np.random.default_rng(1).random(200) < 0.8, network.predict(x), 1).astype(np.int64)
    found = as_json(evaluate(network, dataset(network, y, x)))
    answer, score = network.predict(x), network.scores(x)[:, 0]
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(y, answer), abs=1e-6)
    assert found["balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(y, answer), abs=1e-6)
    assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(y, score), abs=1e-6)
    assert found["average_precision"] == pytest.approx(reference.average_precision_score(y, score), abs=1e-6)
    assert found["recall"] == pytest.approx(reference.recall_score(y, answer), abs=1e-6)
    assert found["f1"] == pytest.approx(reference.f1_score(y, answer), abs=1e-6)
    assert found["confusion"] == reference.confusion_matrix(y, answer).tolist()
    assert found["majority_accuracy"] == max(np.bincount(y)) / 200 and found["positive"] == "c1"
    other = as_json(evaluate(network, dataset(network, y, x), positive="c0"))
    assert other["recall"] == pytest.approx(1 - found["false_positive_rate"], abs=1e-6)
    assert other["roc_auc"] == found["roc_auc"]
    with pytest.raises(UsageError, match="unknown class"):
        evaluate(network, dataset(network, y, x), positive="c2")
    with pytest.raises(UsageError, match="no train split"):
        evaluate(network, dataset(network, y, x), "train")


@pytest.mark.parametrize("head", ["bit", "argmax"])
def test_other_classes(head):
    network = random_network(3, head=head)
    x = inputs(network)
    y = np.random.default_rng(1).integers(0, network.n_classes, 200)
    found = evaluate(network, dataset(network, y, x))
    assert found.confusion.sum() == 200 and None not in found.metrics.values()
    # With a temperature the areas are those of probabilities.
    if head == "argmax":
        network = network.with_meta(temperature=5.0)
        found = evaluate(network, dataset(network, y, x))
        theirs = reference.roc_auc_score(y, network.predict_proba(x), multi_class="ovr")
        assert found.metrics["roc_auc"] == pytest.approx(theirs, abs=1e-6)
        with pytest.raises(UsageError, match="--positive"):
            evaluate(network, dataset(network, y, x), positive="c0")


def targets(kind, names):
    network, rng, n = random_network(3), np.random.default_rng(3), len(names)
    votes = rng.integers(0, network.n_signals, 30), rng.integers(0, n, 30), rng.integers(-9, 10, 30), [0] * n
    head = Head.number(*votes, [1] * n) if kind == "number" else Head.labels(*votes)
    return LutNetwork(network.encoder, network.layers, head, (), {}, names)


@pytest.mark.parametrize("names", [("y",), ("a", "b")])
@pytest.mark.parametrize("kind", ["number", "labels"])
def test_numbers_and_labels(kind, names, tmp_path, monkeypatch, capsys):
    network = targets(kind, names)
    x = inputs(network)
    answer = network.predict(x).reshape(200, len(names))
    rng = np.random.default_rng(2)
    if kind == "number":
        y, task = answer + rng.normal(size=answer.shape), Task.REGRESSION
        theirs = {
            "r2": reference.r2_score(y, answer),
            "rmse": reference.root_mean_squared_error(y, answer),
            "mae": reference.mean_absolute_error(y, answer),
        }
    else:
        y, task = (answer ^ (rng.random(answer.shape) < 0.2)).astype(np.uint8), Task.MULTILABEL
        theirs = {
            "accuracy": reference.accuracy_score(y, answer),
            "roc_auc": reference.roc_auc_score(y, network.scores(x)),
            "recall": reference.recall_score(y, answer, average="macro" if len(names) > 1 else "binary"),
        }
    data = dataset(network, y, x, task)
    found = as_json(evaluate(network, data))
    for name, value in theirs.items():
        assert found[name] == pytest.approx(value, rel=1e-5)
    assert list(found["targets" if kind == "number" else "labels"]) == list(names)
    # The command prints them.
    monkeypatch.chdir(tmp_path)
    network.save("m.lut")
    monkeypatch.setattr("lut2hw.training.recall.recall", lambda network: data)
    learning.evaluate(model=tmp_path / "m.lut")
    out = capsys.readouterr().out
    assert ("R2" if kind == "number" else "every label right") in out
    assert ("each alone" in out) == (len(names) > 1)
    with pytest.raises(UsageError, match="--positive"):
        evaluate(network, data, positive="a")


def test_normal_examples_alone():
    network = replace(random_network(2, head="threshold"), class_names=("normal", "anomaly"))
    x = inputs(network)
    y = np.zeros(200, np.int64)
    found = as_json(evaluate(network, dataset(network, y, x, Task.ANOMALY)))
    assert found["roc_auc"] is None and found["recall"] is None
    assert found["false_positive_rate"] == pytest.approx(network.predict(x).mean(), abs=1e-6)
