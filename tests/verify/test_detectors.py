"""Detectors as emitted cores: every engine, two families, the command line, and what must be refused."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest
from helpers import needs
from helpers.streams import ragged

from lut2hw.artefact.emit import emit_model, load
from lut2hw.cli import main
from lut2hw.data import load_sequences
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.flow.build import build
from lut2hw.studies.detection import detect
from lut2hw.training.options import TrainOptions
from lut2hw.training.streams import train_stream
from lut2hw.verify.engines import verify

SMALL = {
    "window": ("window,length=6", "every=3,sum=3,onset=3,hold=-2,refractory=2"),
    "differences": ("differences,segments=2,length=6", "every=4,sum=2,refractory=1"),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Models, each with a detector in a folder, one for the ECP5."""
    work = tmp_path_factory.mktemp("detectors")
    sequences = load_sequences(ragged(work / "tones.npz"))
    made = {}
    for kind, (front_end, options) in SMALL.items():
        network = train_stream(sequences, TrainOptions.of(luts=6, seed=1), front_end=front_end).network
        network.save(work / f"{kind}.lut")
        target = "ecp5" if kind == "differences" else "ice40"
        made[kind] = emit_model(network, work / kind, target=target, detect=options)
    return made


def test_engines(folders):
    for kind, manifest in folders.items():
        outcomes = verify(manifest, ["golden", "amaranth"], vectors=12)
        assert all(outcome.passed and outcome.vectors for outcome in outcomes), (kind, outcomes)
        detector = manifest.detector
        assert [field.name for field in manifest.output_port.fields] == ["on", "begins", "sum"]
        assert manifest.data["stream"]["detect"]["copies"] == (1 if kind == "window" else 3)
        assert len(manifest.vectors) == len(
            detector.run(load_sequences(manifest.directory.parent / "tones.npz").test)
        )


@needs.module("cocotb")
@needs.tool("iverilog", "yosys")
@pytest.mark.slow
@pytest.mark.parametrize("kind", SMALL)
def test_verilog_and_gates(kind, folders):
    outcomes = verify(folders[kind], ["cocotb", "gates", "formal"], vectors=30)
    assert all(outcome.passed for outcome in outcomes), outcomes
    shutil.copytree(folders[kind].directory, folders[kind].directory.with_suffix(".sim"))
    done = subprocess.run(
        ["make", "sim"], cwd=folders[kind].directory.with_suffix(".sim"), capture_output=True, text=True, timeout=300
    )
    assert "PASS" in done.stdout, done.stdout + done.stderr


@needs.module("cocotb")
@needs.tool("iverilog", "yosys", "nextpnr-ice40", "icebox_vlog")
@pytest.mark.slow
def test_to_the_bitstream(folders):
    manifest = folders["window"]
    build(manifest.directory, "up5k", "sg48")
    (outcome,) = verify(load(manifest.directory), ["bitstream"], vectors=60)
    assert outcome.passed and outcome.vectors, outcome


def test_commands(folders, tmp_path, capsys):
    work = folders["window"].directory.parent
    options = SMALL["window"][1]
    words = ["emit", work / "window.lut", "--detect", options, "-o", tmp_path / "d", "--json"]
    assert main([str(word) for word in words]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["detect"]["every"] == 3 and said["outputs"] == ["detect"]
    assert "Detector of 1: the last 6 samples every 3" in (tmp_path / "d" / "summary.txt").read_text()
    assert "it begins with this answer" in (tmp_path / "d" / "core.v").read_text()
    constants = (tmp_path / "d" / "lut2hw_core.vh").read_text()
    assert "LUT2HW_CORE_OUTPUT_begins_OFFSET = 1;" in constants
    words = ["eval", work / "window.lut", "--detect", options, "--split", "all"]
    assert main([str(word) for word in (*words, "--json")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["events"] == len(said["found"]) and said["recordings"] == 60
    assert main([str(word) for word in words]) == 0
    assert "per million samples" in capsys.readouterr().out
    for words, message in (
        (
            ["emit", work / "window.lut", "--detect", "every=3", "--outputs", "scores", "-o", tmp_path / "e"],
            "--detect",
        ),
        (["emit", work / "window.lut", "--detect", "often=3", "-o", tmp_path / "e"], "option of detect"),
        (["eval", work / "window.lut", "--detect", "every=9"], "every=9 must not be above"),
        (["eval", work / "window.lut", "--detect", "every=3", "--positive", "1"], "leave them out"),
    ):
        assert main([str(word) for word in words]) == 2, words
        assert message in capsys.readouterr().err
    assert not (tmp_path / "e").exists()


def test_what_a_recording_is_worth(folders):
    network = folders["window"].network
    data = load_sequences(folders["window"].directory.parent / "tones.npz")
    found = detect(network, data, "every=3,onset=-1000")
    metrics = found.metrics()  # an event in every recording, with the first answer
    others = int((data.y_test == 0).sum())
    assert metrics["detected"] == 1 and metrics["delay"] == 6 and metrics["false_alarms"] == others
    length = int(data.test.length[data.y_test == 0].sum())
    assert metrics["false_alarms_per_million"] == round(1e6 * others / length, 3)
    assert detect(network, data, "every=3,onset=1000").metrics()["detected"] == 0


def test_a_changed_folder_is_refused(folders, tmp_path):
    manifest = folders["differences"]
    for file in manifest.directory.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    data = json.loads((tmp_path / "manifest.json").read_text())
    data["stream"]["detect"]["onset"] += 1
    (tmp_path / "manifest.json").write_text(json.dumps(data))
    with pytest.raises(Lut2hwError, match="differs from it in stream"):
        _ = load(tmp_path).network
    data["options"]["detect"] = "every=2,sum=2,refractory=1"
    (tmp_path / "manifest.json").write_text(json.dumps(data))
    with pytest.raises(Lut2hwError):
        _ = load(tmp_path).vectors


def test_a_model_without_samples_has_no_detector(tmp_path):
    from helpers.networks import two_features

    with pytest.raises(UsageError, match="no front end"):
        emit_model(two_features("argmax"), tmp_path / "d", detect="every=3")
    with pytest.raises(UsageError, match="no front end"):
        two_features("argmax").create("ice40", detect="every=3")
    assert np.array_equal(list(tmp_path.iterdir()), [])
