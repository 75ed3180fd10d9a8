"""Chips read back from their bits and proved; chips with a wrong bit."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers import needs
from helpers.networks import shared_network, vote_network

from lut2hw.artefact.emit import emit_model
from lut2hw.artefact.folder import load
from lut2hw.artefact.vectors import random_vectors
from lut2hw.flow.build import build
from lut2hw.flow.chips import device_design
from lut2hw.hdl.chip import TOP
from lut2hw.verify import bitstream
from lut2hw.verify.chip import ChipProof, _lanes, _pins_of, prove_chip
from lut2hw.verify.engines import verify
from lut2hw.verify.formal.circuit import read_design
from lut2hw.verify.formal.induction import Match, Product
from lut2hw.verify.formal.machine import machine
from lut2hw.verify.outcome import Outcome
from lut2hw.verify.readback import TOP as READ_BACK
from lut2hw.verify.readback import block_rams, read_back_by_names, unpack

needs_chip = needs.tool("yosys", "nextpnr-ice40", "icepack", "icebox_vlog")


def test_the_outcome_says_which_part_is_proved():
    simulated, core = Outcome("bitstream", True, 12), Outcome("formal", True)
    proof = ChipProof(True, "", Match(True, registers=8, classes=4))
    outcome = bitstream.joined(simulated, core, proof)
    assert outcome.passed and outcome.details["parts"] == {"core": "proved", "chip": "proved", "link": "simulated"}
    assert outcome.details["flip_flops"] == 8 and outcome.note.endswith("link simulated, 12 vectors")

    # what cannot be simulated passes if it is proved, and what cannot be proved is not said to be
    slow = replace(simulated, passed=None, vectors=0, note="too slow")
    outcome = bitstream.joined(slow, core, proof)
    assert outcome.passed and outcome.details["parts"]["link"] == "not simulated" and "too slow" in outcome.note
    unknown = ChipProof(None, "not proved in 1 s")
    outcome = bitstream.joined(simulated, core, unknown)
    assert outcome.passed and outcome.details["parts"]["chip"] == "not proved" and "not proved in 1 s" in outcome.note
    assert bitstream.joined(slow, core, unknown).passed is None
    assert bitstream.joined(slow, replace(core, passed=None, note="no time"), proof).passed is None

    # a proof that fails counts more than vectors that do not
    assert bitstream.joined(simulated, core, ChipProof(False, "no flip-flop")).passed is False
    wrong = Outcome("formal", False, 1, 1, {"input": "0", "expected": 0, "got": 1})
    assert bitstream.joined(simulated, wrong, proof).first == wrong.first


def test_contents_of_block_ram():
    lines = [f"{row:02x}" * 32 for row in range(16)]
    lines[0] = "0123" + "0" * 56 + "beef"
    asc = ".device 1k\n.ram_data 3 5\n" + "\n".join(lines) + "\n\n.ram_data 10 1\n" + "\n".join(lines[::-1])
    rams = block_rams(asc)
    assert set(rams) == {(3, 5), (10, 1)} and all(ram.shape == (256,) for ram in rams.values())
    assert rams[3, 5][0] == 0xBEEF and rams[3, 5][15] == 0x0123 and rams[3, 5][16] == 0x0101
    assert rams[10, 1][255 - 15] == 0xBEEF


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A core of ten input bits, so that all inputs can be tried, in a chip."""
    needs.skip_without("yosys", "nextpnr-ice40", "icepack", "icebox_vlog")
    folder = tmp_path_factory.mktemp("chip") / "core"
    manifest = emit_model(vote_network(14, 4, 3, n_bits=10), folder, pipeline=2, encoded_inputs=True)
    build(folder)
    asc = unpack(folder / "core.bin")
    chip = read_back_by_names(asc, folder / "core.asc")
    design = device_design(manifest, "hx1k", None)
    return load(folder), asc, chip, design


