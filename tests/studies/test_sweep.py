"""Sweeps: the grid, the front, going on where one was stopped, and models that `train` makes too."""

from __future__ import annotations

import csv
import json
import re

import pytest
from PIL import Image

from lut2hw.cli import main
from lut2hw.errors import UsageError
from lut2hw.studies import sweep


def row(cells: int, accuracy: float) -> dict:
    return {"logic_cells": cells, "test_accuracy": accuracy}


def test_pareto():
    rows = [row(10, 0.5), row(10, 0.6), row(20, 0.6), row(15, 0.55), row(30, 0.9), row(40, 0.7)]
    assert sweep.pareto(rows) == [row(10, 0.6), row(30, 0.9)]
    assert sweep.pareto([]) == []


def test_grid():
    points = sweep.grid(
        "descent", k=[2, 4], luts=[10], levels=[1, 3], bits_per_feature=[1, 3], threshold=[8.0], seed=[0, 0]
    )
    assert len(points) == 2 * 2 * 3
    assert len({point.key("a") for point in points}) == 12
    assert points[0].key("a") != points[0].key("b")
    assert {(p.options.bits_per_feature, p.options.threshold) for p in points} == {
        ((1,), None),
        ((3,), None),
        (None, 8.0),
    }
    with pytest.raises(UsageError, match="points"):
        sweep.grid("descent", k=range(1, 9), luts=range(1, 2000))


def test_sweep_goes_on_and_agrees_with_train(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = [
        "sweep",
        "--data",
        "digits",
        "--learner",
        "memorize",
        "-k",
        "2,4",
        "--luts",
        "16",
        "--levels",
        "1",
        "--bits-per-feature",
        "1",
        "-j",
        "2",
        "-o",
        "out",
        "--json",
    ]
    assert main(command) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["points"] == 2 and result["failed"] == 0 and 1 <= len(result["front"]) <= 2
    out = tmp_path / "out"
    rows = list(csv.DictReader((out / "sweep.csv").open()))
    assert [r["k"] for r in rows] == ["2", "4"]
    assert all(int(r["logic_cells"]) > 20 and 0 < float(r["test_accuracy"]) <= 1 for r in rows)
    assert (out / "sweep.svg").read_text().count("<path") > 5
    assert "#0101" not in (out / "sweep.svg").read_text()
    with Image.open(out / "sweep.png") as picture:
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 10

    # the same model as train makes
    assert (
        main(
            [
                "train",
                "--data",
                "digits",
                "--learner",
                "memorize",
                "-k",
                "4",
                "--layers",
                "16",
                "--bits-per-feature",
                "1",
                "-o",
                "t.lut",
            ]
        )
        == 0
    )
    assert (tmp_path / "t.lut").read_bytes() == (out / rows[1]["model"]).read_bytes()

    # what is there is not trained again; what is damaged or new is; what cannot be trained says why
    files = sorted((out / "points").glob("*.json"))
    kept, broken = files[1], files[0]
    before = kept.stat().st_mtime_ns
    broken.write_text("{")
    command[command.index("--luts") + 1] = "16,5"  # five are too few for ten classes
    command[command.index("-j") + 1] = "1"
    capsys.readouterr()
    assert main(command) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["points"] == 4 and result["failed"] == 2
    assert kept.stat().st_mtime_ns == before
    assert json.loads(broken.read_text())["error"] is None
    last = list(csv.DictReader((out / "sweep.csv").open()))[3]
    assert last["error"] and not last["model"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-k", "two"], "-k two must be numbers"),
        (["--luts", "0"], "--luts 0 must be numbers"),
        (["--learner", "desent"], "did you mean 'descent'"),
        (["--target", "ice41"], "did you mean 'ice40'"),
        (["--data", "digit"], "did you mean 'digits'"),
        (["--threshold", "99", "-k", "2", "--luts", "20"], "no point"),
    ],
)
def test_bad_sweeps(capsys, tmp_path, arguments, says):
    assert main(["sweep", "-o", str(tmp_path / "s"), "-j", "1", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error.splitlines()[-1] and error.count("error: ") == 1


def test_ctrl_c_keeps_what_is_done(capsys, tmp_path, monkeypatch):
    work, calls = sweep._work, []

    def stopped(*arguments):
        if calls:
            raise KeyboardInterrupt
        calls.append(arguments)
        return work(*arguments)

    monkeypatch.setattr(sweep, "_work", stopped)
    command = [
        "sweep",
        "--learner",
        "memorize",
        "-k",
        "2",
        "--luts",
        "10,20",
        "--levels",
        "1",
        "--bits-per-feature",
        "1",
        "-j",
        "1",
        "-o",
        str(tmp_path / "s"),
    ]
    assert main(command) == 1
    assert "1 of 2 points are done" in capsys.readouterr().err
    monkeypatch.setattr(sweep, "_work", lambda *arguments: calls.append(arguments) or work(*arguments))
    assert main(command) == 0
    assert len(calls) == 2


def test_a_sweep_is_seen_without_a_terminal_and_fits_one(capsys, tmp_path, monkeypatch):
    """A line for each point on stderr; in 80 columns each model is one line of the table."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    command = ["sweep", "--learner", "memorize", "-k", "2,4", "--luts", "10,100", "--levels", "1", "-j", "1"]
    assert main([*command, "--bits-per-feature", "1", "-o", str(tmp_path / "s")]) == 0
    out, err = capsys.readouterr()
    assert [line for line in err.splitlines() if line.startswith("sweep: ")] == [f"sweep: {n} of 4" for n in range(5)]
    lines = re.sub(r"\x1b\[[\d;]*m", "", out).splitlines()
    assert max(map(len, lines[:-1])) <= 80 and "threshold" not in out
    assert sum(line.rstrip().endswith(".lut") and " memorize-k" in line for line in lines) == len(lines) - 3


def test_an_unknown_name_far_from_all_is_told_the_names(capsys, tmp_path):
    assert main(["sweep", "--target", "intel", "-o", str(tmp_path / "s")]) == 2
    error = capsys.readouterr().err
    assert "choose one of: ecp5, gatemate, generic, gowin, ice40" in error and "did you mean" not in error
    assert main(["sweep", "--target", "ICE40", "-o", str(tmp_path / "s")]) == 2
    assert "did you mean 'ice40'" in capsys.readouterr().err
