"""Models of other libraries: the network equals what the library itself predicts, bad files are refused."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import datasets
from sklearn.ensemble import (
    AdaBoostRegressor,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from lut2hw import exchange, targets
from lut2hw.compile.compiler import compile_network
from lut2hw.data import load as load_data
from lut2hw.errors import UsageError
from lut2hw.exchange import trees
from lut2hw.exchange.builder import Builder
from lut2hw.exchange.checkpoints import difflogic, dwn, torchfile
from lut2hw.exchange.checkpoints import file as checkpoints
from lut2hw.exchange.trees.network import _step
from lut2hw.exchange.trees.thresholds import boundaries, encoder_of
from lut2hw.logic.port import INPUT, OUTPUT
from lut2hw.model.features import Features, quantize
from lut2hw.model.network import LutNetwork
from lut2hw.model.parts import Head

DATA = {
    name: load(return_X_y=True)
    for name, load in (
        ("digits", datasets.load_digits),
        ("iris", datasets.load_iris),
        ("cancer", datasets.load_breast_cancer),
    )
}
FEATURES = {
    name: Features.integers(np.zeros(64), np.full(64, 16))
    if name == "digits"
    else quantize(x, tuple(f"x{i}" for i in range(x.shape[1])))
    for name, (x, _) in DATA.items()
}
ESTIMATORS = {
    "tree": DecisionTreeClassifier(random_state=0),
    "shallow": DecisionTreeClassifier(max_depth=4, random_state=0),
    "forest": RandomForestClassifier(15, random_state=0),
    "soft forest": RandomForestClassifier(15, max_depth=4, random_state=0),
    "extra": ExtraTreesClassifier(8, max_depth=6, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=8, max_depth=3, random_state=0),
    "histogram": HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=12, random_state=0),
}


@pytest.fixture(scope="module", params=[(d, e) for d in DATA for e in ESTIMATORS], ids="-".join)
def fitted(request):
    data, name = request.param
    x, y = DATA[data]
    with threadpool_limits(1):  # OpenMP's threads wait for each other where cores are shared
        return data, name, ESTIMATORS[name].fit(x, y)


def test_scikit_learn(fitted):
    data, name, estimator = fitted
    x, _ = DATA[data]
    theirs = np.searchsorted(estimator.classes_, estimator.predict(x))
    ensemble = trees.from_sklearn(estimator)
    assert (ensemble.predict(x) == theirs).all()  # the trees as read, in floating point
    network = trees.to_network(ensemble, FEATURES[data], leaf_bits=12)
    agreement = (network.predict(x) == theirs).mean()
    # Whole votes are exact, rounded leaves nearly.
    assert agreement == 1 if name in ("tree", "shallow") else agreement >= 0.995
    assert all(layer.k <= 6 for layer in network.layers)
    coarse = trees.to_network(ensemble, FEATURES[data], leaf_bits=4, k=4)
    assert all(layer.k <= 4 for layer in coarse.layers)
    assert (coarse.predict(x) == theirs).mean() >= 0.97


def test_scores_are_off_by_half_a_step_per_tree_at_most():
    x, y = DATA["digits"]
    ensemble = trees.from_sklearn(ESTIMATORS["boosting"].fit(x, y))
    network = trees.to_network(ensemble, FEATURES["digits"], leaf_bits=6)
    step = _step(ensemble, 6)
    theirs, ours = ensemble.scores(x) / step, network.scores(x)
    assert np.gcd.reduce(np.concatenate([network.head.weight, network.head.bias])) == 1
    gap = (ours - ours[:, :1]) - (theirs - theirs[:, :1])  # only differences count
    assert np.abs(gap).max() <= 2 * (8 / 2 + 0.5)
    assert np.abs(gap).max() > 0.5  # the bound is not idle


def make_task(seed, n_features, classes):
    """Whole numbers whose label no tree can know altogether, and others to try: x, y, more x."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-50, 50, (300, n_features))
    y = (x @ rng.integers(-3, 4, n_features) + rng.integers(0, 40, 300)) % classes
    y[:classes] = np.arange(classes)
    return x[:100], y[:100], x


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    n_features=st.integers(1, 6),
    classes=st.integers(2, 5),
    depth=st.one_of(st.none(), st.integers(1, 5)),
    forest=st.booleans(),
    k=st.integers(3, 8),
)
def test_whole_votes_are_exact(seed, n_features, classes, depth, forest, k):
    """Single trees, and forests of pure leaves, answer the same on examples that they have never seen."""
    x, y, others = make_task(seed, n_features, classes)
    x, first = np.unique(x, axis=0, return_index=True)  # so that every leaf can be pure
    estimator = (
        RandomForestClassifier(5, bootstrap=False, random_state=seed)
        if forest
        else DecisionTreeClassifier(max_depth=depth, random_state=seed)
    )
    estimator.fit(x, y[first])
    network = trees.to_network(
        trees.from_sklearn(estimator), Features.integers(np.full(n_features, -50), np.full(n_features, 49)), k=k
    )
    theirs = np.searchsorted(estimator.classes_, estimator.predict(others))
    assert (network.predict(others) == theirs).all()


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 1 << 30),
    n_features=st.integers(1, 5),
    classes=st.integers(2, 4),
    rounds=st.integers(1, 6),
    leaf_bits=st.integers(2, 12),
    kind=st.sampled_from(["sklearn", "xgboost"]),
)
def test_boosting_differs_only_where_two_classes_are_close(seed, n_features, classes, rounds, leaf_bits, kind):
    """The answer is the library's own wherever its best class leads by more than the rounding can move the sums."""
    x, y, others = make_task(seed, n_features, classes)
    if kind == "sklearn":
        estimator = GradientBoostingClassifier(n_estimators=rounds, max_depth=3, random_state=0).fit(x, y)
        ensemble, margin = trees.from_sklearn(estimator), estimator.decision_function(others)
    else:
        xgboost = pytest.importorskip("xgboost", reason="needs xgboost: `pip install xgboost-cpu`")
        estimator = xgboost.XGBClassifier(n_estimators=rounds, max_depth=3, n_jobs=1, random_state=0).fit(x, y)
        with tempfile.TemporaryDirectory() as folder:
            estimator.save_model(f"{folder}/m.json")
            ensemble = trees.load(f"{folder}/m.json")
        margin = estimator.predict(others, output_margin=True)
    network = trees.to_network(
        ensemble, Features.integers(np.full(n_features, -50), np.full(n_features, 49)), leaf_bits=leaf_bits
    )
    margin = np.sort(margin.reshape(len(others), -1), axis=1)
    lead = np.abs(margin[:, 0]) if margin.shape[1] == 1 else margin[:, -1] - margin[:, -2]
    sure = lead > (rounds + 2) * _step(ensemble, leaf_bits) + 1e-4
    assert (network.predict(others)[sure] == estimator.predict(others)[sure]).all()


