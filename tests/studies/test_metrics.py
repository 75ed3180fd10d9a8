"""Metrics are those of scikit-learn, ties and data without one of the classes included."""

import math
import warnings

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from lut2hw.studies import metrics


def same(own, theirs):
    """Equal, where scikit-learn says that it is undefined NaN."""
    if math.isnan(own):
        assert math.isnan(theirs)
    else:
        assert own == pytest.approx(theirs, abs=1e-12)


@st.composite
def scored(draw, most=60):
    """Positives and scores with many ties."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    n = draw(st.integers(1, most))
    score = rng.integers(-4, draw(st.integers(-3, 40)), n)
    return rng.random(n) < draw(st.sampled_from([0, 0.1, 0.5, 1])), score


@st.composite
def classified(draw):
    """Classes, answers ("none of these" among them) and number of classes."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    n, n_classes = draw(st.integers(1, 50)), draw(st.integers(2, 6))
    y = rng.integers(0, draw(st.integers(1, n_classes)), n)
    return y, np.where(rng.random(n) < 0.6, y, rng.integers(0, n_classes + 1, n)), n_classes


def quietly(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments, **options)


@given(scored())
def test_areas(case):
    positive, score = case
    same(metrics.roc_auc(positive, score), quietly(reference.roc_auc_score, positive, score))
    theirs = quietly(reference.average_precision_score, positive, score)
    same(metrics.average_precision(positive, score), theirs if positive.any() else math.nan)
    same(metrics.roc_auc(positive, score / 3), metrics.roc_auc(positive, score))


@given(scored())
def test_operating_points(case):
    positive, score = case
    points = metrics.operating_points(positive, score)
    for at, threshold in enumerate(points.threshold.tolist()):
        assert points.true_positives[at] == (positive & (score >= threshold)).sum()
        assert points.false_positives[at] == (~positive & (score >= threshold)).sum()
    if positive.any() and not positive.all():
        false, true, threshold = reference.roc_curve(positive, score, drop_intermediate=False)
        np.testing.assert_allclose(points.false_positive_rate, false)
        np.testing.assert_allclose(points.recall, true)
        np.testing.assert_array_equal(points.threshold[1:], threshold[1:])


@given(scored(), st.sampled_from([0, 0.05, 0.25, 0.29, 1 / 3, 0.9, 1]))
def test_points_at_a_rate(case, rate):
    positive, score = case
    points = metrics.operating_points(positive, score)
    false, true = (~positive).sum(), positive.sum()
    lowest = min(t for t in range(-5, 50) if (~positive & (score >= t)).sum() / max(false, 1) <= rate)
    assert (score >= points.threshold[points.at_most(rate)]).sum() == (score >= lowest).sum()
    fewest = [
        (~positive & (score >= t)).sum()
        for t in range(-5, 50)
        if not true or (positive & (score >= t)).sum() / true >= rate
    ]
    assert points.false_positives[points.at_least(rate)] == min(fewest)


def test_a_rate_in_decimals_is_met_exactly():
    positive = np.append(np.zeros(100, bool), np.ones(100, bool))
    points = metrics.operating_points(positive, np.tile(np.arange(100), 2))
    assert points.false_positives[points.at_most(0.29)] == 29
    assert points.true_positives[points.at_least(0.57)] == 57


@given(classified())
def test_classes(case):
    y, answer, n_classes = case
    labels = list(range(n_classes))
    assert metrics.accuracy(y, answer) == pytest.approx(reference.accuracy_score(y, answer))
    same(metrics.balanced_accuracy(y, answer, n_classes), quietly(reference.balanced_accuracy_score, y, answer))
    known = sorted({*y.tolist(), *answer.tolist()} - {n_classes})
    theirs = quietly(reference.f1_score, y, answer, labels=known, average="macro", zero_division=0)
    same(metrics.f1(y, answer, n_classes), theirs)
    confusion = reference.multilabel_confusion_matrix(y, answer, labels=labels)
    counts = metrics.one_versus_rest(y, answer, n_classes)
    np.testing.assert_array_equal(counts.true_positives, confusion[:, 1, 1])
    np.testing.assert_array_equal(counts.false_positives, confusion[:, 0, 1])
    if 0 in y:
        theirs = quietly(reference.f1_score, y == 0, answer == 0)
        same(metrics.f1(y, answer, n_classes, positive=0), theirs)


@given(scored())
def test_two_classes(case):
    positive, score = case
    y, answer = positive.astype(np.int64), (score >= 0).astype(np.int64)
    for one in (0, 1):
        found = metrics.of_two_classes(y, answer, score, positive=one)
        turned = metrics.of_two_classes(1 - y, 1 - answer, -score, positive=1 - one)
        assert found == turned
        if 0 < positive.mean() < 1:
            is_one, said = y == one, answer == one
            assert found["recall"] == pytest.approx(reference.recall_score(is_one, said), abs=1e-6)
            assert found["false_positive_rate"] == pytest.approx(said[~is_one].mean(), abs=1e-6)
            assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(y, score), abs=1e-6)


