"""The commands export, import and doctor, run as a user runs them."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from lut2hw import tools
from lut2hw.cli import main
from lut2hw.exchange import trees
from lut2hw.flow import doctor
from lut2hw.model.network import LutNetwork


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "d.lut"
    assert (
        main(
            [
                "train",
                "--data",
                "digits",
                "--learner",
                "memorize",
                "--layers",
                "32",
                "-k",
                "4",
                "--bits-per-feature",
                "1",
                "-o",
                str(path),
            ]
        )
        == 0
    )
    return path


def run(capsys, *arguments) -> dict:
    capsys.readouterr()
    assert main([str(each) for each in arguments] + ["--json"]) == 0
    return json.loads(capsys.readouterr().out)


def fails(capsys, *arguments) -> str:
    capsys.readouterr()
    assert main([str(each) for each in arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize("suffix", ["blif", "aig"])
def test_export_then_import_is_the_same_model(capsys, tmp_path, model, suffix):
    file = tmp_path / f"d.{suffix}"
    assert run(capsys, "export", model, "-o", file)["bytes"] == file.stat().st_size
    made = run(capsys, "import", file, "-o", tmp_path / "again.lut")
    assert made["classes"] == 16  # four bits of class number
    network, again = LutNetwork.load(model), LutNetwork.load(tmp_path / "again.lut")
    x = load_digits().data.astype(np.int64)
    names = again.features.names
    bit = [
        x[:, int(name.split("[")[0].removeprefix("x"))] >> int(name[name.index("[") + 1 : -1]) & 1 for name in names
    ]
    assert (again.predict(np.array(bit).T) == network.predict(x)).all()


def test_export_formats(capsys, tmp_path, model):
    for suffix, says in (("v", "module lut2hw_core"), ("h", "d_classify")):
        run(capsys, "export", model, "-o", tmp_path / f"d.{suffix}")
        assert says in (tmp_path / f"d.{suffix}").read_text()
    run(capsys, "export", model, "--encoded-inputs", "--format", "blif", "-o", tmp_path / "x")
    assert "_ge_" in (tmp_path / "x").read_text()
    assert "at most 16 inputs" in fails(capsys, "export", model, "-o", tmp_path / "d.pla")
    assert not (tmp_path / "d.pla").exists()
    assert "cannot tell the format" in fails(capsys, "export", model, "-o", tmp_path / "d.xyz")
    assert "did you mean 'blif'" in fails(capsys, "export", model, "-o", tmp_path / "d", "--format", "blief")
    assert "PLA files only" in fails(capsys, "export", model, "-o", tmp_path / "d.v", "--dont-cares")


def test_import_trees_with_data(capsys, tmp_path):
    x, y = load_digits(return_X_y=True)
    forest = RandomForestClassifier(5, max_depth=4, random_state=0).fit(x, y)
    trees.from_sklearn(forest).save(tmp_path / "forest.json")
    made = run(capsys, "import", tmp_path / "forest.json", "--data", "digits", "-o", tmp_path / "f.lut")
    assert made["test_agreement"] >= 0.98
    result = run(capsys, "eval", tmp_path / "f.lut")
    assert result["accuracy"] == made["test_accuracy"] > 0.7
    # and on to hardware like any model
    run(capsys, "emit", tmp_path / "f.lut", "-o", tmp_path / "core")
    checked = run(capsys, "verify", tmp_path / "core", "--engine", "golden")
    assert checked["passed"] and checked["vectors"] >= 450
    assert "imported from scikit-learn RandomForestClassifier" in report_of(capsys, tmp_path / "core")


def report_of(capsys, path) -> str:
    return Path(run(capsys, "report", path, "-o", f"{path}.html")["file"]).read_text()


def test_import_refuses(capsys, tmp_path):
    (tmp_path / "a.blif").write_text(".model m\n.inputs a\n.outputs y\n.names a y\n1 1\n")
    assert "reads 1 inputs" in fails(
        capsys,
        "import",
        tmp_path / "a.blif",
        "--data",
        "digits",
        "--classes",
        "0,1,2,3,4:5,6,7,8,9",
        "-o",
        tmp_path / "a.lut",
    )
    assert "cannot tell the format" in fails(capsys, "import", tmp_path / "a.pkl", "-o", tmp_path / "a.lut")
    (tmp_path / "e.npz").write_bytes(b"")
    assert "NumPy archive" in fails(capsys, "import", tmp_path / "e.npz", "-o", tmp_path / "a.lut")
    assert not (tmp_path / "a.lut").exists()


def test_doctor_knows_every_tool():
    assert set(tools.INSTALL) | set(tools.YOWASP) <= set(doctor.TOOLS)


def test_doctor_knows_every_library():
    """All that pyproject.toml asks for, in every extra, and what each extra is for."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    asked = sum(project["optional-dependencies"].values(), project["dependencies"])
    names = {re.match(r"[\w-]+", each)[0] for each in asked} - {"lut2hw"}
    assert names <= {entry.name for entry in doctor.libraries()}
    assert set(project["optional-dependencies"]) | {""} == set(doctor.PURPOSE)


def test_doctor(capsys, monkeypatch):
    monkeypatch.setattr(tools, "find", lambda name: None)
    result = run(capsys, "doctor")
    assert {entry["name"]: entry["version"] for entry in result["libraries"]}["numpy"] == np.__version__
    assert all(entry["version"] is None and entry["hint"] and entry["needed_for"] for entry in result["tools"])
    main(["doctor"])
    assert "missing" in capsys.readouterr().out
