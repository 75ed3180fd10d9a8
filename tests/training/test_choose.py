"""The number of thresholds per feature, chosen by validation."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from lut2hw import data
from lut2hw.cli import main
from lut2hw.data import Dataset
from lut2hw.errors import UsageError
from lut2hw.learn.descent import train_descent
from lut2hw.learn.memorize import learn as train_memorize
from lut2hw.model import encoder as encode
from lut2hw.model.encoder import Encoder
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.training.choose import AUTO_BITS, ENOUGH, choose, choose_bits, choose_levels, choose_tau

LEARNERS = {
    "descent": partial(train_descent, luts=32, k=1, sweeps=2),
    "memorize": partial(train_memorize, layers=[80], k=1),
}


def bands(n: int = 900, classes: int = 8) -> Dataset:
    """The class is the band of the one feature: it takes `classes` - 1 thresholds to tell."""
    x = np.random.default_rng(1).integers(0, 256, (n, 1))
    y = x[:, 0] * classes // 256
    return Dataset("bands", Features.integers([0], [255]), tuple(map(str, range(classes))), x, y, x[:0], y[:0])


@pytest.mark.parametrize("learner", LEARNERS)
def test_enough_thresholds_are_chosen(learner: str) -> None:
    choice = choose_bits(bands(), LEARNERS[learner], (2, 7))
    assert choice.best == 7 and set(choice.accuracy) == {2, 7}
    assert choice.accuracy[7] > 0.7 and choice.accuracy[2] < 0.5


def test_what_a_learner_refuses_is_left_out() -> None:
    wide = partial(train_memorize, layers=[24], k=6)
    assert set(choose_bits(bands(), wide, (1, 2, 6)).accuracy) == {6}  # 1 and 2 bits are fewer than 6
    with pytest.raises(UsageError, match="encoded input bits"):
        choose_bits(bands(), wide, (1, 2))


def test_of_equals_the_fewest_and_no_encoder_twice() -> None:
    trained: list[int] = []

    def train(part: Dataset, encoder: Encoder) -> LutNetwork:
        trained.append(len(encoder))
        assert len(part.x_test) == 0
        return LEARNERS["descent"](part, encoder)

    two = bands(classes=2)
    easy = replace(two, x_train=two.x_train // 128, features=Features.integers([0], [1]))
    choice = choose_bits(easy, train, AUTO_BITS)
    assert choice.best == 1 and choice.accuracy == {1: 1.0}
    assert trained == [1] * 5  # five folds, as there are few examples; more thresholds are the same code


def test_one_fold_where_examples_abound() -> None:
    judged: list[int] = []

    def train(part: Dataset, encoder: Encoder) -> LutNetwork:
        judged.append(len(part.x_train))
        return LEARNERS["memorize"](part, encoder)

    n = 5 * ENOUGH
    choose_bits(bands(n), train, (2,))
    assert judged == [n - ENOUGH]


def test_same_choice_again_and_errors() -> None:
    digits = data.load("digits")
    few = replace(digits, x_train=digits.x_train[:300], y_train=digits.y_train[:300])
    assert choose_bits(few, LEARNERS["descent"], (1, 2)) == choose_bits(few, LEARNERS["descent"], (2, 1, 1))
    with pytest.raises(UsageError, match="too few"):
        choose_bits(bands(4), LEARNERS["descent"])

    def interrupted(part: Dataset, encoder: Encoder) -> LutNetwork:
        return LEARNERS["descent"](part, encoder).with_meta(ended="interrupt")

    with pytest.raises(KeyboardInterrupt):
        choose_bits(few, interrupted)


@pytest.mark.parametrize("learner", [["--luts", "30", "--sweeps", "1"], ["--layers", "100"]])
def test_the_command_line_chooses(tmp_path: Path, capsys: pytest.CaptureFixture, learner: list[str]) -> None:
    out = tmp_path / "digits.lut"
    assert main(["train", *learner, "--bits-per-feature", "1,3", "-o", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    tried = {int(count): accuracy for count, accuracy in result["tried"]["bits_per_feature"].items()}
    assert set(tried) == {1, 3} and result["bits_per_feature"] == max(tried, key=tried.__getitem__)
    network = LutNetwork.load(out)
    assert network.meta["bits_per_feature"] == result["bits_per_feature"]
    digits = data.load("digits")
    all_bits = encode.thermometer(digits.features, digits.x_train, result["bits_per_feature"])
    codes = set(zip(all_bits.feature.tolist(), all_bits.threshold.tolist(), strict=True))
    assert set(zip(network.encoder.feature.tolist(), network.encoder.threshold.tolist(), strict=True)) <= codes


def test_a_device_is_filled_for_each(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert (
        main(
            [
                "train",
                "--device",
                "lp384",
                "--classes",
                "0:1",
                "--bits-per-feature",
                "1,2",
                "--time-limit",
                "0.1",
                "-o",
                str(tmp_path / "x.lut"),
            ]
        )
        == 0
    )
    text = capsys.readouterr().out
    assert "logic cells of lp384" in text and "bits per feature: held-out accuracy" in text


def noisy(n: int = 1500) -> Dataset:
    """Twelve bits of which one decides, and a third of the labels are wrong."""
    rng = np.random.default_rng(2)
    x = rng.integers(0, 2, (n, 12))
    y = np.where(rng.random(n) < 1 / 3, 1 - x[:, 0], x[:, 0])
    return Dataset("noisy", Features.integers([0] * 12, [1] * 12), ("0", "1"), x, y, x[:0], y[:0])


def test_a_higher_temperature_where_labels_are_noisy() -> None:
    asked: list[float | None] = []

    def train(part: Dataset, tau: float | None) -> LutNetwork:
        asked.append(tau)
        return train_descent(part, encode.fixed(part.features, 1), luts=60, k=4, sweeps=2, tau=tau)

    choice = choose_tau(noisy(), train, (1, 20))
    default = min(choice.accuracy)
    assert asked[0] is None and asked[-1] == pytest.approx(20 * default, abs=1e-4) and len(set(asked)) == 3
    assert choice.best == max(choice.accuracy) and choice.accuracy[choice.best] > choice.accuracy[default]


def test_the_command_line_chooses_a_temperature(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "x.lut"
    assert main(["train", "--luts", "20", "--sweeps", "1", "--tau", "auto", "-o", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    tried = result["tried"]["tau"]
    assert len(tried) == 3 and str(result["tau"]) == max(tried, key=tried.__getitem__)
    assert LutNetwork.load(out).meta["options"]["tau"] == result["tau"]
    for wrong in (["--tau", "warm"], ["--levels", "2.5"], ["--levels", "0"]):
        assert main(["train", *wrong, "-o", str(out)]) == 2
        assert wrong[0].strip("-") in capsys.readouterr().err


def parity(n: int = 1200) -> Dataset:
    """The parity of six of eight bits: votes that read four each tell nothing."""
    x = np.random.default_rng(3).integers(0, 2, (n, 8))
    return Dataset(
        "parity", Features.integers([0] * 8, [1] * 8), ("even", "odd"), x, x[:, :6].sum(axis=1) % 2, x[:0], x[:0, 0]
    )


def test_depth_where_a_table_is_too_small() -> None:
    choice = choose_levels(
        parity(),
        lambda part, levels: train_descent(
            part, encode.fixed(part.features, 1), luts=40, k=4, levels=levels, sweeps=4
        ),
        (1, 3),
    )
    assert choice.best == 3 and choice.accuracy[3] > choice.accuracy[1] + 0.1


def test_the_command_line_chooses_a_depth(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "x.lut"
    assert (
        main(
            [
                "train",
                "--luts",
                "20",
                "--sweeps",
                "1",
                "--classes",
                "0:1",
                "--levels",
                "auto",
                "-o",
                str(out),
                "--json",
            ]
        )
        == 0
    )
    result = json.loads(capsys.readouterr().out)
    assert set(result["tried"]["levels"]) == {"1", "2", "3"}
    assert LutNetwork.load(out).meta["options"]["levels"] == result["levels"]


def test_of_equal_candidates_the_first() -> None:
    made = LEARNERS["memorize"](bands(), encode.thermometer(bands().features, bands().x_train, 3))
    assert choose(bands(), {5: lambda part: made, 2: lambda part: made}).best == 5


@pytest.mark.parametrize("bad", ["0", "x", "1,", "1,999", ""])
def test_wrong_lists_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture, bad: str) -> None:
    assert main(["train", f"--bits-per-feature={bad}", "-o", str(tmp_path / "x.lut")]) == 2
    assert "--bits-per-feature" in capsys.readouterr().err


def test_fewer_are_taken_by_answers_compared_one_by_one() -> None:
    """Two candidates differ in two answers of 400, a third in 40 of them: by the first rule, that many are chance."""
    n = 400
    x = np.arange(n)[:, None]
    dataset = Dataset("made up", Features.integers([0], [n]), ("0", "1"), x, np.ones(n, int), x[:0], np.ones(0, int))
    wrong = {"best": 0, "two": 2, "many": 40}

    network = LEARNERS["memorize"](bands(), encode.thermometer(bands().features, bands().x_train, 3))
    candidates = {name: lambda part: network for name in ("many", "two", "best")}
    judged: list[str] = []

    def gain(network: LutNetwork, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        name = list(candidates)[len(judged) // 5]
        judged.append(name)
        return x[:, 0] >= wrong[name]

    found = {}
    for few in (None, 0.25, 2.0, 100.0):
        judged.clear()
        found[few] = choose(dataset, candidates, few=few, gain=gain).best
    assert found == {None: "best", 0.25: "best", 2.0: "two", 100.0: "many"}
    for few, best in ((100.0, "two"), (2.0, "two"), (0.25, "best")):  # where another gain asks for "two", at least
        judged.clear()
        second = {"many": -9.0, "two": 0.0, "best": 0.0}
        also = lambda network, x, y: np.full(len(x), second[judged[-1]])  # noqa: E731, B023
        assert choose(dataset, candidates, few=few, gain=gain, also=also).best == best
