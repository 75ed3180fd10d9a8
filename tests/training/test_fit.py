"""Networks that fill a device, and the estimate of their logic cells against place and route."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import needs
from sklearn.datasets import load_breast_cancer

from lut2hw import data
from lut2hw.choices import Task
from lut2hw.cli import main
from lut2hw.data import Dataset
from lut2hw.errors import UsageError
from lut2hw.learn.descent import train_descent
from lut2hw.model import encoder as encode
from lut2hw.model.features import Features
from lut2hw.model.network import LutNetwork
from lut2hw.targets.ice40 import ICE40
from lut2hw.training import fill as fit
from lut2hw.training.options import TrainOptions
from lut2hw.training.train import train

has_ice40 = needs.tool("yosys", "nextpnr-ice40", "icepack")
has_ecp5 = needs.tool("yosys", "nextpnr-ecp5", "ecppack")


def wide(features: int, classes: int, bits: int = 20) -> tuple[encode.Encoder, Dataset]:
    """Features whose comparators and input registers cost more than an hx1k has, if all were read."""
    x = np.random.default_rng(0).integers(0, 1 << bits, (400, features))
    y = (x[:, 0] + x[:, 1]) * classes >> (bits + 1)
    space = Features.integers([0] * features, [(1 << bits) - 1] * features)
    dataset = Dataset("wide", space, tuple(map(str, range(classes))), x, y, x[:0], y[:0])
    return encode.thermometer(space, x, 4), dataset


@pytest.mark.slow
def test_the_largest_network_is_near_the_budget() -> None:
    digits = data.load("digits")
    coder = encode.thermometer(digits.features, digits.x_train, 1)
    size = fit.largest(coder, 10, target="ice40", device="hx1k", k=4)
    assert 0.9 * 0.85 * 1280 < size.cells <= 0.85 * 1280
    for device, cells in (("up5k", 5280), ("hx8k", 7680)):
        for options, budget in (
            ({}, ICE40.devices[device].routable),
            ({"local": True}, 0.85 * cells),
            ({"utilization": 0.85}, 0.85 * cells),
            ({"utilization": 0.2}, 0.2 * cells),
        ):
            size = fit.largest(coder, 10, target="ice40", device=device, k=4, **options)
            assert 0.9 * budget < size.cells <= budget <= 0.85 * cells
    with pytest.raises(UsageError, match="hx1"):
        fit.largest(coder, 10, target="ice40", device="hx1", k=4)
    with pytest.raises(UsageError, match="too small"):
        fit.largest(coder, 10, target="ice40", device="lp384", k=4, utilization=0.1)
    with pytest.raises(UsageError, match="--utilization"):
        fit.largest(coder, 10, target="ice40", device="lp384", k=4, utilization=1.1)


def test_votes_read_a_part_of_the_input_where_more_does_not_route() -> None:
    image = (28, 28)
    assert fit.regions_for("ice40", "hx8k", None, image) == {"window": 11}
    assert fit.regions_for("ice40", "up5k", 0.7, (8, 12, 3)) == {"window": 5}
    assert fit.regions_for("ice40", "hx8k", None, None) == {"subspace": 0.5}
    for device, share, shape in (("hx8k", 0.3, None), ("hx8k", 0.3, image), ("hx1k", None, image)):
        assert fit.regions_for("ice40", device, share, shape) == {}
    assert fit.regions_for("ecp5", "12k", None, image) == {}
    with pytest.raises(UsageError, match="--utilization"):
        fit.regions_for("ice40", "hx8k", 2.0, image)
    for shape in (image, None):
        assert not fit.is_local(shape)
        assert [fit.is_local(shape, subspace=share) for share in (0.1, 0.5, 0.6)] == [True, True, False]
    assert [fit.is_local(image, window=side) for side in (0, 1, 11, 12)] == [False, True, True, False]
    assert not fit.is_local(None, window=5)


@pytest.mark.parametrize("classes", [2, 6])
def test_a_costly_encoder_leaves_room_for_the_tables(classes: int) -> None:
    coder, _ = wide(20, classes)
    size = fit.largest(coder, classes, target="ice40", device="hx1k", k=4)
    assert size.cells <= 0.85 * 1280 and size.inputs < len(coder) and size.luts > 200


def test_a_link_is_no_part_of_the_encoder() -> None:
    """A link that takes more than a third of the budget leaves the encoder what it needs."""
    x = np.random.default_rng(1).integers(0, 80, (100, 4))
    space = Features.integers([0] * 4, [79] * 4)
    coder = encode.thermometer(space, x, 8)
    size = fit.largest(coder, 3, target="ice40", device="hx1k", k=4, link="uart")
    assert size.inputs == len(coder) and size.cells <= 0.85 * 1280


def test_what_validation_says_fits_a_device() -> None:
    """Few noisy examples: the largest network learns them by heart, so a small one is taken."""
    rng = np.random.default_rng(2)
    x = rng.integers(0, 16, (150, 6))
    y = ((x[:, 0] > 7) ^ (rng.random(150) < 0.25)).astype(np.int64)
    space = Features.integers([0] * 6, [15] * 6)
    dataset = Dataset("noisy", space, ("no", "yes"), x, y, x[:0], y[:0])
    trained = train(dataset, TrainOptions.of(device="lp384", sweeps=1, bits_per_feature=2))
    sizes = trained.tried["size"]
    assert {name.split()[1] for name in sizes} == {"flat", "deep"} and len(sizes) >= 4
    assert trained.size is not None and trained.size.cells <= 0.85 * 384
    best = max(sizes, key=sizes.__getitem__)
    given = trained.options.given()
    assert best.startswith(f"{given['luts']} ") and (given["votes"] == given["luts"]) == best.endswith("flat")
    assert trained.network.n_luts <= int(best.split()[0])
    fixed = train(dataset, TrainOptions.of(device="lp384", sweeps=1, bits_per_feature=2, levels=1, votes=10))
    assert not fixed.tried


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.MULTILABEL])
def test_a_device_is_filled_with_the_head_of_the_task(task: Task) -> None:
    coder, _ = wide(6, 3, bits=8)
    room = fit.Room(coder, 3, "ice40", "hx1k", 4, task=task)
    size = room.largest()
    network = fit.stand_in(coder, size.luts, size.votes, size.inputs, 4, 3, task)
    assert network.head.kind == {Task.REGRESSION: "number", Task.MULTILABEL: "labels"}[task]
    assert len(network.target_names) == 3 and size.cells == fit.chip_cells(network, "ice40") <= room.budget
    assert size.luts > 100


def test_filled_after_training() -> None:
    """Random tables tell little about trained ones: the size follows the trained network."""
    coder, dataset = wide(6, 3, bits=8)
    sizes: list[int] = []

    def train(size: fit.Size) -> LutNetwork:
        sizes.append(size.luts)
        return train_descent(
            dataset, coder, luts=size.luts, k=4, votes=size.votes, levels=3, inputs=size.inputs, sweeps=1
        )

    room = fit.Room(coder, 3, "ice40", "lp384", 4)
    network, size = fit.fill(train, room)
    assert size.luts in sizes and size.cells == fit.chip_cells(network, "ice40") <= 326
    assert size.cells >= 0.9 * 326 or len(sizes) == fit.ROUNDS
    before, sizes = sizes, []
    _, first = fit.fill(train, room, once=True)
    assert first.luts == sizes[-1] and sizes == before[: len(sizes)]  # the first that fits


def test_an_interrupt_with_nothing_that_fits_is_one() -> None:
    coder, dataset = wide(6, 3, bits=8)

    def train(size: fit.Size) -> LutNetwork:
        return train_descent(dataset, coder, luts=200, k=4, sweeps=1).with_meta(ended="interrupt")

    with pytest.raises(KeyboardInterrupt):
        fit.fill(train, fit.Room(coder, 3, "ice40", "lp384", 4, 0.5))


def built(
    folder: Path,
    source: str,
    target: str,
    device: str,
    utilization: float | None,
    capsys: pytest.CaptureFixture,
    *options: str,
) -> tuple[int, int]:
    """Logic cells of the chip: what `train` says, and what `build` reports."""
    model, core = folder / "m.lut", folder / "core"
    share = [] if utilization is None else ["--utilization", str(utilization)]
    assert (
        main(
            [
                "train",
                "--data",
                source,
                "--target",
                target,
                "--device",
                device,
                *share,
                "--sweeps",
                "2",
                *options,
                "-o",
                str(model),
                "--json",
            ]
        )
        == 0
    )
    estimate = json.loads(capsys.readouterr().out)["logic_cells"]
    assert main(["emit", str(model), "--target", target, "-o", str(core), "--json"]) == 0
    capsys.readouterr()
    assert main(["build", str(core), "--device", device, "--json"]) == 0
    real = json.loads(capsys.readouterr().out)["chip"]["logic_cells"]
    print(f"{source} {' '.join(options)} on {device}: estimate {estimate}, built {real}")  # shown by pytest -rP
    return estimate, real


@pytest.fixture
def cancer(tmp_path: Path) -> str:
    """A file of thirty real features and two classes."""
    frame = load_breast_cancer(as_frame=True).frame.rename(columns={"target": "label"})
    frame.to_csv(tmp_path / "cancer.csv", index=False)
    return str(tmp_path / "cancer.csv")


@has_ice40
@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "device", "utilization", "options"),
    [
        ("digits", "hx1k", 0.85, []),  # argmax, three thresholds a pixel
        ("digits", "hx1k", 0.6, ["--classes", "0,1,2,3,4:5,6,7,8,9"]),  # one popcount against a threshold
        ("cancer", "hx1k", 0.85, []),  # comparators of wide features, a threshold
        ("digits", "up5k", 0.3, []),
        ("digits", "up5k", None, []),  # as full as asked for: squares of the image
        ("cancer", "up5k", None, []),  # no image: subspaces
        ("cancer", "up5k", None, ["--subspace", "0"]),  # any wiring: what has routed
    ],
)
def test_the_estimate_is_what_build_reports_on_ice40(
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    cancer: str,
    source: str,
    device: str,
    utilization: float | None,
    options: list[str],
) -> None:
    estimate, real = built(
        tmp_path, cancer if source == "cancer" else source, "ice40", device, utilization, capsys, *options
    )
    assert abs(estimate - real) <= 0.1 * real


@has_ecp5
@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "options"), [("digits", []), ("digits", ["--classes", "0,1,2,3,4:5,6,7,8,9"]), ("cancer", [])]
)
def test_the_estimate_is_what_build_reports_on_ecp5(
    tmp_path: Path, capsys: pytest.CaptureFixture, cancer: str, source: str, options: list[str]
) -> None:
    estimate, real = built(tmp_path, cancer if source == "cancer" else source, "ecp5", "12k", 0.05, capsys, *options)
    assert abs(estimate - real) <= 0.1 * real
