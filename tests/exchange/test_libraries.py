"""Trees of scikit-learn and XGBoost answer as the library's own `predict`, or the model is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier
from threadpoolctl import threadpool_limits

from lut2hw import data as datasets
from lut2hw import exchange
from lut2hw.cli import main
from lut2hw.errors import UsageError
from lut2hw.exchange import match, trees
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.training.recall import load_like


def make(n=400, classes=3, seed=1):
    """Small whole numbers and labels of which one in seven is wrong: soft leaves, ties, zeros."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 16, (n, 5))
    y = (x[:, 0] + x[:, 1] > 15).astype(int) + (x[:, 2] > 9) * (classes - 2)
    return x, np.where(rng.random(n) < 0.15, (y + 1) % classes, y)


def table(path, x, y, names="abcde"):
    """A .csv of the examples, as a data set."""
    frame = pd.DataFrame(x, columns=list(names))
    frame["label"] = y
    frame.to_csv(path, index=False)
    return datasets.load(path)


class Renamed(RandomForestClassifier):
    """A subclass, which may predict in any way."""


def two():
    return [("a", DecisionTreeClassifier(max_depth=3)), ("b", DecisionTreeClassifier(max_depth=4))]


READ = {
    "tree": DecisionTreeClassifier(max_depth=5),
    "extra tree": ExtraTreeClassifier(max_depth=5, random_state=0),
    "forest": RandomForestClassifier(7, max_depth=4, random_state=0),
    "extra trees": ExtraTreesClassifier(7, max_depth=4, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=5, random_state=0),
    "boosting from zero": GradientBoostingClassifier(n_estimators=4, init="zero", random_state=0),
    "stopped boosting": GradientBoostingClassifier(n_estimators=30, n_iter_no_change=1, random_state=0),
    "histogram": HistGradientBoostingClassifier(max_iter=6, random_state=0),
    "stopped histogram": HistGradientBoostingClassifier(max_iter=30, early_stopping=True, random_state=0),
    "ada": AdaBoostClassifier(n_estimators=12, random_state=0),
    "deep ada": AdaBoostClassifier(ExtraTreeClassifier(max_depth=3), n_estimators=5, random_state=0),
    "bagging": BaggingClassifier(DecisionTreeClassifier(max_depth=4), 9, random_state=0),
    "bagging of columns": BaggingClassifier(
        DecisionTreeClassifier(max_depth=4), 9, max_features=0.5, max_samples=0.3, random_state=0
    ),
    "bagging of columns twice": BaggingClassifier(
        DecisionTreeClassifier(max_depth=4), 9, max_features=0.8, bootstrap_features=True, random_state=0
    ),
    "bagging of few": BaggingClassifier(
        DecisionTreeClassifier(), 9, max_samples=3, random_state=1
    ),  # of some classes
    "bagging of forests": BaggingClassifier(
        RandomForestClassifier(3, max_depth=3), 3, max_features=0.6, max_samples=9, random_state=0
    ),
    "hard voting": VotingClassifier([*two(), ("c", ExtraTreeClassifier(max_depth=6, random_state=0))]),
    "weighted voting": VotingClassifier([*two(), ("c", DecisionTreeClassifier(max_depth=6))], weights=[1, 2, 1.5]),
    "voting without one": VotingClassifier([*two(), ("c", "drop")], weights=[2, 1, 9]),
    "soft voting": VotingClassifier(two(), voting="soft", weights=[1, 5]),
    "soft voting of all": VotingClassifier(
        [
            ("f", RandomForestClassifier(3, max_depth=3, random_state=0)),
            ("b", BaggingClassifier(DecisionTreeClassifier(max_depth=3), 3, max_features=0.5, random_state=0)),
            ("v", VotingClassifier(two(), voting="soft", weights=[3, 1])),
        ],
        voting="soft",
    ),
}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", READ)
def test_scikit_learn_answers(name, classes):
    """On examples that the estimator has not seen; what the network adds is the rounding of leaves alone."""
    x, y = make(classes=classes)
    others = make(seed=2)[0]
    with threadpool_limits(1):
        labels = np.array(["no", "some", "yes"])[y]
        estimator = READ[name].fit(x, labels)
        theirs = estimator.predict(others)
    ensemble = trees.from_sklearn(estimator)
    assert (np.array(ensemble.class_names)[ensemble.predict(others)] == theirs).all()
    assert len(set(theirs)) >= 2  # the comparison is not idle
    network = trees.to_network(ensemble, Features.integers(np.zeros(5), np.full(5, 15)), leaf_bits=14)
    exact = name in ("tree", "extra tree", "hard voting", "voting without one")
    same = np.array(network.class_names)[network.predict(others)] == theirs
    assert same.all() if exact else same.mean() > 0.99