def test_pure_forests_become_votes_of_weight_one():
    x, y = DATA["digits"]
    forest = RandomForestClassifier(9, random_state=1).fit(x, y)
    network = trees.to_network(trees.from_sklearn(forest), FEATURES["digits"])
    assert set(network.head.weight.tolist()) == {1}
    assert (network.predict(x) == forest.predict(x)).all()


def test_without_data_the_ranges_hold_the_thresholds():
    for data, least in (("digits", 1.0), ("cancer", 0.98)):
        x, y = DATA[data]
        tree = DecisionTreeClassifier(max_depth=6, random_state=0).fit(x, y)
        network = trees.to_network(trees.from_sklearn(tree))
        assert (network.predict(x) == tree.predict(x)).mean() >= least


def test_compiled_trees_equal_the_network():
    x, y = DATA["digits"]
    estimator = GradientBoostingClassifier(n_estimators=2, max_depth=3, random_state=0).fit(x, y)
    network = trees.to_network(trees.from_sklearn(estimator), FEATURES["digits"], leaf_bits=5)
    compiled = compile_network(network, targets.get("ice40"))
    from lut2hw import bits

    out = compiled.netlist.evaluate(**{INPUT: compiled.input_port.bits_of(network, x.astype(np.int64))})[OUTPUT]
    number = (bits.unpack(out, len(x)).astype(np.int64) << np.arange(len(out))[:, None]).sum(axis=0)
    assert (number == network.predict(x)).all()


