"""`lut2hw train --learner descent`: options reach the learner, wrong ones are refused in one line."""

from __future__ import annotations

import contextlib
import json
import re
import signal
from pathlib import Path

import pytest

from lut2hw.cli import main
from lut2hw.model.network import LutNetwork


def test_trains_and_saves(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "digits.lut"
    assert (
        main(
            [
                "train",
                "--learner",
                "descent",
                "--luts",
                "40",
                "--votes",
                "20",
                "--levels",
                "2",
                "--sweeps",
                "2",
                "-o",
                str(out),
                "--json",
            ]
        )
        == 0
    )
    result = json.loads(capsys.readouterr().out)
    network = LutNetwork.load(out)
    assert result["luts"] == network.n_luts == 40 and len(network.head.signal) == 20
    assert network.meta["options"]["sweeps"] == 2
    assert result["test_accuracy"] > 0.8


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--luts", "5"], "too few"),
        (["--luts", "50", "--device", "hx1k"], "give one of them"),
        (["--device", "hx9k"], "hx8k"),
        (["--device", "hx1k", "--utilization", "2"], "--utilization"),
        (["--luts", "50", "--augment", "flop"], "shift1"),
        (["--luts", "50", "--layers", "8"], "--layers"),
    ],
)
def test_wrong_options_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture, arguments: list[str], words: str
) -> None:
    out = tmp_path / "x.lut"
    assert main(["train", "--learner", "descent", *arguments, "-o", str(out)]) == 2
    error = capsys.readouterr().err.strip()
    assert words in error and "\n" not in error
    assert not out.exists()


def test_every_option_as_one_would_type_it(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "digits.lut"
    assert (
        main(
            [
                "train",
                "--learner",
                "descent",
                "--luts",
                "50",
                "-k",
                "4",
                "--sweeps",
                "3",
                "--proposals",
                "192",
                "--tau",
                "2",
                "--augment",
                "shift1",
                "--validation",
                "0.1",
                "--patience",
                "2",
                "--margin",
                "0.5",
                "--time-limit",
                "60",
                "-o",
                str(out),
                "--json",
            ]
        )
        == 0
    )
    text = capsys.readouterr()
    assert text.err == "" and json.loads(text.out)["test_accuracy"] > 0.6  # no progress where there is no terminal
    options = LutNetwork.load(out).meta["options"]
    asked = {
        "sweeps": 3,
        "proposals": 192,
        "tau": 2,
        "augment": "shift1",
        "validation": 0.1,
        "patience": 2,
        "margin": 0.5,
        "time_limit": 60,
    }
    assert {name: options[name] for name in asked} == asked


def test_interrupt_saves_the_best_so_far_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lut2hw.cli import learning as cli

    seen: list[str] = []

    def progress(what: str, done: int, total: int) -> None:
        if what.startswith("votes"):
            seen.append(what)
            if len(seen) == 3:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(cli, "progress_bar", lambda: contextlib.nullcontext(progress))
    out = tmp_path / "digits.lut"
    assert main(["train", "--luts", "40", "--sweeps", "50", "--validation", "0.2", "-o", str(out)]) == 0
    assert "ended early by interrupt" in capsys.readouterr().out
    assert len(seen) == 3
    network = LutNetwork.load(out)
    assert network.meta["ended"] == "interrupt"
    held = [float(re.findall(r"validation (\S+),", what)[0]) for what in seen]
    assert [round(row[4], 4) for row in network.meta["curve"][:3]] == held
    assert network.n_luts == 40 and network.meta["test_accuracy"] > 0.6


def test_the_time_limit_ends_with_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "digits.lut"
    assert (
        main(
            [
                "train",
                "--luts",
                "40",
                "--sweeps",
                "10000",
                "--restarts",
                "10000",
                "--time-limit",
                "0.5",
                "-o",
                str(out),
            ]
        )
        == 0
    )
    assert "ended early by time limit" in capsys.readouterr().out
    assert LutNetwork.load(out).n_luts == 40
