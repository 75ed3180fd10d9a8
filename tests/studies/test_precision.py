"""Rounder thresholds keep every answer that they were judged by, and never cost more."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.networks import random_network
from hypothesis import given
from hypothesis import strategies as st

from lut2hw import data as datasets
from lut2hw.cli import main
from lut2hw.data.dataset import Dataset
from lut2hw.errors import UsageError
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.studies.precision import coarsen


def examples(network, n, seed):
    """A data set of random integers and labels, as the network reads them."""
    rng = np.random.default_rng(seed)
    features = network.features
    x = rng.integers(features.low, features.high + 1, (n, len(features)))
    y = network.predict_integers(x)
    wrong = rng.random(n) < 0.3
    if network.head.kind == "labels":
        y = np.where(wrong[:, None], 1 - y, y).astype(np.uint8)
    else:
        y = np.where(wrong, rng.integers(0, len(network.class_names), n), np.minimum(y, len(network.class_names) - 1))
    half = n // 2
    return Dataset(
        "made up", features, network.class_names, x[:half], y[:half], x[half:], y[half:],
        target_names=network.target_names,
    )  # fmt: skip


@given(
    seed=st.integers(0, 99),
    head=st.sampled_from(["argmax", "threshold", "labels", "argmax reject"]),
    loss=st.sampled_from([0.0, 0.05]),
    near=st.sampled_from([0.0, 0.01, 0.3]),
)
def test_answers_are_kept(seed, head, loss, near):
    network = random_network(seed, head=head)
    dataset = examples(network, 120, seed)
    made = coarsen(network, dataset, loss=loss, near=near)
    x, y = dataset.split("train")
    before, after = (each.predict_integers(x).reshape(len(x), -1) for each in (network, made.network))
    assert made.changed == (before != after).any(axis=1).sum() and (loss or not made.changed)
    right = [int((each == y.reshape(len(x), -1)).all(axis=1).sum()) for each in (before, after)]
    assert list(made.right) == right and right[0] - right[1] <= loss * len(x)
    assert made.comparators[1] <= made.comparators[0] and made.compared[1] <= made.compared[0]
    encoder = made.network.encoder
    assert (encoder.threshold > network.features.low[encoder.feature]).all()
    assert (encoder.threshold <= network.features.high[encoder.feature]).all()
    moved = encoder.threshold != network.encoder.threshold
    for bit in np.flatnonzero(moved):
        ends = sorted((int(encoder.threshold[bit]), int(network.encoder.threshold[bit])))
        column = x[:, encoder.feature[bit]]
        between = int(((column >= ends[0]) & (column < ends[1])).sum())
        assert between <= (near * len(x) + 1) * 9  # so much in each of few rounds
    again = coarsen(network, dataset, loss=loss, near=near)
    assert (again.network.encoder.threshold == encoder.threshold).all()


def test_what_no_example_sees_is_rounded_away():
    """One feature of 16 bits with examples at two values alone: one bit of it is enough."""
    network = random_network(3, head="threshold")
    features = Features.integers(np.zeros(1, np.int64), np.full(1, 65535))
    encoder = replace(
        network.encoder, features=features, feature=np.zeros(1, np.int32), threshold=np.array([30001], np.int64)
    )
    from lut2hw.model.parts import Head, Layer

    network = LutNetwork(
        encoder,
        (Layer(np.zeros((1, 1), np.int32), np.array([[2]], np.uint8)),),
        Head(
            "threshold", np.array([1], np.int32), np.zeros(1, np.int32), np.ones(1, np.int32), np.zeros(1, np.int64)
        ),
        ("no", "yes"),
    )
    x = np.array([[100], [60000]] * 20)
    dataset = Dataset("two values", features, network.class_names, x, (x[:, 0] > 200).astype(int), x[:0], x[:0, 0])
    made = coarsen(network, dataset, near=0)
    assert made.network.encoder.threshold.tolist() == [32768]
    assert (made.compared, made.inputs, made.comparators) == ((16, 1), (16, 1), (1, 1))


def test_wrong_usage(tmp_path):
    network = random_network(1, head="argmax")
    dataset = examples(network, 40, 0)
    for options, message in (
        ({"loss": 1.0}, "from 0 to below 1"),
        ({"loss": float("nan")}, "from 0 to below 1"),
        ({"near": -1}, "from 0 to 1"),
    ):
        with pytest.raises(UsageError, match=message):
            coarsen(network, dataset, **options)
    with pytest.raises(UsageError, match="classes or labels"):
        coarsen(random_network(1, head="number"), dataset)
    with pytest.raises(UsageError, match="no examples in its test split"):
        coarsen(network, replace(dataset, x_test=dataset.x_test[:0], y_test=dataset.y_test[:0]), split="test")


def test_command(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(300, 3))
    np.savez("d.npz", x_train=x, y_train=(x[:, 0] + x[:, 1] > 0).astype(int))
    assert main(["train", "--data", "d.npz", "--luts", "8", "--sweeps", "1", "-o", "m.lut"]) == 0
    capsys.readouterr()
    assert main(["precision", "m.lut", "-o", "r.lut", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    before, after = LutNetwork.load("m.lut"), LutNetwork.load("r.lut")
    data = datasets.load("d.npz")
    assert (before.predict(data.x_train) == after.predict(data.x_train)).all() and said["changed"] == 0
    assert said["compared"][1] < said["compared"][0] and said["others"] == 75
    assert after.meta["precision"] == {"loss": 0.0, "near": 0.01, "split": "train"}
    assert main(["precision", "m.lut", "-o", "d.npz"]) == 2
    assert main(["emit", "r.lut", "--target", "ice40", "-o", "core"]) == 0
    assert main(["verify", "core", "--engine", "formal"]) == 0