def test_save_and_load(tmp_path):
    x, y = DATA["iris"]
    ensemble = trees.from_sklearn(ESTIMATORS["soft forest"].fit(x, y), class_names=("a", "b", "c"))
    ensemble.save(tmp_path / "t.json")
    again = trees.load(tmp_path / "t.json")
    assert (again.scores(x) == ensemble.scores(x)).all()
    assert again.class_names == ("a", "b", "c")


def test_boundaries():
    features = Features(
        ("a", "b"), np.array([-50, 0]), np.array([1 << 40, 100]), np.array([10.0, 1.0]), np.array([0.0, 0.0])
    )
    for single in (False, True):
        for strict in (False, True):
            for feature, threshold in ((0, 0.3), (0, -4.96), (0, 12345.67), (1, 7.0), (1, -3.0), (1, 1e9), (0, 5e8)):
                least = int(boundaries(features, [feature], [threshold], strict=strict, single=single)[0])
                for q in (least - 1, least):
                    if not features.low[feature] <= q <= features.high[feature]:
                        continue
                    real = q / features.scale[feature]
                    real = float(np.float32(real)) if single else real
                    assert (real > threshold if strict else real >= threshold) == (q == least)


@pytest.mark.parametrize(
    ("estimator", "says"),
    [
        (LogisticRegression(max_iter=10), "is not read"),
        (AdaBoostRegressor(n_estimators=1), "AdaBoostRegressor is not read"),
        (GradientBoostingClassifier(init=DecisionTreeClassifier(max_depth=1), n_estimators=1), "leave init out"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_not_read(estimator, says):
    with pytest.raises(UsageError, match=says):
        trees.from_sklearn(estimator.fit(*DATA["iris"]))


# --- XGBoost ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "options"),
    [("digits", {}), ("cancer", {}), ("iris", {"objective": "multi:softmax"}), ("cancer", {"num_parallel_tree": 3})],
)
def test_xgboost(tmp_path, data, options):
    xgboost = pytest.importorskip("xgboost", reason="needs xgboost: `pip install xgboost-cpu`")
    x, y = DATA[data]
    model = xgboost.XGBClassifier(n_estimators=10, max_depth=4, n_jobs=1, random_state=0, **options).fit(x, y)
    model.save_model(tmp_path / "model.json")
    ensemble = trees.load(tmp_path / "model.json")
    theirs = model.predict(x)
    margin = model.predict(x, output_margin=True).reshape(len(x), -1)
    gap = ensemble.scores(x) - margin
    assert np.abs(gap - gap.mean(axis=1, keepdims=True) * (margin.shape[1] > 1)).max() < 1e-4
    assert (ensemble.predict(x) == theirs).mean() > 0.999
    network = trees.to_network(ensemble, FEATURES[data], leaf_bits=10)
    assert (network.predict(x) == theirs).mean() >= 0.99


def hand_made() -> dict:
    """A model of XGBoost's documented form: x1 < 3 ? (x0 < 1 ? -1 : 0.5) : 2, and base score 1/2."""
    tree = {
        "left_children": [1, 3, -1, -1, -1],
        "right_children": [2, 4, -1, -1, -1],
        "split_indices": [1, 0, 0, 0, 0],
        "split_conditions": [3.0, 1.0, 2.0, -1.0, 0.5],
        "split_type": [0] * 5,
        "default_left": [0] * 5,
    }
    return {
        "learner": {
            "feature_names": [],
            "objective": {"name": "binary:logistic"},
            "learner_model_param": {"base_score": "5E-1", "num_class": "0", "num_feature": "2"},
            "gradient_booster": {"name": "gbtree", "model": {"trees": [tree], "tree_info": [0]}},
        }
    }


def test_xgboost_by_hand(tmp_path):
    (tmp_path / "m.json").write_text(json.dumps(hand_made()))
    ensemble = trees.load(tmp_path / "m.json")
    x = np.array([[0, 0], [1, 0], [1, 2], [0, 3], [1, 3]])
    assert ensemble.scores(x)[:, 0].tolist() == [-1, 0.5, 0.5, 2, 2]
    assert trees.to_network(ensemble).predict(x).tolist() == [0, 1, 1, 1, 1]


def damaged(change) -> str:
    model = hand_made()
    change(model["learner"])
    return json.dumps(model)


def set_tree(name, value):
    return lambda learner: learner["gradient_booster"]["model"]["trees"][0].update({name: value})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a readable JSON"),
        ("[" * 100000, "not a readable JSON"),
        ("{}", "no model of XGBoost"),
        ("[]", "no model of XGBoost"),
        ('{"learner": 3}', "damaged"),
        (damaged(lambda learner: learner["objective"].update(name="count:poisson")), "is not read"),
        (damaged(lambda learner: learner["gradient_booster"].update(name="gblinear")), "gbtree"),
        (damaged(lambda learner: learner["learner_model_param"].update(num_class="999999")), "classes"),
        (damaged(lambda learner: learner["learner_model_param"].update(base_score="[1,2]")), "entries"),
        (damaged(lambda learner: learner["learner_model_param"].update(base_score="2")), "probability"),
        (damaged(set_tree("left_children", [1, 0, -1, -1, -1])), "not a tree"),
        (damaged(set_tree("left_children", [1, 2, -1, -1, -1])), "not a tree"),
        (damaged(set_tree("left_children", [9, 3, -1, -1, -1])), "not a tree"),
        (damaged(set_tree("split_indices", [1, 7, 0, 0, 0])), "feature that is not there"),
        (damaged(set_tree("split_conditions", [3.0, 1.0])), "length|damaged"),
        (damaged(set_tree("split_conditions", [3.0, 1.0, 2.0, float("inf"), 0.5])), "not finite"),
        (damaged(set_tree("split_type", [1] * 5)), "categorical"),
    ],
)
def test_bad_trees_are_refused_in_one_line(tmp_path, text, says):
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(UsageError, match=says) as caught:
        trees.load(tmp_path / "m.json")
    assert "\n" not in str(caught.value)


