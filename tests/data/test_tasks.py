"""Labels as each task has them: numbers, several labels, what is normal; and the weights of examples."""

from __future__ import annotations

import numpy as np
import pytest

from lut2hw import data
from lut2hw.choices import Task
from lut2hw.data.weights import integer_weights
from lut2hw.errors import UsageError
from lut2hw.training.options import TrainOptions
from lut2hw.training.train import train

HEADER = "a,b,num,num2,m1,m2,w,state"


def rows(n=120):
    return [
        f"{i % 7},{i % 5}.5,{i * 0.5 - 9},{i % 3},{i % 2},{'yes' if i % 4 else 'no'},{1 + i % 3},"
        + ("bad" if i % 10 == 9 else "ok")
        for i in range(n)
    ]


@pytest.fixture
def path(tmp_path):
    return written(tmp_path, rows())


def written(tmp_path, lines, header=HEADER, name="t.csv"):
    path = tmp_path / name
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def refused(path, message, **options):
    with pytest.raises(UsageError, match=message) as caught:
        data.load(path, **options)
    assert "\n" not in str(caught.value)


def same(path, dataset):
    """Read again by its own schema."""
    again = data.load(path, like=dataset.schema)
    assert (again.task, again.class_names, again.target_names) == (
        dataset.task,
        dataset.class_names,
        dataset.target_names,
    )
    for name in ("x_train", "x_test", "y_train", "y_test"):
        assert (getattr(again, name) == getattr(dataset, name)).all()
    assert again.options == dataset.options
    if dataset.weight_train is not None:
        assert (again.weight_train == dataset.weight_train).all()


def test_numbers(path):
    one = data.load(path, task="regression", label="num", ignore="num2,m1,m2,w,state")
    assert one.task is Task.REGRESSION and one.target_names == ("num",) and one.class_names == ()
    assert one.y_train.dtype == np.float64 and one.y_train.shape == (90, 1) and one.y_test.shape == (30, 1)
    assert sorted(np.concatenate([one.y_train, one.y_test])[:, 0]) == [i * 0.5 - 9 for i in range(120)]
    x, y = one.split("all")  # each label stays with its row
    i = ((y[:, 0] + 9) * 2).astype(int)
    assert (x[:, 0] == i % 7).all()
    same(path, one)
    two = data.load(path, task=Task.REGRESSION, label='"num2", num', test_split="last:0.25")
    assert two.target_names == ("num2", "num") and "num" not in two.features.names
    assert two.y_test[:, 1].tolist() == [i * 0.5 - 9 for i in range(90, 120)]
    same(path, two)
    by_place = data.load(path, task="regression", label="2,3")
    assert by_place.target_names == ("num", "num2")


def test_numbers_with_decimal_commas_and_truth_values(tmp_path):
    lines = [f"{i % 7};{i},25;{'TRUE' if i % 3 else 'FALSE'}" for i in range(40)]
    path = written(tmp_path, lines, "a;b;c")
    dataset = data.load(path, task="regression", label="b,c")
    _, y = dataset.split("all")
    assert sorted(y[:, 0]) == [i + 0.25 for i in range(40)] and set(y[:, 1]) == {0.0, 1.0}


def test_several_labels(path):
    dataset = data.load(path, task="multilabel", label="m1,m2", weight="w")
    assert dataset.target_names == ("m1", "m2") and dataset.y_train.dtype == np.uint8
    assert np.concatenate([dataset.y_train, dataset.y_test]).sum(axis=0).tolist() == [60, 90]
    assert "w" not in dataset.features.names and sorted(set(dataset.weight_train)) == [1, 2, 3]
    same(path, dataset)


