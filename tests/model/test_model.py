"""The golden model against plain Python, and its file against damage."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw import bits
from lut2hw.errors import UsageError
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.file import ModelFileError, _digest
from lut2hw.model.network import LutNetwork, from_bytes, to_bytes
from lut2hw.model.parts import Head, Layer


def plain_predict(network: LutNetwork, x: np.ndarray) -> list[int]:
    """The definition of the right answer in ten lines."""
    answers = []
    for row in x.tolist():
        signals = [int(row[f] >= t) for f, t in zip(network.encoder.feature, network.encoder.threshold, strict=True)]
        for layer in network.layers:
            signals += [
                int(table[sum(signals[s] << j for j, s in enumerate(wires))])
                for table, wires in zip(layer.table_bits, layer.wiring.tolist(), strict=True)
            ]
        scores = network.head.bias.tolist()
        for s, c, w in zip(network.head.signal, network.head.class_of, network.head.weight, strict=True):
            scores[c] += int(w) * signals[s]
        answers.append(
            {"argmax": scores.index(max(scores)), "threshold": int(scores[0] >= 0), "bit": scores[0]}[
                network.head.kind
            ]
        )
    return answers


def random_network(seed: int, kind: str, ks: list[int], width: int = 5) -> LutNetwork:
    """Random everything: signed features, several thresholds, wiring to any earlier signal, weighted votes."""
    rng = np.random.default_rng(seed)
    n_features, n_bits = 4, 9
    low, high = np.full(n_features, -20), np.full(n_features, 20)
    encoder = Encoder(
        Features.integers(low, high),
        rng.integers(0, n_features, n_bits).astype(np.int32),
        rng.integers(-19, 21, n_bits),
    )
    layers, first = [], n_bits
    for k in ks:
        wiring = rng.integers(0, first, (width, k)).astype(np.int32)
        layers.append(
            Layer(
                wiring,
                bits.pack_tables(rng.integers(0, 2, (width, 1 << k))),
                bits.pack_tables(rng.integers(0, 2, (width, 1 << k))),
            )
        )
        first += width
    if kind == "bit":
        return LutNetwork(encoder, tuple(layers), Head.bit(int(rng.integers(first))), ("no", "yes"))
    n_classes, votes = (4 if kind == "argmax" else 2), int(rng.integers(0, 30))
    head = Head(
        kind,
        rng.integers(0, first, votes).astype(np.int32),
        rng.integers(0, n_classes if kind == "argmax" else 1, votes).astype(np.int32),
        rng.integers(-40, 41, votes).astype(np.int32),
        rng.integers(-100, 101, n_classes if kind == "argmax" else 1).astype(np.int64),
    )
    return LutNetwork(encoder, tuple(layers), head, tuple("abcd"[:n_classes]), {"made": "by a test"})


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from(["bit", "threshold", "argmax"]),
    st.lists(st.integers(0, 10), max_size=3),
    st.integers(1, 140),
)
def test_equals_plain_python(seed, kind, ks, n):
    network = random_network(seed, kind, ks)
    x = np.random.default_rng(seed + 1).integers(-25, 26, (n, 4))
    assert network.predict(x).tolist() == plain_predict(network, x)


def test_blocks_wide_tables_and_ties():
    """More than one block of 64 words, tables beyond the multiplexer tree, and ties that the lowest class wins."""
    network = random_network(5, "argmax", [11, 13, 9])
    x = np.random.default_rng(0).integers(-25, 26, (4096 * 2 + 77, 4))
    got = network.predict(x)
    at = np.r_[0:40, 4080:4110, len(x) - 20 : len(x)]
    assert got[at].tolist() == plain_predict(network, x[at])
    scores = network.scores(x)
    assert (got == scores.argmax(axis=1)).all()
    tied = replace(network, head=Head.argmax(np.arange(8), np.arange(8) % 4, 4))
    scores = tied.scores(x)
    ties = (scores == scores.max(axis=1, keepdims=True)).sum(axis=1) > 1
    assert ties.any()
    assert (tied.predict(x) == scores.argmax(axis=1)).all()


def test_signals_and_predict_agree():
    network = random_network(3, "bit", [4, 6])
    x = np.random.default_rng(0).integers(-25, 26, (300, 4))
    signals = bits.unpack(network.signals(network.encoder(x)), len(x))
    assert (signals[network.head.signal[0]] == network.predict(x)).all()


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**32), st.sampled_from(["bit", "threshold", "argmax"]), st.lists(st.integers(0, 9), max_size=3)
)
def test_file_round_trip(seed, kind, ks):
    network = random_network(seed, kind, ks)
    data = to_bytes(network)
    again = from_bytes(data)
    x = np.random.default_rng(seed).integers(-25, 26, (70, 4))
    assert (again.predict(x) == network.predict(x)).all()
    assert to_bytes(again) == data
    assert again.meta == network.meta
    assert again.class_names == network.class_names


def test_damage_is_refused():
    data = to_bytes(random_network(1, "argmax", [4, 6]))
    rng = np.random.default_rng(0)
    for size in [0, 1, 10, len(data) // 2, len(data) - 1, *rng.integers(0, len(data), 20)]:
        with pytest.raises(ModelFileError):
            from_bytes(data[:size])
    want = to_bytes(from_bytes(data))
    for bit in rng.integers(0, len(data) * 8, 300):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << (bit % 8)
        try:
            again = from_bytes(bytes(flipped))
        except ModelFileError:
            continue
        # A flip in what a zip archive says twice or does not use may go unseen, but never changes the model.
        assert to_bytes(again) == want


def edited(data: bytes, change) -> bytes:
    """The model file with its header changed, and the checksum made to fit, as an attacker would."""
    out = io.BytesIO()
    arrays = {name: value for name, value in np.load(io.BytesIO(data)).items() if name != "header"}
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "header.npy":
                header = json.loads(np.lib.format.read_array(io.BytesIO(content)).tobytes())
                change(header)
                header["sha256"] = _digest(header, arrays)
                member = io.BytesIO()
                np.lib.format.write_array(member, np.frombuffer(json.dumps(header).encode(), np.uint8))
                content = member.getvalue()
            new.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h["arrays"].update(low=["<i8", [1 << 40]]),
        lambda h: h["arrays"].update(low=["<i8", [-1]]),
        lambda h: h["arrays"].update(low=["|O", [4]]),
        lambda h: h["arrays"].update(evil=["<i8", [4]]),
        lambda h: h["arrays"].pop("low"),
        lambda h: h.update(version=99),
        lambda h: h.update(format="other"),
        lambda h: h.update(layers=-3),
        lambda h: h.update(layers=10**12),
        lambda h: h.update(classes=[1, 2]),
        lambda h: h.update(head="vote"),
        lambda h: h.update(meta=[]),
        lambda h: h.update(features=["a"]),
        lambda h: h.update(image_shape=[-2, -2]),
        lambda h: h.update(image_shape=[2, "2"]),
        lambda h: h.update(classes=["one"]),
        lambda h: h.clear(),
    ],
)
def test_hostile_header_is_refused(change):
    with pytest.raises(ModelFileError):
        from_bytes(edited(to_bytes(random_network(1, "argmax", [4])), change))


def test_other_files_are_refused(tmp_path):
    for content in (b"", b"PK\x05\x06" + bytes(18), b"not a model", b"\x93NUMPY"):
        path = tmp_path / "m.lut"
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match="not a usable model file"):
            LutNetwork.load(path)
    with pytest.raises(UsageError, match="no model file"):
        LutNetwork.load(tmp_path / "none.lut")
    with pytest.raises(UsageError):
        LutNetwork.load(tmp_path)


def test_pickle_is_not_read(tmp_path):
    out = io.BytesIO()
    np.savez(out, header=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ModelFileError):
        from_bytes(out.getvalue())


def test_inconsistent_networks_are_refused():
    network = random_network(1, "argmax", [4])
    layer = network.layers[0]
    ahead = layer.wiring.copy()
    ahead[0, 0] = len(network.encoder)  # itself
    with pytest.raises(UsageError, match="not before it"):
        replace(network, layers=(replace(layer, wiring=ahead),))
    with pytest.raises(UsageError, match="two classes"):
        replace(network, head=Head.bit(0))
    with pytest.raises(UsageError, match="shape"):
        network.predict(np.zeros((3, 5), int))
    with pytest.raises(UsageError, match="nan"):
        network.predict(np.full((3, 4), np.nan))
