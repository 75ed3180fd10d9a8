"""Probabilities, decisions and what scikit-learn makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import cross_val_score, train_test_split

from lut2hw import DescentClassifier, MemorizeClassifier
from lut2hw.errors import UsageError
from lut2hw.model.network import LutNetwork, to_bytes
from lut2hw.sklearn.base import held_out


@pytest.fixture(scope="module")
def noisy() -> list[np.ndarray]:
    x, y = make_classification(900, 12, n_informative=5, flip_y=0.2, random_state=0)
    return train_test_split(x, y, test_size=400, random_state=0)


@pytest.fixture(scope="module")
def digits() -> list[np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return train_test_split(x, y, random_state=0)


@pytest.mark.parametrize("data", ["noisy", "digits"])
def test_the_temperature_is_fitted_on_examples_that_were_not_trained_on(
    data: str, request: pytest.FixtureRequest
) -> None:
    x, x_test, y, y_test = request.getfixturevalue(data)
    # without the evidence that tables ask for, a network is surer than it should be at its training temperature
    plain = DescentClassifier(luts=60, tau=2.0, margin=0.0, sweeps=8, calibration=None, random_state=0).fit(x, y)
    model = clone(plain).set_params(calibration=0.2).fit(x, y)
    assert "temperature" not in plain.network_.meta
    assert to_bytes(model.network_.with_meta(temperature=1)) == to_bytes(plain.network_.with_meta(temperature=1))
    proba = model.predict_proba(x_test)
    assert proba.shape == (len(x_test), len(model.classes_)) and proba.sum(axis=1) == pytest.approx(1)
    assert (model.classes_[proba.argmax(axis=1)] == model.predict(x_test)).all()
    assert (proba == model.network_.predict_proba(x_test)).all()
    assert np.exp(model.predict_log_proba(x_test)) == pytest.approx(proba)
    lost = {each: log_loss(y_test, each.predict_proba(x_test)) for each in (model, plain)}
    # Nearly as good as the best temperature that anybody could have chosen, and better than that of training.
    best = min(
        log_loss(y_test, model.network_.with_meta(temperature=float(t)).predict_proba(x_test))
        for t in np.geomspace(0.3, 60, 60)
    )
    assert best <= lost[model] < best + 0.03 and lost[model] <= lost[plain]


def test_probabilities_of_the_noisy_task_say_how_often_the_answer_is_right(noisy: list[np.ndarray]) -> None:
    x, x_test, y, y_test = noisy
    model = DescentClassifier(luts=60, random_state=0).fit(x, y)
    proba = model.predict_proba(x_test)
    right = (model.predict(x_test) == y_test).mean()
    assert proba.max(axis=1).mean() == pytest.approx(right, abs=0.05)


def test_the_model_file_keeps_the_temperature(noisy: list[np.ndarray], tmp_path) -> None:
    x, x_test, y, _ = noisy
    model = DescentClassifier(luts=20, random_state=0).fit(x, y)
    model.network_.save(tmp_path / "model.lut")
    again = LutNetwork.load(tmp_path / "model.lut")
    assert (again.predict_proba(x_test) == model.predict_proba(x_test)).all()


def test_a_training_ended_by_a_callback_is_calibrated_by_one_as_long(noisy: list[np.ndarray]) -> None:
    x, _, y, _ = noisy
    model = DescentClassifier(luts=20, sweeps=6, random_state=0)
    model.fit(x, y, callbacks=[lambda sweep: sweep.number == 0])
    assert model.n_iter_ == 1 and model.network_.meta["temperature"] > 0
    short = DescentClassifier(luts=20, sweeps=1, random_state=0).fit(x, y)
    assert short.network_.meta["temperature"] == model.network_.meta["temperature"]


def test_held_out_examples_are_of_every_class() -> None:
    y = np.repeat([0, 1, 2], [700, 200, 100])
    held = held_out(y, 0.2, 3)
    assert np.abs(np.bincount(y[held]) - [140, 40, 20]).max() <= 1
    assert (held != held_out(y, 0.2, 4)).any() and (held == held_out(y, 0.2, 3)).all()
    assert held_out(np.array([0, 1]), 0.2, 0).sum() == 0


@pytest.mark.parametrize("share", [0, 1, 1.5, "some", True])
def test_a_wrong_share_is_refused(share: object, noisy: list[np.ndarray]) -> None:
    with pytest.raises(UsageError, match="calibration"):
        DescentClassifier(luts=4, calibration=share).fit(noisy[0], noisy[2])


def test_memorize_has_probabilities_where_it_has_votes(digits: list[np.ndarray]) -> None:
    x, x_test, y, y_test = digits
    many = MemorizeClassifier(layers=(200,), random_state=0).fit(x, y)
    assert log_loss(y_test, many.predict_proba(x_test)) < 1
    two = MemorizeClassifier(layers=(50,), random_state=0).fit(x, y > 4)
    assert set(np.unique(two.predict_proba(x_test))) == {0, 1}
    assert (two.predict_proba(x_test).argmax(axis=1) == two.predict(x_test)).all()
    part = MemorizeClassifier(layers=(50,), random_state=0).partial_fit(x, y)
    with pytest.raises(UsageError, match="temperature"):
        part.predict_proba(x_test)


def test_what_scikit_learn_makes_of_scores(noisy: list[np.ndarray], digits: list[np.ndarray]) -> None:
    x, x_test, y, y_test = noisy
    model = DescentClassifier(luts=30, random_state=0).fit(x, y)
    by_scores = roc_auc_score(y_test, model.decision_function(x_test))
    assert by_scores > 0.75 and roc_auc_score(y_test, model.predict_proba(x_test)[:, 1]) == by_scores
    assert ((model.decision_function(x_test) > 0) == (model.predict(x_test) == 1)).all()
    quick = clone(model).set_params(calibration=None)
    assert cross_val_score(quick, x, y, cv=3, scoring="roc_auc").mean() > 0.75
    for method in ("sigmoid", "isotonic", "temperature"):
        calibrated = CalibratedClassifierCV(quick, cv=3, method=method).fit(x, y)
        assert log_loss(y_test, calibrated.predict_proba(x_test)) < 0.6
    x, x_test, y, y_test = digits
    several = DescentClassifier(luts=60, calibration=None, sweeps=2, random_state=0)
    assert cross_val_score(several, x, y, cv=2, scoring="roc_auc_ovr").mean() > 0.95
    assert CalibratedClassifierCV(several, cv=2).fit(x, y).score(x_test, y_test) > 0.85
    cells = load_breast_cancer(return_X_y=True)
    assert cross_val_score(quick, *cells, cv=3, scoring="average_precision").mean() > 0.95
