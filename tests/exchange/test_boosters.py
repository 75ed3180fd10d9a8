"""Trees of LightGBM, CatBoost and ONNX answer as their own libraries do, or the model is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lut2hw import data as datasets
from lut2hw import exchange
from lut2hw.errors import FormatError, Lut2hwError, UsageError
from lut2hw.exchange import trees
from lut2hw.model.features import Features

MODELS = Path(__file__).parent / "models"
ANSWERS = json.loads((MODELS / "answers.json").read_text())


def make(classes, seed, missing=0.0):
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(300, 5)) * 4) / 4
    score = x @ np.array([1, -1, 0.5, 0.2, 2])
    y = np.digitize(score, np.linspace(-2, 2, classes - 1) if classes > 2 else [0])
    return np.where(rng.random(x.shape) < missing, np.nan, x), y


@pytest.fixture(scope="module")
def lightgbm():
    return pytest.importorskip("lightgbm", reason="needs lightgbm: `pip install lightgbm`")


def fitted(lightgbm, classes=3, missing=0.0, labels=(0, 1, 2), **options):
    x, y = make(classes, 1, missing)
    y = np.array(labels)[y]
    return lightgbm.LGBMClassifier(**{"n_estimators": 4, "num_leaves": 7, "verbose": -1, "n_jobs": 1, **options}).fit(
        x, y
    )


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize(
    ("classes", "options"),
    [
        (2, {}),
        (2, {"is_unbalance": True}),
        (2, {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}),
        (3, {}),
        (3, {"boosting_type": "dart"}),
        (3, {"objective": "multiclassova"}),
        (3, {"zero_as_missing": True}),
        (3, {"use_missing": False}),
        (3, {"min_child_samples": 500}),  # trees of a single leaf
    ],
)
def test_lightgbm_answers(lightgbm, tmp_path, classes, options, missing):
    model = fitted(lightgbm, classes, missing, **options)
    others = make(classes, 2, 0.1)[0]
    model.booster_.save_model(tmp_path / "m.txt")
    theirs = model.predict(others)
    for ensemble in (trees.load(tmp_path / "m.txt"), trees.from_sklearn(model), trees.from_lightgbm(model)):
        raw = model.predict(others, raw_score=True).reshape(len(others), -1)
        assert np.abs(ensemble.scores(others) - raw).max() < 1e-12
        assert (ensemble.predict(others) == theirs).all()
    ensemble.save(tmp_path / "t.json")
    assert (trees.load(tmp_path / "t.json").predict(others) == theirs).all()
    if not missing and "min_child_samples" not in options and "zero_as_missing" not in options:
        x = make(classes, 1)[0]
        whole = trees.to_network(ensemble, Features.integers(np.full(5, -99), np.full(5, 99)), leaf_bits=16)
        assert (whole.predict(np.round(x)) == ensemble.predict(np.round(x))).mean() > 0.995


def test_lightgbm_columns_classes_and_early_stopping(lightgbm, tmp_path):
    """By names; LightGBM's file holds the rounds that answer alone."""
    x, y = make(3, 1)
    names = ("low", "high", "mid")
    frame = pd.DataFrame(x, columns=list("abcde"))[list("cebad")]
    model = lightgbm.LGBMClassifier(n_estimators=200, learning_rate=0.8, num_leaves=15, verbose=-1, n_jobs=1)
    model.fit(
        frame[:200],
        y[:200],
        eval_X=frame[200:],
        eval_y=y[200:],
        callbacks=[lightgbm.early_stopping(3, verbose=False)],
    )
    assert model.best_iteration_ < 200
    model.booster_.save_model(tmp_path / "m.txt")
    assert len(trees.load(tmp_path / "m.txt").trees) == 3 * model.best_iteration_
    pd.DataFrame(x, columns=list("abcde")).assign(label=np.array(names)[y]).to_csv(tmp_path / "d.csv", index=False)
    data = datasets.load(tmp_path / "d.csv")
    made = exchange.read(tmp_path / "m.txt", data=data, leaf_bits=16, class_names=names)
    assert made.network.class_names == names and (made.network.predict(x) == model.predict(frame)).mean() > 0.995
    assert made.agreement["train"] > 0.995
    assert trees.from_sklearn(fitted(lightgbm, 2, labels=("no", "yes"))).class_names == ("no", "yes")


def test_lightgbm_refused(lightgbm, tmp_path):
    x, y = make(2, 1)
    with pytest.raises(UsageError, match="LGBMRanker is not read"):
        trees.from_sklearn(lightgbm.LGBMRanker())
    text = fitted(lightgbm, 2).booster_.model_to_string()
    regression = (
        lightgbm.LGBMRegressor(n_estimators=2, verbose=-1, reg_sqrt=True).fit(x, y).booster_.model_to_string()
    )
    frame = pd.DataFrame(np.abs(x).astype(int), columns=list("abcde")).astype("category")
    category = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1, min_child_samples=2).fit(frame, y).booster_
    linear = fitted(lightgbm, 2, linear_tree=True).booster_.model_to_string()
    for changed, message in (
        (regression, "its answer is the square of its sum"),
        (category.model_to_string(), "it has categorical splits"),
        (linear, "its leaves are linear models"),
        (text.replace("decision_type=2", "decision_type=6", 1), "zeros are missing values of some"),
        (text.replace("left_child=", "left_child=9 ", 1), "entries of left_child"),
        (text.replace("\nmax_feature_idx=4", ""), "it is damaged"),
        (text[: text.index("Tree=")], "it has 0 trees"),
    ):
        assert changed != text
        (tmp_path / "m.txt").write_text(changed)
        with pytest.raises(FormatError, match=message):
            trees.load(tmp_path / "m.txt")
    (tmp_path / "m.txt").write_text(text)
    with pytest.raises(FormatError, match="leave --missing out"):
        trees.load(tmp_path / "m.txt", missing=0)
    (tmp_path / "n.txt").write_text("tree\n")
    with pytest.raises(FormatError, match="not a readable JSON"):
        trees.load(tmp_path / "n.txt")


