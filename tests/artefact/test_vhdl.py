"""The core in VHDL: bit-exact under GHDL, its package for cores in either language, its names; no other runs."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import needs
from helpers.networks import inputs_of, random_network, vote_network
from hypothesis import given
from hypothesis import strategies as st

from lut2hw.artefact.emit import emit
from lut2hw.artefact.vhdl import vhdl_names
from lut2hw.compile.compiler import compile_network
from lut2hw.errors import Lut2hwError, ToolError, UsageError
from lut2hw.targets.registry import TARGETS, get
from lut2hw.verify.engines import engines_for, verify

NAMES = ("petal length (cm)", "in", "In", "a__b", "_x", "7", "signal")


def core(directory, family="ice40", seed=3, **options):
    network = random_network(seed)
    features = network.encoder.features
    names = tuple(NAMES[i % len(NAMES)] + "'" * (i // len(NAMES)) for i in range(len(features)))
    network = replace(network, encoder=replace(network.encoder, features=replace(features, names=names)))
    return emit(compile_network(network, get(family), **{"language": "vhdl", **options}), directory)


def ghdl(work, *arguments):
    needs.skip_without("ghdl")
    done = subprocess.run(["ghdl", *arguments], cwd=work, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "not bound" not in done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("ice40", {}),
        pytest.param("ice40", {"interface": "bare", "latency": 0}, marks=pytest.mark.slow),
        *(
            pytest.param(family, {"interface": interface}, marks=pytest.mark.slow)
            for family in TARGETS
            for interface in ("stream", "bare")
        ),
    ],
)
def test_vhdl_answers_as_the_model(family, options, tmp_path):
    needs.skip_without("ghdl")
    manifest = core(tmp_path / "core", family, **options)
    [outcome] = verify(manifest, ["vhdl"], vectors=60)
    assert (outcome.passed, outcome.errors, outcome.vectors) == (True, (), 60)


@pytest.mark.parametrize("standard", ["93", "08"])
def test_tools_of_both_standards_take_every_family(standard, tmp_path):
    for family in TARGETS:
        core(tmp_path / family, family, interface="bare" if standard == "93" else "stream")
        ghdl(tmp_path / family, "-a", f"--std={standard}", "models.vhd", "core.vhd", "lut2hw_core_pkg.vhd")


def test_block_ram(tmp_path):
    compiled = compile_network(vote_network(8, 9, 2, n_bits=12), get("ice40"), ram="auto", language="vhdl")
    if not any(cell.kind == "ram" for cell in compiled.netlist.cells):
        pytest.fail("the example has no block RAM")
    needs.skip_without("ghdl")
    [outcome] = verify(emit(compiled, tmp_path / "core"), ["vhdl"], vectors=60)
    assert outcome.passed


BENCH = """library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use work.lut2hw_core_pkg.all;

entity bench is end entity;

architecture test of bench is
    signal clk : std_logic := '0';
    signal rst : std_logic := '1';
    signal features : features_t;
    signal valid, answered : std_logic := '0';
    signal answer : answer_t;
begin
    classify : entity work.lut2hw_core_records port map (
        clk => clk, rst => rst, features => features, features_valid => valid,
        answer => answer, answer_valid => answered
    );
    process
        procedure tick is
        begin
            wait for 1 ns;
            clk <= '1';
            wait for 1 ns;
            clk <= '0';
        end procedure;
    begin
        tick;
        rst <= '0';
        valid <= '1';
%s
        valid <= '0';
        for clocks in 1 to LATENCY + 2 loop
            tick;
        end loop;
        wait;
    end process;
    process (clk)
    begin
        if rising_edge(clk) and rst = '0' and answered = '1' then
            report "class " & integer'image(to_integer(answer.class));
        end if;
    end process;
