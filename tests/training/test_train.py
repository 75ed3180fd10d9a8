"""One training for all: options described once, and the command that repeats it."""

from __future__ import annotations

import dataclasses
import inspect
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st

from lut2hw import (
    DescentClassifier,
    DescentOutlierDetector,
    DescentRegressor,
    MemorizeClassifier,
    choices,
    data,
    effects,
)
from lut2hw.cli import main
from lut2hw.errors import UsageError
from lut2hw.flags import flags
from lut2hw.learn.descent_options import DescentOptions
from lut2hw.learn.learners.memorize import MemorizeOptions
from lut2hw.learn.registry import LEARNERS
from lut2hw.model.network import LutNetwork, to_bytes
from lut2hw.report.page import train_command
from lut2hw.sklearn.parameters import CALIBRATION, OWN, WARM_START
from lut2hw.training.choose import FEW
from lut2hw.training.fill import LINK_CELLS, chip_cells
from lut2hw.training.options import Place, TrainOptions, all_flags
from lut2hw.training.train import options_of, train

SMALL: dict[str, st.SearchStrategy[Any]] = {
    "luts": st.sampled_from([9, 14]),
    "votes": st.sampled_from([3, 6]),
    "levels": st.sampled_from([1, 2, "auto"]),
    "share": st.booleans(),
    "sweeps": st.sampled_from([1, 2]),
    "restarts": st.just(1),
    "inputs": st.sampled_from([0, 7]),
    "window": st.sampled_from([0, 2]),
    "subspace": st.sampled_from([0.0, 0.5]),
    "proposals": st.just(3),
    "tau": st.sampled_from([0.7, 1 / 3, "auto"]),
    "augment": st.sampled_from(["shift1", "flip"]),
    "validation": st.just(0.2),
    "patience": st.sampled_from([1, 3]),
    "margin": st.sampled_from([0.1, 1e-7]),
    "loss": st.sampled_from(["absolute", "quantile:0.3"]),
    "class_weight": st.sampled_from(["balanced", "equal"]),
    "teacher": st.sampled_from(["linear", "none"]),
    "time_limit": st.just(1e6),
    "layers": st.sampled_from([(3,), (4, 3), ()]),
    "clip_k": st.booleans(),
    "k": st.sampled_from([1, 2, 3]),
    "seed": st.sampled_from([1, 1 << 40]),
    "threshold": st.sampled_from([2.0, 1.5]),
    "bits_per_feature": st.sampled_from([1, (1, 2), (3, 5), "auto"]),
}
"""Values of every option but those of a device to fill."""


TASKS = {
    "table.csv": "classification",
    "images.npz": "classification",
    "numbers.npz": "regression",
    "labels.npz": "multilabel",
    "normal.npz": "anomaly",
}
"""Task of each file of the folder."""


