"""Trees that answer numbers: the network is within the rounding of what their own library says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers import needs
from helpers.fast import first
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

from lut2hw import exchange
from lut2hw.cli import main
from lut2hw.errors import UsageError
from lut2hw.exchange import trees
from lut2hw.exchange.trees.network import to_network
from lut2hw.model.network import LutNetwork


def table(targets=1):
    """Numbers of few digits, so that 16 bits hold them, and sums of them with noise."""
    rng = np.random.default_rng(3)
    x = rng.integers(-200, 200, (300, 4)) / 8
    y = np.stack([x[:, 0] * (t + 1) ** 4 + np.abs(x[:, 1]) + rng.normal(size=300) for t in range(targets)], axis=1)
    return x, y[:, 0] if targets == 1 else y


def xgboost(kind, **options):
    return getattr(pytest.importorskip("xgboost"), kind)(n_estimators=6, max_depth=3, **options)


def lightgbm(**options):
    return pytest.importorskip("lightgbm").LGBMRegressor(n_estimators=6, num_leaves=6, verbose=-1, **options)


KINDS = {
    "tree": lambda: DecisionTreeRegressor(max_depth=4),
    "extra tree": lambda: ExtraTreeRegressor(max_depth=4, random_state=0),
    "forest": lambda: RandomForestRegressor(7, max_depth=4, random_state=0),
    "extra trees": lambda: ExtraTreesRegressor(7, max_depth=4, random_state=0),
    "boosting": lambda: GradientBoostingRegressor(n_estimators=6, random_state=0),
    "boosting, huber": lambda: GradientBoostingRegressor(loss="huber", n_estimators=6, random_state=0),
    "boosting, zero": lambda: GradientBoostingRegressor(init="zero", n_estimators=6, random_state=0),
    "histograms": lambda: HistGradientBoostingRegressor(max_iter=6, max_depth=3),
    "histograms, quantile": lambda: HistGradientBoostingRegressor(loss="quantile", quantile=0.9, max_iter=6),
    "xgboost": lambda: xgboost("XGBRegressor"),
    "xgboost, absolute": lambda: xgboost("XGBRegressor", objective="reg:absoluteerror"),
    "xgboost, forest": lambda: xgboost("XGBRFRegressor"),
    "lightgbm": lightgbm,
    "lightgbm, l1": lambda: lightgbm(objective="regression_l1"),
    "lightgbm, forest": lambda: lightgbm(boosting_type="rf", bagging_freq=1, bagging_fraction=0.7),
}


@pytest.mark.parametrize("kind", first(["forest", "boosting", "histograms", "xgboost", "lightgbm"], KINDS))
@pytest.mark.parametrize("leaf_bits", first([8], [3, 8, 14]))
def test_numbers_are_the_librarys_within_their_rounding(kind, leaf_bits):
    x, y = table()
    estimator = KINDS[kind]().fit(x, y)
    ensemble = trees.from_sklearn(estimator)
    right = estimator.predict(x)
    assert np.allclose(ensemble.predict(x), right, rtol=1e-5, atol=1e-5)
    network = to_network(ensemble, leaf_bits=leaf_bits)
    assert network.head.kind == "number" and network.target_names == ("y",)
    step = 2.0 ** -float(network.head.fraction[0])
    apart = np.abs(network.predict(x) - right)
    assert (apart <= (len(ensemble.trees) + 1) / 2 * step + 1e-4).all()
    assert step <= 2.1 * np.ptp(y) / (2**leaf_bits - 1)
    assert len(set(network.predict(x))) > 3


def test_several_numbers_have_steps_of_their_own():
    x, y = table(3)
    estimator = RandomForestRegressor(5, max_depth=4, random_state=0).fit(x, y)
    network = to_network(trees.from_sklearn(estimator), leaf_bits=10)
    assert network.target_names == ("y0", "y1", "y2")
    steps = np.ldexp(1.0, -network.head.fraction)
    assert steps[0] < steps[2]
    assert (np.abs(network.predict(x) - estimator.predict(x)) <= 3 * steps).all()


def test_the_command_imports_numbers_and_the_rest_follows(tmp_path, capsys):
    x, y = table()
    trees.from_sklearn(RandomForestRegressor(5, max_depth=4, random_state=0).fit(x, y)).save(tmp_path / "trees.json")
    rows = ["a,b,c,d,y", *(",".join(map(str, [*row, value])) for row, value in zip(x.tolist(), y, strict=True))]
    (tmp_path / "data.csv").write_text("\n".join(rows) + "\n")
    model = tmp_path / "numbers.lut"
    arguments = ["import", str(tmp_path / "trees.json"), "--data", str(tmp_path / "data.csv"), "--label", "y"]
    assert main([*arguments, "--task", "regression", "-o", str(model), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["train_agreement"] == result["test_agreement"] == 1
    assert "steps of" in result["notes"][-1]
    assert LutNetwork.load(model).target_names == ("y",)
    assert main(["eval", str(model), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert main([*arguments, "-o", str(model)]) == 2
    assert "--task regression" in capsys.readouterr().err
    assert main(["verify", str(model), "--engine", "golden"]) == 0


@pytest.mark.parametrize(
    ("estimator", "says"),
    [
        (lambda: HistGradientBoostingRegressor(loss="poisson", max_iter=2), "exponential"),
        (lambda: GradientBoostingRegressor(init=DecisionTreeRegressor(), n_estimators=2), "leave init out"),
    ],
)
def test_what_is_not_the_sum_is_refused(estimator, says):
    x, y = table()
    with pytest.raises(UsageError, match=says):
        trees.from_sklearn(estimator().fit(x, np.abs(y)))


@needs.module("xgboost")
def test_a_file_of_numbers_names_no_classes(tmp_path):
    x, y = table()
    estimator = xgboost("XGBRegressor").fit(x, y)
    estimator.get_booster().save_model(tmp_path / "model.json")
    network = exchange.read(tmp_path / "model.json").network
    step = 2.0 ** -float(network.head.fraction[0])
    assert (np.abs(network.predict(x) - estimator.predict(x)) <= 3.5 * step + 1e-4).all()
    with pytest.raises(UsageError, match="no classes to name"):
        exchange.read(tmp_path / "model.json", class_names=["a", "b"])
