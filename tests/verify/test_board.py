"""Chips of boards read back from their bitstreams."""

from __future__ import annotations

import json
import shutil

import pytest
from helpers import needs
from helpers.networks import vote_network

from lut2hw import cli, tools
from lut2hw.artefact.emit import emit_model, load
from lut2hw.errors import Lut2hwError
from lut2hw.flow import boards
from lut2hw.flow.build import build
from lut2hw.verify import bitstream, board
from lut2hw.verify.engines import describe, verify
from lut2hw.verify.outcome import Outcome


def test_several_chips_are_one_outcome_that_names_each():
    """What could be checked decides; a wrong chip comes first, one that was not checked is named."""
    good = Outcome("bitstream", True, 46, details={"cycles": 9})
    open_ = Outcome("bitstream", None, note="no icebox")
    wrong = Outcome("bitstream", False, 12, 3, {"vector": 1}, ("late",), "pins 1, 2, 3")
    assert bitstream._joined({bitstream.ALONE: good}) is good
    joined = bitstream._joined({bitstream.ALONE: good, "icestick": open_})
    assert (joined.passed, joined.vectors) == (True, 46)
    assert joined.note == "no board: 46 vectors; icestick: not checked, no icebox"
    joined = bitstream._joined({bitstream.ALONE: good, "icebreaker": wrong, "icestick": open_})
    assert (joined.passed, joined.vectors, joined.mismatches, joined.first) == (False, 58, 3, {"vector": 1})
    assert joined.note.startswith("icebreaker: wrong, pins 1, 2, 3; no board: 46 vectors; ")
    assert joined.errors == ("late",)
    assert joined.as_json()["chips"]["icebreaker"] == {"passed": False, "vectors": 12, "mismatches": 3}
    assert bitstream._joined({"icestick": open_, "icebreaker": open_}).passed is None


def test_pins_that_differ_are_named():
    pins = {"clk": "21", "rx": "9", "tx": "8"}
    said = board._pins_in_words({"clk": "input", "tx": "output", "io_1_2_0": "input"}, pins, "icestick")
    assert said == "its pins are not those of the icestick; not as there: rx (pin 9); used besides: io_1_2_0"
    said = board._pins_in_words({**board.WANTED, "rx": "inout"}, pins, "icestick")
    assert said == "its pins are not those of the icestick; not as there: rx (pin 9)"


@pytest.mark.parametrize(
    ("name", "pins"),
    [
        ("icestick", {"clk": "21", "rx": "9", "tx": "8"}),  # its UART has more pins
        ("icebreaker", {"clk": "35", "rx": "6", "tx": "9"}),
        ("tinyfpga-bx", {"clk": "B2", "rx": "A2", "tx": "A1"}),  # at a connector
        ("ice40-hx8k-b-evn", {"clk": "J3", "rx": "B10", "tx": "B12"}),
    ],
)
def test_pins_of_boards(name, pins):
    """As the boards' own documents have them."""
    found = boards.board(name).pins()
    assert {what: found[what] for what in pins} == pins
    assert len(set(found.values())) == len(found)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A small core, and a chip of it for a board."""
    needs.skip_without("yosys", "nextpnr-ice40", "icepack", "iverilog", "icebox_vlog")
    folder = tmp_path_factory.mktemp("board") / "core"
    emit_model(vote_network(12, 4, 3, n_bits=20), folder, pipeline=1, encoded_inputs=True)
    build(folder, board="icestick")
    return folder


@pytest.mark.slow
def test_a_boards_chip_is_read_back(built, tmp_path, capsys):
    assert cli.main(["verify", str(built), "--engine", "bitstream", "--json"]) == 0
    [engine] = json.loads(capsys.readouterr().out)["engines"]
    assert engine["passed"] and engine["vectors"] == engine["chips"]["icestick"]["vectors"] > 5
    assert engine["note"] == (
        f"icestick: {engine['vectors']} vectors, core proved for all inputs; bits proved to be core and link; "
        f"link simulated, {engine['vectors']} vectors; pins 21, 9, 8"
    )
    assert engine["parts"] == {"core": "proved", "chip": "proved", "link": "simulated"}
    assert engine["cycles"] < 1.2 * board.MAX_CLOCKS

    # a chip of another core says so, and one of a core that was changed since answers wrongly
    other = tmp_path / "other"
    shutil.copytree(built, other)
    text = (other / "core.v").read_text()
    (other / "core.v").write_text(text + "// another\n")
    [outcome] = verify(load(other), ["bitstream"], vectors=5)
    assert outcome.passed is False and "says that it is another one" in describe(load(other), outcome)


@pytest.mark.slow
def test_a_wrong_table_on_a_board_is_found(built, tmp_path, monkeypatch):
    """The chip is built of a core whose tables are inverted, and says that it is the right one."""
    wrong = tmp_path / "wrong"
    shutil.copytree(built, wrong, ignore=shutil.ignore_patterns("icestick"))
    from test_verify import flipped_init

    from lut2hw.hdl.emitted import identity_of

    right = identity_of(load(built))
    flipped_init(wrong)
    monkeypatch.setattr("lut2hw.hdl.chip.identity_of", lambda manifest: right)
    build(wrong, board="icestick")
    (wrong / "core.v").write_text((built / "core.v").read_text())
    [outcome] = verify(load(wrong), ["bitstream"], vectors=30)
    assert outcome.passed is False and outcome.mismatches and outcome.first["vector"] >= 0


@pytest.mark.slow
def test_a_board_with_other_pins_is_found(built, monkeypatch):
    pins = boards.board("icestick").pins()
    monkeypatch.setattr(boards.Board, "pins", lambda self: {**pins, "tx": pins["rx"], "rx": pins["tx"]})
    [outcome] = verify(load(built), ["bitstream"], vectors=5)
    assert outcome.passed is False and "its pins are not those of the icestick" in outcome.errors[0]


@pytest.mark.slow
def test_what_cannot_be_checked_says_why(built, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    result = json.loads((copy / "icestick" / "build.json").read_text())
    (copy / "icestick" / "build.json").write_text(json.dumps({**result, "baud": 40}))
    [outcome] = verify(load(copy), ["bitstream"], vectors=5)
    # too slow to be simulated, but the proof sees that the chip's is another rate
    assert outcome.passed is False and "clocks at 40 baud" in outcome.note and "core in its link" in outcome.errors[0]
    (copy / "icestick" / "build.json").write_text(json.dumps({**result, "baud": 9_000_000}))
    with pytest.raises(Lut2hwError, match="is damaged: 9000000 baud is too fast"):
        verify(load(copy), ["bitstream"], vectors=5)
    (copy / "icestick" / "build.json").write_text(json.dumps(result))
    (copy / "icestick" / "chip.bin").write_bytes(b"no bitstream")
    with pytest.raises(tools.ToolError):
        verify(load(copy), ["bitstream"], vectors=5)