# --- difflogic and DWN --------------------------------------------------------------------------------------------


def gate(a, b, i):
    """The 16 real-valued gates as difflogic's documentation lists them."""
    ab = a * b
    return [
        0 * a,
        ab,
        a - ab,
        a,
        b - ab,
        b,
        a + b - 2 * ab,
        a + b - ab,
        1 - (a + b - ab),
        1 - (a + b - 2 * ab),
        1 - b,
        1 - b + ab,
        1 - a,
        1 - a + ab,
        1 - ab,
        0 * a + 1,
    ][i]


def test_difflogic(tmp_path):
    rng = np.random.default_rng(0)
    sizes = [20, 40, 40, 30]
    arrays = {"classes": np.array(3), "inputs": np.array(20)}
    for i in range(3):
        arrays[f"{i}.weights"] = rng.normal(size=(sizes[i + 1], 16))
        arrays |= {f"{i}.{side}": rng.integers(0, sizes[i], sizes[i + 1]) for side in "ab"}
    np.savez(tmp_path / "model.npz", **arrays)
    x = rng.integers(0, 2, (500, 20))
    value = x.astype(float)
    for i in range(3):
        a, b, chosen = value[:, arrays[f"{i}.a"]], value[:, arrays[f"{i}.b"]], arrays[f"{i}.weights"].argmax(axis=1)
        value = np.stack([gate(a[:, j], b[:, j], g) for j, g in enumerate(chosen)], axis=1)
    scores = value.reshape(500, 3, 10).sum(axis=2)
    network = checkpoints.read(tmp_path / "model.npz")
    assert (network.scores(x) == scores).all()
    assert (network.predict(x) == scores.argmax(axis=1)).all()
    assert len(set(scores.argmax(axis=1))) > 1


