"""However the program ends: its code, one line, no child and no temporary file left."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from helpers.fast import first
from helpers.networks import random_network
from helpers.processes import last_line, marked, started, wait_for

from lut2hw.artefact.emit import emit_model

SIGNALS = {"INT": 1, "TERM": 143, "HUP": 129}


def table(folder: Path) -> Path:
    """Hundreds of examples of four letters, with a class that is not in ASCII."""
    rng = np.random.default_rng(0)
    rows = [f"{a},{b},{c},{'warm °C' if a + b > c else 'kühl'}" for a, b, c in rng.integers(0, 20, (400, 3))]
    path = folder / "data.csv"
    path.write_text("\n".join(["größe,b,c,label", *rows]) + "\n", encoding="utf-8")
    return path


def lut2hw(*arguments: str, before: str = "", after: str = "", **options) -> subprocess.CompletedProcess:
    """The program, from a shell, which can close and redirect its streams."""
    command = " ".join(["exec", before, sys.executable, "-m", "lut2hw", *arguments, after])
    return subprocess.run(["sh", "-c", command], capture_output=True, timeout=200, **options)


def files(folder: Path) -> list[Path]:
    """What is there, but for what was being written and for the finished points of a sweep."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix not in (".json", ".lut") and not any(part.endswith(".part") for part in path.parts)
    )


def ends(process: subprocess.Popen, name: str, folder: Path, temporary: Path) -> str:
    """Send the signal; the last line, after it was seen that nothing is left."""
    before = files(folder)
    process.send_signal(getattr(signal, f"SIG{name}"))
    _, errors = process.communicate(timeout=200)
    assert process.returncode == SIGNALS[name], errors
    assert wait_for(lambda: not marked(process.mark)), "children are left"
    assert not list(temporary.iterdir()), "temporary files are left"
    assert files(folder) == before and not list(folder.rglob(".*"))
    assert b"Traceback" not in errors
    return last_line(errors)


@pytest.fixture
def temporary(tmp_path):
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp"


@pytest.mark.parametrize("name", ["TERM", "HUP"])
def test_train_ends_by_a_signal(name, tmp_path, temporary):
    (tmp_path / "work").mkdir()
    options = ["--layers", ",".join(["4000"] * 400), "-k", "12", "-o", "d.lut"]
    with started(["train", *options], tmp_path / "work", "layer", TMPDIR=str(temporary)) as process:
        line = ends(process, name, tmp_path / "work", temporary)
    assert line == f"error: ended by SIG{name}; nothing half-written is left"
    assert not list((tmp_path / "work").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["INT", "TERM", "KILL"])
def test_sweep_leaves_no_worker(name, tmp_path, temporary):
    """Also where it is killed, and cannot tell its workers."""
    command = ["sweep", "--data", str(table(tmp_path)), "--luts", "10,3000,3001,3002", "-k", "4", "--levels", "1"]
    command += ["-j", "2", "-o", str(tmp_path / "out")]
    with started(command, tmp_path, "sweep", TMPDIR=str(temporary)) as process:
        # the two workers, the tracker of multiprocessing, and the program
        assert (
            wait_for(lambda: any((tmp_path / "out" / "points").glob("*.json")), 200) and len(marked(process.mark)) > 2
        )
        if name == "KILL":
            process.kill()
            process.wait()
            assert wait_for(lambda: not marked(process.mark)), "workers live on"
        else:
            line = ends(process, name, tmp_path, temporary)
            assert re.search({"INT": r"interrupted; \d of 4 points are done", "TERM": "ended by SIGTERM"}[name], line)


@pytest.fixture
def core(tmp_path):
    emit_model(random_network(3), tmp_path / "work" / "core", pipeline=1)
    return tmp_path / "work" / "core"


@pytest.mark.parametrize(
    ("command", "name"), first([("build", "TERM"), ("verify", "INT")], product(["build", "verify"], SIGNALS))
)
def test_tools_end_with_the_program(command, name, core, tmp_path, temporary):
    """A tool that would run for ever, and its own children."""
    tool = tmp_path / "tool"
    tool.write_text(f"#!/bin/sh\ntouch {tmp_path}/began\nsleep 1000 & sleep 1000\n")
    tool.chmod(0o755)
    options = {"build": [], "verify": ["--engine", "formal"]}[command]
    with started([command, str(core), *options], tmp_path, "", TMPDIR=str(temporary), YOSYS=str(tool)) as process:
        assert wait_for((tmp_path / "began").exists), process.communicate(timeout=10)
        line = ends(process, name, core.parent, temporary)
    assert line.startswith("error: ")


def test_nohup_goes_on(tmp_path):
    """A hang-up that the program was told to ignore is ignored."""
    options = ["--layers", ",".join(["4000"] * 40), "-k", "12", "-o", "d.lut"]
    with started(["train", *options], tmp_path, "layer", before=["nohup"]) as process:
        process.send_signal(signal.SIGHUP)
        assert not wait_for(lambda: process.poll() is not None, 1)


@pytest.mark.parametrize(
    ("after", "code", "says"),
    [
        (">/dev/full", 1, "No space left on device"),
        (">&-", 0, ""),
        (">&- 2>&-", 0, ""),
        ("<&-", 0, ""),
        ("| head -n 1", 0, ""),
    ],
)
def test_output_that_cannot_be_written(after, code, says, tmp_path):
    done = lut2hw("datasets", after=after, cwd=tmp_path)
    errors = done.stderr.decode()
    assert done.returncode == code, errors
    assert says in errors and errors.count("\n") == bool(says)


@pytest.mark.slow
def test_closed_streams_do_not_become_files(tmp_path):
    """The model would take the number of the closed output, and what is printed end up in it."""
    done = lut2hw(
        "train", "--data", "data.csv", "--luts", "5", "-o", "m.lut", after=">&- 2>&-", cwd=table(tmp_path).parent
    )
    assert done.returncode == 0
    done = lut2hw("eval", "m.lut", "--json", cwd=tmp_path)
    assert done.returncode == 0 and json.loads(done.stdout)["accuracy"] > 0.5


TERMINALS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "dumb": {"TERM": "dumb", "TTY_COMPATIBLE": "1", "PYTHONIOENCODING": "ascii"},
    "plain": {"NO_COLOR": "1", "PYTHONIOENCODING": "ascii"},
}


@pytest.mark.parametrize(
    "terminal", [name if name == "ascii" else pytest.param(name, marks=pytest.mark.slow) for name in TERMINALS]
)
def test_letters_that_a_terminal_does_not_have(terminal, tmp_path):
    """They are replaced, in results, errors and progress; JSON is ASCII anyway."""
    env = {**os.environ, **TERMINALS[terminal]}
    table(tmp_path)
    for command in (
        ["train", "--data", "data.csv", "--luts", "5", "-o", "größe.lut"],
        ["eval", "größe.lut"],
        ["eval", "größe.lut", "--json"],
        ["inspect", "größe.lut"],
        ["--help"],
        ["train", "--help"],
        ["eval", "ß☃.lut"],
        ["doctor"],
    ):
        done = lut2hw(*command, cwd=tmp_path, env=env)
        errors = done.stderr.decode("latin-1")
        assert done.returncode == (2 if command[-1] == "ß☃.lut" else 0), errors
        assert "UnicodeEncodeError" not in errors and "unexpected" not in errors
        if "--json" in command:
            assert "kühl" in json.loads(done.stdout.decode("ascii"))["classes"]
        elif terminal != "cp1252":
            assert done.stdout.isascii()
