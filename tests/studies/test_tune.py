"""The operating point: what is promised holds on the data given, exactly, and only the bias moves."""

import json
import shlex
from dataclasses import replace

import numpy as np
import pytest
from helpers.networks import random_network
from hypothesis import given
from hypothesis import strategies as st

from lut2hw.artefact.emit import emit_model
from lut2hw.choices import Task
from lut2hw.cli import main
from lut2hw.data import load
from lut2hw.data.dataset import Dataset
from lut2hw.errors import UsageError
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head
from lut2hw.report.page import train_command
from lut2hw.studies.evaluate import evaluate, two_class_score
from lut2hw.studies.tune import commands, share_of, tune
from lut2hw.training.train import TrainOptions, train
from lut2hw.verify import verify


def examples(network, seed, n=80):
    """Data whose test split has random examples with classes that have to do with the scores."""
    rng = np.random.default_rng(seed)
    low, high = network.features.low, network.features.high
    x = rng.integers(low, high + 1, (n, len(low)))
    y = np.where(rng.random(n) < 0.7, network.predict(x), rng.integers(0, network.n_classes, n)).astype(np.int64)
    none = x[:0], y[:0]
    return Dataset("random", network.features, network.class_names, *none, x, y)


def two_classes(seed, head):
    network = random_network(seed, head=head)
    if head == "argmax":  # of two classes
        kept = network.head.class_of < 2
        parts = {name: getattr(network.head, name)[kept] for name in ("signal", "class_of", "weight")}
        made = replace(network.head, **parts, bias=network.head.bias[:2])
        network = LutNetwork(network.encoder, network.layers, made, network.class_names[:2])
    return network


@given(st.integers(0, 1 << 20), st.sampled_from(["threshold", "argmax"]), st.sampled_from(["c0", "c1", None]))
def test_the_rate_holds_and_no_other_threshold_does_better(seed, head, positive):
    network = two_classes(seed, head)
    data = examples(network, seed)
    one = 0 if positive == "c0" else 1
    is_one, score = data.y_test == one, two_class_score(network, network.scores(data.x_test))
    if is_one.all() or not is_one.any():
        return
    for rate in (0, 0.05, 0.3, 1):
        found = tune(network, data, max_fpr=rate, positive=positive)
        answer = found.network.predict(data.x_test)
        np.testing.assert_array_equal(answer, score >= found.threshold)
        assert found.false_positive_rate == (answer[~is_one] == one).mean() <= rate
        assert found.recall == (answer[is_one] == one).mean()
        for other in range(score.min(), score.max() + 2):
            said = (score >= other) == one
            if said[~is_one].mean() <= rate:
                assert said[is_one].mean() <= found.recall
        found = tune(network, data, min_recall=rate, positive=positive)
        answer = found.network.predict(data.x_test)
        assert (answer[is_one] == one).mean() == found.recall >= rate
        for other in range(score.min(), score.max() + 2):
            said = (score >= other) == one
            if said[is_one].mean() >= rate:
                assert said[~is_one].mean() >= found.false_positive_rate


def test_only_the_bias_moves_and_probabilities_stay():
    network = two_classes(2, "threshold").with_meta(temperature=3.0)
    data = examples(network, 1)
    found = tune(network, data, max_fpr=0.1).network
    assert found.layers is network.layers and found.head.signal is network.head.signal
    np.testing.assert_array_equal(found.predict_proba(data.x_test), network.predict_proba(data.x_test))
    again = tune(found, data, min_recall=0.9).network
    once = tune(network, data, min_recall=0.9).network
    assert again.head.bias == once.head.bias and again.meta == once.meta
    np.testing.assert_array_equal(again.predict_proba(data.x_test), network.predict_proba(data.x_test))


