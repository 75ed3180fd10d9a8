"""An emitted folder builds with make and yosys, or FuseSoC, alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from helpers import needs
from helpers.networks import random_network

from lut2hw import targets, tools
from lut2hw.artefact.emit import emit_model

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
    included = re.findall(r"-I \$\(SHARE\)/(\w+)", (copy / "Makefile").read_text())
    share = tools.yosys_share()  # old releases of yosys lack some models
    if needs.have("iverilog") and all((share / name).is_dir() for name in included):
        run = subprocess.run([make, "lint", f"SHARE={share}"], cwd=copy, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr


def test_core_file(folder):
    yaml = pytest.importorskip("yaml")
    text = next(folder.glob("*.core")).read_text()
    assert text.startswith("CAPI=2:\n")
    core = yaml.safe_load(text.split("\n", 1)[1])
    assert core["targets"]["default"]["toplevel"] == "lut2hw_core"
    for name in core["filesets"]["rtl"]["files"]:
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