def kept(name):
    """Examples, the library's scores (or None) and its answers."""
    x, scores, answers = ANSWERS[name]
    return np.array(x, float), scores, np.array(answers)


@pytest.mark.parametrize("name", ["catboost-binary", "catboost-words", "catboost-lossguide"])
def test_catboost_answers(name):
    x, scores, answers = kept(name)
    ensemble = trees.load(MODELS / f"{name}.json")
    assert np.isnan(x).any() and np.abs(ensemble.scores(x) - np.array(scores)).max() < 1e-12
    assert (np.array(ensemble.class_names)[ensemble.predict(x)] == answers).all()
    present = ~np.isnan(x).any(axis=1)
    network = trees.to_network(ensemble, leaf_bits=16)
    assert (np.array(network.class_names)[network.predict(x[present])] == answers[present]).mean() > 0.99


def test_catboost_refused(tmp_path):
    value = json.loads((MODELS / "catboost-binary.json").read_text())

    def changed(change):
        other = json.loads(json.dumps(value))
        change(other)
        (tmp_path / "m.json").write_text(json.dumps(other))
        return tmp_path / "m.json"

    def loss(other):
        other["model_info"]["params"]["loss_function"]["type"] = "RMSE"

    def category(other):
        other["oblivious_trees"][0]["splits"][0]["split_type"] = "OneHotFeature"

    def text(other):
        other["features_info"]["categorical_features"] = []

    def short(other):
        other["oblivious_trees"][0]["leaf_values"].pop()

    for change, message in (
        (loss, "its loss 'RMSE' is not classification"),
        (category, "splits of categories"),
        (text, "features of text or categories"),
        (short, "it is damaged"),
        (lambda other: other.pop("scale_and_bias"), "it is damaged"),
    ):
        with pytest.raises(FormatError, match=message):
            trees.load(changed(change))
    (tmp_path / "m.cbm").write_bytes(b"CBM1")
    with pytest.raises(UsageError, match=r"save XGBoost and CatBoost models as \.json"):
        exchange.read(tmp_path / "m.cbm")


@pytest.mark.parametrize("name", ["forest-2", "forest-3", "boosting-2", "boosting-3", "lightgbm-2", "xgboost-3"])
def test_onnx_answers(name):
    pytest.importorskip("onnx", reason="needs onnx: `pip install onnx`")
    x, _, answers = kept(name)
    ensemble = trees.load(MODELS / f"{name}.onnx")
    assert np.isnan(x).any() and len(set(answers.tolist())) == len(ensemble.class_names)
    assert (np.array(ensemble.class_names)[ensemble.predict(x)] == answers).all()
    present = ~np.isnan(x).any(axis=1)
    network = trees.to_network(ensemble, leaf_bits=16)
    assert (np.array(network.class_names)[network.predict(x[present])] == answers[present]).mean() > 0.98


def test_onnx_refused(tmp_path, monkeypatch):
    onnx = pytest.importorskip("onnx", reason="needs onnx: `pip install onnx`")
    helper, kinds = onnx.helper, onnx.TensorProto

    def changed(change):
        model = onnx.load(MODELS / "boosting-3.onnx")
        change(model.graph)
        (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
        return tmp_path / "m.onnx"

    def scaled(graph):
        node = next(each for each in graph.node if each.op_type == "TreeEnsembleClassifier")
        graph.node.insert(0, helper.make_node("Neg", [node.input[0]], ["scaled"]))
        node.input[0] = "scaled"

    def modes(graph):
        node = next(each for each in graph.node if each.op_type == "TreeEnsembleClassifier")
        at = next(each for each in node.attribute if each.name == "nodes_modes")
        at.strings[0] = b"BRANCH_EQ"

    def integers(graph):
        graph.input[0].type.tensor_type.elem_type = kinds.INT64

    def regressor(graph):
        next(
            each for each in graph.node if each.op_type == "TreeEnsembleClassifier"
        ).op_type = "TreeEnsembleRegressor"

    def missing(graph):
        node = next(each for each in graph.node if each.op_type == "TreeEnsembleClassifier")
        node.attribute.remove(next(each for each in node.attribute if each.name == "nodes_values"))

    for change, message in (
        (scaled, "something of its inputs before the trees"),
        (modes, "BRANCH_EQ.* are not read"),
        (integers, "not one array of floats"),
        (regressor, "it holds 'TreeEnsembleRegressor'"),
        (missing, "it is damaged"),
        (lambda graph: graph.ClearField("node"), "it holds 'nothing'"),
    ):
        with pytest.raises(FormatError, match=message):
            trees.load(changed(change))
    (tmp_path / "n.onnx").write_bytes(b"\x08\xff no")
    with pytest.raises(FormatError, match="not a readable ONNX"):
        trees.load(tmp_path / "n.onnx")
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(Lut2hwError, match=r"pip install 'lut2hw\[onnx\]'"):
        trees.load(tmp_path / "n.onnx")