@pytest.mark.parametrize("learned", [False, True])
def test_dwn(tmp_path, learned):
    rng = np.random.default_rng(1)
    thresholds = np.sort(rng.integers(0, 250, (7, 3)), axis=1).astype(np.float32)
    thresholds[0] = [-1, 30, 255]  # always, sometimes and never true of a byte
    sizes, n = [21, 32, 25], 4
    arrays = {"classes": np.array(3), "thresholds": thresholds}
    maps = []
    for i in range(2):
        arrays[f"{i}.luts"] = rng.normal(size=(sizes[i + 1], 1 << n)).astype(np.float32)
        if learned:
            weights = rng.random((sizes[i], sizes[i + 1] * n)).astype(np.float32)
            arrays[f"{i}.mapping.weights"], mapping = weights, weights.argmax(axis=0).reshape(-1, n)
            arrays[f"{i}._LUTLayer__dummy_mapping"] = np.arange(sizes[i + 1] * n, dtype=np.int32).reshape(-1, n)
        else:
            mapping = arrays[f"{i}.mapping"] = rng.integers(0, sizes[i], (sizes[i + 1], n)).astype(np.int32)
        maps.append(mapping)
    np.savez(tmp_path / "model.npz", **arrays)
    x = rng.integers(0, 256, (500, 7))
    value = (x[:, :, None] > thresholds).reshape(500, -1)
    for i, mapping in enumerate(maps):
        address = (value[:, mapping] << np.arange(n)).sum(axis=2)
        value = arrays[f"{i}.luts"][np.arange(sizes[i + 1]), address] > 0
    scores = np.pad(value, ((0, 0), (0, 2))).reshape(500, 3, 9).sum(axis=2)
    for features in (Features.integers(np.zeros(7), np.full(7, 255)), None):
        network = checkpoints.read(tmp_path / "model.npz", features)
        assert (network.scores(x) == scores).all()


def word_tables():
    """Two levels of neurons with words of two bits, signed at the end, as LogicNets makes them, and their sums."""
    rng = np.random.default_rng(6)
    sizes, k = [10, 12, 9], 4
    arrays = {"inputs": np.array(10), "classes": np.array(3)}
    for i in range(2):
        arrays[f"{i}.wiring"] = rng.integers(0, sizes[i], (sizes[i + 1], k))
        arrays[f"{i}.tables"] = rng.integers(0, 2, (sizes[i + 1], 1 << k)).astype(np.uint8)
    arrays |= {"groups": np.repeat(np.arange(3), 3), "weights": np.tile([1, 2, -4], 3), "bias": np.array([0, 1, -1])}
    x = rng.integers(0, 2, (400, 10))
    value = x
    for i in range(2):
        address = (value[:, arrays[f"{i}.wiring"]] << np.arange(k)).sum(axis=2)
        value = arrays[f"{i}.tables"][np.arange(sizes[i + 1]), address].astype(np.int64)
    return arrays, x, (value * arrays["weights"]).reshape(400, 3, 3).sum(axis=2) + arrays["bias"]


def test_truth_tables(tmp_path):
    arrays, x, scores = word_tables()
    np.savez(tmp_path / "tables.npz", **arrays)
    imported = exchange.read(tmp_path / "tables.npz")
    assert imported.source == "truth tables"
    assert (imported.network.scores(x) == scores).all()
    assert (imported.network.predict(x) == scores.argmax(axis=1)).all()
    assert len(set(scores.argmax(axis=1))) == 3


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"0.wiring": np.full((12, 4), 10)}, "not there"),
        ({"1.tables": np.full((9, 16), 2)}, "neither 0 nor 1"),
        ({"1.tables": np.zeros((9, 8))}, "wiring"),
        ({"groups": np.full(9, 3)}, "from 0 to 2"),
        ({"weights": np.ones(4, int)}, "9 whole numbers"),
        ({"3.tables": np.zeros((1, 2))}, "numbered 0, 1, 2"),
        ({"inputs": None}, "inputs"),
    ],
)
def test_wrong_truth_tables_are_refused(tmp_path, change, says):
    arrays = {name: value for name, value in (word_tables()[0] | change).items() if value is not None}
    np.savez(tmp_path / "tables.npz", **arrays)
    with pytest.raises(UsageError, match=says) as error:
        exchange.read(tmp_path / "tables.npz")
    assert "\n" not in str(error.value)