@pytest.mark.parametrize(
    ("estimator", "says"),
    [
        (StackingClassifier(two(), DecisionTreeClassifier(max_depth=2)), "StackingClassifier is not read"),
        (AdaBoostClassifier(LogisticRegression(), n_estimators=2), "AdaBoostClassifier of LogisticRegression"),
        (AdaBoostClassifier(RandomForestClassifier(2), n_estimators=2), "AdaBoostClassifier of RandomForest"),
        (BaggingClassifier(LogisticRegression(), 2), "BaggingClassifier of LogisticRegression"),
        (BaggingClassifier(HistGradientBoostingClassifier(max_iter=2), 2), "BaggingClassifier of HistGradient"),
        (VotingClassifier([("f", RandomForestClassifier(2))]), "VotingClassifier of RandomForestClassifier"),
        (VotingClassifier([*two(), ("l", LogisticRegression())], voting="soft"), "of LogisticRegression is not"),
        (VotingClassifier([("g", GradientBoostingClassifier(n_estimators=2))], voting="soft"), "of GradientBoost"),
        (Renamed(2), "Renamed is not read"),
        (make_pipeline(DecisionTreeClassifier(max_depth=2)), "Pipeline is not read"),
        (HistGradientBoostingClassifier(max_iter=2, categorical_features=[1]), "categorical"),
        (GradientBoostingClassifier(init=DecisionTreeClassifier(max_depth=1), n_estimators=1), "leave init out"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_other_estimators_are_refused_by_name(estimator, says):
    x, y = make(120)
    with threadpool_limits(1):
        estimator.fit(x, y)
    with pytest.raises(UsageError, match=says):
        trees.from_sklearn(estimator)


def test_several_outputs_are_refused():
    x, y = make(120)
    for estimator in (DecisionTreeClassifier(max_depth=2), RandomForestClassifier(2, max_depth=2)):
        with pytest.raises(UsageError, match="one output"):
            trees.from_sklearn(estimator.fit(x, np.stack([y, y > 0], axis=1)))


@pytest.mark.parametrize("estimator", ["histogram", "tree", "forest"])
def test_missing_values(estimator, tmp_path):
    """Trained with missing values: they go where the library sends them, and the network takes none."""
    x, y = make()
    rng = np.random.default_rng(3)
    x = np.where(rng.random(x.shape) < 0.2, np.nan, x)
    others = make(seed=2)[0].astype(float)
    with threadpool_limits(1):
        fitted = READ[estimator].fit(x, y)
        ensemble = trees.from_sklearn(fitted)
        ensemble.save(tmp_path / "t.json")
        again = trees.load(tmp_path / "t.json")
        for examples in (x, others):
            assert (ensemble.predict(examples) == fitted.predict(examples)).all()
            assert (again.predict(examples) == fitted.predict(examples)).all()
        network = trees.to_network(again, Features.integers(np.zeros(5), np.full(5, 15)), leaf_bits=14)
        assert (network.predict(others) == fitted.predict(others)).mean() > 0.995
    with pytest.raises(UsageError, match="missing"):
        network.predict(x)


def test_a_column_that_is_missing_or_not():
    """Histogram boosting may split at infinity: every number to one side, what is missing to the other."""
    rng = np.random.default_rng(0)
    x = np.stack([np.where(rng.random(300) < 0.5, np.nan, 1.0), rng.integers(0, 9, 300)], axis=1)
    y = np.isnan(x[:, 0]).astype(int) ^ (x[:, 1] > 6)
    with threadpool_limits(1):
        fitted = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5).fit(x, y)
        assert any(np.isinf(stage[0].nodes["num_threshold"]).any() for stage in fitted._predictors)
        ensemble = trees.from_sklearn(fitted)
        assert (ensemble.predict(x) == fitted.predict(x)).all()
        numbers = np.nan_to_num(x)
        network = trees.to_network(ensemble, Features.integers([0, 0], [1, 8]), leaf_bits=12)
        assert (network.predict(numbers) == fitted.predict(numbers)).all()


def test_trees_that_do_not_say_where_missing_values_go():
    tree = trees.Tree(*(np.array(each) for each in ([0, -1, -1], [2.0, 0, 0], [1, -1, -1], [2, -1, -1])),
                      np.array([[0.0], [-1], [1]]), (0,))  # fmt: skip
    ensemble = trees.TreeEnsemble((tree,), 1, ("n", "y"), np.zeros(1))
    assert ensemble.predict([[1.0], [3]]).tolist() == [0, 1]
    with pytest.raises(UsageError, match="missing"):
        ensemble.predict([[np.nan]])


# --- names ------------------------------------------------------------------------------------------------------


def test_columns_are_matched_by_name(tmp_path):
    x, y = make()
    frame = pd.DataFrame(x[:, ::-1], columns=list("edcba"))
    tree = DecisionTreeClassifier(max_depth=5).fit(frame, y)
    trees.from_sklearn(tree).save(tmp_path / "t.json")
    made = exchange.read(tmp_path / "t.json", data=table(tmp_path / "d.csv", x, y))
    assert made.network.features.names == tuple("abcde")
    assert (made.network.predict(x) == tree.predict(frame)).all()
    assert made.agreement == {"train": 1.0, "test": 1.0} and made.notes == ()
    with pytest.raises(UsageError, match=r"a feature 'e' that .* does not have .1 of 5.*--by-position"):
        exchange.read(tmp_path / "t.json", data=table(tmp_path / "f.csv", x, y, "abcdf"))
    moved = exchange.read(tmp_path / "t.json", data=table(tmp_path / "f.csv", x, y, "fghij"), by_position=True)
    assert "by position" in moved.notes[0]
    assert (moved.network.predict(x[:, ::-1]) == tree.predict(frame)).all()
    small = DecisionTreeClassifier(max_depth=3).fit(frame[["a", "b"]], y)
    trees.from_sklearn(small).save(tmp_path / "s.json")
    with pytest.raises(UsageError, match="--ignore c,d,e"):
        exchange.read(tmp_path / "s.json", data=table(tmp_path / "d.csv", x, y))


def test_models_and_data_without_names_are_matched_by_position(tmp_path):
    x, y = make()
    tree = DecisionTreeClassifier(max_depth=5).fit(x, y)
    trees.from_sklearn(tree).save(tmp_path / "t.json")
    assert exchange.read(tmp_path / "t.json", data=table(tmp_path / "d.csv", x, y)).agreement["train"] == 1
    trees.from_sklearn(tree.fit(pd.DataFrame(x, columns=list("vwxyz")), y)).save(tmp_path / "n.json")
    np.savez(tmp_path / "d.npz", x_train=x, y_train=y)
    made = exchange.read(tmp_path / "n.json", data=datasets.load(tmp_path / "d.npz"))
    assert made.agreement["test"] == 1 and "by position" in made.notes[0]


def test_classes_are_matched_by_name(tmp_path):
    """As text 10 comes before 2, as a number after it."""
    x, y = make()
    labels = np.array(["10", "9", "2"])[y]
    tree = DecisionTreeClassifier(max_depth=5).fit(x, labels)
    assert tree.classes_.tolist() == ["10", "2", "9"]
    trees.from_sklearn(tree).save(tmp_path / "t.json")
    made = exchange.read(tmp_path / "t.json", data=table(tmp_path / "d.csv", x, labels))
    assert made.network.class_names == ("10", "2", "9")  # so that ties stay the model's
    assert (np.array(made.network.class_names)[made.network.predict(x)] == tree.predict(x)).all()
    score = float((tree.predict(x) == labels).mean())
    assert made.accuracy["train"] == pytest.approx(score, abs=0.1) and score > 0.8
    made.network.save(tmp_path / "m.lut")
    again = load_like(tmp_path / "d.csv", LutNetwork.load(tmp_path / "m.lut"))
    for split, share in made.accuracy.items():  # the same examples, though their classes are numbered otherwise
        x_again, y_again = again.split(split)
        assert (made.network.predict(x_again) == y_again).mean() == pytest.approx(share, abs=1e-6)
    with pytest.raises(UsageError, match=r"classes are '10', '2', '9' but those of .* are '1', '2', '3'"):
        exchange.read(tmp_path / "t.json", data=table(tmp_path / "e.csv", x, y + 1))


def test_class_names_that_only_look_different(tmp_path):
    x, y = make(classes=2)
    tree = DecisionTreeClassifier(max_depth=4).fit(x, y + 1.0)
    ensemble = trees.from_sklearn(tree)
    assert ensemble.class_names == ("1", "2")
    ensemble.renamed(("1.0", "2.0")).save(tmp_path / "t.json")
    made = exchange.read(tmp_path / "t.json", data=table(tmp_path / "d.csv", x, y + 1))
    assert made.network.class_names == ("1", "2") and made.accuracy["train"] > 0.8


def test_numbered_classes_must_fit_the_data(tmp_path):
    x, y = make()
    words = np.array(["good", "fair", "bad"])[y]
    tree = DecisionTreeClassifier(max_depth=5)
    by_name = LabelEncoder().fit(words)  # bad, fair, good
    trees.from_sklearn(tree.fit(x, by_name.transform(words))).save(tmp_path / "t.json")
    data = table(tmp_path / "d.csv", x, words)
    made = exchange.read(tmp_path / "t.json", data=data)
    theirs = by_name.inverse_transform(tree.predict(x))
    assert (np.array(made.network.class_names)[made.network.predict(x)] == theirs).all()
    trees.from_sklearn(tree.fit(x, y)).save(tmp_path / "t.json")  # 0 is good, 2 is bad
    with pytest.raises(UsageError, match="--class-names good,fair,bad"):
        exchange.read(tmp_path / "t.json", data=data)
    made = exchange.read(tmp_path / "t.json", data=data, class_names=["good", "fair", "bad"])
    assert made.agreement["train"] == 1 and made.accuracy["train"] > 0.8
    two_classes = table(tmp_path / "e.csv", x[y < 2], words[y < 2])
    with pytest.raises(UsageError, match=r"3 classes but .* 2"):
        exchange.read(tmp_path / "t.json", data=two_classes)


def test_bad_models_are_not_taken_for_renamed_ones():
    """Of ten classes some order fits answers by chance better than another."""
    rng = np.random.default_rng(0)
    numbers = tuple(map(str, range(10)))
    for _ in range(20):
        y, answers = rng.integers(0, 10, (2, 500))
        assert match.class_names(numbers, tuple("abcdefghij"), y, answers, "the data") == tuple("abcdefghij")
        moved = (y + 1) % 10
        with pytest.raises(UsageError, match="--class-names j,a,b,c,d,e,f,g,h,i"):
            match.class_names(numbers, tuple("abcdefghij"), y, np.where(rng.random(500) < 0.5, moved, answers), "d")


# --- steps ------------------------------------------------------------------------------------------------------


def spread():
    """One column over eight orders of magnitude whose class changes at every half of one."""
    x = 10 ** np.linspace(-3, 5, 160)
    return x[:, None], (np.arange(160) // 10) % 2


@pytest.mark.parametrize("with_data", [True, False])
def test_thresholds_of_all_magnitudes(with_data, tmp_path):
    x, y = spread()
    tree = DecisionTreeClassifier().fit(x, y)
    trees.from_sklearn(tree).save(tmp_path / "t.json")
    data = table(tmp_path / "d.csv", x, y, "a") if with_data else None
    made = exchange.read(tmp_path / "t.json", data=data)
    assert (made.network.predict(x) == tree.predict(x)).all()
    assert made.network.features.widths.max() <= 40
    if with_data:
        assert (data.features.integers_of(x) < 66_000).all()  # 16 bits were not enough
        assert made.agreement == {"train": 1.0, "test": 1.0}


def test_agreement_is_measured_on_numbers_that_nobody_rounded(tmp_path):
    """Steps cannot be fine enough where thresholds differ by a factor of 2**60, and that is said."""
    x = np.concatenate([np.linspace(1e-3, 2e-3, 50), np.linspace(1, 1e15, 50)])[:, None]
    y = (np.arange(100) // 25) % 2
    tree = DecisionTreeClassifier().fit(x, y)
    trees.from_sklearn(tree).save(tmp_path / "t.json")
    made = exchange.read(tmp_path / "t.json", data=table(tmp_path / "d.csv", x, y, "a"))
    answers = made.network.predict(x)
    assert made.agreement["train"] < 0.9
    shares = made.agreement["train"] * 74 + made.agreement["test"] * 26
    assert (answers == tree.predict(x)).sum() == round(shares)


def test_examples_beyond_the_training_range_keep_their_side():
    x, y = make(classes=2)
    tree = DecisionTreeClassifier(max_depth=5).fit(x, y)
    narrow = Features.integers(np.full(5, 6), np.full(5, 9))
    network = trees.to_network(trees.from_sklearn(tree), narrow, examples=x)
    assert (network.predict(x) == tree.predict(x)).all()


# --- XGBoost ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def xgboost():
    return pytest.importorskip("xgboost", reason="the wheel is not on every platform")


def check(model, x, others, path, **options):
    """Margins and answers of the file are the library's own, and so are the network's answers."""
    model.save_model(path)
    ensemble = trees.load(path)
    margin = model.predict(others, output_margin=True).reshape(len(others), -1)
    theirs = np.asarray(model.predict(others))
    theirs = theirs.argmax(axis=1) if theirs.ndim == 2 else theirs
    shift = 0.5 if model.objective == "binary:logitraw" else 0
    assert np.abs(ensemble.scores(others) + shift - margin).max() < 2e-6
    assert (ensemble.predict(others) == theirs).all()
    assert (trees.from_sklearn(model).predict(others) == theirs).all()
    network = trees.to_network(ensemble, Features.integers(x.min(axis=0), x.max(axis=0)), leaf_bits=16)
    assert (network.predict(others) == theirs).mean() > 0.995
    assert len(set(theirs.tolist())) > 1
    return ensemble


@pytest.mark.parametrize(
    ("classes", "options"),
    [
        (2, {}),
        (2, {"objective": "binary:logitraw"}),
        (2, {"objective": "binary:logitraw", "base_score": 0.9}),
        (2, {"objective": "binary:hinge"}),
        (2, {"objective": "binary:hinge", "base_score": 0.7}),
        (2, {"objective": "reg:logistic"}),
        (2, {"base_score": 0.1}),
        (2, {"objective": "multi:softmax", "num_class": 2}),
        (2, {"objective": "multi:softprob", "num_class": 2}),
        (2, {"booster": "dart", "rate_drop": 0.5, "random_state": 1}),
        (2, {"scale_pos_weight": 3}),
        (2, {"num_parallel_tree": 3, "subsample": 0.5}),
        (3, {}),
        (3, {"objective": "multi:softmax"}),
        (3, {"objective": "multi:softprob", "base_score": 0.3}),
        (3, {"booster": "dart", "rate_drop": 0.5, "random_state": 1}),
        (3, {"tree_method": "exact", "grow_policy": "depthwise", "gamma": 1.0}),
        (3, {"tree_method": "approx", "max_leaves": 5, "grow_policy": "lossguide"}),
    ],
)
def test_xgboost_answers(xgboost, tmp_path, classes, options):
    x, y = make(classes=classes)
    others = make(seed=2)[0]
    model = xgboost.XGBClassifier(**{"n_estimators": 6, "max_depth": 3, "n_jobs": 1, **options}).fit(x, y)
    check(model, x, others, tmp_path / "m.json")


def test_xgboost_random_forest(xgboost, tmp_path):
    x, y = make()
    model = xgboost.XGBRFClassifier(n_estimators=5, max_depth=4, n_jobs=1, random_state=0).fit(x, y)
    check(model, x, make(seed=2)[0], tmp_path / "m.json")


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("older", [False, True])
def test_xgboost_early_stopping(xgboost, tmp_path, classes, older):
    x, y = make(classes=classes)
    model = xgboost.XGBClassifier(
        n_estimators=60, max_depth=6, learning_rate=0.8, early_stopping_rounds=3, num_parallel_tree=2, n_jobs=1
    )
    model.fit(x[:200], y[:200], eval_set=[(x[200:], y[200:])], verbose=False)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    ensemble = check(model, x, make(seed=2)[0], tmp_path / "m.json")
    assert len(ensemble.trees) == (model.best_iteration + 1) * 2 * (classes if classes > 2 else 1)
    assert f"the first {model.best_iteration + 1} of" in ensemble.notes[0]
    if older:  # files of before version 2 do not list where rounds begin
        value = json.loads((tmp_path / "m.json").read_text())
        del value["learner"]["gradient_booster"]["model"]["iteration_indptr"]
        (tmp_path / "m.json").write_text(json.dumps(value))
        assert len(trees.load(tmp_path / "m.json").trees) == len(ensemble.trees)


@pytest.mark.parametrize("kind", ["nan", "zero", "sparse"])
def test_xgboost_missing_values(xgboost, tmp_path, kind):
    """A number that counts as missing is not in the file: it is said, or the data show it."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 5, (600, 3))
    y = ((x[:, 0] == 0) | (x[:, 1] > 3)) ^ (x[:, 2] == 0)
    others = rng.integers(0, 5, (300, 3)).astype(float)
    examples = x.astype(float)
    if kind == "nan":
        examples[examples == 0] = np.nan
        others[others == 0] = np.nan
    model = xgboost.XGBClassifier(
        n_estimators=8, max_depth=4, n_jobs=1, missing=0 if kind == "zero" else math.nan, tree_method="hist"
    )
    if kind == "sparse":
        from scipy.sparse import csr_array

        model.fit(csr_array(examples), y)
        theirs = model.predict(csr_array(others))
    else:
        theirs = model.fit(examples, y).predict(others)
    model.save_model(tmp_path / "m.json")
    if kind == "nan":
        assert (trees.load(tmp_path / "m.json").predict(others) == theirs).all()
        return
    assert (trees.load(tmp_path / "m.json").predict(others) != theirs).mean() > 0.1  # it matters
    said = trees.load(tmp_path / "m.json", missing=0)
    assert (said.predict(others) == theirs).all()
    if kind == "zero":
        assert (trees.from_sklearn(model).predict(others) == theirs).all()
    said.save(tmp_path / "t.json")
    assert (trees.load(tmp_path / "t.json").predict(others) == theirs).all()
    data = table(tmp_path / "d.csv", x, y.astype(int), "abc")
    with pytest.raises(UsageError, match="--missing 0 or --missing nan"):
        exchange.read(tmp_path / "m.json", data=data)
    made = exchange.read(tmp_path / "m.json", data=data, missing=0, leaf_bits=12)
    assert (made.network.predict(others) == theirs).all()
    assert made.agreement["train"] == 1 and made.accuracy["train"] > 0.95 and made.notes == ()
    assert exchange.read(tmp_path / "m.json", data=data, missing=math.nan).accuracy["train"] < 0.9  # as told


def test_zeros_may_be_numbers_or_not(xgboost, tmp_path):
    """Where the labels do not say, the import says that it matters."""
    x, y = make(classes=2)
    xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(x, y).save_model(tmp_path / "m.json")
    data = table(tmp_path / "d.csv", x, y)
    assert "--missing 0, else --missing nan" in exchange.read(tmp_path / "m.json", data=data).notes[0]
    assert exchange.read(tmp_path / "m.json", data=data, missing=math.nan).notes == ()
    (tmp_path / "t.blif").write_text(".inputs a\n.outputs f\n.names a f\n1 1\n.end\n")
    with pytest.raises(UsageError, match="missing is for trees"):
        exchange.read(tmp_path / "t.blif", missing=0)
    with pytest.raises(UsageError, match="--by-position out"):
        exchange.read(tmp_path / "m.json", by_position=True)


def test_xgboost_columns_and_labels(xgboost, tmp_path):
    x, y = make()
    words = np.array(["low", "high", "mid"])[y]
    encoder = LabelEncoder().fit(words)
    frame = pd.DataFrame(x, columns=list("abcde"))[list("cebad")]
    model = xgboost.XGBClassifier(n_estimators=5, max_depth=4, n_jobs=1).fit(frame, encoder.transform(words))
    model.save_model(tmp_path / "m.json")
    made = exchange.read(tmp_path / "m.json", data=table(tmp_path / "d.csv", x, words), leaf_bits=14)
    theirs = encoder.inverse_transform(model.predict(frame))
    assert (np.array(made.network.class_names)[made.network.predict(x)] == theirs).all()
    assert made.agreement["test"] == 1


def test_xgboost_labels_in_another_order(xgboost, tmp_path):
    """A `LabelEncoder` of text puts 10 before 2; the file has neither."""
    x, y = make(classes=2)
    words = np.array(["10", "2"])[y]
    model = xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(x, LabelEncoder().fit_transform(words))
    model.save_model(tmp_path / "m.json")
    data = table(tmp_path / "d.csv", x, words)
    assert data.class_names == ("2", "10")
    with pytest.raises(UsageError, match="--class-names 10,2"):
        exchange.read(tmp_path / "m.json", data=data)
    made = exchange.read(tmp_path / "m.json", data=data, class_names=["10", "2"])
    assert made.network.class_names == ("10", "2") and made.accuracy["train"] > 0.8
    command = ["import", str(tmp_path / "m.json"), "--data", str(tmp_path / "d.csv"), "-o", str(tmp_path / "m.lut")]
    assert main(command) == 2 and not (tmp_path / "m.lut").exists()
    assert main([*command, "--class-names", "10,2", "--by-position", "--missing", "nan"]) == 0
    assert (LutNetwork.load(tmp_path / "m.lut").predict(x) == made.network.predict(x)).all()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"objective": "reg:tweedie"}, "reg:tweedie.* is not read"),
        ({"objective": "count:poisson"}, "count:poisson.* is not read"),
        ({"objective": "rank:pairwise"}, "rank:pairwise.* is not read"),
        ({"booster": "gblinear", "objective": "binary:logistic"}, "gblinear"),
        ({"multi_strategy": "multi_output_tree", "objective": "multi:softprob", "num_class": 3}, "vectors"),
        ({"objective": "binary:logitraw"}, "not an XGBClassifier's"),
    ],
)
def test_other_xgboost_models_are_refused_by_name(xgboost, tmp_path, options, says):
    x, y = make(100, classes=3 if "num_class" in options else 2)
    matrix = xgboost.DMatrix(x, y)
    if "rank" in options.get("objective", ""):
        matrix.set_group([len(x)])
    booster = xgboost.train({"nthread": 1} | options, matrix, 2)
    booster.save_model(tmp_path / "m.json")
    with pytest.raises(UsageError, match=says):
        trees.load(tmp_path / "m.json")


def test_xgboost_shapes_that_are_refused(xgboost, tmp_path):
    x, y = make(100, classes=2)
    model = xgboost.XGBClassifier(n_estimators=2, n_jobs=1)
    model.fit(x, np.stack([y, x[:, 3] > 7], axis=1)).save_model(tmp_path / "m.json")
    with pytest.raises(UsageError, match="2 targets"):
        trees.load(tmp_path / "m.json")
    frame = pd.DataFrame(x)
    frame[0] = frame[0].astype("category")
    frame.columns = frame.columns.astype(str)
    model = xgboost.XGBClassifier(n_estimators=2, n_jobs=1, enable_categorical=True)
    model.fit(frame, y).save_model(tmp_path / "m.json")
    with pytest.raises(UsageError, match="categorical"):
        trees.load(tmp_path / "m.json")
    (tmp_path / "m.ubj").write_bytes(b"{L")
    with pytest.raises(UsageError, match=r"save XGBoost and CatBoost models as \.json"):
        exchange.read(tmp_path / "m.ubj")
    with pytest.raises(UsageError, match="reg:gamma' is not read"):
        trees.from_sklearn(xgboost.XGBRegressor(n_estimators=1, objective="reg:gamma").fit(x, y + 1))