def test_every_option_is_tried() -> None:
    assert set(SMALL) == set(all_flags()) - {"device", "target", "board", "link", "utilization", "like"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of three classes, images of two, and data of the other tasks."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    x = rng.integers(0, 6, (60, 6))
    y = (x[:, 0] + x[:, 1]) // 4
    lines = [",".join(map(str, [*row, label])) for row, label in zip(x, y, strict=True)]
    (folder / "table.csv").write_text("\n".join(["a,b,c,d,e,f,label", *lines]) + "\n")
    images = rng.integers(0, 4, (60, 4, 4))
    labels = (images[:, 0, 0] > 1).astype(int)
    for name, answers in (("numbers", x[:, :2] / 3), ("labels", x[:, :2] > 2), ("normal", np.zeros(60, int))):
        np.savez(folder / f"{name}.npz", x=x, y=answers)
    np.savez(folder / "images.npz", x_train=images[:45], y_train=labels[:45], x_test=images[45:], y_test=labels[45:])
    return folder


def repeats(network: LutNetwork, folder: Path) -> bool:
    """Whether the command that a report prints makes this model, byte for byte."""
    again = folder / "again.lut"
    again.unlink(missing_ok=True)
    command = train_command(network, str(again))
    assert command is not None
    assert main(shlex.split(command)[1:]) == 0, command
    return again.read_bytes() == to_bytes(network)


@settings(
    derandomize=True,
    max_examples=30,
    deadline=None,
    phases=[Phase.generate],  # a failing example is small as it is, and shrinking trains thousands of times
    suppress_health_check=list(HealthCheck),
    database=None,
)
@given(
    learner=st.sampled_from(list(LEARNERS)),
    name=st.sampled_from([*TASKS]),
    values=st.fixed_dictionaries({}, optional=SMALL),
)
def test_the_command_of_a_report_repeats_the_model(folder: Path, learner: str, name: str, values: dict) -> None:
    known = {**flags(LEARNERS[learner].Options), **flags(TrainOptions)}
    values = {key: value for key, value in values.items() if key in known}
    if learner == "descent":
        values = {"luts": 9, "sweeps": 1, **values}
    if "threshold" in values:
        values.pop("bits_per_feature", None)
    if "window" in values:
        values.pop("subspace", None)
    if "validation" not in values:
        values.pop("patience", None)
    task = TASKS[name]
    for key, fits in {
        "window": name == "images.npz",
        "augment": name == "images.npz",
        "loss": task == "regression",
        "tau": task != "regression",
        "class_weight": task == "classification",
        "teacher": name == "table.csv" and "validation" not in values,
    }.items():
        if not fits:
            values.pop(key, None)
    try:
        trained = train(data.load(str(folder / name), task=task), TrainOptions.of(learner, **values))
    except UsageError:
        reject()
    assert repeats(trained.network, folder)


@pytest.mark.parametrize("more", [{}, pytest.param({"levels": "auto"}, marks=pytest.mark.slow)])
def test_the_command_of_a_filled_device_repeats_the_model(folder: Path, more: dict) -> None:
    options = TrainOptions.of(
        device="lp384", utilization=0.4, sweeps=1, bits_per_feature=1, subspace=0.5, tau=1.0, **more
    )
    trained = train(data.load(str(folder / "table.csv")), options)
    assert trained.size is not None and trained.network.n_luts <= trained.size.luts
    assert repeats(trained.network, folder)


def test_a_board_leaves_room_for_its_link(folder: Path) -> None:
    dataset = data.load(str(folder / "table.csv"))
    assert TrainOptions.of(board="icestick").place == Place("ice40", "hx1k", "uart")
    assert TrainOptions.of(device="12k", target="ecp5", link="spi").place == Place("ecp5", "12k", "spi")
    options = {"board": "icestick", "utilization": 0.5, "sweeps": 1, "tau": 1.0, "bits_per_feature": 1}
    trained = train(dataset, TrainOptions.of(**options))
    assert trained.size is not None
    core = chip_cells(trained.network, "ice40", "uart") - LINK_CELLS["uart"]
    assert core + LINK_CELLS["uart"] == trained.size.cells <= 640 and core < 300
    with pytest.raises(UsageError, match="unknown board"):
        TrainOptions.of(board="icestik")
    with pytest.raises(UsageError, match="not both"):
        TrainOptions.of(board="icestick", device="hx1k")


def test_closed_choices_are_those_of_the_registries() -> None:
    from lut2hw.compile.options import EFFORTS, RAM
    from lut2hw.hdl.links.registry import LINKS
    from lut2hw.targets.registry import TARGETS
    from lut2hw.targets.vendors import VENDORS
    from lut2hw.verify.engines import ENGINES

    for kind, known in (
        (choices.Family, TARGETS),
        (choices.Link, LINKS),
        (choices.VendorTool, VENDORS),
        (choices.Engine, ENGINES),
        (choices.Effort, EFFORTS),
        (choices.Ram, RAM),
    ):
        assert list(kind) == list(known)


def test_every_number_of_every_command_has_bounds(capsys: pytest.CaptureFixture) -> None:
    import typer

    from lut2hw.cli.entry import app

    numeric = 0
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for param in command.params:
            if param.type_descriptor.annotation in (int, float) and (name, param.name) != ("import", "missing"):
                numeric += 1
                assert param.min is not None and param.max is not None, (name, param.name)
    assert numeric > 10
    assert main(["wrap", "x", "--clock-mhz", "nan"]) == 2
    assert "--clock-mhz" in capsys.readouterr().err


def test_luts_of_a_table_are_chosen(folder: Path) -> None:
    dataset = data.load(str(folder / "table.csv"))
    trained = train(dataset, TrainOptions.of(sweeps=1, tau=1.0))
    tried = trained.tried["luts"]
    best = max(tried.values())
    assert trained.options.learning.luts == trained.network.n_luts in tried
    # answers alone may do with fewer, but not probabilities
    assert any(
        tried[luts] >= best - FEW / len(dataset.y_train) ** 0.5 - 1e-6
        for luts in tried
        if luts <= trained.network.n_luts
    )
    assert repeats(trained.network, folder)
    images = data.load(str(folder / "images.npz"))
    assert train(images, TrainOptions.of(sweeps=1, tau=1.0)).network.n_luts == 500
    assert train(dataset, TrainOptions.of(sweeps=1, tau=1.0, votes=20)).tried == {}


def test_options_of_a_model_are_those_it_was_trained_with(folder: Path) -> None:
    options = TrainOptions.of(layers=(5, 4), k=2, seed=3, bits_per_feature=(2,))
    trained = train(data.load(str(folder / "table.csv")), options)
    assert options_of(trained.network.meta) == options == trained.options
    assert trained.accuracy.keys() == {"train", "test"} and trained.ended == "done" and trained.seconds > 0
    for meta in ({}, {"learner": "x"}, {"learner": "descent", "luts": "many"}, {"imported": "x"}, None):
        assert options_of(meta) is None


def test_the_learner_is_the_one_that_has_the_options() -> None:
    assert TrainOptions.of(luts=5) == TrainOptions(DescentOptions(luts=5))
    assert TrainOptions.of(layers=[7, 6], seed=None).learning == MemorizeOptions((7, 6))
    assert TrainOptions.of().learner.name == "descent"
    with pytest.raises(UsageError, match="--luts is an option of --learner descent"):
        TrainOptions.of(luts=5, layers=(5,))
    with pytest.raises(UsageError, match="--sweeps is an option of --learner descent"):
        TrainOptions.of("memorize", sweeps=5)
    with pytest.raises(TypeError, match="lutz"):
        TrainOptions.of(lutz=5)


@pytest.mark.parametrize("name", [name for name, each in all_flags().items() if each.kind in (int, float)])
def test_every_number_has_bounds(name: str) -> None:
    each = all_flags()[name]
    for value in (10**30, -(10**30), float("nan"), "many", 10.5 if each.kind is int else 1e400):
        if value == 10**30 and name == "threshold":
            continue  # the data say which are possible
        with pytest.raises(UsageError, match=f"^{each.name} |^k must be") as caught:
            TrainOptions.of(**{name: value, **({"device": "hx1k"} if name == "utilization" else {})})
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"patience": 2}, "--patience"),
        ({"target": "ecp5"}, "--target"),
        ({"utilization": 0.5}, "--utilization"),
        ({"link": "spi"}, "--link"),
    ],
)
def test_options_without_effect_are_refused(options: dict, option: str) -> None:
    with pytest.raises(UsageError, match=f"^{option} has no effect without"):
        TrainOptions.of(**options)