def test_several_classes_are_means_of_each_against_the_rest():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 200)
    proba = rng.dirichlet([1, 1, 1], 200) + 0.5 * np.eye(3)[y]
    proba /= proba.sum(axis=1, keepdims=True)
    found = metrics.of_several_classes(y, proba.argmax(axis=1), proba)
    assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(y, proba, multi_class="ovr"), abs=1e-6)
    assert found["average_precision"] == pytest.approx(reference.average_precision_score(y, proba), abs=1e-6)
    assert found["f1"] == pytest.approx(reference.f1_score(y, proba.argmax(axis=1), average="macro"), abs=1e-6)
    assert found["recall"] == found["balanced_accuracy"]
    # A class that nobody has does not make the others undefined.
    some = metrics.of_several_classes(y[y < 2], proba[y < 2].argmax(axis=1), proba[y < 2])
    assert None not in some.values()


def test_nothing_to_measure():
    none = np.empty(0, np.int64)
    assert math.isnan(metrics.accuracy(none, none)) and math.isnan(metrics.roc_auc(none, none))
    assert set(metrics.of_two_classes(none, none, none).values()) == {None}
    assert set(metrics.of_several_classes(none, none, np.empty((0, 3))).values()) == {None}
    assert set(metrics.of_numbers(none, none).values()) == {None}
    assert set(metrics.of_labels(np.empty((0, 2)), np.empty((0, 2)), np.empty((0, 2))).values()) == {None}
    assert math.isnan(metrics.expected_calibration_error(none, np.empty((0, 2))))
    assert math.isnan(metrics.log_loss(none, np.empty((0, 2))))
    points = metrics.operating_points(none, none)
    assert (points.positives, points.negatives, points.at_most(0.1), points.at_least(0.5)) == (0, 0, 0, 0)


def test_one_class_only():
    y, score = np.ones(5, np.int64), np.arange(5)
    found = metrics.of_two_classes(y, y, score)
    assert found["roc_auc"] is None and found["false_positive_rate"] is None
    assert found["recall"] == found["balanced_accuracy"] == found["average_precision"] == 1


@given(st.integers(0, 1 << 32), st.integers(2, 30), st.integers(1, 3))
def test_numbers(seed, n, targets):
    rng = np.random.default_rng(seed)
    y, value = rng.normal(size=(n, targets)), rng.normal(size=(n, targets))
    y[:, 0] = rng.choice([0.0, 1.0]) if seed % 3 == 0 else y[:, 0]
    value[:, 0] = y[:, 0] if seed % 2 else value[:, 0]
    same(metrics.r2(y, value), reference.r2_score(y, value))
    same(metrics.rmse(y, value), reference.root_mean_squared_error(y, value))
    same(metrics.mae(y, value), reference.mean_absolute_error(y, value))
    assert metrics.of_numbers(y[:, 0], value[:, 0])["mae"] == pytest.approx(
        reference.mean_absolute_error(y[:, 0], value[:, 0]), rel=1e-5
    )


@given(st.integers(0, 1 << 32), st.integers(1, 30))
def test_labels(seed, n):
    rng = np.random.default_rng(seed)
    y, score = rng.random((n, 3)) < [0, 0.3, 0.8], rng.integers(-3, 4, (n, 3))
    answer = score >= 0
    found = metrics.of_labels(y.astype(np.uint8), answer.astype(np.uint8), score)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(y, answer), abs=1e-6)
    assert found["label_accuracy"] == pytest.approx(1 - reference.hamming_loss(y, answer), abs=1e-6)
    known = (y | answer).any(axis=0)
    theirs = [reference.f1_score(y[:, t], answer[:, t], zero_division=0) for t in np.flatnonzero(known)]
    assert found["f1"] == (pytest.approx(np.mean(theirs), abs=1e-6) if theirs else None)


def test_probabilities():
    rng = np.random.default_rng(1)
    y, proba = rng.integers(0, 3, 5000), rng.dirichlet([1, 2, 3], 5000)
    assert metrics.log_loss(y, proba) == pytest.approx(reference.log_loss(y, proba))
    sure = np.eye(3)[np.zeros(5000, np.int64)]
    assert metrics.expected_calibration_error(y, sure) == pytest.approx((y != 0).mean())
    # What is said comes true: the error is that of chance alone.
    drawn = np.array([rng.choice(3, p=each) for each in proba])
    assert metrics.expected_calibration_error(drawn, proba) < 0.03
    found = metrics.reliability([True, False, True], [0.5, 0.45, 1.0], bins=2)
    assert found.said.tolist() == pytest.approx([0.475, 1.0])
    assert found.true.tolist() == [0.5, 1.0] and found.examples.tolist() == [2, 1]


def test_interval_of_a_share():
    from scipy.stats import binomtest

    for right, n in ((0, 10), (3, 10), (999, 1000)):
        theirs = binomtest(right, n).proportion_ci(method="wilson")
        assert metrics.wilson(right, n) == pytest.approx((theirs.low, theirs.high), abs=1e-6)
    assert metrics.wilson(0, 0) == (0, 1)
