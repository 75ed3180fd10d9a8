"""`lut2hw inspect` separates what was learned from what was memorized, without a test set."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers.networks import inputs_of, random_network
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln

from lut2hw import bits, cli, data
from lut2hw.errors import UsageError
from lut2hw.learn import registry as learn
from lut2hw.model import encoder as encode
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head, Layer
from lut2hw.studies.inspection import BITS, LEVELS, RARE, SURE, RarePattern, evidence, inspect


def trained(shuffle: int | None, learner: str, **options):
    digits = data.load("digits")
    if shuffle is not None:
        digits = replace(digits, y_train=np.random.default_rng(shuffle).permutation(digits.y_train))
    encoder = encode.thermometer(digits.features, digits.x_train, 3)
    network = learn.learner(learner)(digits, encoder, seed=0, progress=lambda what, done, total: None, **options)
    return inspect(network, digits.x_train, digits.y_train)


@pytest.mark.parametrize("k", [6, 8])
def test_real_labels_are_told_from_random_ones(k):
    real, *random = (trained(shuffle, "memorize", layers=[256, 256], k=k) for shuffle in (None, 0, 1))
    assert all(found.memorization > 3 * real.memorization for found in random)
    assert all(found.decided_by_rare > 2 * real.decided_by_rare for found in random)
    assert all(found.train_accuracy > 0.5 for found in (real, *random))
    assert real.by_chance < 0.5 and all(found.by_chance > 0.9 for found in random)


@pytest.mark.parametrize(
    "options",
    [
        {"luts": 100, "k": 4, "levels": 1, "sweeps": 1},
        {"luts": 200, "k": 6, "levels": 1},
        {"luts": 200, "k": 4, "votes": 50, "levels": 2, "sweeps": 1},
    ],
)
def test_descent_on_random_labels_rests_on_chance(options):
    """Where entries have many examples each, only their evidence tells, even of networks that fit every label."""
    real, random = trained(None, "descent", **options), trained(0, "descent", **options)
    assert real.by_chance < 0.3 and random.by_chance > 0.9
    assert all(layer.chance_lookups > 0.9 for layer in random.layers)


@given(st.lists(st.integers(1, 30), min_size=2, max_size=4), st.integers(0, 12))
def test_evidence_is_one_on_average_if_labels_are_random(weights, n):
    """The factor times the probability of the counts, over all counts of n examples, sums up to one."""
    share = np.array(weights) / sum(weights)
    grid = np.indices((n + 1,) * len(share)).reshape(len(share), -1).T
    counts = grid[grid.sum(axis=1) == n]
    multinomial = gammaln(n + 1) - gammaln(counts + 1).sum(axis=1) + counts @ np.log(share)
    assert np.exp(multinomial + evidence(counts, share) * np.log(2)).sum() == pytest.approx(1)


def test_evidence_by_hand():
    half = np.array([0.5, 0.5])
    assert evidence(np.array([[0, 0], [1, 0], [3, 0]]), half) == pytest.approx([0, 0, 1])  # 1/4 instead of 1/8
    assert evidence(np.array([[3, 0, 0]]), np.array([0.5, 0.5, 0])) == pytest.approx([1])  # no such class
    assert evidence(np.array([[5000, 5000]]), half) < 0


def test_counts_and_counterfactual_by_hand():
    """One 1-LUT: entry 0 is shown by 20 examples of class 0, entry 1 by five of class 1."""
    network = LutNetwork(
        Encoder(Features.integers([0], [1]), np.zeros(1, np.int32), np.ones(1, np.int64)),
        (Layer(np.zeros((1, 1), np.int32), bits.pack_tables(np.array([[0, 1]]))),),
        Head.bit(1),
        ("no", "yes"),
    )
    x = np.array([[0]] * 20 + [[1]] * 5)
    found = inspect(network, x, x[:, 0])
    [layer] = found.layers
    assert (layer.many, layer.few, layer.none, layer.rare_lookups) == (0.5, 0.5, 0.0, 0.2)
    assert found.train_accuracy == 1.0 and found.counterfactual[4] == 1.0
    assert found.counterfactual[RARE] == 0.8  # the rare entry says what the others say
    assert tuple(found.counterfactual) == LEVELS and tuple(found.by_evidence) == BITS
    assert 0 < evidence(np.array([[20, 0]]), np.array([0.8, 0.2]))[0] < 5
    assert 5 < evidence(np.array([[0, 5]]), np.array([0.8, 0.2]))[0] < SURE
    assert found.by_evidence[0] == 1.0 and found.by_evidence[5] == 0.2 and layer.chance_lookups == 1.0
    assert found.by_evidence[SURE] == 0.8  # no entry is left: all say what most examples hear
    assert layer.rare_lookups == 0.2 and found.by_chance == pytest.approx(1.0)
    assert found.decided_by_rare == pytest.approx(0.2) and found.memorization == pytest.approx(1.0)
    assert layer.by_lut.tolist() == [[0.5, 0.5, 0.0]]
    assert found.rare_patterns == (RarePattern(0, 0, 1, 5, 5),)
    with pytest.raises(UsageError, match="no training examples"):
        inspect(network, x[:0], x[:0, 0])


def test_rare_patterns_decide_what_they_are_said_to():
    """Against the network with that one entry flipped, in every way a network can read its LUTs."""
    seen = 0
    for seed in range(40):
        network = random_network(seed, head=["bit", "threshold", "argmax"][seed % 3], k_max=5)
        x = inputs_of(network, 30, seed)
        y = network.predict_integers(x)  # so that all answers are right
        for rare in inspect(network, x, y).rare_patterns:
            layer = network.layers[rare.layer]
            tables = layer.table_bits.copy()
            tables[rare.lut, rare.pattern] ^= 1
            layers = list(network.layers)
            layers[rare.layer] = Layer(layer.wiring, bits.pack_tables(tables))
            other = replace(network, layers=tuple(layers))
            assert int((other.predict_integers(x) != y).sum()) == rare.decides <= rare.examples <= RARE
            seen += 1
    assert seen > 10


def test_command(tmp_path, capsys):
    model = str(tmp_path / "m.lut")
    assert cli.main(["train", "--layers", "32,32", "-k", "4", "-o", model, "--json"]) == 0
    capsys.readouterr()
    assert cli.main(["inspect", model, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0 <= found["memorization"] <= 1 and 0 <= found["by_chance"] <= 1 and len(found["layers"]) == 2
    assert cli.main(["inspect", model]) == 0
    assert "memorization" in capsys.readouterr().out


def test_command_with_the_data_of_a_model_that_names_none(tmp_path, capsys):
    """A network whose file says nothing of its data: all that is given counts as what it was trained on."""
    network = LutNetwork(
        Encoder(Features.integers([0], [1], ("a",)), np.zeros(1, np.int32), np.ones(1, np.int64)),
        (Layer(np.zeros((1, 1), np.int32), bits.pack_tables(np.array([[0, 1]]))),),
        Head.bit(1),
        ("0", "1"),
    )
    network.save(tmp_path / "m.lut")
    assert cli.main(["inspect", str(tmp_path / "m.lut")]) == 2
    (tmp_path / "x.csv").write_text("a,label\n" + "0,0\n1,1\n" * 50)
    capsys.readouterr()
    assert cli.main(["inspect", str(tmp_path / "m.lut"), "--data", str(tmp_path / "x.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["examples"] == 100 and found["train_accuracy"] == 1 and found["by_chance"] == 0