def described(scaler=True):
    """A checkpoint as dwn2rtl saves it, as `torchfile.load` gives it, and what it answers to raw examples."""
    rng = np.random.default_rng(5)
    raw = rng.normal(size=(400, 4)) * [0.01, 3, 500, 1] + [7, -1, 2000, 0]
    raw = np.rint(raw * 1024) / 1024
    mean, scale = raw.mean(axis=0), raw.std(axis=0)
    thresholds = np.quantile((raw - mean) / scale, (np.arange(5) + 0.5) / 5, axis=0).T.astype(np.float32)
    weights, luts = rng.random((20, 12 * 3)).astype(np.float32), rng.normal(size=(12, 8)).astype(np.float32)
    value = {
        "config": {"n": 3, "num_classes": 3, "layers": [12], "thermometer_bits": 5},
        "state_dict": {"0.luts": luts, "0.mapping.weights": weights},
        "thermometer": {"kind": "distributive", "thresholds": thresholds},
        "classes": ["gluon", "quark", "top"],
        "feature_names": ["mass", "energy", "count", "angle"],
        **({"scaler": {"mean": mean.tolist(), "scale": scale}} if scaler else {}),
    }
    seen = (raw - mean) / scale
    bits = (seen[:, :, None] > thresholds).reshape(len(raw), -1)
    address = (bits[:, weights.argmax(axis=0).reshape(-1, 3)] << np.arange(3)).sum(axis=2)
    scores = (luts[np.arange(12), address] > 0).reshape(len(raw), 3, 4).sum(axis=2)
    return value, raw, seen, scores


def test_a_checkpoint_that_says_all_needs_no_data(monkeypatch):
    value, raw, _, scores = described()
    monkeypatch.setattr(torchfile, "load", lambda path: value)
    imported = exchange.read("jets.pt")
    network = imported.network
    assert network.class_names == ("gluon", "quark", "top")
    assert network.features.names == ("mass", "energy", "count", "angle")
    # 16 bits and more a feature, so hardly an example lies within a step of a threshold
    assert (network.predict(raw) == scores.argmax(axis=1)).mean() > 0.99
    assert len(set(scores.argmax(axis=1))) == 3
    assert "raw" in imported.notes[0]


@pytest.mark.parametrize("units", ["raw", "scaled", "no scaler"])
def test_a_checkpoint_that_says_all_with_data(monkeypatch, tmp_path, units):
    """Columns stand in another order, labels are names; whether the data are scaled already shows in them."""
    value, raw, seen, scores = described(units != "no scaler")
    monkeypatch.setattr(torchfile, "load", lambda path: value)
    names, y = value["feature_names"], [value["classes"][each] for each in scores.argmax(axis=1)]
    rows = zip((raw if units == "raw" else seen)[:, ::-1].tolist(), y, strict=True)
    table = tmp_path / "jets.csv"
    table.write_text("\n".join([",".join([*names[::-1], "y"]), *(",".join(map(str, [*x, c])) for x, c in rows)]))
    imported = exchange.read("jets.pt", data=load_data(table, label="y"))
    assert imported.network.features.names == tuple(names[::-1])
    assert min(imported.accuracy.values()) > 0.95  # columns of real numbers are read in steps
    said = " ".join(imported.notes)
    assert ("raw" in said, "scaled" in said) == (units == "raw", units == "scaled")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"scaler": {"mean": [0, 0, 0, 0], "scale": [1, 1, 0, 1]}}, "positive 'scale'"),
        ({"scaler": "standard"}, "positive 'scale'"),
        ({"scaler": {"mean": [0], "scale": [1]}}, "1 features"),
        ({"feature_names": ["a", "a", "b", "c"]}, "different names"),
        ({"feature_names": ["a"]}, "names 1 features"),
        ({"classes": ["a", "b"]}, "3 classes"),
    ],
)
def test_a_checkpoint_that_contradicts_itself_is_refused(monkeypatch, change, says):
    monkeypatch.setattr(torchfile, "load", lambda path: described()[0] | change)
    with pytest.raises(UsageError, match=says) as error:
        exchange.read("jets.pt")
    assert "\n" not in str(error.value)


