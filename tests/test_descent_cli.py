"""`lut2hw train --learner descent`: options reach the learner, wrong ones are refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lut2hw.cli import main
from lut2hw.model import LutNetwork


def test_trains_and_saves(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "digits.lut"
    assert main(["train", "--learner", "descent", "--luts", "40", "--votes", "20", "--levels", "2", "--sweeps", "2",
                 "-o", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    network = LutNetwork.load(out)
    assert result["luts"] == network.n_luts == 40 and len(network.head.signal) == 20
    assert network.meta["options"]["sweeps"] == 2
    assert result["test_accuracy"] > 0.8


@pytest.mark.parametrize(("arguments", "words"), [
    (["--luts", "5"], "too few"),
    (["--luts", "50", "--device", "hx1k"], "give one of them"),
    (["--device", "hx9k"], "hx8k"),
    (["--device", "hx1k", "--utilization", "2"], "--utilization"),
    (["--luts", "50", "--augment", "flip"], "shift1"),
    (["--luts", "50", "--layers", "8"], "--layers"),
])
def test_wrong_options_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture, arguments: list[str],
                                    words: str) -> None:
    out = tmp_path / "x.lut"
    assert main(["train", "--learner", "descent", *arguments, "-o", str(out)]) == 2
    error = capsys.readouterr().err.strip()
    assert words in error and "\n" not in error
    assert not out.exists()
