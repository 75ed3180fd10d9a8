"""What `fit` shows and keeps: eval_set, verbose, callbacks, the loss curve, gains; LUT outputs as features."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from helpers import fast
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from lut2hw import DescentClassifier, MemorizeClassifier
from lut2hw.errors import UsageError
from lut2hw.model.network import to_bytes
from lut2hw.sklearn import Sweep
from lut2hw.training.gains import gains


@pytest.fixture(scope="module")
def digits() -> list[np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return train_test_split(x, y, random_state=0)


@pytest.fixture(scope="module")
def cells() -> list[np.ndarray]:
    x, y = load_breast_cancer(return_X_y=True)
    return train_test_split(x, y, random_state=0)


@pytest.mark.parametrize("data", fast.first(["cells"], ["digits", "cells"]))
def test_eval_set_after_every_sweep(data: str, request: pytest.FixtureRequest) -> None:
    x, x_test, y, y_test = request.getfixturevalue(data)
    model = DescentClassifier(luts=60, votes=30, levels=2, sweeps=3, random_state=0)
    plain = clone(model).fit(x, y)
    model.fit(x, y, eval_set=[(x, y), (x_test, y_test)])
    assert to_bytes(model.network_) == to_bytes(plain.network_)  # it is not learned from
    assert plain.evals_result_ == {} and plain.loss_curve_ == model.loss_curve_
    assert set(model.evals_result_) == {"validation_0", "validation_1"}
    train, test = model.evals_result_["validation_0"], model.evals_result_["validation_1"]
    assert model.n_iter_ == len(model.loss_curve_) == len(train["loss"]) == len(test["accuracy"])
    assert model.n_iter_ > 3 and model.loss_curve_[-1] < model.loss_curve_[0]
    assert train["loss"] == pytest.approx(model.loss_curve_, rel=0.02, abs=0.002)  # which is rounded
    assert train["accuracy"][-1] == pytest.approx(model.score(x, y), abs=1e-6)  # metrics are rounded
    assert test["accuracy"][-1] == pytest.approx(model.score(x_test, y_test), abs=1e-6)
    tau = model.network_.meta["options"]["tau"]
    scores = model.network_.scores(x_test)
    logits = scores if scores.shape[1] > 1 else np.column_stack([-scores[:, 0] - 1, 0 * scores[:, 0]])
    odds = np.exp(logits / tau)
    assert test["loss"][-1] == pytest.approx(log_loss(y_test, odds / odds.sum(axis=1, keepdims=True)))
    one = clone(model).fit(x, y, eval_set=(x_test, y_test))
    assert one.evals_result_ == {"validation_0": test}


def test_callbacks_end_training_and_see_the_network(digits: list[np.ndarray]) -> None:
    x, x_test, y, y_test = digits
    seen: list[Sweep] = []

    def watch(sweep: Sweep) -> bool:
        seen.append(sweep)
        shown = sweep.evals["validation_0"]["accuracy"]
        assert (sweep.network().predict(x_test) == y_test).mean() == pytest.approx(shown, abs=1e-6)
        return sweep.number == 1

    other: list[int] = []
    model = DescentClassifier(luts=50, random_state=0)
    model.fit(x, y, eval_set=(x_test, y_test), callbacks=[watch, lambda sweep: other.append(sweep.luts)])
    assert [sweep.number for sweep in seen] == [0, 1] and other == [50, 50]
    assert model.n_iter_ == 2 and model.trained_.ended == "callback"
    assert [sweep.loss for sweep in seen] == pytest.approx(model.loss_curve_, abs=1e-6)


def test_verbose_prints_a_line_a_sweep_or_every_so_many(
    digits: list[np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    x, x_test, y, y_test = digits
    model = DescentClassifier(luts=30, sweeps=5, random_state=0).fit(x, y)
    assert capsys.readouterr().out == ""
    model.fit(x, y, eval_set=(x_test, y_test), verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_ > 3
    assert lines[2].startswith("[2] votes: 30 LUTs, loss ")
    assert lines[2].endswith(f"validation_0-accuracy {model.evals_result_['validation_0']['accuracy'][2]:.5f}")
    model.fit(x, y, verbose=3)
    assert [line[:3] for line in capsys.readouterr().out.splitlines()] == ["[0]", "[3]"]


def test_a_learner_without_sweeps_is_measured_once(digits: list[np.ndarray], capsys: pytest.CaptureFixture) -> None:
    x, x_test, y, y_test = digits
    seen: list[Sweep] = []
    model = MemorizeClassifier(layers=(50,), random_state=0)
    model.fit(x, y, eval_set=(x_test, y_test), verbose=1, callbacks=[seen.append])
    right = pytest.approx(model.score(x_test, y_test), abs=1e-6)
    assert list(model.evals_result_) == ["validation_0"] and model.evals_result_["validation_0"] == {
        "accuracy": [right]
    }
    assert capsys.readouterr().out.count("\n") == len(seen) == 1
    assert seen[0].network() is not None and not hasattr(model, "n_iter_")


@pytest.mark.parametrize(
    ("eval_set", "words"),
    [([1, 2], "list of such pairs"), ("wrong labels", "not in classes"), ("wrong features", "features")],
)
def test_a_wrong_eval_set_is_refused(digits: list[np.ndarray], eval_set: object, words: str) -> None:
    x, x_test, y, y_test = digits
    named = {"wrong labels": (x_test, y_test + 10), "wrong features": (x_test[:, 1:], y_test)}
    given = named[eval_set] if isinstance(eval_set, str) else eval_set
    with pytest.raises(ValueError, match=words):
        DescentClassifier(luts=20).fit(x, y, eval_set=given)
    assert issubclass(UsageError, ValueError)


@pytest.mark.parametrize(
    "model",
    [DescentClassifier(luts=12, random_state=0), MemorizeClassifier(layers=(12,), k=3, random_state=0)],
    ids=["descent", "memorize"],
)
def test_importances_are_of_the_features_that_matter(model: DescentClassifier | MemorizeClassifier) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 5))
    y = (x[:, 1] + 0.3 * x[:, 3] > 0).astype(int)
    model.fit(x, y)
    found = model.feature_importances_
    assert found.shape == (5,) and found.sum() == pytest.approx(1) and (found >= 0).all()
    assert found.argmax() == 1 and found[1] > 0.5
    read = np.unique(model.network_.encoder.feature)
    assert (np.delete(found, read) == 0).all()


def test_gains_are_the_rise_of_the_loss_and_columns_move_together() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (5000, 4))
    y = x[:, 0] ^ x[:, 2]
    network = DescentClassifier(luts=2, random_state=0).fit(x, y).network_
    assert (network.predict(x) == y).all()

    def wrong(scores: np.ndarray, rows: np.ndarray) -> float:
        return (network.head.answer(scores) != y[rows]).mean()

    single = gains(network, x, wrong)
    assert single[[0, 2]] == pytest.approx([0.5, 0.5], abs=0.05) and (single[[1, 3]] == 0).all()
    together = gains(network, x, wrong, columns=[0, 1, 0, 1])
    assert together.shape == (2,) and together[0] == pytest.approx(0.5, abs=0.05) and together[1] == 0


def test_lut_outputs_as_features(digits: list[np.ndarray]) -> None:
    x, x_test, y, y_test = digits
    model = DescentClassifier(luts=80, votes=40, levels=2, sweeps=2, random_state=0).fit(x, y)
    outputs = model.transform(x_test)
    assert outputs.shape == (len(x_test), 80) and outputs.dtype == np.uint8 and set(np.unique(outputs)) == {0, 1}
    head, first = model.network_.head, len(model.network_.encoder)
    votes = outputs[:, head.signal - first]
    counts = np.stack([votes[:, head.class_of == number].sum(axis=1) for number in range(10)], axis=1)
    assert (counts == model.network_.scores(x_test)).all()
    assert model.get_feature_names_out()[:2].tolist() == ["descentclassifier0", "descentclassifier1"]
    frame = clone(model).set_output(transform="pandas").fit(x, y).transform(x_test)
    assert (frame.to_numpy() == outputs).all() and list(frame.columns) == list(model.get_feature_names_out())
    # A linear model on top weighs the votes, for software alone.
    stacked = make_pipeline(clone(model), LogisticRegression(max_iter=200)).fit(x, y)
    assert stacked.score(x_test, y_test) > 0.9
    assert (pickle.loads(pickle.dumps(stacked)).predict(x_test) == stacked.predict(x_test)).all()


def test_features_are_selected_by_importance(cells: list[np.ndarray]) -> None:
    x, x_test, y, y_test = cells
    chosen = make_pipeline(
        SelectFromModel(DescentClassifier(luts=40, random_state=0), max_features=8),
        DescentClassifier(luts=20, random_state=0),
    ).fit(x, y)
    assert len(chosen[-1].network_.features) <= 8 and chosen.score(x_test, y_test) > 0.9


def test_sizes_chosen_by_validation(cells: list[np.ndarray]) -> None:
    x, x_test, y, y_test = cells
    chosen = DescentClassifier(luts=20, levels="auto", sweeps=1, random_state=0).fit(x[:150], y[:150])
    assert set(chosen.trained_.tried) == {"levels"} and chosen.score(x_test, y_test) > 0.8


@pytest.mark.slow
def test_a_device_to_fill(cells: list[np.ndarray]) -> None:
    x, x_test, y, y_test = cells
    filled = DescentClassifier(board="icestick", bits_per_feature=1, sweeps=1, random_state=0)
    filled.fit(x, y, eval_set=(x_test, y_test))
    assert filled.trained_.size is not None and filled.trained_.size.luts != 500
    assert len(filled.evals_result_["validation_0"]["loss"]) == filled.n_iter_ == len(filled.loss_curve_)
