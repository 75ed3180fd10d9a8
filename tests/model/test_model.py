"""The golden model against plain Python, and its file against damage."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from fractions import Fraction

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


def plain_predict(network: LutNetwork, x: np.ndarray) -> list:
    """The definition of the right answer in a few lines."""
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
        if network.head.kind == "number":
            values = [
                Fraction(score) / Fraction(2) ** int(f)
                for score, f in zip(scores, network.head.fraction, strict=True)
            ]
            answers.append(float(values[0]) if len(values) == 1 else [float(value) for value in values])
            continue
        if network.head.kind == "labels":
            answers.append([int(score >= 0) for score in scores])
            continue
        if network.head.kind == "argmax":
            answer, margin = scores.index(max(scores)), sorted(scores)[-1] - sorted(scores)[-2]
        else:
            answer, margin = int(scores[0] >= 0), scores[0] if scores[0] >= 0 else -1 - scores[0]
        if network.head.kind == "bit":
            answer = scores[0]
        answers.append(network.n_classes if margin < network.head.reject else answer)
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
    votes = int(rng.integers(0, 30))
    if kind in ("number", "labels"):
        n = int(rng.integers(1, 4))
        arrays = (
            rng.integers(0, first, votes),
            rng.integers(0, n, votes),
            rng.integers(-40, 41, votes),
            rng.integers(-100, 101, n),
        )
        head = Head.number(*arrays, rng.integers(-5, 9, n)) if kind == "number" else Head.labels(*arrays)
        return LutNetwork(encoder, tuple(layers), head, (), {"made": "by a test"}, tuple("xyz"[:n]))
    n_classes, reject = (4 if kind.startswith("argmax") else 2), 0
    if kind.endswith("reject"):
        kind, reject = kind.split()[0], int(rng.integers(1, 60))
    head = Head(
        kind,
        rng.integers(0, first, votes).astype(np.int32),
        rng.integers(0, n_classes if kind == "argmax" else 1, votes).astype(np.int32),
        rng.integers(-40, 41, votes).astype(np.int32),
        rng.integers(-100, 101, n_classes if kind == "argmax" else 1).astype(np.int64),
        reject=reject,
    )
    return LutNetwork(encoder, tuple(layers), head, tuple("abcd"[:n_classes]), {"made": "by a test"})


KINDS = ["bit", "threshold", "argmax", "threshold reject", "argmax reject", "number", "labels"]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(KINDS), st.lists(st.integers(0, 10), max_size=3), st.integers(1, 140))
def test_equals_plain_python(seed, kind, ks, n):
    network = random_network(seed, kind, ks)
    x = np.random.default_rng(seed + 1).integers(-25, 26, (n, 4))
    assert network.predict(x).tolist() == plain_predict(network, x)
    assert network.predict_packed(network.encoder(x), n).tolist() == network.predict(x).tolist()
    low, high = network.head.score_range
    scores = network.scores(x)
    assert ((low <= scores) & (scores <= high)).all()
    assert (network.head.margin(scores) <= network.head.margin_range[1]).all()


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


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(KINDS), st.lists(st.integers(0, 9), max_size=3))
def test_file_round_trip(seed, kind, ks):
    network = random_network(seed, kind, ks)
    data = to_bytes(network)
    again = from_bytes(data)
    x = np.random.default_rng(seed).integers(-25, 26, (70, 4))
    assert (again.predict(x) == network.predict(x)).all()
    assert to_bytes(again) == data
    assert again.meta == network.meta
    assert (again.class_names, again.target_names) == (network.class_names, network.target_names)
    assert again.answer_names == network.answer_names


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


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h.update(targets=["x", 1]),
        lambda h: h.update(targets=[]),
        lambda h: h.update(targets=["one more", *h["targets"]]),
        lambda h: h.update(targets=None),
        lambda h: h.pop("targets"),
        lambda h: h.update(classes=["a", "b"]),
        lambda h: h.update(head="labels"),
        lambda h: h.update(head="argmax"),
        lambda h: h["arrays"].pop("head_fraction"),
        lambda h: h["arrays"].update(head_reject=["<i8", [1]]),
    ],
)
def test_hostile_header_of_numbers_is_refused(change):
    with pytest.raises(ModelFileError):
        from_bytes(edited(to_bytes(random_network(1, "number", [4])), change))


def test_todays_models_have_todays_entries():
    """What is new stands in a file only where it is used; an older version refuses an array that it does not know."""
    entries = {
        kind: set(np.load(io.BytesIO(to_bytes(random_network(1, kind, [4]))))) for kind in ("argmax", "argmax reject")
    }
    assert entries["argmax reject"] - entries["argmax"] == {"head_reject"}
    header = json.loads(np.load(io.BytesIO(to_bytes(random_network(1, "argmax", [4]))))["header"].tobytes())
    assert set(header) == {
        "arrays", "classes", "features", "format", "head", "image_shape", "layers", "meta", "sha256", "version"
    }  # fmt: skip


def test_fixed_point_is_exact():
    """Every score has its value, whatever the fraction, and a fraction that gives none is refused."""
    network = random_network(4, "number", [4])
    n = len(network.target_names)
    for fraction in (-512, -3, 0, 40, 512):
        head = replace(network.head, fraction=np.full(n, fraction, np.int64))
        x = np.random.default_rng(0).integers(-25, 26, (20, 4))
        assert replace(network, head=head).predict(x).tolist() == plain_predict(replace(network, head=head), x)
    for fraction in (-513, 513, -(2**63), 2**63 - 1):
        with pytest.raises(UsageError, match="fraction"):
            replace(network, head=replace(network.head, fraction=np.full(n, fraction, np.int64)))


def test_heads_that_do_not_fit_are_refused():
    number, labels, argmax = (random_network(1, kind, [4]) for kind in ("number", "labels", "argmax"))
    with pytest.raises(UsageError, match="targets, no classes"):
        replace(number, class_names=("a", "b"))
    with pytest.raises(UsageError, match="at least one target"):
        replace(labels, target_names=())
    with pytest.raises(UsageError, match="classes, no targets"):
        replace(argmax, target_names=("y",))
    with pytest.raises(UsageError, match="rejects nothing"):
        replace(labels, head=replace(labels.head, reject=1))
    with pytest.raises(UsageError, match="no fraction"):
        replace(labels, head=replace(labels.head, fraction=np.zeros(len(labels.target_names), np.int64)))
    for reject in (-1, 1 << 40, 1.5, True):
        with pytest.raises(UsageError, match="reject below"):
            replace(argmax, head=replace(argmax.head, reject=reject))


def test_none_is_the_class_behind_all_others():
    network = random_network(3, "argmax reject", [4])
    assert network.answer_names == (*network.class_names, "none")
    assert network.n_classes == 4
    x = np.random.default_rng(0).integers(-25, 26, (500, 4))
    margin = network.head.margin(network.scores(x))
    network = replace(network, head=replace(network.head, reject=int(np.median(margin)) + 1))
    assert ((network.predict(x) == 4) == (margin < network.head.reject)).all()
    assert 0 < (network.predict(x) == 4).sum() < 500
    named = replace(network, class_names=("none", *network.class_names[1:]))
    assert named.answer_names[-1] == "none of these"


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
