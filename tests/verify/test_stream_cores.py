"""Cores of streams: every engine, two families, and what must be refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from helpers import needs
from helpers.streams import ragged, simulate, tones

from lut2hw.artefact.emit import emit_model, load
from lut2hw.artefact.stream_vectors import random_sequences, sample_rows, sequences_of
from lut2hw.cli import main
from lut2hw.data import load_sequences
from lut2hw.errors import Lut2hwError, UsageError
from lut2hw.flow.build import build
from lut2hw.frontends import Sequences
from lut2hw.hdl.emitted import EmittedCore
from lut2hw.hdl.linked import LinkedCore
from lut2hw.hdl.links.registry import make_link
from lut2hw.logic.port import InputPort, words_of
from lut2hw.training.options import TrainOptions
from lut2hw.training.streams import train_stream
from lut2hw.verify.engines import verify

SMALL = {
    "window": "window,length=5",
    "differences": "differences,segments=2,length=12",
    "kernels": "kernels,segments=2,length=12,dilations=1/2,kernels=3,gain=5",
    "filterbank": "filterbank,bands=2,segments=2,frames=4,frame=4",
    "edges": "edges,width=5,height=5,cell=2",
    "patches": "patches,width=5,height=5,cell=2,tables=6",
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A model and an emitted folder of each front end, the last one for the ECP5."""
    work = tmp_path_factory.mktemp("streams")
    sequences = load_sequences(ragged(work / "tones.npz"))
    made = {}
    for kind, text in SMALL.items():
        network = train_stream(sequences, TrainOptions.of(luts=6, seed=1), front_end=text).network
        network.save(work / f"{kind}.lut")
        made[kind] = emit_model(
            network, work / kind, target="ecp5" if kind in ("differences", "filterbank") else "ice40"
        )
    return made


@pytest.mark.parametrize("kind", SMALL)
def test_engines(kind, folders):
    manifest = folders[kind]
    assert manifest.data["stream"]["front_end"] == kind
    assert manifest.vectors.inputs.shape[0] == manifest.data["vectors"]["samples"]
    outcomes = verify(manifest, ["golden", "amaranth"], vectors=12)
    assert all(outcome.passed and outcome.vectors for outcome in outcomes), outcomes


@needs.module("cocotb")
@needs.tool("iverilog")
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[] if kind == "kernels" else pytest.mark.slow) for kind in SMALL]
)
def test_emitted_verilog(kind, folders):
    (outcome,) = verify(folders[kind], ["cocotb"], vectors=12)
    assert outcome.passed and outcome.vectors == 12, outcome


def test_a_wrong_answer_and_a_wrong_core_are_found(folders, tmp_path):
    manifest = folders["differences"]
    text = (manifest.directory / "core.v").read_text()
    for wrong in (text.replace("always @(posedge clk)", "always @(negedge clk)", 1), f'`include "x"\n{text}'):
        assert wrong != text
        for file in manifest.directory.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        (tmp_path / "core.v").write_text(wrong)
        with pytest.raises(Lut2hwError, match="is not as `lut2hw emit` writes it for its model"):
            _ = load(tmp_path).verilog
    data = json.loads((manifest.directory / "manifest.json").read_text())
    data["stream"]["clocks_per_sample"] += 1
    (tmp_path / "manifest.json").write_text(json.dumps(data))
    with pytest.raises(Lut2hwError, match="differs from it in stream"):
        _ = load(tmp_path).network


@needs.module("cocotb")
@needs.tool("iverilog", "yosys", "nextpnr-ice40", "icebox_vlog")
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["window", "kernels", "edges", "patches"])
def test_to_the_bitstream(kind, folders):
    manifest = folders[kind]
    outcomes = verify(manifest, ["gates", "formal"], vectors=12)
    assert all(outcome.passed for outcome in outcomes), outcomes
    assert "network alone" in outcomes[1].note and "not proved" in outcomes[0].note
    result = build(manifest.directory, "up5k", "sg48")
    assert result.chip.logic_cells < 1200
    (outcome,) = verify(load(manifest.directory), ["bitstream"], vectors=6)
    assert outcome.passed and outcome.vectors, outcome


@needs.module("cocotb")
@needs.tool("iverilog", "yosys")
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["edges", "patches"])
def test_pictures_on_the_other_family(kind, folders, tmp_path):
    manifest = emit_model(folders[kind].network, tmp_path / kind, target="ecp5")
    outcomes = verify(manifest, ["golden", "cocotb", "gates"], vectors=12)
    assert all(outcome.passed and outcome.vectors for outcome in outcomes), outcomes


def test_json_says_what_the_front_end_is(folders, capsys):
    directory = folders["kernels"].directory
    clocks = folders["kernels"].clocks_per_sample
    model = directory.parent / "kernels.lut"
    for words in (["emit", model, "-o", directory], ["verify", directory, "--engine", "golden", "--vectors", "5"]):
        assert main([str(word) for word in (*words, "--json")]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["front_end"] == "kernels" and found["clocks_per_sample"] == clocks > 10


def test_samples_go_to_words_and_back(folders):
    network = folders["window"].network
    sequences = random_sequences(network, 60, 3)
    port = InputPort.of_samples(network.front_end.samples)
    rows = sample_rows(port, sequences)
    again = sequences_of(port, rows)
    assert (again.values == sequences.values).all() and (again.length == sequences.length).all()
    assert len(sequences.values) == 60 and {1, 2} <= set(sequences.length.tolist())


def test_a_component_from_the_model(folders):
    network = folders["differences"].network
    core = network.create("ecp5")
    assert {"x", "first", "last"} == set(dict(core.i.payload.shape()))
    core = network.create("ice40", fields=False)
    sequences = Sequences.of([each.astype(np.int64) for each in tones(4, seed=9)[0]])
    words = words_of(sample_rows(InputPort.of_samples(network.front_end.samples), sequences))
    got, _ = simulate(core, words, 4, seed=3)
    assert got == network.predict(sequences).tolist()


def test_what_cannot_be_done_is_said(folders, capsys):
    manifest = folders["window"]
    model = manifest.directory.parent / "window.lut"
    for words, message in (
        (["emit", model, "--encoded-inputs", "-o", model.parent / "e"], "leave --encoded-inputs out"),
        (["emit", model, "--fold", "1", "-o", model.parent / "e"], "leave --fold out"),
        (["build", manifest.directory, "--board", "icestick"], "build a core with a front end without --board"),
        (["wrap", manifest.directory, "--link", "uart", "-o", model.parent / "w.v"], "links ask for whole examples"),
        (["export", model, "-o", model.parent / "m.blif"], "give it to `lut2hw emit`"),
        (["emit", model, "--data", "digits", "-o", model.parent / "e"], "digits"),
    ):
        assert main([str(word) for word in words]) == 2, words
        assert message in capsys.readouterr().err
    assert not (model.parent / "e").exists() and not (model.parent / "w.v").exists()
    with pytest.raises(UsageError, match="links ask for whole examples"):
        LinkedCore.of(manifest, lambda lanes, engine: make_link("shift", _identity(manifest), lanes=lanes))
    with pytest.raises(UsageError, match="takes samples, not features"):
        EmittedCore(manifest).payloads(np.zeros((1, 5)))


def _identity(manifest):
    from lut2hw.hdl.emitted import identity_of

    return identity_of(manifest)


@pytest.mark.slow
def test_report(folders, tmp_path, capsys):
    directory = folders["kernels"].directory
    assert main(["report", str(directory), "-o", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert "kernels" in page
    capsys.readouterr()
