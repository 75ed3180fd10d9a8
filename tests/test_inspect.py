"""`lut2hw inspect` separates what was learned from what was memorized, without a test set."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from test_compile import inputs_of, random_network

from lut2hw import bits, cli, data, encode, learn
from lut2hw.encode import Encoder, Features
from lut2hw.errors import UsageError
from lut2hw.inspect import RARE, RarePattern, inspect
from lut2hw.model import Head, Layer, LutNetwork


def trained(k: int, shuffle: int | None):
    digits = data.load("digits")
    if shuffle is not None:
        digits = replace(digits, y_train=np.random.default_rng(shuffle).permutation(digits.y_train))
    encoder = encode.thermometer(digits.features, digits.x_train, 3)
    network = learn.learner("memorize")(digits, encoder, layers=[256, 256], k=k, seed=0,
                                        progress=lambda what, done, total: None)
    return inspect(network, digits.x_train, digits.y_train)


@pytest.mark.parametrize("k", [6, 8])
def test_real_labels_are_told_from_random_ones(k):
    real, random = trained(k, None), [trained(k, seed) for seed in range(2)]
    assert all(found.memorization > 3 * real.memorization for found in random)
    assert all(found.decided_by_rare > 2 * real.decided_by_rare for found in random)
    assert all(found.train_accuracy > 0.5 for found in (real, *random))


def test_counts_and_counterfactual_by_hand():
    """One 1-LUT: entry 0 is shown by 20 examples of class 0, entry 1 by five of class 1."""
    network = LutNetwork(Encoder(Features.integers([0], [1]), np.zeros(1, np.int32), np.ones(1, np.int64)),
                         (Layer(np.zeros((1, 1), np.int32), bits.pack_tables(np.array([[0, 1]]))),), Head.bit(1),
                         ("no", "yes"))
    x = np.array([[0]] * 20 + [[1]] * 5)
    found = inspect(network, x, x[:, 0])
    [layer] = found.layers
    assert (layer.many, layer.few, layer.none, layer.rare_lookups) == (0.5, 0.5, 0.0, 0.2)
    assert found.train_accuracy == 1.0 and found.counterfactual[4] == 1.0
    assert found.counterfactual[RARE] == 0.8  # the rare entry says what the others say
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
    assert 0 <= found["memorization"] <= 1 and len(found["layers"]) == 2
    assert cli.main(["inspect", model]) == 0
    assert "memorization" in capsys.readouterr().out
