"""Whether held-out answers are better than chance."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lut2hw.cli import main
from lut2hw.training.signal import LEVEL, beats_chance


def test_chance_passes_as_often_as_it_may() -> None:
    rng = np.random.default_rng(0)
    passed = 0
    for _ in range(400):
        y, scores = rng.integers(0, 3, 40), rng.integers(0, 9, (40, 3))
        passed += beats_chance(scores, scores.argmax(axis=1), y, int(np.bincount(y).argmax()))
    assert passed / 400 < LEVEL + 3 * (LEVEL / 400) ** 0.5


def test_a_rare_class_that_is_never_the_answer_counts() -> None:
    y = np.repeat([0, 1], [95, 5])
    score = np.arange(100)[:, None]  # the rare ones are the last
    assert beats_chance(score, np.zeros(100, int), y, 0)
    assert not beats_chance(-score, np.zeros(100, int), y, 0)
    assert not beats_chance(np.zeros((100, 1), int), np.zeros(100, int), y, 0)


def test_right_answers_count_where_scores_do_not_differ() -> None:
    y = np.repeat([0, 1, 2], [40, 30, 30])
    assert beats_chance(np.zeros((100, 3), int), y, y, 0)


@pytest.mark.parametrize("signal", [True, False])
def test_train_says_that_there_is_none(tmp_path: Path, capsys: pytest.CaptureFixture, signal: bool) -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 9, (120, 3))
    y = (x[:, 0] > 4 if signal else rng.integers(0, 2, 120)).astype(int)
    np.savez(tmp_path / "data.npz", x_train=x[40:], y_train=y[40:], x_test=x[:40], y_test=y[:40])
    command = ["train", "--data", str(tmp_path / "data.npz"), "--luts", "10", "-o", str(tmp_path / "a.lut")]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("no signal") for line in lines) == (not signal)
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["signal"] is signal