def test_what_is_normal(path, tmp_path):
    dataset = data.load(path, task="anomaly", label="state", normal="ok")
    assert dataset.class_names == ("normal", "anomaly") and not dataset.y_train.any()
    assert dataset.y_test.sum() == 12 and len(dataset.y_test) == 12 + 27 and len(dataset.y_train) == 81
    same(path, dataset)
    last = data.load(path, task="anomaly", label="state", normal="ok", test_split="last:0.1")
    assert not last.y_train.any() and last.y_test.sum() == 12 and len(last.y_train) == 108 - 10
    whole = data.load(path, task="anomaly", ignore="state")
    assert not whole.y_train.any() and not whole.y_test.any() and len(whole.y_test) == 30
    assert any("no anomaly to test with" in note for note in whole.notes)
    same(path, whole)
    other = written(tmp_path, rows(20), name="other.csv")
    found = data.load(other, like=dataset.schema)
    assert found.y_test.tolist() == [int(i % 10 == 9) for i in range(20)]
    tested = data.load(path, task="anomaly", label="state", normal="ok", test_data=other)
    assert len(tested.y_train) == 108 and tested.y_test.sum() == 2
    assert "12 of 120 rows to train on are not normal and are left out" in tested.notes
    several = data.load(path, task="anomaly", label="num2", normal="0,2")
    assert several.y_test.sum() == 40


def test_weights(path, tmp_path):
    dataset = data.load(path, label="state", weight="w")
    a = dataset.x_train[:, dataset.features.names.index("num")]
    i = (a + 90) / 5  # tenths
    assert (dataset.weight_train == 1 + i % 3).all()
    zeros = written(tmp_path, [row.replace(",1,ok", ",0,ok") for row in rows()], name="z.csv")
    lighter = data.load(zeros, label="state", weight="w")
    assert lighter.weight_train.min() > 0 and len(lighter.y_train) < len(dataset.y_train)
    part = dataset.training(np.arange(5))
    assert len(part.weight_train) == len(part.y_train) == len(part.x_train) == 5 and not len(part.y_test)
    assert data.load(path, label="state").weight_train is None
    wrong = written(tmp_path, [*rows(), "1,2,3,4,1,no,-2,ok"], name="n.csv")
    refused(wrong, "line 122 has -2 in column 'w'; weights", label="state", weight="w")
    refused(path, "weight column 'm2' holds 'no', which is no number", label="state", weight="m2")
    refused(path, "--weight", label="state", weight="state")
    with pytest.raises(UsageError, match="--weight is for"):
        data.load("digits", weight="w")


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ([1, 2, 255], [1, 2, 255]),
        ([0.5, 1.5, 0], [1, 3, 0]),
        ([2, 3], [2, 3]),
        ([1000, 1000], [1, 1]),
        ([1e-9, 1e9], [1, 255]),
        ([np.pi, 1], [255, 81]),
    ],
)
def test_integer_weights(given, whole):
    assert integer_weights(given).tolist() == whole


@pytest.mark.parametrize("wrong", [[-1, 1], [np.nan, 1], [np.inf], [0, 0]])
def test_what_is_no_weight(wrong):
    with pytest.raises(UsageError, match="weight"):
        integer_weights(wrong)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "regression", "label": "state"}, "line 2: the label column 'state' holds 'ok', which is no number"),
        ({"task": "regression", "label": "num", "classes": "1:2"}, "--classes .* leave it out of --task regression"),
        ({"task": "multilabel", "label": "m1,num"}, "'num' holds '-9.0'; --task multilabel takes columns of 0 and 1"),
        ({"task": "multilabel", "label": "m1,m1"}, "names a column twice"),
        ({"task": "multilabel", "label": "m1,m3"}, "unknown label column .*'m3'"),
        ({"task": "anomaly", "label": "state"}, "which value of --label state is normal.*--normal VALUE"),
        ({"task": "anomaly", "label": "state", "normal": "okk"}, "did you mean 'ok'"),
        ({"task": "anomaly", "label": "state", "normal": "ok", "classes": "ok:bad"}, "--classes"),
        ({"label": "state", "normal": "ok"}, "--normal is for --task anomaly"),
        ({"label": "m1,m2"}, "--label m1,m2 names 2 columns.*--task regression or multilabel"),
        ({"label": "num"}, "classes, not reals, which --task regression learns"),
        ({"task": "guess", "label": "num"}, "unknown task 'guess'"),
    ],
)
def test_what_does_not_go_together(path, options, message):
    refused(path, message, **options)


