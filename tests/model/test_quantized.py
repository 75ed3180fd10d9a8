"""Raw values and the integers made of them cannot be taken for each other."""

import pickle

import numpy as np
import pytest

from lut2hw import data
from lut2hw.errors import UsageError
from lut2hw.learn.memorize import learn
from lut2hw.model import encoder as encode
from lut2hw.model.features import Features, Quantized, quantize
from lut2hw.training.recall import load_like, recall


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A table of real numbers, exact and rounded ones, and a network trained on it."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 400, 200) / 4, rng.normal(0, 3, 200)
    path = tmp_path_factory.mktemp("real") / "real.csv"
    path.write_text(
        "a,b,label\n"
        + "".join(f"{u!r},{v!r},{int(u + 9 * v > 50)}\n" for u, v in zip(a.tolist(), b.tolist(), strict=True))
    )
    dataset = data.load(path)
    encoder = encode.thermometer(dataset.features, dataset.x_train, 8)
    return dataset, learn(dataset, encoder, layers=[40], k=4).with_meta(data=dataset.options), path


def test_integers_and_raw_values_give_the_same_answer(real):
    dataset, network, _ = real
    for split in ("train", "test", "all"):
        integers, _ = dataset.split(split)
        raw = dataset.raw(split)
        assert isinstance(integers, Quantized) and not isinstance(raw, Quantized)
        assert raw.dtype == np.float64 and (np.asarray(integers) != raw).any()
        assert (network.scores(integers) == network.scores(raw)).all()
        assert (network.predict(integers) == network.predict(raw)).all()
        assert (network.predict_integers(integers) == network.predict(raw)).all()
        assert (network.predict(raw.astype(object)) == network.predict(raw)).all()
    assert (network.predict(dataset.x_test) != network.predict(np.asarray(dataset.x_test))).any()


def test_integers_of_other_scales_are_refused(real, tmp_path):
    _, network, path = real
    lines = path.read_text().splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join([lines[0], *(line.replace(",", "1,", 1) for line in lines[1:])]) + "\n")
    wrong = data.load(other)
    for answer in (network.scores, network.predict, network.predict_integers):
        with pytest.raises(UsageError, match="other scales than the model's"):
            answer(wrong.x_test)
    assert len(network.predict(load_like(other, network).x_test)) == 200
    assert (network.predict(recall(network).x_test) == network.predict(real[0].x_test)).all()


def test_parts_are_marked_and_sums_are_not(real):
    dataset, _, _ = real
    x = dataset.x_test
    for part in (x[3:9], x[::-1], x.copy(), x[np.arange(4)], pickle.loads(pickle.dumps(x)), np.concatenate([x, x])):
        assert isinstance(part, Quantized) and part.features.same_scaling(dataset.features)
    for value in (x + 1, x / dataset.features.scale, x.min(axis=0), x == x, np.asarray(x), np.clip(x, 0, 5)):
        assert not isinstance(value, Quantized)
    other = Quantized(np.zeros((2, 2), np.int64), Features.integers([0, 0], [1, 1]))
    assert not isinstance(np.concatenate([x, other]), Quantized)
    assert not isinstance(np.concatenate([x, np.asarray(x)]), Quantized)


def test_raw_values_are_those_read_as_long_as_they_belong_to_the_integers(real):
    from dataclasses import replace

    dataset, _, path = real
    read = {tuple(map(float, line.split(",")[:2])) for line in path.read_text().splitlines()[1:]}
    assert set(map(tuple, dataset.raw("all").tolist())) == read
    part = replace(dataset, x_train=dataset.x_train[::2], y_train=dataset.y_train[::2])
    near = dataset.raw("train")[::2]
    assert np.abs(part.raw("train") - near).max() < 1e-3


def test_integers_need_no_mark():
    digits = data.load("digits")
    assert type(digits.x_train) is np.ndarray and digits.raw("test") is digits.x_test


def test_objects_that_are_numbers():
    features = quantize(np.array([[0.25, 1], [0.5, 7]]), ("a", "b"))
    assert features.integers_of(np.array([[0.25, 7]], object)).tolist() == [[25, 7]]
    assert Features.integers([0], [9]).integers_of(np.array([[3]], object)).tolist() == [[3]]
    with pytest.raises(UsageError, match="must be numbers"):
        features.integers_of(np.array([["x", None]], object))
