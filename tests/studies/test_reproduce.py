"""The experiments run, write what they promise, and go on without the data of others."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from sklearn.datasets import load_digits

from lut2hw.cli import main
from lut2hw.studies.reproduce import run as reproduce
from lut2hw.studies.reproduce.experiments import EXPERIMENTS


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """scikit-learn's digits in the shape of MNIST."""
    images, y = load_digits().images, load_digits().target
    big = np.kron(np.clip(images * 16, 0, 255), np.ones((3, 3))).astype(np.uint8)
    x = np.pad(big, ((0, 0), (2, 2), (2, 2)))
    np.savez(tmp_path / "mnist.npz", x_train=x[:1300], y_train=y[:1300], x_test=x[1300:], y_test=y[1300:])
    monkeypatch.setenv("LUT2HW_DATA", str(tmp_path))

    def no_network(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setattr("sklearn.datasets.fetch_openml", no_network)
    return tmp_path


def test_quick(stand_in, tmp_path, capsys):
    names = ["lookup", "support", "depth", "boundary", "noise", "mnist-binary", "cifar-binary"]
    out = tmp_path / "out"
    assert main(["reproduce", *names, "--quick", "--json", "-o", str(out)]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    summaries = {each["name"]: each for each in json.loads(printed)["experiments"]}
    assert list(summaries) == names
    assert summaries["cifar-binary"]["status"] == "skipped"
    assert "cifar10 is neither in LUT2HW_DATA" in summaries["cifar-binary"]["line"]
    for name in names[:-1]:
        assert summaries[name]["status"] == "ran"
        rows = list(csv.reader((out / f"{name}.csv").open()))
        assert rows[0] == summaries[name]["columns"]
        assert len(rows) == len(summaries[name]["rows"]) + 1
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert b"</svg>" in (out / f"{name}.svg").read_bytes()
        assert summaries[name]["line"] in (out / f"{name}.md").read_text()
    assert all(name in (out / "reproduction.md").read_text() for name in names)
    assert not (out / "cifar-binary.csv").exists()
    # What the experiments are about, on this small data.
    assert summaries["lookup"]["holds"]
    assert summaries["boundary"]["holds"]
    support = summaries["support"]["rows"]
    assert support[-1][1] > support[0][1] + 0.1


def test_same_bytes_again(stand_in, tmp_path):
    for folder in ("a", "b"):
        reproduce.run(["noise"], tmp_path / folder, quick=True)
    for suffix in ("csv", "md", "svg", "png"):
        assert (tmp_path / "a" / f"noise.{suffix}").read_bytes() == (tmp_path / "b" / f"noise.{suffix}").read_bytes()


def test_errors(stand_in, tmp_path, capsys):
    assert main(["reproduce", "suport", "-o", str(tmp_path / "o")]) == 2
    assert "did you mean 'support'" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["reproduce", "boundary", "--quick", "-o", str(tmp_path / "file")]) == 2
    assert "cannot make the folder" in capsys.readouterr().err
    assert main(["reproduce", "cifar-binary", "--quick", "-o", str(tmp_path / "o")]) == 1
    assert "no experiment could run" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
def test_pairs(stand_in, tmp_path):
    (summary,) = reproduce.run(["pairwise-mnist"], tmp_path / "out", quick=True)
    assert {row[0] for row in summary["rows"]} >= {"memorize, k = 6", "random forest", "logistic regression"}


def test_every_experiment_is_there():
    assert list(EXPERIMENTS) == [
        "lookup",
        "mnist-binary",
        "support",
        "depth",
        "width",
        "random-labels",
        "pairwise-mnist",
        "cifar-binary",
        "pairwise-cifar10",
        "boundary",
        "noise",
    ]


def test_help_names_every_experiment(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    main(["reproduce", "--help"])
    assert ", ".join(EXPERIMENTS) in capsys.readouterr().out
