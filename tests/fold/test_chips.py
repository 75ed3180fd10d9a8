"""Folded cores on chips: as small as the documentation says, and right when read back from the bitstream."""

import pytest
from helpers.needs import tool

from lut2hw.artefact.emit import emit_model, load
from lut2hw.data.dataset import load as load_data
from lut2hw.flow.build import build
from lut2hw.training.options import TrainOptions
from lut2hw.training.train import train
from lut2hw.verify.engines import verify


@tool("yosys", "nextpnr-ice40", "icepack", "icebox_vlog", "iverilog")
@pytest.mark.slow
def test_digits_on_an_icestick_with_its_serial_port(tmp_path):
    data = load_data("digits")
    network = train(data, TrainOptions.of(luts=100)).network
    manifest = emit_model(network, tmp_path / "digits", fold=1, data=data)
    built = build(manifest.directory, board="icestick")
    assert built.core.logic_cells <= 150 and built.chip.logic_cells <= 600
    [outcome] = verify(load(manifest.directory), ["bitstream"], vectors=20)
    assert outcome.passed
