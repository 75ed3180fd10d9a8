"""Numbers, several labels and outliers, and weights of examples, as scikit-learn users expect them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, make_friedman1
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lut2hw import DescentClassifier, DescentOutlierDetector, DescentRegressor, MemorizeClassifier
from lut2hw.errors import UsageError
from lut2hw.model.network import LutNetwork, from_bytes, to_bytes


@pytest.fixture(scope="module")
def friedman() -> tuple[np.ndarray, np.ndarray]:
    return make_friedman1(500, noise=0.5, random_state=0)


@pytest.fixture(scope="module")
def several() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(500, 6))
    return x, np.stack([x[:, 0] > 0, x[:, 1] > 0.5, x[:, 0] + x[:, 1] > 0, x[:, 2] > 0], axis=1).astype(int)


@pytest.fixture(scope="module")
def circle() -> np.ndarray:
    t = np.random.default_rng(0).uniform(0, 6, (600, 1))
    return np.hstack([np.sin(t), np.cos(t)])


# --- numbers --------------------------------------------------------------------------------------------------------


def test_numbers_are_the_network_s(friedman: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = friedman
    model = DescentRegressor(luts=60, sweeps=4, random_state=0)
    model.fit(x[:400], y[:400], eval_set=[(x[:400], y[:400]), (x[400:], y[400:])])
    assert model.score(x[400:], y[400:]) > 0.6
    network = model.network_
    assert network.head.kind == "number" and network.target_names == ("y",) and network.class_names == ()
    assert (model.predict(x) == network.predict(x)).all() and model.predict(x).dtype == np.float64
    train, test = (model.evals_result_[f"validation_{i}"] for i in range(2))
    assert train["loss"] == pytest.approx(model.loss_curve_, rel=0.01)
    assert test["r2"][-1] == pytest.approx(model.score(x[400:], y[400:]), abs=1e-5)
    assert len(test["rmse"]) == model.n_iter_
    assert model.feature_importances_[5:].max() < model.feature_importances_[:5].min()  # the last five say nothing
    assert (pickle.loads(pickle.dumps(model)).predict(x) == model.predict(x)).all()
    assert to_bytes(clone(model).fit(x[:400], y[:400]).network_) == to_bytes(network)
    assert (from_bytes(to_bytes(network)).predict(x) == model.predict(x)).all()


def test_the_loss_says_what_is_estimated() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(1500, 1))
    y = 10 * x[:, 0] + rng.exponential(2, 1500)
    errors = {
        loss: DescentRegressor(luts=12, loss=loss, random_state=0).fit(x, y).predict(x) - y
        for loss in (None, "squared", "absolute", "quantile:0.9")
    }
    assert (errors[None] == errors["squared"]).all()
    assert errors["squared"].mean() == pytest.approx(0, abs=0.3)
    assert (errors["absolute"] > 0).mean() == pytest.approx(0.5, abs=0.05)
    assert (errors["quantile:0.9"] > 0).mean() == pytest.approx(0.9, abs=0.05)
    with pytest.raises(UsageError, match="unknown loss"):
        DescentRegressor(luts=12, loss="cubic").fit(x, y)


def test_several_targets(friedman: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = friedman
    both = pd.DataFrame({"up": y, "down": -2 * y})
    model = DescentRegressor(luts=80, sweeps=3, random_state=0).fit(x, both)
    assert model.network_.target_names == ("up", "down")
    assert model.predict(x).shape == (len(x), 2) and model.score(x, both) > 0.6
    assert DescentRegressor(luts=20, random_state=0).fit(x, y[:, None]).predict(x).shape == (len(x), 1)
    with pytest.raises(UsageError, match="3 targets"):
        model.fit(x, both, eval_set=(x, np.ones((len(x), 3))))


def test_a_regressor_in_searches_and_pipelines() -> None:
    x, y = load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), DescentRegressor(luts=10, sweeps=2, random_state=0))
    assert cross_val_score(model, x, y, cv=3).mean() > 0.2
    search = GridSearchCV(DescentRegressor(sweeps=2, random_state=0), {"luts": [4, 10], "k": [2, 4]}, cv=2)
    assert search.fit(x, y).best_score_ > 0.2


# --- several labels -------------------------------------------------------------------------------------------------


def test_several_labels(several: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = several
    model = DescentClassifier(luts=60, levels=2, sweeps=3, random_state=0).fit(x[:300], y[:300], eval_set=(x, y))
    network = model.network_
    assert network.head.kind == "labels" and network.target_names == ("y0", "y1", "y2", "y3")
    answers, votes, shares = model.predict(x), model.decision_function(x), model.predict_proba(x)
    assert answers.shape == votes.shape == shares.shape == y.shape
    assert ((votes > 0) == answers).all() and ((shares > 0.5) == answers).all()
    assert (answers[300:] == y[300:]).mean() > 0.85
    assert network.meta["temperature"] > 0 and (shares == network.predict_proba(x)).all()
    shown = model.evals_result_["validation_0"]
    assert len(shown["loss"]) == model.n_iter_ and shown["accuracy"][-1] == pytest.approx(model.score(x, y), abs=1e-5)
    again = clone(model).fit(x[:300], sparse.csr_array(y[:300]))
    assert to_bytes(again.network_) == to_bytes(network)


def test_what_are_not_several_labels(several: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = several
    with pytest.raises(UsageError, match="MultiOutputClassifier"):
        DescentClassifier(luts=20).fit(x, y + np.arange(4))
    with pytest.raises(UsageError, match="0 and 1"):
        DescentClassifier(luts=20).fit(x, y + 1)
    with pytest.raises(UsageError, match="DescentClassifier learns several"):
        MemorizeClassifier().fit(x, y)
    with pytest.raises(UsageError, match="3 labels"):
        DescentClassifier(luts=20).fit(x, y, eval_set=(x, y[:, :3]))


# --- outliers -------------------------------------------------------------------------------------------------------


def test_what_is_unlike_the_examples(circle: np.ndarray) -> None:
    detector = DescentOutlierDetector(luts=60, contamination="auto", random_state=0).fit(circle)
    assert detector.network_.class_names == ("normal", "anomaly") and detector.offset_ == 0.5
    inside = np.random.default_rng(1).uniform(-0.4, 0.4, (200, 2))
    assert (detector.predict(circle) == 1).mean() > 0.9 and (detector.predict(inside) == -1).mean() > 0.9
    assert detector.score_samples(circle).min() > np.quantile(detector.score_samples(inside), 0.5)
    assert (detector.fit_predict(circle) == detector.predict(circle)).all()
    assert detector.feature_importances_ == pytest.approx([0.5, 0.5], abs=0.1)
    assert not hasattr(detector, "evals_result_") and detector.n_iter_ == len(detector.loss_curve_)


@pytest.mark.parametrize("share", [0.002, 0.05, 0.3])
def test_contamination_moves_the_threshold_of_the_network(circle: np.ndarray, share: float) -> None:
    x = np.vstack([circle, np.random.default_rng(1).uniform(-0.5, 0.5, (100, 2))])
    detector = DescentOutlierDetector(luts=60, contamination=share, random_state=0).fit(x)
    plain = clone(detector).set_params(contamination="auto").fit(x)
    answers, scores = detector.predict(x), detector.score_samples(x)
    assert (scores == plain.score_samples(x)).all()
    alarms = (answers == -1).mean()
    assert alarms <= share
    if alarms:
        worst = np.unique(scores[answers == 1])[0]
        assert alarms + (scores == worst).mean() > share  # one score more would be too many
    assert ((detector.decision_function(x) < 0) == (answers == -1)).all()
    network: LutNetwork = from_bytes(to_bytes(detector.network_))
    assert ((network.predict(x) == 1) == (answers == -1)).all()


@pytest.mark.parametrize("share", [0, 0.6, "some", None])
def test_a_wrong_contamination_is_refused(circle: np.ndarray, share: Any) -> None:
    with pytest.raises(UsageError, match="contamination"):
        DescentOutlierDetector(luts=10, contamination=share).fit(circle)


# --- going on -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [{"luts": 30}, {"luts": 31, "votes": 9, "levels": 3}], ids=["flat", "deep"])
@pytest.mark.parametrize("task", ["classes", "two classes", "labels", "numbers", "two numbers"])
def test_warm_start_goes_on_where_training_ended(task: str, shape: dict[str, int]) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5))
    total = x[:, 0] + x[:, 1] * x[:, 2] + 0.3 * rng.normal(size=300)
    y = {
        "classes": np.digitize(total, [-1, 0, 1]),
        "two classes": total > 0.2,
        "labels": np.stack([total > 0, x[:, 3] > 0, total > 1], axis=1).astype(int),
        "numbers": total,
        "two numbers": np.stack([total, 3 * x[:, 3]], axis=1),
    }[task]
    kind = DescentRegressor if "numbers" in task else DescentClassifier
    model = kind(**shape, sweeps=1, warm_start=True, random_state=0)
    model.set_params(**({"calibration": None} if kind is DescentClassifier else {"margin": 0.0}))
    first = model.fit(x, y).network_
    losses = [model.loss_curve_[-1]]
    for _ in range(3):
        model.fit(x, y)
        losses += model.loss_curve_
    assert losses == sorted(losses, reverse=True) and (losses[-1] < losses[0] or task == "two numbers")
    assert model.network_.n_luts == first.n_luts and model.network_.meta["resumed"] is True
    if kind is DescentRegressor:  # its votes count in units of the targets' range
        return
    some = slice(60)
    part = clone(model).set_params(sweeps=4).fit(x, y)
    before = part.score(x[some], y[some])
    assert part.fit(x[some], y[some]).score(x[some], y[some]) >= before  # on other examples, too
    assert (pickle.loads(pickle.dumps(part)).predict(x) == part.predict(x)).all()


def test_what_cannot_be_gone_on_with(friedman: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = friedman
    model = DescentRegressor(luts=10, sweeps=1, warm_start=True, random_state=0).fit(x, y)
    with pytest.raises(UsageError, match="warm_start=False"):
        model.fit(x, 50 * y)
    with pytest.raises(ValueError, match="features"):
        model.fit(x[:, 1:], y)
    classifier = DescentClassifier(luts=10, sweeps=1, warm_start=True, random_state=0).fit(x, y > 10)
    with pytest.raises(UsageError, match="not in classes"):
        classifier.fit(x, np.where(y > 10, "yes", "no"))


# --- weights --------------------------------------------------------------------------------------------------------


def test_weights_decide_between_examples_that_contradict() -> None:
    x = np.repeat([[0], [1]], 100, axis=0)
    y = np.tile([0, 0, 1], 67)[:200]
    model = DescentClassifier(luts=4, calibration=None, random_state=0)
    assert (model.fit(x, y).predict(x) == 0).all()
    heavy = np.where((y == 1) & (x[:, 0] == 1), 10.5, 1.0)
    assert (model.fit(x, y, heavy).predict(x) == x[:, 0]).all()
    assert (model.fit(x, y, sample_weight=(y == 1) + 0.0 + (x[:, 0] == 0)).predict([[1]]) == 1).all()
    number = DescentRegressor(luts=4, random_state=0)
    assert number.fit(x, y, np.where(y == 1, 1e6, 1.0)).predict(x).mean() > 0.9 > number.fit(x, y).predict(x).mean()


def test_equal_weights_and_no_weights_are_the_same_network() -> None:
    x, y = load_digits(return_X_y=True)
    model = DescentClassifier(luts=30, sweeps=1, calibration=None, random_state=0)
    plain = to_bytes(model.fit(x, y).network_)
    assert to_bytes(model.fit(x, y, np.full(len(y), 0.7)).network_) == plain
    kept = np.arange(len(y)) % 3 > 0
    rest = to_bytes(model.fit(x[kept], y[kept]).network_)
    assert to_bytes(model.fit(x, y, kept.astype(float)).network_) == rest  # what counts 0 is not there


def test_weights_of_classes() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 4))
    y = np.where(x[:, 0] + rng.normal(size=800) > 1.8, "rare", "usual")
    model = DescentClassifier(luts=20, calibration=None, random_state=0)
    found = {
        name: (clone(model).set_params(class_weight=weight).fit(x, y).predict(x) == "rare").sum()
        for name, weight in (("none", None), ("balanced", "balanced"), ("given", {"rare": 8, "usual": 1}))
    }
    assert found["balanced"] > 1.3 * found["none"] and found["given"] > 1.3 * found["none"]
    # "equal": weights of examples do not move thresholds, those of classes given by hand neither
    by_hand = clone(model).set_params(class_weight="equal").fit(x, y, np.where(y == "rare", 8.0, 1.0))
    given = clone(model).set_params(class_weight={"rare": 8, "usual": 1}).fit(x, y)
    assert (by_hand.predict(x) == given.predict(x)).all()
    for wrong in ("heavy", {"other": 3}):
        with pytest.raises(ValueError, match=r"class.weight"):
            clone(model).set_params(class_weight=wrong).fit(x, y)


@pytest.mark.parametrize("weight", [[1.0, -1.0], [np.nan, 1.0], [0.0, 0.0]])
def test_wrong_weights_are_refused(weight: list[float]) -> None:
    x, y = np.tile([[0], [1]], (20, 1)), np.tile([0, 1], 20)
    with pytest.raises(ValueError, match=r"[Ww]eight|NaN"):
        DescentClassifier(luts=4).fit(x, y, np.tile(weight, 20))