def test_the_table_of_effects_names_options_that_exist() -> None:
    import typer

    from lut2hw.cli.entry import app

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for rule in effects.RULES:
        for command in rule.commands:
            assert {rule.option, *rule.needs} <= {param.name for param in commands[command].params}


@pytest.mark.parametrize(
    ("estimator", "learner", "without", "own"),
    [
        (DescentClassifier, "descent", {"loss"}, {*CALIBRATION, *WARM_START}),
        (DescentRegressor, "descent", {"class_weight", "tau", "teacher"}, {*WARM_START}),
        (
            DescentOutlierDetector,
            "descent",
            {"loss", "class_weight", "augment", "teacher", "like"},
            {"contamination"},
        ),
        (MemorizeClassifier, "memorize", set(), {*CALIBRATION}),
    ],
)
def test_estimators_and_sweeps_have_every_option(
    estimator: type, learner: str, without: set[str], own: set[str]
) -> None:
    import typer

    from lut2hw.cli.entry import app

    wanted = {*flags(LEARNERS[learner].Options), *flags(TrainOptions)}
    parameters = inspect.signature(estimator).parameters
    assert wanted - {"seed"} - without | {*OWN} | own == set(parameters)
    for name in wanted - without:
        assert f"    {'random_state' if name == 'seed' else name} : " in (estimator.__doc__ or "")
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for command in ("train", "sweep"):
        assert wanted <= {param.name for param in commands[command].params}
    made = estimator(3)
    assert made.get_params()[next(iter(flags(LEARNERS[learner].Options)))] == 3


def test_estimators_train_as_the_command_does(folder: Path) -> None:
    dataset = data.load(str(folder / "images.npz"))
    options = {"luts": 9, "k": 2, "window": 2, "augment": "shift1", "bits_per_feature": 1, "levels": "auto"}
    x, y = dataset.x_train, dataset.y_train
    model = DescentClassifier(**options, image_shape=(4, 4), random_state=5).fit(x, y)
    expected = train(dataset, TrainOptions.of(**options, seed=5)).network
    assert [layer.wiring.tolist() for layer in model.network_.layers] == [
        layer.wiring.tolist() for layer in expected.layers
    ]
    assert (model.predict(dataset.x_test) == expected.predict_integers(dataset.x_test)).all()
    with pytest.raises(UsageError, match="image_shape"):
        DescentClassifier(luts=9, image_shape=(5, 5)).fit(x, y)


def test_learners_take_options_by_name(folder: Path) -> None:
    assert all(dataclasses.is_dataclass(each.Options) for each in LEARNERS.values())
    with pytest.raises(UsageError, match="--luts"):
        DescentOptions(luts=0)
