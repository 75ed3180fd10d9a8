"""Outputs that are somebody else's files: no command writes over what another one made."""

from __future__ import annotations

import pytest
from helpers.networks import vote_network

from lut2hw import targets
from lut2hw.artefact.emit import emit
from lut2hw.artefact.folder import OWN
from lut2hw.cli import main
from lut2hw.compile.compiler import compile_network


@pytest.fixture
def core(tmp_path):
    network = vote_network(6, 3, 2)
    emit(compile_network(network, targets.get("ice40"), pipeline=1), tmp_path / "core")
    network.save(tmp_path / "m.lut")
    return tmp_path / "core"


def test_every_file_of_a_folder_is_its_own(core):
    assert {path.name for path in core.iterdir()} <= OWN


@pytest.mark.parametrize("name", ["core.v", "manifest.json", "model.lut"])
@pytest.mark.parametrize("command", ["wrap", "report", "export"])
def test_no_command_writes_over_a_folders_files(core, tmp_path, monkeypatch, capsys, command, name):
    """By its name, and by a link to it."""
    monkeypatch.chdir(tmp_path)
    before = {path.name: path.read_bytes() for path in core.iterdir()}
    (tmp_path / "linked.v").symlink_to(core / name)
    source = "m.lut" if command == "export" else "core"
    for output in (f"core/{name}", "linked.v"):
        assert main([command, source, "-o", output]) != 0
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and error.startswith("error: ")
    assert {path.name: path.read_bytes() for path in core.iterdir()} == before


def test_a_wrapper_is_no_second_core(core, tmp_path, capsys):
    assert main(["wrap", str(core), "--link", "uart", "-o", str(tmp_path / "lut2hw_core.v")]) == 2
    assert "second module lut2hw_core" in capsys.readouterr().err
    assert main(["wrap", str(core), "--link", "uart", "-o", str(core / "mine.v")]) == 0
