"""Groups, such as speakers, are not divided by the validation of descent."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.streams import ragged

from lut2hw.data import load_sequences
from lut2hw.data.dataset import Dataset
from lut2hw.errors import UsageError
from lut2hw.learn.descent.problem import encode_examples
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.model.encoder import thermometer
from lut2hw.model.features import Features
from lut2hw.training.options import TrainOptions
from lut2hw.training.streams import train_stream


def grouped(group: np.ndarray, altered: int = 0) -> Dataset:
    """Examples whose label is their group."""
    x = np.stack([group, np.arange(len(group)) % 7], 1).astype(np.int64)
    features = Features.integers(np.zeros(2, int), x.max(axis=0) + 1)
    names = tuple(f"g{i}" for i in range(int(group.max()) + 1))
    none = np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
    return Dataset("g", features, names, x, group.astype(np.int64), *none, group_train=group, altered=(x,) * altered)


@pytest.mark.parametrize("augment", ["none", "vary2"])
@pytest.mark.parametrize("seed", range(3))
def test_whole_groups_are_held_out(seed, augment):
    rng = np.random.default_rng(seed)
    group = np.sort(rng.integers(0, 6, 90))
    data = grouped(group, 2 if augment == "vary2" else 0)
    encoder = thermometer(data.features, data.x_train, 3)
    options = DescentOptions(validation=0.3, augment=augment)
    packed, n_held = encode_examples(data, encoder, options, np.random.default_rng(seed))
    train, held = packed.label[:-n_held], packed.label[-n_held:]
    assert not set(train.tolist()) & set(held.tolist())
    assert 27 <= n_held < 27 + np.bincount(group).max()
    copies = 3 if augment == "vary2" else 1
    assert len(train) == copies * (90 - n_held)
    assert (np.bincount(np.concatenate([train] + [held] * copies)) == copies * np.bincount(group)).all()
    again, same = encode_examples(data, encoder, options, np.random.default_rng(seed))
    assert n_held == same and (again.label == packed.label).all()


def test_one_group_cannot_be_divided():
    data = grouped(np.zeros(20, np.int64))
    encoder = thermometer(data.features, data.x_train, 3)
    with pytest.raises(UsageError, match="leave --group or --validation out"):
        encode_examples(data, encoder, DescentOptions(validation=0.3), np.random.default_rng(0))


def test_training_of_sequences_heeds_them(tmp_path):
    """A group that answers by its own rule is held out whole, so that validation cannot know it."""
    path = ragged(tmp_path / "tones.npz", speaker=np.arange(60) // 20)
    data = load_sequences(path, group="speaker", test_group="2")
    assert set(data.group_train.tolist()) == {0, 1} and len(data.y_test) == 20
    options = TrainOptions.of(luts=4, sweeps=2, validation=0.3, seed=0)
    network = train_stream(data, options, front_end="window,length=5").network
    assert network.meta["curve"][-1][-1] is not None
    shares = {round(20 * row[-1], 6) % 1 for row in network.meta["curve"]}
    assert shares == {0.0}  # of the 20 sequences of one speaker, not of 12 of both
