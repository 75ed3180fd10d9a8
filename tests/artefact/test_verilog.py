"""Verilog from anybody: what `emit` writes goes through line for line, everything else is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from helpers import fast
from helpers.networks import random_network, vote_network
from hypothesis import given, settings
from hypothesis import strategies as st

from lut2hw import targets
from lut2hw.artefact.verilog import Refused, primitives_of, vetted
from lut2hw.compile.compiler import compile_network
from lut2hw.hdl.core import TOP, to_verilog
from lut2hw.logic.netlist import Netlist
from lut2hw.targets.registry import TARGETS


def core(family: str, pipeline: int = 2):
    compiled = compile_network(random_network(5, luts=12), targets.get(family), pipeline=pipeline)
    text = to_verilog(compiled.netlist, latency=compiled.latency, target=compiled.target)
    return text, primitives_of(
        compiled.target.primitive(cell) for cell in compiled.netlist.cells if cell.kind != "ff"
    )


@pytest.fixture(scope="module")
def ice40():
    return core("ice40")


@pytest.mark.parametrize("family", sorted(TARGETS))
@pytest.mark.parametrize("pipeline", [0, 2])
def test_every_core_goes_through(family, pipeline):
    text, primitives = core(family, pipeline)
    out = vetted(text, TOP, primitives)
    assert out.count("\n") == text.count("\n")
    assert "/*" not in out and re.sub(r"/\*.*?\*/", "", text).split() == out.split()


@pytest.mark.parametrize("family", fast.first(["ice40", "ecp5"], sorted(TARGETS)))
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 1 << 20), votes=st.integers(2, 60), pipeline=st.sampled_from(["none", "auto", 3]))
def test_no_core_is_taken_for_a_loop(family, seed, votes, pipeline):
    """Chains, hard multiplexers and answers of several fields, whose vectors count as one signal each."""
    network = vote_network(votes, 5, 2 + seed % 3, seed=seed)
    target = targets.get(family)
    compiled = compile_network(network, target, pipeline=pipeline, outputs=("class", "margin", "scores"))
    text = to_verilog(compiled.netlist, latency=compiled.latency, target=target)
    primitives = primitives_of(target.primitive(cell) for cell in compiled.netlist.cells if cell.kind != "ff")
    assert vetted(text, TOP, primitives)


LOOPS = {
    "assignments": "wire x; wire y; assign x = ~y; assign y = x & i_valid;",
    "itself": "wire x; assign x = ~x;",
    "vector": "wire [1:0] x; assign x = { x[0], i_valid };",
    "instances": "wire x; wire y; SB_LUT4 #(.LUT_INIT(16'h1)) l (.I0(x), .O(y)); assign x = y;",
    "clock": "reg x; wire c; always @(posedge c) x <= ~x; assign c = x ^ i_valid;",
    "processes": "reg x; reg y; always @* begin x = y; end always @* begin if (x) y = 1'h0; else y = 1'h1; end",
    "escaped": "wire \\$x ; wire y; assign \\$x = y; assign y = ~\\$x ;",
}


@pytest.mark.parametrize("what", LOOPS)
def test_loops_are_refused(ice40, what):
    """A simulator would follow them for ever."""
    text, primitives = ice40
    primitives = {**primitives, "SB_LUT4": ({"LUT_INIT"}, {"I0", "I1", "I2", "I3"}, {"O"})}
    with pytest.raises(Refused, match="a loop of logic through"):
        vetted(text.replace("endmodule", f"{LOOPS[what]}\nendmodule"), TOP, primitives)


def test_registers_and_processes_make_no_loop(ice40):
    text, primitives = ice40
    more = "reg x; reg y; always @(posedge clk) x <= ~y; always @* begin y = x; if (clk) y = ~y; end"
    assert vetted(text.replace("endmodule", f"{more}\nendmodule"), TOP, primitives)


@pytest.mark.parametrize("family", ["ice40", "ecp5"])
def test_block_ram_goes_through(family):
    netlist = Netlist()
    nets = netlist.input("features", 8)
    netlist.output(
        "class", netlist.cell("ram", nets, 2, table=int.from_bytes(np.arange(64, dtype=np.uint8).tobytes()))
    )
    target = targets.get(family)
    text = to_verilog(netlist, latency=1, target=target)
    primitives = primitives_of(map(target.primitive, netlist.cells))
    assert vetted(text, TOP, primitives)
    [module] = primitives
    with pytest.raises(Refused, match="INIT_FILE"):
        vetted(text.replace(f"{module} #(", f'{module} #(.INIT_FILE("secret"),'), TOP, primitives)


INSERTED = {
    "initial": 'integer f; initial begin f = $fopen("owned", "w"); end',
    "task": 'always @(posedge clk) $system("touch owned");',
    "function": "assign x = $random;",
    "directive": '`include "/etc/passwd"',
    "macro": "`define assign initial",
    "memory": 'reg [7:0] m [0:7]; initial $readmemh("secret", m);',
    "other module": "SB_PLL40_CORE pll();",
    "parameter": 'SB_LUT4 #(.LUT_INIT(16\'h0), .INIT_FILE("x")) l (.O(x));',
    "port": "SB_LUT4 #(.LUT_INIT(16'h0)) l (.SECRET(x));",
    "blackbox": "(* blackbox *) wire x;",
    "attribute of a tool": '(* techmap_wrap = "exec touch owned" *) wire x;',
    "escaped name": "wire \\a`include ;",
    "hierarchy": "assign other.inner = 1'h0;",
    "delay": "assign #1 x = y;",
    "force": "always @(posedge clk) force x = 1'h0;",
    "loop": "always @* begin while (1'h1) x = y; end",
    "generate": "generate endgenerate",
    "parameters": "localparam x = 1;",
    "many bits": "wire [9999999:0] x;",
    "wide number": "assign x = 99999'h0;",
    "repetition": "assign x = {1000000000{y}};",
    "text in an expression": 'assign x = "abc";',
    "bound": "bind other x y (.a(b));",
    "nothing": "`",
    "not ASCII": "wire é;",
}


@pytest.mark.parametrize("what", INSERTED)
def test_anything_else_is_refused(ice40, what):
    text, primitives = ice40
    for place in ("  assign ", "endmodule"):
        changed = text.replace(place, f"{INSERTED[what]}\n{place}", 1)
        assert changed != text
        with pytest.raises(Refused) as error:
            vetted(changed, TOP, primitives)
        assert "\n" not in str(error.value) and len(str(error.value)) < 100


def test_what_is_around_the_module_is_refused(ice40):
    text, primitives = ice40
    for changed in (
        text + "module other(x); endmodule",
        text.replace("module", "module other(x); endmodule module", 1),
        text.replace(f"module {TOP}", "module other", 1),
        text.replace("endmodule", ""),
        "",
        "`timescale 1ns/1ps\n" + text,
        text.replace("module", "macromodule", 1),
    ):
        with pytest.raises(Refused):
            vetted(changed, TOP, primitives)


def test_comments_reach_no_tool(ice40):
    """Tools act on some of them, and what is in them is never Verilog."""
    text, primitives = ice40
    for comment in ("// synopsys translate_off", "/* synthesis\nkeep */", "// `include \\", "/* initial $finish; */"):
        out = vetted(text.replace("  assign ", f"{comment}\n  assign ", 1), TOP, primitives)
        assert "/" not in out and "translate" not in out and "initial" not in out
    with pytest.raises(Refused):
        vetted(text + "/*" * 100_000, TOP[:-1], primitives)


def test_refusal_takes_no_time(ice40):
    """Hostile texts that repeat: each is gone through once."""
    text, primitives = ice40
    for part in (
        "/*",
        "(* src = 1'h0 *) ",
        "{ a, ",
        "\\a ",
        "begin ",
        "assign a = { b, b, b",
        "X #(.A(1'h0),",
        "(",
        '"',
    ):
        with pytest.raises(Refused):
            vetted(text.replace("endmodule", part * 100_000), TOP, primitives)
