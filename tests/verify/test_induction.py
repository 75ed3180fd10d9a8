"""Machines proved equal by induction, and what tells unequal ones apart."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import needs

from lut2hw.verify.formal.circuit import UnknownCell, read_design
from lut2hw.verify.formal.induction import match
from lut2hw.verify.formal.machine import machine

pytestmark = needs.tool("yosys")

COUNTER = """
module top(input clk, input go, input [3:0] x, output reg full = 0, output [3:0] sum);
  reg [3:0] left = 9, total = 0;
  always @(posedge clk) begin
    full <= 0;
    if (go) begin
      left <= left == 1 ? 9 : left - 1;
      total <= total + x;
      full <= left == 1;
    end
  end
  assign sum = total ^ {4{full}};
endmodule
"""


def of(text: str):
    circuit = read_design("", [text], "top")
    return machine(circuit, circuit.ports)


def both(text: str, other: str, stimulus=None):
    return match(of(text), of(other), stimulus or {}, limit=60)


@pytest.fixture(scope="module")
def counter():
    return of(COUNTER)


ONE_HOT = COUNTER.replace("reg [3:0] left = 9, total = 0;", "reg [3:0] total = 0; reg [8:0] hot = 1;").replace(
    "left <= left == 1 ? 9 : left - 1;", "hot <= {hot[7:0], hot[8]};"
)


def test_other_initial_values_and_twins_are_equal(counter):
    """As in an iCE40, where all starts at 0: what starts at 1 is kept inverted; some registers are there twice."""
    inverted = COUNTER.replace("left = 9, total = 0", "keep = 0, total = 0; wire [3:0] left = keep ^ 9; reg twin = 0")
    inverted = inverted.replace("left <= left == 1 ? 9 : left - 1;", "keep <= (left == 1 ? 9 : left - 1) ^ 9;")
    inverted = inverted.replace("full <= 0;", "full <= 0; twin <= go & left == 1;").replace("{4{full}}", "{4{twin}}")
    found = match(of(inverted), counter, {})
    assert found.equal, found
    assert found.classes == 9 and found.registers == 19


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("left == 1 ? 9", "left == 1 ? 8", "wrong"),
        ("total + x", "total + (x & 7)", "wrong"),
        ("total = 0", "total = 1", "wrong 0 clocks"),
        # no run comes here: only the proof can tell
        ("total + x", "total + (left == 3 && x == 15 && total == 15 && full ? 0 : x)", "no flip-flop holds what"),
        ("total ^ {4{full}}", "total ^ {4{full && total != 7}}", "wrong|another function"),
    ],
)
def test_what_differs_is_found(counter, old, new, words):
    assert old in COUNTER
    never = {name: np.zeros((40, 1), np.uint64) for name in ("x[0]", "x[1]", "x[2]", "x[3]")}
    for stimulus in ({}, never) if words.startswith("no ") else ({},):
        found = match(of(COUNTER.replace(old, new)), counter, stimulus)
        assert found.equal is False, found
        assert words.split("|")[0] in found.reason or stimulus or words.split("|")[-1] in found.reason


def test_a_simulation_that_shows_nothing_still_ends_in_a_proof(counter):
    """All that never moved is in one class at first."""
    still = {"go": np.zeros((4, 1), np.uint64)}
    found = match(of(COUNTER.replace("left == 1 ? 9 : left - 1", "left == 1 ? 9 : left + 15")), counter, still)
    assert found.equal and found.classes == 9


def test_states_that_never_come_are_no_difference_that_passes(counter):
    """A counter that does otherwise in a state it never reaches is not proved equal: that is not known here."""
    found = match(of(COUNTER.replace("left == 1 ? 9", "left == 15 ? 3 : left == 1 ? 9")), counter, {})
    assert found.equal is False and "should hold" in found.reason


def test_outputs_and_clocks_must_be_those():
    text = COUNTER.replace("output [3:0] sum", "output [3:0] sum, output more").replace(
        "endmodule", "assign more = go; endmodule"
    )
    assert both(text, COUNTER).equal is False
    with pytest.raises(UnknownCell, match="clock"):
        of(COUNTER.replace("posedge clk", "posedge go"))
    with pytest.raises(UnknownCell, match="kind"):
        of(COUNTER.replace("posedge clk", "negedge clk"))


def test_a_net_that_nothing_drives_may_be_anything():
    text = COUNTER.replace("output [3:0] sum);", "output [3:0] sum); wire nothing;")
    assert both(text.replace("total + x", "total + x + (nothing & 1'b0)"), COUNTER).equal
    assert both(text.replace("total + x", "total + x + nothing"), COUNTER).equal is False


def test_reset_and_set_of_every_kind():
    resets = "module top(input clk, r, e, d, output reg [3:0] q = 4'b1010);\nalways @(posedge clk) begin\n"
    mixed = resets + (
        "if (r) q[0] <= 0; else q[0] <= d;\n"
        "if (r) q[1] <= 1; else if (e) q[1] <= d;\n"
        "if (e) q[2] <= r ? 0 : d;\n"
        "if (e) q[3] <= r ? 1 : d;\nend endmodule"
    )
    plain = resets + (
        "q[0] <= d & ~r; q[1] <= r | (e ? d : q[1]);\n"
        "q[2] <= e ? d & ~r : q[2]; q[3] <= e ? d | r : q[3];\nend endmodule"
    )
    assert both(mixed, plain).equal
    assert both(mixed.replace("q[3] <= r ? 1", "q[3] <= r ? 0"), plain).equal is False
