"""The memorize learner against counting by hand, for any number of threads."""

from __future__ import annotations

import subprocess
import sys

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw import bits, data
from lut2hw.errors import UsageError
from lut2hw.kernels import memorize as memorize_kernels
from lut2hw.learn.memorize import Examples, draw_wiring, learn, memorize, train_layer
from lut2hw.model import encoder as encode
from lut2hw.model.features import Features
from lut2hw.model.network import to_bytes


def task(n: int, n_bits: int, n_classes: int, seed: int = 0):
    """Random bits whose first few say something about the class."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2, (n, n_bits))
    y = (x[:, :4].sum(axis=1) + (rng.random(n) < 0.2)) % n_classes
    y[:n_classes] = np.arange(n_classes)
    encoder = encode.fixed(encode.Features.integers(np.zeros(n_bits), np.ones(n_bits)), 1)
    return encoder, encoder(x), x, y.astype(np.int64)


@settings(max_examples=40, deadline=None)
@given(k=st.integers(1, 14), n=st.integers(3, 900), n_classes=st.integers(2, 5), seed=st.integers(0, 99))
def test_counts_and_tables_by_hand(k, n, n_classes, seed):
    encoder, packed, x, y = task(max(n, n_classes), 16, n_classes, seed)
    network = memorize(encoder, packed, y, "abcde"[:n_classes], layers=[7, 6] if k <= 6 else [17, 16], k=k, seed=seed)
    signals = np.concatenate([x, bits.unpack(network.signals(packed), len(y))[16:].T], axis=1)
    for number, layer in enumerate(network.layers):
        last = number == len(network.layers) - 1
        question = np.ones(len(layer), int) if n_classes == 2 else np.arange(len(layer)) % n_classes
        if last:
            question.sort()
        for i, wires in enumerate(layer.wiring):
            p = (signals[:, wires] << np.arange(layer.k)).sum(axis=1)
            yes = y == question[i]
            c1, c0 = (np.bincount(p[which], minlength=1 << layer.k) for which in (yes, ~yes))
            assert (layer.counts[i, :, 1] == c1).all()
            assert (layer.counts[i, :, 0] == c0).all()
            assert (layer.care_bits[i] == (c0 + c1 > 0)).all()
            if n_classes > 2:  # corrected for the prior
                c1, c0 = c1 * (~yes).sum(), c0 * yes.sum()
            table = layer.table_bits[i]
            assert (table[c1 > c0] == 1).all()
            assert (table[c1 < c0] == 0).all()


def test_wiring_reads_the_layer_before_without_repeats():
    encoder, packed, _, y = task(300, 20, 2)
    network = memorize(encoder, packed, y, "ab", layers=[30, 25, 20], k=5)
    before = [0, *network.first_signal]
    for layer, first, end in zip(network.layers, before, network.first_signal, strict=False):
        assert (layer.wiring >= first).all()
        assert (layer.wiring < end).all()
        assert all(len(set(wires)) == 5 for wires in layer.wiring.tolist())
    assert [len(layer) for layer in network.layers] == [30, 25, 20, 1]


def test_wiring_is_uniform():
    wiring = draw_wiring(np.random.default_rng(0), 20_000, 3, 12)
    for column in wiring.T:
        counts = np.bincount(column, minlength=12)
        assert abs(counts / 20_000 * 12 - 1).max() < 0.1


def test_ties_are_random_bits():
    encoder, packed, _, y = task(40, 16, 2)
    layer = memorize(encoder, packed, y, "ab", layers=[50], k=12).layers[0]
    unseen = layer.table_bits[layer.care_bits == 0]
    assert abs(unseen.mean() - 0.5) < 0.02


def test_same_bytes_for_any_number_of_threads():
    encoder, packed, _, y = task(3000, 40, 3)
    files = set()
    for threads in (1, 2):
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        files.update(to_bytes(memorize(encoder, packed, y, "abc", layers=[50, 30], k=k, seed=4)) for k in (4,))
        files.update(to_bytes(memorize(encoder, packed, y, "abc", layers=[50, 30], k=k, seed=4)) for k in (10,))
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    assert len(files) == 2
    assert to_bytes(memorize(encoder, packed, y, "abc", layers=[50, 30], k=4, seed=5)) not in files


@pytest.mark.slow
def test_same_bytes_for_any_number_of_threads_in_other_processes(tmp_path):
    made = []
    for threads in ("1", "2"):
        path = tmp_path / f"{threads}.lut"
        subprocess.run(
            [sys.executable, "-m", "lut2hw", "train", "--layers", "60,40", "-o", str(path)],
            check=True,
            env={"NUMBA_NUM_THREADS": threads},
            capture_output=True,
        )
        made.append(path.read_bytes())
    assert made[0] == made[1]


def test_digits_are_learned():
    digits = data.load("digits")
    encoder = encode.thermometer(digits.features, digits.x_train, 3)
    network = learn(digits, encoder, layers=[600], k=8)
    assert (network.predict(digits.x_test) == digits.y_test).mean() > 0.86
    assert (network.predict(digits.x_train) == digits.y_train).mean() > 0.97
    assert np.bincount(network.head.class_of).tolist() == [60] * 10


def test_layers_help_and_one_wide_table_does_not_generalize():
    encoder, _, x, _ = task(4000, 30, 2)
    y = (x[:, :9].sum(axis=1) > 4).astype(np.int64)
    train, test = encoder(x[:3000]), encoder(x[3000:])

    def test_accuracy(layers, k):
        network = memorize(encoder, train, y[:3000], "ab", layers=layers, k=k)
        return (network.predict_packed(test, 1000) == y[3000:]).mean()

    assert test_accuracy([200, 200], 6) > test_accuracy([], 6) + 0.1
    assert abs(test_accuracy([], 20) - 0.5) < 0.1


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 400), st.integers(2, 4), st.integers(0, 99))
def test_sorting_by_class(n, n_classes, seed):
    _, packed, x, y = task(max(n, n_classes), 9, n_classes, seed)
    examples = Examples.sort(packed, y, n_classes)
    for c in range(n_classes):
        part = examples.signals[:, examples.start[c] : examples.start[c + 1]]
        assert (x[y == c] == bits.unpack(part, int(examples.count[c])).T).all()
        assert not bits.unpack(part, part.shape[1] * 64)[:, int(examples.count[c]) :].any()


@pytest.mark.parametrize("k", range(1, 10))
def test_both_ways_of_counting_agree(monkeypatch, k):
    _, packed, _, y = task(40_000, 30, 3)
    examples = Examples.sort(packed, y, 3)
    wiring = draw_wiring(np.random.default_rng(0), 9, k, 30)
    question = np.arange(9) % 3
    tables = np.random.default_rng(1).integers(0, 256, (9, max(1, 1 << k >> 3)), np.uint8)
    filled = []
    for limit in (9, 0):
        monkeypatch.setattr(memorize_kernels, "MAX_PRODUCT_K", limit)
        kept = np.empty((9, 1 << k, 2), np.uint32)
        made = tables.copy(), np.empty_like(tables), kept, np.empty((9, examples.signals.shape[1]), np.uint64)
        memorize_kernels.fill_layer(examples.signals, wiring, question, examples.start, examples.count, True, *made)
        filled.append(made)
    for one, other in zip(*filled, strict=True):
        assert (one == other).all()
    assert (kept.sum(axis=(1, 2)) == 40_000).all()


def test_reuse_of_room_changes_nothing():
    """Layers that narrow and widen, against layers trained each in fresh memory."""
    encoder, packed, _, y = task(700, 40, 3)
    network = memorize(encoder, packed, y, "abc", layers=[30, 50, 20, 45], k=5, seed=3)
    examples, first = Examples.sort(packed, y, 3), 0
    for number, layer in enumerate(network.layers):
        question = np.arange(len(layer)) % 3
        if number == 3:
            question.sort()
        again, after = train_layer(
            examples, question, 5, np.random.default_rng([3, number]), first, balance=True, counts=True
        )
        assert (again.tables == layer.tables).all()
        assert (again.counts == layer.counts).all()
        first += len(examples.signals)
        examples = after


def test_counts_are_left_out_when_too_many():
    encoder, packed, _, y = task(100, 20, 2)
    assert memorize(encoder, packed, y, "ab", layers=[40], k=4).layers[0].counts is not None
    wide = memorize(encoder, packed, y, "ab", layers=[1000], k=14)
    assert wide.layers[0].counts is None
    assert wide.layers[0].care is not None
    assert memorize(encoder, packed, y, "ab", layers=[40], k=4, counts=False).layers[0].counts is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k must be from 1"),
        ({"k": 21}, "k must be from 1"),
        ({"k": 19}, "more than the 18"),
        ({"layers": [3], "k": 4}, "LUTs of layer 1"),
        ({"layers": [0]}, "at least one"),
        ({"layers": [1 << 40]}, "GiB of memory"),
    ],
)
def test_bad_options(options, message):
    encoder, packed, _, y = task(50, 18, 2)
    with pytest.raises(UsageError, match=message):
        memorize(encoder, packed, y, "ab", **{"layers": [20], "k": 4, **options})


def test_bad_options_with_classes():
    encoder, packed, _, y = task(50, 18, 3)
    with pytest.raises(UsageError, match="at least one layer"):
        memorize(encoder, packed, y, "abc", layers=[], k=4)
    with pytest.raises(UsageError, match="each class needs one"):
        memorize(encoder, packed, y, "abc", layers=[20, 2], k=4)
    with pytest.raises(UsageError, match="at least two classes"):
        memorize(encoder, packed, y * 0, "a", layers=[20], k=4)


def test_patterns_are_seen_without_an_example_of_the_class():
    """A class may have no training example: no LUT that asks for it can tell, and what it has seen stays seen."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 2, (300, 9)), rng.integers(0, 2, 300)
    encoder = encode.fixed(Features.integers(np.zeros(9, np.int64), np.ones(9, np.int64)), 1)
    network = memorize(encoder, encoder(x), y, ("a", "b", "none"), layers=[6, 6], k=3)
    for layer in network.layers:
        assert layer.care is not None and layer.counts is not None
        assert (bits.unpack_tables(layer.care, 3) == layer.counts.any(axis=2)).all()