def good(kind):
    rng = np.random.default_rng(2)
    if kind is difflogic:
        return {
            "classes": np.array(2),
            "inputs": np.array(3),
            "0.weights": rng.random((4, 16)),
            "0.a": np.array([0, 1, 2, 0]),
            "0.b": np.array([1, 1, 0, 2]),
        }
    return {
        "classes": np.array(2),
        "inputs": np.array(3),
        "0.luts": rng.random((4, 4)),
        "0.mapping": np.array([[0, 1], [1, 2], [2, 0], [0, 0]]),
    }


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        (difflogic, {"classes": np.array(3)}, "multiple"),
        (difflogic, {"classes": np.array(1)}, "whole number"),
        (difflogic, {"0.a": np.array([0, 1, 2, 9])}, "not there"),
        (difflogic, {"0.a": np.array([0])}, "shapes"),
        (difflogic, {"0.weights": np.full((4, 16), np.nan)}, "NaN"),
        (difflogic, {"0.weights": None}, "no array"),
        (difflogic, {"thresholds": np.zeros((2, 2))}, "4 bits"),
        (difflogic, {"inputs": None}, "inputs"),
        (dwn, {"0.luts": np.zeros((4, 5))}, "not LUTs"),
        (dwn, {"0.mapping": np.zeros((4, 3), int)}, "mapping"),
        (dwn, {"0.mapping": np.full((4, 2), 3)}, "not there"),
        (dwn, {"0.mapping": None}, "no array"),
        (dwn, {"0.luts": np.array([["a"]])}, "luts is"),
        (dwn, {"0.luts": np.zeros((0, 4))}, "not LUTs"),
    ],
)
def test_bad_checkpoints_are_refused_in_one_line(kind, change, says):
    arrays = {name: value for name, value in (good(kind) | change).items() if value is not None}
    with pytest.raises(UsageError, match=says):
        kind.parse(arrays)
    kind.parse(good(kind))  # what was changed was it


def test_hostile_archives(tmp_path):
    for content in (b"", b"PK\x03\x04rubbish", b"\x80\x04."):
        (tmp_path / "m.npz").write_bytes(content)
        with pytest.raises(UsageError, match="NumPy archive"):
            checkpoints.read(tmp_path / "m.npz")
    np.savez(tmp_path / "m.npz", **{"0.luts": np.array([{}], object)})
    with pytest.raises(UsageError, match="Python objects"):
        checkpoints.read(tmp_path / "m.npz")


def test_builder_orders_by_level_and_width():
    builder = Builder(2)
    a = builder.lut([0, 1], 0b1000)
    b = builder.lut([a, 1, 0], 0b11101000)
    assert builder.lut([0, 1], 0b1000) == a
    c = builder.lut([b], 0b01)
    layers, signal = builder.layers()
    assert [(len(layer), layer.k) for layer in layers] == [(1, 2), (1, 3), (1, 1)]
    assert builder.tree([], "and") != builder.tree([], "or")
    network = LutNetwork(
        encoder_of(Features.integers([0, 0], [1, 1]), [(0, 1), (1, 1)]), layers, Head.bit(int(signal[c])), ("0", "1")
    )
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert network.predict(x).tolist() == [1, 1, 1, 0]
    assert replace(network, head=Head.bit(int(signal[a]))).predict(x).tolist() == [0, 0, 0, 1]
