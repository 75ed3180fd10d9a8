"""Folded cores of one network side by side."""

from __future__ import annotations

import json

import pytest
from helpers import needs
from helpers.networks import vote_network

from lut2hw import cli
from lut2hw.errors import UsageError
from lut2hw.studies import folds as study
from lut2hw.studies.folds import WIDTHS, draw, folds

needs_chip = needs.tool("yosys", "nextpnr-ice40", "icepack")


def test_every_core_is_in_the_picture():
    rows = [
        {"fold": fold, "logic_cells": cells, "ram": 8, "clocks": clocks, "examples_per_second": 50_000_000 // clocks}
        for fold, cells, clocks in ((1, 117, 373), (4, 190, 95), (None, 340, 1))
    ]
    svg, png = draw(rows, "ice40")
    assert png.startswith(b"\x89PNG") and all(
        words in svg for words in ("1: 8 RAMs, 373 clocks", "4: 8 RAMs, 95 clocks", "unfolded: 8 RAMs, 1 clock")
    )
    assert WIDTHS == (1, 2, 4, 8, 16, None)


def test_a_core_that_cannot_be_built_says_why(tmp_path, monkeypatch):
    def fails(*arguments, **options):
        raise UsageError("too big")

    monkeypatch.setattr(study, "build", fails)
    with pytest.raises(UsageError, match="no core could be built; the first says: too big"):
        folds(vote_network(9, 4, 3), tmp_path, widths=(1,))
    assert not list(tmp_path.iterdir())


def test_options_of_a_training_are_refused(tmp_path, capsys):
    vote_network(9, 4, 3).save(tmp_path / "m.lut")
    assert cli.main(["sweep", "--fold", str(tmp_path / "m.lut"), "--luts", "3", "-o", str(tmp_path / "o")]) == 2
    assert "--luts has no effect" in capsys.readouterr().err


@needs_chip
@pytest.mark.slow
def test_cells_rise_and_clocks_fall(tmp_path, capsys):
    vote_network(30, 4, 3).save(tmp_path / "m.lut")
    arguments = ["sweep", "--fold", str(tmp_path / "m.lut"), "--device", "hx8k", "-o", str(tmp_path / "o"), "--json"]
    assert cli.main(arguments) == 0
    cores = json.loads(capsys.readouterr().out)["cores"]
    assert [core["fold"] for core in cores] == list(WIDTHS)
    wide = next(core for core in cores if core["fold"] == 16)
    assert "block RAMs, hx8k has" in wide["error"]  # 64 for the signals alone
    cores.remove(wide)
    assert not any(core["error"] for core in cores)
    assert [core["clocks"] for core in cores] == sorted((core["clocks"] for core in cores), reverse=True)
    folded = [core["logic_cells"] for core in cores if core["fold"]]
    assert min(folded) == folded[0] and cores[-1]["clocks"] == 1
    assert (tmp_path / "o" / "folds.svg").exists() and (tmp_path / "o" / "folds.png").exists()
