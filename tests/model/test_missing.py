"""A missing value is a value of its own: a reserved integer, a bit that says it is there; the same in hardware."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers import needs
from helpers.networks import random_network
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw import data
from lut2hw.artefact.emit import emit
from lut2hw.artefact.vectors import random_vectors
from lut2hw.cli import main
from lut2hw.compile.compiler import compile_network
from lut2hw.errors import UsageError
from lut2hw.exchange.c import to_c
from lut2hw.model import encoder as encode
from lut2hw.model.features import Features, quantize
from lut2hw.model.file import ModelFileError
from lut2hw.model.network import LutNetwork, from_bytes, to_bytes
from lut2hw.targets import get
from lut2hw.training.options import TrainOptions
from lut2hw.training.recall import load_like, recall
from lut2hw.training.train import train
from lut2hw.verify.engines import verify

NAN = float("nan")


def written(folder, text, name="t.csv"):
    path = folder / name
    path.write_text(text)
    return path


def rows(n=160):
    """The label is whether `heat` is missing, or high; `mode` is missing now and then."""
    for i in range(n):
        heat = ("", "NA", "?")[i % 3] if i % 4 == 0 else f"{i % 9}.5"
        mode = "" if i % 7 == 0 else ("eco", "fast", "off")[i % 3]
        yield f"{heat},{mode},{i % 5},{'hot' if i % 4 == 0 or i % 9 > 4 else 'cold'}"


def table(folder, n=160):
    return written(folder, "\n".join(["heat,mode,turn,label", *rows(n)]) + "\n")


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(
        st.one_of(
            st.just(NAN),
            st.integers(-1000, 1000),
            st.decimals(-50, 50, places=2).map(float),
            st.floats(-1e6, 1e6, width=32),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_integers_of_a_column_with_gaps(values):
    x = np.array(values)[:, None]
    absent = np.isnan(x)
    features = quantize(x, ("a",))
    integers = features.integers_of(x)
    assert features.missing.tolist() == [absent.any()]
    assert (integers[absent] == features.low[0]).all()
    if absent.any():
        assert (integers[~absent] > features.low[0]).all()
    assert (integers <= features.high).all() and int(features.widths[0]) <= 32
    real = features.real(integers)
    assert (np.isnan(real) == absent).all()
    assert (features.integers_of(real) == integers).all()
    if absent.any() and (~absent).any():
        below = features.integers_of(np.array([[float(np.nanmin(x)) - 1e9]]))
        assert below == features.low[0] + 1  # what is below the range is there all the same


def test_rounded_columns_with_gaps_still_take_16_bits():
    x = np.random.default_rng(0).normal(size=(500, 2))
    x[3, 1] = NAN
    features = quantize(x, ("a", "b"))
    assert features.low.tolist() == [0, 0] and features.widths.tolist() == [16, 16]
    assert features.integers_of(x)[3, 1] == 0 and (np.delete(features.integers_of(x)[:, 1], 3) >= 1).all()


def test_thresholds_are_quantiles_of_what_is_there():
    features = Features.integers([-1, 0], [99, 99], missing=np.array([True, False]))
    x = np.column_stack([np.r_[np.full(300, -1), np.arange(100)], np.r_[np.arange(100), np.zeros(300)]]).astype(int)
    made = encode.thermometer(features, x, 3)
    assert made.threshold[made.feature == 0].tolist() == [0, 25, 50, 75]
    whole = encode.thermometer(Features.integers([0], [99]), x[300:, :1], 3)
    assert whole.threshold.tolist() == [25, 50, 75]
    assert encode.thermometer(features, x[300:], 3).threshold.tolist()[:3] == [25, 50, 75]  # there in every row
    gone = encode.thermometer(features, x[:300], 3)  # in none
    assert not (gone.feature == 0).any()
    bits = encode.fixed(features, 40)
    assert bits.feature.tolist() == [0, 0, 1] and bits.threshold.tolist() == [0, 40, 40]
    assert encode.fixed(features, 1).feature.tolist() == [0, 0, 1]


def test_raw_values_and_integers_give_the_same_answer(tmp_path):
    dataset = data.load(table(tmp_path))
    network = train(dataset, TrainOptions.of(luts=20)).network
    raw = dataset.raw("test")
    assert np.isnan(raw).any()
    expected = network.predict_integers(dataset.x_test)
    assert (network.predict(raw) == expected).all() and (network.predict(dataset.x_test) == expected).all()
    assert (network.predict(network.features.real(np.asarray(dataset.x_test))) == expected).all()
    assert (expected == dataset.y_test).mean() > 0.95  # only the gap tells some of the classes
    other = replace(network.features, missing=np.zeros(len(network.features), bool))
    with pytest.raises(UsageError, match="other scales"):
        other.integers_of(dataset.x_test)


def test_model_files(tmp_path):
    network = random_network(4, missing=True)
    assert network.features.missing.any()
    again = from_bytes(to_bytes(network))
    assert (again.features.missing == network.features.missing).all()
    plain = random_network(4)
    none = replace(network.features, missing=np.zeros(len(network.features), bool))
    same = replace(network, encoder=replace(network.encoder, features=none))
    assert to_bytes(same) == to_bytes(plain) and b"missing" not in to_bytes(plain)
    with pytest.raises(ModelFileError, match="none beside"):
        from_bytes(to_bytes(_unchecked(network, low=network.features.high.copy())))


def _unchecked(network: LutNetwork, **changes) -> LutNetwork:
    """The same network with other features, which nobody has looked at."""
    features = replace(network.features, **changes)
    made = object.__new__(LutNetwork)
    for name in ("layers", "head", "class_names", "meta", "target_names"):
        object.__setattr__(made, name, getattr(network, name))
    object.__setattr__(made, "encoder", replace(network.encoder, features=features))
    return made


def test_what_is_said_in_the_folder(tmp_path):
    network = random_network(2, missing=True)
    compiled = compile_network(network, get("ice40"))
    manifest = emit(compiled, tmp_path / "core")
    features = network.features
    codes = {entry["name"]: entry.get("missing") for entry in manifest.data["input"]["fields"]}
    assert {name for name, code in codes.items() if code is not None}
    text, header = manifest.file("core.v").decode(), to_c(network)
    for name, code in codes.items():
        at = features.names.index(name)
        assert code == (int(features.low[at]) if features.missing[at] else None)
        assert (f", or {code} where it is missing" in re.findall(rf"// .*\] {name}, .*", text)[0]) == (
            code is not None
        )
        assert (f"raw[{at}] {name}, {code} where it is missing" in header) == (code is not None)
    vectors = random_vectors(network, compiled.input_port, 200, 0)
    field = next(field for field in compiled.input_port.fields if features.missing[field.index])
    low = int(features.low[field.index]) & (1 << field.width) - 1
    share = np.mean([word >> field.offset & (1 << field.width) - 1 == low for word in vectors.words()])
    assert 0.05 < share < 0.95
    edited = json.loads((tmp_path / "core" / "manifest.json").read_text())
    next(entry for entry in edited["input"]["fields"] if "missing" in entry)["missing"] += 1
    (tmp_path / "core" / "manifest.json").write_text(json.dumps(edited))
    from lut2hw.artefact.folder import load
    from lut2hw.errors import Lut2hwError

    with pytest.raises(Lut2hwError, match="not the model of this folder"):
        _ = load(tmp_path / "core").network


def test_what_an_encoded_port_says():
    network = random_network(2, missing=True)
    features = network.features
    at = int(np.flatnonzero(features.missing)[0])
    encoder = replace(
        network.encoder, feature=np.full_like(network.encoder.feature, at), threshold=network.encoder.threshold.copy()
    )
    encoder.threshold[:] = features.low[at] + 1
    from lut2hw.hdl.header import header

    text = header(compile_network(replace(network, encoder=encoder), get("ice40"), encoded_inputs=True))
    assert f"{features.names[at]} is not missing" in text


@needs.tool("iverilog")
@needs.tool("yosys")
@pytest.mark.slow
def test_from_a_table_to_a_proof(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table(tmp_path)
    assert main(["train", "--data", "t.csv", "--luts", "12", "-o", "t.lut"]) == 0
    said = capsys.readouterr().err
    assert "40 of 160 rows have missing values, which are learned as a value of their own: heat" in said
    assert "column 'mode' is text: a bit for each of its 3 values and one for missing values" in said
    assert main(["eval", "t.lut", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] > 0.95
    assert main(["emit", "t.lut", "-o", "core"]) == 0
    assert main(["verify", "core", "--engine", "golden,amaranth,cocotb,gates,formal"]) == 0
    written(tmp_path, "mode,heat,turn\n,,1\neco,NaN,2\nfast,3.5,3\n", "new.csv")
    capsys.readouterr()
    assert main(["predict", "t.lut", "--data", "new.csv"]) == 0
    assert len(capsys.readouterr().out.split()) == 4


@pytest.mark.parametrize("engine", ["golden", "amaranth"])
def test_emitted_cores_answer_missing_values(tmp_path, engine):
    dataset = data.load(table(tmp_path))
    network = train(dataset, TrainOptions.of(luts=12)).network
    manifest = emit(compile_network(network, get("ice40")), tmp_path / "core")
    [outcome] = verify(manifest, [engine], vectors=100)
    assert outcome.passed, outcome


def test_models_that_know_no_missing_values_say_so(tmp_path):
    path = table(tmp_path)
    whole = data.load(path, drop_missing=True)
    assert not whole.features.missing.any()
    network = train(whole, TrainOptions.of(luts=10)).network
    assert (recall(network).x_test == whole.x_test).all()
    network = network.with_meta(data={**network.meta["data"], "drop_missing": None})
    with pytest.raises(UsageError, match=r"line 2 has no value in column 'heat' .*trained without .*--drop-missing"):
        load_like(path, network)
    text = written(tmp_path, "heat,mode,turn,label\n1.5,,2,hot\n", "o.csv")
    with pytest.raises(UsageError, match=r"line 2 has no value in column 'mode' .*trained without"):
        load_like(text, network)
    assert len(load_like(path, network, drop_missing=True).split("all")[1]) == len(whole.split("all")[1])
    with pytest.raises(UsageError, match=r"'heat' of example 0 is nan.* trained without missing values there"):
        network.predict(np.full((1, len(network.features)), np.nan))


def test_arrays_with_gaps(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 3)).round(2)
    x[::5, 1] = NAN
    np.savez(tmp_path / "t.npz", x_train=x, y_train=np.isnan(x[:, 1]))
    dataset = data.load(tmp_path / "t.npz")
    assert dataset.features.missing.tolist() == [False, True, False]
    assert "16 of 80 rows have missing values, which are learned as a value of their own: x1" in dataset.notes
    assert (np.asarray(dataset.x_test[:, 1] == dataset.features.low[1]) == dataset.y_test).all()
    again = data.load(tmp_path / "t.npz", like=dataset.schema)
    assert (again.x_test == dataset.x_test).all()
    np.savez(tmp_path / "o.npz", x_train=x[:, [1, 0, 2]], y_train=np.isnan(x[:, 1]))
    with pytest.raises(UsageError, match="feature 0 of example 0 is nan"):
        data.load(tmp_path / "o.npz", like=dataset.schema)
    dropped = data.load(tmp_path / "t.npz", drop_missing=True, task="anomaly")
    assert len(dropped.split("all")[1]) == 64 and not dropped.features.missing.any()
    with pytest.raises(UsageError, match="inf"):
        np.savez(tmp_path / "o.npz", x_train=np.where(np.isnan(x), np.inf, x), y_train=np.isnan(x[:, 1]))
        data.load(tmp_path / "o.npz")


def test_gaps_of_text_and_truth_values(tmp_path):
    lines = [
        f"{('TRUE', 'false', '')[i % 3]},{('x', '')[i % 2]},{('p', 'q', ' NA ')[i % 3]},{i % 2}" for i in range(90)
    ]
    path = written(tmp_path, "\n".join(["on,one,two,label", *lines]) + "\n")
    dataset = data.load(path)
    names = ("on", "one: missing", "two=p", "two=q", "two: missing")
    assert dataset.features.names == names and dataset.features.missing.tolist() == [True] + [False] * 4
    x, y = dataset.split("all")
    assert (x[:, 1] == (y == 1)).all() and (x[:, 2:].sum(axis=1) == 1).all()
    assert (data.load(path, like=dataset.schema).x_test == dataset.x_test).all()
    new = written(tmp_path, "on,one,two,label\nTrue,z,q,1\n", "n.csv")
    assert data.load(new, like=dataset.schema).raw("test").tolist() == [[1, 0, 0, 1, 0]]
    gone = written(tmp_path, "on,one,two,label\n,,,1\n", "g.csv")
    assert np.array_equal(data.load(gone, like=dataset.schema).raw("test"), [[NAN, 1, 0, 0, 1]], equal_nan=True)
