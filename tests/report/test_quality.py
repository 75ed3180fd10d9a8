"""Figures on answers: what they say is what `lut2hw.studies.metrics` measures."""

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.networks import random_network

from lut2hw.data.dataset import Dataset
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head
from lut2hw.report.quality import figures_of
from lut2hw.studies import metrics
from lut2hw.studies.evaluate import two_class_score
from lut2hw.studies.tune import tune


def shown(network, y, x):
    scores = network.scores(x)
    return {each.title: each for each in figures_of(network, y, network.head.answer(scores), scores, "test")}


def inputs(network, n, seed=0):
    return np.random.default_rng(seed).integers(
        network.features.low, network.features.high + 1, (n, len(network.features))
    )


def several(kind, seed=3):
    """A network whose head answers three numbers or labels."""
    network = random_network(seed)
    rng, votes = np.random.default_rng(seed), 30
    made = (
        rng.integers(0, network.n_signals, votes),
        rng.integers(0, 3, votes),
        rng.integers(-9, 10, votes),
        [0, 1, -2],
    )
    head = Head.number(*made, [1, 2, 0]) if kind == "number" else Head.labels(*made)
    return LutNetwork(network.encoder, network.layers, head, (), {"temperature": 2.0}, ("a", "b", "c"))


def test_two_classes():
    network = random_network(2, head="threshold").with_meta(temperature=4.0)
    x = inputs(network, 300)
    rng = np.random.default_rng(1)
    y = np.where(rng.random(300) < 0.8, network.predict(x), rng.integers(0, 2, 300))
    found = shown(network, y, x)
    assert list(found) == ["ROC", "Precision and recall", "Scores", "Reliability"]
    score = two_class_score(network, network.scores(x))
    assert f"area {metrics.roc_auc(y == 1, score):.4f}" in found["ROC"].text
    assert f"recall {(network.predict(x) == 1)[y == 1].mean():.4f}" in found["ROC"].text
    assert f"average {metrics.average_precision(y == 1, score):.4f}" in found["Precision and recall"].text
    assert all(each.body.startswith("<svg ") for each in found.values())
    # A threshold of another place is another dot on the same curve.
    data = Dataset("random", network.features, network.class_names, x[:0], y[:0], x, y)
    moved = tune(network, data, max_fpr=0.05).network
    other = shown(moved, y, x)
    assert other["ROC"].text != found["ROC"].text
    assert re.search(r"area \S+;|area \S+\.", other["ROC"].text)[0] in found["ROC"].text
    rejecting = tune(network, data, reject=2).network
    assert "none between" in shown(rejecting, y, x)["Scores"].text
    assert "Reliability" not in shown(network.with_meta(temperature=None), y, x)
    assert "ROC" not in shown(network, np.ones_like(y), x)


def test_several_classes():
    network = random_network(3, head="argmax")
    x = inputs(network, 300)
    rng = np.random.default_rng(1)
    y = np.where(rng.random(300) < 0.8, network.predict(x), rng.integers(0, network.n_classes, 300))
    assert list(shown(network, y, x)) == ["ROC", "Precision and recall"]
    network = network.with_meta(temperature=4.0)
    found = shown(network, y, x)
    proba = network.predict_proba(x)
    areas = [metrics.roc_auc(y == c, proba[:, c]) for c in range(network.n_classes)]
    assert f"mean area {metrics.mean_of_known(areas):.4f}" in found["ROC"].text
    assert f"{metrics.expected_calibration_error(y, proba):.4f}" in found["Reliability"].text


def test_numbers_and_labels():
    network = several("number")
    x = inputs(network, 200)
    y = network.predict(x) + np.random.default_rng(2).normal(size=(200, 3))
    found = shown(network, y, x)
    assert len(found) == 6 and "Errors of c" in found
    assert f"R2 {metrics.r2(y[:, 0], network.predict(x)[:, 0]):.4f}" in found["Answered against true of a"].text
    one = replace(network, head=Head.number([0], [0], [3], [0], [0]), target_names=("y",))
    assert list(shown(one, np.arange(200.0)[:, None], x)) == ["Answered against true", "Errors"]
    assert list(shown(one, one.predict(x)[:, None], x)) == ["Answered against true", "Errors"]  # without any error
    network = several("labels")
    found = shown(network, network.predict(x) ^ (np.random.default_rng(2).random((200, 3)) < 0.1), x)
    assert list(found) == ["ROC", "Precision and recall", "Reliability"] and "each label" in found["ROC"].text


@pytest.mark.parametrize("head", ["bit", "threshold", "argmax"])
def test_nothing_to_show(head):
    network = random_network(3, head=head)
    assert shown(network, np.empty(0, np.int64), inputs(network, 0)) == {}
