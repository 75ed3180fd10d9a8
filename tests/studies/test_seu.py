"""Flipped configuration bits: the model of the fabric against the chip read again with the bit flipped."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from helpers import needs
from helpers.networks import vote_network

from lut2hw import bits, cli
from lut2hw.artefact.emit import emit_model
from lut2hw.artefact.folder import load
from lut2hw.errors import UsageError
from lut2hw.studies import seu
from lut2hw.verify import fabric
from lut2hw.verify.fabric import read_fabric

DATABASE = """# a made-up chip
.device 1k 2 2 9

.net 0
1 1 lutff_0/out
1 2 top_op_0

.net 1
1 1 local_g0_0

.net 2
1 1 lutff_1/in_0

.net 3
1 1 lutff_1/out

.net 4
1 1 lutff_7/cout
1 2 carry_in

.buffer 1 1 1 B0[3] B1[3]
01 0
11 3

.routing 1 1 2 B2[5]
1 1
"""


def test_a_fabric_is_its_bits(monkeypatch, tmp_path):
    (tmp_path / "db").write_text(DATABASE)
    monkeypatch.setattr(fabric, "database", lambda device: tmp_path / "db")
    rows = [["0"] * 54 for _ in range(16)]
    for row, column in ((1, 3), (2, 5), (2, 36 + 4), (3, 36 + 3), (3, 36 + 9), (2, 36 + 8)):
        rows[row][column] = "1"
    tile = "\n".join("".join(row) for row in rows)
    read = read_fabric(f".device 1k\n.logic_tile 1 1\n{tile}\n.io_tile 1 2\n{'0' * 18}\n")
    assert read.wires[1, 1, "lutff_1/in_0"] == 2 and read.drivers[0] == (1, 1, "lutff_0/out")
    assert read.drivers[4] == (1, 1, "lutff_7/cout") and (1, 2, "carry_in") not in read.wires
    assert read.way(2) == [2, 1, 0] and read.way(0) == [0]
    # bits 4, 13 and 19 of cell 1: table entries 0 and 9, an asynchronous reset; bit 8: its carry
    assert read.table((1, 1, 1)) == 1 << 0 | 1 << 9
    assert read.is_set((1, 1, 1), fabric.ASYNC) and read.is_set((1, 1, 1), fabric.CARRY)
    assert not read.is_set((1, 1, 1), fabric.FLOP)
    assert read.cell_bit((1, 1, 1), 13) == (1, 1, 3, 39)


def test_other_folders_are_refused(tmp_path):
    emit_model(vote_network(12, 4, 3, n_bits=10), tmp_path / "core", pipeline=1)
    with pytest.raises(UsageError, match="no chip without a board; run"):
        seu.upsets(tmp_path / "core")
    emit_model(vote_network(12, 4, 3, n_bits=10), tmp_path / "core", target="ecp5")
    with pytest.raises(UsageError, match="bits of an iCE40"):
        seu.upsets(tmp_path / "core")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    from lut2hw.flow.build import build

    needs.skip_without("yosys", "nextpnr-ice40", "icepack", "icebox_vlog")
    folder = tmp_path_factory.mktemp("seu") / "core"
    emit_model(vote_network(14, 4, 3, n_bits=10), folder, pipeline=2, encoded_inputs=True)
    build(folder)
    return folder


@pytest.mark.slow
def test_what_a_flip_does_is_what_the_chip_with_it_does(built):
    """Tables and wires: the share of answers that the model says change, and the chip read again, clock by clock."""
    from lut2hw.flow.chips import device_design
    from lut2hw.hdl.chip import TOP
    from lut2hw.verify.chip import _lanes, _pins_of
    from lut2hw.verify.formal.circuit import UnknownCell, read_design
    from lut2hw.verify.formal.induction import Product
    from lut2hw.verify.formal.machine import machine
    from lut2hw.verify.readback import TOP as READ_BACK
    from lut2hw.verify.readback import read_back_by_names, unpack

    manifest = load(built)
    read, core = seu.read_core(manifest)
    every = [fault for fault in seu.faults(read, core) if fault.kind in ("table", "wire") and fault.changes]
    n = 512
    n_words = bits.n_words(n)
    base, asc = core.values[core.outputs, :n_words], unpack(built / "core.bin")
    design = device_design(manifest, "hx1k", None)
    wanted = read_design(design.rtlil, list(manifest.verilog.values()), TOP)
    example = np.unpackbits(manifest.vectors.inputs[:n], axis=1, bitorder="little")[:, manifest.bits_read[0]]
    stream = np.concatenate([example.astype(bool), np.zeros((n, manifest.latency + 4), bool)], axis=1)
    shift = np.zeros_like(stream)
    shift[:, : example.shape[1]] = True
    stimulus = {"data": _lanes(stream.T), "shift": _lanes(shift.T), "reset": _lanes(np.zeros_like(stream).T)}

    def changed(text: str) -> bool | None:
        chip = read_back_by_names(text, built / "core.asc")
        try:
            product = Product(_machine(chip), machine(wanted, wanted.ports))
        except UnknownCell:
            return None
        shape = (*stimulus["data"].shape[:1], product.free, stimulus["data"].shape[1])
        inputs = np.zeros(shape, np.uint64)  # a wire that nothing drives is 0
        for place, name in enumerate(product.names):
            inputs[:, place] = stimulus[name]
        state = np.zeros((product.registers, inputs.shape[2]), np.uint64)
        return product.clock(inputs, state, np.zeros_like(state), watch=True) >= 0

    def _machine(chip):
        circuit = read_design("", [chip.verilog], READ_BACK)
        return machine(circuit, _pins_of(circuit, chip.pins))

    lines = asc.splitlines()
    tiles = [(at, line.split()) for at, line in enumerate(lines) if line.startswith(".") and "_tile" in line]
    heads = {(int(words[1]), int(words[2])): at for at, words in tiles}
    rng, compared = random.Random(3), 0
    for fault in rng.sample(every, 14):
        x, y, row, column = fault.place
        at = heads[x, y] + 1 + row
        flipped = lines[at][:column] + "10"[int(lines[at][column])] + lines[at][column + 1 :]
        [shown] = seu.inject_all(core, [[fault]], n_words)
        expected = bool((np.bitwise_or.reduce(shown ^ base, axis=0)).any())
        said = changed("\n".join([*lines[:at], flipped, *lines[at + 1 :], ""]))
        if said is None or any(new == seu.RANDOM for _, pin, new in fault.changes if pin != 4):
            continue
        assert said is expected, fault
        compared += 1
    assert compared >= 6


@pytest.mark.slow
def test_the_command(built, tmp_path, capsys):
    assert cli.main(["seu", str(built), "-o", str(tmp_path / "a.svg"), "--trials", "4", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert 0 < said["critical"] < said["bits"] == sum(each["bits"] for each in said["kinds"].values())
    assert said["curve"][0]["right"] > said["curve"][-1]["right"]
    assert all(0 < each["changed"] <= 1 for each in said["worst"]) and len(said["worst"]) == 10
    assert "<svg" in Path(tmp_path / "a.svg").read_text()
    assert cli.main(["seu", str(built), "--trials", "4", "--worst", "2"]) == 0
    assert "answers that stay" in capsys.readouterr().out
