"""From sequences to a model with a front end, its file, and its answers."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from helpers.streams import ragged, tones

from lut2hw.cli import main
from lut2hw.data import load_sequences
from lut2hw.errors import UsageError
from lut2hw.frontends import Sequences
from lut2hw.frontends.altered import varied
from lut2hw.model.features import Features
from lut2hw.model.file import ModelFileError, pack, unpack
from lut2hw.model.network import LutNetwork, from_bytes, to_bytes
from lut2hw.training.options import TrainOptions
from lut2hw.training.recall import load_like, recall
from lut2hw.training.streams import train_stream
from lut2hw.training.train import train

SMALL = {
    "window": "window,length=12",
    "differences": "differences,segments=2",
    "kernels": "kernels,segments=2,dilations=1/2,kernels=12",
    "filterbank": "filterbank,bands=4,segments=2",
    "edges": "edges,width=4,height=5,cell=1",
    "patches": "patches,width=4,height=5,cell=2,tables=8",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return ragged(tmp_path_factory.mktemp("tones") / "tones.npz", who=np.arange(60) % 4)


def command(capsys, *words):
    code = main([str(word) for word in (*words, "--json")])
    out = capsys.readouterr().out
    return code, json.loads(out) if code == 0 else {}


@pytest.mark.parametrize("kind", SMALL)
def test_a_model_keeps_what_it_reads(kind, data, tmp_path):
    sequences = load_sequences(data)
    options = TrainOptions.of(luts=10, seed=1)
    trained = train_stream(sequences, options, front_end=SMALL[kind])
    network = trained.network
    assert network.front_end.kind == kind and trained.accuracy["test"] > 0.7
    assert set(network.encoder.feature) == set(range(len(network.features)))
    assert to_bytes(train_stream(sequences, options, front_end=SMALL[kind]).network) == to_bytes(network)
    network.save(tmp_path / "m.lut")
    again = LutNetwork.load(tmp_path / "m.lut")
    assert to_bytes(again) == to_bytes(network) and again.front_end.as_json() == network.front_end.as_json()
    # sequences, features of them, and what the data gives are the same examples
    x = sequences.test
    answers = again.predict(list(x))
    assert (answers == again.predict(x)).all() and (answers == again.predict(again.front_end.transform(x))).all()
    assert (recall(again).x_test == again.front_end.transform(x)).all()
    assert (recall(again).y_test == sequences.y_test).all()
    assert len(load_like(data, again, test_split=0.5).y_test) == 30


def test_the_commands(data, tmp_path, capsys):
    model = tmp_path / "m.lut"
    words = ["train", "--sequence", "--data", data, "--luts", 10, "-o", model, "--front-end", SMALL["kernels"]]
    code, made = command(capsys, *words, "--group", "who", "--test-group", "3")
    assert code == 0 and made["front_end"] == "kernels" and made["clocks_per_sample"] > 30
    assert made["test_examples"] == 15
    code, found = command(capsys, "eval", model)
    assert code == 0 and found["accuracy"] == made["test_accuracy"] and found["front_end"] == "kernels"
    x, _ = tones(7, seed=3)
    np.savez(tmp_path / "new.npz", samples=np.concatenate(x), length=[len(each) for each in x])
    assert main(["predict", str(model), "--data", str(tmp_path / "new.npz")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 8
    command_line = TrainOptions.of(luts=10).command(LutNetwork.load(model).meta["data"], "m.lut")
    assert (
        "--sequence --front-end kernels,segments=2,dilations=1/2,kernels=12 --group who --test-group 3"
        in command_line
    )


def test_auto_takes_the_best_on_held_out_sequences(data):
    sequences = load_sequences(data, group="who")
    trained = train_stream(sequences, TrainOptions.of(luts=6, k=3, bits_per_feature=(1,)))
    tried = trained.tried["front_end"]
    assert set(tried) == set(SMALL) - {"edges", "patches"} and tried[trained.network.front_end.kind] == max(
        tried.values()
    )
    assert trained.network.meta["data"]["front_end"] == "auto"


def test_varied_copies_are_learned_from_and_not_held_out(data):
    sequences = load_sequences(data)
    plain, varied = (
        train_stream(
            sequences, TrainOptions.of(luts=6, validation=0.3, **more), front_end="filterbank,bands=4,segments=2"
        )
        for more in ({}, {"augment": "vary2"})
    )
    assert varied.network.meta["augment"] == "vary2" and to_bytes(varied.network) != to_bytes(plain.network)
    again = recall(varied.network)
    assert varied.accuracy["train"] == (varied.network.predict(again.x_train) == again.y_train).mean()
    with pytest.raises(UsageError, match="--augment vary2 is for sequences"):
        train(again, TrainOptions.of(luts=6, augment="vary2"))


def test_pictures_come_pixel_by_pixel(tmp_path, capsys):
    model = tmp_path / "m.lut"
    words = ["--sequence", "--data", "digits", "--front-end", "edges,cell=2", "--luts", 60, "--bits-per-feature", 3]
    code, made = command(capsys, "train", *words, "-o", model)
    assert code == 0 and made["test_accuracy"] > 0.9 and made["clocks_per_sample"] == 1
    network = LutNetwork.load(model)
    assert network.front_end.samples.high.tolist() == [16] and network.front_end.width == 8
    code, found = command(capsys, "eval", model)
    assert code == 0 and found["accuracy"] == made["test_accuracy"]


def test_varied_sequences():
    samples = Features.integers([-100, 0], [100, 200], ("a", "b"))
    x = Sequences.of([np.stack([np.arange(n) % 60, 90 + np.arange(n) % 60], 1) for n in (1, 20, 64, 200)])
    once, again, other = (varied(x, samples, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert (once.values == again.values).all() and once.values.dtype == np.int64
    assert not np.array_equal(once.values, other.values)
    assert (np.abs(once.length - x.length) <= x.length // 16).all() and (once.length != x.length).any()
    assert (samples.clip(once.values) == once.values).all()
    flat = Sequences.of([np.tile([-100, 200], (50, 1))])
    loud = {varied(flat, samples, np.random.default_rng(seed)).values.min() for seed in range(9)}
    assert -100 in loud and max(loud) > -90


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--front-end", "window"], "--front-end has no effect without --sequence"),
        (["--sequence", "--front-end", "windw"], "unknown front end 'windw'; did you mean 'window'?"),
        (["--sequence", "--test-group", "2"], "--test-group has no effect without --group"),
        (["--sequence", "--header"], "--header is not for sequences"),
    ],
)
def test_options_without_effect_are_refused(words, message, data, capsys):
    assert main(["train", "--data", str(data), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_front_end_of_other_features_is_refused(data):
    sequences = load_sequences(data)
    network = train_stream(sequences, TrainOptions.of(luts=4), front_end="window,length=9").network
    content = to_bytes(network)
    header, arrays = unpack(io.BytesIO(content), len(content))
    header = {name: value for name, value in header.items() if name not in ("sha256", "arrays")}
    assert to_bytes(from_bytes(pack(header, arrays))) == content
    other = {**header["front_end"], "kind": "kernels"}
    for wrong in (
        pack({**header, "front_end": other}, arrays),
        pack({name: value for name, value in header.items() if name != "front_end"}, arrays),
        pack(header, {name: value for name, value in arrays.items() if name != "front_end"}),
        pack(header, {**arrays, "front_end": arrays["front_end"] + [0, 1]}),
        pack(header, {**arrays, "front_end": arrays["front_end"] - [1, 0]}),
    ):
        with pytest.raises(ModelFileError):
            from_bytes(wrong)
    with pytest.raises(UsageError, match="reads sequences"):
        from lut2hw.data import load
        from lut2hw.training.recall import schema_of

        load(data, like=schema_of(network))
    with pytest.raises(UsageError, match="2 channels"):
        network.predict(Sequences.of(np.zeros((2, 9, 2), np.int64)))