end architecture;
"""


def test_records_around_the_core(tmp_path):
    """Features set by name come to the answers of the model; names that VHDL cannot have are others."""
    needs.skip_without("ghdl")
    manifest = core(tmp_path / "core", interface="bare", latency=2)
    network, folder = manifest.network, tmp_path / "core"
    x = inputs_of(network, 8)
    names = vhdl_names([field.name for field in manifest.input_port.fields], "feature")
    lines = []
    for row in x:
        for name, field in zip(names, manifest.input_port.fields, strict=True):
            convert = "to_signed" if field.signed else "to_unsigned"
            lines.append(f"        features.{name} <= {convert}({row[field.index]}, {field.width});")
        lines.append("        tick;")
    (folder / "bench.vhd").write_text(BENCH % "\n".join(lines))
    ghdl(folder, "-a", "--std=08", "models.vhd", "core.vhd", "lut2hw_core_pkg.vhd", "bench.vhd")
    said = ghdl(folder, "--elab-run", "--std=08", "bench")
    answers = [int(number) for number in re.findall(r"class (\d+)", said)]
    assert answers == network.predict_integers(x).tolist()


def test_package_of_a_verilog_core(tmp_path):
    """The same package, with a component for the core, and no VHDL of the core itself."""
    manifest = core(tmp_path / "core", language="verilog")
    folder = tmp_path / "core"
    assert not (folder / "core.vhd").exists() and not (folder / "models.vhd").exists()
    ghdl(folder, "-a", "--std=93", "lut2hw_core_pkg.vhd")
    text = (folder / "lut2hw_core_pkg.vhd").read_text()
    assert f"constant LATENCY : natural := {manifest.latency};" in text
    assert "component lut2hw_core is" in text
    assert "entity work.lut2hw_core" not in text
    constants = (folder / "lut2hw_core.vh").read_text()
    assert f"localparam LUT2HW_CORE_LATENCY = {manifest.latency};\n" in constants
    assert "vhdl" not in engines_for(manifest)
    with pytest.raises(ToolError, match="holds no VHDL; emit the core with --language vhdl"):
        verify(manifest, ["vhdl"])


def test_constants_are_verilog(tmp_path):
    needs.skip_without("iverilog")
    manifest = core(tmp_path / "core", language="verilog")
    (tmp_path / "top.v").write_text(
        '`include "core/lut2hw_core.vh"\n'.join(
            ["module top;\n", "initial $display(LUT2HW_CORE_LATENCY, LUT2HW_CORE_OUTPUT_class__WIDTH);\nendmodule\n"]
        )
    )
    subprocess.run(["iverilog", "-o", "top", "top.v"], cwd=tmp_path, check=True)
    said = subprocess.run(["vvp", "top"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert [int(number) for number in said.split()] == [manifest.latency, manifest.output_port.width]


def test_other_vhdl_is_refused(tmp_path):
    manifest = core(tmp_path / "core")
    path = tmp_path / "core" / "core.vhd"
    path.write_text(path.read_text().replace("begin\n", "begin\n    assert false severity failure;\n", 1))
    with pytest.raises(Lut2hwError, match=r"core\.vhd is not as `lut2hw emit` writes it"):
        verify(manifest, ["vhdl"])
    path.unlink()
    with pytest.raises(Lut2hwError, match=r"cannot read .*core\.vhd"):
        _ = replace(manifest).vhdl


def test_wrong_language():
    with pytest.raises(UsageError, match="language 'vhd'"):
        compile_network(random_network(3), get("ice40"), language="vhd")


@given(st.lists(st.one_of(st.sampled_from([*NAMES, "IN", "feature_in", "feature_in_2", "a_b"]), st.text(max_size=8))))
def test_names_are_legal_and_distinct(names):
    made = vhdl_names(names, "feature")
    assert len({name.lower() for name in made}) == len(names)
    for name in made:
        assert re.fullmatch(r"[A-Za-z](_?[A-Za-z0-9])*", name)
        assert name.lower() not in ("in", "signal", "out")


def test_vhdl_on_the_page_compiles(tmp_path):
    """Each piece of VHDL in the documentation, against a package with what it names."""
    needs.skip_without("ghdl")
    page = Path(__file__).parents[2] / "docs" / "howto" / "integrate.md"
    pieces = re.findall(r"^```vhdl\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    network = replace(random_network(3, head="threshold"), class_names=("9", "other"))
    for number, piece in enumerate(pieces):
        folder = tmp_path / str(number)
        emit(compile_network(network, get("xilinx7"), interface="bare", latency=2, language="vhdl"), folder)
        (folder / "piece.vhd").write_text(piece)
        ghdl(folder, "-a", "--std=08", "models.vhd", "core.vhd", "lut2hw_core_pkg.vhd", "piece.vhd")
    assert pieces