def test_a_rate_is_a_share_of_events():
    assert share_of("1000/40e6") == 2.5e-5 == share_of(2.5e-5)
    network = two_classes(2, "threshold")
    data = examples(network, 1)
    by_rate, by_share = tune(network, data, rate="3/20"), tune(network, data, max_fpr=0.15)
    assert by_rate.threshold == by_share.threshold
    for wrong in ("a/b", "1/0", "3/2", "-1/5", "nan", ""):
        with pytest.raises(UsageError, match="1000/40e6"):
            share_of(wrong)


def test_few_examples_are_named():
    network = two_classes(2, "threshold")
    data = examples(network, 1)
    negatives = int((data.y_test == 0).sum())
    found = tune(network, data, max_fpr=0.001)
    assert found.false_positives == 0 and found.negatives == negatives
    assert f"on {negatives} negatives" in found.notes[0] and "1,000 or more" in found.notes[0]
    assert found.interval[1] > 0.001
    assert not tune(network, data, max_fpr=0.5).notes
    assert "positives" in tune(network, data, min_recall=0.999).notes[0]


def test_rejecting():
    network = random_network(3, head="argmax")
    data = examples(network, 2, 300)
    margin = network.head.margin(network.scores(data.x_test))
    least = int(np.median(margin)) + 1
    found = tune(network, data, reject=least)
    answer = found.network.predict(data.x_test)
    np.testing.assert_array_equal(answer == network.n_classes, margin < least)
    assert found.rejected == pytest.approx((margin < least).mean(), abs=1e-6)
    right = (answer == data.y_test)[margin >= least]
    assert found.answered_accuracy == pytest.approx(right.mean(), abs=1e-6)
    seen = evaluate(found.network, data)
    assert seen.metrics["rejected"] == found.rejected and seen.confusion.shape[1] == network.n_classes + 1
    assert seen.confusion.sum() == 300 and seen.accuracy == pytest.approx((answer == data.y_test).mean(), abs=1e-6)
    assert tune(found.network, data, reject=0).network.head.reject == 0


def test_what_cannot_be_tuned_says_what_to_do():
    several, bit = random_network(3, head="argmax"), random_network(3, head="bit")
    assert several.n_classes > 2
    two = two_classes(2, "threshold")
    cases = [
        (several, {"max_fpr": 0.1}, "--classes"),
        (several, {"rate": "1/10"}, "--reject MARGIN"),
        (several, {"reject": 1 << 30}, "largest margin"),
        (several, {"reject": 1, "positive": "c1"}, "--positive"),
        (bit, {"max_fpr": 0.1}, "--learner descent"),
        (bit, {"reject": 1}, "--learner descent"),
        (bit, {"temperature": True}, "one bit"),
        (two, {}, "--max-fpr"),
        (two, {"max_fpr": 0.1, "min_recall": 0.1}, "one of"),
        (two, {"max_fpr": 1.5}, "from 0 to 1"),
        (two, {"max_fpr": 0.1, "positive": "c3"}, "c1"),
        (two, {"max_fpr": 0.1, "split": "train"}, "no train split"),
    ]
    for network, options, words in cases:
        with pytest.raises(UsageError) as error:
            tune(network, examples(network, 1), **options)
        assert words in str(error.value) and "\n" not in str(error.value)
    data = examples(two, 1)
    only = replace(data, x_test=data.x_test[data.y_test == 1], y_test=data.y_test[data.y_test == 1])
    with pytest.raises(UsageError, match="only positive examples"):
        tune(two, only, max_fpr=0.1)
    with pytest.raises(UsageError, match="no examples"):
        tune(two, replace(data, x_test=data.x_test[:0], y_test=data.y_test[:0]), max_fpr=0.1)


def test_normal_examples_alone_set_an_alarm():
    network = two_classes(2, "threshold")
    data = examples(network, 1)
    normal = data.y_test == 0
    found = tune(network, replace(data, x_test=data.x_test[normal], y_test=data.y_test[normal]), max_fpr=0.2)
    whole = tune(network, data, max_fpr=0.2)
    assert found.recall is None and found.positives == 0
    assert whole.false_positive_rate == found.false_positive_rate > 0