def test_labels_that_are_missing_or_all_the_same(tmp_path):
    gap = written(tmp_path, ["1,2,,3,0,no,1,ok", *rows()])
    refused(gap, "line 2 has no value in column 'num'", task="regression", label="num")
    assert len(data.load(gap, task="regression", label="num", drop_missing=True).split("all")[1]) == 120
    refused(gap, "line 2 has no value in column 'num'", task="regression", label="num2,num")
    gap = written(tmp_path, ["1,2,3,3,0,?,1,ok", *rows()])
    refused(gap, "line 2 has no value in column 'm2'", task="multilabel", label="m1,m2")
    flat = written(tmp_path, [f"{i},{i % 3},4" for i in range(50)], "a,b,c")
    for task, label in (("regression", "c"), ("regression", "b,c")):
        refused(flat, "label 'c' of .* is 4 in every row", task=task, label=label)
    labelled = written(tmp_path, [f"{i % 9},{i % 3},4" for i in range(50)], "a,b,label")
    refused(labelled, "a column 'label'.*--normal VALUE, or --ignore label", task="anomaly")


def test_arrays(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 4)), rng.normal(size=(50, 2))
    np.savez(tmp_path / "t.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    dataset = data.load(tmp_path / "t.npz", task="regression")
    assert dataset.target_names == ("y0", "y1") and (dataset.y_test == y[40:]).all()
    same(tmp_path / "t.npz", dataset)
    refused(tmp_path / "t.npz", "shapes.*one label per example; several are for")
    np.savez(tmp_path / "t.npz", x_train=x, y_train=y[:, 0])
    dataset = data.load(tmp_path / "t.npz", task="regression")
    assert dataset.target_names == ("y",) and dataset.y_train.shape == (38, 1)
    np.savez(tmp_path / "t.npz", x_train=x, y_train=(y > 0))
    assert data.load(tmp_path / "t.npz", task="multilabel").y_train.shape == (38, 2)
    refused(tmp_path / "t.npz", "expected|shapes", task="anomaly", normal="True")
    np.savez(tmp_path / "t.npz", x_train=x, y_train=np.where(y[:, 0] > 0, "good", "bad"))
    dataset = data.load(tmp_path / "t.npz", task="anomaly", normal="good")
    assert dataset.y_test.sum() == (y[:, 0] <= 0).sum() and not dataset.y_train.any()
    refused(tmp_path / "t.npz", "must be numbers for --task regression", task="regression")
    np.savez(tmp_path / "t.npz", x_train=x, x_test=x)
    whole = data.load(tmp_path / "t.npz", task="anomaly")
    assert len(whole.y_train) == len(whole.y_test) == 50
    same(tmp_path / "t.npz", whole)


def test_outputs_of_a_function(tmp_path):
    path = tmp_path / "t.pla"
    lines = [f"{i:03b} {i & 1}{i >> 2}{'-' if i == 7 else i >> 1 & 1}" for i in range(8)]
    path.write_text("\n".join([".i 3", ".o 3", ".ob p q r", *lines, ".e"]))
    all_ = data.load(path, task="multilabel")
    assert all_.target_names == ("p", "q", "r") and len(all_.split("all")[1]) == 7
    two = data.load(path, task="multilabel", label="q,p")
    x, y = two.split("all")
    assert two.target_names == ("q", "p") and len(y) == 8
    assert (y[:, 0] == x[:, 0]).all() and (y[:, 1] == x[:, 2]).all()


def test_every_task_has_a_learner(path):
    trained = train(data.load(path, task="anomaly", ignore="state"), TrainOptions.of(luts=10, sweeps=1))
    assert trained.network.class_names == ("normal", "anomaly")
    with pytest.raises(UsageError, match="--task anomaly"):
        train(data.load(path, task="anomaly", ignore="state"), TrainOptions.of("memorize"))