def every_input(manifest, words: int = 16):
    """All examples, shifted in one after another in so many runs, as a stimulus."""
    bits = manifest.bits_read[0]
    runs = 64 * words
    numbers = np.arange(max(1, -(-(1 << len(bits)) // runs)) * runs) & (1 << len(bits)) - 1
    stream = (numbers[:, None] >> np.arange(len(bits)) & 1).astype(bool).reshape(runs, -1)
    stream = np.concatenate(
        [stream[:, :1], stream, np.zeros((runs, 8), bool)], axis=1
    )  # a reset, and time at the end
    shift = np.ones_like(stream)
    shift[:, 0] = shift[:, -8:] = False
    reset = np.zeros_like(stream)
    reset[:, 0] = True
    return {"data": _lanes(stream.T), "shift": _lanes(shift.T), "reset": _lanes(reset.T)}


def answers_rightly(manifest, chip, design) -> bool:
    """Whether a chip puts out what it should while all examples are shifted in."""
    found = read_design("", [chip.verilog], READ_BACK)
    wanted = read_design(design.rtlil, list(manifest.verilog.values()), TOP)
    product = Product(machine(found, _pins_of(found, chip.pins)), machine(wanted, wanted.ports))
    stimulus = every_input(manifest)
    inputs = np.zeros((len(stimulus["data"]), product.free, stimulus["data"].shape[1]), np.uint64)
    for at, name in enumerate(product.names):
        inputs[:, at] = stimulus[name]
    state = np.zeros((product.registers, inputs.shape[2]), np.uint64)
    return product.clock(inputs, state, np.zeros_like(state), watch=True) < 0


def flipped(asc: str, rng: random.Random) -> str:
    """One bit of a LUT that is in use, or of the flip-flop behind it, flipped."""
    tiles = [(match.start(2), match[2].split()) for match in re.finditer(r"^\.logic_tile (\d+ \d+)\n((?:[01]+\n){16})", asc, re.M)]  # fmt: skip # noqa: E501
    places = []
    for start, rows in tiles:
        for lut in range(8):
            if any("1" in rows[2 * lut + half][36:46] for half in (0, 1)):
                places += [start + (2 * lut + half) * 55 + column for half in (0, 1) for column in range(36, 46)]
    at = rng.choice(places)
    return asc[:at] + "10"[int(asc[at])] + asc[at + 1 :]


@pytest.mark.slow
@needs_chip
def test_a_flipped_bit_that_changes_an_answer_is_found(built, tmp_path):
    """Of any bit of a LUT or flip-flop: what simulation of all inputs says is wrong is never proved."""
    manifest, asc, chip, design = built
    vectors = random_vectors(manifest.network, manifest.input_port, 64, 0)
    assert answers_rightly(manifest, chip, design) and prove_chip(manifest, chip, design, vectors).equal
    rng, counts = random.Random(5), {"wrong": 0, "equal": 0, "differs where nothing comes": 0}
    for _ in range(24):
        mutant = read_back_by_names(flipped(asc, rng), manifest.directory / "core.asc")
        odd = ", posedge" in mutant.verilog  # an asynchronous reset
        right = not odd and answers_rightly(manifest, mutant, design)
        # without a vector to find it by
        found = prove_chip(manifest, mutant, design, vectors.first(1), seed=3).equal
        assert found is not None
        assert right or found is False
        counts["wrong" if not right else "equal" if found else "differs where nothing comes"] += 1
    print(counts)
    assert counts["wrong"] >= 6 and counts["equal"] >= 2


@pytest.mark.slow
@needs_chip
@pytest.mark.parametrize("options", [{"pipeline": 0}, {"ram": "auto"}])
def test_cores_without_registers_and_with_ram_are_proved(options, tmp_path):
    folder = tmp_path / "core"
    network = shared_network(3, 2, 8, 9, 8) if "ram" in options else vote_network(14, 4, 3, n_bits=10)
    manifest = emit_model(network, folder, encoded_inputs=True, **options)
    build(folder)
    asc = unpack(folder / "core.bin")
    chip = read_back_by_names(asc, folder / "core.asc")
    vectors = random_vectors(manifest.network, manifest.input_port, 64, 0)
    proof = prove_chip(load(folder), chip, device_design(manifest, "hx1k", None), vectors)
    assert proof.equal, proof
    if "ram" in options:
        assert "SB_RAM40" in chip.verilog
        filled = {place: ram for place, ram in block_rams(asc).items() if ram.any()}
        assert filled
        # another content is another function
        x, y = next(iter(filled))
        at = asc.index(f".ram_data {x} {y}\n") + len(f".ram_data {x} {y}\n") + 60
        other = read_back_by_names(asc[:at] + "%x" % (15 - int(asc[at], 16)) + asc[at + 1 :], folder / "core.asc")
        assert prove_chip(load(folder), other, device_design(manifest, "hx1k", None), vectors).equal is False
    [outcome] = verify(load(folder), ["bitstream"], vectors=20)
    assert outcome.passed and outcome.details["parts"]["chip"] == "proved"