def several(kind, seed=3):
    """A network whose head answers three numbers or labels."""
    network = random_network(seed)
    rng, votes = np.random.default_rng(seed), 30
    signals, of, weights = (rng.integers(*ends, votes) for ends in ((0, network.n_signals), (0, 3), (-9, 10)))
    bias = [0, 1, -2]
    head = (
        Head.number(signals, of, weights, bias, [1, 2, 0])
        if kind == "number"
        else Head.labels(signals, of, weights, bias)
    )
    return LutNetwork(network.encoder, network.layers, head, (), {}, ("a", "b", "c"))


def labelled(network, n=300):
    """Labels that have to do with the scores."""
    rng = np.random.default_rng(1)
    x = rng.integers(network.features.low, network.features.high + 1, (n, len(network.features)))
    y = (network.predict(x) ^ (rng.random((n, 3)) < 0.2)).astype(np.uint8)
    none = x[:0], y[:0]
    names = network.target_names
    return Dataset("random", network.features, (), *none, x, y, task=Task.MULTILABEL, target_names=names)


def test_each_label_has_a_threshold():
    network = several("labels")
    data = labelled(network)
    y = data.y_test
    found = tune(network, data, max_fpr=0.1)
    answer = found.network.predict(data.x_test)
    np.testing.assert_array_equal(answer, network.scores(data.x_test) >= found.threshold)
    rates = [answer[y[:, t] == 0, t].mean() for t in range(3)]
    assert max(rates) <= 0.1 and found.false_positive_rate == pytest.approx(np.mean(rates))
    found = tune(network, data, min_recall=0.95, temperature=True)
    answer = found.network.predict(data.x_test)
    assert min(answer[y[:, t] == 1, t].mean() for t in range(3)) >= 0.95
    again = network.with_meta(temperature=found.temperature)
    np.testing.assert_array_equal(found.network.predict_proba(data.x_test), again.predict_proba(data.x_test))
    seen = evaluate(found.network, data)
    assert seen.metrics["recall"] == pytest.approx(found.recall, abs=1e-6)
    for options, words in (({"reject": 2}, "--reject"), ({"max_fpr": 0.1, "positive": "a"}, "--positive")):
        with pytest.raises(UsageError, match=words):
            tune(network, data, **options)
    network = several("number")
    with pytest.raises(UsageError, match="numbers"):
        tune(network, data, max_fpr=0.1)


@pytest.fixture(scope="module")
def halves():
    """A trained network of two classes."""
    data = load("digits", classes="0,1,2,3,4:5,6,7,8,9")
    return data, train(data, TrainOptions.of(luts=20, sweeps=2)).network


def test_temperature(halves):
    data, network = halves
    found = tune(network, data, temperature=True)
    assert found.threshold is None and found.network.head is network.head
    assert found.network.meta["temperature"] == found.temperature
    assert np.isfinite(found.calibration_error).all() and found.calibration_error[1] < 0.1
    proba = found.network.predict_proba(data.raw("test"))
    assert proba.shape == (len(data.y_test), 2)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(proba.argmax(axis=1), network.predict(data.raw("test")))


