"""Projects for vendors' tools: scripts that a Tcl interpreter takes, and reports in the vendors' forms."""

import importlib.util
import re
import shutil
import subprocess
import sys

import pytest
from helpers import fast
from helpers.networks import random_network, vote_network

from lut2hw.artefact.emit import emit
from lut2hw.cli.entry import main
from lut2hw.compile.compiler import compile_network
from lut2hw.errors import UsageError
from lut2hw.flow.projects import read_reports, results, write_project
from lut2hw.targets.registry import get
from lut2hw.targets.vendors import VENDORS

TCLSH = shutil.which("tclsh")
needs_tcl = pytest.mark.skipif(
    TCLSH is None and importlib.util.find_spec("_tkinter") is None, reason="needs tclsh: scripts/setup-tools tclsh"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    network = vote_network(12, 4, 2)
    return emit(compile_network(network, get("xilinxu")), tmp_path_factory.mktemp("projects") / "core").directory


def tcl_calls(script, directory):
    """The commands that a script calls and Tcl itself does not know, each with its arguments."""
    note = "puts [join [lmap word $args { binary encode hex [encoding convertto utf-8 $word] }] :]"
    begin = "set argv {}\nrename package {}\n"
    if TCLSH is None:  # Python's own interpreter, which Debian has in a package of its own
        import tkinter

        calls, tcl = [], tkinter.Tcl()
        tcl.createcommand("note", lambda *words: calls.append(words) or "")
        tcl.eval(f"proc unknown args {{ note {{*}}$args }}\n{begin}{script}")
        return calls
    text = f"proc unknown args {{ {note} }}\n{begin}{script}"
    done = subprocess.run([TCLSH], input=text, cwd=directory, capture_output=True, text=True, timeout=60)
    assert not done.returncode and not done.stderr
    return [tuple(bytes.fromhex(word).decode() for word in line.split(":")) for line in done.stdout.splitlines()]


@needs_tcl
@pytest.mark.parametrize("tool", VENDORS)
def test_scripts_are_tcl_and_name_what_is_there(tool, folder, tmp_path):
    made = write_project(folder, tool, clock_mhz=250, output=tmp_path / tool)
    script = (tmp_path / tool / VENDORS[tool].script).read_text()
    calls = tcl_calls(script, tmp_path / tool)
    words = [word for call in calls for word in call]
    assert len(calls) >= 6 and any("lut2hw_core" in word for word in words)
    for source in made.sources:
        assert (tmp_path / tool / source).is_file() and source in words
    assert ("models.v" in made.sources) == (tool != "vivado")
    assert any(VENDORS[tool].constraints in word for word in words)
    text = (tmp_path / tool / VENDORS[tool].constraints).read_text()
    assert tcl_calls(text, tmp_path)[1][:5] == ("create_clock", "-name", "clk", "-period", "4.000")


@needs_tcl
def test_vivado_both_ways(folder, tmp_path):
    write_project(folder, "vivado", part="xcku5p-ffvb676-2-e", output=tmp_path)
    script = (tmp_path / "project.tcl").read_text()
    alone, full = (tcl_calls(f"set argv {{{words}}}\n{script}", tmp_path) for words in ("", "full"))
    synthesis = [next(call for call in calls if call[0] == "synth_design") for calls in (alone, full)]
    assert synthesis[0] == (
        "synth_design",
        "-top",
        "lut2hw_core",
        "-part",
        "xcku5p-ffvb676-2-e",
        "-mode",
        "out_of_context",
    )
    assert synthesis[1] == synthesis[0][:-2]


@needs_tcl
def test_vhdl_goes_in_as_vhdl(tmp_path):
    compiled = compile_network(random_network(3), get("xilinx7"), language="vhdl", interface="bare")
    manifest = emit(compiled, tmp_path / "core")
    made = write_project(manifest, "quartus")
    calls = tcl_calls((tmp_path / "core" / "quartus" / "project.tcl").read_text(), tmp_path)
    files = [call[-1] for call in calls if "VHDL_FILE" in call]
    assert list(made.sources) == files == ["models.vhd", "core.vhd"]


@pytest.mark.parametrize(
    ("tool", "options", "words"),
    [
        ("vivad", {}, "did you mean 'vivado'"),
        ("quartus", {"part": "xc7a35t"}, "begins with 5C"),
        ("gowin", {"part": "GW1N"}, "GW1NR-LV9QN88PC6/I5"),
        ("libero", {"part": "MPF300T"}, "die, package and speed"),
        ("vivado", {"part": "a; exit"}, "no name of a part"),
        ("vivado", {"clock_mhz": 0.0}, "from 0.001"),
    ],
)
def test_refused(tool, options, words, folder, tmp_path):
    with pytest.raises(UsageError, match=re.escape(words)):
        write_project(folder, tool, output=tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()


REPORTS = {
    "vivado": (
        {
            "utilization.rpt": "| Site Type | Used | Fixed |\n| CLB LUTs* |  1,234 |     0 |\n"
            "| CLB Registers              |   83 | 0 |\n| CARRY8 |   14 |   0 |\n| Block RAM Tile |    2 |   0 |\n",
            "timing.rpt": "| Design Timing Summary\n    WNS(ns)      TNS(ns)  TNS Failing Endpoints\n"
            "    -------      -------  ---------------------\n      1.500        0.000                      0\n",
        },
        {"luts": 1234, "registers": 83, "carries": 14, "ram": 2, "slack_ns": 1.5, "fmax_mhz": 400.0},
    ),
    "quartus": (
        {
            "output_files/c.fit.summary": "Logic utilization (in ALMs) : 1,250 / 32,070 ( 4 % )\n"
            "Total registers : 83\nTotal RAM Blocks : 0 / 397 ( 0 % )\n",
            "output_files/c.sta.summary": "Type  : Slow 85C Model Setup 'clk'\nSlack : -1.000\nTNS   : -3.000\n\n"
            "Type  : Slow 1100mV 0C Model Setup 'clk'\nSlack : 0.500\n",
        },
        {"luts": 1250, "registers": 83, "ram": 0, "slack_ns": -1.0, "fmax_mhz": 200.0},
    ),
    "radiant": (
        {
            "impl_1/c.mrp": "   Number of registers:           83 out of 32256 (<1%)\n"
            "   Number of LUT4s:               320 out of 32256 (<1%)\n   Number of EBRs:  1 out of 84\n",
            "impl_1/c.twr": " From clk | Target | 4.000 ns | 250.000 MHz\n"
            " | Actual (all paths) | 5.000 ns | 200.000 MHz\n",
        },
        {"luts": 320, "registers": 83, "ram": 1, "fmax_mhz": 200.0},
    ),
    "diamond": (
        {
            "impl1/c.mrp": "   Number of registers:     83 out of 24879 (0%)\n"
            "   Number of LUT4s:        320 out of 24288 (1%)\n   Number of block RAMs:  0 out of 56 (0%)\n",
            "impl1/c.twr": "Report:  151.745MHz is the maximum frequency for this preference.\n",
        },
        {"luts": 320, "registers": 83, "ram": 0, "fmax_mhz": 151.745},
    ),
    "gowin": (
        {
            "lut2hw_core/impl/pnr/c.rpt.txt": "  Logic                     | 320/8640  | 4%\n"
            "  Register                  | 83/6693   | 2%\n  BSRAM                     | 1 SDPB    | 4%\n",
            "lut2hw_core/impl/pnr/c.tr": "  NO.  Clock Name  Constraint    Actual Fmax\n"
            "  1    clk   250.000(MHz)  151.2(MHz)  9\n",
        },
        {"luts": 320, "registers": 83, "ram": 1, "fmax_mhz": 151.2},
    ),
    "libero": (
        {
            "libero/designer/c/c_compile_netlist_resources.rpt": "| Type | Used | Total |\n"
            "| 4LUT  | 320  | 299544 |\n"
            "| DFF   | 83   | 299544 |\n| LSRAM | 0 | 952 |\n",
            "libero/designer/c/c_timing_summary.txt": "Clock Domain:  clk\nFrequency (MHz):  222.222\n",
        },
        {"luts": 320, "registers": 83, "ram": 0, "fmax_mhz": 222.222},
    ),
}
"""Reports as the vendors' documents show them, and what they say."""


@pytest.mark.parametrize("tool", VENDORS)
def test_reports_are_read(tool, folder, tmp_path):
    write_project(folder, tool, clock_mhz=250, output=tmp_path)
    with pytest.raises(UsageError, match="no reports yet"):
        read_reports(tmp_path)
    texts, said = REPORTS[tool]
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    result = read_reports(tmp_path)
    assert {name: getattr(result, name) for name in said} == pytest.approx(said)
    (tmp_path / "project.json").write_text("{}")
    with pytest.raises(UsageError, match="is no project"):
        read_reports(tmp_path)


def test_command_and_report_page(folder, capsys):
    from lut2hw.report.page import make

    assert main(["project", str(folder), "--tool", "vivado", "--clock-mhz", "250"]) == 0
    assert "vivado -mode batch" in capsys.readouterr().out
    assert results(folder) == []
    for name, text in REPORTS["vivado"][0].items():
        (folder / "vivado" / name).write_text(text)
    assert [result.luts for result in results(folder)] == [1234]
    page = make(folder)
    assert "AMD Vivado" in page and "1,234" in page and "400.0" in page


@pytest.mark.parametrize("tool", fast.first(["vivado"], VENDORS))
def test_fusesoc_and_edalize_set_it_up(tool, folder, tmp_path):
    pytest.importorskip("fusesoc")
    command = [
        sys.executable,
        "-m",
        "fusesoc.main",
        "--cores-root",
        str(folder),
        "run",
        f"--target={tool}",
        "--setup",
    ]
    run = subprocess.run(
        [*command, "--build-root", str(tmp_path / "build"), "lut2hw_core"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    made = [path for path in (tmp_path / "build").rglob("*") if path.is_file()]
    texts = [path.read_text(errors="replace") for path in made if path.suffix in (".tcl", ".ldf", ".rdf", ".prj")]
    assert any("core.v" in text for text in texts), made
