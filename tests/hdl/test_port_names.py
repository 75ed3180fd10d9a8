"""Names of ports: every language takes them, and what was emitted with others is refused."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from amaranth.lib.wiring import Out
from helpers import needs
from helpers.networks import random_network

from lut2hw.artefact.emit import emit, load
from lut2hw.compile.compiler import compile_network
from lut2hw.errors import Lut2hwError
from lut2hw.hdl.chip import ShiftChip
from lut2hw.hdl.layout import flat_members
from lut2hw.hdl.links.registry import LINKS, make_link
from lut2hw.hdl.protocol import Identity
from lut2hw.logic.port import CLOCK_PORT, INPUT_PORTS, LOAD_PORTS, OUTPUT_PORTS, RESET_PORT
from lut2hw.sim import core as bench
from lut2hw.targets.registry import get


def ports():
    """What each module of ours that another design takes has: names by direction."""
    modules = {"core": {name: member.flow is Out for name, member in flat_members(8, 4).items()}}
    for link in LINKS:
        members = make_link(link, Identity(8, 4, 0)).signature.members
        modules[link] = {name: member.flow is Out for name, member in members.items()}
        assert {"features", "answer"} <= modules[link].keys()
        for inner in ("features", "answer"):
            del modules[link][inner]
    return {name: {CLOCK_PORT: False, RESET_PORT: False, **members} for name, members in modules.items()}


def test_names_are_plain():
    for module, names in ports().items():
        assert len({name.lower() for name in names}) == len(names), module
        for name in names:
            assert re.fullmatch(r"[a-z]([a-z0-9]|_(?=[a-z0-9]))*", name), (module, name)


@pytest.mark.parametrize(
    ("program", "arguments", "suffix"),
    [
        ("iverilog", ["-g2012", "-t", "null"], ".sv"),
        ("ghdl", ["-s", "--std=93"], ".vhd"),
        ("ghdl", ["-s", "--std=08"], ".vhd"),
    ],
)
def test_languages_take_the_names(program, arguments, suffix, tmp_path):
    needs.skip_without(program)
    text = ""
    for module, names in ports().items():
        module = f"m_{module.replace('-', '_')}"
        if suffix == ".sv":
            declared = ", ".join(f"{'output' if out else 'input'} {name}" for name, out in names.items())
            text += f"module {module}({declared}); endmodule\n"
        else:
            declared = "; ".join(f"{name} : {'out' if out else 'in'} bit" for name, out in names.items())
            text += f"entity {module} is port ({declared}); end entity;\n"
    path = tmp_path / f"ports{suffix}"
    path.write_text(text)
    done = subprocess.run([program, *arguments, str(path)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_emitted_core_has_them(tmp_path):
    """The Verilog, the benches and the chip name the same ports."""
    manifest = emit(compile_network(random_network(3), get("ice40")), tmp_path / "core")
    wanted = {CLOCK_PORT, RESET_PORT, *INPUT_PORTS.values(), *OUTPUT_PORTS.values()}
    text = manifest.verilog["core.v"]
    assert set(re.findall(r"^\s*(?:input|output) (?:\[[0-9:]+\] )?(\w+);", text, re.MULTILINE)) == wanted
    assert {name for name in wanted if f".{name}(" in (tmp_path / "core" / "core_tb.v").read_text()} == wanted
    pins = re.findall(r'pin\("(\w+)"\)', Path(bench.__file__).read_text())
    assert set(pins) - set(LOAD_PORTS.values()) == wanted - {CLOCK_PORT, RESET_PORT}
    chip = ShiftChip(manifest).to_rtlil()
    assert all(f"connect \\{name} " in chip for name in wanted)


def test_folder_with_former_names_is_refused(tmp_path):
    emit(compile_network(random_network(3), get("ice40")), tmp_path / "core")
    path = tmp_path / "core" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["version"] = 1
    for port in (manifest["input"], manifest["output"]):
        port |= {part: port[part].replace("_", "__") for part in ("payload", "valid", "ready")}
    path.write_text(json.dumps(manifest))
    with pytest.raises(Lut2hwError, match=r"format version 1, this lut2hw reads 2; emit the core again$"):
        load(tmp_path / "core")