def test_hardware_of_a_tuned_model(halves, tmp_path):
    data, network = halves
    tuned = tune(network, data, max_fpr=0.01).network
    manifest = emit_model(tuned, tmp_path / "core", data=data)
    assert (manifest.network.predict(data.raw("test")) == tuned.predict(data.raw("test"))).all()
    assert all(outcome.passed for outcome in verify(manifest, ["golden"]))


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = main([str(word) for word in words])
        out = capsys.readouterr()
        assert code == 0, out.err
        return json.loads(out.out)

    classes = "0,1,2,3,4:5,6,7,8,9"
    run("train", "--data", "digits", "--classes", classes, "--luts", 20, "--sweeps", 2, "-o", "m.lut", "--json")
    trained = (tmp_path / "m.lut").read_bytes()
    before = run("eval", "m.lut", "--json")
    tuned = run("tune", "m.lut", "--min-recall", 0.98, "--positive", "0,1,2,3,4", "-o", "t.lut", "--json")
    assert (tmp_path / "m.lut").read_bytes() == trained
    after = run("eval", "t.lut", "--json")
    assert after["recall"] == pytest.approx(tuned["recall"], abs=1e-6) and tuned["recall"] >= 0.98
    assert after["false_positive_rate"] == pytest.approx(tuned["false_positive_rate"], abs=1e-6)
    assert after["positive"] == tuned["positive"] == "0,1,2,3,4" and before["positive"] == "5,6,7,8,9"
    assert after["roc_auc"] == before["roc_auc"]
    assert tuned["threshold"] != 0 and tuned["model"] == "t.lut"
    run("tune", "t.lut", "--temperature", "-o", "t.lut", "--json")  # in place
    # What a report says repeats it, byte for byte.
    network = LutNetwork.load("t.lut")
    for command in (train_command(network, "again.lut"), *commands(network, "again.lut")):
        run(*shlex.split(command)[1:], "--json")
    assert (tmp_path / "again.lut").read_bytes() == (tmp_path / "t.lut").read_bytes()
    # On other data, which a command names.
    load("digits", classes=classes)
    tuned = run("tune", "m.lut", "--rate", "1/100", "--data", "digits", "--split", "train", "-o", "o.lut", "--json")
    assert tuned["split"] == "train" and tuned["false_positive_rate"] <= 0.01
    assert commands(LutNetwork.load("o.lut"), "o.lut") == [
        "lut2hw tune o.lut --rate 0.01 --positive 5,6,7,8,9 --split train -o o.lut"
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--task", "anomaly", "--label", "state", "--normal", "ok", "--ignore", "cold"], "anomaly"),
        (["--task", "multilabel", "--label", "cold,hot", "--ignore", "state"], None),
    ],
)
def test_alarms_and_labels_from_a_file_to_a_proof(options, expected, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 2)).round(2)
    x[:, 1] += x[:, 0]
    odd = rng.random(600) < 0.15
    x[odd, 1] -= 4
    rows = [
        f"{a:.2f},{b:.2f},{int(a < -1)},{int(a > 1)},{'odd' if o else 'ok'}" for (a, b), o in zip(x, odd, strict=True)
    ]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,cold,hot,state", *rows]) + "\n")

    def run(*words):
        code = main([str(word) for word in words])
        out = capsys.readouterr()
        assert code == 0, out.err
        return json.loads(out.out)

    run("train", "--data", "t.csv", *options, "--luts", 10, "--sweeps", 2, "-o", "m.lut", "--json")
    tuned = run("tune", "m.lut", "--max-fpr", 0.03, "-o", "t.lut", "--json")
    assert tuned["positive"] == expected and tuned["false_positive_rate"] <= 0.03 and tuned["recall"] > 0.1
    seen = run("eval", "t.lut", "--json")
    assert seen["recall"] == pytest.approx(tuned["recall"], abs=1e-5)
    network = LutNetwork.load("t.lut")
    for command in (train_command(network, "again.lut"), *commands(network, "again.lut")):
        run(*shlex.split(command)[1:], "--json")
    assert (tmp_path / "again.lut").read_bytes() == (tmp_path / "t.lut").read_bytes()
    run("emit", "t.lut", "-o", "core", "--json")
    assert run("verify", "core", "--engine", "golden", "--json")["passed"]


def test_wrong_use_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    network = random_network(3, head="argmax")
    network.save("m.lut")
    assert main(["tune", "m.lut", "--max-fpr", "0.1", "-o", "t.lut"]) == 2
    assert main(["tune", "m.lut", "--max-fpr", "0.1", "--data", "digits", "-o", "t.lut"]) == 2
    assert main(["tune", "m.lut", "--max-fpr", "0.1"]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 3 and "give --data" in err
    assert not (tmp_path / "t.lut").exists()
