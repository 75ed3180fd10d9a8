"""Tables learned for a wiring that is there: everything else stays, and the same bytes come again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lut2hw import cli
from lut2hw.choices import Task
from lut2hw.data.dataset import Dataset
from lut2hw.errors import UsageError
from lut2hw.learn.tasks.registry import TASKS
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork, to_bytes
from lut2hw.sklearn import DescentClassifier
from lut2hw.studies.patch import first_unlike
from lut2hw.training.options import TrainOptions
from lut2hw.training.train import options_of, train


def examples(task: str, seed: int, n: int = 400) -> Dataset:
    """Rows of eight numbers, with answers by a rule that the seed turns."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 16, (n, 8))
    turn = 2 * (seed % 2)
    score = x[:, 0] + x[:, 1 + turn] - x[:, 4]
    names, targets = (), ()
    y = score
    if task in ("two", "three"):
        cuts = [8] if task == "two" else [4, 12]
        y, names = np.digitize(score, cuts), tuple("abc"[: len(cuts) + 1])
    elif task == "labels":
        y, targets = np.stack([score > 8, x[:, 2] > x[:, 3 + turn]], axis=1).astype(int), ("p", "q")
    else:
        y, targets = score.astype(float)[:, None], ("t",)
    kinds = {"labels": Task.MULTILABEL, "numbers": Task.REGRESSION}
    features = Features.integers(np.zeros(8, int), np.full(8, 15))
    return Dataset(
        "made", features, names, x[:-100], y[:-100], x[-100:], y[-100:], {}, (), None,
        kinds.get(task, Task.CLASSIFICATION), targets,
    )  # fmt: skip


CASES = [
    ("three", {"luts": 30, "k": 4}),
    ("two", {"luts": 30, "k": 4, "levels": 3, "votes": 9}),
    ("labels", {"luts": 20, "k": 4}),
    ("numbers", {"luts": 40, "k": 4}),
    ("two", {"layers": (24, 12), "k": 4}),
    ("three", {"layers": (24, 12), "k": 4}),
]


@pytest.mark.parametrize(("task", "options"), CASES)
def test_only_tables_change_and_fit_the_new_examples(task, options, tmp_path):
    old, new = examples(task, 0), examples(task, 1)
    first = train(old, TrainOptions.of(bits_per_feature=(4,), **options)).network
    path = tmp_path / "first.lut"
    first.save(path)
    made = train(new, TrainOptions.of(like=str(path)), threads=1)
    network = made.network
    assert first_unlike(first, network) is None
    assert any((a.tables != b.tables).any() for a, b in zip(first.layers, network.layers, strict=True))
    measure = TASKS[new.task].metrics
    name = TASKS[new.task].measure
    before, after = (measure(each, new.x_train, new.y_train)[name] for each in (first, network))
    assert after > before + 0.02

    # the same bytes on any number of threads, and by the options that the model states
    assert to_bytes(train(new, TrainOptions.of(like=str(path)), threads=2).network) == to_bytes(network)
    stated = options_of(network.meta)
    assert stated is not None and f"--like {path}" in stated.command("made.csv", "x.lut")
    assert to_bytes(train(new, stated).network) == to_bytes(network)


def test_what_does_not_fit_is_refused(tmp_path):
    old = examples("three", 0)
    first = train(old, TrainOptions.of(luts=9, bits_per_feature=(2,))).network
    path = str(tmp_path / "first.lut")
    first.save(path)

    def refused(words, data=old, **options):
        with pytest.raises(UsageError, match=words) as caught:
            train(data, TrainOptions.of(like=path, **options))
        assert "\n" not in str(caught.value)

    refused("leave --luts out", luts=10)
    refused("leave -k out", k=4)
    refused("leave --bits-per-feature out", bits_per_feature=(3,))
    refused("was made by --learner descent", layers=(5, 5))
    refused("other features or classes", examples("two", 0))
    refused("other features or classes", examples("labels", 0))
    with pytest.raises(UsageError, match="keeps no state"):
        train(old, TrainOptions.of(like=path), state=tmp_path / "state", resume=True)
    replace(first, meta={}).save(path)
    refused("was not trained by lut2hw")


def test_the_estimator_and_the_sweep_have_it_too(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(examples("three", 0), TrainOptions.of(luts=12, bits_per_feature=(2,))).network.save("first.lut")
    new = examples("three", 1)
    x, y = new.x_train, np.array(list("abc"))[new.y_train]
    made = DescentClassifier(like="first.lut", random_state=0, calibration=None).fit(x, y)
    first = LutNetwork.load("first.lut")
    assert first_unlike(first, made.network_) is None
    wanted = train(new, TrainOptions.of(like="first.lut")).network
    assert all((a.tables == b.tables).all() for a, b in zip(made.network_.layers, wanted.layers, strict=True))

    rows = ["x0,x1,x2,x3,x4,x5,x6,x7,label"]
    rows += [",".join(map(str, [*row, name])) for row, name in zip(x.tolist(), y.tolist(), strict=True)]
    (tmp_path / "new.csv").write_text("\n".join(rows) + "\n")
    assert cli.main(["train", "--data", "new.csv", "--like", "first.lut", "-o", "second.lut"]) == 0
    second = LutNetwork.load("second.lut")
    assert first_unlike(first, second) is None and "test accuracy" in capsys.readouterr().out
    assert (
        cli.main(["sweep", "--data", "new.csv", "--like", "first.lut", "--sweeps", "1,8", "-j", "1", "-o", "s"]) == 0
    )
    models = [LutNetwork.load(path) for path in (tmp_path / "s" / "points").glob("*.lut")]
    assert len(models) == 2 and all(first_unlike(first, each) is None for each in models)
